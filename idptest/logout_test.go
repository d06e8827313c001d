package idptest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

const (
	bye      = "http://127.0.0.1/bye"
	byeQuery = "http://127.0.0.1/bye?tenant=a"
)

func TestEndSession(t *testing.T) {
	for _, personality := range []idptest.Personality{idptest.Plain, idptest.Entra} {
		p := idptest.New(t, idptest.Config{Personality: personality, PostLogoutRedirectURIs: []string{bye, byeQuery}})
		var metadata map[string]any
		decodeBody(t, p.URL(idptest.Discovery), &metadata)
		at, _ := metadata["end_session_endpoint"].(string)
		if at == "" || at != p.URL(idptest.EndSession) {
			t.Fatalf("end_session_endpoint = %q, want %q", at, p.URL(idptest.EndSession))
		}
		expired := p.Tokens(idptest.Alice(), idptest.ExpiresAt(time.Unix(1, 0))).IDToken
		other := idptest.New(t, idptest.Config{Algorithm: "ES256"}).Tokens(idptest.Alice()).IDToken
		for _, test := range []struct {
			name   string
			params url.Values
			status int
			to     string
		}{
			{"client_id", url.Values{"client_id": {"spa"}, "post_logout_redirect_uri": {bye}}, 303, bye},
			{"state", url.Values{"client_id": {"spa"}, "post_logout_redirect_uri": {bye}, "state": {"a&b"}}, 303, bye + "?state=a%26b"},
			{"state behind a query", url.Values{"client_id": {"spa"}, "post_logout_redirect_uri": {byeQuery}, "state": {"x"}}, 303, byeQuery + "&state=x"},
			{"hint", url.Values{"id_token_hint": {expired}, "post_logout_redirect_uri": {bye}}, 303, bye},
			{"hint and client_id", url.Values{"client_id": {"spa"}, "id_token_hint": {expired}, "post_logout_redirect_uri": {bye}}, 303, bye},
			{"no address", url.Values{"client_id": {"spa"}}, 200, ""},
			{"nobody", url.Values{"post_logout_redirect_uri": {bye}}, 400, ""},
			{"another client", url.Values{"client_id": {"x"}, "id_token_hint": {expired}, "post_logout_redirect_uri": {bye}}, 400, ""},
			{"hint of another provider", url.Values{"client_id": {"spa"}, "id_token_hint": {other}, "post_logout_redirect_uri": {bye}}, 400, ""},
			{"address not registered", url.Values{"client_id": {"spa"}, "post_logout_redirect_uri": {bye + "/"}}, 400, ""},
			{"address of somebody", url.Values{"client_id": {"spa"}, "post_logout_redirect_uri": {"https://evil.test/"}}, 400, ""},
			{"address twice", url.Values{"client_id": {"spa"}, "post_logout_redirect_uri": {bye, bye}}, 400, ""},
			{"Cognito's name", url.Values{"client_id": {"spa"}, "logout_uri": {bye}}, 200, ""},
		} {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				address, form := at+"?"+test.params.Encode(), url.Values(nil)
				if method == http.MethodPost {
					address, form = at, test.params
				}
				answer, _, err := do(t, method, address, form, nil)
				if err != nil {
					t.Fatal(err)
				}
				if got := answer.Header.Get("Location"); answer.StatusCode != test.status || got != test.to {
					t.Errorf("%s, %s, %s: %d to %q, want %d to %q", personality, test.name, method, answer.StatusCode, got, test.status, test.to)
				}
			}
		}
	}
}

