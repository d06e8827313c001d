//go:build !no_web

package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/demo"
)

type demoCommand struct{}

// Help is printed by kong below the usage.
func (demoCommand) Help() string {
	return `It listens on loopback, on ports 8000, 8002 and 8003 or on free ones, prints the addresses and what to try, and leaves nothing behind. It reads no settings.`
}

func (demoCommand) examples() []string {
	return []string{"sallyport demo", "sallyport demo > demo.txt &"}
}

// Run runs the demo until SIGINT or SIGTERM, the way to end it, and returns nil then.
func (demoCommand) Run(ctx context.Context, w world) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	return demo.Run(ctx, demo.Options{Out: w.stdout, Logger: quietLog(w.stderr)})
}
