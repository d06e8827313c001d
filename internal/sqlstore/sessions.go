package sqlstore

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/sallyport-auth/sallyport"
)

const (
	insertReplayedToken = `insert into replayed_tokens (key, expires_at) values ($1, $2) on conflict (key) do nothing`

	// deleteReplayedTokens removes a few marks whose time is over.
	deleteReplayedTokens = `delete from replayed_tokens where key in
		(select key from replayed_tokens where expires_at < $1 order by expires_at limit $2)`

	// lockCredential changes nothing. It finds the user only while active and under that version,
	// and makes whoever would change either wait until the session has been added, to end it.
	lockCredential = `update users set credential_version = credential_version
		where id = $1 and is_active and credential_version = $2`

	// unendedOfUser counts what MaxSessions keeps few. It is a statement of its own, behind the lock: a statement that
	// has waited for it does not see what was added meanwhile (PostgreSQL, read committed).
	unendedOfUser = `select count(id) from sessions where user_id = $1 and ended_at is null`

	// endLeastUsed ends so many sessions as $4 says, those past an end first.
	endLeastUsed = `update sessions set ended_at = $2, ended_reason = $3 where id in
		(select id from sessions where user_id = $1 and ended_at is null
			order by (idle_end <= $2 or absolute_end <= $2) desc, last_used_at, id limit $4)`

	insertSession = `insert into sessions (id, user_id, gen, gen_at, low, recovered, outcome, advances, advances_from,
			created_at, last_used_at, idle_end, absolute_end, ended_at, ended_reason, provider, provider_sid, user_agent, ip, identity_id)
		values ($1, $2, 0, $3, 0, false, 0, 0, $3, $3, $4, $5, $6, null, '', $7, $8, $9, $10, $11)`

	sessionByID = `select ` + sessionColumns + `, ` + userColumns + `
		from sessions join users on users.id = sessions.user_id where sessions.id = $1`

	// A page of live sessions begins at the newest; $3 is the last id of the page before.
	sessionsOfUser = `select ` + sessionColumns + ` from sessions
		where user_id = $1 and ended_at is null and $2 < idle_end and $2 < absolute_end and id < $3
		order by id desc limit $4`

	liveSessions = `select ` + sessionColumns + ` from sessions
		where ended_at is null and $1 < idle_end and $1 < absolute_end and id < $2
		order by id desc limit $3`

	// The endings. A session whose idle or absolute end has passed is ended like any other: by a
	// clock that is behind, or set back, it would still be alive.
	endSession = `update sessions set ended_at = $2, ended_reason = $3 where id = $1 and ended_at is null`

	endOtherSessions = `update sessions set ended_at = $2, ended_reason = $3
		where user_id = ` + userOfLiveSession + ` and ended_at is null and id <> $1`

	endAllSessions = `update sessions set ended_at = $2, ended_reason = $3
		where user_id = ` + userOfLiveSession + ` and ended_at is null`

	// ownerOfSession is whose session it is.
	ownerOfSession = `select user_id from sessions where id = $1`

	// ofUser says that the session is one of the user, without a word about whether it is live.
	ofUser = `select 1 from sessions where id = $1 and user_id = $2`

	// lockOwner makes several endings of one user's sessions follow each other, so that of two browsers that
	// end each other's one stays.
	lockOwner = `update users set credential_version = credential_version where id = ` + userOfLiveSession

	// lastOfPart is the last session of a part; there is none when fewer are left.
	lastOfPart = `select id from sessions where id > $1 order by id limit 1 offset $2`

	endPart = `update sessions set ended_at = $3, ended_reason = $4 where id > $1 and id <= $2 and ended_at is null`

	// userOfLiveSession is null, and equals no user, when the session $1 is not live at $2.
	userOfLiveSession = `(select s.user_id from sessions s
			where s.id = $1 and s.ended_at is null and $2 < s.idle_end and $2 < s.absolute_end)`

	// endUserSessions spares the session $2.
	endUserSessions = `update sessions set ended_at = $3, ended_reason = $4
		where user_id = $1 and ended_at is null and id <> $2`
)

var (
	// noID is an id that no session has, upperID one that is greater than all.
	noID    = make([]byte, len(sallyport.ID{}))
	upperID = bytes.Repeat([]byte{0xff}, len(sallyport.ID{}))
)

