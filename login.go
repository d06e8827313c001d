package sallyport

import (
	"context"
	"errors"
	"strings"
)

// LoginRequest begins a sign-in at an identity provider (OAuth 2.0 authorization code grant with PKCE), which this side
// drives: no token of the provider reaches the browser.
type LoginRequest struct {
	Provider string // its name
	ReturnTo string // where the browser goes in the end; "" for the root of the issuer's origin
	Client   Client
	Replaces RefreshToken // of the session that the same browser holds; zero for none
}

// Login is a sign-in that waits for the identity provider. The browser keeps Sealed for LoginLife, under a name with ID
// in it, and shows it at the callback.
type Login struct {
	Location string // where the browser goes now
	ID       string // LoginID of its state
	Sealed   string
	FormPost bool // the callback will be a cross-site POST
}

// StartLogin begins a login. It returns ErrProviderNotConfigured, ErrInvalidReturnTo, ErrProviderUnavailable, or a
// RateLimitError.
func (s *Service) StartLogin(ctx context.Context, r LoginRequest) (*Login, error) {
	login, err := s.startFlow(ctx, r.Provider, r.Client, flow{returnTo: r.ReturnTo, session: r.Replaces.session})
	if err != nil {
		x := admission{Service: s, client: r.Client, provider: s.byName[r.Provider]}
		x.report(ctx, "login_start", OperationLogin, nil, err)
	}
	return login, err
}

// startFlow fills in what f lacks.
func (s *Service) startFlow(ctx context.Context, name string, c Client, f flow) (*Login, error) {
	provider, err := s.provider(name)
	if err != nil {
		return nil, err
	}
	if f.returnTo, err = s.returnTo.parse(f.returnTo); err != nil {
		return nil, err
	}
	if err := s.countLogin(ctx, c); err != nil {
		return nil, err
	}
	state := newFlowSecret().String()
	f.startedAt, f.nonce, f.verifier = s.now(), newFlowSecret(), newFlowSecret()
	location, err := provider.AuthorizationURL(ctx, AuthorizationRequest{
		RedirectURI: s.redirectURI(name), State: state, Nonce: f.nonce.String(), Verifier: f.verifier.String(),
	})
	if err != nil {
		return nil, err
	}
	return &Login{Location: location, ID: LoginID(state), Sealed: s.secrets.sealFlow(&f, name, state), FormPost: provider.FormPost()}, nil
}

// redirectURI is one for each provider, a defence against mix-up (RFC 9700 §4.4.2.2), and made of the configured issuer:
// nothing of a request enters it.
func (s *Service) redirectURI(provider string) string {
	return s.cfg.Issuer + "/callback/" + provider + "/"
}

// CallbackRequest is an authorization response (RFC 6749 §4.1.2), as a browser brings it.
type CallbackRequest struct {
	Provider string // its name, from the address
	State    string
	Sealed   string  // what the browser keeps under LoginID(State); "" for nothing
	Code     string  // "" for none
	Error    string  // the provider's error code; "" for none
	Issuer   *string // RFC 9207; nil for none
	User     string  // what Apple posts besides; "" for none
	Client   Client
}

// Landing is how a callback ended whose state was this browser's.
type Landing struct {
	ReturnTo string // where the browser goes now; ReturnToWith names an error to it
	Tokens   *Tokens
	// Err is why there is neither a session nor, when an identity was to be linked, a link: ErrProviderDenied,
	// ErrProviderFault, ErrProviderUnavailable, ErrEmailNotVerified, ErrAccountLinkRequired, ErrForbidden,
	// ErrInvalidCredentials for an inactive user, ErrIdentityTaken, ErrSessionRevoked, ErrClaimsFailed,
	// ErrStoreUnavailable.
	Err error
}

// ReturnToWith is where the browser goes with the stable code of Err.
func (l *Landing) ReturnToWith(code string) string { return withError(l.ReturnTo, code) }

// FinishLogin ends a login: by a session, by a link when StartLink began it, or by the reason of the landing why not.
// The login is used up before the code goes to the provider. It returns an error, and no landing, when the response
// does not belong to a login of this browser: ErrProviderNotConfigured, ErrStateMismatch, ErrIssuerMismatch,
// ErrLoginExpired, ErrInvalidReturnTo.
func (s *Service) FinishLogin(ctx context.Context, r CallbackRequest) (*Landing, error) {
	x := admission{Service: s, client: r.Client}
	f, landing, err := x.match(ctx, r)
	if err != nil {
		x.report(ctx, "login", OperationLogin, nil, err)
		return nil, err
	}
	if landing.Err == nil {
		landing.Tokens, landing.Err = x.finish(ctx, r, f)
	}
	x.report(ctx, "login", OperationLogin, landing.Tokens, landing.Err)
	return landing, nil
}

// match finds the login that a response belongs to, and uses it up.
func (x *admission) match(ctx context.Context, r CallbackRequest) (*flow, *Landing, error) {
	var err error
	if x.provider, err = x.Service.provider(r.Provider); err != nil {
		return nil, nil, err
	}
	f, err := x.secrets.openFlow(r.Sealed, r.Provider, r.State)
	if err != nil {
		return nil, nil, err
	}
	ends := f.startedAt.Add(LoginLife)
	if !x.now().Before(ends) {
		return nil, nil, because(ErrLoginExpired, "it was started too long ago")
	}
	landing := &Landing{}
	if landing.ReturnTo, err = x.returnTo.parse(f.returnTo); err != nil { // the setting may have changed
		return nil, nil, err
	}
	if err := x.provider.CheckResponseIssuer(ctx, r.Issuer); errors.Is(err, ErrIssuerMismatch) {
		return nil, nil, err
	} else if err != nil {
		landing.Err = err
		return f, landing, nil
	}
	// RFC 9700 §2.1 and §4.7: once.
	switch err := x.store.Consume(ctx, flowMark(r.State), x.now(), ends.Add(replayMargin)); {
	case errors.Is(err, ErrReplayed):
		return nil, nil, because(ErrLoginExpired, "it has been finished before")
	case err != nil:
		landing.Err = err
	}
	return f, landing, nil
}

// finish redeems the code and does what the login was for.
func (x *admission) finish(ctx context.Context, r CallbackRequest, f *flow) (*Tokens, error) {
	switch {
	case r.Error != "":
		return nil, because(ErrProviderDenied, "the provider says "+errorCode(r.Error))
	case r.Code == "":
		return nil, because(ErrProviderFault, "the response has neither code nor error")
	}
	a, err := x.provider.Redeem(ctx, CodeGrant{
		Code: r.Code, RedirectURI: x.redirectURI(r.Provider), Nonce: f.nonce.String(), Verifier: f.verifier.String(), User: r.User,
	})
	if err != nil {
		return nil, err
	}
	var tokens *Tokens
	if f.linkTo.IsZero() {
		tokens, err = x.admit(ctx, a, f.session)
	} else {
		err = x.addTo(ctx, f, a)
	}
	switch {
	case errors.Is(err, ErrReplayed):
		err = because(ErrProviderFault, "the provider gave an ID token that has been used before")
	case errors.Is(err, ErrProviderSessionEnded):
		err = because(ErrProviderDenied, "the session at the provider has ended meanwhile")
	}
	return tokens, err
}

// errorCode is fit for the log (RFC 6749 §4.1.2.1 allows printable ASCII), where it stands for the text of the provider.
func errorCode(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-. ", r) {
			return r
		}
		return '?'
	}, text[:min(len(text), 64)])
}
