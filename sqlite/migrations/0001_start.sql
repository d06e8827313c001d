-- Ids are 16 bytes, times are UTC microseconds since 1970, truth is 0 or 1.

create table users (
	id blob not null primary key,
	username text not null,
	email text not null,
	email_verified integer not null,
	first_name text not null,
	last_name text not null,
	is_active integer not null,
	groups text not null,
	attributes text not null,
	created_at integer not null,
	updated_at integer not null,
	password_hash text not null,
	credential_version integer not null
) strict;

-- The folded username and the folded address of every user: one namespace, one row when both fold alike.
create table login_names (
	name text not null primary key,
	user_id blob not null references users (id)
) strict, without rowid;

create index login_names_user on login_names (user_id);

create table identities (
	id blob not null primary key,
	user_id blob not null references users (id),
	provider text not null,
	issuer text not null,
	subject text not null,
	created_at integer not null,
	unique (issuer, subject)
) strict;

create index identities_user on identities (user_id);

-- gen, gen_at, low, recovered and outcome belong to the refresh machine.
create table sessions (
	id blob not null primary key,
	user_id blob not null references users (id),
	gen integer not null,
	gen_at integer not null,
	low integer not null,
	recovered integer not null,
	outcome integer not null,
	advances integer not null,
	created_at integer not null,
	last_used_at integer not null,
	idle_end integer not null,
	absolute_end integer not null,
	ended_at integer,
	ended_reason text not null,
	provider text not null,
	provider_sid text not null,
	user_agent text not null,
	ip text not null
) strict;

-- What an ending looks for. It is left alone by a refresh.
create index sessions_live on sessions (user_id) where ended_at is null;

create table replayed_tokens (
	key blob not null primary key,
	expires_at integer not null
) strict, without rowid;

create index replayed_tokens_expiry on replayed_tokens (expires_at);

create table signing_keys (
	number integer not null primary key,
	key_id text not null unique,
	algorithm text not null,
	sealed blob not null,
	created_at integer not null
) strict;

create table meta (
	name text not null primary key,
	value blob not null
) strict, without rowid;
