package main

import (
	"context"
	"os"
	"os/exec"
)

// canFillADisk reports whether a small file system can be mounted, which the tests of a full disk need.
func canFillADisk(ctx context.Context) bool {
	dir, err := os.MkdirTemp("", "sallyport-mount-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if exec.CommandContext(ctx, "mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).Run() != nil {
		return false
	}
	return exec.CommandContext(ctx, "umount", dir).Run() == nil
}
