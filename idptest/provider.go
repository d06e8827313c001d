package idptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Personality is the real provider whose ways are imitated.
type Personality string

const (
	// Plain keeps to the specifications and does what they recommend. It is the default.
	Plain Personality = "plain"
	// Cognito has the issuer, the endpoints, the keys, the claims and the oddities of an Amazon Cognito user pool.
	Cognito Personality = "cognito"
	// Google has two spellings of its issuer, hd and azp, opaque access tokens and no end_session_endpoint.
	Google Personality = "google"
	// Entra is Microsoft Entra: an issuer for each tenant, discovery with {tenantid}, pairwise subjects, no email_verified.
	Entra Personality = "entra"
	// Apple answers by a form, tells the name once, writes booleans as strings, and wants a client secret that is a JWT.
	Apple Personality = "apple"
	// GitHub speaks OAuth 2.0 and no OpenID Connect: no ID token, no discovery, no keys, token errors with status 200.
	GitHub Personality = "github"
	// Thin is Plain with nothing about the user in the ID token but sub. UserInfo has the rest.
	Thin Personality = "thin"
	// Lookalike is Plain with access tokens that have the claims, the audience and the typ of its ID tokens.
	Lookalike Personality = "lookalike"
)

// Endpoint names one of the provider's endpoints.
type Endpoint string

// The endpoints. [Provider.URL] and [Provider.Path] say where they are; not every personality has all.
const (
	Discovery Endpoint = "discovery" // OpenID Connect Discovery 1.0 §4
	JWKS      Endpoint = "jwks"      // RFC 7517 §5
	Authorize Endpoint = "authorize" // RFC 6749 §3.1
	Token     Endpoint = "token"     // RFC 6749 §3.2
	Userinfo  Endpoint = "userinfo"  // OpenID Connect Core 1.0 §5.3
	// EndSession is where a browser logs out: OpenID Connect RP-Initiated Logout 1.0 §2, or what the model has in its place.
	EndSession Endpoint = "end_session"
	Emails     Endpoint = "emails" // GitHub's list of a user's addresses; Userinfo is its user
)

// Config describes a provider. Every field has a default, so the zero value is a provider that works.
type Config struct {
	// Personality defaults to Plain.
	Personality Personality
	// Pool is the user pool of the Cognito personality: the last part of the issuer. Default: us-east-1_idptest01.
	Pool string
	// ClientID is the one client that is registered. Default: "spa".
	ClientID string
	// ClientSecret makes the client confidential: it authenticates by client_secret_basic or client_secret_post
	// (RFC 6749 §2.3.1), besides PKCE. Empty, the client is public. GitHub knows no public clients: its default is
	// "secret". Apple's clients make theirs themselves and do not use the field: see [Provider.ClientSecret].
	ClientSecret string
	// RedirectURIs are compared byte by byte. Default: http://127.0.0.1/callback, which nobody needs to serve, for
	// SignIn and Login read the address and do not go there.
	RedirectURIs []string
	// BareIssuer leaves the scheme out of the iss of the Google personality's ID tokens. Discovery keeps it. For one
	// token there is the option [BareIssuer].
	BareIssuer bool
	// Tenants are the directories of the Entra personality: GUIDs in lower case. The first is that of Issuer and of
	// users who name none. Default: one.
	Tenants []string
	// AppleTeamID and AppleKeyID are what a client secret of the Apple personality must have as iss and kid. Defaults:
	// TEAM123456 and KEY1234567.
	AppleTeamID, AppleKeyID string
	// ApplePublicKey checks the client secrets of the Apple personality: a P-256 key. Default: a key is generated, and
	// [Provider.AppleKey] is its private half.
	ApplePublicKey *ecdsa.PublicKey
	// BackChannelLogout is the client's back-channel logout URI (OpenID Connect Back-Channel Logout 1.0 §2.2): where
	// [Provider.LogOut] posts. With one, ID tokens have a sid. Default: none.
	BackChannelLogout string
	// FaultPage adds a page at /faults, on which people switch faults on and off. It believes everybody who can reach
	// the provider.
	FaultPage bool
	// PostLogoutRedirectURIs are where EndSession may lead back, compared byte by byte.
	PostLogoutRedirectURIs []string
	// AllowedOrigins may call the endpoints other than Authorize from a page. Default: "*", every origin.
	AllowedOrigins []string
	// Users default to DemoUsers.
	Users []User
	// ShowUsers lists the users with their passwords on the login page, a button for each.
	ShowUsers bool
	// Now is the clock of every time that the provider writes or compares. Default: time.Now.
	Now func() time.Time
	// Listen is a TCP address on loopback. Default: 127.0.0.1:0, a free port.
	Listen string
	// Host is the name in the issuer and in every URL of the provider: "localhost", a name below it, or an address of
	// loopback. Default: the host of Listen. To a browser, localhost and 127.0.0.1 are two sites.
	Host string
	// Algorithm signs both tokens: RS256, ES256 or EdDSA. Default: RS256, and Cognito, Google, Entra and Apple have no
	// other.
	Algorithm string
	// IDTokenLife and AccessTokenLife default to an hour, RefreshTokenLife to 30 days.
	IDTokenLife, AccessTokenLife, RefreshTokenLife time.Duration
}

