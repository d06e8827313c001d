package idptest_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport/idptest"
)

func Example() {
	p, err := idptest.Start(idptest.Config{Personality: idptest.Cognito, ClientID: "shop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	p.Bend(1, idptest.Claim("email_verified", "true"), idptest.Without("nonce"))
	bent, err := p.SignIn(context.Background(), idptest.Alice()) // login page, code, PKCE: everything over HTTP
	if err != nil {
		fmt.Println(err)
		return
	}
	_, claims, _ := idptest.Decode(bent.IDToken)
	fmt.Printf("aud %v, token_use %v, email_verified %q, nonce %v\n",
		claims["aud"], claims["token_use"], claims["email_verified"], claims["nonce"])
	fmt.Println("asked for tokens:", p.Count(idptest.Token))
	// Output:
	// aud shop, token_use id, email_verified "true", nonce <nil>
	// asked for tokens: 1
}

// A fake provider in a dozen lines: the handler under test must refuse a token for somebody else, and take a right one.
func ExampleNew() {
	test := func(t *testing.T) {
		p := idptest.New(t, idptest.Config{ClientID: "shop"})
		door := httptest.NewServer(shop(p.Issuer(), "shop"))
		t.Cleanup(door.Close)
		for token, want := range map[string]int{
			p.Tokens(idptest.Alice()).IDToken:                       http.StatusOK,
			p.Tokens(idptest.Alice(), idptest.For("other")).IDToken: http.StatusUnauthorized,
		} {
			answer, err := http.Post(door.URL, "application/jwt", strings.NewReader(token))
			if err != nil || answer.StatusCode != want {
				t.Errorf("door = %v, %v, want %d", answer, err, want)
			}
		}
	}
	fmt.Println(testing.RunTests(func(string, string) (bool, error) { return true, nil },
		[]testing.InternalTest{{Name: "TestDoor", F: test}}))
	// Output:
	// true
}

// shop stands for the code under test, and is no model for it: it looks at two claims and at no signature.
func shop(issuer, clientID string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		_, claims, err := idptest.Decode(string(token))
		if err != nil || claims["iss"] != issuer || claims["aud"] != clientID {
			w.WriteHeader(http.StatusUnauthorized)
		}
	})
}

// Apple answers by a form, which the browser posts to the client. A test posts it in the browser's place.
func ExampleProvider_LoginForm() {
	p, err := idptest.Start(idptest.Config{Personality: idptest.Apple, ClientID: "shop"})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	// The client under test makes this address. Name and address are told once, and in a form only.
	request := p.URL(idptest.Authorize) + "?" + url.Values{
		"response_type": {"code"}, "response_mode": {"form_post"}, "client_id": {"shop"}, "scope": {"openid name email"},
		"redirect_uri": {"http://127.0.0.1/callback"}, "code_challenge_method": {"S256"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, // RFC 7636, appendix B
	}.Encode()
	for range 2 {
		callback, form, err := p.LoginForm(context.Background(), request, idptest.Alice())
		fmt.Println(callback, form.Has("code"), form.Get("user"), err)
	}
	// Output:
	// http://127.0.0.1/callback true {"name":{"firstName":"Alice","lastName":"Archer"},"email":"alice@example.com"} <nil>
	// http://127.0.0.1/callback true  <nil>
}

// A logout token, right and wrong, as it comes to the client's back-channel logout URI.
func ExampleProvider_LogOut() {
	client := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, claims, err := idptest.Decode(r.PostFormValue("logout_token"))
		if err != nil || claims["events"] == nil || claims["nonce"] != nil { // the code under test does more
			w.WriteHeader(http.StatusBadRequest)
		}
	}))
	defer client.Close()
	p, err := idptest.Start(idptest.Config{BackChannelLogout: client.URL})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	ctx, alice := context.Background(), idptest.Alice()
	id := p.Tokens(alice).IDToken
	_, claims, _ := idptest.Decode(id)
	for _, opts := range [][]idptest.Option{
		nil, // every session of alice
		{idptest.SessionID(claims["sid"].(string))}, // one session
		{idptest.Claim("nonce", "n")},
		{idptest.Mutate(func(string) string { return id })}, // an ID token in its place
	} {
		status, _, err := p.LogOut(ctx, "", alice, opts...)
		fmt.Println(status, err)
	}
	// Output:
	// 200 <nil>
	// 200 <nil>
	// 400 <nil>
	// 400 <nil>
}

// One bend at a time: whatever refuses the token has no other reason to.
func ExampleProvider_Tokens() {
	p, err := idptest.Start(idptest.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Close()

	confused := p.Tokens(idptest.Bob(), idptest.Algorithm("HS256"), idptest.HMACKey(p.PublicKeys()[0].DER()))
	header, _, _ := idptest.Decode(confused.IDToken)
	fmt.Println(header["alg"])

	old := p.Tokens(idptest.Bob(), idptest.IssuedAt(time.Unix(1_000_000_000, 0)))
	_, claims, _ := idptest.Decode(old.IDToken)
	fmt.Println(claims["iat"], claims["exp"])
	// Output:
	// HS256
	// 1000000000 1000003600
}
