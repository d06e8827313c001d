package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"

	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
	"github.com/sallyport-auth/sallyport/sqlite"
)

type serveCommand struct{ settingFlags }

func (serveCommand) examples() []string {
	return []string{
		"sallyport serve",
		"sallyport serve --config /etc/sallyport.yaml --listen 127.0.0.1:9000",
	}
}

// Run serves until the first SIGINT or SIGTERM, finishes what is under way, and returns nil. A
// second signal ends the process at once.
func (c serveCommand) Run(ctx context.Context, w world) error {
	s, err := c.load(w)
	if err != nil {
		return err
	}
	ctx, restore := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer restore()
	return serve(ctx, restore, s, newLog(w.stderr, s.Log))
}

// serve listens, opens the database and serves until ctx ends. It calls stopping then, from when on a
// signal should do what it does to any program.
func serve(ctx context.Context, stopping func(), s *settings.Settings, log *slog.Logger) (err error) {
	for _, warning := range s.Warnings {
		log.Warn("settings", "warning", warning)
	}
	public, err := listen(s, "listen", s.Listen)
	if err != nil {
		return err
	}
	defer public.Close() // a second time does no harm
	admin, err := listenAdmin(s, log)
	if err != nil {
		return err
	}
	if admin != nil {
		defer admin.Close()
	}
	s.Issuer = s.IssuerAt(port(public))
	unlock, err := lockDatabase(s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock.Close()) }()
	m := newMetrics()
	svc, err := open(ctx, "serve", s, log, &serving{m.observe, m.store.measure})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, svc.close()) }()
	auth, err := authhttp.New(svc.Service, httpConfig(s, log))
	if err != nil {
		return explainStart("serve", s, err)
	}

	m.register(svc.Service)
	srv := newServer(log)
	srv.serve(public, logRequests(log, svc.Now, m.request, newPublic(auth, s.Path)))
	attrs := []any{"issuer", s.Issuer, "listen", public.Addr().String(), "database", s.DatabaseShown(), "version", buildVersion().Version}
	if admin != nil {
		srv.serve(admin, newAdmin(svc.Ready, srv.draining, m.handler(), s.AdminListen))
		attrs = append(attrs, "admin_listen", admin.Addr().String())
	}
	log.Info("started", attrs...)
	for _, p := range svc.Providers() {
		if p.LoginError != nil {
			log.Warn("identity provider", "name", p.Name, "tokens_only", p.LoginError.Error())
			continue
		}
		log.Info("identity provider", "name", p.Name, "redirect_uri", p.RedirectURI)
	}
	err = srv.run(ctx, func() { stopping(); svc.Drain() })
	log.Info("stopped")
	return err
}

// lockDatabase makes this the only server of a SQLite file.
func lockDatabase(s *settings.Settings) (io.Closer, error) {
	if s.IsPostgres() {
		return io.NopCloser(nil), nil
	}
	lock, err := sqlite.Lock(s.DatabaseFile())
	if errors.Is(err, sqlite.ErrLocked) {
		return nil, settings.Faults{s.Fault("database", "another server holds this file; stop that one, or move to PostgreSQL to run several")}
	}
	return lock, explainFile("serve", s.DatabaseFile(), err)
}

func httpConfig(s *settings.Settings, log *slog.Logger) authhttp.Config {
	return authhttp.Config{
		CSRF:           authhttp.CSRFMode(s.CSRF),
		TrustedOrigins: s.TrustedOrigins,
		TrustedProxies: prefixes(s.TrustedProxies),
		Logger:         log,
		Cookie: authhttp.CookieConfig{
			Name: s.Cookie.Name, CSRFName: s.Cookie.CSRFName, Domain: s.Cookie.Domain, SameSite: sameSites[s.Cookie.SameSite],
			HostPrefix: s.Cookie.HostPrefix, Insecure: s.Cookie.Insecure,
		},
		Forward: authhttp.ForwardConfig{
			Enabled: s.Forward.Enabled, CookieName: s.Forward.CookieName, CookieDomain: s.Forward.CookieDomain, SignIn: s.Forward.SignIn,
		},
	}
}

// prefixes are those of trusted_proxies. authhttp.New refuses what is none, as it does every prefix at fault.
func prefixes(texts []string) []netip.Prefix {
	all := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		all[i], _ = authhttp.ParseProxy(text)
	}
	return all
}

// sameSites are the words of cookie.same_site.
var sameSites = map[string]http.SameSite{
	"strict": http.SameSiteStrictMode, "lax": http.SameSiteLaxMode, "none": http.SameSiteNoneMode,
}

// listen opens the listener that the setting key describes.
func listen(s *settings.Settings, key, address string) (net.Listener, error) {
	listener, err := net.Listen("tcp", address)
	if err == nil {
		return listener, nil
	}
	problem := "cannot listen on " + address + ": " + err.Error() + "; give another address"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		problem = "another program listens on " + address + "; stop it or give another address"
	case errors.Is(err, syscall.EACCES):
		problem = "this user may not listen on " + address + "; give a port above 1023"
	}
	return nil, settings.Faults{s.Fault(key, problem)}
}

// listenAdmin opens the admin listener, or none when nobody asked for it and its port is taken.
func listenAdmin(s *settings.Settings, log *slog.Logger) (net.Listener, error) {
	listener, err := listen(s, "admin_listen", s.AdminListen)
	if err != nil && !s.Given("admin_listen") {
		log.Warn("there is no admin listener", "reason", err.Error())
		return nil, nil
	}
	return listener, err
}

func port(l net.Listener) int {
	address, ok := l.Addr().(*net.TCPAddr)
	if !ok { // every listener of ours is TCP
		return 0
	}
	return address.Port
}
