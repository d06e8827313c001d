package sqlstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
)

const (
	// userColumns are what scanUser reads.
	userColumns = `users.id, users.username, users.email, users.email_verified, users.first_name, users.last_name,
		users.is_active, users.groups, users.attributes, users.created_at, users.updated_at`
	// userColumnsOfSession are the same of the session that an update returns, where SQLite allows
	// no join.
	userColumnsOfSession = `(select users.id from users where users.id = sessions.user_id),
		(select users.username from users where users.id = sessions.user_id),
		(select users.email from users where users.id = sessions.user_id),
		(select users.email_verified from users where users.id = sessions.user_id),
		(select users.first_name from users where users.id = sessions.user_id),
		(select users.last_name from users where users.id = sessions.user_id),
		(select users.is_active from users where users.id = sessions.user_id),
		(select users.groups from users where users.id = sessions.user_id),
		(select users.attributes from users where users.id = sessions.user_id),
		(select users.created_at from users where users.id = sessions.user_id),
		(select users.updated_at from users where users.id = sessions.user_id)`
	// sessionColumns are what scanSession reads.
	sessionColumns = `sessions.id, sessions.user_id, sessions.created_at, sessions.last_used_at, sessions.idle_end,
		sessions.absolute_end, sessions.ended_at, sessions.ended_reason, sessions.provider, sessions.provider_sid,
		sessions.user_agent, sessions.ip, sessions.identity_id`
)

// scanUser gives the places for userColumns.
func scanUser(u *sallyport.User) []any {
	return []any{
		idColumn{&u.ID}, &u.Username, &u.Email, &u.EmailVerified, &u.FirstName, &u.LastName,
		&u.IsActive, jsonColumn{&u.Groups}, jsonColumn{&u.Attributes}, timeColumn{&u.CreatedAt}, timeColumn{&u.UpdatedAt},
	}
}

// scanSession gives the places for sessionColumns.
func scanSession(s *sallyport.Session) []any {
	return []any{
		idColumn{&s.ID}, idColumn{&s.UserID}, timeColumn{&s.CreatedAt}, timeColumn{&s.LastUsedAt}, timeColumn{&s.IdleEnd},
		timeColumn{&s.AbsoluteEnd}, timeColumn{&s.EndedAt}, &s.EndReason, &s.Provider, &s.ProviderSID,
		&s.UserAgent, &s.IP, idColumn{&s.IdentityID},
	}
}

// idColumn reads an id from bytes.
type idColumn struct{ id *sallyport.ID }

// Scan implements sql.Scanner. Null is the zero id.
func (c idColumn) Scan(value any) error {
	if value == nil {
		*c.id = sallyport.ID{}
		return nil
	}
	b, ok := value.([]byte)
	if !ok || len(b) != len(c.id) {
		return fmt.Errorf("an id is %d bytes, not %T", len(c.id), value)
	}
	copy(c.id[:], b)
	return nil
}

// timeColumn reads an instant from microseconds; null is the zero time.
type timeColumn struct{ t *time.Time }

// Scan implements sql.Scanner.
func (c timeColumn) Scan(value any) error {
	switch v := value.(type) {
	case nil:
		*c.t = time.Time{}
	case int64:
		*c.t = instant(v)
	default:
		return fmt.Errorf("a time is an integer, not %T", value)
	}
	return nil
}

func instant(microseconds int64) time.Time { return time.UnixMicro(microseconds).UTC() }

// jsonColumn reads a value from JSON text. Numbers stay text, so that none loses a digit.
type jsonColumn struct{ value any }

// Scan implements sql.Scanner.
func (c jsonColumn) Scan(value any) error {
	var text []byte
	switch v := value.(type) {
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		return fmt.Errorf("JSON is text, not %T", value)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(c.value)
}

// groupsJSON writes a list that is never null.
func groupsJSON(groups []string) (string, error) {
	if groups == nil {
		groups = []string{}
	}
	return jsonText("groups", groups)
}

// attributesJSON writes an object that is never null.
func attributesJSON[V any](attributes map[string]V) (string, error) {
	if attributes == nil {
		attributes = map[string]V{}
	}
	return jsonText("attributes", attributes)
}

func jsonText(what string, value any) (string, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("sallyport: %s: %w", what, err)
	}
	return string(text), nil
}
