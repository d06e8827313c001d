package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

type keysCommand struct {
	List   keysList   `cmd:"" help:"List the signing keys."`
	Rotate keysRotate `cmd:"" help:"Publish the next signing keys, or withdraw all keys in an emergency."`
	Export keysExport `cmd:"" help:"Print the public halves."`
}

func (keysCommand) examples() []string {
	return []string{"sallyport keys list", "sallyport keys rotate --now --yes"}
}

// shownKey is a signing key as every output shows it.
type shownKey struct {
	ID        string             `json:"id"`
	Algorithm jws.Algorithm      `json:"alg"`
	State     sallyport.KeyState `json:"state"`
	CreatedAt time.Time          `json:"created_at"`
	SignsFrom time.Time          `json:"signs_from"`
	RemovedAt *time.Time         `json:"removed_at"` // null but for a retired key
}

func presentableKey(k sallyport.SigningKey) shownKey {
	shown := shownKey{ID: k.ID, Algorithm: k.Algorithm, State: k.State, CreatedAt: inUTC(k.CreatedAt), SignsFrom: inUTC(k.SignsFrom)}
	if !k.RemovedAt.IsZero() {
		at := inUTC(k.RemovedAt)
		shown.RemovedAt = &at
	}
	return shown
}

type keysList struct {
	sourceFlags
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (keysList) examples() []string {
	return []string{"sallyport keys list", "sallyport keys list --json"}
}

// Run lists the signing keys in the order in which they sign.
func (c keysList) Run(ctx context.Context, w world) error {
	return c.with(ctx, w, "keys list", func(svc *opened, _ *settings.Settings) error {
		keys := []shownKey{}
		for _, k := range svc.SigningKeys() {
			keys = append(keys, presentableKey(k))
		}
		if c.JSON {
			return writeJSON(w.stdout, map[string]any{"keys": keys})
		}
		return writeKeys(w.stdout, keys)
	})
}

func writeKeys(to io.Writer, keys []shownKey) error {
	lines := newColumns(to)
	if isTerminal(to) {
		lines.line("ID", "ALG", "STATE", "CREATED", "SIGNS FROM", "REMOVED")
	}
	for _, k := range keys {
		removed := ""
		if k.RemovedAt != nil {
			removed = k.RemovedAt.Format(time.RFC3339)
		}
		lines.line(k.ID, string(k.Algorithm), string(k.State), k.CreatedAt.Format(time.RFC3339), k.SignsFrom.Format(time.RFC3339), removed)
	}
	return lines.end()
}

type keysRotate struct {
	sourceFlags
	Now        bool `help:"Emergency: withdraw every signing key and sign with new ones at once."`
	LostSecret bool `help:"With --now: the root secret is lost. Believe in the one that is set, or make one; everybody signs in once more."`
	Yes        bool `help:"Do not ask."`
}

func (keysRotate) examples() []string {
	return []string{"sallyport keys rotate", "sallyport keys rotate --now --yes"}
}

// emergency is what --now does, for the one who is about to do it.
const emergency = "every signing key is withdrawn: access tokens in use are refused at once here, and in a service when it next reads the key set. " +
	"A gateway that keeps the key set refuses new tokens until it reads it again (Amazon API Gateway: up to 2 hours). "

// signedIn is what it leaves alone, lostSecret what --lost-secret does besides.
const (
	signedIn   = "Nobody is signed out"
	lostSecret = "Every session becomes worthless: everybody signs in once more. Stop every server first"
)

// Run publishes the next key, or replaces all of them. A running server follows within seconds.
func (c keysRotate) Run(ctx context.Context, w world) error {
	const what = "keys rotate"
	switch {
	case c.LostSecret && !c.Now:
		return usageError{"--lost-secret goes with --now"}
	case c.LostSecret:
		if err := confirm(w, what, emergency+lostSecret, c.Yes); err != nil {
			return err
		}
		if err := c.adoptSecret(ctx, w, what); err != nil {
			return err
		}
	case c.Now:
		if err := confirm(w, what, emergency+signedIn, c.Yes); err != nil {
			return err
		}
	}
	return c.with(ctx, w, what, func(svc *opened, _ *settings.Settings) error {
		rotate := svc.RotateSigningKey
		if c.Now {
			rotate = svc.ReplaceSigningKeys
		}
		keys, err := rotate(ctx)
		for _, key := range keys { // one for each algorithm
			if _, err := fmt.Fprintf(w.stdout, "%s %s signs from %s\n", key.ID, key.Algorithm, inUTC(key.SignsFrom).Format(time.RFC3339)); err != nil {
				return err
			}
		}
		return explain(what, err)
	})
}

// adoptSecret makes the database believe in the secret that is set, or in the file beside it, which is made
// if there is none.
func (c keysRotate) adoptSecret(ctx context.Context, w world, what string) (err error) {
	s, err := c.load(w, nil)
	if err != nil {
		return err
	}
	if len(s.Secret) > 1 {
		return failure{what, "several secrets are set, and the older ones would go on being accepted", "set the new secret alone"}
	}
	store, err := openDatabase(ctx, what, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, explain(what, store.Close())) }()
	var secret []byte
	if len(s.Secret) > 0 {
		secret = s.Secret[0]
	} else {
		file := secretFile{s.DatabaseFile(), quietLog(w.stderr)}
		if secret, err = file.read(); errors.Is(err, fs.ErrNotExist) {
			secret, err = file.create()
		}
	}
	if err != nil {
		return explain(what, err)
	}
	cfg := serviceConfig(s)
	cfg.Store, cfg.Secret, cfg.LeaveKeys, cfg.Logger = store, secret, true, quietLog(w.stderr)
	svc, err := sallyport.New(cfg)
	if err == nil {
		return errors.Join(failure{what, "the secret that is set is the one that the database knows, so it is not lost", "leave --lost-secret away"}, svc.Close())
	}
	if !errors.Is(err, sallyport.ErrUnknownSecret) {
		return explainStart(what, s, err)
	}
	return explain(what, sallyport.AdoptSecret(ctx, store, secret))
}

type keysExport struct {
	sourceFlags
	JWKS bool `name:"jwks" xor:"form" help:"As a JWK Set (RFC 7517), which is the default."`
	PEM  bool `name:"pem" xor:"form" help:"As PEM, one block for each key."`
}

func (keysExport) examples() []string {
	return []string{"sallyport keys export > jwks.json", "sallyport keys export --pem"}
}

// Run prints the public half of every key, for a verifier that cannot fetch the key set.
func (c keysExport) Run(ctx context.Context, w world) error {
	const what = "keys export"
	return c.with(ctx, w, what, func(svc *opened, _ *settings.Settings) error {
		if c.PEM {
			return explain(what, writePEM(w.stdout, svc.KeySet()))
		}
		var set json.RawMessage = svc.KeySet()
		return writeJSON(w.stdout, set)
	})
}

// writePEM prints what RFC 7468 §13 calls a PUBLIC KEY, with the key ID and the algorithm before each, as §2
// allows.
func writePEM(to io.Writer, keySet []byte) error {
	keys, err := jws.ParseKeySet(keySet)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, k := range keys {
		der, err := x509.MarshalPKIXPublicKey(k.Public())
		if err != nil {
			return err
		}
		fmt.Fprintf(&text, "kid: %s, alg: %s\n%s", k.ID(), k.Algorithm(), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	_, err = io.WriteString(to, text.String())
	return err
}
