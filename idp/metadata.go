package idp

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// metadata is what is known of a provider besides its keys: from its discovery document (OpenID Connect Discovery 1.0
// §3, RFC 8414 §2), or from the settings. An address that is not known is "".
type metadata struct {
	authorization, token, userinfo, endSession, jwksURI string

	algorithms  []string // that it says it signs ID tokens with; nil when it has not said
	authMethods []string // "token_endpoint_auth_methods_supported"; nil when it has not said
	sendsIss    bool     // it announces "iss" in authorization responses (RFC 9207 §3)
	found       bool     // in a discovery document, so that what is missing may come
}

// signsWith reports whether the provider says that it signs with alg, or has said nothing. RFC 9864's
// name for EdDSA with Ed25519 is the same algorithm.
func (m *metadata) signsWith(alg jws.Algorithm) bool {
	if m.algorithms == nil {
		return true
	}
	for _, name := range m.algorithms {
		if name == string(alg) || name == "Ed25519" && alg == jws.EdDSA {
			return true
		}
	}
	return false
}

// override replaces what the settings name.
func (m *metadata) override(by metadata) *metadata {
	over := *m
	for _, one := range []struct{ to, from *string }{
		{&over.authorization, &by.authorization}, {&over.token, &by.token}, {&over.jwksURI, &by.jwksURI},
	} {
		if *one.from != "" {
			*one.to = *one.from
		}
	}
	return &over
}

// source says where a provider's addresses are.
type source interface {
	// metadata is all that is known. It may wait for the provider.
	metadata(context.Context) (*metadata, error)
	// jwks is the address of the keys, for which nobody is asked when the settings have it.
	jwks(context.Context) (string, error)
	// held is what metadata gave last, nil for nothing. It waits for nobody.
	held() *metadata
	close()
}

// fixed is for a provider whose addresses are known from its settings.
type fixed metadata

func (f *fixed) metadata(context.Context) (*metadata, error) { return (*metadata)(f), nil }
func (f *fixed) jwks(context.Context) (string, error)        { return f.jwksURI, nil }
func (f *fixed) held() *metadata                             { return (*metadata)(f) }
func (f *fixed) close()                                      {}

const (
	// maxDiscovery bounds a discovery document, in bytes.
	maxDiscovery = 512 << 10
	// discoveryLimit bounds how long one may take.
	discoveryLimit = 5 * time.Second
	// discoveryLife is how long a document is believed before another is asked for, in the background.
	discoveryLife = 10 * time.Minute
	// discoveryStale is how long it is believed while no other can be had.
	discoveryStale = 24 * time.Hour
	// discoveryGap is the least time between two requests for it.
	discoveryGap = 30 * time.Second
)

// discovery asks for the discovery document of an issuer when it is needed, so a provider that is down at the start needs
// no restart, and keeps it.
type discovery struct {
	issuer string
	given  metadata // what the settings say wins
	client *http.Client
	now    func() time.Time

	current atomic.Pointer[snapshot]
	running sync.WaitGroup

	mu       sync.Mutex // held for a few instructions, never during a fetch
	fetching *fetching  // under way, else nil
	asked    time.Time  // when the last fetch began
	failure  error      // of the last fetch
	closed   bool
}

// fetching is a fetch that several may wait for. It goes on when the one who caused it leaves.
type fetching struct {
	done   chan struct{}
	cancel context.CancelFunc
}

type snapshot struct {
	metadata *metadata
	at       time.Time
}

func newDiscovery(issuer string, given metadata, client *http.Client, now func() time.Time) *discovery {
	return &discovery{issuer: issuer, given: given, client: client, now: now}
}

func (d *discovery) held() *metadata {
	if s := d.current.Load(); s != nil {
		return s.metadata
	}
	return nil
}