// CodeLife is how long an authorization code can be redeemed.
const CodeLife = 60 * time.Second

// complete fills in the defaults.
func (c Config) complete() Config {
	c.Personality = or(c.Personality, Plain)
	c.Pool = or(c.Pool, "us-east-1_idptest01")
	c.ClientID = or(c.ClientID, "spa")
	c.Listen = or(c.Listen, "127.0.0.1:0")
	c.Algorithm = or(c.Algorithm, "RS256")
	c.AppleTeamID = or(c.AppleTeamID, "TEAM123456")
	c.AppleKeyID = or(c.AppleKeyID, "KEY1234567")
	if c.Personality == GitHub {
		c.ClientSecret = or(c.ClientSecret, "secret")
	}
	if len(c.Tenants) == 0 {
		c.Tenants = []string{"6f1d2c3b-4a59-4687-8796-a5b4c3d2e1f0"}
	}
	c.IDTokenLife = or(c.IDTokenLife, time.Hour)
	c.AccessTokenLife = or(c.AccessTokenLife, time.Hour)
	c.RefreshTokenLife = or(c.RefreshTokenLife, 30*24*time.Hour)
	if host, _, err := net.SplitHostPort(c.Listen); err == nil {
		c.Host = or(c.Host, host)
	}
	if len(c.RedirectURIs) == 0 {
		c.RedirectURIs = []string{"http://127.0.0.1/callback"}
	}
	if len(c.AllowedOrigins) == 0 {
		c.AllowedOrigins = []string{"*"}
	}
	if c.Users == nil {
		c.Users = DemoUsers()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}

// faults are all that is wrong with a complete Config.
func (c Config) faults() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf("idptest: "+format, args...)) }
	if !slices.Contains([]Personality{Plain, Cognito, Google, Entra, Apple, GitHub, Thin, Lookalike}, c.Personality) {
		fault("Personality %q: want Plain, Cognito, Google, Entra, Apple, GitHub, Thin or Lookalike", c.Personality)
	}
	switch {
	case c.Algorithm != "RS256" && c.Algorithm != "ES256" && c.Algorithm != "EdDSA":
		fault("Algorithm %q: want RS256, ES256 or EdDSA", c.Algorithm)
	case slices.Contains([]Personality{Cognito, Google, Entra, Apple}, c.Personality) && c.Algorithm != "RS256":
		fault("Algorithm %q: this personality signs with RS256 only", c.Algorithm)
	}
	if url.PathEscape(c.Pool) != c.Pool || strings.HasPrefix(c.Pool, ".") {
		fault("Pool %q: want one part of a path that needs no escape", c.Pool)
	}
	if host, _, err := net.SplitHostPort(c.Listen); err != nil || !isLoopback(host) {
		fault("Listen %q: want an address on loopback, such as 127.0.0.1:0", c.Listen)
	}
	if !isLoopback(c.Host) {
		fault("Host %q: want localhost, a name below it or an address of loopback", c.Host)
	}
	for _, tenant := range c.Tenants {
		if !isGUID(tenant) {
			fault("Tenants: %q: want a GUID in lower case", tenant)
		}
	}
	if c.ApplePublicKey != nil && c.ApplePublicKey.Curve != elliptic.P256() {
		fault("ApplePublicKey: want a key on P-256, for ES256")
	}
	if u, err := url.Parse(c.BackChannelLogout); c.BackChannelLogout != "" && (err != nil || u.Host == "" || strings.Contains(c.BackChannelLogout, "#")) {
		fault("BackChannelLogout: %q: want an absolute URL without a fragment (Back-Channel Logout 1.0 §2.2)", c.BackChannelLogout)
	}
	for _, uri := range slices.Concat(c.RedirectURIs, c.PostLogoutRedirectURIs) {
		if u, err := url.Parse(uri); err != nil || u.Scheme == "" || strings.Contains(uri, "#") {
			fault("RedirectURIs and PostLogoutRedirectURIs: %q: want an absolute URI without a fragment (RFC 6749 §3.1.2)", uri)
		}
	}
	seen := map[string]bool{}
	for _, u := range c.Users {
		if u.Username == "" || seen[u.Username] {
			fault("Users: Username %q: want one for every user, and no two alike", u.Username)
		}
		seen[u.Username] = true
		if u.Tenant != "" && !isGUID(u.Tenant) {
			fault("Users: %q: Tenant %q: want a GUID in lower case", u.Username, u.Tenant)
		}
	}
	return errors.Join(faults...)
}

