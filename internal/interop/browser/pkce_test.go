package browser

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idp"
	"github.com/sallyport-auth/sallyport/idptest"
)

// TestPKCE: a page that talks to its provider itself, with /pkce, and has its ID token exchanged. "outcome" is who has
// signed in, or the code of the refusal.
func TestPKCE(t *testing.T) {
	var provider *idptest.Provider
	p := newPages(t, func(cfg *sallyport.Config) {
		origin := strings.TrimSuffix(cfg.Issuer, "/auth")
		provider = idptest.New(t, idptest.Config{
			Personality: idptest.Cognito, ClientID: "spa", Host: "localhost", RedirectURIs: []string{origin + "/spa/pkce/"}, AllowedOrigins: []string{origin},
		})
		cfg.Providers = []sallyport.Provider{idp.Cognito{Issuer: provider.Issuer(), ClientID: "spa", RequireNonce: true}}
	})
	settings, err := json.Marshal(map[string]string{
		"issuer": provider.Issuer(), "authorization_endpoint": provider.URL(idptest.Authorize), "token_endpoint": provider.URL(idptest.Token), "client_id": "spa",
	})
	if err != nil {
		t.Fatal(err)
	}
	p.mux.HandleFunc("/spa/pkce.js", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/javascript")
		fmt.Fprintf(w, `import { createAuth } from "/spa/dist/index.js";
			import { begin, finish } from "/spa/dist/pkce.js";
			const idp = %s;
			globalThis.auth = createAuth();
			globalThis.begin = () => begin(idp);
			globalThis.outcome = finish(idp).then(async (tokens) => (tokens ? (await auth.exchange(tokens)).username : "nothing"), (e) => (e.transient ? "later: " : "") + e.code);`, settings)
	})
	p.mux.HandleFunc("/spa/pkce/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprint(w, `<!doctype html><html lang="en"><title>App</title><script type="module" src="/spa/pkce.js"></script></html>`)
	})
	t.Run("a flow that was begun with another provider (RFC 9700 §4.4)", func(t *testing.T) {
		b := watched(t)
		b.goTo(p.origin + "/spa/pkce/")
		b.run(`(sessionStorage["sallyport:pkce:s"] = JSON.stringify({issuer: "https://other.example", verifier: "v", nonce: "n", redirect_uri: location.href}), null)`)
		b.goTo(p.origin + "/spa/pkce/?state=s&code=c")
		b.waitFor("the page", `globalThis.outcome !== undefined`)
		b.want(`outcome`, `"issuer_mismatch"`)
	})
	for name, c := range map[string]struct {
		wrong   func()
		outcome string
	}{
		"right":                     {func() {}, "alice"},
		"another nonce":             {func() { provider.Bend(1, idptest.Nonce("another")) }, "idp_token_invalid"},
		"another state":             {func() { provider.BendCallback(1, func(v url.Values) { v.Set("state", "another") }) }, "state_mismatch"},
		"another issuer (RFC 9207)": {func() { provider.BendCallback(1, func(v url.Values) { v.Set("iss", "https://evil.example") }) }, "issuer_mismatch"},
		"denied": {func() {
			provider.BendCallback(1, func(v url.Values) { v.Del("code"); v.Set("error", "access_denied") })
		}, "idp_denied"},
		"a token endpoint that fails":  {func() { provider.Fault(1, idptest.Token, idptest.Status(http.StatusInternalServerError)) }, "later: idp_unavailable"},
		"a token endpoint that is cut": {func() { provider.Fault(1, idptest.Token, idptest.Drop()) }, "later: idp_unavailable"},
		"a code that is used up":       {func() { provider.BendCallback(1, func(v url.Values) { v.Set("code", "used") }) }, "idp_error"},
	} {
		t.Run(name, func(t *testing.T) {
			b := watched(t)
			b.goTo(p.origin + "/spa/pkce/?tab=orders#top")
			b.want(`outcome`, `"nothing"`)
			c.wrong()
			b.run(`void begin()`)
			b.enter("alice", "alice")
			b.waitFor("the way back", `location.origin === "`+p.origin+`" && globalThis.outcome !== undefined`)
			b.want(`outcome`, `"`+c.outcome+`"`)
			if at := b.script(`location.href`); at != p.origin+"/spa/pkce/" {
				t.Errorf("the address is %s: what works once is still in it", at)
			}
			want := "signed-out"
			if c.outcome == "alice" {
				want = "signed-in"
			}
			b.want(`auth.ready().then((x) => x.status)`, `"`+want+`"`)
			if c.outcome != "state_mismatch" { // which is another flow's, or none's
				b.want(`Object.keys(sessionStorage).filter((k) => k.startsWith("sallyport"))`, "[]")
			}
			b.reload()
			b.waitFor("the page", `globalThis.outcome !== undefined`)
			b.want(`outcome.then((o) => auth.ready().then((x) => [o, x.status]))`, `["nothing","`+want+`"]`)
			b.wantNoFaults()
			provider.Clear()
		})
	}
}
