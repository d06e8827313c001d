package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

type configCheck struct {
	settingFlags
	JSON bool `name:"json" help:"Print one JSON document, also about faults."`
}

func (configCheck) examples() []string {
	return []string{"sallyport config check", "sallyport config check --config /etc/sallyport.yaml --json"}
}

// Run reads the settings as serve does, and makes of them what serve makes.
func (c configCheck) Run(ctx context.Context, w world) error {
	s, err := c.load(w)
	var providers []sallyport.ProviderInfo
	if err == nil {
		providers, err = rehearse(ctx, s)
	}
	faults, found := errors.AsType[settings.Faults](err)
	switch {
	case err != nil && !found:
		return err
	case c.JSON:
		return writeFindings(w, faults, s, providers)
	case found:
		return faults
	}
	for _, warning := range s.Warnings {
		warn(w, warning)
	}
	verdict := "the settings are valid"
	if s.File != "" {
		verdict = s.File + " is valid"
	}
	if _, err = fmt.Fprintln(w.stdout, verdict); err != nil {
		return err
	}
	return writeProviders(w.stdout, providers)
}

// writeProviders prints what is to be registered at each provider.
func writeProviders(to io.Writer, providers []sallyport.ProviderInfo) error {
	c := newColumns(to)
	for _, p := range providers {
		if p.LoginError != nil {
			c.line(p.Name, "only takes tokens: "+loginNeeds(p.LoginError))
			continue
		}
		c.line(p.Name, "redirect URI", p.RedirectURI)
	}
	return c.end()
}

// loginNeeds is the part of the error that says what to do.
func loginNeeds(err error) string {
	return strings.TrimPrefix(err.Error(), sallyport.ErrProviderNotConfigured.Error()+": ")
}

// rehearse makes the service and the handler of s, because they find faults that the settings do not
// know: of identity providers, for example. It touches neither the database of s nor the network: its
// database is a temporary one.
func rehearse(ctx context.Context, s *settings.Settings) (_ []sallyport.ProviderInfo, err error) {
	const what = "config check"
	defer func() {
		if _, found := errors.AsType[settings.Faults](err); err != nil && !found {
			err = failure{what, "cannot try the settings out with a temporary database: " + withoutNames(err), "set TMPDIR to a folder that can be written to"}
		}
	}()
	folder, err := os.MkdirTemp("", "sallyport-check-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	trial := *s
	trial.Database = "sqlite:" + filepath.Join(folder, "check.db")
	trial.Issuer = s.IssuerAt(listenPort(s))
	log := slog.New(slog.DiscardHandler)
	svc, err := open(ctx, what, &trial, log, &serving{})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, svc.close()) }()
	if _, err := authhttp.New(svc.Service, httpConfig(&trial, log)); err != nil {
		return nil, explainStart(what, &trial, err)
	}
	return svc.Providers(), nil
}

// listenPort is the port that the settings name. Which one stands for "any" matters to nobody.
func listenPort(s *settings.Settings) int {
	if _, text, err := net.SplitHostPort(s.Listen); err == nil {
		if port, err := strconv.Atoi(text); err == nil && port > 0 {
			return port
		}
	}
	return 1
}

// registration is in JSON what is to be registered at a provider.
type registration struct {
	Name                 string `json:"name"`
	RedirectURI          string `json:"redirect_uri,omitempty"`
	BackchannelLogoutURI string `json:"backchannel_logout_uri"`
	TokensOnly           string `json:"tokens_only,omitempty"`
}

func registrationAt(p sallyport.ProviderInfo) registration {
	if p.LoginError != nil {
		return registration{Name: p.Name, BackchannelLogoutURI: p.BackchannelLogoutURI, TokensOnly: loginNeeds(p.LoginError)}
	}
	return registration{Name: p.Name, RedirectURI: p.RedirectURI, BackchannelLogoutURI: p.BackchannelLogoutURI}
}

// finding is a fault in JSON.
type finding struct {
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
	Column   int    `json:"column,omitempty"`
	Variable string `json:"variable,omitempty"`
	Flag     string `json:"flag,omitempty"`
	Key      string `json:"key,omitempty"`
	Problem  string `json:"problem"`
}

func writeFindings(w world, faults settings.Faults, s *settings.Settings, providers []sallyport.ProviderInfo) error {
	document := struct {
		Valid    bool           `json:"valid"`
		Faults   []finding      `json:"faults"`
		Warnings []string       `json:"warnings"`
		IDPs     []registration `json:"idps"`
	}{len(faults) == 0, []finding{}, []string{}, mapped(providers, registrationAt)}
	for _, f := range faults {
		document.Faults = append(document.Faults, finding{f.Place.File, f.Place.Line, f.Place.Column, f.Place.Variable, f.Place.Flag, f.Key, f.Problem})
	}
	if s != nil {
		document.Warnings = append(document.Warnings, s.Warnings...)
	}
	if err := writeJSON(w.stdout, document); err != nil {
		return err
	}
	if !document.Valid {
		return errTold
	}
	return nil
}
