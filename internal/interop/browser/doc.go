// Package browser holds the tests that need a real browser: whether Chromium keeps, sends and hides our cookies as the
// design supposes is for no fake to say. It is part of the module interop, so that nobody who uses Sallyport carries
// the library that drives Chromium.
//
// Chromium is Debian's package, installed by ./test.sh. A test that cannot have it fails with the line to run; none is
// skipped.
package browser
