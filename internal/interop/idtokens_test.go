package interop

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"testing"

	capoidc "github.com/hashicorp/cap/oidc"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

// idTokenFuzz asks the three about what the fuzzer makes. The others have two clocks: at the early one nothing has
// ended that we still accept, at the true one nothing that we accept is issued too late for cap.
type idTokenFuzz struct{ atEarly, atTrue *relyingParties }

// FuzzIDToken holds the law of ID tokens: what we accept, go-oidc and cap accept with the same expectations, for the
// same subject, and it re-encodes to the same bytes. Header and payload are signed as they come; $at_hash in the
// payload is the hash of the access token. Then the text of the token is cut at a position, some characters are dropped
// and others put in.
func FuzzIDToken(f *testing.F) {
	fake, signers := newOpenIDProvider(f)
	asked := idTokenFuzz{newRelyingParties(f, fake, today.Add(-leeway), furtherID), newRelyingParties(f, fake, today, furtherID)}
	for i, s := range signers {
		good := string(marshal(f, goodIDToken(fake.Issuer())))
		if v := asked.atTrue.oursIDToken(posted{idToken: s.token(f, idTokenHeader(s), good), nonce: text(sentNonce)}); v.err != nil {
			f.Fatalf("the good %s token is refused: %v", s.alg, v.err)
		}
		for _, v := range idTokenVariants(f, fake, signers, i) {
			header, payload, accessToken := seed(f, v)
			f.Add(uint8(i), header, payload, accessToken, uint16(0), uint8(0), "")
		}
		f.Add(uint8(i), idTokenHeader(s), strings.Replace(good, "{", `{"email":"a@b","at_hash":"$at_hash",`, 1), "opaque", uint16(0), uint8(0), "")
		for cut := range uint16(12) {
			f.Add(uint8(i), idTokenHeader(s), good, "", cut*40, uint8(1), "A")
			f.Add(uint8(i), idTokenHeader(s), good, "", cut*40, uint8(0), "\n")
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, header, payload, accessToken string, cut uint16, drop uint8, put string) {
		s := signers[int(which)%len(signers)]
		token := s.token(t, header, strings.Replace(payload, "$at_hash", accessTokenHash(s.alg, accessToken), 1))
		at := int(cut) % (len(token) + 1)
		token = token[:at] + put + token[min(at+int(drop), len(token)):]
		asked.hold(t, posted{idToken: token, accessToken: accessToken})
		asked.hold(t, posted{idToken: token, accessToken: accessToken, nonce: text(sentNonce)})
	})
}

// seed is what the fuzzer may begin with of a variant: nothing of a token that has no three parts, or is too long to be
// worth it.
func seed(t testing.TB, v variant) (header, payload, accessToken string) {
	t.Helper()
	p, err := readForm(v.input)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(p.idToken, ".")
	if len(parts) != 3 || len(p.idToken) > 4000 {
		return "", "", ""
	}
	h, _ := base64.RawURLEncoding.DecodeString(parts[0]) // what does not decode is a poor seed and no fault
	c, _ := base64.RawURLEncoding.DecodeString(parts[1])
	return string(h), string(c), p.accessToken
}

func accessTokenHash(alg jws.Algorithm, token string) string {
	if alg == jws.EdDSA {
		sum := sha512.Sum512([]byte(token))
		return b64(string(sum[:32]))
	}
	sum := sha256.Sum256([]byte(token))
	return b64(string(sum[:16]))
}

func (f idTokenFuzz) hold(t *testing.T, p posted) {
	t.Helper()
	own := f.atTrue.oursIDToken(p)
	if errors.Is(own.err, sallyport.ErrProviderUnavailable) {
		t.Errorf("%q: %v, although the keys are there", p.idToken, own.err)
	}
	if own.err != nil {
		return
	}
	if again := reencoded(p.idToken); again != p.idToken {
		t.Errorf("we accept %q, which re-encodes to %q", p.idToken, again)
	}
	if readsMore(p.idToken, "jwk", "x5c", "nonce") || saysEd25519(p.idToken) {
		return
	}
	claims := claimsOf(p.idToken)
	if readsMoreClaims(claims) {
		return
	}
	sameSubject(t, p, goOIDC, own, f.atEarly.goOIDCIDToken(p))
	if isFurther(claims) || nonceFor(p) == "" {
		return // the other listed differences from cap
	}
	theirs := f.atEarly.capIDToken(p)
	if errors.Is(theirs.err, capoidc.ErrInvalidIssuedAt) {
		if theirs = f.atTrue.capIDToken(p); errors.Is(theirs.err, capoidc.ErrExpiredToken) {
			return // it needs the leeway at both ends
		}
	}
	sameSubject(t, p, hcap, own, theirs)
}

func sameSubject(t *testing.T, p posted, name string, own, theirs verdict) {
	t.Helper()
	if theirs.err != nil {
		t.Errorf("we accept %q with the claims %v, %s says %v", p.idToken, claimsOf(p.idToken), name, theirs.err)
	} else if string(theirs.payload) != string(own.payload) {
		t.Errorf("in %v we read the subject %q, %s %q", claimsOf(p.idToken), own.payload, name, theirs.payload)
	}
}

func reencoded(token string) string {
	parts := strings.Split(token, ".")
	for i, part := range parts {
		decoded, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return err.Error()
		}
		parts[i] = base64.RawURLEncoding.EncodeToString(decoded)
	}
	return strings.Join(parts, ".")
}

// claimsOf are those of a token that we accept.
func claimsOf(token string) map[string]any {
	u, err := jws.Parse(token, maxPosted)
	if err != nil {
		return nil
	}
	claims, err := strictjson.ParseObject(u.Payload())
	if err != nil {
		return nil
	}
	return claims
}

// readsMoreClaims reports the listed differences: a claim that go-oidc and cap decode and we do not read, and one whose name
// encoding/json takes for another.
func readsMoreClaims(claims map[string]any) bool {
	for _, name := range []string{"nonce", "at_hash"} {
		if value, present := claims[name]; present {
			if _, isString := value.(string); !isString {
				return true
			}
		}
	}
	read := []string{"iss", "sub", "aud", "exp", "iat", "nbf", "nonce", "at_hash", "_claim_names", "_claim_sources"}
	for name := range claims {
		if strings.HasPrefix(name, "_claim_") {
			return true
		}
		if slices.ContainsFunc(read, func(known string) bool { return name != known && strings.EqualFold(name, known) }) {
			return true
		}
	}
	return false
}

// isFurther reports that the token is for the further client, or from it.
func isFurther(claims map[string]any) bool {
	audience, _ := strictjson.Strings(claims["aud"])
	return slices.Contains(audience, furtherID) || claims["azp"] == furtherID
}
