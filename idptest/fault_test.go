package idptest_test

import (
	"crypto/ecdh"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

func TestFaultsOfEveryEndpoint(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	f := newFlow(p)
	ask := func(e idptest.Endpoint) (*http.Response, string, error) {
		switch e {
		case idptest.Token:
			return do(t, http.MethodPost, p.URL(e), f.form(f.login(t, idptest.Alice()).Get("code")), nil)
		case idptest.Authorize:
			return do(t, http.MethodGet, f.url(), nil, nil)
		case idptest.Userinfo:
			return do(t, http.MethodGet, p.URL(e), nil, http.Header{"Authorization": {"Bearer " + p.Tokens(idptest.Alice()).AccessToken}})
		}
		return do(t, http.MethodGet, p.URL(e), nil, nil)
	}
	for _, e := range []idptest.Endpoint{idptest.Discovery, idptest.JWKS, idptest.Authorize, idptest.Token, idptest.Userinfo} {
		for _, test := range []struct {
			name      string
			fault     idptest.Fault
			status    int
			mediaType string
			body      string
		}{
			{"status", idptest.Status(503), 503, "text/plain", "Service Unavailable\n"},
			{"not JSON", idptest.NotJSON(), 200, "application/json", `{"issuer": "https://exam`},
			{"HTML", idptest.HTML(), 200, "text/html", "<!doctype html>"},
			{"redirect", idptest.Redirect(307, "http://169.254.169.254/"), 307, "", ""},
			{"answer", idptest.Answer(200, "application/json", `{"error":"x"}`), 200, "application/json", `{"error":"x"}`},
		} {
			p.Fault(1, e, test.fault)
			answer, body, err := ask(e)
			if err != nil {
				t.Fatalf("%s of %s: %v", test.name, e, err)
			}
			if answer.StatusCode != test.status || answer.Header.Get("Content-Type") != test.mediaType || !strings.HasPrefix(body, test.body) {
				t.Errorf("%s of %s = %d %q %q, want %d %q %q", test.name, e, answer.StatusCode, answer.Header.Get("Content-Type"), body, test.status, test.mediaType, test.body)
			}
			if test.status == 307 && answer.Header.Get("Location") != "http://169.254.169.254/" {
				t.Errorf("%s of %s: Location = %q", test.name, e, answer.Header.Get("Location"))
			}
			if answer, body, err := ask(e); err != nil || answer.StatusCode != 200 {
				t.Errorf("%s of %s: the answer after it = %v %s, %v, want 200", test.name, e, answer, body, err)
			}
		}
		p.Fault(1, e, idptest.Drop())
		if answer, _, err := ask(e); err == nil {
			t.Errorf("Drop of %s = %d, want an error", e, answer.StatusCode)
		}
		p.Fault(1, e, idptest.Fault{})
		if answer, _, err := ask(e); err != nil || answer.StatusCode != 200 {
			t.Errorf("Fault{} of %s = %v, %v, want 200", e, answer, err)
		}
	}
}

func TestFaultsLast(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	statuses := func(n int) (seen []int) {
		for range n {
			status, _, _ := get(t, p.URL(idptest.JWKS), nil)
			seen = append(seen, status)
		}
		return seen
	}
	expect := func(what string, got []int, want ...int) {
		t.Helper()
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: answers = %v, want %v", what, got, want)
				return
			}
		}
	}
	p.Fault(2, idptest.JWKS, idptest.Status(500))
	expect("two", statuses(3), 500, 500, 200)
	p.Fault(idptest.UntilCleared, idptest.JWKS, idptest.Status(500))
	expect("until cleared", statuses(3), 500, 500, 500)
	p.Fault(1, idptest.JWKS, idptest.Status(502))
	expect("replaced", statuses(2), 502, 200)
	p.Fault(0, idptest.JWKS, idptest.Status(500))
	expect("none", statuses(1), 200)
	p.Fault(idptest.UntilCleared, idptest.JWKS, idptest.Status(500))
	p.Fault(idptest.UntilCleared, idptest.Discovery, idptest.Status(500))
	p.Clear(idptest.JWKS)
	expect("one endpoint cleared", statuses(1), 200)
	if status, _, _ := get(t, p.URL(idptest.Discovery), nil); status != 500 {
		t.Errorf("the other endpoint = %d, want 500 still", status)
	}
	p.Clear()
	if status, _, _ := get(t, p.URL(idptest.Discovery), nil); status != 200 {
		t.Errorf("after Clear = %d, want 200", status)
	}
}

