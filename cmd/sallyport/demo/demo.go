//go:build !no_web

package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/sqlite"
)

// Options says where the demo listens and what it tells. The zero value is a demo that says nothing.
type Options struct {
	// Out gets the addresses and what to try. Default: nobody.
	Out io.Writer
	// Ports are those to listen on. Default: 8000, 8002 and 8003 (8001 is where sallyport serve has its metrics). In place of one that is taken there
	// is a free one.
	Ports *Ports
	// Logger gets the security events and the faults. Default: nobody, for the page shows every request.
	Logger *slog.Logger
	// Ready is told the addresses once all of them answer. Default: nobody.
	Ready func(Addresses)
}

// Ports are TCP ports on loopback; 0 is a free one.
type Ports struct{ App, Orders, Provider int }

// Addresses are where a running demo is.
type Addresses struct {
	App      string // the page, with a slash at the end
	Issuer   string // of our access tokens, and the mount of the authentication routes
	Orders   string // the one resource of the second service
	Provider string // the fake provider's page for people
	Folder   string // of the database; it goes when Run returns
}

// Run starts everything, writes what there is to Out, and serves until ctx ends. Then it stops
// everything, removes what it stored and returns nil. It returns an error when it cannot start, when
// Out cannot be written, or when something cannot be stopped or removed.
func Run(ctx context.Context, o Options) error {
	if o.Ports == nil {
		o.Ports = &Ports{App: 8000, Orders: 8002, Provider: 8003}
	}
	if o.Out == nil {
		o.Out = io.Discard
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	d := demo{logger: o.Logger, failed: make(chan error, 1)}
	err := d.start(ctx, *o.Ports)
	if err == nil {
		err = announce(o.Out, d.at, *o.Ports)
	}
	if err == nil {
		if o.Ready != nil {
			o.Ready(d.at)
		}
		select {
		case <-ctx.Done():
		case err = <-d.failed:
		}
	}
	if err != nil && ctx.Err() != nil {
		err = nil // what a Ctrl-C during the start breaks off is no fault
	}
	if err = errors.Join(err, d.stop()); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

// demo is what runs.
type demo struct {
	logger *slog.Logger
	at     Addresses
	failed chan error // of the first server that stops by itself
	tricks *tricks
	stops  []func() error
}

// later remembers how to stop what was just started.
func (d *demo) later(stop func() error) { d.stops = append(d.stops, stop) }

// stop stops everything, the latest first: what uses goes before what is used.
func (d *demo) stop() error {
	var errs []error
	for len(d.stops) > 0 {
		last := len(d.stops) - 1
		errs = append(errs, d.stops[last]())
		d.stops = d.stops[:last]
	}
	return errors.Join(errs...)
}

// start binds the ports of the app and of orders first: who may call whom is said in origins, and those have ports.
func (d *demo) start(ctx context.Context, ports Ports) error {
	if err := d.makeFolder(); err != nil {
		return err
	}
	appListener, err := d.listen(ports.App)
	if err != nil {
		return err
	}
	ordersListener, err := d.listen(ports.Orders)
	if err != nil {
		return err
	}
	origin := "http://" + appListener.Addr().String()
	d.at.App, d.at.Issuer = origin+"/", origin+"/auth"
	d.at.Orders = "http://" + ordersListener.Addr().String() + "/orders"

	provider, store, err := d.openBoth(ports.Provider)
	if err != nil {
		return err
	}
	d.at.Provider = provider.BaseURL() + "/"
	app, err := d.newApp(ctx, store, provider)
	if err != nil {
		return err
	}
	orders, err := d.newOrders(origin)
	if err != nil {
		return err
	}
	d.serve(ordersListener, orders)
	d.serve(appListener, app)
	return nil
}

func (d *demo) makeFolder() error {
	folder, err := os.MkdirTemp("", "sallyport-demo-")
	if err != nil {
		return err
	}
	d.at.Folder = folder
	d.later(func() error { return os.RemoveAll(folder) })
	return nil
}

// openBoth does the two slow steps of the start at the same time: the provider generates RSA keys, the
// store makes its file and its schema.
func (d *demo) openBoth(providerPort int) (*idptest.Provider, sallyport.Store, error) {
	var provider *idptest.Provider
	var providerErr error
	var starting sync.WaitGroup
	starting.Go(func() { provider, providerErr = startProvider(providerPort, d.at) })
	store, storeErr := sqlite.Open(d.databasePath())
	starting.Wait()
	if provider != nil {
		d.later(func() error { provider.Close(); return nil })
	}
	if store != nil {
		d.later(store.Close)
	}
	return provider, store, errors.Join(providerErr, storeErr)
}

// startProvider starts the fake Cognito. It knows one client, which comes by two doors: the page's own, and the server's.
// Its name is localhost while the app's is 127.0.0.1: to a browser these are two sites, as they are in production,
// and no cookie of one goes to the other.
func startProvider(port int, at Addresses) (*idptest.Provider, error) {
	config := idptest.Config{
		Personality:    idptest.Cognito,
		ClientID:       "demo-page",
		RedirectURIs:   []string{at.App, at.Issuer + "/callback/" + providerName + "/"},
		AllowedOrigins: []string{strings.TrimSuffix(at.App, "/")},
		ShowUsers:      true,
		FaultPage:      true,
		Listen:         loopback(port),
		Host:           "localhost",
	}
	provider, err := idptest.Start(config)
	if err != nil && port != 0 {
		config.Listen = loopback(0)
		provider, err = idptest.Start(config)
	}
	return provider, err
}

// listen binds a port, or a free one in its place.
func (d *demo) listen(port int) (net.Listener, error) {
	listener, err := net.Listen("tcp", loopback(port))
	if err != nil && port != 0 {
		listener, err = net.Listen("tcp", loopback(0))
	}
	if err != nil {
		return nil, err
	}
	d.later(func() error {
		if err := listener.Close(); !errors.Is(err, net.ErrClosed) { // its server has closed it already
			return err
		}
		return nil
	})
	return listener, nil
}

func loopback(port int) string { return fmt.Sprintf("127.0.0.1:%d", port) }
