package sallyport_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// twoAlgorithms is a service whose tokens are ES256, but RS256 for the audience legacy.
func twoAlgorithms(c *sallyport.Config) {
	c.Audience = []string{c.Issuer, "orders", "legacy"}
	c.AudienceAlgorithm = map[string]jws.Algorithm{"legacy": jws.RS256}
}

// wantToken checks who a token is for and what signed it, and that we accept it ourselves.
func (h *house) wantToken(svc *sallyport.Service, token, alg string, audience ...string) {
	h.Helper()
	claims, _, err := svc.CheckAccessToken(h.Context(), token)
	if err != nil {
		h.Fatalf("CheckAccessToken = %v, want nil", err)
	}
	if got, _ := headerOf(h.T, token); got != alg || !slices.Equal(claims.Audience, audience) {
		h.Errorf("the token is %s for %q, want %s for %q", got, claims.Audience, alg, audience)
	}
}

// TestAudienceHasItsAlgorithm: the keys of both are there from the first start on, and sign at once.
func TestAudienceHasItsAlgorithm(t *testing.T) {
	h := newHouse(t)
	svc := h.open(twoAlgorithms)
	h.wantStates(svc, sallyport.KeyActive, sallyport.KeyActive)
	if got := svc.SigningAlgorithms(); !slices.Equal(got, []string{"ES256", "RS256"}) {
		t.Errorf("SigningAlgorithms = %q, want both", got)
	}
	tokens := h.signIn(svc)
	all := []string{"https://app.example.com/auth", "orders", "legacy"}
	h.wantToken(svc, tokens.AccessToken, "ES256", all...)
	for _, want := range []struct{ audience, alg string }{{"legacy", "RS256"}, {"orders", "ES256"}} {
		tokens = h.refreshFor(svc, tokens, want.audience)
		h.wantToken(svc, tokens.AccessToken, want.alg, want.audience)
		signedIn, err := svc.SignIn(t.Context(), sallyport.SignInRequest{Username: "ada", Password: h.password(), Audience: want.audience})
		if err != nil {
			t.Fatal(err)
		}
		h.wantToken(svc, signedIn.AccessToken, want.alg, want.audience)
	}
	h.wantToken(svc, h.refresh(svc, tokens).AccessToken, "ES256", all...)
}

