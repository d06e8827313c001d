package authhttp

import (
	"cmp"
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/sallyport-auth/sallyport"
)

// ForwardConfig is forward auth (docs/forward.md): a proxy asks, for every request, who it comes from, and passes on what we
// say to a service that knows nothing of tokens.
type ForwardConfig struct {
	// Enabled serves forward/, and gives every browser that signs in the site cookie. Without Config.TrustedProxies
	// nobody may ask.
	Enabled bool
	// CookieName is that of the site cookie. Default: "sallyport_site". Any name is put behind __Host- when CookieDomain is
	// empty and the issuer is https.
	CookieName string
	// CookieDomain is the parent domain of the sites: every host below it receives the site cookie, and could use it to
	// be taken for the user by the others. Default: the issuer's host alone.
	CookieDomain string
	// SignIn is the page to which who is not signed in is sent, with the parameter return_to: a path of the issuer's
	// origin, or a URL that [sallyport.Config].ReturnTo allows. Default: ui/sign-in/ below the mount,
	// unless the program is built without it (no_web).
	SignIn string
}

// forward is what forward auth needs to know.
type forward struct {
	cookie siteCookie
	signIn *url.URL
}

func newForward(svc *sallyport.Service, issuer *url.URL, c CookieConfig, cfg ForwardConfig) (*forward, error) {
	f := &forward{}
	if !cfg.Enabled {
		return f, nil
	}
	var faults []error
	var err error
	f.cookie, err = newSiteCookie(issuer, c, cfg)
	faults = append(faults, err)
	if cfg.SignIn == "" && !hasPages {
		faults = append(faults, configError("Forward.SignIn", "it is empty, and this program is built without pages (no_web): name yours"))
	}
	page, err := svc.ReturnTo(cmp.Or(cfg.SignIn, issuer.Path+"/ui/sign-in/"))
	if err != nil {
		faults = append(faults, configError("Forward.SignIn", "%v", err))
	} else if f.signIn, err = url.Parse(page); err != nil {
		faults = append(faults, configError("Forward.SignIn", "it is not a URL"))
	}
	return f, errors.Join(faults...)
}

// What forward auth refuses.
var (
	errNotSignedIn    = &problem{status: 401, code: "missing_token", detail: "You are not signed in."}
	errSignedOut      = &problem{status: 401, code: "session_revoked", detail: "The session has ended. Sign in again."}
	errTwoSiteCookies = &problem{status: 400, code: "duplicate_cookie", detail: "There are site cookies of two sessions. Delete the cookies of this site and sign in again."}
	errNotAProxy      = &problem{status: 403, code: "forbidden", detail: "Only a trusted proxy may ask."}
	errForeignAddress = &problem{status: 403, code: "forbidden", detail: "This site is not one to which a sign-in leads back."}
)

// forwarded serves the form of one kind of proxy. Whatever it says, a request is let pass because of its site cookie
// alone: not because of its path, its method, who sends it or what else is in it.
func (h *Handler) forwarded(form proxyForm) handlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if !h.asksForUs(r) {
			return form.relayable(errNotAProxy)
		}
		visitor, err := h.visitor(r)
		switch {
		case err == nil:
			setIdentity(w.Header(), visitor)
			w.Header().Set("Content-Length", "0")
			w.WriteHeader(http.StatusOK)
			return nil
		case !errors.Is(err, errNotSignedIn) && !errors.Is(err, errSignedOut):
			return form.relayable(err)
		}
		asked := form.read(h, r)
		if !asked.isNavigation(r.Header) {
			return err
		}
		location, refused := h.signInFor(r, asked)
		if refused != nil {
			return form.relayable(refused)
		}
		if form.noRedirect { // the proxy makes one of it
			w.Header().Set("Location", location)
			return err
		}
		seeOther(w, location)
		return nil
	}
}

// visitor finds who a request comes from by its site cookie. It returns errNotSignedIn and errSignedOut.
func (h *Handler) visitor(r *http.Request) (sallyport.Visitor, error) {
	token, err := h.siteToken(r.Header)
	if err != nil {
		return sallyport.Visitor{}, err
	}
	v, err := h.svc.Visit(r.Context(), token)
	if errors.Is(err, sallyport.ErrSessionRevoked) {
		// No cookie is deleted: the answer may come late, in a browser that has signed in anew meanwhile.
		err = errSignedOut
	}
	return v, err
}

// asksForUs reports whether the peer may ask. A browser may not: the answer has the access token of its session, and what
// it says of the address would be its own.
func (h *Handler) asksForUs(r *http.Request) bool {
	peer, err := netip.ParseAddr(hostOf(r.RemoteAddr))
	if err == nil && h.proxies.trust(plain(peer)) {
		return true
	}
	h.unasked.Do(func() {
		h.log.Warn("forward auth is refused to a peer that is not in trusted_proxies; name the address of the proxy there", "peer", hostOf(r.RemoteAddr))
	})
	return false
}

// seldom says something once a minute at most: who asks decides how often it happens.
type seldom struct{ last atomic.Int64 } // unix seconds

func (s *seldom) now(now time.Time) bool {
	last := s.last.Load()
	age := now.Unix() - last
	return (age < 0 || age >= 60) && s.last.CompareAndSwap(last, now.Unix())
}

// signInFor is the page where the browser signs in, and that leads it back to where it was.
func (h *Handler) signInFor(r *http.Request, asked original) (string, error) {
	page := *h.forward.signIn
	if asked.origin == "" {
		h.unaddressed.Do(func() {
			h.log.Warn("a proxy that asks for forward auth does not say which address was asked for, so nobody is led back to it after the sign-in", "route", r.Pattern)
		})
		return page.String(), nil
	}
	returnTo, err := h.svc.ReturnTo(asked.origin + asked.uri)
	if err != nil { // of an address that means several things, what matters is the site
		returnTo, err = h.svc.ReturnTo(asked.origin + "/")
	}
	if err != nil {
		if h.foreign.now(h.svc.Now()) {
			h.log.LogAttrs(r.Context(), slog.LevelWarn, "forward auth for a site to which no sign-in leads back; on the issuer's host let the proxy listen by the issuer's scheme and port, and name another site of yours in return_to",
				slog.String("origin", short(asked.origin)), slog.String("issuer", h.svc.Issuer()))
		}
		return "", errForeignAddress
	}
	query := page.Query()
	query.Set("return_to", returnTo)
	page.RawQuery = query.Encode()
	return page.String(), nil
}
