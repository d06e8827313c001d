package idp

import (
	"cmp"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// Cognito is the settings of an Amazon Cognito user pool and one of its app clients.
//
// AWS writes the issuer of a pool in one of two forms, chosen per pool
// (https://cognito-idp.REGION.amazonaws.com/POOL and https://issuer-cognito-idp.REGION.amazonaws.com/POOL,
// Cognito API reference, IssuerConfigurationType). Both are accepted, and an identity is stored under
// the first, so that a switch makes nobody a second user.
type Cognito struct {
	Name     string // default "cognito"
	Region   string // "eu-central-1"; required unless Issuer is set
	UserPool string // "eu-central-1_AbCdEfGhI"; required unless Issuer is set
	ClientID string // of the app client; required
	// Issuer replaces both forms, for an emulator.
	Issuer string
	// Audiences are further app clients of the pool.
	Audiences []string

	RequireNonce bool          // refuse an exchange that names no nonce; Amplify's own sign-in has none
	MaxTokenAge  time.Duration // default 10 minutes

	CreateUsers *bool // default true
	// RequireVerifiedEmail is false by default: users who come to the pool from another provider are
	// unverified there unless the pool maps email_verified.
	RequireVerifiedEmail *bool

	Client *http.Client // default: verify.HTTPClient, with its limits
}

var (
	cognitoRegion = regexp.MustCompile(`^[a-z]{2}(-[a-z0-9]+)+-[0-9]+$`)
	cognitoPool   = regexp.MustCompile(`^[a-z0-9-]+_[0-9A-Za-z]+$`)
)

// Open checks the settings; all faults come joined.
func (c Cognito) Open(opts sallyport.ProviderOptions) (sallyport.IdentityProvider, error) {
	if c.Name == "" {
		c.Name = "cognito"
	}
	if err := c.check(); err != nil {
		return nil, named("Cognito", c.Name, err)
	}
	rp := &relyingParty{
		name:       c.Name,
		audiences:  append([]string{c.ClientID}, c.Audiences...),
		algorithms: []jws.Algorithm{jws.RS256},
		nonce:      c.RequireNonce,
		maxAge:     cmp.Or(c.MaxTokenAge, standardMaxAge),
		now:        opts.Now,
		leeway:     opts.Leeway,
		cognito:    true,
		policy: sallyport.ProviderPolicy{
			CreateUsers:          orDefault(c.CreateUsers, true),
			RequireVerifiedEmail: orDefault(c.RequireVerifiedEmail, false),
		},
	}
	for _, name := range c.issuers() {
		// Never by discovery: a pool without a domain has none that can be trusted to be complete.
		locate := fixed(name + "/.well-known/jwks.json")
		client := c.Client
		if client == nil {
			client = verify.HTTPClient(host(name))
		}
		rp.issuers = append(rp.issuers, issuer{name, locate, verify.NewKeySet(verify.KeySetConfig{
			Locate: locate.keySet, Client: client, Now: opts.Now, Logger: opts.Logger,
		})})
	}
	return rp, nil
}

func (c Cognito) issuers() []string {
	if c.Issuer != "" {
		return []string{c.Issuer}
	}
	rest := c.Region + ".amazonaws.com/" + c.UserPool
	return []string{"https://cognito-idp." + rest, "https://issuer-cognito-idp." + rest}
}

func (c Cognito) check() error {
	faults := []error{required("ClientID", c.ClientID), checkAudiences(c.Audiences), checkMaxAge(c.MaxTokenAge)}
	if c.Issuer != "" {
		return errors.Join(append(faults, checkURL("Issuer", c.Issuer))...)
	}
	if !cognitoRegion.MatchString(c.Region) {
		faults = append(faults, fault("Region", "%q is no AWS region such as eu-central-1", c.Region))
	}
	if !cognitoPool.MatchString(c.UserPool) {
		faults = append(faults, fault("UserPool", "%q is no user pool id such as eu-central-1_AbCdEfGhI", c.UserPool))
	}
	if cognitoRegion.MatchString(c.Region) && cognitoPool.MatchString(c.UserPool) && !strings.HasPrefix(c.UserPool, c.Region+"_") {
		faults = append(faults, fault("Region", "%q is not the region of user pool %q", c.Region, c.UserPool))
	}
	return errors.Join(faults...)
}
