package interop

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	capoidc "github.com/hashicorp/cap/oidc"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// The two others about ID tokens, by the names that the lists use.
const (
	goOIDC = "go-oidc"
	hcap   = "cap"
)

// What the three are told to expect of an ID token.
const (
	clientID  = "spa"
	furtherID = "ios" // another client of ours, whose tokens are welcome too
	sentNonce = "nonce-of-this-login"
	// maxPosted is the longest ID token that an exchange or a callback looks at, in bytes.
	maxPosted = 16 << 10
)

// newOpenIDProvider is a provider whose clock stands still, with a key for each algorithm.
func newOpenIDProvider(t testing.TB) (*idptest.Provider, []signer) {
	t.Helper()
	fake := idptest.New(t, idptest.Config{ClientID: clientID, Now: func() time.Time { return today }})
	signers := newSigners(t)
	publish(t, fake, string(keySetOf(t, signers)))
	fake.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Edit(func(document map[string]any) {
		document["id_token_signing_alg_values_supported"] = jwtMethods
	}))
	return fake, signers
}

// publish replaces the provider's key set by a text.
func publish(t testing.TB, fake *idptest.Provider, keySet string) {
	t.Helper()
	fake.Fault(idptest.UntilCleared, idptest.JWKS, idptest.Answer(http.StatusOK, "application/json", keySet))
}

// relyingParties have discovered the same provider and wait for its tokens.
type relyingParties struct {
	ours   sallyport.IdentityProvider
	goOIDC []*oidc.IDTokenVerifier // one for each client: a verifier knows one
	cap    *capoidc.Provider
}

// newRelyingParties sets the clock of the two others, who give no leeway at the end of a token. Each is the client spa,
// and takes tokens for the further clients as well.
func newRelyingParties(t testing.TB, fake *idptest.Provider, theirs time.Time, further ...string) *relyingParties {
	t.Helper()
	rp := &relyingParties{ours: newOurs(t, fake, func() time.Time { return today }, further)}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	now := func() time.Time { return theirs }

	found, err := oidc.NewProvider(oidc.ClientContext(context.Background(), &http.Client{Transport: transport}), fake.Issuer())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range append([]string{clientID}, further...) {
		rp.goOIDC = append(rp.goOIDC, found.Verifier(&oidc.Config{ClientID: id, SupportedSigningAlgs: jwtMethods, Now: now}))
	}

	opts := []capoidc.Option{capoidc.WithNow(now), capoidc.WithRoundTripper(transport)}
	if len(further) > 0 {
		opts = append(opts, capoidc.WithAudiences(append([]string{clientID}, further...)...))
	}
	config, err := capoidc.NewConfig(fake.Issuer(), clientID, "", []capoidc.Alg{capoidc.ES256, capoidc.EdDSA, capoidc.RS256}, nil, opts...)
	if err != nil {
		t.Fatal(err)
	}
	if rp.cap, err = capoidc.NewProvider(config); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rp.cap.Done)
	return rp
}

