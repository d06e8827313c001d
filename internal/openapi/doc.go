// Package openapi holds HTTP answers against openapi.yaml, the description of the public surface.
//
// Start with [Load]. Tests hand every exchange to [Checker.Check], which refuses what the document does
// not say, and ask [Checker.Unseen] at their end for what the document says and nobody saw. Tests
// alone use it: the binary serves the document with its own issuer.
package openapi