func isLoopback(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback()
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}

// personality is what the imitated providers do each in their own way. The rest is common.
type personality interface {
	issuerPath() string // behind the base URL
	path(Endpoint) string
	keyCount() int
	keyID() string
	metadata(p *Provider, path string, doc *object) // path is that of the request
	sendsIssuer() bool                              // iss in the authorization response (RFC 9207)
	defaultScope() string
	idToken(occasion) draft
	accessToken(occasion) draft
	sendsScope() bool        // scope in the token response
	logoutParameter() string // names the address to which EndSession leads back
	userinfo(u User, scope string) object

	// What follows has an answer in ordinary, which most personalities keep.

	oauthOnly() bool                              // no OpenID Connect; PKCE, scope and response_type may be left out
	usualScope() string                           // what SignIn asks for, and Tokens grants
	responseModes() []string                      // the first is the default
	needsFormPost(scope string) bool              // no other mode will do
	locate(p *Provider, path string) string       // the path of an endpoint behind one of its other paths
	admits(p *Provider, path string, u User) bool // whether u may sign in at that path
	door(p *Provider, u User) string              // the path of Authorize that is u's
	issuerOf(p *Provider, u User) string
	subject(u User) string
	sendsAtHash() bool
	alwaysIDToken() bool // also without the scope openid
	// introduce adds what the client is told beside the code. first is whether u has never signed in here before.
	introduce(u User, scope string, first bool, params url.Values)
	secretFault(p *Provider, secret string) string // why a client secret is refused; "" for a good one
	clientSecret(p *Provider) string
	more(p *Provider) map[string]route // routes of its own, by path
}

// Provider is a running provider. Its methods may be called from any goroutine.
type Provider struct {
	cfg     Config
	persona personality
	base    string // scheme, host and port
	issuer  string
	routes  map[string]route
	pages   pages

	server  *http.Server
	running sync.WaitGroup // the accept loop and every connection
	closing chan struct{}  // closed at the beginning of Close
	skew    atomic.Int64   // added to the clock, in nanoseconds
	once    sync.Once

	mu       sync.Mutex // guards what follows
	users    []User
	keys     keyring
	grants   map[*grant]bool
	codes    map[string]*code
	access   map[string]*accessGrant
	refresh  map[string]*refreshGrant
	bends    bends
	callback callbackBend
	faults   map[Endpoint]*activeFault
	log      requestLog
	lent     []*rsa.PrivateKey // go back when it is closed
	met      map[string]bool   // the usernames of those who have signed in
	idTokens map[string]bool   // that were issued, for id_token_hint
	replay   object            // the last right answer of the token endpoint

	appleKey *ecdsa.PrivateKey // generated for client secrets; never changes
	appleFor *ecdsa.PublicKey  // checks them; never changes
}