func newOurs(t testing.TB, fake *idptest.Provider, now func() time.Time, further []string) sallyport.IdentityProvider {
	t.Helper()
	ours, err := idp.OIDC{Name: "op", Issuer: fake.Issuer(), ClientID: clientID, Audiences: further}.Open(sallyport.ProviderOptions{
		Now: now, Leeway: leeway, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	return ours
}

// posted is what an app hands over, and in the cases about keys what the provider publishes.
type posted struct {
	idToken, accessToken string
	nonce                *string // that was sent to the provider; nil when nobody says
	keySet               string  // "" for the usual one
	further              bool    // the client ios is ours too
}

// form is the input of a variant.
func (p posted) form() string {
	values := url.Values{"id_token": {p.idToken}, "access_token": {p.accessToken}, "key_set": {p.keySet}, "further": {strconv.FormatBool(p.further)}}
	if p.nonce != nil {
		values["nonce"] = []string{*p.nonce}
	}
	return values.Encode()
}

func readForm(form string) (posted, error) {
	values, err := url.ParseQuery(form)
	if err != nil {
		return posted{}, err
	}
	p := posted{idToken: values.Get("id_token"), accessToken: values.Get("access_token"), keySet: values.Get("key_set"), further: values.Get("further") == "true"}
	if values.Has("nonce") {
		nonce := values.Get("nonce")
		p.nonce = &nonce
	}
	return p, nil
}

// asking makes a judge of a question about what is posted.
func asking(name string, ask func(posted) verdict) judge {
	return judge{name, func(form string) verdict {
		p, err := readForm(form)
		if err != nil {
			return refused(err)
		}
		return ask(p)
	}}
}

// idTokenJudges ask who has signed in; the payload of their verdict is the subject.
func idTokenJudges(of func(posted) *relyingParties) (ours judge, others []judge) {
	return asking("ours", func(p posted) verdict { return of(p).oursIDToken(p) }), []judge{
		asking(goOIDC, func(p posted) verdict { return of(p).goOIDCIDToken(p) }),
		asking(hcap, func(p posted) verdict { return of(p).capIDToken(p) }),
	}
}

// oursIDToken reads what is posted as Service.Exchange does.
func (rp *relyingParties) oursIDToken(p posted) verdict {
	if p.idToken == p.accessToken {
		return refused(sallyport.ErrIDTokenInvalid)
	}
	u, err := jws.Parse(p.idToken, maxPosted)
	if err != nil {
		return refused(err)
	}
	claims, err := strictjson.ParseObject(u.Payload())
	if err != nil {
		return refused(err)
	}
	a, err := rp.ours.VerifyIDToken(context.Background(), sallyport.IDToken{Token: u, Claims: claims, AccessToken: p.accessToken, Nonce: p.nonce})
	if err != nil {
		return refused(err)
	}
	return verdict{payload: []byte(a.Subject)}
}

// goOIDCIDToken asks go-oidc as it comes: the nonce it leaves to its caller, and so every verdict about one. A hash is
// checked where there is one, as OpenID Connect Core 1.0 §3.1.3.8 has it.
func (rp *relyingParties) goOIDCIDToken(p posted) verdict {
	return firstThat(rp.goOIDC, func(verifier *oidc.IDTokenVerifier) verdict {
		token, err := verifier.Verify(context.Background(), p.idToken)
		if err == nil && p.accessToken != "" && token.AccessTokenHash != "" {
			err = token.VerifyAccessToken(p.accessToken)
		}
		if err != nil {
			return refused(err)
		}
		return verdict{payload: []byte(token.Subject)}
	})
}

// capIDToken expects the nonce that was sent. When nobody says which, cap, which takes no token without one, gets that
// of the token.
func (rp *relyingParties) capIDToken(p posted) verdict {
	request, err := capoidc.NewRequest(time.Hour, "http://127.0.0.1/callback", capoidc.WithNonce(cmp.Or(nonceFor(p), "none")))
	if err != nil {
		return refused(err)
	}
	token := capoidc.IDToken(p.idToken)
	claims, err := rp.cap.VerifyIDToken(context.Background(), token, request)
	if err == nil && p.accessToken != "" {
		_, err = token.VerifyAccessToken(capoidc.AccessToken(p.accessToken))
	}
	if err != nil {
		return refused(err)
	}
	subject, _ := claims["sub"].(string)
	return verdict{payload: []byte(subject)}
}

func nonceFor(p posted) string {
	if p.nonce != nil {
		return *p.nonce
	}
	_, claims, err := idptest.Decode(p.idToken)
	if err != nil {
		return ""
	}
	nonce, _ := claims["nonce"].(string)
	return nonce
}

// logoutJudges ask who has signed out. cap reads no logout tokens.
func (rp *relyingParties) logoutJudges() (ours judge, others []judge) {
	return judge{"ours", rp.oursLogout}, []judge{{goOIDC, rp.goOIDCLogout}}
}

func (rp *relyingParties) oursLogout(token string) verdict {
	notice, err := rp.ours.VerifyLogoutToken(context.Background(), token)
	if err != nil {
		return refused(err)
	}
	return verdict{payload: []byte(notice.Subject + " " + notice.SessionID)}
}

func (rp *relyingParties) goOIDCLogout(token string) verdict {
	return firstThat(rp.goOIDC, func(verifier *oidc.IDTokenVerifier) verdict {
		notice, err := verifier.VerifyLogout(context.Background(), token)
		if err != nil {
			return refused(err)
		}
		return verdict{payload: []byte(notice.Subject + " " + notice.SessionID)}
	})
}
