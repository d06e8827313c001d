package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// product is the real binary with a database and a folder of its own.
type product struct {
	binary   string
	folder   string
	logFile  string
	database database
	secret   string
	issuer   string // of the identity provider
	client   string // its client ID
	core     int
	settings []string // NAME=VALUE, of its environment, besides

	*process
	address string // host:port, while it runs
}

const socketName = "profile.sock"

// environment is all that the product sees. Access tokens live for an hour instead of five minutes, so that
// those of the preparation are good in the last row; that changes no cost.
func (p *product) environment() ([]string, error) {
	idps, err := json.Marshal([]map[string]string{{
		"name": "pool", "provider": "cognito", "issuer": p.issuer, "client_id": p.client, "max_token_age": "2h", // they are made at the beginning
	}})
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + p.folder,
		"SALLYPORT_DATABASE=" + p.database.setting, "SALLYPORT_SECRET=" + p.secret,
		"SALLYPORT_IDPS=" + string(idps), "SALLYPORT_TOKENS_ACCESS_TTL=1h",
		socketVariable + "=" + filepath.Join(p.folder, socketName), // read by a binary that profiles, and by no other
	}, p.settings...), err
}

func (p *product) command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	environment, err := p.environment()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, p.binary, args...)
	cmd.Dir, cmd.Env = p.folder, environment
	return cmd, nil
}

// run runs another command of the product than serve.
func (p *product) run(ctx context.Context, input string, args ...string) error {
	cmd, err := p.command(ctx, args...)
	if err != nil {
		return err
	}
	cmd.Stdin = strings.NewReader(input)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("sallyport %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(output))
	}
	return nil
}

// makeTables brings the schema up to date, which a server does by itself on SQLite alone.
func (p *product) makeTables(ctx context.Context) error { return p.run(ctx, "", "migrate", "up") }

// addUser makes a user with a password.
func (p *product) addUser(ctx context.Context, username, password string) error {
	return p.run(ctx, password+"\n", "users", "create", "--username", username, "--password-stdin")
}

// startLimit is how long the product may take to say that it has started.
const startLimit = 20 * time.Second

// start runs serve, and returns how long it took from the fork to the first 200 with the key set.
func (p *product) start(ctx context.Context) (time.Duration, error) {
	cmd, err := p.command(context.WithoutCancel(ctx), // ended by stop, not by a kill
		"serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	log, err := os.OpenFile(p.logFile, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close() // the child has its own
	cmd.Stderr = log
	begin := time.Now()
	if p.process, err = startProcess(p.core, cmd); err != nil {
		return 0, fmt.Errorf("starting %s: %w", p.binary, err)
	}
	err = p.awaitStart(ctx)
	took := time.Since(begin)
	if err != nil {
		return 0, errors.Join(err, p.stop())
	}
	return took, nil
}

func (p *product) awaitStart(ctx context.Context) error {
	for limit := time.Now().Add(startLimit); ; time.Sleep(200 * time.Microsecond) {
		log, err := os.ReadFile(p.logFile)
		if err != nil {
			return err
		}
		if p.address = listenAddress(log); p.address != "" {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if p.ended() || time.Now().After(limit) {
			return fmt.Errorf("sallyport serve has not started: %s", bytes.TrimSpace(log))
		}
	}
	c, err := dial(ctx, p.address)
	if err != nil {
		return err
	}
	defer c.close()
	a, err := c.do(get(p.address, keySetPath), time.Now().Add(startLimit))
	if err == nil && !a.ok() {
		err = fmt.Errorf("the key set is answered with %d %.200q", a.status, a.body)
	}
	return err
}

// listenAddress is what the log says of the public listener, "" before it does.
func listenAddress(log []byte) string {
	for line := range bytes.Lines(log) {
		var entry struct{ Msg, Listen string }
		if json.Unmarshal(line, &entry) == nil && entry.Msg == "started" {
			return entry.Listen
		}
	}
	return ""
}

// forgetLog empties the log, in which every request has a line. The server appends, so it goes on at the
// beginning.
func (p *product) forgetLog() error { return os.Truncate(p.logFile, 0) }

// complaints are the last lines of the log that are worse than a note.
func (p *product) complaints() string {
	log, err := os.ReadFile(p.logFile)
	if err != nil {
		return ""
	}
	var lines []string
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte(`"level":"ERROR"`)) || bytes.Contains(line, []byte(`"level":"WARN"`)) {
			lines = append(lines, string(line))
		}
	}
	return strings.Join(lines[max(0, len(lines)-3):], "")
}

// profile writes what the profiler of the product says in the next d to the file: see profile.go.txt.
func (p *product) profile(ctx context.Context, d time.Duration, file string) error {
	socket := filepath.Join(p.folder, socketName)
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var dialer net.Dialer
		return dialer.DialContext(ctx, "unix", socket)
	}}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet,
		fmt.Sprintf("http://product/debug/pprof/profile?seconds=%d", max(1, int(d.Seconds()))), nil)
	if err != nil {
		return err
	}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return fmt.Errorf("profiling: %w", err)
	}
	defer response.Body.Close()
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	_, err = out.ReadFrom(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(response.Status)
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("profiling: %w", err)
	}
	return nil
}
