package interop

import (
	"context"
	"crypto"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

const (
	openIDProvider = "https://op.example.com"
	clientID       = "spa"
)

// relyingParties are ours and go-oidc, configured for one provider.
type relyingParties struct {
	ours   sallyport.IdentityProvider
	goOIDC *oidc.IDTokenVerifier
}

func newRelyingParties(t testing.TB, signers []signer) relyingParties {
	t.Helper()
	keySet := keySetOf(t, signers)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(keySet) }))
	t.Cleanup(server.Close)
	ours, err := idp.OIDC{Name: "op", Issuer: openIDProvider, ClientID: clientID, JWKSURI: server.URL}.Open(sallyport.ProviderOptions{
		Now: func() time.Time { return today }, Leeway: leeway, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close() })
	var public []crypto.PublicKey
	for _, s := range signers {
		public = append(public, s.private.Public())
	}
	return relyingParties{ours, oidc.NewVerifier(openIDProvider, &oidc.StaticKeySet{PublicKeys: public}, &oidc.Config{
		ClientID: clientID, SupportedSigningAlgs: jwtMethods,
		Now: func() time.Time { return today.Add(-leeway) }, // go-oidc knows no leeway for the end; for nbf it has five minutes
	})}
}

func (rp relyingParties) ask(token string) (subject string, err error) {
	u, err := jws.Parse(token, maxBytes)
	if err != nil {
		return "", err
	}
	claims, err := strictjson.ParseObject(u.Payload())
	if err != nil {
		return "", err
	}
	assertion, err := rp.ours.VerifyIDToken(context.Background(), sallyport.IDToken{Token: u, Claims: claims})
	if err != nil {
		return "", err
	}
	return assertion.Subject, nil
}

func goodIDToken() map[string]any {
	return map[string]any{"iss": openIDProvider, "sub": "alice", "aud": clientID, "exp": today.Unix() + 300, "iat": today.Unix()}
}

// FuzzIDToken holds the law of ID tokens: what we accept, go-oidc accepts with the same expectations, for the same subject.
func FuzzIDToken(f *testing.F) {
	signers := newSigners(f)
	rp := newRelyingParties(f, signers)
	for i, s := range signers {
		header := strings.Replace(s.header(), "at+jwt", "JWT", 1)
		good := string(marshal(f, goodIDToken()))
		if _, err := rp.ask(s.token(f, header, good)); err != nil {
			f.Fatalf("the good %s token is refused: %v", s.alg, err)
		}
		for _, c := range spoiltClaims {
			claims := goodIDToken()
			if claims[c.claim] = c.value; c.value == absent {
				delete(claims, c.claim)
			}
			f.Add(uint8(i), header, string(marshal(f, claims)))
		}
		for _, add := range []string{`"azp":"spa",`, `"azp":"other",`, `"azp":1,`, `"nonce":"n",`, `"token_use":"access",`, `"at_hash":"x",`, `"email":"a@b","email_verified":"true",`, `"events":{},`} {
			f.Add(uint8(i), header, strings.Replace(good, "{", "{"+add, 1))
		}
		for _, p := range spoiltPayloads {
			f.Add(uint8(i), header, p.change(good))
		}
		f.Add(uint8(i), strings.Replace(header, `"typ"`, `"crit":[],"typ"`, 1), good)
		f.Add(uint8(i), strings.Replace(header, "JWT", "at+jwt", 1), good)
	}
	f.Fuzz(func(t *testing.T, which uint8, header, payload string) {
		token := signers[int(which)%len(signers)].token(t, header, payload)
		subject, err := rp.ask(token)
		if errors.Is(err, sallyport.ErrProviderUnavailable) {
			t.Errorf("%q: %v, although the keys are there", token, err)
		}
		if err != nil || readsMore(token, "jwk", "x5c", "nonce") || saysEd25519(token) || foldsIntoAnother(payload) {
			return
		}
		theirs, err := rp.goOIDC.Verify(context.Background(), token)
		if err != nil {
			t.Errorf("we accept %q with %q, go-oidc says %v", header, payload, err)
		} else if theirs.Subject != subject {
			t.Errorf("in %q we read the subject %q, go-oidc %q", payload, subject, theirs.Subject)
		}
	})
}

// foldsIntoAnother reports a claim that encoding/json, on which go-oidc builds, takes for one of these.
func foldsIntoAnother(payload string) bool {
	claims, err := strictjson.ParseObject([]byte(payload))
	if err != nil {
		return false
	}
	for name := range claims {
		for _, read := range []string{"iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "at_hash", "_claim_names", "_claim_sources"} {
			if name != read && strings.EqualFold(name, read) {
				return true
			}
		}
	}
	return false
}

// TestSubjectThatFolds is why names are compared exactly (RFC 7519 §4, RFC 8259 §8.3): under a right signature we read one
// subject and a decoder that folds names another, with U+017F for its s.
func TestSubjectThatFolds(t *testing.T) {
	signers := newSigners(t)
	rp := newRelyingParties(t, signers)
	claims := goodIDToken()
	claims["\u017fub"] = "mallory"
	token := signers[0].token(t, strings.Replace(signers[0].header(), "at+jwt", "JWT", 1), string(marshal(t, claims)))
	if subject, err := rp.ask(token); err != nil || subject != "alice" {
		t.Errorf("VerifyIDToken = %q, %v, want alice", subject, err)
	}
	theirs, err := rp.goOIDC.Verify(t.Context(), token)
	if err != nil || theirs.Subject != "mallory" {
		t.Errorf("go-oidc = %+v, %v; when it reads alice, FuzzIDToken needs foldsIntoAnother no longer", theirs, err)
	}
}