// TestUnknownAudienceChangesNothing: no refresh token is used up, and no password is looked at.
func TestUnknownAudienceChangesNothing(t *testing.T) {
	h := newHouse(t)
	svc := h.open(twoAlgorithms)
	tokens := h.signIn(svc)
	token, err := svc.ParseRefreshToken(tokens.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	before, err := svc.CheckSession(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	h.advance(time.Second)
	for _, audience := range []string{"elsewhere", "LEGACY", "legacy ", "orders legacy"} {
		if _, err := svc.RefreshFor(t.Context(), token, audience, sallyport.Client{}); !errors.Is(err, sallyport.ErrInvalidAudience) {
			t.Errorf("RefreshFor(%q) = %v, want ErrInvalidAudience", audience, err)
		}
		if _, err := svc.SignIn(t.Context(), sallyport.SignInRequest{Username: "ada", Password: h.password(), Audience: audience}); !errors.Is(err, sallyport.ErrInvalidAudience) {
			t.Errorf("SignIn for %q = %v, want ErrInvalidAudience", audience, err)
		}
		if _, err := svc.Exchange(t.Context(), sallyport.ExchangeRequest{IDToken: "x", Audience: audience}); !errors.Is(err, sallyport.ErrInvalidAudience) {
			t.Errorf("Exchange for %q = %v, want ErrInvalidAudience", audience, err)
		}
	}
	if after, err := svc.CheckSession(t.Context(), token); err != nil || after != before {
		t.Errorf("the session is %+v, %v, want %+v", after, err, before)
	}
}

// TestAnotherAlgorithmForAnAudience: its key is published for a day before it signs, and the configured one signs
// meanwhile; without the setting it stays published until every token of it has ended, and is then withdrawn.
func TestAnotherAlgorithmForAnAudience(t *testing.T) {
	h := newHouse(t)
	audiences := func(c *sallyport.Config) {
		c.Audience = []string{c.Issuer, "orders", "legacy"}
		c.KeyRotation, c.AccessTTL = 10*24*time.Hour, 24*time.Hour
	}
	svc := h.open(audiences)
	tokens := h.signIn(svc)
	svc.Close()
	h.advance(5 * time.Minute)
	var log syncBuffer
	svc = h.open(func(c *sallyport.Config) {
		audiences(c)
		twoAlgorithms(c)
		c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	})
	if !strings.Contains(log.String(), "alg=ES256 next_alg=RS256 signs_from=2026-11-26") {
		t.Errorf("the log does not say from when RS256 signs:\n%s", log.String())
	}
	h.wantStates(svc, sallyport.KeyActive, sallyport.KeyNext)
	tokens = h.refreshFor(svc, tokens, "legacy")
	h.wantToken(svc, tokens.AccessToken, "ES256", "legacy")
	h.advance(sallyport.KeyLead)
	h.wantStates(svc, sallyport.KeyActive, sallyport.KeyActive)
	h.maintain(svc)
	tokens = h.refreshFor(svc, tokens, "legacy")
	h.wantToken(svc, tokens.AccessToken, "RS256", "legacy")
	if n := strings.Count(log.String(), "event=key_activated"); n != 1 {
		t.Errorf("key_activated is logged %d times, want once:\n%s", n, log.String())
	}
	svc.Close()

	svc = h.open(audiences)
	keys := h.wantStates(svc, sallyport.KeyActive, sallyport.KeyRetired)
	if want := keys[1].SignsFrom.Add(10*24*time.Hour + sallyport.KeyRetention); !keys[1].RemovedAt.Equal(want) {
		t.Errorf("RemovedAt = %v, want %v", keys[1].RemovedAt, want)
	}
	h.wantAccepted(svc, tokens.AccessToken)
	h.wantToken(svc, h.refreshFor(svc, tokens, "legacy").AccessToken, "ES256", "legacy")
	published := func() bool {
		return slices.ContainsFunc(h.stored(), func(k sallyport.StoredKey) bool { return k.KeyID == keys[1].ID })
	}
	for h.advance(time.Hour); h.clock().Before(keys[1].RemovedAt); h.advance(time.Hour) {
		h.maintain(svc)
		if !published() {
			t.Fatalf("at %v the key is withdrawn, before %v", h.clock(), keys[1].RemovedAt)
		}
	}
	h.maintain(svc)
	if published() {
		t.Errorf("the key is still there at %v", h.clock())
	}
}

// TestBackToAnAlgorithm: a key that is still published signs again at once, for every verifier has it.
func TestBackToAnAlgorithm(t *testing.T) {
	h := newHouse(t)
	h.open(twoAlgorithms).Close()
	h.advance(time.Hour)
	svc := h.open(nil)
	h.wantStates(svc, sallyport.KeyActive, sallyport.KeyRetired)
	svc.Close()
	h.advance(time.Hour)
	svc = h.open(twoAlgorithms)
	h.wantStates(svc, sallyport.KeyActive, sallyport.KeyActive)
	h.wantToken(svc, h.refreshFor(svc, h.signIn(svc), "legacy").AccessToken, "RS256", "legacy")
}

// TestEveryAlgorithmIsRotated: the keys of both come and go by the clock.
func TestEveryAlgorithmIsRotated(t *testing.T) {
	h := newHouse(t)
	svc := h.open(func(c *sallyport.Config) { twoAlgorithms(c); c.KeyRotation = 48 * time.Hour })
	signed := map[string]map[string]bool{"ES256": {}, "RS256": {}}
	tokens := h.signIn(svc)
	for range 10 * 24 {
		h.advance(time.Hour)
		h.maintain(svc)
		for _, audience := range []string{"", "legacy"} {
			tokens = h.refreshFor(svc, tokens, audience)
			alg, kid := headerOf(t, tokens.AccessToken)
			signed[alg][kid] = true
		}
		if n := len(svc.SigningKeys()); n > 6 {
			t.Fatalf("at %v %d keys are published, want at most 3 of each algorithm", h.clock(), n)
		}
	}
	if len(signed["ES256"]) != 6 || len(signed["RS256"]) != 6 {
		t.Errorf("in ten days signed %d ES256 keys and %d RS256 keys, want 6 of each", len(signed["ES256"]), len(signed["RS256"]))
	}
}

// TestRotateKnowsItsLimit: rotations by hand never publish more than three keys of an algorithm.
func TestRotateKnowsItsLimit(t *testing.T) {
	h := newHouse(t)
	svc := h.open(twoAlgorithms)
	for range 2 {
		h.advance(sallyport.KeyLead)
		if rotated, err := svc.RotateSigningKey(t.Context()); err != nil || len(rotated) != 2 {
			t.Fatalf("RotateSigningKey = %+v, %v, want a key of each algorithm", rotated, err)
		}
	}
	h.advance(sallyport.KeyLead)
	if rotated, err := svc.RotateSigningKey(t.Context()); !errors.Is(err, sallyport.ErrTooManyKeys) || len(rotated) != 0 {
		t.Errorf("RotateSigningKey = %+v, %v, want ErrTooManyKeys", rotated, err)
	}
	h.advance(sallyport.KeyRetention - sallyport.KeyLead)
	if rotated, err := svc.RotateSigningKey(t.Context()); err != nil || len(rotated) != 2 || len(svc.SigningKeys()) != 6 {
		t.Errorf("RotateSigningKey when the first ones are gone = %+v, %v", rotated, err)
	}
}

// TestClockThatIsWrongPublishesNoMore: nor does the next key of an instance that lives in the future.
func TestClockThatIsWrongPublishesNoMore(t *testing.T) {
	h := newHouse(t)
	often := func(c *sallyport.Config) { c.KeyRotation = 48 * time.Hour }
	svc := h.open(often)
	h.open(func(c *sallyport.Config) {
		often(c)
		c.Now = func() time.Time { return h.clock().Add(365 * 24 * time.Hour) }
	}).Close()
	signed, tokens := map[string]bool{}, h.signIn(svc)
	for range 10 * 24 {
		h.advance(time.Hour)
		h.maintain(svc)
		tokens = h.refresh(svc, tokens)
		_, kid := headerOf(t, tokens.AccessToken)
		signed[kid] = true
		if n := len(svc.SigningKeys()); n > 3 {
			t.Fatalf("at %v %d keys are published, want at most 3", h.clock(), n)
		}
	}
	if len(signed) < 5 {
		t.Errorf("in ten days %d keys signed, want them rotated all the same", len(signed))
	}
}

// TestTheAlgorithmBeforeStandsIn: until the key of another Config.Algorithm signs, tokens for everybody stay what they
// were, though the key of the one audience is younger.
func TestTheAlgorithmBeforeStandsIn(t *testing.T) {
	h := newHouse(t)
	h.open(nil).Close()
	h.advance(time.Hour)
	svc := h.open(twoAlgorithms)
	h.advance(sallyport.KeyLead)
	tokens := h.signIn(svc)
	h.wantToken(svc, h.refreshFor(svc, tokens, "legacy").AccessToken, "RS256", "legacy")
	svc.Close()
	another := func(c *sallyport.Config) { twoAlgorithms(c); c.Algorithm = jws.EdDSA }
	svc = h.open(another)
	h.wantStates(svc, sallyport.KeyActive, sallyport.KeyActive, sallyport.KeyNext)
	tokens = h.signIn(svc)
	h.wantToken(svc, h.refreshFor(svc, tokens, "orders").AccessToken, "ES256", "orders")
	h.advance(sallyport.KeyLead)
	h.wantStates(svc, sallyport.KeyRetired, sallyport.KeyActive, sallyport.KeyActive)
	tokens = h.signIn(svc)
	h.wantToken(svc, h.refreshFor(svc, tokens, "orders").AccessToken, "EdDSA", "orders")
}

// TestLosingTheKeysOfOneAlgorithm: the other one signs until the new key may.
func TestLosingTheKeysOfOneAlgorithm(t *testing.T) {
	for _, lost := range []jws.Algorithm{jws.ES256, jws.RS256} {
		t.Run(string(lost), func(t *testing.T) {
			h := newHouse(t)
			svc := h.open(twoAlgorithms)
			tokens := h.signIn(svc)
			h.advance(time.Hour)
			for _, k := range svc.SigningKeys() {
				if k.Algorithm == lost {
					if _, err := h.store.RemoveSigningKey(t.Context(), k.ID, sallyport.Event{}); err != nil {
						t.Fatal(err)
					}
				}
			}
			h.maintain(svc)
			left := h.wantStates(svc, sallyport.KeyActive, sallyport.KeyNext)[0]
			for _, audience := range []string{"", "legacy"} {
				tokens = h.refreshFor(svc, tokens, audience)
				if _, kid := headerOf(t, tokens.AccessToken); kid != left.ID {
					t.Errorf("signed by %s, want the key that is left", kid)
				}
				h.wantAccepted(svc, tokens.AccessToken)
			}
			h.advance(sallyport.KeyLead)
			h.wantToken(svc, h.refreshFor(svc, tokens, "legacy").AccessToken, "RS256", "legacy")
		})
	}
}

func TestNewRefusesAudienceAlgorithms(t *testing.T) {
	h := newHouse(t)
	cfg := h.config()
	cfg.Audience = []string{"orders"}
	cfg.AudienceAlgorithm = map[string]jws.Algorithm{"orders": "HS256", "legacy": jws.RS256}
	_, err := sallyport.New(cfg)
	var problems []string
	for _, e := range sallyport.ConfigErrors(err) {
		problems = append(problems, e.Field+": "+e.Problem)
	}
	want := []string{
		`AudienceAlgorithm: "legacy" is not one of Audience`,
		`AudienceAlgorithm: it has "HS256" for "orders", want one of ["ES256" "EdDSA" "RS256"]`,
	}
	if !slices.Equal(problems, want) {
		t.Errorf("New = %q, want %q", problems, want)
	}
}
