package demo

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestAnnounce(t *testing.T) {
	var out strings.Builder
	if err := announce(&out, Addresses{
		App: "http://127.0.0.1:8000/", Issuer: "http://127.0.0.1:8000/auth", Orders: "http://127.0.0.1:8002/orders",
		Provider: "http://localhost:8003/", Folder: "/tmp/it's here",
	}, Ports{App: 8000, Orders: 8002, Provider: 8003}); err != nil {
		t.Fatalf("announce = %v", err)
	}
	const want = `Sallyport demo: everything runs on this machine and is gone when it ends
├─ App       http://127.0.0.1:8000/          sign in as  demo / demo
├─ Sign-in   http://127.0.0.1:8000/auth/ui/sign-in/
├─ Account   http://127.0.0.1:8000/auth/ui/account/
├─ Orders    http://127.0.0.1:8002/orders    only verifies tokens
├─ Provider  http://localhost:8003/          fake Cognito: alice, bob, carol; what it gets wrong
└─ Keys      http://127.0.0.1:8000/auth/.well-known/jwks.json

Open the app`
	if !strings.HasPrefix(out.String(), want) {
		t.Errorf("announce wrote\n%s\nwant at first\n%s", out.String(), want)
	}
	if quoted := `curl -sSw '\n' -c '/tmp/it'\''s here/jar' `; !strings.Contains(out.String(), quoted) {
		t.Errorf("announce wrote\n%s\nwant it to quote for a shell: %s", out.String(), quoted)
	}
}

// The printed commands are run as they are, one after the other, where there is curl. In a folder whose
// name needs quotes, too.
func TestCommandsThatAreTold(t *testing.T) {
	for _, test := range []struct{ name, folder string }{{"plain folder", "plain"}, {"folder to quote", "it's a folder"}} {
		t.Run(test.name, func(t *testing.T) {
			folder := filepath.Join(t.TempDir(), test.folder)
			if err := os.Mkdir(folder, 0o700); err != nil {
				t.Fatal(err)
			}
			t.Setenv("TMPDIR", folder)
			commands := run(t).commands()
			if len(commands) != 3 {
				t.Fatalf("told commands = %q, want 3", commands)
			}
			if _, err := exec.LookPath("curl"); err != nil {
				t.Logf("the commands are not run: %v", err)
				return
			}
			for i, want := range []string{"CSRF_token", "CSRF_token", "orders"} {
				out, err := exec.CommandContext(t.Context(), "sh", "-c", commands[i]).Output()
				if err != nil {
					t.Fatalf("%s\n= %v", commands[i], err)
				}
				var got map[string]any
				if json.Unmarshal(out, &got) != nil || got[want] == nil {
					t.Fatalf("%s\n= %s, want JSON with %s", commands[i], out, want)
				}
			}
		})
	}
}

// commands are the lines that begin with curl. They may be read once the demo is ready.
func (r *running) commands() []string {
	var commands []string
	for line := range strings.Lines(r.out.String()) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "curl ") {
			commands = append(commands, line)
		}
	}
	return commands
}
