package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"time"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
)

// verification is a row of the second table: what one library needs for one token, on one core.
type verification struct {
	Verifier    string  `json:"verifier"`
	Algorithm   string  `json:"algorithm"`
	Nanoseconds float64 `json:"ns"`           // median of the rounds
	Ratio       float64 `json:"ratio_to_raw"` // median of the rounds, each within itself
	Allocations float64 `json:"allocations"`
	Target      string  `json:"target,omitempty"`
	Met         *bool   `json:"met,omitempty"`
}

// contender checks an access token completely: signature, issuer, audience, times.
type contender struct {
	name    string
	prepare func(tokens []string) error // before the clock starts, for those that check will be given, in order
	check   func(token string) error
	again   bool // is given one token over and over
	close   func() error
}

// The names of the contenders that others are compared with.
const (
	rawName    = "raw signature check"
	unseenName = "verify, token not seen before"
	seenName   = "verify, token seen before"
	// with as many live entries as liveEntries
	followingName = "verify, token seen before, 100,000 endings in the feed"
)

// verification measures all contenders with every algorithm, in rounds: in each of them everybody checks the
// same tokens, one contender after the other, so that a noisy moment meets neighbours alike. Every token is
// made for one round and never comes again, so verify has not seen it before, whatever it remembers.
func (b *bench) verification(ctx context.Context) (rows []verification, err error) {
	leave, err := enter(b.split.server) // which is idle now
	defer func() { err = errors.Join(err, leave()) }()
	if err != nil {
		return nil, err
	}
	for _, alg := range []jws.Algorithm{jws.ES256, jws.EdDSA, jws.RS256} {
		issuer, err := startIssuer(alg)
		if err != nil {
			return nil, err
		}
		measured, err := b.contest(ctx, issuer)
		if err := errors.Join(err, issuer.close()); err != nil {
			return nil, fmt.Errorf("verification with %s: %w", alg, err)
		}
		rows = append(rows, measured...)
	}
	return rows, nil
}

// warmUpRounds are not counted.
const warmUpRounds = 2

func (b *bench) contest(ctx context.Context, issuer *tokenIssuer) (rows []verification, err error) {
	contenders, err := newContenders(issuer)
	defer func() {
		for _, c := range contenders {
			err = errors.Join(err, c.close())
		}
	}()
	if err != nil {
		return nil, err
	}
	times := make([][]float64, len(contenders))
	for n := range warmUpRounds + b.plan.rounds {
		tokens, err := issuer.tokens(b.plan.ops)
		if err != nil {
			return nil, err
		}
		runtime.GC()
		round, err := oneRound(contenders, tokens, n)
		if err := errors.Join(err, ctx.Err()); err != nil {
			return nil, err
		}
		if n < warmUpRounds {
			continue
		}
		for i, ns := range round {
			times[i] = append(times[i], ns)
		}
	}
	for i, c := range contenders {
		allocations, err := countAllocations(c, issuer)
		if err != nil {
			return nil, err
		}
		rows = append(rows, verification{
			Verifier: c.name, Algorithm: string(issuer.algorithm), Nanoseconds: median(times[i]), Ratio: median(quotients(times[i], times[0])),
			Allocations: allocations,
		})
	}
	judgeVerification(rows)
	return rows, nil
}

// oneRound has every contender check the tokens, and returns the nanoseconds for one. Who begins changes
// from round to round.
func oneRound(contenders []contender, tokens []string, n int) ([]float64, error) {
	times := make([]float64, len(contenders))
	for k := range contenders {
		i := (k + n) % len(contenders)
		presented, err := contenders[i].presents(tokens)
		if err != nil {
			return nil, err
		}
		begin := time.Now()
		if err := contenders[i].checkAll(presented); err != nil {
			return nil, err
		}
		times[i] = float64(time.Since(begin).Nanoseconds()) / float64(len(tokens))
	}
	return times, nil
}

