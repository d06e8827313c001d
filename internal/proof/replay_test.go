package proof

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/idptest"
)

// person is a user as the model knows one.
type person struct {
	name     string
	id       sallyport.ID // zero before the first time
	exists   bool
	active   bool
	password string // "" for one who has none
	before   int    // how many passwords there were
}

// session is a session as the model knows it.
type session struct {
	id       sallyport.ID
	user     sallyport.ID
	possible []machine // one, unless several orders of what happened at once are possible
	tokens   []token   // that were seen, the oldest first
	held     int       // what the browser has
}

// token is a refresh token. epoch is the root secret that it was made under.
type token struct {
	text       string
	generation int64
	epoch      int
}

// life is a history while it happens.
type life struct {
	*world
	history
	wrong    mistake
	people   [2]*person
	sessions []*session
	texts    map[tokenName]string
	did      tally
}

// tokenName is what decides on the text of a refresh token.
type tokenName struct {
	session    sallyport.ID
	generation int64
	epoch      int
}

// replay lets a history happen to new users and returns the first difference between the service and the model, or "".
func (w *world) replay(h history, wrong mistake) (difference string, did tally) {
	l := &life{world: w, history: h, wrong: wrong, texts: map[tokenName]string{}, did: tally{histories: 1}}
	if err := w.calm(); err != nil {
		return err.Error(), l.did
	}
	for i, behind := range h.behind {
		w.instances[i].behind.Store(int64(behind))
	}
	tag := strings.ToLower(sallyport.NewID(w.now()).String()[19:]) // the part that is drawn
	l.people = [2]*person{{name: "a" + tag}, {name: "b" + tag}}
	if d := l.create(w.instances[0], l.people[0]); d != "" {
		return d, l.did
	}
	for i, e := range h.events {
		l.did.steps++
		if d := l.happen(e); d != "" {
			return fmt.Sprintf("event %d (%v): %s", i, e, d), l.did
		}
	}
	if d := l.reckon(); d != "" {
		return "in the end: " + d, l.did
	}
	return "", l.did
}

// on is the instance of an event.
func (l *life) on(n int) *instance {
	return l.world.instances[l.history.instances[n%len(l.history.instances)]]
}

// sessionAt is the session at a distance from the newest, nil while there is none.
func (l *life) sessionAt(back int) *session {
	if len(l.sessions) == 0 {
		return nil
	}
	return l.sessions[len(l.sessions)-1-back%len(l.sessions)]
}

// token is one that was seen.
func (s *session) token(back int) token {
	if back == 0 {
		return s.tokens[s.held]
	}
	return s.tokens[len(s.tokens)-1-(back-1)%len(s.tokens)]
}

func (l *life) happen(e event) string {
	i, s := l.on(e.instance), l.sessionAt(e.session)
	p := l.people[e.person]
	if slices.Contains([]string{"set password", "disable", "enable", "delete", "end all"}, e.kind) && p.id.IsZero() {
		return "" // nobody has seen this person
	}
	switch e.kind {
	case "pause":
		l.pause(e.pause)
		return ""
	case "sign in":
		return l.signIn(i, p, e, s)
	case "exchange":
		return l.exchange(i, e, s)
	case "set password":
		return l.setPassword(i, p)
	case "disable", "enable":
		return l.setActive(i, p, e.kind == "enable")
	case "delete":
		return l.delete(i, p)
	case "create":
		return l.create(i, l.people[0])
	case "end all":
		return l.endAll(i, p)
	case "restart":
		return l.fails(l.restart(i))
	case "restart with the store":
		return l.fails(l.restartWithStore(i))
	case "new secret":
		if len(l.secrets) < maxSecrets {
			l.addSecret()
		}
		return l.fails(l.restart(i))
	}
	if s == nil {
		return ""
	}
	switch e.kind {
	case "present":
		return l.present(i, s, s.token(e.back), e.lost)
	case "at once":
		return l.atOnce(e, s)
	case "logoff":
		return l.logoff(i, e, s)
	case "change password":
		return l.changePassword(i, e, s)
	case "end session":
		return l.endSession(i, s, l.sessionAt(e.other))
	case "revoke":
		return l.revoke(i, s)
	case "look":
		_, d := l.look(i, s, s.token(e.back))
		return d
	}
	return fmt.Sprintf("nobody knows how to %q", e.kind)
}

