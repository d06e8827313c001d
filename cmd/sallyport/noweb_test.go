package main

import (
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestBuiltWithoutPages: the build tag no_web leaves the pages and the demo out, and nothing else.
func TestBuiltWithoutPages(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "sallyport")
	if out, err := exec.Command("go", "build", "-tags=no_web", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sallyport := func(stdin string, args ...string) (string, error) {
		command := exec.Command(program, args...)
		command.Dir, command.Stdin = dir, strings.NewReader(stdin)
		out, err := command.CombinedOutput()
		return string(out), err
	}
	if out, err := sallyport("", "demo"); err == nil || out != "sallyport: demo: this sallyport is built without pages (no_web); build it without that tag\n" {
		t.Errorf("demo = %v, %s", err, out)
	}
	if out, err := sallyport(testPassword+"\n", "users", "create", "--username", "alice", "--password-stdin"); err != nil {
		t.Fatal(err, out)
	}
	p, err := startCommand(exec.Command(program, "serve"), dir, []string{"HOME=" + dir})
	if err != nil {
		t.Fatal(err)
	}
	defer p.kill()
	for path, want := range map[string]int{"ui/sign-in/": 404, "ui/account/": 404, ".well-known/jwks.json": 200} {
		request, err := http.NewRequest(http.MethodGet, p.url+"/auth/"+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("GET %s = %d, want %d", path, response.StatusCode, want)
		}
	}
	if response, body := post(t, p.url+"/auth/sign-in/", `{"username":"alice","password":"`+testPassword+`"}`, nil); response.StatusCode != 200 {
		t.Errorf("sign-in/ = %d %v", response.StatusCode, body)
	}
	p.stop(syscall.SIGTERM)
	serve := exec.Command(program, "serve")
	serve.Dir, serve.Env = dir, []string{"HOME=" + dir, "SALLYPORT_FORWARD_ENABLED=true", "SALLYPORT_LISTEN=127.0.0.1:0", "SALLYPORT_ADMIN_LISTEN=127.0.0.1:0"}
	if out, err := serve.CombinedOutput(); err == nil || !strings.Contains(string(out), "forward.sign_in: it is empty, and this program is built without pages (no_web)") {
		t.Errorf("serve with forward auth and no page to sign in = %v, %s", err, out)
	}
}
