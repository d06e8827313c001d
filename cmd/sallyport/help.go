package main

import (
	"fmt"

	"github.com/alecthomas/kong"
)

// printHelp is kong's help followed by the command's examples.
func printHelp(options kong.HelpOptions, ctx *kong.Context) error {
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	node := ctx.Model.Node
	if selected := ctx.Selected(); selected != nil {
		node = selected
	}
	command, ok := node.Target.Interface().(interface{ examples() []string })
	if !ok {
		return nil
	}
	fmt.Fprintln(ctx.Stdout, "\nExamples:")
	for _, example := range command.examples() {
		fmt.Fprintln(ctx.Stdout, "  "+example)
	}
	return nil
}
