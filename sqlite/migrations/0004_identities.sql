-- Whether a password is older than the proof of the address. 0 is for what is not known, or not there.
alter table users add column password_set_at integer not null default 0;
alter table users add column email_verified_at integer not null default 0;
update users set password_set_at = created_at where password_hash <> '';
-- The address of a user who has an identity may have been verified by a provider who is not authoritative for it: it counts as
-- verified, and not as proved.
update users set email_verified_at = updated_at
	where email_verified and not exists (select 1 from identities where identities.user_id = users.id);

-- Which identity signed in; null for a password, and for sessions of before.
alter table sessions add column identity_id blob;

-- What a provider calls its session. A refresh leaves it alone.
create index sessions_provider on sessions (provider, provider_sid) where provider_sid <> '';

-- When the provider said that all sessions of the subject have ended, by its own clock: an ID token from before it
-- starts none.
alter table identities add column signed_out_at integer not null default 0;

-- What a user has removed: it does not come back by its address, and a logout of it still finds what it has signed in.
create table removed_identities (
	issuer text not null,
	subject text not null,
	user_id blob not null references users (id) on delete cascade,
	identity_id blob not null,
	primary key (issuer, subject, user_id)
) strict;

create index removed_identities_user on removed_identities (user_id);
