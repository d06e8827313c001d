// Package verifytest is a Sallyport server for the tests of a service that verifies tokens: it publishes keys over real
// HTTP on loopback, mints tokens good and bad, ends sessions, and fails on purpose.
//
// It is not a sign-in: it keeps no users, and its tokens say what a test makes them say. The whole server is in the
// module above; this package needs the standard library alone.
//
// Start with [New] and [Issuer.Token]; then let [Issuer.Hostile] throw every bad token at the service.
package verifytest
