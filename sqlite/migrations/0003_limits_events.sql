-- advances counts since advances_from.
alter table sessions add column advances_from integer not null default 0;

-- All sessions of a user, those that have not been ended in the order of their ids. A refresh leaves it alone.
drop index sessions_live;
create index sessions_user on sessions (user_id, ended_at, id);

-- What may happen so often in so long. A key is a keyed hash: no name and no address stands here.
create table counters (
	key blob not null primary key,
	count integer not null,
	since integer not null,
	over_at integer not null
) strict, without rowid;

create index counters_over on counters (over_at);

-- Where each user has signed in from.
create table known_addresses (
	user_id blob not null references users (id),
	address text not null,
	last_at integer not null,
	primary key (user_id, address)
) strict, without rowid;

create index known_addresses_last on known_addresses (last_at);

-- The audit trail. It names users and sessions that may be gone.
create table events (
	id blob not null primary key,
	at integer not null,
	name text not null,
	actor text not null,
	user_id blob,
	session_id blob,
	ip text not null,
	user_agent text not null,
	request_id text not null,
	provider text not null,
	detail text not null,
	sessions integer not null,
	session_ip text not null
) strict, without rowid;

create index events_user on events (user_id, id) where user_id is not null;
