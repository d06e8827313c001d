package authhttp

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// Config is what the HTTP side can be told. The zero value is what the documentation describes.
type Config struct {
	// CSRF says when refresh/ and logoff/ need a CSRF_token. Default: CSRFAuto.
	CSRF CSRFMode
	// TrustedOrigins may call with credentials from a browser: "https://spa.example.com". Each is
	// scheme, host and port, compared as a whole. Default: the issuer's own origin alone.
	TrustedOrigins []string
	// TrustedProxies are the addresses of proxies whose X-Forwarded-For is believed; whoever has one of them can name
	// any address as the client's. ParseProxy reads one from text. Default: none, and the header is ignored.
	TrustedProxies []netip.Prefix
	// Cookie names and scopes the two cookies.
	Cookie CookieConfig
	// Forward is forward auth, for services behind a proxy that know nothing of tokens. Default: off.
	Forward ForwardConfig
	// Logger gets the cause of every answer that hides it. Default: slog.Default().
	Logger *slog.Logger
}

// CSRFMode says when a CSRF_token is needed.
type CSRFMode string

const (
	// CSRFAuto lets the token be absent when the browser itself says Sec-Fetch-Site: same-origin.
	CSRFAuto CSRFMode = "auto"
	// CSRFToken always requires it.
	CSRFToken CSRFMode = "token"
)

// Handler serves the routes below the issuer's path. Make it with New; mount it at that path, with
// the path left in the request's URL.
type Handler struct {
	svc     *sallyport.Service
	log     *slog.Logger
	mount   string // the issuer's path; "" at the root
	origins origins
	proxies proxies
	csrf    CSRFMode
	cookies cookies
	forward *forward
	ui      *pages
	hsts    bool
	routes  map[string]route

	misplaced    sync.Once // says so, for a program that mounts the handler elsewhere
	misforwarded sync.Once // says so, for a proxy that sends no list of addresses
	unforwarded  sync.Once // says so, for a peer that seems to be a proxy and is not trusted
	unasked      sync.Once // says so, for a peer that asks for forward auth and is not trusted
	foreign      seldom    // says which site is not in return_to
	unaddressed  sync.Once // says so, for a proxy that asks about an unknown address
}

// route is one path below the mount.
type route struct {
	methods map[string]handlerFunc
	any     handlerFunc // for every method, in place of methods
	// public answers are the same for everybody and may be cached and read from any origin.
	public bool
	// anyOrigin requests come from wherever they come, and have a proof of their own. No page may read the answers.
	anyOrigin bool
	// navigated: a person looks at the answer.
	navigated bool
	// proxied: a proxy asks in the name of another request, and lets that pass if the answer is 2xx.
	proxied bool
	// deadline bounds the work of one request.
	deadline time.Duration
}

// requestDeadline bounds what an ordinary route may take, exchangeDeadline what includes a fetch of a provider's keys,
// callbackDeadline what includes its token endpoint. In all, claims may take usualClaims; what is configured beyond
// that comes on top.
const (
	requestDeadline  = 3 * time.Second
	exchangeDeadline = 6 * time.Second
	callbackDeadline = 11500 * time.Millisecond
	usualClaims      = 2 * time.Second
	feedDeadline     = sallyport.MaxRevocationsWait + requestDeadline
)

// New checks the settings, all faults of which come joined, and returns the handler.
func New(svc *sallyport.Service, cfg Config) (*Handler, error) {
	issuer, err := url.Parse(svc.Issuer())
	if err != nil {
		return nil, fmt.Errorf("authhttp: issuer: %w", err)
	}
	h := &Handler{svc: svc, log: cfg.Logger, mount: issuer.Path, csrf: cfg.CSRF, hsts: issuer.Scheme == "https"}
	if h.log == nil {
		h.log = slog.Default()
	}
	if h.csrf == "" {
		h.csrf = CSRFAuto
	}
	var faults []error
	if h.csrf != CSRFAuto && h.csrf != CSRFToken {
		faults = append(faults, configError("CSRF", "it is %q, want %q or %q", h.csrf, CSRFAuto, CSRFToken))
	}
	h.origins, err = newOrigins(issuer, cfg.TrustedOrigins)
	faults = append(faults, err)
	h.proxies, err = newProxies(cfg.TrustedProxies)
	faults = append(faults, err)
	h.cookies, err = newCookies(issuer, cfg.Cookie)
	faults = append(faults, err)
	if h.ui, err = newUI(svc, issuer); err != nil {
		return nil, err
	}
	h.forward, err = newForward(svc, issuer, cfg.Cookie, cfg.Forward)
	faults = append(faults, err)
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	claims := max(0, svc.ClaimsTimeout()-usualClaims)
	h.routes = map[string]route{
		"sign-in":         post(h.signIn, requestDeadline+claims),
		"social-exchange": post(h.socialExchange, exchangeDeadline+claims),
		"refresh":         post(h.refresh, requestDeadline+claims),
		"verify":          post(h.verify, requestDeadline),
		"logoff":          post(h.logoff, requestDeadline),
		"csrf":            get(h.csrfToken),
		"user":            get(h.bearer(h.user)),
		"sessions":        get(h.bearer(h.sessions)),
		"sessions/{id}":   only(http.MethodDelete, h.bearer(h.endSession), requestDeadline),
		"password":        post(h.bearer(h.password), requestDeadline),
		"identities":      get(h.bearer(h.identities)),
		"identities/{identity}": {deadline: exchangeDeadline, methods: map[string]handlerFunc{ // a provider to link, an identity to remove
			http.MethodPost: h.bearer(h.linkIdentity), http.MethodDelete: h.bearer(h.unlinkIdentity),
		}},

		"login/{provider}": {deadline: exchangeDeadline, anyOrigin: true, navigated: true, methods: map[string]handlerFunc{http.MethodGet: h.login}},
		"callback/{provider}": {deadline: callbackDeadline + claims, anyOrigin: true, navigated: true, methods: map[string]handlerFunc{
			http.MethodGet: h.callback, http.MethodPost: h.callback,
		}},
		"backchannel-logout/{provider}": {deadline: exchangeDeadline, anyOrigin: true, methods: map[string]handlerFunc{http.MethodPost: h.backChannelLogout}},

		"revocations":                      {deadline: feedDeadline, public: true, methods: map[string]handlerFunc{http.MethodGet: h.revocations, http.MethodHead: h.revocations}},
		".well-known/jwks.json":            public(current(h.keySet)),
		".well-known/openid-configuration": public(current(h.metadata)),
		"openapi.yaml":                     public(newDocument("application/yaml", svc.OpenAPI()).serve), // RFC 9512
	}
	maps.Copy(h.routes, h.pageRoutes(claims))
	if cfg.Forward.Enabled {
		for name, form := range map[string]proxyForm{"forward": traefikForm, "forward/nginx": nginxForm} {
			rt := only(http.MethodGet, h.forwarded(form), requestDeadline+claims)
			rt.proxied = true
			h.routes[name] = rt
		}
		h.routes[envoyRoute] = route{proxied: true, deadline: requestDeadline + claims, any: h.forwarded(envoyForm)}
	}
	return h, nil
}

