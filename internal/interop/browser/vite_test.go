package browser

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/sallyport-auth/sallyport/idptest"
)

// TestExampleSPA runs examples/spa as its README says, with the binary and the settings beside it, on other ports and with a
// user pool that answers: from its sources by Vite's server, and as it is built for production.
func TestExampleSPA(t *testing.T) {
	here, err := filepath.Abs("../../../examples/spa")
	if err != nil {
		t.Fatal(err)
	}
	vite := filepath.Join(here, "node_modules", ".bin", "vite")
	if _, err := os.Stat(vite); err != nil {
		t.Fatalf("%v: run ./test.sh, or npm ci in examples/spa", err)
	}
	sallyport := filepath.Join(t.TempDir(), "sallyport")
	run(t, "../../../cmd/sallyport", nil, "go", "build", "-o", sallyport, ".")
	run(t, here, nil, sallyport, "config", "check")
	settings, err := os.ReadFile(filepath.Join(here, "sallyport.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "dist")
	run(t, here, nil, filepath.Join(here, "node_modules", ".bin", "tsc"), "--noEmit")
	run(t, here, nil, vite, "build", "--outDir", out)

	for name, args := range map[string][]string{
		"its sources": {"--port"}, "built": {"preview", "--host", "127.0.0.1", "--outDir", out, "--port"},
	} {
		t.Run(name, func(t *testing.T) {
			front, pw := freePort(t), rand.Text()
			site := "http://127.0.0.1:" + front
			pool := idptest.New(t, idptest.Config{
				Personality: idptest.Cognito, ClientID: "spa", Host: "localhost", RedirectURIs: []string{site + "/auth/callback/cognito/"},
			})
			ours := strings.NewReplacer(
				"127.0.0.1:5173", "127.0.0.1:"+front,
				"    region: eu-central-1\n    user_pool: eu-central-1_AbCdEfGhI\n", "    issuer: "+pool.Issuer()+"\n",
				"1h57kf5cpq17m0eml12EXAMPLE", "spa",
				"    domain: myapp\n", fmt.Sprintf("    authorization_endpoint: %s\n    token_endpoint: %s\n", pool.URL(idptest.Authorize), pool.URL(idptest.Token)),
			).Replace(string(settings))
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "sallyport.yaml"), []byte(ours), 0o600); err != nil {
				t.Fatal(err)
			}
			create := exec.Command(sallyport, "users", "create", "--username", "ada", "--password-stdin")
			create.Dir, create.Stdin = folder, strings.NewReader(pw+"\n")
			if said, err := create.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, said)
			}
			back := startSallyport(t, sallyport, folder)
			startVite(t, here, site, back, vite, append(args, front)...)
			useExampleSPA(t, site, pw)
		})
	}
}

func useExampleSPA(t *testing.T, site, pw string) {
	b := watched(t)
	heading := func(want string) {
		t.Helper()
		b.waitFor(want, fmt.Sprintf(`document.querySelector("h1")?.textContent === %q`, want))
	}
	// React's Strict Mode mounts twice.
	asked := func() {
		t.Helper()
		b.want(`performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/auth/refresh/")).length`, "1")
	}
	button := func(text string) {
		t.Helper()
		b.do("click "+text, byText(text))
	}
	b.goTo(site + "/")
	heading("Sign in")
	asked()
	b.look("example-spa-sign-in")
	button("Continue with Cognito")
	b.enter("alice", "alice")
	heading("Hello, alice")
	asked()
	b.look("example-spa")
	devices := func() { // which push the buttons down when they come
		t.Helper()
		b.waitFor("this device", `document.querySelector("li strong")?.textContent === "this one"`)
	}
	devices()
	b.reload()
	heading("Hello, alice")
	asked()
	devices()
	button("Sign out")
	heading("Sign in")
	b.wantNoSession()

	fill := func(password string) {
		t.Helper()
		b.do("fill in", chromedp.SetValue(chromedp.CSS(`input[name="username"]`), "ada"), chromedp.SetValue(chromedp.CSS(`input[name="password"]`), password), byText("Sign in"))
	}
	fill("wrong")
	b.waitFor("the refusal", `document.querySelector("[role=alert]").textContent === "Username or password is wrong."`)
	fill(pw)
	heading("Hello, ada")
	devices()
	button("Sign out everywhere")
	heading("Sign in")
	b.goTo(site + "/?sallyport_error=idp_denied")
	b.waitFor("what the provider said", `document.querySelector("[role=alert]")?.textContent === "You turned the sign-in down."`)
	b.wantNoFaults()
}

// byText clicks the button that says that.
func byText(text string) chromedp.Action[chromedp.Void] {
	return chromedp.Click(fmt.Sprintf(`//button[.="%s"]`, text), chromedp.NodeVisible)
}

func run(t *testing.T, dir string, environ []string, program string, args ...string) {
	t.Helper()
	command := exec.Command(program, args...)
	command.Dir, command.Env = dir, append(os.Environ(), environ...)
	if said, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, said)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// startSallyport returns the address on which it listens.
func startSallyport(t *testing.T, program, folder string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	serve := exec.CommandContext(ctx, program, "serve")
	serve.Cancel = func() error { return serve.Process.Signal(syscall.SIGTERM) }
	serve.Dir, serve.Env = folder, append(os.Environ(), "SALLYPORT_LISTEN=127.0.0.1:0", "SALLYPORT_ADMIN_LISTEN=127.0.0.1:0", "SALLYPORT_LOG_FORMAT=json")
	stderr, err := serve.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	listening, ended := make(chan string, 1), make(chan struct{})
	var log strings.Builder
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			fmt.Fprintln(&log, lines.Text())
			var line struct{ Msg, Listen string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "started" {
				listening <- line.Listen
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		serve.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	select {
	case address := <-listening:
		return "http://" + address
	case <-ended:
		t.Fatalf("sallyport ended: %s", log.String())
	case <-time.After(limit):
		t.Fatal("sallyport does not start")
	}
	return ""
}

// startVite waits until the site answers.
func startVite(t *testing.T, folder, site, back, vite string, args ...string) {
	t.Helper()
	command := exec.Command(vite, args...)
	command.Dir, command.Env = folder, append(os.Environ(), "SALLYPORT_URL="+back)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { command.Wait(); close(ended) }()
	t.Cleanup(func() {
		syscall.Kill(-command.Process.Pid, syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Log(said.String())
		}
	})
	for end := time.Now().Add(limit); ; time.Sleep(50 * time.Millisecond) {
		if response, err := http.Get(site + "/"); err == nil {
			response.Body.Close()
			return
		}
		select {
		case <-ended:
			t.Fatalf("vite ended: %s", said.String())
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("vite does not answer: %s", said.String())
		}
	}
}
