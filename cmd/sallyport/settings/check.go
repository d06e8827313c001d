package settings

import (
	"maps"
	"net"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/authhttp"
	"github.com/sallyport-auth/sallyport/claimhook"
	"github.com/sallyport-auth/sallyport/postgres"
	"github.com/sallyport-auth/sallyport/verify/accesstoken"
)

// The checks of one value.

func checkListen(address string) string {
	_, port, err := net.SplitHostPort(address)
	number, numeric := parseNumber(port)
	if err != nil || !numeric || number < 0 || number > 65535 {
		return "want host:port, such as 127.0.0.1:8000"
	}
	return ""
}

const sqlitePrefix = "sqlite:"

// postgresPrefixes are the two that libpq knows.
var postgresPrefixes = []string{"postgres://", "postgresql://"}

func isPostgres(address string) bool {
	return slices.ContainsFunc(postgresPrefixes, func(prefix string) bool { return strings.HasPrefix(address, prefix) })
}

// checkDatabase never shows the value: it may hold a password.
func checkDatabase(address string) string {
	file, isSQLite := strings.CutPrefix(address, sqlitePrefix)
	switch {
	case isPostgres(address):
		if err := postgres.CheckURL(address); err != nil {
			return err.Error()
		}
	case !isSQLite || file == "" || strings.HasPrefix(file, "//"):
		return "want sqlite:FILE, such as sqlite:sallyport.db, or postgres://user@host/name"
	}
	return ""
}

var pathLike = regexp.MustCompile(`^(/[A-Za-z0-9._~-]+)+$`)

func checkPath(mount string) string {
	if mount != "/" && (!pathLike.MatchString(mount) || path.Clean(mount) != mount) {
		return `want "/", or a path such as /auth without a slash at its end`
	}
	return ""
}

func checkCookieName(name string) string {
	switch {
	case (&http.Cookie{Name: name, Value: "x"}).Valid() != nil:
		return show(name) + " is no cookie name (RFC 6265 §4.1.1)"
	case strings.HasPrefix(name, "__"): // RFC 6265bis §4.1.3
		return show(name) + " begins with __, to which browsers give a meaning of its own; set cookie.host_prefix instead"
	}
	return ""
}

// checkHookURL never shows the value: its query may hold a token.
func checkHookURL(text string) string {
	if !oneWord(text) {
		return "it is not an absolute URL; want one such as https://hooks.example.com/claims"
	}
	if err := claimhook.CheckURL(text); err != nil {
		return err.Error()
	}
	return ""
}

func checkOrigin(origin string) string {
	if !oneWord(origin) || strings.ContainsAny(origin, "@?") { // which may hold a password
		return "it is no origin; write https://host or https://host:port"
	}
	if err := authhttp.CheckOrigin(origin); err != nil {
		return show(origin) + ": " + err.Error()
	}
	return ""
}

func checkProxy(text string) string {
	if !oneWord(text) || strings.ContainsAny(text, "@?") { // a URL, which may hold a password
		return "it is no address and no prefix; write one such as 10.0.0.0/8 or 192.0.2.1"
	}
	if _, err := authhttp.ParseProxy(text); err != nil {
		return show(text) + ": " + err.Error()
	}
	return ""
}

func checkReturnTo(target string) string {
	if !oneWord(target) || strings.ContainsAny(target, "@?") { // which may hold a password
		return "it is no address; write one such as https://spa.example.com/app"
	}
	if err := sallyport.CheckReturnTo(target); err != nil {
		return show(target) + ": " + err.Error()
	}
	return ""
}

func checkSignIn(page string) string {
	if strings.HasPrefix(page, "/") && !strings.HasPrefix(page, "//") && !strings.ContainsAny(page, "?#* ") || checkReturnTo(page) == "" {
		return ""
	}
	return show(page) + ": want a path such as /sign-in, or a URL that return_to allows"
}

func checkClaim(name string) string {
	if accesstoken.Reserved(name) {
		return show(name) + " is a claim of every access token already"
	}
	return ""
}

// check is about settings that do not go together. A setting that has a fault of its own is left out.
func (l *loader) check() {
	if s := l.settings; s.Listen == s.AdminListen && !strings.HasSuffix(s.Listen, ":0") {
		l.conflict("it is also admin_listen; give each an address of its own", "listen", "admin_listen")
	}
	if s := l.settings; l.sound("database", "secret") && s.IsPostgres() && len(s.Secret) == 0 {
		l.conflict("it is required with PostgreSQL: the one that the database was made with, coming from SQLite the text of FILE.secret; only for a new database make one with openssl rand -base64 32", "secret")
	}
	l.checkNames("claims.user_attributes", l.settings.UserAttributes)
	l.checkNames("user_fields", l.settings.UserFields)
	l.checkProxies()
	l.checkTemplate()
	issuer := l.checkIssuer()
	l.checkAudienceAlg()
	l.checkCookies(issuer)
	l.checkForward(issuer)
	l.checkTTLs()
	l.checkHook()
	if hash := l.settings.Password.Hash; hash.isWeak() {
		l.warn("password.hash: %v costs an attacker less than OWASP recommends; argon2id,m=19456,t=2,p=1 is the least", hash)
	}
}

