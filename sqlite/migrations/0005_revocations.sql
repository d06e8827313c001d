-- readable by 3
-- What access tokens that are out do not know of: sessions that have ended, and users who have changed. seq is the order
-- in which it became visible, and never less than the instant in microseconds, so that a database that was restored does
-- not go back. The triggers see every ending, also one by hand or by a release of before.
create table revocations (
	seq integer not null primary key,
	session_id blob, -- that has ended; null when it is about a user
	user_id blob,    -- whose tokens of before are stale; null when it is about a session
	at integer not null,
	used_at integer not null -- when the session was last used; at for a user
) strict;

create trigger session_ended after update of ended_at on sessions
when old.ended_at is null and new.ended_at is not null and new.ended_at - new.last_used_at < 90000000000 -- no token lives 25 h
begin
	insert into revocations (seq, session_id, user_id, at, used_at)
	values (max(new.ended_at, coalesce((select max(seq) + 1 from revocations), 0)), new.id, null, new.ended_at, new.last_used_at);
end;

create trigger user_changed after update of username, email, email_verified, first_name, last_name, is_active, groups, attributes on users
when old.username <> new.username or old.email <> new.email or old.email_verified <> new.email_verified
	or old.first_name <> new.first_name or old.last_name <> new.last_name or old.is_active <> new.is_active
	or old.groups <> new.groups or old.attributes <> new.attributes
begin
	insert into revocations (seq, session_id, user_id, at, used_at)
	values (max(new.updated_at, coalesce((select max(seq) + 1 from revocations), 0)), null, new.id, new.updated_at, new.updated_at);
end;
