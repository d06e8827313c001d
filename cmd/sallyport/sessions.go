package main

import (
	"context"
	"fmt"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

type sessionsCommand struct {
	List   sessionsList   `cmd:"" help:"List the live sessions."`
	Revoke sessionsRevoke `cmd:"" help:"End sessions."`
}

func (sessionsCommand) examples() []string {
	return []string{"sallyport sessions list alice", "sallyport sessions revoke --user alice"}
}

// shownSession is a session as every output shows it.
type shownSession struct {
	ID         sallyport.ID `json:"id"`
	UserID     sallyport.ID `json:"user_id"`
	CreatedAt  time.Time    `json:"created_at"`
	LastUsedAt time.Time    `json:"last_used_at"`
	ExpiresAt  time.Time    `json:"expires_at"`
	Provider   string       `json:"provider"`
	UserAgent  string       `json:"user_agent"`
	IP         string       `json:"ip"`
}

func presentableSession(s sallyport.Session) shownSession {
	return shownSession{
		ID: s.ID, UserID: s.UserID, CreatedAt: inUTC(s.CreatedAt), LastUsedAt: inUTC(s.LastUsedAt), ExpiresAt: inUTC(s.IdleEnd),
		Provider: s.Provider, UserAgent: s.UserAgent, IP: s.IP,
	}
}

type sessionsList struct {
	sourceFlags
	User string `arg:"" optional:"" help:"Username, e-mail address or id; without it the sessions of everybody."`
	JSON bool   `name:"json" help:"Print one JSON document."`
}

func (sessionsList) examples() []string {
	return []string{"sallyport sessions list alice", "sallyport sessions list --json"}
}

// Run lists live sessions, the newest first.
func (c sessionsList) Run(ctx context.Context, w world) error {
	const what = "sessions list"
	return c.with(ctx, w, what, func(svc *opened, _ *settings.Settings) error {
		var user sallyport.ID
		if c.User != "" {
			u, err := findUser(ctx, svc, what, c.User)
			if err != nil {
				return err
			}
			user = u.ID
		}
		to := newListing(w.stdout, c.JSON, "sessions", []string{"ID", "USER", "CREATED", "LAST USED", "ENDS", "PROVIDER", "IP", "USER AGENT"}, sessionCells)
		return explain(what, to.all(func(last *shownSession) ([]shownSession, error) {
			var before sallyport.ID
			if last != nil {
				before = last.ID
			}
			list := svc.AllSessions
			if !user.IsZero() {
				list = func(ctx context.Context, before sallyport.ID, limit int) ([]sallyport.Session, error) {
					return svc.Sessions(ctx, user, before, limit)
				}
			}
			sessions, err := list(ctx, before, pageSize)
			return mapped(sessions, presentableSession), err
		}))
	})
}

func sessionCells(s shownSession) []string {
	return []string{
		s.ID.String(), s.UserID.String(), s.CreatedAt.Format(time.RFC3339), s.LastUsedAt.Format(time.RFC3339), s.ExpiresAt.Format(time.RFC3339),
		s.Provider, s.IP, s.UserAgent,
	}
}

type sessionsRevoke struct {
	sourceFlags
	IDs  []string `arg:"" optional:"" name:"id" help:"Session ids, as sessions list shows them."`
	User string   `placeholder:"USER" help:"End every session of this user."`
	All  bool     `help:"End every session of everybody."`
	Yes  bool     `help:"Do not ask, with --all."`
}

func (sessionsRevoke) examples() []string {
	return []string{"sallyport sessions revoke --user alice", "sallyport sessions revoke --all --yes"}
}

// Run ends sessions. A running server refuses their tokens from now on.
func (c sessionsRevoke) Run(ctx context.Context, w world) error {
	const what = "sessions revoke"
	ways := 0
	for _, given := range []bool{len(c.IDs) > 0, c.User != "", c.All} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return usageError{"give session ids, or --user USER, or --all"}
	}
	ids, err := parseIDs(c.IDs)
	if err != nil {
		return err
	}
	if c.All {
		if err := confirm(w, what, "everybody is signed out and signs in once more", c.Yes); err != nil {
			return err
		}
	}
	return c.with(ctx, w, what, func(svc *opened, _ *settings.Settings) error {
		ended, err := c.revoke(ctx, w, svc, what, ids)
		if err != nil {
			return explain(what, err)
		}
		_, err = fmt.Fprintf(w.stdout, "%d %s ended\n", ended, plural(ended, "session", "sessions"))
		return err
	})
}

func (c sessionsRevoke) revoke(ctx context.Context, w world, svc *opened, what string, ids []sallyport.ID) (ended int, err error) {
	switch {
	case c.All:
		return svc.RevokeAllSessions(ctx)
	case c.User != "":
		user, err := findUser(ctx, svc, what, c.User)
		if err != nil {
			return 0, err
		}
		return svc.EndSessions(ctx, user.ID)
	}
	for _, id := range ids {
		was, err := svc.RevokeSession(ctx, id)
		if err != nil {
			return ended, err
		}
		if was {
			ended++
		} else {
			warn(w, "there is no live session "+id.String())
		}
	}
	return ended, nil
}

func parseIDs(texts []string) ([]sallyport.ID, error) {
	ids := make([]sallyport.ID, len(texts))
	for i, text := range texts {
		var err error
		if ids[i], err = sallyport.ParseID(text); err != nil {
			return nil, usageError{fmt.Sprintf("sessions revoke: number %d is no session id, as sallyport sessions list shows them", i+1)}
		}
	}
	return ids, nil
}

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