func TestCognitoLogout(t *testing.T) {
	p := idptest.New(t, idptest.Config{Personality: idptest.Cognito, PostLogoutRedirectURIs: []string{bye}})
	for _, test := range []struct {
		params url.Values
		status int
		to     string
	}{
		{url.Values{"client_id": {"spa"}, "logout_uri": {bye}}, 303, bye},
		{url.Values{"client_id": {"spa"}, "logout_uri": {bye}, "state": {"x"}}, 303, bye},
		{url.Values{"client_id": {"spa"}, "logout_uri": {"https://evil.test/"}}, 400, ""},
		{url.Values{"client_id": {"spa"}, "post_logout_redirect_uri": {bye}}, 400, ""},
		{url.Values{"logout_uri": {bye}, "id_token_hint": {p.Tokens(idptest.Alice()).IDToken}}, 400, ""},
	} {
		status, header, _ := get(t, p.BaseURL()+"/logout?"+test.params.Encode(), nil)
		if status != test.status || header.Get("Location") != test.to {
			t.Errorf("%v: %d to %q, want %d to %q", test.params, status, header.Get("Location"), test.status, test.to)
		}
	}
}

// relyingParty takes logout tokens and answers as a client does that has no time.
func relyingParty(t *testing.T) (address string, got *[]url.Values) {
	got = &[]url.Values{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
			t.Errorf("%s with %q, %v, want a form by POST", r.Method, r.Header.Get("Content-Type"), err)
		}
		*got = append(*got, r.PostForm)
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, `{"error":"invalid_request"}`)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/backchannel", got
}

