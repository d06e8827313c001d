// Package realidp starts real identity providers for tests, as child processes on loopback, and
// signs in at them as a single-page app would, without a browser. What they get wrong they get
// wrong in their own way, which no fake of ours would think of.
//
// The providers are npm packages, locked in node/package-lock.json and installed by ./test.sh.
// A test that needs one and cannot have it fails with the line to run; none is skipped.
//
// Start with StartOpenID, whose provider does everything by the book, or with Cognito. For hostile
// and malformed tokens use package idptest: a real provider does not make them.
package realidp
