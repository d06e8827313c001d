// Package web holds the pages that people see: templates, scripts, styles and pictures, embedded in the
// binary, so that nothing is built and nothing is fetched from elsewhere.
//
// It knows no token and no database: it is files and the headers that make them safe to show. Start with
// [Demo], the page of `sallyport demo`, and [Problem], the page for a login that leads nowhere.
package web