// Start starts a provider, which the caller ends with Close. It returns every fault of the Config at once, or the
// error of listening.
func Start(cfg Config) (*Provider, error) {
	cfg = cfg.complete()
	if err := cfg.faults(); err != nil {
		return nil, err
	}
	pages, err := parsePages()
	if err != nil {
		return nil, fmt.Errorf("idptest: parse the pages: %w", err)
	}
	listener, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		return nil, fmt.Errorf("idptest: listen: %w", err)
	}
	p := &Provider{
		cfg: cfg, persona: cfg.persona(), pages: pages, closing: make(chan struct{}),
		grants: map[*grant]bool{}, codes: map[string]*code{}, access: map[string]*accessGrant{}, refresh: map[string]*refreshGrant{},
		faults: map[Endpoint]*activeFault{}, met: map[string]bool{}, idTokens: map[string]bool{},
		log: requestLog{arrived: make(chan struct{})},
	}
	if p.appleFor = cfg.ApplePublicKey; cfg.Personality == Apple && p.appleFor == nil {
		p.appleKey, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader) // fails only with rand.Reader, which does not
		p.appleFor = &p.appleKey.PublicKey
	}
	_, port, _ := net.SplitHostPort(listener.Addr().String()) // the address of a TCP listener has a port
	p.base = "http://" + net.JoinHostPort(cfg.Host, port)
	p.issuer = p.base + p.persona.issuerPath()
	p.routes = p.newRoutes()
	p.keys.current = p.freshKeys()
	for _, u := range cfg.Users {
		p.users = append(p.users, u.complete())
	}
	p.serve(listener)
	return p, nil
}

func (p *Provider) serve(listener net.Listener) {
	p.server = &http.Server{
		Handler:           http.HandlerFunc(p.handle),
		ReadHeaderTimeout: 10 * time.Second,
		// Server.Close does not wait for handlers. StateNew is told by the accept loop and StateClosed last of all, so
		// waiting for both leaves nothing behind. Nor does Close see a connection that was accepted a moment before it.
		ConnState: func(conn net.Conn, state http.ConnState) {
			switch state {
			case http.StateNew:
				p.running.Add(1)
				select {
				case <-p.closing:
					conn.Close()
				default:
				}
			case http.StateClosed:
				p.running.Done()
			}
		},
	}
	p.running.Go(func() { p.server.Serve(listener) }) // returns ErrServerClosed, by Close
}

// TB is the part of testing.TB that New needs. Package testing stays out of programs that only Start a provider.
type TB interface {
	Helper()
	Cleanup(func())
	Fatalf(format string, args ...any)
}

// New starts a provider for a test and closes it when the test ends. A faulty Config fails the test.
func New(t TB, cfg Config) *Provider {
	t.Helper()
	p, err := Start(cfg)
	if err != nil {
		t.Fatalf("%v", err)
		return nil
	}
	t.Cleanup(p.Close)
	return p
}

// Close ends the provider: hanging answers are cut off, connections closed, and nothing runs when it returns.
func (p *Provider) Close() {
	p.once.Do(func() {
		close(p.closing)
		p.server.Close() // its only error is that of a listener that is closed already
	})
	p.running.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	rsaKeys.takeBack(p.lent)
	p.lent = nil
}

// Issuer is the issuer identifier: the iss of every token, and where discovery begins.
func (p *Provider) Issuer() string { return p.issuer }

// BaseURL is the root of the server, without a slash at the end. There is a page for people.
func (p *Provider) BaseURL() string { return p.base }

// ClientID is the registered client.
func (p *Provider) ClientID() string { return p.cfg.ClientID }

// ClientSecret is what the registered client authenticates with now: Config.ClientSecret, or at the Apple personality
// a fresh JWT, which the provider can make only when it has generated the key itself. It is "" for a public client.
func (p *Provider) ClientSecret() string { return p.persona.clientSecret(p) }

// Subject is the sub of u at this provider, which is not User.Subject where subjects are pairwise (Entra) or numeric
// (GitHub, where it is the id).
func (p *Provider) Subject(u User) string { return p.persona.subject(u.complete()) }

