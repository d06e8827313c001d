package idp

import (
	"cmp"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"time"

	"golang.org/x/oauth2"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

const appleIssuer = "https://appleid.apple.com"

// Apple is the settings of a Services ID at Apple.
//
// Apple has no client secret to copy: it is a JWT that the team's key signs, made here for each login. It answers by a
// form, which the browser posts across sites, so the cookie of the login is SameSite=None.
type Apple struct {
	Name     string // default "apple"
	ClientID string // the Services ID; required
	TeamID   string // a login needs it, KeyID and PrivateKey
	KeyID    string
	// PrivateKey is the content of the .p8 file: a PEM block of PKCS #8 with a P-256 key.
	PrivateKey string
	// Audiences are further identifiers whose tokens are accepted: the bundle ids of the team's apps.
	Audiences []string
	Scopes    []string // that a login asks for; default openid, name, email
	// Issuer replaces Apple's, for an emulator.
	Issuer string

	Linking      sallyport.Linking // of an unknown identity to a user with its address; default sallyport.LinkDeny
	Sync         *bool             // names and address follow the provider at each sign-in; default true
	RequireNonce bool              // refuse an exchange that names no nonce
	MaxTokenAge  time.Duration     // an ID token issued longer ago is refused; default 10 minutes

	CreateUsers          *bool // whether an unknown identity becomes a user; default true
	RequireVerifiedEmail *bool // whether an address said to be unverified keeps a user from being made; default true

	Client *http.Client // default: verify.HTTPClient, with its limits
}

// Open checks the settings; all faults come joined.
func (a Apple) Open(opts sallyport.ProviderOptions) (sallyport.IdentityProvider, error) {
	c := common{
		kind: "Apple", Name: cmp.Or(a.Name, "apple"), ClientID: a.ClientID, Audiences: a.Audiences, Scopes: a.Scopes,
		Linking: a.Linking, Sync: a.Sync, RequireNonce: a.RequireNonce, MaxTokenAge: a.MaxTokenAge, CreateUsers: a.CreateUsers, RequireVerifiedEmail: a.RequireVerifiedEmail,
		Client: a.Client, requiresVerifiedEmail: true,
		standardScopes: []string{"openid", "name", "email"},
	}
	issuer := cmp.Or(a.Issuer, appleIssuer)
	key, err := a.key()
	if err := c.check(checkIssuer(issuer), err); err != nil {
		return nil, err
	}
	rp := newRelyingParty(c.party(opts, issuer), &c, opts, ways{email: appleEmail, posted: appleNames})
	rp.formPost = true // name and email are given by no other way
	rp.client.authStyle = oauth2.AuthStyleInParams
	if key == nil {
		rp.tokensOnly = "the team ID, the key ID and the private key"
	} else {
		rp.client.secret = func() (string, error) { return a.secret(key, issuer, opts.Now()) }
	}
	rp.addIssuer(newDiscovery(issuer, metadata{}, rp.http, opts.Now), opts, issuer, issuer)
	return rp, nil
}

// key reads the team's key; nil when there is none, and only tokens are exchanged.
func (a Apple) key() (*ecdsa.PrivateKey, error) {
	if a.PrivateKey == "" && a.KeyID == "" && a.TeamID == "" {
		return nil, nil
	}
	faults := []error{required("TeamID", a.TeamID), required("KeyID", a.KeyID), required("PrivateKey", a.PrivateKey)}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(a.PrivateKey))
	if block == nil {
		return nil, fault("PrivateKey", "it is no PEM block; give the content of the .p8 file")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(*ecdsa.PrivateKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, fault("PrivateKey", "it is no P-256 key in PKCS #8; give the content of the .p8 file")
	}
	return key, nil
}

// appleSecretLife is how long a client secret is good; Apple takes up to 15,777,000 s.
const appleSecretLife = 5 * time.Minute

// secret makes a client secret (Apple, Creating a client secret).
func (a Apple) secret(key *ecdsa.PrivateKey, issuer string, now time.Time) (string, error) {
	payload, err := json.Marshal(map[string]any{
		"iss": a.TeamID, "sub": a.ClientID, "aud": issuer, "iat": now.Unix(), "exp": now.Add(appleSecretLife).Unix(),
	})
	if err != nil {
		return "", err
	}
	return jws.Sign(key, jws.SignHeader{KeyID: a.KeyID}, payload)
}

// appleNames takes the name that Apple posts beside the first code of a user, and never again. It is unsigned, so it is
// good for showing alone: the address beside it is not looked at.
func appleNames(a *sallyport.Assertion, user string) {
	posted, err := strictjson.ParseObject([]byte(user))
	if err != nil {
		return
	}
	name, _ := posted["name"].(map[string]any)
	first, _ := name["firstName"].(string)
	last, _ := name["lastName"].(string)
	a.FirstName, a.LastName = cmp.Or(a.FirstName, first), cmp.Or(a.LastName, last)
}
