// Package demo is the command `sallyport demo`: an app with its page, a fake identity provider and a
// second service, in one process on loopback, with nothing to install, to fill in or to clean up.
//
// What it shows is the product with its production flags; only the people and the orders are made up.
// It is not a way to run Sallyport: everything it knows is in a temporary folder that it removes.
// Start with [Run].
package demo
