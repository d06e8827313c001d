package interop

import (
	"crypto/rand"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

// TestFetchesOfKeySets counts how often each of the three asks the provider for its keys while bad tokens arrive, one
// after another, a minute after the last fetch. We ask once for all unknown key IDs and never for a wrong signature
// (RFC 8725 §3.10: a kid is the sender's word, and with a fetch for each anybody can aim us at a provider). The others
// ask for nearly every one; when they no longer do, this test says so.
func TestFetchesOfKeySets(t *testing.T) {
	const tokens = 500
	fake, signers := newOpenIDProvider(t)
	s := signers[0]
	good := idTokenVariant(fake, s, with("good"))
	for _, flood := range []struct {
		name string
		opt  func() idptest.Option
		ours int
	}{
		{"random key IDs", func() idptest.Option { return idptest.KeyID(rand.Text()) }, 1},
		{"wrong signatures", func() idptest.Option { return idptest.Mutate(idptest.FlipBit(2, 77)) }, 0},
	} {
		var now time.Time // ours
		rp := newRelyingParties(t, fake, today)
		rp.ours = newOurs(t, fake, func() time.Time { return now }, nil)
		ours, others := idTokenJudges(func(posted) *relyingParties { return rp })
		for _, j := range append(others, ours) {
			t.Run(flood.name+" "+j.name, func(t *testing.T) {
				now = today
				if v := j.ask(good.input); v.err != nil { // which loads the keys
					t.Fatal(v.err)
				}
				now = today.Add(time.Minute)
				before := fake.Count(idptest.JWKS)
				for range tokens {
					bad := idTokenVariant(fake, s, with("bad", flood.opt()))
					if v := j.ask(bad.input); v.err == nil {
						t.Fatalf("accepted: %s", bad.input)
					}
				}
				fetches := fake.Count(idptest.JWKS) - before
				t.Logf("%d bad tokens, %d fetches", tokens, fetches)
				if j.name == ours.name && fetches != flood.ours {
					t.Errorf("%d fetches, want %d", fetches, flood.ours)
				}
				if j.name != ours.name && fetches < tokens/2 {
					t.Errorf("%d fetches: %s no longer asks for each bad token", fetches, j.name)
				}
			})
		}
	}
}
