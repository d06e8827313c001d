package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/claimhook"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/postgres"
	"github.com/sallyport-auth/sallyport/sqlite"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// sourceFlags are the flags of every command that opens the database.
type sourceFlags struct {
	Config   string  `placeholder:"FILE" help:"File of settings; sallyport.yaml when it exists."`
	Database *string `placeholder:"URL" help:"Setting database: ${help_database}."`
}

// load reads the settings. more are further flags that set something.
func (f sourceFlags) load(w world, more map[string]*string) (*settings.Settings, error) {
	flags := map[string]string{}
	for name, value := range more {
		if value != nil {
			flags[name] = *value
		}
	}
	if f.Database != nil {
		flags["database"] = *f.Database
	}
	return settings.Load(settings.Sources{File: f.Config, Environ: w.environ, Flags: flags})
}

// serving is what a server has besides.
type serving struct {
	observe func(sallyport.Observation)
	measure func(sallyport.Store) sallyport.Store
}

// opened is a service with its store and its claims hook, nil for none. Close them with close.
type opened struct {
	*sallyport.Service
	store sallyport.Store
	hook  *claimhook.Hook
}

// open opens the database and makes the service on it: for a command as it is, for a server with what serving
// adds. what is being attempted begins a failure.
func open(ctx context.Context, what string, s *settings.Settings, log *slog.Logger, server *serving) (o *opened, err error) {
	store, err := openDatabase(ctx, what, s)
	if err != nil {
		return nil, err
	}
	o = &opened{store: store}
	defer func() {
		if err != nil {
			err = errors.Join(explainStart(what, s, err), o.close())
			o = nil
		}
	}()
	cfg := serviceConfig(s)
	cfg.Store, cfg.Logger = store, log
	cfg.LeaveKeys = server == nil // a command may run without the server's settings
	if server != nil {            // commands ask no provider and no hook
		cfg.Observe, cfg.Providers = server.observe, providers(s.IDPs)
		if server.measure != nil {
			cfg.Store = server.measure(store)
		}
		if s.Hook.URL != "" {
			if o.hook, err = claimhook.New(claimhook.Config{URL: s.Hook.URL, Secret: s.Hook.Secret, Timeout: s.Hook.Timeout}); err != nil {
				return o, err
			}
			cfg.Claims, cfg.ClaimsTimeout = []sallyport.ClaimFunc{o.hook.Claims}, s.Hook.Timeout
		}
	}
	o.Service, err = newService(ctx, cfg, s)
	return o, err
}

func openDatabase(ctx context.Context, what string, s *settings.Settings) (sallyport.Store, error) {
	if s.IsPostgres() {
		return openPostgres(ctx, what, s)
	}
	store, err := sqlite.Open(s.DatabaseFile())
	return store, explainFile(what, s.DatabaseFile(), err)
}

// explainFile says what to do about a SQLite file that cannot be opened or locked.
func explainFile(what, file string, err error) error {
	if err == nil {
		return nil
	}
	if denied := explainDenied(what, file, err); denied != nil {
		return denied
	}
	return failure{what, "cannot open the database: " + withoutNames(err), "check the setting database, and that its folder exists and can be written to"}
}

// connectTime bounds the first contact with a database server.
const connectTime = 10 * time.Second

func openPostgres(ctx context.Context, what string, s *settings.Settings) (sallyport.Store, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	store, err := postgres.Open(ctx, s.Database)
	return store, explainPostgres(what, err)
}

// explainPostgres says what to do about a server.
func explainPostgres(what string, err error) error {
	if said, ok := errors.AsType[interface {
		error
		SQLState() string
	}](err); ok {
		switch said.SQLState() { // Appendix A of PostgreSQL's manual
		case "3D000":
			return failure{what, "the server has no database of that name", "make it with createdb, or check the setting database"}
		case "28000", "28P01":
			return failure{what, "the database server does not let this user in", "check the user and the password of the setting database, and that the role may sign in from here"}
		case "42501":
			return failure{what, "the user of the setting database may not make or use the tables", "make that role the owner of the database"}
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, postgres.ErrSchema): // it says itself which command to run
		text := withoutNames(err)
		for _, op := range []string{"postgres: open: ", "postgres: import: "} {
			text = strings.TrimPrefix(text, op)
		}
		return failure{what, text, ""}
	case errors.Is(err, sallyport.ErrStoreUnavailable):
		return failure{what, "the database server cannot be reached: " + withoutNames(err), "check the setting database, and that the server runs and lets this user in"}
	}
	return failure{what, "cannot open the database: " + withoutNames(err), "check the setting database"}
}

func newService(ctx context.Context, cfg sallyport.Config, s *settings.Settings) (*sallyport.Service, error) {
	secrets := [][]byte(s.Secret)
	if len(secrets) == 0 {
		secret, err := secretFile{s.DatabaseFile(), cfg.Logger}.secret(ctx, cfg.Store)
		if err != nil {
			return nil, err
		}
		secrets = [][]byte{secret}
	}
	cfg.Secret, cfg.OldSecrets = secrets[0], secrets[1:]
	return sallyport.New(cfg)
}

func (o *opened) close() error {
	var faults []error
	if o.Service != nil {
		faults = append(faults, o.Service.Close())
	}
	if o.hook != nil {
		faults = append(faults, o.hook.Close())
	}
	return errors.Join(append(faults, o.store.Close())...)
}

// serviceConfig is what the settings say of the service itself.
func serviceConfig(s *settings.Settings) sallyport.Config {
	return sallyport.Config{
		Issuer:            s.IssuerAt(0),
		Audience:          s.Tokens.Audience,
		ClientID:          s.Tokens.ClientID,
		CookieSalt:        s.Cookie.Salt,
		UserAttributes:    s.UserAttributes,
		UserFields:        s.UserFields,
		UserUUIDAttribute: s.UserUUIDAttribute,
		ClaimTemplate:     s.ClaimTemplate,
		Algorithm:         jws.Algorithm(s.Tokens.Alg),
		AudienceAlgorithm: audienceAlgorithm(s),
		KeyRotation:       s.Tokens.KeyRotation,
		AccessTTL:         s.Tokens.AccessTTL,
		SessionTTL:        s.Tokens.SessionTTL,
		IdleTTL:           s.Tokens.IdleTTL,
		RetryWindow:       s.Tokens.RetryWindow,
		ReturnTo:          s.ReturnTo,
		Limits: sallyport.Limits{
			Account: sallyport.Limit(s.Limits.Account), Address: sallyport.Limit(s.Limits.Address), Session: sallyport.Limit(s.Limits.Session),
			Login: sallyport.Limit(s.Limits.Login), Sessions: s.Limits.Sessions,
		},
		EventRetention:    s.EventRetention,
		PasswordMinLength: s.Password.MinLength,
		Password: password.Config{
			Memory: s.Password.Hash.Memory, Passes: s.Password.Hash.Passes, Lanes: s.Password.Hash.Lanes, Slots: s.Password.Slots, Collect: true,
		},
	}
}

func audienceAlgorithm(s *settings.Settings) map[string]jws.Algorithm {
	algorithms := map[string]jws.Algorithm{}
	for audience, alg := range s.Tokens.AudienceAlg {
		algorithms[audience] = jws.Algorithm(alg)
	}
	return algorithms
}

func providers(configured []settings.IDP) []sallyport.Provider {
	var result []sallyport.Provider
	for _, p := range configured {
		result = append(result, settings.NewProvider(p))
	}
	return result
}
