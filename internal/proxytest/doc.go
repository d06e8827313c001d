// Package proxytest runs the configurations of deploy/forward in the proxies that they are for, nginx and Caddy, between a
// raw client and a plain service. Start with the test of VM-15.
package proxytest
