package idptest

import (
	"net/http"
	"net/url"
	"slices"
	"time"
)

// pageFault is a fault as the page of faults offers it.
type pageFault struct {
	ID    string // unique in its group
	Title string
	Shows string // one line on what it is good for
	set   func(p *Provider, n int, title string)
}

// pageGroup is faults of which one can be on at a time: each replaces the one before.
type pageGroup struct {
	ID, Title string
	Note      string   // who meets its faults; "" for everybody
	needs     Endpoint // the personality must have it
	Faults    []pageFault
}

// bent is a fault of the ID token.
func bent(id, title, shows string, opts func(p *Provider) []Option) pageFault {
	return pageFault{id, title, shows, func(p *Provider, n int, title string) { p.setBend(n, opts(p), title) }}
}

// bentBy is bent by options that are the same at all times.
func bentBy(id, title, shows string, opts ...Option) pageFault {
	return bent(id, title, shows, func(*Provider) []Option { return opts })
}

// answered is a fault of an authorization response.
func answered(id, title, shows string, change func(url.Values)) pageFault {
	return pageFault{id, title, shows, func(p *Provider, n int, title string) { p.setCallbackBend(n, change, title) }}
}

// broken is a fault of an endpoint.
func broken(e Endpoint, id, title, shows string, f Fault) pageFault {
	return pageFault{id, title, shows, func(p *Provider, n int, title string) { p.setFault(n, e, f, title) }}
}

// edited is a fault of an endpoint whose answer is right but for what change does to it.
func edited(e Endpoint, id, title, shows string, change func(doc map[string]any)) pageFault {
	return broken(e, id, title, shows, Edit(change))
}

// skewed is a wrong clock, which has no number of answers.
func skewed(id, title, shows string, offset time.Duration) pageFault {
	return pageFault{id, title, shows, func(p *Provider, _ int, _ string) { p.SetClockOffset(offset) }}
}

// offeredFaults are the groups of faults that mean something at this personality, in the order of a sign-in.
func (p *Provider) offeredFaults() []pageGroup {
	return slices.DeleteFunc([]pageGroup{
		discoveryFaults(), callbackFaults(), tokenFaults(), idTokenFaults(), keyFaults(), userinfoFaults(), clockFaults(),
	}, func(g pageGroup) bool { return p.Path(g.needs) == "" || (g.ID == "clock" && p.persona.oauthOnly()) })
}

func discoveryFaults() pageGroup {
	return pageGroup{"discovery", "Discovery", "Only a client that asks for the document meets these: Sallyport asks at no Cognito and no GitHub.", Discovery, []pageFault{
		edited(Discovery, "issuer", "Foreign issuer", "A document that names another issuer is not believed.",
			func(doc map[string]any) { doc["issuer"] = "https://elsewhere.example" }),
		edited(Discovery, "incomplete", "No token endpoint", "Without the endpoint there is no sign-in here, and the rest of the application works.",
			func(doc map[string]any) { delete(doc, "token_endpoint") }),
		edited(Discovery, "plain", "PKCE by plain only", "A client sends S256 whatever is announced, or nothing at all.",
			func(doc map[string]any) { doc["code_challenge_methods_supported"] = []string{"plain"} }),
		broken(Discovery, "down", "Status 503", "A provider that is down stops its own sign-ins and no others.", Status(http.StatusServiceUnavailable)),
	}}
}

// accessTokenInstead puts the access token where the ID token belongs.
func accessTokenInstead() Option {
	return inIDToken(func(d *draft) {
		accessToken := d.accessToken
		d.afterwards = append(d.afterwards, func(string) string { return accessToken })
	})
}

func callbackFaults() pageGroup {
	return pageGroup{"callback", "Return to the application", "", Authorize, []pageFault{
		answered("foreign-state", "Foreign state", "Somebody else's sign-in does not end in this browser.",
			func(a url.Values) { a.Set("state", "of-another-browser") }),
		answered("no-state", "No state", "An answer that nobody asked for is not taken.", func(a url.Values) { a.Del("state") }),
		answered("foreign-iss", "Foreign iss", "The answer of another provider is not mixed up with this one's (RFC 9207).",
			func(a url.Values) { a.Set("iss", "https://elsewhere.example") }),
		answered("denied", "Access denied", "A person who says no comes back to a page that says so.", func(a url.Values) {
			a.Del("code")
			a.Set("error", "access_denied")
		}),
		answered("markup", "Error with markup", "What the provider says is never shown as markup.", func(a url.Values) {
			a.Del("code")
			a.Set("error", "<script>alert(1)</script>")
			a.Set("error_description", "<img src=x onerror=alert(1)>")
		}),
		answered("bad-code", "Code that nobody issued", "A code that cannot be redeemed ends the sign-in.",
			func(a url.Values) { a.Set("code", randomText()) }),
	}}
}

