package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/sallyport-auth/sallyport/internal/testpg"
)

// TestMain lets tests and scripts run this very binary as the command sallyport.
func TestMain(m *testing.M) {
	testscript.Main(testpg.Main(m), map[string]func(){"sallyport": main})
}

// TestScript runs the specification of the command line.
func TestScript(t *testing.T) {
	testscript.Run(t, scripts("testdata"))
}

// TestPostgresScript runs what is said of PostgreSQL. $DATABASE is an empty database.
func TestPostgresScript(t *testing.T) {
	params := scripts(filepath.Join("testdata", "postgres"))
	setup := params.Setup
	params.Setup = func(env *testscript.Env) error {
		env.Setenv("DATABASE", testpg.Database(t))
		return setup(env)
	}
	testscript.Run(t, params)
}

// TestHT07 is the attack case of that name: settings that would make a server weak stop the start.
// Each file is one of them.
func TestHT07(t *testing.T) {
	testscript.Run(t, scripts(filepath.Join("testdata", "ht07")))
}

// scripts are the scripts of a folder, which may use these commands beside those of testscript:
//
//	serve [FLAG...]          start sallyport serve; $URL, $LISTEN (without http://) and $ADMIN are where it listens
//	shutdown                 end it with SIGTERM, expect status 0, and put its log into serve.log
//	http METHOD URL STATUS [NAME:VALUE...] [BODY]    send a request and expect a status
//	mode FILE MODE           compare the permissions of a file
func scripts(dir string) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			server := new(*process)
			env.Values[serverOf] = server
			env.Vars = append(env.Vars, quickExit)
			env.Defer(func() {
				if *server != nil {
					(*server).kill()
				}
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": scriptServe, "shutdown": scriptShutdown, "http": scriptHTTP, "mode": scriptMode,
		},
	}
}

// valueKey keys the values of a script.
type valueKey string

// serverOf is where a script keeps its server.
const serverOf valueKey = "server"

func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	server, ok := ts.Value(serverOf).(**process)
	if !ok || neg || *server != nil {
		ts.Fatalf("usage: serve [FLAG...], once before shutdown")
	}
	var environ []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR"} {
		environ = append(environ, name+"="+ts.Getenv(name))
	}
	for _, name := range []string{"SALLYPORT_SECRET", "SALLYPORT_DATABASE", "SALLYPORT_IDPS", "SALLYPORT_ISSUER", "SALLYPORT_PATH"} {
		if value := ts.Getenv(name); value != "" {
			environ = append(environ, name+"="+value)
		}
	}
	started, err := startServer(ts.MkAbs("."), environ, args...)
	ts.Check(err)
	*server = started
	ts.Setenv("URL", started.url)
	ts.Setenv("LISTEN", strings.TrimPrefix(started.url, "http://"))
	ts.Setenv("ADMIN", started.admin)
}

func scriptShutdown(ts *testscript.TestScript, neg bool, args []string) {
	server, ok := ts.Value(serverOf).(**process)
	if !ok || neg || len(args) > 0 || *server == nil {
		ts.Fatalf("usage: shutdown, after serve")
	}
	code := (*server).stop(syscall.SIGTERM)
	ts.Check(os.WriteFile(ts.MkAbs("serve.log"), []byte((*server).log()), 0o600))
	if *server = nil; code != 0 {
		ts.Fatalf("sallyport serve ended with status %d", code)
	}
}

func scriptHTTP(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 3 {
		ts.Fatalf("usage: http METHOD URL STATUS [NAME:VALUE...] [BODY]")
	}
	var body io.Reader
	headers := args[3:]
	if n := len(headers); n > 0 && strings.HasPrefix(headers[n-1], "{") {
		body = strings.NewReader(headers[n-1])
		headers = append(headers[:n-1:n-1], "Content-Type:application/json")
	}
	request, err := http.NewRequest(args[0], args[1], body)
	ts.Check(err)
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ":")
		if request.Header.Set(name, value); name == "Host" {
			request.Host = value
		}
	}
	response, err := http.DefaultTransport.RoundTrip(request) // follows no redirect
	ts.Check(err)
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	ts.Check(err)
	var printed bytes.Buffer
	fmt.Fprintln(&printed, response.Status)
	ts.Check(response.Header.Write(&printed))
	fmt.Fprintf(ts.Stdout(), "%s\n%s\n", printed.String(), content)
	if got := strconv.Itoa(response.StatusCode); got != args[2] {
		ts.Fatalf("%s %s = %s, want %s", args[0], args[1], got, args[2])
	}
}

func scriptMode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode FILE MODE")
	}
	info, err := os.Stat(ts.MkAbs(args[0]))
	ts.Check(err)
	if got := fmt.Sprintf("%04o", info.Mode().Perm()); got != args[1] {
		ts.Fatalf("mode of %s = %s, want %s", args[0], got, args[1])
	}
}
