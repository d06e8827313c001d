package sqlstore

import (
	"bytes"
	"context"
	"fmt"

	"github.com/sallyport-auth/sallyport"
)

const (
	insertReplayedToken = `insert into replayed_tokens (key, expires_at) values ($1, $2) on conflict (key) do nothing`

	// deleteReplayedTokens removes a few marks whose time is over.
	deleteReplayedTokens = `delete from replayed_tokens where key in
		(select key from replayed_tokens where expires_at < $1 order by expires_at limit 8)`

	insertIdentity = `insert into identities (id, user_id, provider, issuer, subject, created_at)
		values ($1, $2, $3, $4, $5, $6) on conflict (issuer, subject) do nothing`

	// lockCredential changes nothing. It finds the user only while active and under that version,
	// and makes whoever would change either wait until the session has been added, to end it.
	lockCredential = `update users set credential_version = credential_version
		where id = $1 and is_active and credential_version = $2`

	insertSession = `insert into sessions (id, user_id, gen, gen_at, low, recovered, outcome, advances,
			created_at, last_used_at, idle_end, absolute_end, ended_at, ended_reason, provider, provider_sid, user_agent, ip)
		values ($1, $2, 0, $3, 0, false, 0, 0, $3, $4, $5, $6, null, '', $7, $8, $9, $10)`

	sessionByID = `select ` + sessionColumns + `, ` + userColumns + `
		from sessions join users on users.id = sessions.user_id where sessions.id = $1`

	// The endings. A session whose idle or absolute end has passed is ended like any other: by a
	// clock that is behind, or set back, it would still be alive.
	endSession = `update sessions set ended_at = $2, ended_reason = $3 where id = $1 and ended_at is null`

	endOtherSessions = `update sessions set ended_at = $2, ended_reason = $3
		where user_id = ` + userOfLiveSession + ` and ended_at is null and id <> $1`

	endAllSessions = `update sessions set ended_at = $2, ended_reason = $3
		where user_id = ` + userOfLiveSession + ` and ended_at is null`

	// userOfLiveSession is null, and equals no user, when the session $1 is not live at $2.
	userOfLiveSession = `(select s.user_id from sessions s
			where s.id = $1 and s.ended_at is null and $2 < s.idle_end and $2 < s.absolute_end)`

	// endUserSessions spares the session $2.
	endUserSessions = `update sessions set ended_at = $3, ended_reason = $4
		where user_id = $1 and ended_at is null and id <> $2`
)

// noID is an id that no session has.
var noID = make([]byte, len(sallyport.ID{}))

// StartSession implements sallyport.Store. The order of its parts is the contract's.
func (s *Store) StartSession(ctx context.Context, start sallyport.SessionStart) error {
	step := sessionStart{SessionStart: start}
	step.Replay = bytes.Clone(start.Replay)
	if start.NewUser != nil {
		row, err := newUserRow(*start.NewUser, "")
		if err != nil {
			return err
		}
		step.user = row
		step.CredentialVersion = firstVersion
	}
	step.NewIdentity = copied(start.NewIdentity)
	return s.db.Write(ctx, "start session", func(ctx context.Context, q Queries) error {
		for _, part := range []Step{step.refuseReplay, step.addUser, step.addIdentity, step.checkUser, step.endReplaced, step.add} {
			if err := part(ctx, q); err != nil {
				return err
			}
		}
		return nil
	})
}

// sessionStart is a SessionStart that shares no memory with its maker.
type sessionStart struct {
	sallyport.SessionStart
	user *userRow // of NewUser
}

// refuseReplay marks the token. For every mark that it adds it may remove eight old ones, so the
// table never holds more than the tokens of a lifetime, without a sweep.
func (s *sessionStart) refuseReplay(ctx context.Context, q Queries) error {
	if s.Replay == nil {
		return nil
	}
	added, err := q.Exec(ctx, insertReplayedToken, s.Replay, s.ReplayUntil.UnixMicro())
	if err != nil {
		return err
	}
	if added == 0 {
		return sallyport.ErrIDTokenReplayed
	}
	_, err = q.Exec(ctx, deleteReplayedTokens, s.Session.CreatedAt.UnixMicro())
	return err
}

func (s *sessionStart) addUser(ctx context.Context, q Queries) error {
	if s.user == nil {
		return nil
	}
	return s.user.add(ctx, q)
}

func (s *sessionStart) addIdentity(ctx context.Context, q Queries) error {
	i := s.NewIdentity
	if i == nil {
		return nil
	}
	return orChanged(q.Exec(ctx, insertIdentity, i.ID[:], i.UserID[:], i.Provider, i.Issuer, i.Subject, i.CreatedAt.UnixMicro()))
}

func (s *sessionStart) checkUser(ctx context.Context, q Queries) error {
	return orChanged(q.Exec(ctx, lockCredential, s.Session.UserID[:], s.CredentialVersion))
}

func (s *sessionStart) endReplaced(ctx context.Context, q Queries) error {
	if s.Replaces.IsZero() {
		return nil
	}
	_, err := q.Exec(ctx, endSession, s.Replaces[:], s.Session.CreatedAt.UnixMicro(), string(sallyport.EndedByReplaced))
	return err
}

func (s *sessionStart) add(ctx context.Context, q Queries) error {
	n := &s.Session
	_, err := q.Exec(ctx, insertSession, n.ID[:], n.UserID[:], n.CreatedAt.UnixMicro(), n.LastUsedAt.UnixMicro(),
		n.IdleEnd.UnixMicro(), n.AbsoluteEnd.UnixMicro(), n.Provider, n.ProviderSID, n.UserAgent, n.IP)
	return err
}

// orChanged turns "no row" into ErrChanged.
func orChanged(rows int64, err error) error {
	if err == nil && rows == 0 {
		return sallyport.ErrChanged
	}
	return err
}

// holding is a session with its user.
type holding struct {
	session sallyport.Session
	user    sallyport.User
}

func (h *holding) scan() []any {
	return append(scanSession(&h.session), scanUser(&h.user)...)
}

// Session implements sallyport.Store.
func (s *Store) Session(ctx context.Context, id sallyport.ID) (sallyport.Session, sallyport.User, error) {
	h, err := read(ctx, s.db, "session", func(ctx context.Context, q Queries) (h holding, err error) {
		found, err := one(ctx, q, h.scan(), sessionByID, id[:])
		return h, orNotFound(found, err)
	})
	return h.session, h.user, err
}

// EndSessions implements sallyport.Store.
func (s *Store) EndSessions(ctx context.Context, e sallyport.SessionEnd) (int, error) {
	statement, args, err := ending(e)
	if err != nil {
		return 0, fmt.Errorf("end sessions: %w", err)
	}
	return write(ctx, s.db, "end sessions", func(ctx context.Context, q Queries) (int, error) {
		ended, err := q.Exec(ctx, statement, args...)
		return int(ended), err
	})
}

// ending chooses the statement that ends what e names.
func ending(e sallyport.SessionEnd) (statement string, args []any, err error) {
	at, reason := e.At.UnixMicro(), string(e.Reason)
	if e.Session.IsZero() {
		return endUserSessions, []any{e.User[:], noID, at, reason}, nil
	}
	args = []any{e.Session[:], at, reason}
	switch e.Scope {
	case sallyport.ScopeThis:
		return endSession, args, nil
	case sallyport.ScopeOthers:
		return endOtherSessions, args, nil
	case sallyport.ScopeAll:
		return endAllSessions, args, nil
	}
	return "", nil, sallyport.ErrInvalidScope
}
