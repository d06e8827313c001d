package sallyport

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// LoginLife is how long a login may take, from its start to the callback.
const LoginLife = 10 * time.Minute

// flow is a login between its start and its callback. The browser that started it carries it meanwhile, sealed, so that a
// login which nobody finishes costs no row, and one that somebody else started is worth nothing here.
type flow struct {
	nonce, verifier flowSecret
	startedAt       time.Time
	session         ID // the session that this login replaces or, with linkTo, from which the user links
	linkTo          ID // the user who links an identity; zero for a sign-in
	returnTo        string
}

// flowSecret is a value that is new for every login: 256 bits (RFC 7636 §7.1 and RFC 9700 §4.7).
type flowSecret [32]byte

func newFlowSecret() (s flowSecret) {
	rand.Read(s[:])
	return s
}

// String is the form that goes over the wire: 43 characters of the base64url alphabet.
func (s flowSecret) String() string { return base64.RawURLEncoding.EncodeToString(s[:]) }

// LoginID names a login by its state, without telling the state: the cookies of several logins in one browser differ by
// it. It is 16 letters, digits, "-" and "_".
func LoginID(state string) string {
	sum := sha256.Sum256([]byte("sallyport flow " + state))
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// The fixed part of a flow before it is sealed. What follows is returnTo.
const (
	flowVerifierAt = 32
	flowStartedAt  = flowVerifierAt + 32
	flowSessionAt  = flowStartedAt + 8
	flowLinkAt     = flowSessionAt + 16
	flowReturnAt   = flowLinkAt + 16
)

// sealFlow is the text of the cookie, bound to the provider and the state: with any other it does not open. It is
// short, because a browser sends those of all its open logins to the callback.
func (ring keyring) sealFlow(f *flow, provider, state string) string {
	b := make([]byte, flowReturnAt, flowReturnAt+len(f.returnTo))
	copy(b, f.nonce[:])
	copy(b[flowVerifierAt:], f.verifier[:])
	binary.BigEndian.PutUint64(b[flowStartedAt:], uint64(f.startedAt.UnixMicro()))
	copy(b[flowSessionAt:], f.session[:])
	copy(b[flowLinkAt:], f.linkTo[:])
	return base64.RawURLEncoding.EncodeToString(ring.seal(inFlow, append(b, f.returnTo...), flowName(provider, state)))
}

// openFlow opens what sealFlow made. It returns ErrStateMismatch for everything else.
func (ring keyring) openFlow(sealed, provider, state string) (*flow, error) {
	if sealed == "" || state == "" {
		return nil, because(ErrStateMismatch, "there is no state, or no cookie of its login")
	}
	box, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return nil, because(ErrStateMismatch, "the cookie of the login is malformed")
	}
	b, _, err := ring.open(inFlow, box, flowName(provider, state))
	if err != nil || len(b) < flowReturnAt {
		return nil, because(ErrStateMismatch, "the cookie is not genuine, or of another login or provider")
	}
	return &flow{
		nonce: flowSecret(b[:flowVerifierAt]), verifier: flowSecret(b[flowVerifierAt:flowStartedAt]),
		startedAt: time.UnixMicro(int64(binary.BigEndian.Uint64(b[flowStartedAt:]))),
		session:   ID(b[flowSessionAt:flowLinkAt]), linkTo: ID(b[flowLinkAt:flowReturnAt]),
		returnTo: string(b[flowReturnAt:]),
	}, nil
}

// flowName has the state behind a space, which no name of a provider has.
func flowName(provider, state string) string { return "flow " + provider + " " + state }

// flowMark is under which a login is remembered once it has been used.
func flowMark(state string) []byte {
	sum := sha256.Sum256([]byte("sallyport used flow " + state))
	return sum[:]
}
