package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

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
	if err == nil {
		err = rehearse(ctx, s)
	}
	faults, found := errors.AsType[settings.Faults](err)
	switch {
	case err != nil && !found:
		return err
	case c.JSON:
		return writeFindings(w, faults, s)
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
	_, err = fmt.Fprintln(w.stdout, verdict)
	return err
}

// rehearse makes the service and the handler of s, because they find faults that the settings do not
// know: of identity providers, for example. It touches neither the database of s nor the network: its
// database is a temporary one.
func rehearse(ctx context.Context, s *settings.Settings) (err error) {
	const what = "config check"
	defer func() {
		if _, found := errors.AsType[settings.Faults](err); err != nil && !found {
			err = failure{what, "cannot try the settings out with a temporary database: " + withoutNames(err), "set TMPDIR to a folder that can be written to"}
		}
	}()
	folder, err := os.MkdirTemp("", "sallyport-check-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	trial := *s
	trial.Database = "sqlite:" + filepath.Join(folder, "check.db")
	trial.Issuer = s.IssuerAt(1) // the port matters only when it is open
	log := slog.New(slog.DiscardHandler)
	svc, err := open(ctx, what, &trial, log, &serving{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, svc.close()) }()
	if _, err := authhttp.New(svc.Service, httpConfig(&trial, log)); err != nil {
		return explainStart(what, &trial, err)
	}
	return nil
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

func writeFindings(w world, faults settings.Faults, s *settings.Settings) error {
	document := struct {
		Valid    bool      `json:"valid"`
		Faults   []finding `json:"faults"`
		Warnings []string  `json:"warnings"`
	}{len(faults) == 0, []finding{}, []string{}}
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