// StartSession implements sallyport.Store. The order of its parts is the contract's.
func (s *Store) StartSession(ctx context.Context, start sallyport.SessionStart) error {
	step := sessionStart{SessionStart: start}
	step.Mark, step.SIDMark = bytes.Clone(start.Mark), bytes.Clone(start.SIDMark)
	if start.NewUser != nil {
		row, err := newUserRow(*start.NewUser, "", start.NewUser.EmailVerified && !start.Hearsay)
		if err != nil {
			return err
		}
		step.user = row
		step.CredentialVersion = firstVersion
	}
	step.NewIdentity, step.Link = copied(start.NewIdentity), copied(start.Link)
	if !start.Sync.IsZero() {
		edit, err := newUserEdit(start.Sync)
		if err != nil {
			return err
		}
		edit.hearsay = start.Hearsay
		step.sync = edit
	}
	step.Settle = cloned(start.Settle)
	step.Events = slices.Clone(start.Events)
	return s.db.Write(ctx, "start session", func(ctx context.Context, q Queries) error {
		for _, part := range []Step{
			step.refuseReplay, step.addUser, step.checkUser, step.refuseSignedOut, step.syncUser, step.link, step.addIdentity, step.endReplaced, step.endSurplus, step.add, step.settle, step.rememberAddress, step.note,
		} {
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
	user    *userRow  // of NewUser
	sync    *userEdit // of Sync
	surplus int64     // how many sessions are to end, while the step runs
}

// maxSurplus bounds how many sessions a step ends to make room for its own.
const maxSurplus = 100

func (s *sessionStart) refuseReplay(ctx context.Context, q Queries) error {
	return refuseReplay(ctx, q, s.Mark, s.Session.CreatedAt, s.MarkUntil)
}

func (s *sessionStart) addUser(ctx context.Context, q Queries) error {
	if s.user == nil {
		return nil
	}
	return s.user.add(ctx, q)
}

// syncUser changes the user, whom checkUser has locked. What another sign-in has changed in the same way is no change.
func (s *sessionStart) syncUser(ctx context.Context, q Queries) error {
	if s.sync == nil {
		return nil
	}
	var u sallyport.User
	user, at := s.Session.UserID, s.Session.CreatedAt
	found, err := one(ctx, q, scanUser(&u), userByID, user[:])
	if err := orNotFound(found, err); err != nil {
		return err
	}
	edit := *s.sync
	if edit.hearsay && edit.change.Email != nil {
		var is int64
		proved, err := one(ctx, q, []any{&is}, addressIsProved, user[:])
		if err != nil {
			return err
		}
		if proved {
			edit.change.Email, edit.change.EmailVerified = nil, nil
		}
	}
	changes, err := edit.changes(&u)
	if err != nil {
		return err
	}
	if changes { // before the change, which is told by this instant
		if _, err := q.Exec(ctx, touchUser, user[:], at.UnixMicro()); err != nil {
			return err
		}
	}
	if _, err := edit.apply(ctx, q, &u, at); err != nil || !changes { // an address may be proved
		return err
	}
	return note(ctx, q, s.Synced)
}

func (s *sessionStart) link(ctx context.Context, q Queries) error {
	if s.Link == nil {
		return nil
	}
	user, at := s.Session.UserID[:], s.Session.CreatedAt.UnixMicro()
	var is int64
	removed, err := one(ctx, q, []any{&is}, wasRemoved, s.NewIdentity.Issuer, s.NewIdentity.Subject, user)
	if err == nil && removed {
		err = sallyport.ErrIdentityRemoved
	}
	if err != nil {
		return err
	}
	if err := orChanged(q.Exec(ctx, linkAccount, user, at, s.Link.Email, s.NewIdentity.Issuer)); err != nil {
		return err
	}
	passwords, err := q.Exec(ctx, removeOldPassword, user)
	if err != nil {
		return err
	}
	ended, err := q.Exec(ctx, endUserSessions, user, noID, at, string(sallyport.EndedByLinked))
	e := s.Link.Event
	e.Sessions = int(ended)
	if passwords != 0 {
		e.Detail += ", password removed"
	}
	return orNote(ctx, q, e, err)
}

func (s *sessionStart) addIdentity(ctx context.Context, q Queries) error {
	if s.NewIdentity == nil {
		return nil
	}
	added, err := addIdentity(ctx, q, s.NewIdentity)
	if err == nil && !added {
		return sallyport.ErrChanged
	}
	return err
}

func (s *sessionStart) checkUser(ctx context.Context, q Queries) error {
	s.surplus = 0
	user := s.Session.UserID[:]
	if err := orChanged(q.Exec(ctx, lockCredential, user, s.CredentialVersion)); err != nil || s.MaxSessions == 0 {
		return err
	}
	var unended int64
	_, err := one(ctx, q, []any{&unended}, unendedOfUser, user)
	s.surplus = min(unended+1-int64(s.MaxSessions), maxSurplus)
	return err
}

// refuseSignedOut looks when the user is locked, as by a logout of the subject.
func (s *sessionStart) refuseSignedOut(ctx context.Context, q Queries) error {
	var is int64
	if s.SIDMark != nil {
		if ended, err := one(ctx, q, []any{&is}, isRemembered, s.SIDMark); err != nil || ended {
			return orEnded(err)
		}
	}
	if s.Session.IdentityID.IsZero() || s.Proved.IsZero() {
		return nil
	}
	if ended, err := one(ctx, q, []any{&is}, signedOutAfter, s.Session.IdentityID[:], s.Proved.UnixMicro()); err != nil || ended {
		return orEnded(err)
	}
	return nil
}

func orEnded(err error) error {
	if err == nil {
		return sallyport.ErrProviderSessionEnded
	}
	return err
}

func (s *sessionStart) endReplaced(ctx context.Context, q Queries) error {
	if s.Replaces.IsZero() {
		return nil
	}
	ended, err := q.Exec(ctx, endSession, s.Replaces[:], s.Session.CreatedAt.UnixMicro(), string(sallyport.EndedByReplaced))
	s.surplus -= ended // if it was somebody else's, the next sign-in makes up for it
	return noteEndedOf(ctx, q, s.Replaces, s.Replaced, ended, err)
}

func (s *sessionStart) endSurplus(ctx context.Context, q Queries) error {
	if s.surplus <= 0 {
		return nil
	}
	ended, err := q.Exec(ctx, endLeastUsed, s.Session.UserID[:], s.Session.CreatedAt.UnixMicro(), string(sallyport.EndedByLimit), s.surplus)
	return noteEnded(ctx, q, s.Surplus, ended, err)
}

func (s *sessionStart) add(ctx context.Context, q Queries) error {
	n := &s.Session
	_, err := q.Exec(ctx, insertSession, n.ID[:], n.UserID[:], n.CreatedAt.UnixMicro(), n.LastUsedAt.UnixMicro(),
		n.IdleEnd.UnixMicro(), n.AbsoluteEnd.UnixMicro(), n.Provider, n.ProviderSID, n.UserAgent, n.IP, idOrNull(n.IdentityID))
	return err
}

func (s *sessionStart) settle(ctx context.Context, q Queries) error { return settle(ctx, q, s.Settle) }

func (s *sessionStart) note(ctx context.Context, q Queries) error { return note(ctx, q, s.Events...) }

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
		if err := beforeEnding(ctx, q, e); err != nil {
			return 0, err
		}
		ended, err := q.Exec(ctx, statement, args...)
		return int(ended), noteEndedOf(ctx, q, e.Session, e.Event, ended, err)
	})
}