// userFields are the fields that every user has; any other name is an attribute of somebody's own.
var userFields = []string{"id", "username", "email", "email_verified", "first_name", "last_name", "is_active", "groups"}

// checkNames warns of a name that is nearly that of a field: it would be null for ever.
func (l *loader) checkNames(key string, names []string) {
	for _, name := range names {
		if near := Nearest(name, userFields); near != "" && near != name {
			l.warn("%s: %s is taken for an attribute; the field is called %s", key, show(name), near)
		}
	}
}

// checkTemplate warns as checkNames does. The weight of a template is known only when all of it is right.
func (l *loader) checkTemplate() {
	const key = "claims.template"
	if template := l.settings.ClaimTemplate; l.sound(key) {
		if err := sallyport.CheckClaimTemplates(template); err != nil {
			l.conflict(err.Error(), key)
		}
		l.checkNames(key, sallyport.ClaimTemplateNames(template))
	}
}

// checkAudienceAlg needs the issuer, which is the audience when no other is given.
func (l *loader) checkAudienceAlg() {
	s := l.settings
	if !l.sound("tokens.audience", "tokens.audience_alg", "issuer") {
		return
	}
	audiences := s.Tokens.Audience
	if len(audiences) == 0 {
		audiences = []string{s.IssuerAt(0)}
	}
	for _, audience := range slices.Sorted(maps.Keys(s.Tokens.AudienceAlg)) {
		if !slices.Contains(audiences, audience) {
			l.conflict(show(audience)+" is not one of tokens.audience", "tokens.audience_alg")
		}
	}
}

// checkProxies warns of a prefix that makes everybody a proxy.
func (l *loader) checkProxies() {
	for _, text := range l.settings.TrustedProxies {
		if prefix, err := authhttp.ParseProxy(text); err == nil && prefix.Bits() == 0 {
			l.warn("trusted_proxies: %s is everybody, so that anybody can choose the address that they seem to come from; name the proxies alone", prefix)
		}
	}
}

// sound reports whether none of the settings has a fault.
func (l *loader) sound(keys ...string) bool {
	for _, key := range keys {
		if l.broken[key] {
			return false
		}
	}
	return true
}

// conflict is a fault of settings that do not go together, at the place of the first that was given.
func (l *loader) conflict(problem string, keys ...string) {
	for _, key := range keys {
		if l.settings.Given(key) {
			l.fault(l.settings.places[key], key, problem)
			return
		}
	}
	l.fault(Place{}, keys[0], problem)
}

// checkIssuer completes issuer and path, each from the other. It returns nil when the issuer is not
// known.
func (l *loader) checkIssuer() *url.URL {
	s := l.settings
	if !l.sound("issuer", "listen", "path") {
		return nil
	}
	if s.Issuer == "" {
		return l.defaultIssuer()
	}
	if !oneWord(s.Issuer) {
		l.conflict("it is not a URL; want one such as https://app.example.com/auth", "issuer")
		return nil
	}
	if err := sallyport.CheckIssuer(s.Issuer); err != nil {
		l.conflict(err.Error(), "issuer")
		return nil
	}
	issuer, err := url.Parse(s.Issuer)
	if err != nil { // CheckIssuer has parsed it
		return nil
	}
	switch {
	case !s.Given("path"):
		s.Path = issuer.Path
		if s.Path == "" {
			s.Path = "/"
		}
	case s.mount() != issuer.Path:
		l.conflict(show(s.Path)+" is not the path of issuer, "+show(s.Issuer)+"; set issuer alone", "path")
	}
	return issuer
}

// defaultIssuer is for trying things out on one machine: http, because there are no certificates.
func (l *loader) defaultIssuer() *url.URL {
	s := l.settings
	host, port, err := net.SplitHostPort(s.Listen)
	if err != nil { // checkListen has split it
		return nil
	}
	if !sallyport.IsLoopback(strings.ToLower(host)) {
		l.fault(Place{}, "issuer",
			"it is required because listen"+l.origin("listen")+" is not on loopback; give the public URL of the mount, such as https://app.example.com/auth")
		return nil
	}
	number, _ := strconv.Atoi(port)
	issuer, err := url.Parse(s.IssuerAt(number))
	if err != nil {
		l.conflict("want host:port, such as 127.0.0.1:8000", "listen")
		return nil
	}
	if number != 0 {
		s.Issuer = issuer.String()
	}
	return issuer
}

