package idp

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// OIDC is the settings of an OpenID provider that publishes a discovery document.
type OIDC struct {
	Name     string // of the provider in logs and listings; required
	Issuer   string // exactly as in the provider's tokens, compared byte by byte; required
	ClientID string // required
	// Audiences are further client ids of the same provider whose tokens are accepted: those of the
	// mobile apps, say. An audience outside ClientID and Audiences refuses the token.
	Audiences []string
	// JWKSURI is where the keys are. Default: what the discovery document says.
	JWKSURI string

	RequireNonce bool          // refuse an exchange that names no nonce
	MaxTokenAge  time.Duration // an ID token issued longer ago is refused; default 10 minutes

	CreateUsers          *bool // whether an unknown identity becomes a user; default true
	RequireVerifiedEmail *bool // whether an address said to be unverified keeps a user from being made; default true

	Client *http.Client // default: verify.HTTPClient, with its limits
}

// Open checks the settings; all faults come joined.
func (o OIDC) Open(opts sallyport.ProviderOptions) (sallyport.IdentityProvider, error) {
	faults := []error{required("Name", o.Name), required("ClientID", o.ClientID), checkURL("Issuer", o.Issuer), checkAudiences(o.Audiences), checkMaxAge(o.MaxTokenAge)}
	if o.JWKSURI != "" {
		faults = append(faults, checkURL("JWKSURI", o.JWKSURI))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, named("OIDC", o.Name, err)
	}
	client := o.Client
	if client == nil {
		client = verify.HTTPClient(host(o.Issuer), host(o.JWKSURI))
	}
	locate := newDiscovery(o.Issuer, verify.Confine(client))
	if o.JWKSURI != "" {
		locate = fixed(o.JWKSURI)
	}
	return &relyingParty{
		name: o.Name,
		issuers: []issuer{{o.Issuer, locate, verify.NewKeySet(verify.KeySetConfig{
			Locate: locate.keySet, Client: client, Now: opts.Now, Logger: opts.Logger,
		})}},
		audiences:  append([]string{o.ClientID}, o.Audiences...),
		algorithms: []jws.Algorithm{jws.RS256, jws.ES256, jws.EdDSA},
		nonce:      o.RequireNonce,
		maxAge:     cmp.Or(o.MaxTokenAge, standardMaxAge),
		now:        opts.Now,
		leeway:     opts.Leeway,
		policy: sallyport.ProviderPolicy{
			CreateUsers:          orDefault(o.CreateUsers, true),
			RequireVerifiedEmail: orDefault(o.RequireVerifiedEmail, true),
		},
	}, nil
}

// standardMaxAge is the default of MaxTokenAge.
const standardMaxAge = 10 * time.Minute

func orDefault(b *bool, standard bool) bool {
	if b == nil {
		return standard
	}
	return *b
}

// fault is an error about one field of a provider's configuration.
func fault(field, format string, args ...any) error {
	return &sallyport.ConfigError{Package: "idp", Field: field, Problem: fmt.Sprintf(format, args...)}
}

func required(field, value string) error {
	if value == "" {
		return fault(field, "it is missing")
	}
	return nil
}

func checkAudiences(audiences []string) error {
	if slices.Contains(audiences, "") {
		return fault("Audiences", "it holds an empty name")
	}
	return nil
}

func checkMaxAge(age time.Duration) error {
	if age < 0 || age > maxMaxAge {
		return fault("MaxTokenAge", "it is %v, want at most %v", age, maxMaxAge)
	}
	return nil
}

// checkURL does not show a URL that may hold a password. It demands https, or http on a loopback host: keys that travel in clear can be replaced.
func checkURL(field, text string) error {
	if text == "" {
		return required(field, text)
	}
	u, err := url.Parse(text)
	switch {
	case err == nil && u.User != nil:
		return fault(field, "it holds a user")
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "":
		return fault(field, "it is not an absolute URL without user, query and fragment")
	case u.Scheme == "https", u.Scheme == "http" && sallyport.IsLoopback(u.Hostname()):
		return nil
	}
	return fault(field, "%q: want https, or http on a loopback host", text)
}

func named(kind, name string, err error) error {
	return fmt.Errorf("idp.%s %q: %w", kind, name, err)
}

func host(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
