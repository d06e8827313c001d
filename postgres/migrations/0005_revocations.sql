-- readable by 3
-- What access tokens that are out do not know of: sessions that have ended, and users who have changed. seq is the order
-- in which it became visible, and never less than the instant in microseconds, so that a database that was restored does
-- not go back. The triggers see every ending, also one by hand or by a release of before.
create table revocations (
	seq bigint primary key,
	session_id bytea, -- that has ended; null when it is about a user
	user_id bytea,    -- whose tokens of before are stale; null when it is about a session
	at bigint not null,
	used_at bigint not null -- when the session was last used; at for a user
);

-- The lock is taken when the transaction is about to commit, after every other one, and held until it has: nobody sees a
-- seq before a lesser one, and nobody waits for a row behind it.
create function note_revocation(session bytea, usr bytea, at bigint, used bigint) returns void
language plpgsql volatile set search_path from current as $$
begin
	perform pg_advisory_xact_lock(8317002145396041);
	insert into revocations (seq, session_id, user_id, at, used_at)
	select greatest($3, coalesce(max(r.seq) + 1, 0)), $1, $2, $3, $4 from revocations r;
end $$;

create function session_ended() returns trigger language plpgsql set search_path from current as $$
begin
	perform note_revocation(new.id, null, new.ended_at, new.last_used_at);
	return null;
end $$;

create function user_changed() returns trigger language plpgsql set search_path from current as $$
begin
	perform note_revocation(null, new.id, new.updated_at, new.updated_at);
	return null;
end $$;

create constraint trigger session_ended after update of ended_at on sessions
deferrable initially deferred for each row
when (old.ended_at is null and new.ended_at is not null and new.ended_at - new.last_used_at < 90000000000) -- no token lives 25 h
execute function session_ended();

create constraint trigger user_changed after update of username, email, email_verified, first_name, last_name, is_active, groups, attributes on users
deferrable initially deferred for each row
when (old.username <> new.username or old.email <> new.email or old.email_verified <> new.email_verified
	or old.first_name <> new.first_name or old.last_name <> new.last_name or old.is_active <> new.is_active
	or old.groups <> new.groups or old.attributes <> new.attributes)
execute function user_changed();