func tokenFaults() pageGroup {
	return pageGroup{"token", "Token endpoint", "", Token, []pageFault{
		broken(Token, "down", "Status 500", "The sign-in fails, and its code is used up.", Status(http.StatusInternalServerError)),
		broken(Token, "hang", "No answer", "The client gives up in time. Clear it to let the answer go.", Hang()),
		broken(Token, "html", "A web page", "A page with status 200 holds no tokens.", HTML()),
		broken(Token, "error", "Error with status 200", "An error is an error whatever its status.",
			Answer(http.StatusOK, "application/json", `{"error":"invalid_grant"}`)),
		broken(Token, "redirect", "Redirect elsewhere", "The code and the secret are not sent after a redirect.",
			Redirect(http.StatusTemporaryRedirect, "https://elsewhere.example/token")),
		edited(Token, "no-access-token", "No access token", "An answer without one is none.",
			func(doc map[string]any) { delete(doc, "access_token") }),
		broken(Token, "replay", "The answer before once more", "An ID token is good for one sign-in.", Replay()),
	}}
}

func idTokenFaults() pageGroup {
	return pageGroup{"id-token", "ID token", "", JWKS, []pageFault{
		bentBy("access-token", "The access token in its place", "The two are not taken for each other.", accessTokenInstead()),
		bent("expired", "Expired", "A token is refused after its exp.",
			func(p *Provider) []Option { return []Option{IssuedAt(p.now().Add(-25 * time.Hour))} }),
		bent("future", "From the future", "An iat ahead of the clock is refused.",
			func(p *Provider) []Option { return []Option{IssuedAt(p.now().Add(time.Hour))} }),
		bentBy("audience", "Another audience", "A token for another client opens nothing here.", For("another-client")),
		bent("issuer", "Another issuer", "The issuer is compared to the byte: here it has a slash more.",
			func(p *Provider) []Option { return []Option{Claim("iss", p.issuer+"/")} }),
		bentBy("no-nonce", "No nonce", "A token that is not of this sign-in is not taken for it.", Without("nonce")),
		bentBy("nonce", "Another nonce", "Nor is one of another sign-in.", Claim("nonce", "of-another-sign-in")),
		bentBy("no-sub", "No sub", "Nobody is not somebody.", Without("sub")),
		bentBy("at-hash", "Wrong at_hash", "The access token beside it is another one's.", Claim("at_hash", base64url(make([]byte, 16)))),
		bentBy("unverified", "E-mail not verified", "An address that nobody has verified links to no account.", Claim("email_verified", false)),
		bentBy("verified-text", "email_verified as a string", `The string "true" is not true, except where the provider documents it.`, Claim("email_verified", "true")),
		bentBy("none", "alg none", "A token without a signature is refused.", Algorithm("none")),
		bentBy("hmac", "HS256 with the public key", "The key says which algorithm it is for, not the token.", Algorithm("HS256")),
		bentBy("signature", "One bit of the signature", "The smallest change is seen.", Mutate(FlipBit(2, 7))),
		bent("unknown-key", "Unknown key", "A key that is not in the set signs nothing. It costs one fetch of the set at most.", func(*Provider) []Option {
			return []Option{SignedBy(newSigner("ES256")), KeyID(randomText())}
		}),
	}}
}

func keyFaults() pageGroup {
	return pageGroup{"jwks", "Keys", "Only a client that does not know the keys yet asks for them: at its first sign-in, or at a key that is new.", JWKS, []pageFault{
		broken(JWKS, "down", "Status 503", "Keys that are known go on working.", Status(http.StatusServiceUnavailable)),
		broken(JWKS, "empty", "No keys", "An empty set does not replace a good one.", EmptyKeySet()),
		broken(JWKS, "text", "Not JSON", "Nor does a set that cannot be read.", NotJSON()),
		broken(JWKS, "large", "10 MiB", "An answer has a limit.", Oversized(10)),
		broken(JWKS, "enc", "Keys for encryption", "A key that is not for signatures checks none.", UseEnc()),
		broken(JWKS, "curve", "Point off the curve", "A key that is none is left out.", OffCurve()),
		broken(JWKS, "private", "Private key published", "Everybody can sign now: operators should hear of it.", PublishPrivate()),
	}}
}

func userinfoFaults() pageGroup {
	return pageGroup{"userinfo", "UserInfo", "Only a client that misses something in the ID token asks there.", Userinfo, []pageFault{
		edited(Userinfo, "sub", "Another sub", "UserInfo of somebody else is not used.", func(doc map[string]any) {
			doc["sub"] = "somebody-else"
			if doc["id"] != nil { // GitHub's, which says nothing else of who it is
				doc["id"] = "somebody-else"
			}
		}),
		edited(Userinfo, "text", "Booleans as strings", "A string in place of a boolean is no error, and is not true.", func(doc map[string]any) {
			if doc["email_verified"] != nil {
				doc["email_verified"] = "true"
			}
		}),
		broken(Userinfo, "down", "Status 503", "The sign-in works without the further claims.", Status(http.StatusServiceUnavailable)),
		broken(Userinfo, "large", "10 MiB", "An answer has a limit.", Oversized(10)),
	}}
}

func clockFaults() pageGroup {
	return pageGroup{"clock", "Clock", "", Authorize, []pageFault{
		skewed("ahead-59s", "59 seconds ahead", "Clocks differ a little, and sign-in works.", 59*time.Second),
		skewed("ahead-day", "A day ahead", "Tokens from the future are refused.", 24*time.Hour),
		skewed("behind-day", "A day behind", "Tokens of yesterday are refused.", -24*time.Hour),
	}}
}