// presents are the tokens for checkAll: the first alone, which has been seen then, for a contender that
// is about that.
func (c contender) presents(tokens []string) ([]string, error) {
	if c.again {
		tokens = slices.Repeat(tokens[:1], len(tokens))
		if err := c.checkAll(tokens[:1]); err != nil {
			return nil, err
		}
	}
	return tokens, c.prepare(tokens)
}

func (c contender) checkAll(tokens []string) error {
	for _, token := range tokens {
		if err := c.check(token); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// allocationRuns is how many checks the allocations are counted over.
const allocationRuns = 100

// countAllocations has a round of its own: to count stops the world.
func countAllocations(c contender, issuer *tokenIssuer) (float64, error) {
	tokens, err := issuer.tokens(allocationRuns)
	if err != nil {
		return 0, err
	}
	if tokens, err = c.presents(tokens); err != nil {
		return 0, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err = c.checkAll(tokens)
	runtime.ReadMemStats(&after)
	return math.Round(float64(after.Mallocs-before.Mallocs) / allocationRuns), err
}

func quotients(a, b []float64) []float64 {
	q := make([]float64, len(a))
	for i := range a {
		q[i] = ratio(a[i], b[i])
	}
	return q
}

const (
	maxRatio       = 1.15
	maxSeenNS      = 2000
	maxSeenObjects = 2
)

// judgeVerification fills in the targets of one algorithm's rows.
func judgeVerification(rows []verification) {
	fewest := math.Inf(1)
	for _, r := range rows {
		if r.Verifier != rawName && r.Verifier != unseenName && r.Verifier != seenName && r.Verifier != followingName {
			fewest = min(fewest, r.Allocations)
		}
	}
	for i := range rows {
		r := &rows[i]
		var met bool
		switch {
		case r.Verifier == seenName, r.Verifier == followingName:
			r.Target = fmt.Sprintf("≤ %d µs, ≤ %d allocations", maxSeenNS/1000, maxSeenObjects)
			met = r.Nanoseconds <= maxSeenNS && r.Allocations <= maxSeenObjects
		case r.Verifier == unseenName && r.Algorithm == string(jws.RS256):
			r.Target = "fewest allocations"
			met = r.Allocations < fewest
		case r.Verifier == unseenName:
			r.Target = fmt.Sprintf("≤ %.2f × raw, fewest allocations", maxRatio)
			met = r.Ratio <= maxRatio && r.Allocations < fewest
		default:
			continue
		}
		r.Met = &met
	}
}

// tokenIssuer makes access tokens as the server does, and publishes its key.
type tokenIssuer struct {
	algorithm jws.Algorithm
	signer    crypto.Signer
	key       *jws.Key
	*keyServer
}

const audience = "orders"

func startIssuer(alg jws.Algorithm) (*tokenIssuer, error) {
	signer, err := newSigner(alg)
	if err != nil {
		return nil, err
	}
	key, err := jws.NewKey("", signer.Public())
	if err != nil {
		return nil, err
	}
	server, err := serveKey(key, signer)
	return &tokenIssuer{alg, signer, key, server}, err
}

func newSigner(alg jws.Algorithm) (crypto.Signer, error) {
	switch alg {
	case jws.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case jws.EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return newQuickRSA()
}

// tokens makes n tokens, all different.
func (i *tokenIssuer) tokens(n int) ([]string, error) {
	tokens := make([]string, n)
	now := time.Now().Unix()
	for k := range tokens {
		payload := fmt.Appendf(nil, `{"iss":%q,"aud":%q,"client_id":"sallyport","token_type":"access","sub":"019abcde-0000-7000-8000-%012x",`+
			`"user_id":"019abcde-0000-7000-8000-%012x","sid":"019abcdf-0000-7000-8000-%012x","jti":%q,"iat":%d,"exp":%d,"plan":"pro"}`,
			i.issuer, audience, k, k, k, rand.Text(), now, now+300)
		token, err := jws.Sign(i.signer, jws.SignHeader{KeyID: i.key.ID(), Type: accesstoken.Type}, payload)
		if err != nil {
			return nil, err
		}
		tokens[k] = token
	}
	return tokens, nil
}
