package sqlstore

import (
	"bytes"
	"context"
	"time"

	"github.com/sallyport-auth/sallyport"
)

const (
	insertIdentity = `insert into identities (id, user_id, provider, issuer, subject, created_at)
		values ($1, $2, $3, $4, $5, $6) on conflict (issuer, subject) do nothing`

	identitiesOfUser = `select id, user_id, provider, issuer, subject, created_at from identities where user_id = $1 order by id`

	identityByName = `select id, user_id from identities where issuer = $1 and subject = $2`

	deleteIdentity = `delete from identities where id = $1 and user_id = $2`

	// wayIn finds the user only while there is a password or an identity.
	wayIn = `select 1 from users where id = $1 and
		(password_hash <> '' or exists (select 1 from identities where user_id = $1))`

	// lockActiveUser is lockUserRow for a user who must be active.
	lockActiveUser = `update users set credential_version = credential_version where id = $1 and is_active`

	// liveOfUser is asked when the user is locked, in a statement of its own: what else PostgreSQL looks at in the one that
	// waits for the lock is as it was before, and a session that whoever held the lock has ended would still be live.
	liveOfUser = `select 1 from sessions
		where id = $1 and user_id = $2 and ended_at is null and $3 < idle_end and $3 < absolute_end`

	// linkAccount finds the user only while the ground of the link holds.
	linkAccount = `update users set credential_version = credential_version + 1, updated_at = $2
		where id = $1 and email = $3 and email_verified and email_verified_at <> 0
			and not exists (select 1 from identities where user_id = $1 and issuer = $4)`

	// removeOldPassword removes one that was there before the proof of the address, or of which that is not known.
	removeOldPassword = `update users set password_hash = '' where id = $1 and password_hash <> ''
		and (password_set_at = 0 or password_set_at < email_verified_at)`

	// raiseCredential makes whoever was about to sign in begin again.
	raiseCredential = `update users set credential_version = credential_version + 1 where id = $1`

	// ownersOfProviderSession is whose sessions endProviderSession would end: nearly always one user's.
	ownersOfProviderSession = `select distinct user_id from sessions
		where provider = $1 and provider_sid = $2 and provider_sid <> '' and ended_at is null order by user_id`

	endProviderSession = `update sessions set ended_at = $3, ended_reason = $4
		where provider = $1 and provider_sid = $2 and provider_sid <> '' and ended_at is null`

	// endIdentitySessions spares those that the provider has another name for, unless $6 is "".
	endIdentitySessions = `update sessions set ended_at = $4, ended_reason = $5
		where user_id = $1 and provider = $2 and (identity_id = $3 or identity_id is null)
			and ($6 = '' or provider_sid = '') and ended_at is null`
)

// Identities implements sallyport.Store.
func (s *Store) Identities(ctx context.Context, user sallyport.ID) ([]sallyport.Identity, error) {
	return list(ctx, s.db, "identities", identitiesOfUser, []any{user[:]}, func(i *sallyport.Identity) []any {
		return []any{idColumn{&i.ID}, idColumn{&i.UserID}, &i.Provider, &i.Issuer, &i.Subject, timeColumn{&i.CreatedAt}}
	})
}

// addIdentity adds the identity and reports whether there was none before.
func addIdentity(ctx context.Context, q Queries, i *sallyport.Identity) (bool, error) {
	added, err := q.Exec(ctx, insertIdentity, i.ID[:], i.UserID[:], i.Provider, i.Issuer, i.Subject, i.CreatedAt.UnixMicro())
	return added != 0, err
}

// AddIdentity implements sallyport.Store. The order of its parts is the contract's.
func (s *Store) AddIdentity(ctx context.Context, l sallyport.IdentityLink) error {
	l.Mark = bytes.Clone(l.Mark)
	i := &l.Identity
	return s.db.Write(ctx, "add identity", func(ctx context.Context, q Queries) error {
		if err := refuseReplay(ctx, q, l.Mark, l.At, l.MarkUntil); err != nil {
			return err
		}
		if err := orChanged(q.Exec(ctx, lockActiveUser, i.UserID[:])); err != nil {
			return err
		}
		var is int64
		live, err := one(ctx, q, []any{&is}, liveOfUser, l.Session[:], i.UserID[:], l.At.UnixMicro())
		if err == nil && !live {
			err = sallyport.ErrChanged
		}
		if err != nil {
			return err
		}
		added, err := addIdentity(ctx, q, i)
		if err != nil || added {
			return orNote(ctx, q, l.Event, err)
		}
		var id, owner sallyport.ID
		_, err = one(ctx, q, []any{idColumn{&id}, idColumn{&owner}}, identityByName, i.Issuer, i.Subject)
		if err == nil && owner != i.UserID {
			return sallyport.ErrIdentityTaken
		}
		return err
	})
}

