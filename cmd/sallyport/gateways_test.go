package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestGatewaysShowSettings: every block of docs/gateways.md that holds settings of ours is valid as it stands.
func TestGatewaysShowSettings(t *testing.T) {
	page, err := os.ReadFile("../../docs/gateways.md")
	if err != nil {
		t.Fatal(err)
	}
	checked := 0
	for _, match := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(page), -1) {
		block := match[1]
		if !strings.HasPrefix(block, "tokens:\n") && !strings.HasPrefix(block, "claims:\n") {
			continue // somebody else's
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "sallyport.yaml"), []byte(block), 0o600); err != nil {
			t.Fatal(err)
		}
		command := exec.Command("sallyport", "config", "check")
		command.Dir = dir
		if said, err := command.CombinedOutput(); err != nil || string(said) != "sallyport.yaml is valid\n" {
			t.Errorf("sallyport config check says (%v)\n%s\nof\n%s", err, said, block)
		}
		checked++
	}
	if checked < 8 {
		t.Errorf("%d blocks are settings of ours, want one for each that needs any", checked)
	}
}
