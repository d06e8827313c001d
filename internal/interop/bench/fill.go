package main

import (
	"context"
	"database/sql"
	"fmt"
	"time"
)

// filler writes users and sessions by SQL, as a day of much use leaves them. What looks random is made of the number
// of a row, with integers alone, so that both databases get the same rows.
type filler struct {
	db    *sql.DB
	on    kind
	users int
	next  int // the number of the next session
}

// numbers is a table of the integers from $1 to $2.
func (f *filler) numbers() string {
	if f.on == onPostgres {
		return "with numbers(i) as (select generate_series($1::bigint, $2::bigint)) "
	}
	return "with recursive numbers(i) as (select $1 union all select i + 1 from numbers where i < $2) "
}

// id is an id of 16 bytes in the form of a UUIDv7 (RFC 9562 §5.7): the time in milliseconds, then what is unique
// for a number.
func (f *filler) id(milliseconds, number string) string {
	unique := "(" + number + ") * 2654435761 % 281474976710656" // times an odd number, modulo 2^48: a permutation
	if f.on == onPostgres {
		return fmt.Sprintf("decode(lpad(to_hex(%s), 12, '0') || '70008000' || lpad(to_hex(%s), 12, '0'), 'hex')", milliseconds, unique)
	}
	return fmt.Sprintf("unhex(printf('%%012x', %s) || '70008000' || printf('%%012x', %s))", milliseconds, unique)
}

// firstUser is when the first of the filled users came, in milliseconds since 1970. From then on there was
// one a minute.
const firstUser = 1_700_000_000_000

func (f *filler) userID(number string) string {
	return f.id(fmt.Sprintf("%d + (%s) * 60000", firstUser, number), number)
}

// addUsers writes users who have come with an identity, with their login names. They have no password.
func (f *filler) addUsers(ctx context.Context) error {
	id, at := f.userID("i"), fmt.Sprintf("(%d + i * 60000) * 1000", firstUser)
	for _, statement := range []string{
		`insert into users (id, username, email, email_verified, first_name, last_name, is_active, groups, attributes,
				created_at, updated_at, password_hash, credential_version)
			select ` + id + `, 'filled-' || i, 'filled-' || i || '@example.com', ` + f.truth(true) + `, 'Given', 'Family', ` + f.truth(true) + `, '[]', '{"plan":"pro"}',
				` + at + `, ` + at + `, '', 1 from numbers`,
		`insert into login_names (name, user_id) select 'filled-' || i, ` + id + ` from numbers`,
		`insert into identities (id, user_id, provider, issuer, subject, created_at)
			select ` + id + `, ` + id + `, 'pool', 'https://idp.example.com', 'filled-' || i, ` + at + ` from numbers`,
	} {
		if _, err := f.db.ExecContext(ctx, f.numbers()+statement, 0, f.users-1); err != nil {
			return err
		}
	}
	return nil
}

func (f *filler) truth(is bool) string {
	switch {
	case f.on == onPostgres:
		return fmt.Sprint(is)
	case is:
		return "1"
	}
	return "0"
}

// addSessions writes n sessions with ids of an instant, so that they stand among those which the product made
// then. They were begun at any time of the last day, so that none is swept away, and used every five minutes
// until some time since; four of ten have been logged off then.
func (f *filler) addSessions(ctx context.Context, n int, now time.Time) error {
	const (
		day     = 24 * 60 * 60 * 1_000_000 // µs
		minutes = 5 * 60 * 1_000_000
	)
	created := fmt.Sprintf("(%d - (i * 2654435761 / 16) %% %d)", now.UnixMicro(), day*9/10)
	used := fmt.Sprintf("(%s + (i * 40503 %% 1000) * (%d - %s) / 1000)", created, now.UnixMicro(), created)
	gen := fmt.Sprintf("(%s - %s) / %d", used, created, minutes)
	ended := "i % 10 < 4"
	statement := `insert into sessions (id, user_id, gen, gen_at, low, recovered, outcome, advances, advances_from,
			created_at, last_used_at, idle_end, absolute_end, ended_at, ended_reason, provider, provider_sid, user_agent, ip)
		select ` + f.id(fmt.Sprint(now.UnixMilli()), "i") + `, ` + f.userID(fmt.Sprintf("i * 2654435761 / 64 %% %d", f.users)) + `,
			` + gen + `, ` + used + `, ` + gen + `, ` + f.truth(false) + `, 1, 1, ` + used + `,
			` + created + `, ` + used + `, ` + created + fmt.Sprintf(" + %d, ", day) + created + fmt.Sprintf(" + %d", day) + `,
			case when ` + ended + ` then ` + used + ` end, case when ` + ended + ` then 'logoff' else '' end, 'pool', '',
			'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0', '10.' || i % 250 || '.' || i / 250 % 250 || '.7'
		from numbers`
	_, err := f.db.ExecContext(ctx, f.numbers()+statement, f.next, f.next+n-1)
	f.next += n
	return err
}

// without drops an index of the product while do runs: to make it afterwards costs a tenth.
func (f *filler) without(ctx context.Context, index string, do func() error) error {
	definition := "select sql from sqlite_schema where name = $1"
	if f.on == onPostgres {
		definition = "select indexdef from pg_indexes where indexname = $1"
	}
	var made string
	if err := f.db.QueryRowContext(ctx, definition, index).Scan(&made); err != nil {
		return fmt.Errorf("looking for the index %s: %w", index, err)
	}
	if _, err := f.db.ExecContext(ctx, "drop index "+index); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	_, err := f.db.ExecContext(ctx, made)
	return err
}

// settle leaves the database as the work of a few hours would: with statistics, and nothing that waits to be written.
func (f *filler) settle(ctx context.Context) error {
	statements := []string{"analyze", "pragma wal_checkpoint(truncate)"}
	if f.on == onPostgres {
		statements = []string{"vacuum (analyze)", "checkpoint"}
	}
	for _, statement := range statements {
		if _, err := f.db.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	return nil
}
