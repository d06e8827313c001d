package main

import (
	"context"
	"strconv"
	"strings"
)

// operation is what is measured on each of its databases: what is sent, and what it is compared with.
type operation struct {
	name    string // for --only
	title   string
	clients int // at a time; 0 for plan.clients
	on      map[kind]comparison
	// traffic makes what the clients send in the next slice: need requests, about. left is how many slices are to come,
	// this one included.
	traffic func(ctx context.Context, s *site, need, left int) ([]traffic, error)
	// after takes over what a slice has left.
	after func(s *site, sent []traffic)
}

// comparison is what a row is held against.
type comparison struct {
	floor     string  // the path at the floor server
	reference float64 // requests a second of the reference package at its best (measuring: one core, wrk with 16 connections); 0 for none
	target    target
}

// signInClients are few: there is one hashing slot on one core, and the last of the other rows' 64 clients
// would wait for it for two seconds, the limit beyond which the server answers 503.
const signInClients = 4

// What Supabase Auth, the fastest peer that rotates its refresh tokens, does with PostgreSQL on one core.
const (
	peer        = "Supabase Auth"
	peerRefresh = 190
)

// operations are in an order in which one leaves what another needs: sessions for the logoffs, access tokens for the checks.
func operations() []operation {
	return []operation{
		{
			name: "sign-in", title: "sign-in (4 clients)", clients: signInClients, traffic: signIns,
			on: map[kind]comparison{
				onSQLite:   {"/hash", 12.2, cpuAtMost(1.05)},
				onPostgres: {"/hash", 12.4, cpuAtMost(1.05)},
			},
		},
		{
			name: "social-exchange", title: "social-exchange, returning user", traffic: exchanges, after: keepSessions,
			on: map[kind]comparison{
				onSQLite:   {"/check-rs256/read/insert/sign", 98, timesReference(30)},
				onPostgres: {"/check-rs256/pg-read/pg-insert/sign", 179, timesReference(8)},
			},
		},
		{
			name: "refresh", title: "refresh", traffic: refreshes, after: keepTokens,
			on: map[kind]comparison{
				onSQLite:   {"/update/sign", 297, all(ofFloor(0.80), timesReference(15))},
				onPostgres: {"/pg-update/sign", 315, all(ofFloor(0.80), timesReference(8), timesPeer(8, peer, peerRefresh))},
			},
		},
		{
			name: "verify", title: "verify, token seen before", traffic: seenTokens(false),
			on: map[kind]comparison{
				onSQLite:   {"/read", 1247, timesReference(8)},
				onPostgres: {"/pg-read", 1228, ofFloor(0.80)},
			},
		},
		{
			name: "verify", title: "verify, token not seen before", traffic: unseenTokens,
			on: map[kind]comparison{
				onSQLite:   {"/check-es256/read", 1247, target{}},
				onPostgres: {"/check-es256/pg-read", 1228, target{}},
			},
		},
		{
			name: "user", title: "user/", traffic: seenTokens(true),
			on: map[kind]comparison{onSQLite: {floor: "/read"}, onPostgres: {floor: "/pg-read"}},
		},
		{
			name: "logoff", title: "logoff", traffic: logoffs,
			on: map[kind]comparison{
				onSQLite:   {"/update", 125, target{}},
				onPostgres: {"/pg-update-durable", 74, target{}},
			},
		},
		{
			name: "jwks", title: "JWKS", traffic: keySets, // asks no database
			on: map[kind]comparison{onSQLite: {floor: "/"}},
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

func signIns(_ context.Context, s *site, _, _ int) ([]traffic, error) {
	clients := make([]traffic, min(signInClients, s.plan.clients))
	for i := range clients {
		clients[i] = signingIn{s.headers, passwordUser(i), s.password}
	}
	return clients, nil
}

const passwordUserPrefix = "password-user"

func passwordUser(i int) string { return passwordUserPrefix + strconv.Itoa(i) }

func exchanges(_ context.Context, s *site, need, _ int) ([]traffic, error) {
	tokens, err := s.pool.idTokens(max(need, s.plan.clients), s.plan.users)
	if err != nil {
		return nil, err
	}
	clients := make([]traffic, s.plan.clients)
	for i, hand := range deal(tokens, len(clients)) {
		clients[i] = &exchanging{headers: s.headers, idTokens: hand}
	}
	return clients, nil
}

// keepSessions keeps what exchanges have made, for the logoffs.
func keepSessions(s *site, sent []traffic) {
	for _, t := range sent {
		s.spare = append(s.spare, t.(*exchanging).sessions...)
	}
}

func refreshes(ctx context.Context, s *site, _, _ int) ([]traffic, error) {
	if err := s.needSessions(ctx); err != nil {
		return nil, err
	}
	return s.refreshing(-1), nil
}

func keepTokens(s *site, sent []traffic) {
	for _, t := range sent {
		s.tokens = append(s.tokens, t.(*refreshing).tokens...)
	}
}

// seenTokens presents a thousand tokens, of as many sessions, over and over.
func seenTokens(user bool) func(context.Context, *site, int, int) ([]traffic, error) {
	return func(ctx context.Context, s *site, _, _ int) ([]traffic, error) {
		if err := s.needSessions(ctx); err != nil {
			return nil, err
		}
		tokens := make([]string, min(len(s.sessions), seenPool))
		for i := range tokens {
			tokens[i] = s.sessions[i].accessToken
		}
		return s.checking(tokens, user), nil
	}
}

const seenPool = 1000

// unseenTokens presents so many tokens in turn that a cache of bounded size has forgotten each of them when
// it comes again.
func unseenTokens(ctx context.Context, s *site, _, _ int) ([]traffic, error) {
	if err := s.needTokens(ctx); err != nil {
		return nil, err
	}
	if s.unseen == nil {
		s.unseen = s.checking(s.tokens, false)
	}
	return s.unseen, nil // the same in every slice: it goes on where it was
}

func (s *site) checking(tokens []string, user bool) []traffic {
	clients := make([]traffic, s.plan.clients)
	for i, hand := range deal(tokens, len(clients)) {
		clients[i] = &checking{headers: s.headers, tokens: hand, user: user}
	}
	return clients
}

// logoffs ends sessions that exchanges have left, each once: an equal part of them in each slice, which may
// end before its time.
func logoffs(ctx context.Context, s *site, need, left int) ([]traffic, error) {
	if err := s.needSpare(ctx); err != nil {
		return nil, err
	}
	n := min(need, len(s.spare)/(left+1))
	clients := make([]traffic, s.plan.clients)
	for i, hand := range deal(s.spare[:n], len(clients)) {
		clients[i] = &leaving{headers: s.headers, sessions: hand}
	}
	s.spare = s.spare[n:]
	return clients, nil
}

func keySets(_ context.Context, s *site, _, _ int) ([]traffic, error) {
	return s.fixed(get(s.product.address, keySetPath)), nil
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
	workSign:            "ES256 signature",
	workCheckES256:      "ES256 check",
	workCheckRS256:      "RS256 check",
	workRead:            "read by key",
	workUpdate:          "grouped update",
	workInsert:          "grouped insert",
	workHash:            "argon2id",
	workPGRead:          "PostgreSQL read by key",
	workPGUpdate:        "PostgreSQL update",
	workPGUpdateDurable: "PostgreSQL durable update",
	workPGInsert:        "PostgreSQL durable insert",
}
