package authhttp

import (
	"net/http"
	"strings"
)

// proxyForm is how one kind of proxy says what it was asked for, and what it can relay. Each has a route of its own:
// a form that was guessed by a header could be chosen by a client.
type proxyForm struct {
	read func(*Handler, *http.Request) original
	// noRedirect: the proxy relays 2xx, 401 and 403 alone, and makes a fault of its own out of everything else.
	noRedirect bool
}

// original is the request that a proxy asks about. origin is "", and nothing known of the address, when the proxy does not
// tell.
type original struct {
	method      string
	origin, uri string
}

var (
	// traefikForm is that of ForwardAuth of Traefik and forward_auth of Caddy.
	traefikForm = proxyForm{read: func(_ *Handler, r *http.Request) original {
		return newOriginal(soleValue(r.Header, "X-Forwarded-Method"), soleValue(r.Header, "X-Forwarded-Proto"), soleValue(r.Header, "X-Forwarded-Host"), soleValue(r.Header, "X-Forwarded-Uri"))
	}}
	// nginxForm is that of auth_request, with the headers that our configuration adds.
	nginxForm = proxyForm{noRedirect: true, read: func(_ *Handler, r *http.Request) original {
		scheme, rest, _ := strings.Cut(soleValue(r.Header, "X-Original-URL"), "://")
		host, uri := rest, ""
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			host, uri = rest[:i], rest[i:]
		}
		return newOriginal(soleValue(r.Header, "X-Original-Method"), scheme, host, uri)
	}}
	// envoyForm is that of ext_authz over HTTP, whose request is the original one below a path of ours.
	envoyForm = proxyForm{read: func(h *Handler, r *http.Request) original {
		uri := strings.TrimPrefix(r.URL.EscapedPath(), h.mount+envoyPath)
		if r.URL.RawQuery != "" {
			uri += "?" + r.URL.RawQuery
		}
		return newOriginal(r.Method, soleValue(r.Header, "X-Forwarded-Proto"), r.Host, uri)
	}}
)

// envoyPath is what Envoy puts in front of the original path (path_prefix), below the mount.
const (
	envoyPath  = "/forward/envoy"
	envoyRoute = "forward/envoy/{path}"
)

func newOriginal(method, scheme, host, uri string) original {
	if scheme != "https" && scheme != "http" || host == "" || !strings.HasPrefix(uri, "/") {
		return original{method: method}
	}
	return original{method: method, origin: scheme + "://" + host, uri: uri}
}

// soleValue is the value of a header, "" when there are several: one of them could be the client's.
func soleValue(header http.Header, name string) string {
	if values := header.Values(name); len(values) == 1 {
		return values[0]
	}
	return ""
}

// isNavigation reports whether a person looks at the answer, whom a redirect leads somewhere.
func (o original) isNavigation(header http.Header) bool {
	mode := header.Get("Sec-Fetch-Mode")
	return (o.method == http.MethodGet || o.method == http.MethodHead) && acceptsHTML(header) && (mode == "" || mode == "navigate")
}

// relayable is a refusal in a status that the proxy relays.
func (f proxyForm) relayable(err error) error {
	p := problemOf(err)
	if f.noRedirect && p.status < 500 && p.status != http.StatusUnauthorized && p.status != http.StatusForbidden {
		with := *p
		with.status, with.code = http.StatusForbidden, errNotAProxy.code
		return &with
	}
	return err
}