// orNote notes e unless err, that of what it reports, is one.
func orNote(ctx context.Context, q Queries, e sallyport.Event, err error) error {
	if err != nil {
		return err
	}
	return note(ctx, q, e)
}

// RemoveIdentity implements sallyport.Store.
func (s *Store) RemoveIdentity(ctx context.Context, user, identity sallyport.ID, e sallyport.Event) error {
	return s.db.Write(ctx, "remove identity", func(ctx context.Context, q Queries) error {
		locked, err := q.Exec(ctx, raiseCredential, user[:])
		if err := orNotFound(locked != 0, err); err != nil {
			return err
		}
		deleted, err := q.Exec(ctx, deleteIdentity, identity[:], user[:])
		if err := orNotFound(deleted != 0, err); err != nil {
			return err
		}
		var is int64
		found, err := one(ctx, q, []any{&is}, wayIn, user[:])
		if err == nil && !found {
			return sallyport.ErrLastWayIn
		}
		return orNote(ctx, q, e, err)
	})
}

// EndProviderSessions implements sallyport.Store.
func (s *Store) EndProviderSessions(ctx context.Context, l sallyport.ProviderLogout) (int, error) {
	l.Mark = bytes.Clone(l.Mark)
	return write(ctx, s.db, "end provider sessions", func(ctx context.Context, q Queries) (int, error) {
		if err := refuseReplay(ctx, q, l.Mark, l.At, l.MarkUntil); err != nil {
			return 0, err
		}
		e := l.Event // the step may be run twice
		identity, err := lockSubject(ctx, q, &l, &e)
		if err != nil {
			return 0, err
		}
		subject := e.UserID
		ended, err := endBySID(ctx, q, &l, &e)
		if err == nil && ended == 0 && !identity.IsZero() {
			e.UserID = subject
			ended, err = q.Exec(ctx, endIdentitySessions,
				subject[:], l.Provider, identity[:], l.At.UnixMicro(), string(sallyport.EndedByProvider), l.SID)
		}
		return int(ended), noteEnded(ctx, q, e, ended, err)
	})
}

// lockSubject finds the identity that the provider speaks of and locks its user, whom it puts into e, so that what looks for
// sessions afterwards sees those that were about to start. The identity is zero when there is none.
func lockSubject(ctx context.Context, q Queries, l *sallyport.ProviderLogout, e *sallyport.Event) (identity sallyport.ID, err error) {
	if l.Subject == "" {
		return identity, nil
	}
	found, err := one(ctx, q, []any{idColumn{&identity}, idColumn{&e.UserID}}, identityByName, l.Issuer, l.Subject)
	if err != nil || !found {
		return identity, err
	}
	_, err = q.Exec(ctx, lockUserRow, e.UserID[:])
	return identity, err
}

// endBySID ends the sessions that have the provider's name of its own one. Their owners are locked first, as by
// everybody who ends several of a user; e gets the owner, and none when there are several.
func endBySID(ctx context.Context, q Queries, l *sallyport.ProviderLogout, e *sallyport.Event) (int64, error) {
	if l.SID == "" {
		return 0, nil
	}
	owners, err := all(ctx, q, ownersOfProviderSession, []any{l.Provider, l.SID}, func(id *sallyport.ID) []any { return []any{idColumn{id}} })
	if err != nil || len(owners) == 0 {
		return 0, err
	}
	e.UserID = sallyport.ID{}
	if len(owners) == 1 {
		e.UserID = owners[0]
	}
	for _, owner := range owners {
		if _, err := q.Exec(ctx, lockUserRow, owner[:]); err != nil {
			return 0, err
		}
	}
	return q.Exec(ctx, endProviderSession, l.Provider, l.SID, l.At.UnixMicro(), string(sallyport.EndedByProvider))
}

// Consume implements sallyport.Store.
func (s *Store) Consume(ctx context.Context, mark []byte, at, until time.Time) error {
	mark = bytes.Clone(mark)
	return s.db.Write(ctx, "consume", func(ctx context.Context, q Queries) error {
		return refuseReplay(ctx, q, mark, at, until)
	})
}

// refuseReplay remembers a mark, unless it is nil, until an instant. For every mark that it adds it may remove eight
// old ones, so the table hardly ever holds more than those of a lifetime, with or without a sweep.
func refuseReplay(ctx context.Context, q Queries, mark []byte, at, until time.Time) error {
	if mark == nil {
		return nil
	}
	added, err := q.Exec(ctx, insertReplayedToken, mark, until.UnixMicro())
	if err != nil {
		return err
	}
	if added == 0 {
		return sallyport.ErrReplayed
	}
	_, err = q.Exec(ctx, deleteReplayedTokens, at.UnixMicro(), 8)
	return err
}