// beforeEnding looks whose the session is, and locks whoever has several to end.
func beforeEnding(ctx context.Context, q Queries, e sallyport.SessionEnd) error {
	switch {
	case e.Session.IsZero():
		_, err := q.Exec(ctx, lockUserRow, e.User[:])
		return err
	case e.Scope != sallyport.ScopeThis:
		_, err := q.Exec(ctx, lockOwner, e.Session[:], e.At.UnixMicro())
		return err
	case !e.User.IsZero():
		var is int64
		found, err := one(ctx, q, []any{&is}, ofUser, e.Session[:], e.User[:])
		return orNotFound(found, err)
	}
	return nil
}

// Sessions implements sallyport.Store.
func (s *Store) Sessions(ctx context.Context, query sallyport.SessionQuery) ([]sallyport.Session, error) {
	before := upperID
	if !query.Before.IsZero() {
		before = bytes.Clone(query.Before[:])
	}
	statement, args := sessionsOfUser, []any{query.User[:], query.At.UnixMicro(), before, max(query.Limit, 0)}
	if query.User.IsZero() {
		statement, args = liveSessions, args[1:]
	}
	return list(ctx, s.db, "sessions", statement, args, func(one *sallyport.Session) []any { return scanSession(one) })
}

// EndAllSessions implements sallyport.Store.
func (s *Store) EndAllSessions(ctx context.Context, w sallyport.SessionWalk) (int, sallyport.ID, error) {
	type part struct {
		ended int
		last  sallyport.ID
	}
	p, err := write(ctx, s.db, "end all sessions", func(ctx context.Context, q Queries) (p part, err error) {
		if p.last, err = endOfPart(ctx, q, w.After, w.Limit); err != nil {
			return p, err
		}
		ended, err := q.Exec(ctx, endPart, w.After[:], upTo(p.last), w.At.UnixMicro(), string(w.Reason))
		p.ended = int(ended)
		return p, noteEnded(ctx, q, w.Event, ended, err)
	})
	return p.ended, p.last, err
}

// endOfPart is the id of the session that ends a part of so many after an id; zero when no more are left.
func endOfPart(ctx context.Context, q Queries, after sallyport.ID, limit int) (last sallyport.ID, err error) {
	_, err = one(ctx, q, []any{idColumn{&last}}, lastOfPart, after[:], max(limit, 1)-1)
	return last, err
}

// upTo is last, or what is greater than every id when last is zero.
func upTo(last sallyport.ID) []byte {
	if last.IsZero() {
		return upperID
	}
	return bytes.Clone(last[:])
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
