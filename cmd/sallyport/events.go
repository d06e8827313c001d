package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

type eventsCommand struct {
	sourceFlags
	User  string `arg:"" optional:"" help:"Username, e-mail address or id; without it the events of everybody."`
	Limit int    `default:"100" help:"How many events; 0 is all."`
	JSON  bool   `name:"json" help:"Print one JSON document."`
}

func (eventsCommand) examples() []string {
	return []string{"sallyport events alice", "sallyport events --limit 0 --json > events.json"}
}

// shownEvent is a line of the audit trail as every output shows it.
type shownEvent struct {
	ID        sallyport.ID  `json:"id"`
	At        time.Time     `json:"at"`
	Event     string        `json:"event"`
	Actor     string        `json:"actor"`
	UserID    *sallyport.ID `json:"user_id"`
	SessionID *sallyport.ID `json:"session_id"`
	IP        string        `json:"ip"`
	SessionIP string        `json:"session_ip"`
	UserAgent string        `json:"user_agent"`
	RequestID string        `json:"request_id"`
	Provider  string        `json:"provider"`
	Sessions  int           `json:"sessions"`
	Detail    string        `json:"detail"`
}

func presentableEvent(e sallyport.Event) shownEvent {
	return shownEvent{
		ID: e.ID, At: inUTC(e.At), Event: e.Name, Actor: e.Actor, UserID: orNull(e.UserID), SessionID: orNull(e.SessionID),
		IP: e.Client.IP, SessionIP: e.SessionIP, UserAgent: e.Client.UserAgent, RequestID: e.Client.RequestID, Provider: e.Provider,
		Sessions: e.Sessions, Detail: e.Detail,
	}
}

func orNull(id sallyport.ID) *sallyport.ID {
	if id.IsZero() {
		return nil
	}
	return &id
}

// Run prints the audit trail, the newest event first.
func (c eventsCommand) Run(ctx context.Context, w world) error {
	const what = "events"
	if c.Limit < 0 {
		return usageError{"--limit is 0 or more"}
	}
	return c.with(ctx, w, what, func(svc *opened, _ *settings.Settings) error {
		var user sallyport.ID
		if c.User != "" {
			var err error
			if user, err = eventsOf(ctx, svc, what, c.User); err != nil {
				return err
			}
		}
		left := c.Limit
		to := newListing(w.stdout, c.JSON, "events", []string{"AT", "EVENT", "ACTOR", "USER", "SESSION", "IP", "SESSIONS", "DETAIL"}, eventCells)
		return explain(what, to.all(func(last *shownEvent) ([]shownEvent, error) {
			var before sallyport.ID
			if last != nil {
				before = last.ID
			}
			size := pageSize
			if c.Limit > 0 {
				size = min(left, pageSize)
			}
			list := svc.AllEvents
			if !user.IsZero() {
				list = func(ctx context.Context, before sallyport.ID, limit int) ([]sallyport.Event, error) {
					return svc.Events(ctx, user, before, limit)
				}
			}
			events, err := list(ctx, before, size)
			left -= len(events)
			return mapped(events, presentableEvent), err
		}))
	})
}

// eventsOf also takes the id of a user who is gone: the trail is longer than the account.
func eventsOf(ctx context.Context, svc *opened, what, name string) (sallyport.ID, error) {
	if id, err := sallyport.ParseID(name); err == nil {
		return id, nil
	}
	user, err := findUser(ctx, svc, what, name)
	return user.ID, err
}

func eventCells(e shownEvent) []string {
	id := func(id *sallyport.ID) string {
		if id == nil {
			return ""
		}
		return id.String()
	}
	sessions := ""
	if e.Sessions > 0 {
		sessions = fmt.Sprint(e.Sessions)
	}
	return []string{e.At.Format(time.RFC3339), e.Event, e.Actor, id(e.UserID), id(e.SessionID), e.IP, sessions, e.Detail}
}
