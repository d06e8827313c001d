// Package interop holds Sallyport's tokens against other libraries: what we sign they verify, and
// what they sign correctly we verify; the ID tokens and logout tokens of a provider are judged by us and by other relying
// parties. Where they disagree with us, in either direction, refusals.md has
// the case and the reason. Package bench measures them side by side. It is a module of
// its own, never released, so that nobody who uses Sallyport carries those libraries.
package interop
