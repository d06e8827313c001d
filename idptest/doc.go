// Package idptest is an OpenID provider that runs inside a test, tells the truth until it is told to lie, and counts
// who asked it what.
//
// A relying party is only as good as the bad tokens it has refused. This provider has everything that a good one has:
// discovery, keys, a login page, the authorization code grant with PKCE, refresh tokens that rotate, UserInfo, and logout
// from both sides. On demand it gets one thing wrong at a time, and everything else right: a claim, a header, a
// signature, a key set, an endpoint, a clock. What a test hands to the code under test is then refused for that one
// reason or not at all.
//
//	p := idptest.New(t, idptest.Config{ClientID: "shop"})
//	good := p.Tokens(idptest.Alice())
//	late := p.Tokens(idptest.Alice(), idptest.ExpiresAt(time.Now().Add(-time.Hour)))
//	p.Fault(idptest.UntilCleared, idptest.JWKS, idptest.Status(http.StatusServiceUnavailable))
//
// Start with [New] in a test, [Start] elsewhere, and [Provider.Tokens]. From there:
//
//   - A [Personality] imitates a real provider with its oddities: [Cognito], [Google], [Entra], [Apple], [GitHub], or a
//     kind of provider, [Thin] and [Lookalike]. [Plain] has none.
//   - [Provider.Tokens] mints without a browser, [Provider.SignIn] gets the same tokens through the endpoints, and
//     [Provider.Login] plays the person in front of the login page for a client of your own; [Provider.LoginForm] when
//     the answer comes by form_post.
//   - An [Option] bends a token: [Claim], [Without], [Header], [Algorithm], [SignedBy], [Mutate] and more. Pass it to
//     Tokens, or to [Provider.Bend] for the next tokens of the endpoint. [Provider.BendCallback] bends the answer of the
//     login page.
//   - A [Fault] breaks an endpoint: [Status], [Hang], [Drop], [Oversized], [Redirect], [Replay], [Edit], [EachKey] and
//     more. See [Provider.Fault]. [Config].FaultPage lets people do it in a browser.
//   - [Provider.LogOut] posts a logout token to the client, right or bent; [Provider.LogoutToken] mints one.
//   - [Provider.Rotate] changes the keys, [Provider.SetClockOffset] the clock, [Provider.SetUser] the users, and
//     [Provider.Clear] makes everything right. [Provider.Count] and [Provider.Requests] tell what was asked for.
//
// It imports nothing but the standard library and no verifier of tokens at all: it signs with crypto/* and puts the bytes
// together itself, so that a mistake in the code under test cannot meet the same mistake here and cancel out. The one
// signature that it checks is that of a client secret at the Apple personality.
//
// It is not a provider for people. It listens on loopback only, its passwords may be printed on its login page, and
// everything it knows is in memory and gone with [Provider.Close].
package idptest
