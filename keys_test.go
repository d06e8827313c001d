package sallyport_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	mathrand "math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/password"
	"github.com/sallyport-auth/sallyport/sqlite"
	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

var (
	keyDays = flag.Int("keydays", 30, "days of the key life test")
	keySeed = flag.Uint64("keyseed", 0, "seed of the key life test; 0 draws one")
)

// house is a database with one user and a clock; services come and go.
type house struct {
	*testing.T
	store  sallyport.Store
	secret []byte

	mu  sync.Mutex
	now time.Time
}

func newHouse(t *testing.T) *house {
	t.Helper()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "app.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return &house{T: t, store: store, secret: randomSecret(), now: time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)}
}

func randomSecret() []byte {
	secret := make([]byte, 32)
	rand.Read(secret)
	return secret
}

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) advance(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

func (h *house) config() sallyport.Config {
	return sallyport.Config{
		Issuer: "https://app.example.com/auth", Store: h.store, Secret: h.secret, Now: h.clock,
		SessionTTL: 400 * 24 * time.Hour, IdleTTL: 400 * 24 * time.Hour,
		Password: password.Config{Memory: 64, Passes: 1},
		Logger:   slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
}

// open starts a service, which change may have configured.
func (h *house) open(change func(*sallyport.Config)) *sallyport.Service {
	h.Helper()
	cfg := h.config()
	if change != nil {
		change(&cfg)
	}
	svc, err := sallyport.New(cfg)
	if err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { svc.Close() })
	return svc
}

// signIn signs the one user in.
// password is that of the user.
func (h *house) password() string { return "correct horse battery" }

func (h *house) signIn(svc *sallyport.Service) *sallyport.Tokens {
	h.Helper()
	if _, err := svc.CreateUser(h.Context(), sallyport.NewUser{Username: "ada", Password: h.password()}); err != nil && !errors.Is(err, sallyport.ErrNameTaken) {
		h.Fatal(err)
	}
	tokens, err := svc.SignIn(h.Context(), sallyport.SignInRequest{Username: "ada", Password: h.password()})
	if err != nil {
		h.Fatal(err)
	}
	return tokens
}

func (h *house) refresh(svc *sallyport.Service, held *sallyport.Tokens) *sallyport.Tokens {
	h.Helper()
	return h.refreshFor(svc, held, "")
}

func (h *house) refreshFor(svc *sallyport.Service, held *sallyport.Tokens, audience string) *sallyport.Tokens {
	h.Helper()
	token, err := svc.ParseRefreshToken(held.RefreshToken)
	if err != nil {
		h.Fatal(err)
	}
	tokens, err := svc.RefreshFor(h.Context(), token, audience, sallyport.Client{})
	if err != nil {
		h.Fatal(err)
	}
	return tokens
}

func (h *house) maintain(svc *sallyport.Service) {
	h.Helper()
	if err := sallyport.MaintainKeys(svc, h.Context()); err != nil {
		h.Fatal(err)
	}
}

func (h *house) wantAccepted(svc *sallyport.Service, token string) {
	h.Helper()
	if _, _, err := svc.CheckAccessToken(h.Context(), token); err != nil {
		h.Errorf("CheckAccessToken = %v, want nil", err)
	}
}

func (h *house) wantStates(svc *sallyport.Service, want ...sallyport.KeyState) []sallyport.SigningKey {
	h.Helper()
	keys := svc.SigningKeys()
	var states []sallyport.KeyState
	for _, k := range keys {
		states = append(states, k.State)
	}
	if !slices.Equal(states, want) {
		h.Fatalf("states = %q, want %q", states, want)
	}
	return keys
}

// headerOf decodes the protected header of a token.
func headerOf(t *testing.T, token string) (alg, kid string) {
	t.Helper()
	part, _, _ := strings.Cut(token, ".")
	raw, err := base64.RawURLEncoding.DecodeString(part)
	var header struct{ Alg, Kid string }
	if err == nil {
		err = json.Unmarshal(raw, &header)
	}
	if err != nil {
		t.Fatal(err)
	}
	return header.Alg, header.Kid
}

func TestFirstKeyHasTheConfiguredAlgorithm(t *testing.T) {
	for _, alg := range []jws.Algorithm{"", jws.ES256, jws.EdDSA, jws.RS256} {
		t.Run(string(alg), func(t *testing.T) {
			h := newHouse(t)
			svc := h.open(func(c *sallyport.Config) { c.Algorithm = alg })
			tokens := h.signIn(svc)
			want := string(alg)
			if alg == "" {
				want = "ES256"
			}
			gotAlg, kid := headerOf(t, tokens.AccessToken)
			key := h.wantStates(svc, sallyport.KeyActive)[0]
			if gotAlg != want || string(key.Algorithm) != want || kid != key.ID {
				t.Errorf("token has %s and kid %s, the key is %+v, want %s", gotAlg, kid, key, want)
			}
			if got := svc.SigningAlgorithms(); !slices.Equal(got, []string{want}) {
				t.Errorf("SigningAlgorithms = %q, want %q", got, want)
			}
			published, err := jws.ParseKeySet(svc.KeySet())
			if err != nil || len(published) != 1 || published[0].ID() != kid || string(published[0].Algorithm()) != want {
				t.Errorf("KeySet = %s, %v", svc.KeySet(), err)
			}
			h.wantAccepted(svc, tokens.AccessToken)
		})
	}
}

func TestNewRefusesAlgorithmsAndRotations(t *testing.T) {
	h := newHouse(t)
	cfg := h.config()
	cfg.Algorithm, cfg.KeyRotation, cfg.ClaimsTimeout = "HS256", time.Hour, time.Minute
	_, err := sallyport.New(cfg)
	var fields []string
	for _, e := range sallyport.ConfigErrors(err) {
		fields = append(fields, e.Field)
	}
	if want := []string{"Algorithm", "KeyRotation", "ClaimsTimeout"}; !slices.Equal(fields, want) {
		t.Errorf("New = %v, want faults of %q", err, want)
	}
}

func TestKeysComeAndGo(t *testing.T) {
	h := newHouse(t)
	var log syncBuffer
	svc := h.open(func(c *sallyport.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	first := h.wantStates(svc, sallyport.KeyActive)[0]
	h.advance(30*24*time.Hour - sallyport.KeyLead - time.Second)
	h.maintain(svc)
	h.wantStates(svc, sallyport.KeyActive)
	h.advance(time.Second)
	h.maintain(svc)
	keys := h.wantStates(svc, sallyport.KeyActive, sallyport.KeyNext)
	if want := first.SignsFrom.Add(30 * 24 * time.Hour); !keys[1].SignsFrom.Equal(want) {
		t.Errorf("the next key signs from %v, want %v", keys[1].SignsFrom, want)
	}
	h.advance(sallyport.KeyLead - time.Second)
	h.maintain(svc)
	h.wantStates(svc, sallyport.KeyActive, sallyport.KeyNext)
	h.advance(time.Second) // no look at the store is needed
	keys = h.wantStates(svc, sallyport.KeyRetired, sallyport.KeyActive)
	if _, kid := headerOf(t, h.signIn(svc).AccessToken); kid != keys[1].ID {
		t.Errorf("signed by %s, want the new key %s", kid, keys[1].ID)
	}
	if want := h.clock().Add(sallyport.KeyRetention); !keys[0].RemovedAt.Equal(want) {
		t.Errorf("RemovedAt = %v, want %v", keys[0].RemovedAt, want)
	}
	h.advance(sallyport.KeyRetention - time.Second)
	h.maintain(svc)
	h.wantStates(svc, sallyport.KeyRetired, sallyport.KeyActive)
	h.advance(time.Second)
	h.maintain(svc)
	if left := h.wantStates(svc, sallyport.KeyActive); left[0].ID != keys[1].ID {
		t.Errorf("left is %s, want %s", left[0].ID, keys[1].ID)
	}
	for event, kids := range map[string][]string{
		"key_published": {keys[0].ID, keys[1].ID}, "key_activated": {keys[1].ID}, "key_removed": {keys[0].ID},
	} {
		for _, kid := range kids {
			if n := strings.Count(log.String(), "kid="+kid+" audit=true event="+event); n != 1 {
				t.Errorf("%s of %s is logged %d times, want once:\n%s", event, kid, n, log.String())
			}
		}
		if n := strings.Count(log.String(), "event="+event); n != len(kids) {
			t.Errorf("%s is logged %d times, want %d", event, n, len(kids))
		}
	}
}

// TestKeyNobodyWasThereToPublish: a server that was down past the end of its key publishes the next one and waits.
func TestKeyNobodyWasThereToPublish(t *testing.T) {
	h := newHouse(t)
	h.open(nil).Close()
	h.advance(90 * 24 * time.Hour)
	keys := h.wantStates(h.open(nil), sallyport.KeyActive, sallyport.KeyNext)
	if want := h.clock().Add(sallyport.KeyLead); !keys[1].SignsFrom.Equal(want) {
		t.Errorf("the next key signs from %v, want %v", keys[1].SignsFrom, want)
	}
}

func TestAnotherAlgorithmSignsNobodyOut(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	tokens := h.signIn(svc)
	svc.Close()
	h.advance(2 * time.Minute) // the key set is not new any more
	var log syncBuffer
	svc = h.open(func(c *sallyport.Config) {
		c.Algorithm, c.Logger = jws.EdDSA, slog.New(slog.NewTextHandler(&log, nil))
	})
	if !strings.Contains(log.String(), "alg=ES256 next_alg=EdDSA signs_from=2026-11-26") {
		t.Errorf("the log does not say from when EdDSA signs:\n%s", log.String())
	}
	h.wantAccepted(svc, tokens.AccessToken)
	tokens = h.refresh(svc, tokens)
	if alg, _ := headerOf(t, tokens.AccessToken); alg != "ES256" {
		t.Errorf("signed with %s before verifiers can know the new key", alg)
	}
	h.wantStates(svc, sallyport.KeyActive, sallyport.KeyNext)
	h.advance(sallyport.KeyLead)
	tokens = h.refresh(svc, tokens)
	if alg, _ := headerOf(t, tokens.AccessToken); alg != "EdDSA" {
		t.Errorf("signed with %s, want EdDSA by now", alg)
	}
	if got := svc.SigningAlgorithms(); !slices.Equal(got, []string{"ES256", "EdDSA"}) {
		t.Errorf("SigningAlgorithms = %q, want both", got)
	}
}

func TestLosingEveryKeyRowSignsNobodyOut(t *testing.T) {
	for _, running := range []bool{true, false} {
		t.Run(fmt.Sprint("running ", running), func(t *testing.T) {
			h := newHouse(t)
			svc := h.open(nil)
			tokens := h.signIn(svc)
			lost := svc.SigningKeys()[0].ID
			if _, err := h.store.RemoveSigningKey(t.Context(), lost, sallyport.Event{}); err != nil {
				t.Fatal(err)
			}
			if running {
				h.maintain(svc)
			} else {
				svc.Close()
				svc = h.open(nil)
			}
			if _, _, err := svc.CheckAccessToken(t.Context(), tokens.AccessToken); !errors.Is(err, sallyport.ErrTokenInvalid) {
				t.Errorf("CheckAccessToken of a token whose key is lost = %v, want ErrTokenInvalid", err)
			}
			tokens = h.refresh(svc, tokens)
			if _, kid := headerOf(t, tokens.AccessToken); kid == lost {
				t.Error("the lost key signs")
			}
			h.wantAccepted(svc, tokens.AccessToken)
		})
	}
}

func TestDamagedKeyIsLeftOut(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	tokens := h.signIn(svc)
	svc.Close()
	row := h.stored()[0]
	if err := h.store.ResealSigningKey(t.Context(), row.KeyID, row.Sealed, []byte("damaged")); err != nil {
		t.Fatal(err)
	}
	var log syncBuffer
	svc = h.open(func(c *sallyport.Config) { c.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
	h.wantAccepted(svc, h.refresh(svc, tokens).AccessToken)
	h.maintain(svc)
	if n := strings.Count(log.String(), "level=ERROR"); n != 1 || !strings.Contains(log.String(), row.KeyID) {
		t.Errorf("the log has %d errors, want one that names the key:\n%s", n, log.String())
	}
}

func (h *house) stored() []sallyport.StoredKey {
	h.Helper()
	rows, err := h.store.SigningKeys(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	return rows
}

func TestRotateSigningKey(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	tokens := h.signIn(svc)
	rotated, err := svc.RotateSigningKey(t.Context())
	if err != nil || len(rotated) != 1 || rotated[0].State != sallyport.KeyNext || !rotated[0].SignsFrom.Equal(h.clock().Add(sallyport.KeyLead)) {
		t.Fatalf("RotateSigningKey = %+v, %v", rotated, err)
	}
	next := rotated[0]
	if again, err := svc.RotateSigningKey(t.Context()); err != nil || !slices.Equal(again, rotated) {
		t.Errorf("RotateSigningKey again = %+v, %v, want the same key", again, err)
	}
	h.wantAccepted(svc, tokens.AccessToken)
	h.advance(sallyport.KeyLead)
	if _, kid := headerOf(t, h.refresh(svc, tokens).AccessToken); kid != next.ID {
		t.Errorf("signed by %s, want %s", kid, next.ID)
	}
}

// TestJW_04_EmergencyRotation: a key that leaked is withdrawn at once, that of every algorithm, and nobody is signed out.
func TestJW_04_EmergencyRotation(t *testing.T) {
	h := newHouse(t)
	gateway := func(c *sallyport.Config) { twoAlgorithms(c); c.KeyRotation = 48 * time.Hour }
	svc, other := h.open(gateway), h.open(gateway)
	tokens := h.signIn(svc)
	h.advance(time.Hour)
	if _, err := svc.RotateSigningKey(t.Context()); err != nil {
		t.Fatal(err)
	}
	leaked := map[string]bool{}
	for _, k := range h.wantStates(svc, sallyport.KeyActive, sallyport.KeyActive, sallyport.KeyNext, sallyport.KeyNext) {
		leaked[k.ID] = true
	}
	var held []string
	for _, audience := range []string{"", "legacy"} {
		tokens = h.refreshFor(svc, tokens, audience)
		held = append(held, tokens.AccessToken)
	}
	fresh, err := svc.ReplaceSigningKeys(t.Context())
	if err != nil || len(fresh) != 2 || fresh[0].Algorithm != jws.ES256 || fresh[1].Algorithm != jws.RS256 {
		t.Fatalf("ReplaceSigningKeys = %+v, %v, want a key of each algorithm", fresh, err)
	}
	if got := h.wantStates(svc, sallyport.KeyActive, sallyport.KeyActive); !slices.Equal(got, fresh) {
		t.Errorf("published are %+v, want %+v", got, fresh)
	}
	h.maintain(other)
	if string(other.KeySet()) != string(svc.KeySet()) {
		t.Errorf("two instances publish\n%s\n%s", svc.KeySet(), other.KeySet())
	}
	var verifier outsider
	verifier.fetch(t, other, h.clock())
	for _, key := range verifier.keys {
		if leaked[key.ID()] {
			t.Errorf("%s is published after it was withdrawn", key.ID())
		}
	}
	for _, token := range held {
		for _, instance := range []*sallyport.Service{svc, other} {
			if _, _, err := instance.CheckAccessToken(t.Context(), token); !errors.Is(err, sallyport.ErrTokenInvalid) {
				t.Errorf("a token of a withdrawn key = %v, want ErrTokenInvalid", err)
			}
		}
		if err := verifier.check(token, h.clock); !errors.Is(err, jws.ErrUnknownKey) {
			t.Errorf("a service that has read the new key set says %v of it, want ErrUnknownKey", err)
		}
	}
	for i, audience := range []string{"", "legacy"} {
		tokens = h.refreshFor(svc, tokens, audience)
		if _, kid := headerOf(t, tokens.AccessToken); kid != fresh[i].ID {
			t.Errorf("a token for %q is signed by %s, want %s at once", audience, kid, fresh[i].ID)
		}
		h.wantAccepted(other, tokens.AccessToken)
		if err := verifier.check(tokens.AccessToken, h.clock); err != nil {
			t.Errorf("a service that has read the new key set refuses a new token: %v", err)
		}
	}
}

// TestInstancesAgree: of several instances that find a key due, one makes it.
func TestInstancesAgree(t *testing.T) {
	h := newHouse(t)
	var services [4]*sallyport.Service
	var starting sync.WaitGroup
	for i := range services {
		starting.Go(func() { services[i] = h.open(nil) })
	}
	starting.Wait()
	for _, due := range []time.Duration{0, 30*24*time.Hour - sallyport.KeyLead, sallyport.KeyLead + sallyport.KeyRetention} {
		h.advance(due)
		var running sync.WaitGroup
		for _, svc := range services {
			running.Go(func() {
				if err := sallyport.MaintainKeys(svc, t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		running.Wait()
		for _, svc := range services[1:] {
			h.maintain(services[0])
			h.maintain(svc)
			if string(svc.KeySet()) != string(services[0].KeySet()) {
				t.Errorf("after %v two instances publish\n%s\n%s", due, svc.KeySet(), services[0].KeySet())
			}
		}
		if n := len(h.stored()); due == 0 && n != 1 || n > 2 {
			t.Errorf("after %v there are %d keys", due, n)
		}
	}
}

// counting counts how often the keys are read.
type counting struct {
	sallyport.Store
	reads atomic.Int64
	down  atomic.Bool
}

func (c *counting) SigningKeys(ctx context.Context) ([]sallyport.StoredKey, error) {
	c.reads.Add(1)
	if c.down.Load() {
		return nil, sallyport.ErrStoreUnavailable
	}
	return c.Store.SigningKeys(ctx)
}

func TestUnknownKeysDoNotFloodTheStore(t *testing.T) {
	h := newHouse(t)
	foreign := newHouse(t)
	token := foreign.signIn(foreign.open(nil)).AccessToken
	store := &counting{Store: h.store}
	svc := h.open(func(c *sallyport.Config) { c.Store = store })
	before, began := store.reads.Load(), time.Now()
	var asking sync.WaitGroup
	for range 200 {
		asking.Go(func() {
			if _, _, err := svc.CheckAccessToken(t.Context(), token); !errors.Is(err, sallyport.ErrTokenInvalid) {
				t.Errorf("CheckAccessToken = %v, want ErrTokenInvalid", err)
			}
		})
	}
	asking.Wait()
	most := int64(time.Since(began)/time.Second) + 2
	if got := store.reads.Load() - before; got > most {
		t.Errorf("200 tokens with unknown keys read the keys %d times, want at most %d", got, most)
	}
}

// TestUnknownKeyWhileTheStoreIsDown: it is no fault of the token that its key cannot be looked for.
func TestUnknownKeyWhileTheStoreIsDown(t *testing.T) {
	h := newHouse(t)
	foreign := newHouse(t)
	token := foreign.signIn(foreign.open(nil)).AccessToken
	store := &counting{Store: h.store}
	svc := h.open(func(c *sallyport.Config) { c.Store = store })
	store.down.Store(true)
	if err := sallyport.MaintainKeys(svc, t.Context()); !errors.Is(err, sallyport.ErrStoreUnavailable) {
		t.Fatalf("MaintainKeys = %v", err)
	}
	for range 3 {
		if _, _, err := svc.CheckAccessToken(t.Context(), token); !errors.Is(err, sallyport.ErrStoreUnavailable) {
			t.Errorf("CheckAccessToken = %v, want ErrStoreUnavailable", err)
		}
	}
}

// TestALeaverIsNobodysAnswer: a client that leaves while its token is looked up says nothing about others.
func TestALeaverIsNobodysAnswer(t *testing.T) {
	h := newHouse(t)
	foreign := newHouse(t)
	token := foreign.signIn(foreign.open(nil)).AccessToken
	svc := h.open(nil)
	left, leave := context.WithCancel(t.Context())
	leave()
	svc.CheckAccessToken(left, token) // what it is told, nobody hears
	if _, _, err := svc.CheckAccessToken(t.Context(), token); !errors.Is(err, sallyport.ErrTokenInvalid) {
		t.Errorf("CheckAccessToken = %v, want ErrTokenInvalid", err)
	}
}

// TestLeaveKeys: a command beside a server, which may know other settings, changes nothing.
func TestLeaveKeys(t *testing.T) {
	h := newHouse(t)
	beside := func() *sallyport.Service {
		return h.open(func(c *sallyport.Config) { c.LeaveKeys, c.Algorithm = true, jws.EdDSA })
	}
	command := beside()
	if keys := command.SigningKeys(); len(keys) != 0 || len(h.stored()) != 0 || string(command.KeySet()) != `{"keys":[]}` {
		t.Errorf("a command made keys: %v, %s", keys, command.KeySet())
	}
	if _, err := command.CreateUser(t.Context(), sallyport.NewUser{Username: "ada", Password: "correct horse battery"}); err != nil {
		t.Fatal(err)
	}
	if _, err := command.SignIn(t.Context(), sallyport.SignInRequest{Username: "ada", Password: "correct horse battery"}); err == nil {
		t.Error("SignIn without a signing key = nil")
	}
	server := h.open(nil)
	h.advance(40 * 24 * time.Hour)
	h.maintain(beside())
	if keys := h.stored(); len(keys) != 1 || keys[0].Algorithm != "ES256" {
		t.Errorf("after a command there are %v", keys)
	}
	h.maintain(server)
	h.wantStates(beside(), sallyport.KeyActive, sallyport.KeyNext)
	fresh := newHouse(t).open(func(c *sallyport.Config) { c.LeaveKeys = true })
	if first, err := fresh.RotateSigningKey(t.Context()); err != nil || len(first) != 1 || first[0].State != sallyport.KeyActive {
		t.Errorf("RotateSigningKey without a key = %+v, %v, want one that signs", first, err)
	}
}

// TestLookingLeavesTheSecret: a command that knows a newer secret does not lock the server out.
func TestLookingLeavesTheSecret(t *testing.T) {
	h := newHouse(t)
	h.signIn(h.open(nil))
	newest := randomSecret()
	look := func() *sallyport.Service {
		return h.open(func(c *sallyport.Config) { c.LeaveKeys, c.Secret, c.OldSecrets = true, newest, [][]byte{h.secret} })
	}
	look()
	h.open(nil)
	if _, err := look().ReplaceSigningKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := sallyport.New(h.config()); !errors.Is(err, sallyport.ErrUnknownSecret) {
		t.Errorf("New under the older secret after ReplaceSigningKeys = %v, want ErrUnknownSecret", err)
	}
	h.secret = newest
	h.wantAccepted(h.open(nil), h.signIn(h.open(nil)).AccessToken)
}

// TestClockThatIsWrong: the next key of an instance that lives in the future keeps nobody from publishing one.
func TestClockThatIsWrong(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	h.open(func(c *sallyport.Config) { c.Now = func() time.Time { return h.clock().Add(29 * 24 * time.Hour) } }).Close()
	h.wantStates(h.open(nil), sallyport.KeyActive, sallyport.KeyNext)
	h.advance(30*24*time.Hour - sallyport.KeyLead)
	h.maintain(svc)
	rotated := newHouse(t)
	svc = rotated.open(nil)
	rotated.open(func(c *sallyport.Config) {
		c.Now = func() time.Time { return rotated.clock().Add(365 * 24 * time.Hour) }
	}).Close()
	next, err := svc.RotateSigningKey(t.Context())
	if err != nil || !next[0].SignsFrom.Equal(rotated.clock().Add(sallyport.KeyLead)) {
		t.Errorf("RotateSigningKey = %+v, %v, want a key that signs in a day", next, err)
	}
}

// full is a store that cannot write keys.
type full struct{ sallyport.Store }

func (full) AddSigningKey(context.Context, sallyport.StoredKey, string, sallyport.Event) error {
	return sallyport.ErrStoreUnavailable
}

// TestKeysAreUsedWhileADueStepFails: what others did counts even if this instance cannot do its part.
func TestKeysAreUsedWhileADueStepFails(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	withdrawn := h.signIn(svc)
	h.advance(29*24*time.Hour + time.Hour) // a next key is due
	stuck := h.open(func(c *sallyport.Config) { c.Store = full{h.store} })
	if _, err := svc.ReplaceSigningKeys(t.Context()); err != nil {
		t.Fatal(err)
	}
	fresh := h.refresh(svc, withdrawn)
	h.advance(29*24*time.Hour + time.Hour)
	if err := sallyport.MaintainKeys(stuck, t.Context()); !errors.Is(err, sallyport.ErrStoreUnavailable) {
		t.Errorf("MaintainKeys = %v, want ErrStoreUnavailable", err)
	}
	if got, want := stuck.SigningKeys()[0].ID, svc.SigningKeys()[0].ID; got != want {
		t.Errorf("the stuck instance signs with %s, want %s", got, want)
	}
	h.wantAccepted(stuck, h.refresh(svc, fresh).AccessToken)
}

// TestAdoptSecretBesideAServer: a server that was not stopped makes no key under the secret that is given up, and
// says that it is not ready.
func TestAdoptSecretBesideAServer(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	if err := svc.Ready(t.Context()); err != nil {
		t.Fatalf("Ready = %v", err)
	}
	if err := sallyport.AdoptSecret(t.Context(), h.store, randomSecret()); err != nil {
		t.Fatal(err)
	}
	if err := sallyport.MaintainKeys(svc, t.Context()); !errors.Is(err, sallyport.ErrUnknownSecret) {
		t.Errorf("MaintainKeys = %v, want ErrUnknownSecret", err)
	}
	if err := svc.Ready(t.Context()); !errors.Is(err, sallyport.ErrUnknownSecret) {
		t.Errorf("Ready = %v, want ErrUnknownSecret", err)
	}
	if keys := h.stored(); len(keys) != 0 {
		t.Errorf("the server made %v", keys)
	}
}

func TestAdoptSecret(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	tokens := h.signIn(svc)
	svc.Close()
	if err := sallyport.AdoptSecret(t.Context(), h.store, []byte("short")); len(sallyport.ConfigErrors(err)) != 1 {
		t.Errorf("AdoptSecret(short) = %v, want a ConfigError", err)
	}
	h.secret = randomSecret()
	for range 2 { // an interrupted one is repeated
		if err := sallyport.AdoptSecret(t.Context(), h.store, h.secret); err != nil {
			t.Fatal(err)
		}
	}
	svc = h.open(nil)
	if _, err := svc.ParseRefreshToken(tokens.RefreshToken); !errors.Is(err, sallyport.ErrInvalidRefreshToken) {
		t.Errorf("ParseRefreshToken of an old token = %v, want ErrInvalidRefreshToken", err)
	}
	if _, _, err := svc.CheckAccessToken(t.Context(), tokens.AccessToken); !errors.Is(err, sallyport.ErrTokenInvalid) {
		t.Errorf("CheckAccessToken of an old token = %v, want ErrTokenInvalid", err)
	}
	h.wantAccepted(svc, h.signIn(svc).AccessToken)
}

func TestRootSecretIsRecognised(t *testing.T) {
	h := newHouse(t)
	svc := h.open(nil)
	tokens := h.signIn(svc)
	svc.Close()
	stolen := tokens.RefreshToken
	newest := randomSecret()
	refuse := func(secret []byte, old ...[]byte) {
		t.Helper()
		cfg := h.config()
		cfg.Secret, cfg.OldSecrets = secret, old
		if _, err := sallyport.New(cfg); !errors.Is(err, sallyport.ErrUnknownSecret) {
			t.Errorf("New = %v, want ErrUnknownSecret", err)
		}
	}
	refuse(newest)
	refuse(newest, randomSecret())
	with := func(secret []byte, old ...[]byte) *sallyport.Service {
		t.Helper()
		return h.open(func(c *sallyport.Config) { c.Secret, c.OldSecrets = secret, old })
	}
	svc = with(newest, h.secret)
	h.wantAccepted(svc, tokens.AccessToken)
	tokens = h.refresh(svc, tokens) // under the newest secret from now on
	svc.Close()
	refuse(h.secret)
	svc = with(newest) // the old one is not needed any more, not for the signing key either
	h.wantAccepted(svc, tokens.AccessToken)
	h.refresh(svc, tokens)
	svc.Close()

	// A token under the withdrawn secret is not genuine.
	thief, err := with(newest).ParseRefreshToken(stolen)
	if !errors.Is(err, sallyport.ErrInvalidRefreshToken) {
		t.Errorf("a token under the withdrawn secret is %v, %v, want ErrInvalidRefreshToken", thief, err)
	}

	// A database that lost its mark is recognised by its keys.
	check, err := h.store.SecretCheck(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lost := &unmarked{Store: h.store}
	cfg := h.config()
	cfg.Store = lost
	if _, err := sallyport.New(cfg); !errors.Is(err, sallyport.ErrUnknownSecret) {
		t.Errorf("New on a database without a mark = %v, want ErrUnknownSecret", err)
	}
	if after, err := h.store.SecretCheck(t.Context()); err != nil || string(after) != string(check) {
		t.Errorf("the refused start changed the mark: %v", err)
	}
}

// unmarked is a database that lost its secret check.
type unmarked struct{ sallyport.Store }

func (unmarked) SecretCheck(context.Context) ([]byte, error) { return nil, nil }

// TestJW_02_NoGoodTokenIsEverRefused lets days pass, with restarts, changes of the algorithms and of the life of a
// token, and planned rotations, under verifiers that keep a key set for up to KeyLead and never look for an
// unknown key. Every token, for all audiences and for the one with an algorithm of its own, must verify at all of them
// until it ends.
func TestJW_02_NoGoodTokenIsEverRefused(t *testing.T) {
	seed := *keySeed
	if seed == 0 {
		seed = mathrand.Uint64()
	}
	t.Logf("repeat with -keyseed=%d -keydays=%d", seed, *keyDays)
	r := mathrand.New(mathrand.NewPCG(seed, 1))
	h := newHouse(t)
	algorithms := []jws.Algorithm{jws.ES256, jws.EdDSA, jws.RS256}
	lives := []time.Duration{5 * time.Minute, time.Hour, 24 * time.Hour}
	restart := func() *sallyport.Service {
		return h.open(func(c *sallyport.Config) {
			c.Audience = []string{c.Issuer, "legacy"}
			c.Algorithm, c.AccessTTL = algorithms[r.IntN(2)], lives[r.IntN(3)]
			if r.IntN(3) > 0 {
				c.AudienceAlgorithm = map[string]jws.Algorithm{"legacy": algorithms[1+r.IntN(2)]}
			}
			c.KeyRotation = 48*time.Hour + time.Duration(r.IntN(200))*time.Hour
		})
	}
	svc := restart()
	tokens := h.signIn(svc)
	verifiers := make([]outsider, 8)
	type issued struct {
		token string
		end   time.Time
	}
	var live []issued
	most, kids, signed := 0, map[string]bool{}, map[string]int{}
	for end := h.clock().AddDate(0, 0, *keyDays); h.clock().Before(end); {
		h.advance(time.Duration(1+r.IntN(150))*time.Minute + time.Second) // the key set is not new any more
		switch r.IntN(40) {
		case 0:
			svc.Close()
			svc = restart()
		case 1:
			if _, err := svc.RotateSigningKey(t.Context()); err != nil && !errors.Is(err, sallyport.ErrTooManyKeys) {
				t.Fatal(err)
			}
		}
		h.maintain(svc)
		for _, audience := range []string{"", "legacy"} {
			tokens = h.refreshFor(svc, tokens, audience)
			alg, kid := headerOf(t, tokens.AccessToken)
			kids[kid] = true
			signed[alg+" for "+audience]++
			live = append(live, issued{tokens.AccessToken, tokens.AccessExpires})
		}
		live = slices.DeleteFunc(live, func(i issued) bool { return !i.end.After(h.clock()) })
		published := map[jws.Algorithm]int{}
		for _, k := range svc.SigningKeys() {
			if published[k.Algorithm]++; published[k.Algorithm] > 3 {
				t.Fatalf("at %v there are more than 3 keys of %s: %+v", h.clock(), k.Algorithm, svc.SigningKeys())
			}
		}
		most = max(most, len(svc.SigningKeys()))
		for i := range verifiers {
			v := &verifiers[i]
			if v.keys == nil || h.clock().Sub(v.fetched) >= sallyport.KeyLead-151*time.Minute || r.IntN(20) == 0 {
				v.fetch(t, svc, h.clock())
			}
			for _, token := range live {
				if err := v.check(token.token, h.clock); err != nil {
					t.Fatalf("at %v a verifier with keys of %v refuses a token that ends %v: %v", h.clock(), v.fetched, token.end, err)
				}
			}
		}
	}
	t.Logf("%d keys signed, at most %d were published at a time: %v", len(kids), most, signed)
	if len(kids) < *keyDays/15 || most > 9 {
		t.Errorf("%d keys signed in %d days and up to %d were published at a time", len(kids), *keyDays, most)
	}
}

// outsider verifies with the key set that it has.
type outsider struct {
	keys    []*jws.Key
	fetched time.Time
}

func (v *outsider) fetch(t *testing.T, svc *sallyport.Service, now time.Time) {
	t.Helper()
	var err error
	if v.keys, err = jws.ParseKeySet(svc.KeySet()); err != nil {
		t.Fatal(err)
	}
	v.fetched = now
}

func (v *outsider) check(token string, now func() time.Time) error {
	rules := accesstoken.Rules{Issuer: "https://app.example.com/auth", Audience: []string{"https://app.example.com/auth", "legacy"}, Now: now}
	_, err := rules.Verify(token, func(h jws.Header) (*jws.Key, error) {
		for _, k := range v.keys {
			if k.ID() == h.KeyID {
				return k, nil
			}
		}
		return nil, jws.ErrUnknownKey
	})
	return err
}

// syncBuffer is a log that a service and a test use at once.
type syncBuffer struct {
	mu  sync.Mutex
	buf strings.Builder
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
