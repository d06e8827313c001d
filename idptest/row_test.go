package idptest_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

// The tests of this file show how a fault that has no function of its own is made of those that are there.

func TestDiscoveryThatLies(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	for _, test := range []struct {
		name, member string
		want         any
		change       func(doc map[string]any)
	}{
		{"foreign issuer", "issuer", "https://evil.test", func(doc map[string]any) { doc["issuer"] = "https://evil.test" }},
		{"no token endpoint", "token_endpoint", nil, func(doc map[string]any) { delete(doc, "token_endpoint") }},
		{"no keys", "jwks_uri", nil, func(doc map[string]any) { delete(doc, "jwks_uri") }},
		{"PKCE by plain only", "code_challenge_methods_supported", "plain", func(doc map[string]any) { doc["code_challenge_methods_supported"] = "plain" }},
	} {
		p.Fault(1, idptest.Discovery, idptest.Edit(test.change))
		for round, want := range []any{test.want, "right again"} {
			var doc map[string]any
			decodeBody(t, p.URL(idptest.Discovery), &doc)
			if got := doc[test.member]; (got == want) != (round == 0) || (round == 1 && got == test.want) {
				t.Errorf("%s, answer %d: %s = %v", test.name, round+1, test.member, got)
			}
		}
	}
}

func TestUserinfoThatLies(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	bearer := http.Header{"Authorization": {"Bearer " + p.Tokens(idptest.Alice()).AccessToken}}
	p.Fault(idptest.UntilCleared, idptest.Userinfo, idptest.Edit(func(doc map[string]any) {
		doc["sub"], doc["email_verified"] = p.Subject(idptest.Bob()), "true"
	}))
	if _, _, body := get(t, p.URL(idptest.Userinfo), bearer); !hasMember(t, body, "sub", p.Subject(idptest.Bob())) || !hasMember(t, body, "email_verified", "true") {
		t.Errorf("UserInfo = %s, want Bob's sub and a string", body)
	}
}

func TestCallbacksThatLie(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	f := newFlow(p)
	var stolen string
	for _, test := range []struct {
		name   string
		change func(answer url.Values)
		right  func(answer url.Values) bool
	}{
		{"foreign state", func(a url.Values) { a.Set("state", "of another browser") }, func(a url.Values) bool { return a.Get("state") == "of another browser" }},
		{"no state", func(a url.Values) { a.Del("state") }, func(a url.Values) bool { return !a.Has("state") }},
		{"no iss", func(a url.Values) { a.Del("iss") }, func(a url.Values) bool { return !a.Has("iss") }},
		{"iss twice", func(a url.Values) { a.Add("iss", "https://evil.test") }, func(a url.Values) bool { return len(a["iss"]) == 2 }},
		{"error with markup", func(a url.Values) { a.Del("code"); a.Set("error", "<script>alert(1)</script>") }, func(a url.Values) bool { return a.Get("error") == "<script>alert(1)</script>" && !a.Has("code") }},
		{"a code is kept", func(a url.Values) { stolen = a.Get("code") }, func(a url.Values) bool { return a.Get("code") == stolen && stolen != "" }},
		{"and comes again", func(a url.Values) { a.Set("code", stolen) }, func(a url.Values) bool { return a.Get("code") == stolen }},
	} {
		p.BendCallback(1, test.change)
		if answer := f.login(t, idptest.Alice()); !test.right(answer) {
			t.Errorf("%s: answer = %v", test.name, answer)
		}
		// The same by form_post.
		p.BendCallback(1, test.change)
		if _, answer, err := p.LoginForm(t.Context(), f.with("response_mode", "form_post").url(), idptest.Alice()); err != nil || !test.right(answer) {
			t.Errorf("%s by form_post: answer = %v, %v", test.name, answer, err)
		}
	}
}

func TestClockOffset(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", Now: atNoon})
	iat := func() int64 {
		_, claims := decode(t, signIn(t, p, idptest.Alice()).IDToken)
		if got := number(t, claims["exp"]) - number(t, claims["iat"]); got != 3600 {
			t.Errorf("exp - iat = %d, want 3600", got)
		}
		return number(t, claims["iat"])
	}
	for _, offset := range []time.Duration{0, time.Hour, -61 * time.Second, -24 * time.Hour} {
		p.SetClockOffset(offset)
		if got, want := iat(), noon.Add(offset).Unix(); got != want {
			t.Errorf("offset %s: iat = %d, want %d", offset, got, want)
		}
	}
	p.Clear()
	if got := iat(); got != noon.Unix() {
		t.Errorf("iat after Clear = %d, want %d", got, noon.Unix())
	}
}

func TestReplay(t *testing.T) {
	for _, personality := range []idptest.Personality{idptest.Plain, idptest.Cognito} {
		p := idptest.New(t, idptest.Config{Personality: personality})
		p.Fault(1, idptest.Token, idptest.Replay())
		first := signIn(t, p, idptest.Alice()) // nothing to replay yet
		p.Fault(2, idptest.Token, idptest.Replay())
		for range 2 {
			if again := signIn(t, p, idptest.Bob()); again.IDToken != first.IDToken || again.AccessToken != first.AccessToken {
				t.Error("the replayed answer is another one")
			}
		}
		if last := signIn(t, p, idptest.Alice()); last.IDToken == first.IDToken {
			t.Error("the answer is replayed a third time")
		}
		p.Fault(1, idptest.Token, idptest.Replay())
		if status, _, doc := post(t, p.URL(idptest.Token), newFlow(p).form("no code")); status != http.StatusBadRequest {
			t.Errorf("a bad code with Replay = %d %v, want 400", status, doc)
		}
	}
}

// TestReplayAtGitHub: the answer is a form, and the fault works all the same.
func TestReplayAtGitHub(t *testing.T) {
	p := github(t)
	first := signIn(t, p, idptest.Alice())
	p.Fault(1, idptest.Token, idptest.Replay())
	if again := signIn(t, p, idptest.Bob()); again.AccessToken != first.AccessToken {
		t.Errorf("access token = %q, want %q again", again.AccessToken, first.AccessToken)
	}
}

func hasMember(t *testing.T, body, name string, want any) bool {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	return doc[name] == want
}