func TestLogOut(t *testing.T) {
	address, got := relyingParty(t)
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", BackChannelLogout: address, Now: atNoon})
	tokens := signIn(t, p, idptest.Alice())
	_, id := decode(t, tokens.IDToken)
	sid, _ := id["sid"].(string)
	if sid == "" {
		t.Fatalf("ID token = %v, want a sid", id)
	}
	refreshed, _, doc := post(t, p.URL(idptest.Token), url.Values{"grant_type": {"refresh_token"}, "client_id": {"spa"}, "refresh_token": {tokens.RefreshToken}})
	if _, again := decode(t, doc["id_token"].(string)); refreshed != http.StatusOK || again["sid"] != sid {
		t.Errorf("sid after a refresh = %v, want %s", again["sid"], sid)
	}
	if _, other := decode(t, signIn(t, p, idptest.Alice()).IDToken); other["sid"] == sid || other["sub"] != id["sub"] {
		t.Errorf("second sign-in = %v, want another sid", other)
	}
	for _, test := range []struct {
		name string
		opts []idptest.Option
		sub  any
		sid  any
	}{
		{"by sub", nil, id["sub"], nil},
		{"by sid", []idptest.Option{idptest.SessionID(sid)}, nil, sid},
		{"by both", []idptest.Option{idptest.Claim("sid", sid)}, id["sub"], sid},
	} {
		*got = nil
		status, body, err := p.LogOut(t.Context(), "", idptest.Alice(), test.opts...)
		if err != nil || status != http.StatusBadRequest || string(body) != `{"error":"invalid_request"}` {
			t.Fatalf("%s: LogOut = %d %s, %v, want what the client answered", test.name, status, body, err)
		}
		if len(*got) != 1 || len((*got)[0]) != 1 {
			t.Fatalf("%s: posted %v, want one logout_token", test.name, *got)
		}
		token := (*got)[0].Get("logout_token")
		if err := verify(fetchKeys(t, p), token); err != nil {
			t.Errorf("%s: verify = %v, want nil", test.name, err)
		}
		header, claims := decode(t, token)
		if header["typ"] != "logout+jwt" || claims["sub"] != test.sub || claims["sid"] != test.sid {
			t.Errorf("%s: %v %v, want typ logout+jwt, sub %v, sid %v", test.name, header, claims, test.sub, test.sid)
		}
		events, _ := claims["events"].(map[string]any)
		if _, ok := events["http://schemas.openid.net/event/backchannel-logout"].(map[string]any); !ok || claims["nonce"] != nil ||
			claims["jti"] == nil || claims["aud"] != "spa" || claims["iss"] != p.Issuer() || claims["auth_time"] != nil {
			t.Errorf("%s: claims = %v, want those of Back-Channel Logout 1.0 §2.4", test.name, claims)
		}
	}
	if _, _, err := idptest.New(t, idptest.Config{Algorithm: "ES256"}).LogOut(t.Context(), "", idptest.Alice()); err == nil {
		t.Error("LogOut without an address = nil, want an error")
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := p.LogOut(gone, address, idptest.Alice()); err == nil {
		t.Error("LogOut with a context that has ended = nil, want an error")
	}
}

func TestNoSessionIDUnlessAsked(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256"})
	if _, claims := decode(t, signIn(t, p, idptest.Alice()).IDToken); claims["sid"] != nil {
		t.Errorf("sid = %v without Config.BackChannelLogout, want none", claims["sid"])
	}
}

// TestLogoutTokenBends: how each wrong logout token of a relying party's tests is made.
func TestLogoutTokenBends(t *testing.T) {
	p := idptest.New(t, idptest.Config{Algorithm: "ES256", Now: atNoon})
	mint := func(opts ...idptest.Option) (header, claims map[string]any) {
		return decode(t, p.LogoutToken(idptest.Alice(), opts...))
	}
	for _, test := range []struct {
		name   string
		opts   []idptest.Option
		member string
		want   any // nil for none
	}{
		{"a nonce", []idptest.Option{idptest.Claim("nonce", "n")}, "nonce", "n"},
		{"no events", []idptest.Option{idptest.Without("events")}, "events", nil},
		{"another audience", []idptest.Option{idptest.For("other")}, "aud", "other"},
		{"another issuer", []idptest.Option{idptest.Claim("iss", "https://evil.test")}, "iss", "https://evil.test"},
		{"a jti of old", []idptest.Option{idptest.Claim("jti", "j")}, "jti", "j"},
		{"neither sub", []idptest.Option{idptest.Without("sub")}, "sub", nil},
		{"nor sid", []idptest.Option{idptest.Without("sub")}, "sid", nil},
	} {
		if _, claims := mint(test.opts...); claims[test.member] != test.want {
			t.Errorf("%s: %s = %v, want %v", test.name, test.member, claims[test.member], test.want)
		}
	}
	_, right := mint()
	_, old := mint(idptest.IssuedAt(noon.Add(-time.Hour)))
	if old["auth_time"] != nil || number(t, right["iat"])-number(t, old["iat"]) != 3600 ||
		number(t, old["exp"])-number(t, old["iat"]) != int64(idptest.LogoutTokenLife/time.Second) {
		t.Errorf("an hour old: %v, want iat and exp an hour back and nothing more", old)
	}
	if header, _ := mint(idptest.Header("typ", "JWT")); header["typ"] != "JWT" {
		t.Errorf("typ = %v, want JWT", header["typ"])
	}
	if token := p.LogoutToken(idptest.Alice(), idptest.Algorithm("none")); !strings.HasSuffix(token, ".") {
		t.Errorf("alg none = %s, want no signature", token)
	}
	if token := p.LogoutToken(idptest.Alice(), idptest.RawPayload("null")); part(t, token, 1) != "null" {
		t.Errorf("payload = %s, want null", part(t, token, 1))
	}
	id := p.Tokens(idptest.Alice()).IDToken
	if token := p.LogoutToken(idptest.Alice(), idptest.Mutate(func(string) string { return id })); token != id {
		t.Errorf("token = %s, want the ID token", token)
	}
	entra := idptest.New(t, idptest.Config{Personality: idptest.Entra, Users: entraUsers()})
	_, claims := decode(t, entra.LogoutToken(entraUsers()[1]))
	if want := []any{entra.IssuerOf(entraUsers()[1]), entra.Subject(entraUsers()[1])}; !slices.Equal(want, []any{claims["iss"], claims["sub"]}) {
		t.Errorf("Entra's logout token is of %v and %v, want %v", claims["iss"], claims["sub"], want)
	}
}

func number(t *testing.T, claim any) int64 {
	t.Helper()
	n, err := claim.(json.Number).Int64()
	if err != nil {
		t.Fatalf("claim %v: %v", claim, err)
	}
	return n
}
