package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const module = "github.com/sallyport-auth/sallyport"

// profiling is the source that a build for profiles has in addition.
//
//go:embed profile.go.txt
var profiling []byte

const socketVariable = "BENCH_PROFILE_SOCKET"

// repository finds the source of the product.
func repository(ctx context.Context) (string, error) {
	folder, err := output(ctx, "", "go", "list", "-m", "-f", "{{.Dir}}", module)
	if err == nil && folder == "" {
		err = errors.New("the module has no folder")
	}
	if err != nil {
		return "", fmt.Errorf("finding the source of the product: %w; run this in a clone of the repository: go run ./internal/interop/bench", err)
	}
	return folder, nil
}

// build makes the binary as the README says, without symbols. With profiles it is the same plus one file: an
// overlay, so that nothing is written into the source.
func build(ctx context.Context, repository, folder string, profiles bool) (binary string, err error) {
	binary = filepath.Join(folder, "sallyport")
	args := []string{"build", "-trimpath", "-ldflags=-s -w", "-o", binary}
	if profiles {
		overlay, err := writeOverlay(repository, folder)
		if err != nil {
			return "", err
		}
		args = append(args, "-overlay", overlay)
	}
	if _, err := output(ctx, repository, "go", append(args, "./cmd/sallyport")...); err != nil {
		return "", fmt.Errorf("building the product: %w", err)
	}
	return binary, nil
}

func writeOverlay(repository, folder string) (string, error) {
	source, overlay := filepath.Join(folder, "profile.go"), filepath.Join(folder, "overlay.json")
	document, err := json.Marshal(map[string]map[string]string{
		"Replace": {filepath.Join(repository, "cmd", "sallyport", "bench_profile.go"): source},
	})
	if err == nil {
		err = errors.Join(os.WriteFile(source, profiling, 0o600), os.WriteFile(overlay, document, 0o600))
	}
	return overlay, err
}

// output runs a program and returns what it prints, without the white space around it.
func output(ctx context.Context, folder, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var stdout, stderr bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s: %w: %s", strings.Join(append([]string{name}, args...), " "), err, bytes.TrimSpace(stderr.Bytes()))
	}
	return strings.TrimSpace(stdout.String()), nil
}
