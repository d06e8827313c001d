package idptest_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport/idptest"
)

// faultIDs are the faults that the page offers.
func faultIDs(t *testing.T, p *idptest.Provider) (ids []string, page string) {
	t.Helper()
	status, _, page := get(t, p.BaseURL()+"/faults", nil)
	if status != http.StatusOK {
		t.Fatalf("GET /faults = %d, want 200", status)
	}
	for _, found := range regexp.MustCompile(`name="fault" value="([^"]+/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		ids = append(ids, html.UnescapeString(found[1]))
	}
	return ids, page
}

func setFault(t *testing.T, p *idptest.Provider, id, times string) {
	t.Helper()
	answer, body, err := do(t, http.MethodPost, p.BaseURL()+"/faults", url.Values{"fault": {id}, "times": {times}}, nil)
	if err != nil || answer.StatusCode != http.StatusSeeOther || answer.Header.Get("Location") != "/faults" {
		t.Fatalf("fault %s, %s: %v, %v %s, want 303 to /faults", id, times, answer, err, body)
	}
}

func TestFaultPageIsOffUnlessAsked(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	if status, _, _ := get(t, p.BaseURL()+"/faults", nil); status != http.StatusNotFound {
		t.Errorf("GET /faults = %d, want 404", status)
	}
	if _, _, body := get(t, p.BaseURL()+"/", nil); strings.Contains(body, "/faults") {
		t.Errorf("first page = %s, want no link to the faults", body)
	}
}

// TestEveryFaultOfThePage switches each on, sees it named, and sees it gone.
func TestEveryFaultOfThePage(t *testing.T) {
	for personality, least := range map[idptest.Personality]int{idptest.Plain: 40, idptest.Cognito: 40, idptest.Entra: 40, idptest.Apple: 30, idptest.GitHub: 12} {
		p := idptest.New(t, idptest.Config{Personality: personality, FaultPage: true})
		ids, page := faultIDs(t, p)
		if len(ids) < least || !strings.Contains(page, "Nothing: every answer is right.") {
			t.Errorf("%s: page offers %d faults, want %d and none on", personality, len(ids), least)
		}
		if unique := slices.Compact(slices.Sorted(slices.Values(ids))); len(unique) != len(ids) {
			t.Errorf("%s: %d faults have %d names", personality, len(ids), len(unique))
		}
		for _, id := range ids {
			setFault(t, p, id, "on")
			if _, page := faultIDs(t, p); strings.Contains(page, "Nothing: every") || !strings.Contains(page, "until cleared</span></li>") {
				t.Errorf("%s: %s is not shown as on", personality, id)
			}
			setFault(t, p, "clear", "")
			if _, page := faultIDs(t, p); !strings.Contains(page, "Nothing: every") {
				t.Errorf("%s: %s is on after everything was made right", personality, id)
			}
		}
	}
}

func TestFaultsOfThePageWork(t *testing.T) {
	p := idptest.New(t, idptest.Config{FaultPage: true})
	setFault(t, p, "jwks/down", "1")
	for _, want := range []int{503, 200} {
		if status, _, _ := get(t, p.URL(idptest.JWKS), nil); status != want {
			t.Errorf("keys = %d, want %d", status, want)
		}
	}
	setFault(t, p, "id-token/audience", "on")
	setFault(t, p, "callback/foreign-state", "1")
	_, page := faultIDs(t, p)
	for _, want := range []string{"<strong>Another audience</strong> <span>(tokens), until cleared", "<strong>Foreign state</strong> <span>(callback), for the next answer"} {
		if !strings.Contains(page, want) {
			t.Errorf("page = %s, want %q in it", page, want)
		}
	}
	if state := newFlow(p).login(t, idptest.Alice()).Get("state"); state != "of-another-browser" {
		t.Errorf("state = %q, want another one", state)
	}
	tokens := signIn(t, p, idptest.Alice())
	if _, claims := decode(t, tokens.IDToken); claims["aud"] != "another-client" {
		t.Errorf("aud = %v, want another", claims["aud"])
	}
	setFault(t, p, "id-token/access-token", "1")
	if tokens := signIn(t, p, idptest.Alice()); tokens.IDToken != tokens.AccessToken {
		t.Error("the ID token is not the access token")
	}
	setFault(t, p, "id-token/unknown-key", "1")
	if err := verify(fetchKeys(t, p), signIn(t, p, idptest.Alice()).IDToken); err == nil {
		t.Error("verify = nil, want an unknown key")
	}
	p.Bend(3, idptest.Without("sub"))
	if _, page := faultIDs(t, p); !strings.Contains(page, "<strong>set by the program</strong> <span>(tokens), for the next 3 answers") {
		t.Errorf("page = %s, want the fault of the program", page)
	}
	setFault(t, p, "clock/behind-day", "on")
	if _, page := faultIDs(t, p); !strings.Contains(page, "24h0m0s behind") {
		t.Errorf("page = %s, want the clock", page)
	}
}

// TestOtherSitesSetNoFault: cross-site request forgery, also by a name that was rebound to this machine.
func TestOtherSitesSetNoFault(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", FaultPage: true})
	form := url.Values{"fault": {"jwks/down"}, "times": {"on"}}
	for _, test := range []struct {
		name         string
		site, origin string
		status       int
	}{
		{"the page", "same-origin", p.BaseURL(), 303},
		{"a program", "", "", 303},
		{"a browser without Sec-Fetch-Site", "", p.BaseURL(), 303},
		{"another site", "cross-site", "https://evil.test", 403},
		{"another site, old browser", "", "https://evil.test", 403},
		{"another port", "same-site", "http://127.0.0.1:1", 403},
		{"a sandbox", "", "null", 403},
		{"typed by hand", "none", "", 403},
		{"a rebound name", "same-origin", "http://evil.test", 403},
	} {
		header := http.Header{}
		if test.site != "" {
			header.Set("Sec-Fetch-Site", test.site)
		}
		if test.origin != "" {
			header.Set("Origin", test.origin)
		}
		answer, _, err := do(t, http.MethodPost, p.BaseURL()+"/faults", form, header)
		if err != nil || answer.StatusCode != test.status {
			t.Fatalf("%s: %v, %v, want %d", test.name, answer, err, test.status)
		}
		if status, _, _ := get(t, p.URL(idptest.JWKS), nil); (status == 503) != (test.status == 303) {
			t.Errorf("%s: keys = %d", test.name, status)
		}
		p.Clear()
	}
	for _, bad := range []url.Values{{}, {"fault": {"jwks/down"}}, {"fault": {"jwks/down"}, "times": {"-1"}}, {"fault": {"nothing"}, "times": {"1"}}} {
		if status, _, _ := post(t, p.BaseURL()+"/faults", bad); status != http.StatusBadRequest {
			t.Errorf("%v = %d, want 400", bad, status)
		}
	}
	// A form in the address changes nothing either.
	if status, _, _ := get(t, p.BaseURL()+"/faults?"+form.Encode(), nil); status != http.StatusOK {
		t.Errorf("GET with a form = %d, want 200", status)
	}
	if status, _, _ := get(t, p.URL(idptest.JWKS), nil); status != http.StatusOK {
		t.Errorf("keys = %d, want 200", status)
	}
}
