package main

import (
	"context"
	"fmt"
	"strings"
)

// operation is a row of the table: what is sent, and what it is compared with.
type operation struct {
	name      string // for --only
	title     string
	clients   int     // at a time; 0 for plan.clients
	floor     string  // the path at the floor server
	reference float64 // requests a second of the reference package with SQLite (measuring: one core, wrk with 16 connections); 0 for none
	target    target
	// traffic makes what the clients send in the next slice: need requests, about. left is how many slices are to come,
	// this one included.
	traffic func(ctx context.Context, b *bench, need, left int) ([]traffic, error)
	// after takes over what a slice has left.
	after func(b *bench, sent []traffic)
}

// signInClients are few: there is one hashing slot on one core, and the last of the other rows' 64 clients
// would wait for it for two seconds, the limit beyond which the server answers 503.
const signInClients = 4

// operations are in an order in which one leaves what another needs: sessions for the logoffs, access tokens for the checks.
func operations() []operation {
	return []operation{
		{
			name: "sign-in", title: "sign-in (4 clients)", clients: signInClients, floor: "/hash", reference: 12.2,
			target: cpuAtMost(1.05), traffic: signIns,
		},
		{
			name: "social-exchange", title: "social-exchange, returning user", floor: "/check-rs256/read/insert/sign", reference: 98,
			target: timesReference(30), traffic: exchanges, after: keepSessions,
		},
		{
			name: "refresh", title: "refresh", floor: "/update/sign", reference: 297,
			target: all(ofFloor(0.80), timesReference(15)), traffic: refreshes, after: keepTokens,
		},
		{
			name: "verify", title: "verify, token seen before", floor: "/read", reference: 1247,
			target: timesReference(8), traffic: seenTokens(false),
		},
		{
			name: "verify", title: "verify, token not seen before", floor: "/check-es256/read", reference: 1247,
			traffic: unseenTokens,
		},
		{
			name: "user", title: "user/", floor: "/read", traffic: seenTokens(true),
		},
		{
			name: "logoff", title: "logoff", floor: "/update", reference: 125, traffic: logoffs,
		},
		{
			name: "jwks", title: "JWKS", floor: "/", traffic: keySets,
		},
	}
}

func (o operation) clientsOf(p plan) int {
	if o.clients != 0 {
		return min(o.clients, p.clients)
	}
	return p.clients
}

// deal gives each of n clients its share of the items.
func deal[T any](items []T, n int) [][]T {
	hands := make([][]T, n)
	for i, item := range items {
		hands[i%n] = append(hands[i%n], item)
	}
	return hands
}

func signIns(_ context.Context, b *bench, _, _ int) ([]traffic, error) {
	clients := make([]traffic, min(signInClients, b.plan.clients))
	for i := range clients {
		clients[i] = signingIn{b.headers, passwordUser(i), b.password}
	}
	return clients, nil
}

func passwordUser(i int) string { return fmt.Sprintf("password-user%d", i) }

func exchanges(_ context.Context, b *bench, need, _ int) ([]traffic, error) {
	tokens, err := b.pool.idTokens(max(need, b.plan.clients), b.plan.users)
	if err != nil {
		return nil, err
	}
	clients := make([]traffic, b.plan.clients)
	for i, hand := range deal(tokens, len(clients)) {
		clients[i] = &exchanging{headers: b.headers, idTokens: hand}
	}
	return clients, nil
}

// keepSessions keeps what exchanges have made, for the logoffs.
func keepSessions(b *bench, sent []traffic) {
	for _, t := range sent {
		b.spare = append(b.spare, t.(*exchanging).sessions...)
	}
}

func refreshes(ctx context.Context, b *bench, _, _ int) ([]traffic, error) {
	if err := b.needSessions(ctx); err != nil {
		return nil, err
	}
	return b.refreshing(-1), nil
}

func keepTokens(b *bench, sent []traffic) {
	for _, t := range sent {
		b.tokens = append(b.tokens, t.(*refreshing).tokens...)
	}
}

// seenTokens presents a thousand tokens, of as many sessions, over and over.
func seenTokens(user bool) func(context.Context, *bench, int, int) ([]traffic, error) {
	return func(ctx context.Context, b *bench, _, _ int) ([]traffic, error) {
		if err := b.needSessions(ctx); err != nil {
			return nil, err
		}
		tokens := make([]string, min(len(b.sessions), seenPool))
		for i := range tokens {
			tokens[i] = b.sessions[i].accessToken
		}
		return b.checking(tokens, user), nil
	}
}

const seenPool = 1000

// unseenTokens presents so many tokens in turn that a cache of bounded size has forgotten each of them when
// it comes again.
func unseenTokens(ctx context.Context, b *bench, _, _ int) ([]traffic, error) {
	if err := b.needTokens(ctx); err != nil {
		return nil, err
	}
	if b.unseen == nil {
		b.unseen = b.checking(b.tokens, false)
	}
	return b.unseen, nil // the same in every slice: it goes on where it was
}

func (b *bench) checking(tokens []string, user bool) []traffic {
	clients := make([]traffic, b.plan.clients)
	for i, hand := range deal(tokens, len(clients)) {
		clients[i] = &checking{headers: b.headers, tokens: hand, user: user}
	}
	return clients
}

// logoffs ends sessions that exchanges have left, each once: an equal part of them in each slice, which may
// end before its time.
func logoffs(ctx context.Context, b *bench, need, left int) ([]traffic, error) {
	if err := b.needSpare(ctx); err != nil {
		return nil, err
	}
	n := min(need, len(b.spare)/(left+1))
	clients := make([]traffic, b.plan.clients)
	for i, hand := range deal(b.spare[:n], len(clients)) {
		clients[i] = &leaving{headers: b.headers, sessions: hand}
	}
	b.spare = b.spare[n:]
	return clients, nil
}

func keySets(_ context.Context, b *bench, _, _ int) ([]traffic, error) {
	return b.fixed(get(b.product.address, keySetPath)), nil
}

func (b *bench) fixed(request []byte) []traffic {
	clients := make([]traffic, b.plan.clients)
	for i := range clients {
		clients[i] = fixed{request}
	}
	return clients
}

// floorTitle puts the path of a floor into words.
func floorTitle(path string) string {
	words := []string{"handler"}
	for work := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		if title := workTitles[work]; title != "" {
			words = append(words, title)
		}
	}
	return strings.Join(words, " + ")
}

var workTitles = map[string]string{
	workSign:       "ES256 signature",
	workCheckES256: "ES256 check",
	workCheckRS256: "RS256 check",
	workRead:       "read by key",
	workUpdate:     "grouped update",
	workInsert:     "grouped insert",
	workHash:       "argon2id",
}
