-- Ids are 16 bytes, times are UTC microseconds since 1970.
--
-- What is looked for by its text is in collation "C": an index in the order of a language is wrong after an
-- upgrade of the system's language rules. The tables whose rows change leave room on their pages, so that
-- an update that touches no index stays on its page (a heap-only tuple) and writes no index.

create table users (
	id bytea not null primary key,
	username text not null,
	email text not null,
	email_verified boolean not null,
	first_name text not null,
	last_name text not null,
	is_active boolean not null,
	groups text not null,
	attributes text not null,
	created_at bigint not null,
	updated_at bigint not null,
	password_hash text not null,
	credential_version bigint not null
) with (fillfactor = 85);

-- The folded username and the folded address of every user: one namespace, one row when both fold alike.
create table login_names (
	name text collate "C" not null primary key,
	user_id bytea not null references users (id)
);

create index login_names_user on login_names (user_id);

create table identities (
	id bytea not null primary key,
	user_id bytea not null references users (id),
	provider text not null,
	issuer text collate "C" not null,
	subject text collate "C" not null,
	created_at bigint not null,
	unique (issuer, subject)
);

create index identities_user on identities (user_id);

-- gen, gen_at, low, recovered and outcome belong to the refresh machine.
create table sessions (
	id bytea not null primary key,
	user_id bytea not null references users (id),
	gen bigint not null,
	gen_at bigint not null,
	low bigint not null,
	recovered boolean not null,
	outcome bigint not null,
	advances bigint not null,
	created_at bigint not null,
	last_used_at bigint not null,
	idle_end bigint not null,
	absolute_end bigint not null,
	ended_at bigint,
	ended_reason text not null,
	provider text not null,
	provider_sid text not null,
	user_agent text not null,
	ip text not null
) with (fillfactor = 70);

-- What an ending looks for. It is left alone by a refresh.
create index sessions_live on sessions (user_id) where ended_at is null;

create table replayed_tokens (
	key bytea not null primary key,
	expires_at bigint not null
);

create index replayed_tokens_expiry on replayed_tokens (expires_at);

create table signing_keys (
	number bigint not null primary key,
	key_id text collate "C" not null unique,
	algorithm text not null,
	sealed bytea not null,
	created_at bigint not null
);

create table meta (
	name text collate "C" not null primary key,
	value bytea not null
);
