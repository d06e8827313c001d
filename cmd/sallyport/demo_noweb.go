//go:build no_web

package main

import "context"

type demoCommand struct{}

func (demoCommand) examples() []string { return nil }

// Run says why there is none.
func (demoCommand) Run(context.Context, world) error {
	return failure{"demo", "this sallyport is built without pages (no_web)", "build it without that tag"}
}
