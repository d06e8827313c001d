package main

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"
)

type healthcheckCommand struct{ settingFlags }

func (healthcheckCommand) examples() []string {
	return []string{"sallyport healthcheck", "sallyport healthcheck --admin-listen 127.0.0.1:9001"}
}

// healthTime is how long a server may take to say how it is.
const healthTime = 3 * time.Second

// Run asks /readyz on the admin listener of the settings. Nothing is printed if the server is ready: it is for a
// container that has no other program to ask with.
func (c healthcheckCommand) Run(ctx context.Context, w world) error {
	const what = "healthcheck"
	s, err := c.load(w)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, healthTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(s.AdminListen)+"/readyz", nil)
	if err != nil {
		return failure{what, err.Error(), "check the setting admin_listen"}
	}
	response, err := (&http.Client{Transport: &http.Transport{}}).Do(request) // no proxy of the environment
	if err != nil {
		return failure{what, "no server answers on " + s.AdminListen, "start it, or give its setting admin_listen"}
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	var said health
	if err := json.NewDecoder(io.LimitReader(response.Body, 1<<10)).Decode(&said); err != nil || said.Status == "" {
		said.Status = response.Status
	}
	return failure{what, "the server is not ready: " + said.Status, ""}
}

// reachable is an address that leads to a listener: one that listens on all addresses is asked on loopback.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if addr, err := netip.ParseAddr(host); host == "" || err == nil && addr.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