// origin is where a setting was given, in brackets; "" for a default.
func (l *loader) origin(key string) string {
	if at := l.settings.places[key].String(); at != "" {
		return " (" + at + ")"
	}
	return ""
}

func (l *loader) checkCookies(issuer *url.URL) {
	c := l.settings.Cookie
	if l.sound("cookie.name", "cookie.csrf_name") && c.Name == c.CSRFName {
		l.conflict("both cookies have the name "+show(c.Name), "cookie.csrf_name", "cookie.name")
	}
	if c.Insecure && issuer != nil && issuer.Scheme == "https" {
		l.conflict("it is for http issuers on loopback, and the issuer is https; remove it", "cookie.insecure")
	}
	if c.Insecure && c.SameSite == "none" {
		l.conflict("none needs Secure cookies, so it does not go with cookie.insecure: browsers drop such cookies", "cookie.same_site")
	}
	if c.HostPrefix {
		l.checkHostPrefix(issuer)
	}
	if c.Domain != "" && issuer != nil {
		l.checkDomain(issuer.Hostname())
	}
}

// checkDomain is about cookie.domain: host is the issuer's.
func (l *loader) checkDomain(host string) {
	domain := l.settings.Cookie.Domain
	if !oneWord(domain) {
		l.conflict("it is no domain", "cookie.domain")
		return
	}
	if err := authhttp.CheckCookieDomain(domain, host); err != nil {
		l.conflict(err.Error(), "cookie.domain")
		return
	}
	l.warn("cookie.domain: every host below %s receives the refresh token; remove the setting unless several hosts need it", domain)
}

// checkForward is about the site cookie. What package authhttp finds in the sign-in page is found when that is made.
func (l *loader) checkForward(issuer *url.URL) {
	s := l.settings
	if name := s.Forward.CookieName; l.sound("cookie.name", "cookie.csrf_name", "forward.cookie_name") && (name == s.Cookie.Name || name == s.Cookie.CSRFName) {
		l.conflict("another cookie is called "+show(name), "forward.cookie_name", "cookie.name", "cookie.csrf_name")
	}
	if s.Forward.CookieDomain != "" && issuer != nil {
		if !oneWord(s.Forward.CookieDomain) {
			l.conflict("it is no domain", "forward.cookie_domain")
		} else if err := authhttp.CheckCookieDomain(s.Forward.CookieDomain, issuer.Hostname()); err != nil {
			l.conflict(err.Error(), "forward.cookie_domain")
		}
	}
	if s.Forward.Enabled && len(s.TrustedProxies) == 0 {
		l.warn("forward.enabled: trusted_proxies is empty, so that no proxy may ask; name the address of yours there")
	}
}

// checkHostPrefix is the conditions of RFC 6265bis §4.1.3.2.
func (l *loader) checkHostPrefix(issuer *url.URL) {
	s := l.settings
	if issuer != nil && s.Path != "/" {
		l.conflict("it needs path: / and an issuer without a path; path is "+show(s.Path), "cookie.host_prefix")
	}
	if s.Cookie.Domain != "" {
		l.conflict("it does not go with cookie.domain; remove one of them", "cookie.host_prefix")
	}
	if s.Cookie.Insecure {
		l.conflict("it does not go with cookie.insecure; remove one of them", "cookie.host_prefix")
	}
}

func (l *loader) checkTTLs() {
	t := &l.settings.Tokens
	if !l.sound("tokens.idle_ttl", "tokens.session_ttl") {
		return
	}
	if !l.settings.Given("tokens.idle_ttl") {
		t.IdleTTL = min(t.IdleTTL, t.SessionTTL)
	}
	if t.IdleTTL > t.SessionTTL {
		l.conflict(problemf("it is %s, more than tokens.session_ttl, which is %s", brief(t.IdleTTL), brief(t.SessionTTL)), "tokens.idle_ttl")
	}
	if l.sound("tokens.access_ttl") && t.AccessTTL > t.SessionTTL {
		l.warn("tokens.access_ttl: it is %s, more than tokens.session_ttl, which is %s: an access token ends with its session, so the rest has no effect", brief(t.AccessTTL), brief(t.SessionTTL))
	}
}

func (l *loader) checkHook() {
	hook := l.settings.Hook
	switch {
	case !l.sound("claims.hook.url", "claims.hook.secret"):
	case hook.URL != "" && len(hook.Secret) == 0:
		l.conflict("it needs claims.hook.secret, which proves to the hook who asks", "claims.hook.url")
	case hook.URL == "" && len(hook.Secret) > 0:
		l.conflict("it is of no use without claims.hook.url; set both or none", "claims.hook.secret")
	}
}