func configError(field, format string, args ...any) error {
	return &sallyport.ConfigError{Package: "authhttp", Field: field, Problem: fmt.Sprintf(format, args...)}
}

type handlerFunc = func(http.ResponseWriter, *http.Request) error

func post(f handlerFunc, deadline time.Duration) route { return only(http.MethodPost, f, deadline) }

func only(method string, f handlerFunc, deadline time.Duration) route {
	return route{methods: map[string]handlerFunc{method: f}, deadline: deadline}
}

func get(f handlerFunc) route {
	return route{methods: map[string]handlerFunc{http.MethodGet: f, http.MethodHead: f}, deadline: requestDeadline}
}

func public(serve handlerFunc) route {
	r := get(serve)
	r.public = true
	return r
}

// ServeHTTP answers with and without a trailing slash, with no redirect.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	pattern, below := h.patternOf(r)
	rt, known := h.routes[pattern]
	h.securityHeaders(w.Header(), rt.public)
	if !below {
		h.misplaced.Do(func() {
			h.log.Info("a request came for a path outside the mount; a program that mounts the handler elsewhere than at the path of the issuer gets nothing else", "mount", h.mount+"/")
		})
	}
	if !below || !known {
		h.refuse(w, r, errNotFound)
		return
	}
	r.Pattern = h.mount + "/" + pattern + "/" // as http.ServeMux does, for who logs the request
	refuse := h.refuse
	if rt.navigated {
		refuse = h.refusePage
	}
	if err := h.dispatch(w, r, rt); err != nil {
		refuse(w, r, err)
	}
}

// patternOf finds the route of a request, if it is below the mount, and puts aside what varies in it.
func (h *Handler) patternOf(r *http.Request) (pattern string, below bool) {
	if path, ok := strings.CutPrefix(r.URL.EscapedPath(), h.mount+envoyPath); ok && (path == "" || path[0] == '/') {
		return envoyRoute, true // whatever follows is of another site
	}
	name, below := strings.CutPrefix(r.URL.Path, h.mount+"/")
	// A path that needs decoding is another one to the proxy in front of us, whose rules it would step around.
	below = below && r.URL.RawPath == ""
	return patternOfName(r, strings.TrimSuffix(name, "/")), below
}

// patternOfName is the route of a path below the mount, without the slashes at its ends.
func patternOfName(r *http.Request, name string) string {
	if strings.Contains(name, "{") { // a pattern is no path
		return ""
	}
	if file, ok := strings.CutPrefix(name, "ui/assets/"); ok { // in a folder
		r.SetPathValue("file", file)
		return "ui/assets/{file}"
	}
	if folder, last, below := strings.Cut(name, "/"); below && last != "" && !strings.Contains(last, "/") && varying[folder] != "" {
		r.SetPathValue(varying[folder], last)
		return folder + "/{" + varying[folder] + "}"
	}
	return name
}

// varying are the routes of which the last part of the path is no fixed word, and what it is.
var varying = map[string]string{
	"sessions": "id", "identities": "identity", "login": "provider", "callback": "provider", "backchannel-logout": "provider",
}

func (h *Handler) securityHeaders(header http.Header, public bool) {
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	if h.hsts {
		header.Set("Strict-Transport-Security", "max-age=31536000")
	}
	if !public {
		header.Set("Cache-Control", "no-store")
		header.Set("Vary", "Origin, Sec-Fetch-Site, Cookie, Authorization, "+nativeHeader)
	}
}
