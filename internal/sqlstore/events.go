package sqlstore

import (
	"bytes"
	"context"

	"github.com/sallyport-auth/sallyport"
)

const (
	insertEvent = `insert into events (id, at, name, actor, user_id, session_id, ip, user_agent, request_id, provider, detail, sessions, session_ip)
		values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`

	eventColumns = `id, at, name, actor, user_id, session_id, ip, user_agent, request_id, provider, detail, sessions, session_ip`

	// A page of events begins at the newest.
	eventsBefore = `select ` + eventColumns + ` from events where id < $1 order by id desc limit $2`
	eventsOfUser = `select ` + eventColumns + ` from events where user_id = $1 and id < $2 order by id desc limit $3`

	// deleteEvents goes by the id, which begins with the instant at which it was made.
	deleteEvents = `delete from events where id in (select id from events where id < $1 order by id limit $2)`
)

// note writes events in the step that they report.
func note(ctx context.Context, q Queries, events ...sallyport.Event) error {
	for _, e := range events {
		if e.Name == "" {
			continue
		}
		if _, err := q.Exec(ctx, insertEvent, e.ID[:], e.At.UnixMicro(), e.Name, e.Actor, idOrNull(e.UserID), idOrNull(e.SessionID),
			e.Client.IP, e.Client.UserAgent, e.Client.RequestID, e.Provider, e.Detail, int64(e.Sessions), e.SessionIP); err != nil {
			return err
		}
	}
	return nil
}

// noteEnded notes e, if sessions ended, with their number. err is that of the ending.
func noteEnded(ctx context.Context, q Queries, e sallyport.Event, ended int64, err error) error {
	if err != nil || ended == 0 {
		return err
	}
	e.Sessions = int(ended)
	return note(ctx, q, e)
}

// noteEndedOf is noteEnded for an event that may leave it to the store whose session it was.
func noteEndedOf(ctx context.Context, q Queries, session sallyport.ID, e sallyport.Event, ended int64, err error) error {
	if err == nil && ended > 0 && e.Name != "" && e.UserID.IsZero() {
		_, err = one(ctx, q, []any{idColumn{&e.UserID}}, ownerOfSession, session[:])
	}
	return noteEnded(ctx, q, e, ended, err)
}

// noteReuse notes the end of a session by rule 5.
func noteReuse(ctx context.Context, q Queries, e sallyport.Event, s *sallyport.Session) error {
	e.UserID, e.SessionIP = s.UserID, s.IP
	return noteEnded(ctx, q, e, 1, nil)
}

func idOrNull(id sallyport.ID) any {
	if id.IsZero() {
		return nil
	}
	return id[:]
}

// Events implements sallyport.Store.
func (s *Store) Events(ctx context.Context, query sallyport.EventQuery) ([]sallyport.Event, error) {
	before := upTo(query.Before)
	statement, args := eventsBefore, []any{before, max(query.Limit, 0)}
	if !query.User.IsZero() {
		statement, args = eventsOfUser, append([]any{bytes.Clone(query.User[:])}, args...)
	}
	return list(ctx, s.db, "events", statement, args, func(e *sallyport.Event) []any {
		return []any{
			idColumn{&e.ID}, timeColumn{&e.At}, &e.Name, &e.Actor, idColumn{&e.UserID}, idColumn{&e.SessionID},
			&e.Client.IP, &e.Client.UserAgent, &e.Client.RequestID, &e.Provider, &e.Detail, &e.Sessions, &e.SessionIP,
		}
	})
}