func (d *discovery) jwks(ctx context.Context) (string, error) {
	if d.given.jwksURI != "" {
		return d.given.jwksURI, nil
	}
	m, err := d.metadata(ctx)
	if err != nil {
		return "", err
	}
	return m.jwksURI, nil
}

func (d *discovery) close() {
	d.mu.Lock()
	d.closed = true
	if d.fetching != nil {
		d.fetching.cancel()
	}
	d.mu.Unlock()
	d.running.Wait()
}

// metadata is what the document says. It waits for a fetch only while there is no document that may be believed.
func (d *discovery) metadata(ctx context.Context) (*metadata, error) {
	held := d.current.Load()
	if held != nil && within(d.now(), held.at, discoveryLife) {
		return held.metadata, nil
	}
	fetched := d.fetch()
	if held != nil && within(d.now(), held.at, discoveryStale) {
		return held.metadata, nil
	}
	select {
	case <-fetched:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if held = d.current.Load(); held != nil && within(d.now(), held.at, discoveryStale) {
		return held.metadata, nil
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, errors.New("the provider has been closed")
	}
	if d.failure == nil { // the clock was set while we waited
		return nil, errors.New("the discovery document is too old")
	}
	return nil, d.failure
}

// within reports whether now is less than span after then. A clock that was set back starts anew.
func within(now, then time.Time, span time.Duration) bool {
	age := now.Sub(then)
	return age >= 0 && age < span
}

// fetch starts a fetch, unless one runs or ran a moment ago, and returns what is closed when it has ended.
func (d *discovery) fetch() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.fetching != nil {
		return d.fetching.done
	}
	done := make(chan struct{})
	if within(d.now(), d.asked, discoveryGap) || d.closed {
		close(done)
		return done
	}
	ctx, cancel := context.WithTimeout(context.Background(), discoveryLimit)
	d.asked, d.fetching = d.now(), &fetching{done, cancel}
	d.running.Go(func() {
		defer cancel()
		m, err := fetchDiscovery(ctx, d.issuer, d.client)
		if err == nil {
			m = m.override(d.given)
			err = required("jwks_uri", m.jwksURI)
		}
		if err == nil {
			d.current.Store(&snapshot{m, d.now()})
		}
		d.mu.Lock()
		defer d.mu.Unlock()
		d.fetching = nil
		if err != nil {
			d.failure = fmt.Errorf("discovery of %s: %w", d.issuer, err)
		}
		close(done)
	})
	return done
}

// fetchDiscovery reads the document and checks that it is this issuer's (OpenID Connect Discovery 1.0
// §4.3): otherwise one provider could speak for another.
func fetchDiscovery(ctx context.Context, issuer string, client *http.Client) (*metadata, error) {
	document, err := getJSON(ctx, client, strings.TrimSuffix(issuer, "/")+"/.well-known/openid-configuration", "", maxDiscovery)
	if err != nil {
		return nil, err
	}
	if document["issuer"] != issuer {
		name, _ := document["issuer"].(string)
		return nil, fmt.Errorf("the document is that of another issuer, %q; if that is the one you mean, write exactly this", name[:min(len(name), 200)])
	}
	m := &metadata{found: true}
	var faults []error
	for _, one := range []struct {
		name string
		to   *string
	}{
		{"authorization_endpoint", &m.authorization}, {"token_endpoint", &m.token}, {"userinfo_endpoint", &m.userinfo},
		{"end_session_endpoint", &m.endSession}, {"jwks_uri", &m.jwksURI},
	} {
		text, _ := document[one.name].(string)
		if text == "" {
			continue // what needs it says so
		}
		faults = append(faults, checkEndpoint(one.name, text))
		*one.to = text
	}
	m.algorithms, _ = strictjson.Strings(document["id_token_signing_alg_values_supported"])
	m.authMethods, _ = strictjson.Strings(document["token_endpoint_auth_methods_supported"])
	m.sendsIss = document["authorization_response_iss_parameter_supported"] == true
	return m, errors.Join(faults...)
}
