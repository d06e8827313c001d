package idp

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify"
)

// common are the settings that all providers have, under the names of their fields.
type common struct {
	kind, Name, ClientID, ClientSecret   string
	Audiences, Scopes                    []string
	Linking                              sallyport.Linking
	CreateUsers, RequireVerifiedEmail    *bool
	Sync                                 *bool
	RequireNonce                         bool
	MaxTokenAge                          time.Duration
	LogoutReturnTo                       string
	AuthorizationEndpoint, TokenEndpoint string
	JWKSURI                              string
	Client                               *http.Client
	standardScopes                       []string
	requiresVerifiedEmail                bool // by default
}

// check joins the faults of the common settings and those that the caller found.
func (c *common) check(own ...error) error {
	if err := errors.Join(append(c.faults(), own...)...); err != nil {
		return fmt.Errorf("idp.%s %q: %w", c.kind, c.Name, err)
	}
	return nil
}

func (c *common) faults() []error {
	faults := []error{required("Name", c.Name), required("ClientID", c.ClientID), checkAudiences(c.Audiences), checkMaxAge(c.MaxTokenAge)}
	if !slices.Contains([]sallyport.Linking{"", sallyport.LinkDeny, sallyport.LinkVerifiedEmail}, c.Linking) {
		faults = append(faults, fault("Linking", "%q: want %q or %q", c.Linking, sallyport.LinkDeny, sallyport.LinkVerifiedEmail))
	}
	for _, scope := range c.Scopes {
		if scope == "" || strings.ContainsFunc(scope, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
			faults = append(faults, fault("Scopes", "%q is no scope (RFC 6749 §3.3)", scope))
		}
	}
	// OpenID Connect Core 1.0 §3.1.2.1: without openid there is no ID token.
	if len(c.Scopes) > 0 && slices.Contains(c.standardScopes, "openid") && !slices.Contains(c.Scopes, "openid") {
		faults = append(faults, fault("Scopes", "openid is missing, without which the provider gives no ID token"))
	}
	if c.JWKSURI != "" {
		faults = append(faults, checkURL("JWKSURI", c.JWKSURI))
	}
	for _, one := range []struct{ field, address string }{
		{"AuthorizationEndpoint", c.AuthorizationEndpoint}, {"TokenEndpoint", c.TokenEndpoint}, {"LogoutReturnTo", c.LogoutReturnTo},
	} {
		if one.address != "" {
			faults = append(faults, checkEndpoint(one.field, one.address))
		}
	}
	if (c.AuthorizationEndpoint == "") != (c.TokenEndpoint == "") {
		faults = append(faults, fault("TokenEndpoint", "it and AuthorizationEndpoint go together; give both or neither"))
	}
	return faults
}

// given is what the settings say of the addresses.
func (c *common) given() metadata {
	return metadata{authorization: c.AuthorizationEndpoint, token: c.TokenEndpoint, jwksURI: c.JWKSURI}
}

// party makes what all providers have; the caller adds the source and what is special. The hosts of the addresses, which are those
// of the settings, may be private.
func (c *common) party(opts sallyport.ProviderOptions, addresses ...string) party {
	client := c.Client
	if client == nil {
		var names []string
		for _, address := range append(addresses, c.AuthorizationEndpoint, c.TokenEndpoint, c.JWKSURI) {
			names = append(names, host(address))
		}
		client = verify.HTTPClient(names...)
	}
	scopes := c.Scopes
	if len(scopes) == 0 {
		scopes = c.standardScopes
	}
	return party{
		name: c.Name, scopes: scopes, http: verify.Confine(client), now: opts.Now,
		client: registration{id: c.ClientID, secret: fixedSecret(c.ClientSecret)},
		logout: rpLogout(c.ClientID, c.LogoutReturnTo),
		policy: sallyport.ProviderPolicy{
			CreateUsers:          orDefault(c.CreateUsers, true),
			RequireVerifiedEmail: orDefault(c.RequireVerifiedEmail, c.requiresVerifiedEmail),
			Linking:              cmp.Or(c.Linking, sallyport.LinkDeny),
			Sync:                 orDefault(c.Sync, true),
		},
	}
}

// openID are the scopes of OpenID Connect Core 1.0 §5.4 that an account is made of.
var openID = []string{"openid", "profile", "email"}

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

// checkIssuer is checkURL for an issuer, in whose place people write the address of its document.
func checkIssuer(text string) error {
	if strings.Contains(text, "/.well-known/") {
		return fault("Issuer", "it is the address of a document; write the issuer that stands in it")
	}
	return checkURL("Issuer", text)
}

// checkEndpoint is checkURL for an address that may have a query (RFC 6749 §3.1).
func checkEndpoint(field, text string) error {
	before, _, _ := strings.Cut(text, "?")
	return checkURL(field, before)
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

func host(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Hostname()
}
