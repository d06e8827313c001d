package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// site is a product on one database, with what its clients hold.
type site struct {
	*bench
	*product
	headers headers

	sessions []*session // to be refreshed and checked
	tokens   []string   // access tokens that were not presented yet
	unseen   []traffic  // that present them
	spare    []*session // to be logged off

	sizeMiB float64 // of its database, once it is filled
}

// newSite makes a product with an empty database in a folder of its own. It does not start it.
func (b *bench) newSite(ctx context.Context, on kind, name string, core int) (*site, error) {
	secret := make([]byte, 32)
	rand.Read(secret)
	p := &product{
		binary: b.binary, folder: filepath.Join(b.runFolder, string(on)+"-"+name), core: core,
		logFile: filepath.Join(b.logs, string(on)+"-"+name+".log"),
		secret:  base64.StdEncoding.EncodeToString(secret),
		issuer:  b.pool.provider.Issuer(), client: b.pool.provider.ClientID(),
		settings: slices.Clone(b.settings),
	}
	if err := os.Mkdir(p.folder, 0o700); err != nil {
		return nil, err
	}
	p.database = sqliteDatabase(p.folder)
	if on == onPostgres {
		var err error
		if p.database, err = postgresDatabase(ctx, b.cluster, name); err != nil {
			return nil, err
		}
	}
	return &site{bench: b, product: p}, p.makeTables(ctx)
}

// open starts the product. The caller stops it.
func (s *site) open(ctx context.Context) (took time.Duration, err error) {
	took, err = s.product.start(ctx)
	s.headers = headersFor(s.address)
	return took, err
}

// openMeasured starts the product several times; the last one stays.
func (s *site) openMeasured(ctx context.Context) (*start, error) {
	var took, idle []float64
	for i := range s.plan.starts {
		d, err := s.open(ctx)
		if err != nil {
			return nil, err
		}
		select {
		case <-time.After(s.plan.settle):
		case <-ctx.Done():
			return nil, errors.Join(ctx.Err(), s.stop())
		}
		took, idle = append(took, milliseconds(d)), append(idle, s.memory("VmRSS"))
		if i < s.plan.starts-1 {
			if err := s.stop(); err != nil {
				return nil, err
			}
		}
	}
	return &start{Database: string(s.database.kind), Milliseconds: median(took), IdleMiB: median(idle)}, nil
}

// addPasswordUsers makes those who sign in.
func (s *site) addPasswordUsers(ctx context.Context) error {
	for i := range signInClients {
		if err := s.addUser(ctx, passwordUser(i), s.password); err != nil {
			return err
		}
	}
	return nil
}

// addUsers has every user of the provider come for the first time.
func (s *site) addUsers(ctx context.Context) error {
	s.say("preparing %d users", s.plan.users)
	_, err := s.exchange(ctx, s.plan.users)
	return err
}

// exchange makes n sessions.
func (s *site) exchange(ctx context.Context, n int) ([]*session, error) {
	clients, err := exchanges(ctx, s, n, 1)
	if err != nil {
		return nil, err
	}
	if err := s.untilDone(ctx, "social-exchange/", clients); err != nil {
		return nil, err
	}
	var sessions []*session
	for _, t := range clients {
		sessions = append(sessions, t.(*exchanging).sessions...)
	}
	return sessions, nil
}

// untilDone is for preparations, in which nothing may fail.
func (s *site) untilDone(ctx context.Context, what string, clients []traffic) error {
	done, err := drive(ctx, s.address, clients, 0)
	if err == nil && done.failed > 0 {
		err = fmt.Errorf("%d of %d were refused: %s", done.failed, done.failed+done.succeeded, done.failure)
	}
	if err != nil {
		return fmt.Errorf("preparing: %s: %w", what, err)
	}
	return nil
}

func (s *site) needSessions(ctx context.Context) (err error) {
	if len(s.sessions) == 0 {
		s.say("preparing %d sessions", s.plan.sessions)
		s.sessions, err = s.exchange(ctx, s.plan.sessions)
	}
	return err
}

func (s *site) needSpare(ctx context.Context) (err error) {
	if s.spare == nil {
		s.say("preparing %d sessions to log off", s.plan.spare)
		s.spare, err = s.exchange(ctx, s.plan.spare)
	}
	return err
}

// needTokens refreshes until there are as many access tokens as planned.
func (s *site) needTokens(ctx context.Context) error {
	if err := s.needSessions(ctx); err != nil {
		return err
	}
	if missing := s.plan.tokens - len(s.tokens); missing > 0 {
		s.say("preparing %d access tokens", missing)
		clients := s.refreshing((missing + len(s.sessions) - 1) / len(s.sessions))
		if err := s.untilDone(ctx, "refresh/", clients); err != nil {
			return err
		}
		keepTokens(s, clients)
	}
	return nil
}

// refreshing deals the sessions to the clients. rounds is how often each is refreshed; below 0 for ever.
func (s *site) refreshing(rounds int) []traffic {
	clients := make([]traffic, s.plan.clients)
	missing := max(0, s.plan.tokens-len(s.tokens))
	for i, hand := range deal(s.sessions, len(clients)) {
		clients[i] = &refreshing{headers: s.headers, sessions: hand, rounds: rounds, most: missing/len(clients) + 1}
	}
	return clients
}