func TestHang(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	for name, release := range map[string]func(){
		"cleared":  func() { p.Clear(idptest.JWKS) },
		"replaced": func() { p.Fault(1, idptest.JWKS, idptest.Status(500)) },
	} {
		p.Fault(1, idptest.JWKS, idptest.Hang())
		answered := make(chan string, 1)
		before := p.Count(idptest.JWKS)
		go func() {
			_, body, err := do(t, http.MethodGet, p.URL(idptest.JWKS), nil, nil)
			if err != nil {
				body = err.Error()
			}
			answered <- body
		}()
		if err := p.Await(soon(t), idptest.JWKS, before+1); err != nil {
			t.Fatal(err)
		}
		select {
		case body := <-answered:
			t.Fatalf("%s: a hanging answer = %q, want none", name, body)
		default:
		}
		release()
		if body := <-answered; !strings.Contains(body, `"keys"`) {
			t.Errorf("%s: the answer let go = %q, want the right one", name, body)
		}
	}
}

func TestOversized(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	p.Fault(1, idptest.JWKS, idptest.Oversized(3))
	_, header, body := get(t, p.URL(idptest.JWKS), nil)
	var set struct {
		Keys    []jwk
		Padding string
	}
	if err := json.Unmarshal([]byte(body), &set); err != nil {
		t.Fatalf("an oversized set: %v, want JSON", err)
	}
	if len(set.Keys) != 1 || len(set.Padding) != 3<<20 || header.Get("Content-Type") != "application/json" {
		t.Errorf("%d keys, %d bytes of padding, %q, want 1, 3 MiB and JSON", len(set.Keys), len(set.Padding), header.Get("Content-Type"))
	}
	p.Fault(1, idptest.Authorize, idptest.Oversized(1))
	if _, _, body := get(t, newFlow(p).url(), nil); len(body) < 1<<20 || !strings.Contains(body, "<h1>Sign in</h1>") {
		t.Errorf("an oversized page has %d bytes, want the page and 1 MiB", len(body))
	}
}

func TestEdit(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	f := newFlow(p)
	p.Fault(1, idptest.Discovery, idptest.Edit(func(doc map[string]any) {
		doc["issuer"] = "https://evil.test"
		delete(doc, "token_endpoint")
	}))
	var doc map[string]any
	decodeBody(t, p.URL(idptest.Discovery), &doc)
	if doc["issuer"] != "https://evil.test" || doc["token_endpoint"] != nil || doc["jwks_uri"] != p.URL(idptest.JWKS) {
		t.Errorf("metadata = %v, want another issuer, no token endpoint, the rest as it was", doc)
	}
	p.Fault(1, idptest.Token, idptest.Edit(func(doc map[string]any) { doc["id_token"] = 42 }))
	_, header, answer := post(t, p.URL(idptest.Token), f.form(f.login(t, idptest.Alice()).Get("code")))
	if answer["id_token"] != 42.0 || answer["access_token"] == nil || header.Get("Cache-Control") != "no-store" {
		t.Errorf("token response = %v, want a number for the ID token, the rest as it was", answer)
	}
	// An Edit of the token response can leave the ID token out without the code being lost on the way.
	p.Fault(1, idptest.Token, idptest.Edit(func(doc map[string]any) { delete(doc, "access_token") }))
	if tokens, err := p.SignIn(t.Context(), idptest.Alice()); err == nil {
		t.Errorf("SignIn without an access token = %+v, want %v", tokens, idptest.ErrNoTokens)
	}
	p.Fault(1, idptest.Authorize, idptest.Edit(func(map[string]any) { t.Error("Edit of a page is called, want it left alone") }))
	if status, _, body := get(t, f.url(), nil); status != 200 || !strings.Contains(body, "<h1>") {
		t.Errorf("page under Edit = %d %s, want it as it is", status, body)
	}
}

func TestKeyFaults(t *testing.T) {
	for _, algorithm := range []string{"RS256", "ES256", "EdDSA"} {
		p := idptest.New(t, idptest.Config{Algorithm: algorithm})
		id := p.PublicKeys()[0].ID
		right := fetchKeys(t, p)[id]
		for _, test := range []struct {
			name  string
			fault idptest.Fault
			check func(k jwk, found bool) bool
		}{
			{"empty", idptest.EmptyKeySet(), func(_ jwk, found bool) bool { return !found }},
			{"use", idptest.UseEnc(), func(k jwk, _ bool) bool { right := right; right.Use = "enc"; return k == right }},
			{"alg", idptest.KeyAlgorithm("PS256"), func(k jwk, _ bool) bool { right := right; right.Alg = "PS256"; return k == right }},
			{"each key", idptest.EachKey(func(jwk map[string]any) { delete(jwk, "use") }), func(k jwk, _ bool) bool { right := right; right.Use = ""; return k == right }},
			{"off the curve", idptest.OffCurve(), func(k jwk, _ bool) bool {
				x, errX := decodePart(k.X)
				y, errY := decodePart(k.Y)
				_, err := ecdh.P256().NewPublicKey(append([]byte{4}, append(x, y...)...))
				return k.Crv == "P-256" && k.Alg == "ES256" && len(x) == 32 && len(y) == 32 && errX == nil && errY == nil && err != nil && k.N == ""
			}},
			{"weak", idptest.Publish(idptest.WeakRSA()), func(k jwk, _ bool) bool {
				public, err := k.public()
				key, ok := public.(*rsa.PublicKey)
				return err == nil && ok && key.N.BitLen() == 1024 && key.E == 65537 && k.Alg == "RS256"
			}},
			{"exponent 1", idptest.Publish(idptest.ExponentOne()), func(k jwk, _ bool) bool { return k.E == "AQ" }},
			{"private", idptest.PublishPrivate(), func(k jwk, _ bool) bool { d := k.D; k.D = ""; return d != "" && k == right }},
		} {
			p.Fault(1, idptest.JWKS, test.fault)
			got, found := fetchKeys(t, p)[id]
			if !test.check(got, found) {
				t.Errorf("%s: %s: key = %+v, %v, beside the right %+v", algorithm, test.name, got, found, right)
			}
			if again := fetchKeys(t, p)[id]; again != right {
				t.Errorf("%s: %s: the key after it = %+v, want %+v", algorithm, test.name, again, right)
			}
		}
	}
}

