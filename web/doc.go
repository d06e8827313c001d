// Package web holds the pages that people see: templates, scripts, styles and pictures, embedded in the
// binary, so that nothing is built and nothing is fetched from elsewhere.
//
// It knows no token and no database: it is files and the headers that make them safe to show. Start with
// [UI], the pages of the product, [Demo], that of `sallyport demo`, and [Problem], for a login that leads nowhere.
//
// The build tag no_web leaves all of it out but Problem, which is a few lines of text then.
package web