func (l *life) fails(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

// is reports whether err is what was wanted, which may be nothing.
func is(err, want error) bool {
	if want == nil {
		return err == nil
	}
	return errors.Is(err, want)
}

// answered is how a presentation was answered.
type answered struct {
	reply
	token  token // that came; none with an error
	access string
}

// refresh shows a token to an instance.
func (l *life) refresh(i *instance, s *session, t token) answered {
	parsed, err := i.ParseRefreshToken(t.text)
	if err != nil {
		return answered{reply: reply{err: err}}
	}
	tokens, err := i.Refresh(l.Context(), parsed, sallyport.Client{IP: "192.0.2.1"})
	if err != nil {
		return answered{reply: reply{err: err}}
	}
	if tokens.SessionID != s.id {
		return answered{reply: reply{err: errors.New("a token of another session came")}}
	}
	fresh, err := readToken(tokens, i.epoch)
	return answered{reply{err, fresh.generation}, fresh, tokens.AccessToken}
}

// presentation is what the model thinks of showing t to i now.
func (l *life) presentation(i *instance, t token) step {
	at, known := i.Now(), t.epoch <= i.epoch
	return func(m machine) (machine, reply) {
		if !known {
			return m, reply{err: sallyport.ErrInvalidRefreshToken}
		}
		return m.present(t.generation, at, l.idle, l.wrong)
	}
}

// present shows a token, and compares.
func (l *life) present(i *instance, s *session, t token, lost bool) string {
	got := l.refresh(i, s, t)
	var d string
	if s.possible, d = expect(s.possible, l.presentation(i, t), got.reply); d != "" {
		return fmt.Sprintf("token %d: %s", t.generation, d)
	}
	return cmp.Or(l.receive(s, got, lost), l.checkAccess(s, got))
}

// atOnce shows tokens to several instances at the same time, with a logoff among them perhaps.
func (l *life) atOnce(e event, s *session) string {
	got, replies, steps := make([]answered, len(e.calls)), make([]reply, len(e.calls)), make([]step, len(e.calls))
	ready := make(chan struct{})
	var all sync.WaitGroup
	for n, c := range e.calls {
		i, t := l.on(c.instance), s.token(c.back)
		steps[n] = l.presentation(i, t)
		if c.logoff {
			t = s.token(0)
			steps[n] = l.ending(i, t)
		}
		all.Go(func() {
			<-ready
			if c.logoff {
				got[n].err = l.end(i, t, sallyport.ScopeThis)
			} else {
				got[n] = l.refresh(i, s, t)
			}
		})
	}
	close(ready)
	all.Wait()
	for n := range got {
		replies[n] = got[n].reply
	}
	l.did.atOnce += len(e.calls)
	var after []machine
	for _, m := range s.possible {
		for _, next := range inSomeOrder(m, steps, replies) {
			if !slices.Contains(after, next) {
				after = append(after, next)
			}
		}
	}
	if len(after) == 0 {
		return fmt.Sprintf("no order of the calls is answered %v", replies)
	}
	s.possible = after
	if d := oneSuccessor(e.calls, got); d != "" {
		return d
	}
	for n, c := range e.calls {
		if c.logoff {
			continue
		}
		if d := l.receive(s, got[n], e.lost); d != "" {
			return d
		}
	}
	return ""
}

// oneSuccessor holds calls with one and the same token against the promise that all who get an answer get the same.
func oneSuccessor(calls []call, got []answered) string {
	if slices.ContainsFunc(calls, func(c call) bool { return c.back != calls[0].back }) {
		return ""
	}
	successor := int64(0)
	for n, c := range calls {
		if got[n].err != nil || c.logoff {
			continue
		}
		if successor != 0 && successor != got[n].successor {
			return fmt.Sprintf("one token has two successors, %d and %d", successor, got[n].successor)
		}
		successor = got[n].successor
	}
	return ""
}

// receive takes note of an answer: everybody who is entitled to a generation gets the same token. The browser keeps it,
// unless the answer is lost.
func (l *life) receive(s *session, got answered, lost bool) string {
	l.did.presented++
	if errors.Is(got.err, sallyport.ErrRefreshTokenReused) {
		l.did.reused++
	}
	if got.err != nil {
		return ""
	}
	l.did.refreshed++
	name := tokenName{s.id, got.token.generation, got.token.epoch}
	if text, seen := l.texts[name]; seen && text != got.token.text {
		return fmt.Sprintf("there are two tokens of generation %d", got.token.generation)
	}
	l.texts[name] = got.token.text
	if !lost {
		s.deliver(got.token)
	}
	return ""
}

// checkAccess holds a fresh access token against the session behind it, on every instance.
func (l *life) checkAccess(s *session, got answered) string {
	if got.err != nil {
		return ""
	}
	for n := range l.history.instances {
		i := l.on(n)
		if got.token.epoch > i.epoch {
			continue
		}
		live, d := l.look(i, s, got.token)
		if d != "" {
			return d
		}
		var want error
		if !live {
			want = sallyport.ErrTokenInvalid
		}
		if _, _, err := i.CheckAccessToken(l.Context(), got.access); !is(err, want) {
			return fmt.Sprintf("the access token at %d = %v, want %v", n, err, want)
		}
	}
	return ""
}

// readToken reads the generation of a refresh token, which docs/refresh.md writes in eight bytes before the 32 of its MAC.
func readToken(t *sallyport.Tokens, epoch int) (token, error) {
	raw, err := base64.RawURLEncoding.DecodeString(t.RefreshToken)
	if err != nil || len(raw) < 61 {
		return token{}, fmt.Errorf("a refresh token of %d bytes: %v", len(raw), err)
	}
	if session := raw[len(raw)-56 : len(raw)-40]; sallyport.ID(session) != t.SessionID {
		return token{}, errors.New("the refresh token of another session")
	}
	var generation int64
	for _, b := range raw[len(raw)-40 : len(raw)-32] {
		generation = generation<<8 | int64(b)
	}
	return token{t.RefreshToken, generation, epoch}, nil
}

// deliver gives a token to the browser.
func (s *session) deliver(t token) {
	s.held = slices.Index(s.tokens, t)
	if s.held < 0 {
		s.tokens = append(s.tokens, t)
		s.held = len(s.tokens) - 1
	}
}

// look asks whether the session of a token is live.
func (l *life) look(i *instance, s *session, t token) (live bool, difference string) {
	parsed, err := i.ParseRefreshToken(t.text)
	if err == nil {
		_, err = i.CheckSession(l.Context(), parsed)
	}
	at, known := i.Now(), t.epoch <= i.epoch
	s.possible, difference = expect(s.possible, func(m machine) (machine, reply) {
		if !known {
			return m, reply{err: sallyport.ErrInvalidRefreshToken}
		}
		return m, reply{err: m.refusal(at, l.wrong)}
	}, reply{err: err})
	if difference != "" {
		return false, "a look at the session: " + difference
	}
	return err == nil, ""
}

// begin adds the session of a sign-in or an exchange, which may have replaced another.
func (l *life) begin(i *instance, p *person, tokens *sallyport.Tokens, replaced *session) string {
	fresh, err := readToken(tokens, i.epoch)
	if err != nil || fresh.generation != 1 || tokens.User.ID != p.id {
		return fmt.Sprintf("%v, token %d of %v, want 1 of %v", err, fresh.generation, tokens.User.ID, p.id)
	}
	at := i.Now()
	if replaced != nil {
		replaced.each(func(m machine) machine {
			if m.ended.IsZero() {
				m.ended, m.replaced = at, true
			}
			return m
		})
	}
	s := &session{id: tokens.SessionID, user: p.id, possible: []machine{newMachine(at, l.idle, l.life)}}
	l.sessions = append(l.sessions, s)
	got := answered{reply{nil, 1}, fresh, tokens.AccessToken}
	return cmp.Or(l.receive(s, got, false), l.checkAccess(s, got))
}

// each changes what is possible.
func (s *session) each(change func(machine) machine) {
	for n, m := range s.possible {
		s.possible[n] = change(m)
	}
}

// endOf ends the sessions of a user but one.
func (l *life) endOf(user sallyport.ID, except *session, at time.Time) {
	if l.wrong == forgetsOthers {
		return
	}
	for _, s := range l.sessions {
		if s.user == user && s != except {
			s.each(func(m machine) machine { return m.end(at) })
		}
	}
}

// replaces is the session whose cookie a browser sends with its sign-in.
func (l *life) replaces(i *instance, e event, s *session) (*session, sallyport.RefreshToken) {
	if !e.over || s == nil {
		return nil, sallyport.RefreshToken{}
	}
	parsed, err := i.ParseRefreshToken(s.token(e.back).text)
	if err != nil {
		return nil, sallyport.RefreshToken{}
	}
	return s, parsed
}

func (l *life) signIn(i *instance, p *person, e event, held *session) string {
	r := sallyport.SignInRequest{Username: p.name, Password: p.password, Client: sallyport.Client{IP: "192.0.2.1", UserAgent: "browser"}}
	if e.wrong || p.password == "" {
		r.Password = "wrong"
	}
	var replaced *session
	replaced, r.Replaces = l.replaces(i, e, held)
	tokens, err := i.SignIn(l.Context(), r)
	var want error
	if !p.exists || !p.active || r.Password != p.password {
		want = sallyport.ErrInvalidCredentials
	}
	if !is(err, want) {
		return fmt.Sprintf("%v, want %v", err, want)
	}
	if err != nil {
		return ""
	}
	return l.begin(i, p, tokens, replaced)
}

func (l *life) exchange(i *instance, e event, held *session) string {
	p := l.people[1]
	r := sallyport.ExchangeRequest{IDToken: l.idp.Tokens(idptest.User{Subject: p.name, Username: p.name}).IDToken}
	var replaced *session
	replaced, r.Replaces = l.replaces(i, e, held)
	tokens, err := i.Exchange(l.Context(), r)
	var want, again error
	again = sallyport.ErrIDTokenReplayed
	if p.exists && !p.active {
		want, again = sallyport.ErrInvalidCredentials, sallyport.ErrInvalidCredentials
	}
	if !is(err, want) {
		return fmt.Sprintf("%v, want %v", err, want)
	}
	if err == nil {
		if !p.exists {
			p.id, p.exists, p.active, p.password = tokens.User.ID, true, true, ""
		}
		if d := l.begin(i, p, tokens, replaced); d != "" {
			return d
		}
	}
	if e.twice {
		r.Replaces = sallyport.RefreshToken{}
		if _, err := i.Exchange(l.Context(), r); !is(err, again) {
			return fmt.Sprintf("the same ID token once more: %v, want %v", err, again)
		}
	}
	return ""
}

// end is a logoff.
func (l *life) end(i *instance, t token, scope sallyport.Scope) error {
	parsed, err := i.ParseRefreshToken(t.text)
	if err != nil {
		return err
	}
	return logoff(l.Context(), i, parsed, scope)
}

// ending is what the model thinks of a logoff of one session.
func (l *life) ending(i *instance, t token) step {
	at, known := i.Now(), t.epoch <= i.epoch
	return func(m machine) (machine, reply) {
		if !known {
			return m, reply{err: sallyport.ErrInvalidRefreshToken}
		}
		return m.end(at), reply{}
	}
}

func (l *life) logoff(i *instance, e event, s *session) string {
	t := s.token(e.back)
	live, d := l.look(i, s, t) // an old token of a session that is over has no say over the others
	if d != "" {
		return d
	}
	err := l.end(i, t, e.scope)
	if t.epoch > i.epoch {
		if !is(err, sallyport.ErrInvalidRefreshToken) {
			return fmt.Sprintf("%v, want %v", err, sallyport.ErrInvalidRefreshToken)
		}
		return ""
	}
	if err != nil {
		return err.Error()
	}
	at := i.Now()
	if e.scope == sallyport.ScopeThis || e.scope == sallyport.ScopeAll && live {
		s.each(func(m machine) machine { return m.end(at) })
	}
	if e.scope != sallyport.ScopeThis && live {
		l.endOf(s.user, s, at)
	}
	return ""
}

// owner is whose session it is.
func (l *life) owner(s *session) *person {
	for _, p := range l.people {
		if p.id == s.user {
			return p
		}
	}
	return &person{} // who has been deleted
}

func (p *person) nextPassword() string {
	p.before++
	return fmt.Sprintf("violet sofa %d", p.before)
}

// changePassword is for whoever holds a live session, as the route has it.
func (l *life) changePassword(i *instance, e event, s *session) string {
	live, d := l.look(i, s, s.token(0))
	if d != "" || !live {
		return d
	}
	p := l.owner(s)
	r := sallyport.PasswordRequest{UserID: s.user, SessionID: s.id, Current: p.password, New: p.nextPassword(), Client: sallyport.Client{IP: "192.0.2.1"}}
	var want error
	if e.wrong || p.password == "" {
		r.Current, want = "wrong", sallyport.ErrInvalidCredentials
	}
	if err := i.ChangePassword(l.Context(), r); !is(err, want) {
		return fmt.Sprintf("%v, want %v", err, want)
	}
	if want == nil {
		p.password = r.New
		l.endOf(s.user, s, i.Now())
	}
	return ""
}

// gone is the error for somebody who is not there.
func (p *person) gone() error {
	if p.exists {
		return nil
	}
	return sallyport.ErrNotFound
}

func (l *life) setPassword(i *instance, p *person) string {
	text := p.nextPassword()
	if err := i.SetPassword(l.Context(), p.id, text); !is(err, p.gone()) {
		return fmt.Sprintf("%v, want %v", err, p.gone())
	}
	if p.exists {
		p.password = text
		l.endOf(p.id, nil, i.Now())
	}
	return ""
}

func (l *life) setActive(i *instance, p *person, active bool) string {
	set := i.DisableUser
	if active {
		set = i.EnableUser
	}
	if err := set(l.Context(), p.id); !is(err, p.gone()) {
		return fmt.Sprintf("%v, want %v", err, p.gone())
	}
	if p.exists {
		p.active = active
		if !active {
			l.endOf(p.id, nil, i.Now())
		}
	}
	return ""
}

func (l *life) delete(i *instance, p *person) string {
	if err := i.DeleteUser(l.Context(), p.id); !is(err, p.gone()) {
		return fmt.Sprintf("%v, want %v", err, p.gone())
	}
	p.exists = false
	for _, s := range l.sessions {
		if s.user == p.id {
			s.each(func(m machine) machine {
				m.gone = true
				return m
			})
		}
	}
	return ""
}

func (l *life) create(i *instance, p *person) string {
	text := p.nextPassword()
	u, err := i.CreateUser(l.Context(), sallyport.NewUser{Username: p.name, Password: text})
	var want error
	if p.exists {
		want = sallyport.ErrNameTaken
	}
	if !is(err, want) {
		return fmt.Sprintf("%v, want %v", err, want)
	}
	if err == nil {
		p.id, p.exists, p.active, p.password = u.ID, true, true, text
	}
	return ""
}

// endSession is for whoever holds a live session, as the route has it.
func (l *life) endSession(i *instance, from, target *session) string {
	live, d := l.look(i, from, from.token(0))
	if d != "" || !live {
		return d
	}
	err := i.EndSession(l.Context(), from.user, target.id, from.id, sallyport.Client{})
	at := i.Now()
	target.possible, d = expect(target.possible, func(m machine) (machine, reply) {
		if target.user != from.user || m.gone {
			return m, reply{err: sallyport.ErrNotFound}
		}
		return m.end(at), reply{}
	}, reply{err: err})
	return d
}

// revoke is an operator's; the reply says whether there was something to end.
func (l *life) revoke(i *instance, s *session) string {
	ended, err := i.RevokeSession(l.Context(), s.id)
	got := reply{err: err}
	if ended {
		got.successor = 1
	}
	at := i.Now()
	var d string
	s.possible, d = expect(s.possible, func(m machine) (machine, reply) {
		if m.gone || !m.ended.IsZero() {
			return m, reply{}
		}
		return m.end(at), reply{successor: 1}
	}, got)
	return d
}

func (l *life) endAll(i *instance, p *person) string {
	if _, err := i.EndSessions(l.Context(), p.id); err != nil {
		return err.Error()
	}
	l.endOf(p.id, nil, i.Now())
	return ""
}

// reckon compares the state of every session on every instance: by a look, by the listing, by the audit trail, and by
// showing tokens.
func (l *life) reckon() string {
	for n := range l.history.instances {
		i := l.on(n)
		live := map[sallyport.ID]bool{}
		for _, s := range l.sessions {
			t := s.token(0)
			if t.epoch > i.epoch {
				continue
			}
			lives, d := l.look(i, s, t)
			if d != "" {
				return d
			}
			live[s.id] = lives
		}
		for _, p := range l.people {
			if d := l.compareListing(i, p, live); d != "" {
				return d
			}
		}
	}
	users := map[sallyport.ID]bool{}
	for _, s := range l.sessions {
		users[s.user] = true
	}
	for user := range users {
		if d := l.compareTrail(user); d != "" {
			return d
		}
	}
	for n, s := range l.sessions {
		for _, t := range []token{s.tokens[len(s.tokens)-1], s.tokens[0]} {
			if d := l.present(l.on(n), s, t, false); d != "" {
				return d
			}
		}
	}
	return ""
}

func (l *life) compareListing(i *instance, p *person, live map[sallyport.ID]bool) string {
	if p.id.IsZero() {
		return ""
	}
	listed, err := i.Sessions(l.Context(), p.id, sallyport.ID{}, 1000)
	if err != nil {
		return err.Error()
	}
	seen := map[sallyport.ID]bool{}
	for _, s := range listed {
		seen[s.ID] = true
	}
	for _, s := range l.sessions {
		if lives, looked := live[s.id]; looked && s.user == p.id && lives != seen[s.id] {
			return fmt.Sprintf("session %v is live: %v, and is listed: %v", s.id, lives, seen[s.id])
		}
	}
	return ""
}

// compareTrail compares how many sessions of a user have ended, one by one or with the user, with what the audit trail
// of that user tells.
func (l *life) compareTrail(user sallyport.ID) string {
	list := l.on(0).AllEvents
	if !user.IsZero() {
		list = func(ctx context.Context, before sallyport.ID, limit int) ([]sallyport.Event, error) {
			return l.on(0).Events(ctx, user, before, limit)
		}
	}
	events, err := list(l.Context(), sallyport.ID{}, 1000)
	if err != nil {
		return err.Error()
	}
	told := 0
	for _, e := range events {
		told += e.Sessions
	}
	ended := 0
	for _, s := range l.sessions {
		if s.user == user && slices.ContainsFunc(s.possible, func(m machine) bool { return m.gone || !m.ended.IsZero() }) {
			ended++
		}
	}
	if told != ended {
		return fmt.Sprintf("%d sessions of a user have ended, and the trail tells of %d", ended, told)
	}
	return ""
}