func TestRotate(t *testing.T) {
	for _, personality := range []idptest.Personality{idptest.Plain, idptest.Cognito} {
		for _, test := range []struct {
			name     string
			steps    []idptest.RotateOptions
			oldFits  bool // the token from before
			newKey   bool // a token from after has another kid
			multiple int  // of the usual number of keys
		}{
			{"at once", []idptest.RotateOptions{{}}, false, true, 1},
			{"old one kept", []idptest.RotateOptions{{Keep: true}}, true, true, 2},
			{"kept twice", []idptest.RotateOptions{{Keep: true}, {Keep: true}}, true, true, 3},
			{"kept, then withdrawn", []idptest.RotateOptions{{Keep: true}, {}}, false, true, 1},
			{"announced", []idptest.RotateOptions{{Announce: true}}, true, false, 2},
			{"announced twice is once", []idptest.RotateOptions{{Announce: true}, {Announce: true}}, true, false, 2},
			{"announced, then used", []idptest.RotateOptions{{Announce: true}, {Keep: true}}, true, true, 2},
			{"one kid for two keys in turn", []idptest.RotateOptions{{SameKeyID: true}}, false, false, 1},
		} {
			t.Run(string(personality)+" "+test.name, func(t *testing.T) {
				p := idptest.New(t, idptest.Config{Personality: personality})
				usual := len(p.PublicKeys())
				before := p.Tokens(idptest.Alice())
				var announced []idptest.Key
				for _, step := range test.steps {
					p.Rotate(step)
					if step.Announce {
						announced = p.PublicKeys()[usual:]
					}
				}
				after := p.Tokens(idptest.Alice())
				keys := fetchKeys(t, p)
				if got := len(p.PublicKeys()); got != test.multiple*usual || len(keys) != got {
					t.Errorf("%d keys, %d served, want %d", got, len(keys), test.multiple*usual)
				}
				for kind, pair := range map[string][2]string{
					"ID token": {before.IDToken, after.IDToken}, "access token": {before.AccessToken, after.AccessToken},
				} {
					if err := verify(keys, pair[0]); (err == nil) != test.oldFits {
						t.Errorf("verify(%s from before) = %v, want nil = %v", kind, err, test.oldFits)
					}
					if err := verify(keys, pair[1]); err != nil {
						t.Errorf("verify(%s from after) = %v, want nil", kind, err)
					}
					old, _ := decode(t, pair[0])
					now, _ := decode(t, pair[1])
					if (old["kid"] != now["kid"]) != test.newKey {
						t.Errorf("%s: kid %v, then %v, want a new one = %v", kind, old["kid"], now["kid"], test.newKey)
					}
				}
				if len(test.steps) == 2 && len(announced) > 0 && test.newKey && p.PublicKeys()[0].ID != announced[0].ID {
					t.Errorf("the key that signs = %s, want the announced %s", p.PublicKeys()[0].ID, announced[0].ID)
				}
			})
		}
	}
}

func TestTwoKeysOfOneID(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	before := p.PublicKeys()[0]
	p.Rotate(idptest.RotateOptions{SameKeyID: true, Keep: true})
	keys := p.PublicKeys()
	if len(keys) != 2 || keys[0].ID != before.ID || keys[1].ID != before.ID || string(keys[0].DER()) == string(keys[1].DER()) {
		t.Errorf("keys = %v, want two of kid %s that differ", keys, before.ID)
	}
}

func TestSignInTellsWhatWentWrong(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	p.Fault(1, idptest.Token, idptest.Status(500))
	if tokens, err := p.SignIn(t.Context(), idptest.Alice()); err == nil || !strings.Contains(err.Error(), "500") {
		t.Errorf("SignIn = %+v, %v, want an error that tells the status", tokens, err)
	}
	p.BendCallback(1, func(q url.Values) { q.Set("state", "other") })
	if tokens, err := p.SignIn(t.Context(), idptest.Alice()); err == nil {
		t.Errorf("SignIn with another state = %+v, want an error", tokens)
	}
}