// IssuerOf is the iss of the ID tokens of u: that of u's tenant at the Entra personality, Issuer at others.
func (p *Provider) IssuerOf(u User) string { return p.persona.issuerOf(p, u.complete()) }

// Path is the path of an endpoint, or "" when the personality has none.
func (p *Provider) Path(e Endpoint) string {
	if e == Discovery && !p.persona.oauthOnly() {
		return p.persona.issuerPath() + "/.well-known/openid-configuration"
	}
	return p.persona.path(e)
}

// URL is the address of an endpoint, or "" when the personality has none.
func (p *Provider) URL(e Endpoint) string {
	path := p.Path(e)
	if path == "" {
		return ""
	}
	return p.base + path
}

// route is what the server knows about a path.
type route struct {
	endpoint Endpoint
	methods  []string
	cors     bool
	handler  http.HandlerFunc
}

func (p *Provider) newRoutes() map[string]route {
	read, both := []string{http.MethodGet, http.MethodHead}, []string{http.MethodGet, http.MethodPost}
	routes := map[string]route{"/": {methods: read, handler: p.serveIndex}}
	for _, r := range []route{
		{Discovery, read, true, p.serveDiscovery},
		{JWKS, read, true, p.serveJWKS},
		{Authorize, both, false, p.serveAuthorize},
		{Token, []string{http.MethodPost}, true, p.serveToken},
		{Userinfo, both, true, p.serveUserinfo},
		{EndSession, both, false, p.serveEndSession},
	} {
		if path := p.Path(r.endpoint); path != "" {
			routes[path] = r
		}
	}
	maps.Copy(routes, p.persona.more(p))
	if p.cfg.FaultPage {
		routes[faultPath] = route{methods: both, handler: p.serveFaultPage}
	}
	return routes
}

// maxForm is the most that a client may post.
const maxForm = 64 << 10

// handle is where everything passes that comes in over the network.
func (p *Provider) handle(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	formErr := r.ParseForm()
	route, ok := p.routes[p.persona.locate(p, r.URL.Path)]
	answer := &statusWriter{ResponseWriter: w}
	entry := p.logRequest(r, route.endpoint)
	defer func() { p.logStatus(entry, answer.status) }()
	switch {
	case !ok:
		http.NotFound(answer, r)
	case route.cors && p.allowOrigin(answer, r, route.methods):
	case !slices.Contains(route.methods, r.Method):
		answer.Header().Set("Allow", strings.Join(route.methods, ", "))
		http.Error(answer, "method not allowed", http.StatusMethodNotAllowed)
	case formErr != nil:
		http.Error(answer, "the query or the form cannot be read", http.StatusBadRequest)
	default:
		p.answer(route, answer, r)
	}
}

