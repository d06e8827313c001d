package proxytest_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTryItOfTheDocs runs the two blocks of docs/forward.md, "Try it", on addresses that are free.
func TestTryItOfTheDocs(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "forward.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) != 2 {
		t.Fatalf("docs/forward.md has %d blocks of commands, want 2", len(blocks))
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	proxy, service, server := freeAddress(t), freeAddress(t), freeAddress(t)
	script := "set -e\n" + blocks[0][1] + `
for i in $(seq 300); do curl -s -o /dev/null http://127.0.0.1:8080/auth/.well-known/jwks.json -f && break; sleep 0.1; done
` + blocks[1][1]
	here := []string{
		"127.0.0.1:8080", proxy,
		"127.0.0.1:3000", service,
		"go build -o try/ ./cmd/sallyport && cd try", "(cd " + root + " && go build -o " + folder + "/ ./cmd/sallyport) && cd " + folder,
		"sed '", "sed -e s/127.0.0.1:8000/" + server + "/ -e s/127.0.0.1:3000/" + service + "/ -e '",
		"../deploy/", root + "/deploy/",
		"> Caddyfile <<'EOF'\n", "> Caddyfile <<'EOF'\n{\n\tadmin off\n}\n",
	}
	for i := 0; i < len(here); i += 2 {
		if !strings.Contains(script, here[i]) {
			t.Fatalf("the blocks lack %q", here[i])
		}
	}
	script = strings.NewReplacer(here...).Replace(script)
	command := exec.Command("bash", "-c", script)
	command.Env = append(os.Environ(), "HOME="+folder, "XDG_DATA_HOME="+folder, "XDG_CONFIG_HOME="+folder,
		"SALLYPORT_LISTEN="+server, "SALLYPORT_ADMIN_LISTEN="+freeAddress(t), "GOCACHE="+goEnv(t, "GOCACHE"), "GOMODCACHE="+goEnv(t, "GOMODCACHE"))
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said, faults bytes.Buffer
	command.Stdout, command.Stderr = &said, &faults
	command.WaitDelay = time.Second // what it leaves running in the background has the output
	err = command.Run()
	syscall.Kill(-command.Process.Pid, syscall.SIGTERM)
	if want := "hello ada of staff, ada@example.com\n" + `{"detail":"You are not signed in.","code":"missing_token"}`; !strings.HasSuffix(said.String(), want) {
		t.Errorf("%v\n%s\n%s\nwant at the end: %s", err, said.String(), faults.String(), want)
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(value))
}
