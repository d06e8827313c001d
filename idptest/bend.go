package idptest

import (
	"crypto"
	"net/url"
	"slices"
	"time"
)

// Option changes one thing about tokens that are minted. Options are applied in their order, later ones to what
// earlier ones left. They touch the ID token only, except Nonce and Scope, and those inside [InAccessToken].
//
// A value that has no JSON form appears in the token as a string that begins with "%!json(".
type Option struct {
	occasion   func(*occasion)
	id, access func(*draft)
}

func inIDToken(change func(*draft)) Option { return Option{id: change} }

// InAccessToken lets options bend the access token in place of the ID token. The at_hash of the ID token fits the
// access token as it comes out.
func InAccessToken(opts ...Option) Option {
	return Option{access: func(d *draft) {
		for _, opt := range opts {
			if opt.id != nil {
				opt.id(d)
			}
		}
	}}
}

// Nonce is the nonce that the client sent; "" for a client that sent none.
func Nonce(nonce string) Option {
	return Option{occasion: func(o *occasion) { o.nonce = nonce }}
}

// Scope is the scope that was granted, space-separated. Without openid there is no ID token.
func Scope(scope string) Option {
	return Option{occasion: func(o *occasion) { o.scope = scope }}
}

// Claim sets a claim, or replaces it. json.RawMessage is taken as it is, as long as it is JSON.
func Claim(name string, value any) Option {
	return inIDToken(func(d *draft) { d.payload.set(name, value) })
}

// DuplicateClaim adds a claim behind those that are there already, also behind one of the same name.
func DuplicateClaim(name string, value any) Option {
	return inIDToken(func(d *draft) { d.payload.add(name, value) })
}

// Without leaves a claim out.
func Without(name string) Option { return inIDToken(func(d *draft) { d.payload.remove(name) }) }

// Header sets a header parameter, or replaces it. The signature stays what it was, also for the parameter alg.
func Header(name string, value any) Option {
	return inIDToken(func(d *draft) { d.header.set(name, value) })
}

// DuplicateHeader adds a header parameter behind those that are there already.
func DuplicateHeader(name string, value any) Option {
	return inIDToken(func(d *draft) { d.header.add(name, value) })
}

// WithoutHeader leaves a header parameter out.
func WithoutHeader(name string) Option { return inIDToken(func(d *draft) { d.header.remove(name) }) }

// RawHeader replaces the text of the header, which need not be JSON. The signature covers it.
func RawHeader(text string) Option { return inIDToken(func(d *draft) { d.rawHeader = []byte(text) }) }

// RawPayload replaces the text of the payload, which need not be JSON. The signature covers it.
func RawPayload(text string) Option { return inIDToken(func(d *draft) { d.rawPayload = []byte(text) }) }

// Mutate changes the compact form after the signature was made. See [NonCanonical], [FlipBit] and [TwinSignature].
func Mutate(change func(compact string) string) Option {
	return inIDToken(func(d *draft) { d.afterwards = append(d.afterwards, change) })
}

// Algorithm signs with another algorithm and says so in the header. The signature is right wherever it can be:
// "none" in any case has an empty one; RS*, PS* with an RSA key, and ES* with a key of that curve, use the provider's
// key; HS* uses the secret of [HMACKey]. An algorithm for another type of key is signed by a key made for the
// occasion, which is not in the set.
func Algorithm(alg string) Option { return inIDToken(func(d *draft) { d.sign(alg) }) }

// HMACKey is the secret for HS256, HS384 and HS512. Default: the PEM of the provider's public key, [Key.PEM].
func HMACKey(secret []byte) Option {
	return inIDToken(func(d *draft) { d.secret = append([]byte{}, secret...) })
}

// SignedBy signs with another key, under the algorithm that goes with it. The kid stays: add [KeyID] to change it.
// The key may be another provider's [Provider.Signer], [WeakRSA] or [ExponentOne].
func SignedBy(key crypto.Signer) Option {
	return inIDToken(func(d *draft) {
		d.key.signer, d.key.Public = key, key.Public()
		d.sign(algorithmOf(key.Public()))
	})
}

// KeyID sets the kid, which need not be a string.
func KeyID(kid any) Option { return Header("kid", kid) }

// For names another audience than the registered client: a string, or anything else. It is the claim aud, and in an
// access token of Cognito client_id.
func For(audience any) Option {
	return inIDToken(func(d *draft) { d.payload.set(d.audienceClaim, audience) })
}

// IssuedAt moves the token in time: iat, and auth_time where there is one, become at, and exp follows by the usual life.
func IssuedAt(at time.Time) Option {
	return inIDToken(func(d *draft) {
		d.payload.set("iat", at.Unix())
		if d.payload.has("auth_time") {
			d.payload.set("auth_time", at.Unix())
		}
		d.payload.set("exp", at.Add(d.life).Unix())
	})
}

// ExpiresAt sets exp.
func ExpiresAt(at time.Time) Option { return Claim("exp", at.Unix()) }

// UntilCleared, as a number of answers, means all of them until [Provider.Clear].
const UntilCleared = -1

// countdown is how many times something still happens; less than 0 means without end.
type countdown int

func (c *countdown) take() bool {
	if *c > 0 {
		*c--
		return true
	}
	return *c < 0
}

type bends struct {
	name string // on the page of faults; "" for one that came from elsewhere
	left countdown
	opts []Option
}

// Bend applies options to the tokens of the next n answers of the token endpoint that hold any. A later Bend replaces
// an earlier one; n may be UntilCleared.
func (p *Provider) Bend(n int, opts ...Option) { p.setBend(n, opts, "") }

func (p *Provider) setBend(n int, opts []Option, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bends = bends{name: name, left: countdown(n), opts: slices.Clone(opts)}
}

func (p *Provider) takeBends() []Option {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bends.left.take() {
		return p.bends.opts
	}
	return nil
}

type callbackBend struct {
	name   string // as in bends
	left   countdown
	change func(url.Values)
}

// BendCallback changes the parameters of the next n authorization responses: code, state, iss, or error and
// error_description. A later BendCallback replaces an earlier one; n may be UntilCleared.
func (p *Provider) BendCallback(n int, change func(url.Values)) { p.setCallbackBend(n, change, "") }

func (p *Provider) setCallbackBend(n int, change func(url.Values), name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.callback = callbackBend{name: name, left: countdown(n), change: change}
}

func (p *Provider) bendCallback(params url.Values) {
	p.mu.Lock()
	var change func(url.Values)
	if p.callback.left.take() {
		change = p.callback.change
	}
	p.mu.Unlock()
	if change != nil {
		change(params)
	}
}
