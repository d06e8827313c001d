// Package archtest holds the floor plan of the house as a test: which package may import which,
// and which module of somebody else's. Start with floors in plan_test.go; a new package needs a
// line there before anything else passes.
package archtest
