package sallyport

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/sallyport-auth/sallyport/verify/jws"
)

// RevocationsType is the "typ" of a page of the feed.
const RevocationsType = "revocations+jwt"

// MaxRevocationsWait is the longest that Revocations waits.
const MaxRevocationsWait = 25 * time.Second

const (
	// revocationMargin is for clocks that differ, beyond the life of an access token.
	revocationMargin = 2 * time.Minute
	// revocationsPageLife is how long a page may be taken after it was complete.
	revocationsPageLife = time.Minute
	// maxRevocationsPage is how many entries a page has: some 400 KiB, signed.
	maxRevocationsPage = 4096
)

// revocationLife is how long an entry concerns tokens that are out.
func (s *Service) revocationLife() time.Duration { return s.cfg.AccessTTL + revocationMargin }

// Revocations returns a page of the revocation feed (docs/revocations.md), a signed JWS: what has ended after the cursor of
// the page before, 0 to begin with. When there is nothing it waits for that, no longer than wait and MaxRevocationsWait,
// and less when Drain is called. It returns ErrTooManyListeners, ErrNoSigningKey, and ErrStoreUnavailable rather than a page
// that may not be complete.
func (s *Service) Revocations(ctx context.Context, after int64, wait time.Duration) (string, error) {
	leave, ok := s.feed.enter(s.cfg.Limits.Listeners)
	if !ok {
		return "", ErrTooManyListeners
	}
	defer leave()
	wait, draining := min(wait, MaxRevocationsWait), s.feed.draining
	select {
	case <-draining: // whoever comes meanwhile is kept from asking again and again
		wait, draining = min(wait, time.Second), nil
	default:
	}
	end := time.NewTimer(wait)
	defer end.Stop()
	arrived, waiting := time.Now(), wait > 0
	for {
		look := s.feed.look(after, arrived)
		switch {
		case look.failed != nil:
			return "", look.failed
		case look.current && (look.news || !waiting):
			return s.feed.page(after, s.now(), s.signRevocations)
		}
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-look.changed:
		case <-end.C:
			waiting = false
		case <-draining:
			waiting, draining = false, nil
		}
	}
}

// Drain answers who waits in Revocations, and lets nobody wait for more than a second from here on.
func (s *Service) Drain() { s.feed.drain() }

// Feed is how many entries the revocation feed has, and how many requests wait for the next one.
func (s *Service) Feed() (entries, waiting int) { return s.feed.size() }

// revocationsPage is the claims of a page.
type revocationsPage struct {
	Issuer  string         `json:"iss"`
	Issued  int64          `json:"iat"`
	Expires int64          `json:"exp"`
	After   int64          `json:"after"`
	Cursor  int64          `json:"cursor"`
	More    bool           `json:"more"`
	Ended   []endedSession `json:"ended"`
	Stale   []staleUser    `json:"stale"`
}

type endedSession struct {
	Session string `json:"sid"`
	Expires int64  `json:"exp"`
}

type staleUser struct {
	Subject string `json:"sub"`
	Before  int64  `json:"before"`
	Expires int64  `json:"exp"`
}

// feedName is how the public feed calls a session or a user.
func feedName(id ID) string {
	sum := sha256.Sum256([]byte(id.String()))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}

// signRevocations fills in what every page has.
func (s *Service) signRevocations(p revocationsPage, complete time.Time) (string, error) {
	p.Issuer, p.Issued, p.Expires = s.cfg.Issuer, complete.Unix(), complete.Add(revocationsPageLife).Unix()
	payload, err := json.Marshal(p)
	if err != nil {
		return "", err
	}
	key := s.keys.Load().signer(s.cfg.Algorithm, s.now())
	if key == nil {
		return "", ErrNoSigningKey
	}
	page, err := jws.Sign(key.signer, jws.SignHeader{KeyID: key.public.ID(), Type: RevocationsType}, payload)
	if err != nil {
		return "", fmt.Errorf("sallyport: signing a page of the revocation feed: %w", err)
	}
	return page, nil
}

const (
	// feedPause is between two readings while somebody listens, and so what an ending is late by at most.
	feedPause = 200 * time.Millisecond
	// maxFeedDelay is how old what is known may be when a page is made of it.
	maxFeedDelay = 5 * feedPause
	// feedRest is how long after the last request the store is still read.
	feedRest = time.Minute
	// feedReadTime bounds one reading.
	feedReadTime = 2 * time.Second
)

// followRevocations reads the store as long as somebody listens, until ctx ends.
func (s *Service) followRevocations(ctx context.Context) {
	failing := false
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.feed.wanted:
		}
		for s.feed.listenedTo(time.Now()) {
			err := s.readRevocations(ctx)
			if err != nil && !failing && ctx.Err() == nil {
				s.log.LogAttrs(ctx, slog.LevelWarn, "the revocation feed cannot be read", slog.String("reason", err.Error()))
			}
			failing = err != nil
			pause.Reset(feedPause)
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
			}
		}
	}
}

func (s *Service) readRevocations(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, feedReadTime)
	defer cancel()
	began, now := time.Now(), s.now()
	oldest := now.Add(-s.revocationLife())
	after := s.feed.readFrom(oldest)
	for {
		found, err := s.store.Revocations(ctx, after, maxRevocationsPage)
		if err != nil {
			s.feed.fail(err)
			return err
		}
		s.visits.forgetRevoked(found)
		if len(found) < maxRevocationsPage {
			s.feed.add(found, s.revocationLife())
			s.feed.complete(now, began, oldest)
			return nil
		}
		s.feed.add(found, s.revocationLife())
		after = found[len(found)-1].Cursor
	}
}