// allowOrigin writes the CORS headers, and reports whether r was a preflight request, which is then answered.
func (p *Provider) allowOrigin(w http.ResponseWriter, r *http.Request, methods []string) bool {
	h, origin := w.Header(), r.Header.Get("Origin")
	switch {
	case slices.Contains(p.cfg.AllowedOrigins, "*"):
		h.Set("Access-Control-Allow-Origin", "*")
	case slices.Contains(p.cfg.AllowedOrigins, origin):
		h.Set("Access-Control-Allow-Origin", origin)
		h.Add("Vary", "Origin")
	default:
		h.Add("Vary", "Origin")
	}
	h.Set("Access-Control-Expose-Headers", "WWW-Authenticate")
	if r.Method != http.MethodOptions {
		return false
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
	w.WriteHeader(http.StatusNoContent)
	return true
}

// serveDiscovery answers with the metadata (OpenID Connect Discovery 1.0 §3).
func (p *Provider) serveDiscovery(w http.ResponseWriter, r *http.Request) {
	doc := object{}
	doc.set("issuer", p.issuer)
	doc.set("authorization_endpoint", p.URL(Authorize))
	doc.set("token_endpoint", p.URL(Token))
	doc.setText("userinfo_endpoint", p.URL(Userinfo))
	doc.set("jwks_uri", p.URL(JWKS))
	doc.set("response_types_supported", []string{"code"})
	doc.set("subject_types_supported", []string{"public"})
	doc.set("id_token_signing_alg_values_supported", []string{p.cfg.Algorithm})
	p.persona.metadata(p, r.URL.Path, &doc)
	writeJSON(w, http.StatusOK, doc)
}

func (p *Provider) serveIndex(w http.ResponseWriter, _ *http.Request) {
	p.writePage(w, http.StatusOK, "index", nil)
}

func writeJSON(w http.ResponseWriter, status int, doc object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(doc.text()) // an error means that the client has gone
}

// plain is the Plain personality.
type plain struct{ ordinary }

func (plain) issuerPath() string { return "" }

func (plain) path(e Endpoint) string {
	return map[Endpoint]string{
		JWKS: "/.well-known/jwks.json", Authorize: "/authorize", Token: "/token", Userinfo: "/userinfo", EndSession: "/logout",
	}[e]
}

func (plain) logoutParameter() string { return "post_logout_redirect_uri" }

func (plain) keyCount() int        { return 1 }
func (plain) sendsIssuer() bool    { return true }
func (plain) sendsScope() bool     { return true }
func (plain) defaultScope() string { return "" } // RFC 6749 §3.3: no default, so a request without scope fails

func (plain) keyID() string {
	sum := sha256.Sum256([]byte(randomText()))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

func (plain) metadata(p *Provider, _ string, doc *object) {
	methods := []string{"none"}
	if p.cfg.ClientSecret != "" {
		methods = []string{"client_secret_basic", "client_secret_post"}
	}
	doc.set("end_session_endpoint", p.URL(EndSession))
	doc.set("backchannel_logout_supported", true)
	doc.set("backchannel_logout_session_supported", p.cfg.BackChannelLogout != "")
	doc.set("response_modes_supported", p.persona.responseModes())
	doc.set("grant_types_supported", []string{"authorization_code", "refresh_token"})
	doc.set("scopes_supported", []string{"openid", "profile", "email"})
	doc.set("token_endpoint_auth_methods_supported", methods)
	doc.set("code_challenge_methods_supported", []string{"S256"})
	doc.set("authorization_response_iss_parameter_supported", true) // RFC 9207 §3
	doc.set("request_uri_parameter_supported", false)               // absent would mean true
	doc.set("claims_supported", []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash",
		"preferred_username", "name", "given_name", "family_name", "email", "email_verified", "groups"})
}

func (plain) idToken(o occasion) draft {
	c := object{}
	c.set("iss", o.issuer)
	c.set("sub", o.user.Subject)
	c.set("aud", o.clientID)
	c.set("exp", o.now.Add(o.idTokenLife).Unix())
	c.set("iat", o.now.Unix())
	c.set("auth_time", o.grant.authTime.Unix())
	c.setText("nonce", o.nonce)
	c.set("jti", randomUUID())
	plain{}.describe(o.user, o.scope, &c)
	return draft{typ: "JWT", audienceClaim: "aud", payload: c}
}

// accessToken follows RFC 9068 §2. Its audience is the provider itself: the token opens UserInfo.
func (plain) accessToken(o occasion) draft {
	c := object{}
	c.set("iss", o.issuer)
	c.set("sub", o.user.Subject)
	c.set("aud", o.issuer)
	c.set("client_id", o.clientID)
	c.set("scope", o.scope)
	c.set("exp", o.now.Add(o.accessTokenLife).Unix())
	c.set("iat", o.now.Unix())
	c.set("auth_time", o.grant.authTime.Unix())
	c.set("jti", randomUUID())
	return draft{typ: "at+jwt", audienceClaim: "aud", payload: c}
}

// describe adds what scope lets the client know about u.
func (plain) describe(u User, scope string, c *object) {
	if hasScope(scope, "profile") {
		c.setText("preferred_username", u.Username)
		u.profileClaims(c)
		if len(u.Groups) > 0 {
			c.set("groups", u.Groups)
		}
	}
	if hasScope(scope, "email") {
		u.emailClaims(c)
	}
	u.ownClaims(c)
}

func (plain) userinfo(u User, scope string) object {
	c := object{}
	c.set("sub", u.Subject)
	plain{}.describe(u, scope, &c)
	return c
}
