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

	// identitiesByName has those that were removed, too: what they have signed in may still be there.
	identitiesByName = `select id, user_id from identities where issuer = $1 and subject = $2
		union all select identity_id, user_id from removed_identities where issuer = $1 and subject = $2 order by 2`

	signOutIdentity = `update identities set signed_out_at = $2 where id = $1 and signed_out_at < $2`
	signedOutAfter  = `select 1 from identities where id = $1 and signed_out_at > $2`
	isRemembered    = `select 1 from replayed_tokens where key = $1`

	rememberRemoved = `insert into removed_identities (issuer, subject, user_id, identity_id)
		select issuer, subject, user_id, id from identities where id = $1 and user_id = $2
		on conflict (issuer, subject, user_id) do update set identity_id = excluded.identity_id`
	forgetRemoved = `delete from removed_identities where issuer = $1 and subject = $2 and user_id = $3`
	wasRemoved    = `select 1 from removed_identities where issuer = $1 and subject = $2 and user_id = $3`

	endSessionsOfIdentity = `update sessions set ended_at = $4, ended_reason = $5
		where user_id = $1 and identity_id = $2 and ended_at is null and id <> $3`

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
	raiseCredential = `update users set credential_version = credential_version + 1 where id = $1 and credential_version = $2`

	// providerSession is one of that name, whether it has ended or not.
	providerSession = `select 1 from sessions where provider = $1 and provider_sid = $2 and provider_sid <> '' limit 1`

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
		if err == nil && added {
			_, err = q.Exec(ctx, forgetRemoved, i.Issuer, i.Subject, i.UserID[:])
		}
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
func (s *Store) RemoveIdentity(ctx context.Context, r sallyport.IdentityRemoval) error {
	user, identity := r.UserID[:], r.Identity[:]
	return s.db.Write(ctx, "remove identity", func(ctx context.Context, q Queries) error {
		if err := orChanged(q.Exec(ctx, raiseCredential, user, r.Version)); err != nil {
			return err
		}
		if _, err := q.Exec(ctx, rememberRemoved, identity, user); err != nil {
			return err
		}
		deleted, err := q.Exec(ctx, deleteIdentity, identity, user)
		if err := orNotFound(deleted != 0, err); err != nil {
			return err
		}
		var is int64
		found, err := one(ctx, q, []any{&is}, wayIn, user)
		if err == nil && !found {
			err = sallyport.ErrLastWayIn
		}
		if err != nil {
			return err
		}
		ended, err := q.Exec(ctx, endSessionsOfIdentity, user, identity, r.Keep[:], r.At.UnixMicro(), string(sallyport.EndedByUnlinked))
		e := r.Event
		e.Sessions = int(ended)
		return orNote(ctx, q, e, err)
	})
}

// EndProviderSessions implements sallyport.Store.
func (s *Store) EndProviderSessions(ctx context.Context, l sallyport.ProviderLogout) (int, error) {
	l.Mark, l.SIDMark = bytes.Clone(l.Mark), bytes.Clone(l.SIDMark)
	return write(ctx, s.db, "end provider sessions", func(ctx context.Context, q Queries) (int, error) {
		if err := refuseReplay(ctx, q, l.Mark, l.At, l.MarkUntil); err != nil {
			return 0, err
		}
		out := providerLogout{ProviderLogout: l, event: l.Event} // the step may be run twice
		for _, part := range []Step{out.lockSubject, out.endBySID, out.endBySubject} {
			if err := part(ctx, q); err != nil {
				return 0, err
			}
		}
		return int(out.ended), noteEnded(ctx, q, out.event, out.ended, nil)
	})
}

// providerLogout is a ProviderLogout while the step runs.
type providerLogout struct {
	sallyport.ProviderLogout
	event      sallyport.Event
	identities []identityOf // that the subject is, or was
	named      bool         // by the SID, so that nothing else ends
	ended      int64
}

type identityOf struct{ id, user sallyport.ID }

// lockSubject finds whose the subject is and was, and locks those users, so that what looks for sessions afterwards sees
// those that were about to start, and what is about to start sees that it may not.
func (l *providerLogout) lockSubject(ctx context.Context, q Queries) (err error) {
	if l.Subject == "" {
		return nil
	}
	l.identities, err = all(ctx, q, identitiesByName, []any{l.Issuer, l.Subject}, func(i *identityOf) []any {
		return []any{idColumn{&i.id}, idColumn{&i.user}}
	})
	for _, i := range l.identities {
		if err == nil {
			_, err = q.Exec(ctx, lockUserRow, i.user[:])
		}
	}
	return err
}

// endBySID ends the sessions that have the provider's name of its own one. Their owners are locked first, as by
// everybody who ends several of a user; the event gets the owner, and none when there are several.
func (l *providerLogout) endBySID(ctx context.Context, q Queries) error {
	if l.SID == "" {
		return nil
	}
	if l.SIDMark != nil {
		added, err := q.Exec(ctx, insertReplayedToken, l.SIDMark, l.SIDMarkUntil.UnixMicro())
		if err != nil {
			return err
		}
		l.named = added == 0
	}
	var is int64
	found, err := one(ctx, q, []any{&is}, providerSession, l.Provider, l.SID)
	if err != nil || !found {
		return err
	}
	l.named = true
	owners, err := all(ctx, q, ownersOfProviderSession, []any{l.Provider, l.SID}, func(id *sallyport.ID) []any { return []any{idColumn{id}} })
	if err != nil {
		return err
	}
	if len(owners) == 1 {
		l.event.UserID = owners[0]
	}
	for _, owner := range owners {
		if _, err := q.Exec(ctx, lockUserRow, owner[:]); err != nil {
			return err
		}
	}
	l.ended, err = q.Exec(ctx, endProviderSession, l.Provider, l.SID, l.At.UnixMicro(), string(sallyport.EndedByProvider))
	return err
}

// endBySubject ends what the subject's identities have signed in, unless the SID was enough.
func (l *providerLogout) endBySubject(ctx context.Context, q Queries) error {
	if l.named {
		return nil
	}
	for _, i := range l.identities {
		if l.SID == "" {
			if _, err := q.Exec(ctx, signOutIdentity, i.id[:], l.SignedOut.UnixMicro()); err != nil {
				return err
			}
		}
		ended, err := q.Exec(ctx, endIdentitySessions,
			i.user[:], l.Provider, i.id[:], l.At.UnixMicro(), string(sallyport.EndedByProvider), l.SID)
		if err != nil {
			return err
		}
		if ended > 0 {
			l.event.UserID = ownerOf(l.event.UserID, i.user, l.ended == 0)
		}
		l.ended += ended
	}
	return nil
}

// ownerOf is the one owner of what has ended so far and of the next; zero when they are several.
func ownerOf(sofar, next sallyport.ID, first bool) sallyport.ID {
	if first || sofar == next {
		return next
	}
	return sallyport.ID{}
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
