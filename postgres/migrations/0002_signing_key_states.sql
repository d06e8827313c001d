-- A key is published before it signs.
alter table signing_keys add column signs_from bigint not null default 0;
update signing_keys set signs_from = created_at;
