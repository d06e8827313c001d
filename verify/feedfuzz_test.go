package verify_test

import (
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/verify"
	"github.com/sallyport-auth/sallyport/verify/verifytest"
)

// FuzzFeedPage: whatever comes in place of a page, nothing that is known is forgotten, and nothing that the issuer has not
// signed is believed.
func FuzzFeedPage(f *testing.F) {
	clock := newClock()
	issuer := verifytest.New(f, verifytest.Config{Now: clock.Now})
	ended, live := issuer.Token(verifytest.Session("ended")), issuer.Token(verifytest.Session("live"), verifytest.Subject("live"))
	issuer.EndSession("ended")
	first := issuer.Page(0)
	issuer.EndSession("live")
	issuer.MakeStale("live")
	second := issuer.Page(1)
	v, err := verify.New(verify.Config{Issuer: issuer.URL(), Audience: issuer.Audience(), Now: clock.Now})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { v.Close() })
	endedClaims, err := v.Verify(f.Context(), ended)
	if err != nil {
		f.Fatal(err)
	}
	liveClaims, err := v.Verify(f.Context(), live)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{
		"", first, second, second + "\n", second[:len(second)-1], strings.Replace(second, ".", "..", 1), ended,
		issuer.Page(1, verifytest.Foreign()), issuer.Page(1, verifytest.Unsigned("none")), issuer.Page(1, verifytest.HMAC("HS256")),
	} {
		f.Add(seed, int64(1))
	}
	f.Fuzz(func(t *testing.T, text string, cursor int64) {
		reader := verify.NewFeedReader(issuer.URL(), clock.Now, v.Keys().Key)
		next, _, err := reader.Take(t.Context(), first, 0)
		if err != nil || next != 1 {
			t.Fatal(next, err)
		}
		after, _, err := reader.Take(t.Context(), text, cursor)
		if err != nil && after != cursor {
			t.Errorf("a page that is refused moves the cursor from %d to %d", cursor, after)
		}
		if reader.Known(endedClaims) == nil {
			t.Error("what has ended is forgotten")
		}
		if text != second && reader.Known(liveClaims) != nil {
			t.Errorf("%q revokes", text)
		}
	})
}
