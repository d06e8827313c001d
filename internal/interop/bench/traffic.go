package main

// session is a signed-in browser: what it keeps between requests.
type session struct {
	cookies     string // the value of its Cookie header
	csrf        string
	accessToken string
}

const (
	refreshCookie = "refresh_cookie"
	csrfCookie    = "CSRF_token"
)

// update takes over what a token response says.
func (s *session) update(a *answer) {
	if csrf := a.cookie(csrfCookie); csrf != nil {
		s.csrf = string(csrf)
	}
	s.cookies = refreshCookie + "=" + string(a.cookie(refreshCookie)) + "; " + csrfCookie + "=" + s.csrf
	s.accessToken = string(a.text("access_token"))
}

// fixed asks the same again and again.
type fixed struct{ request []byte }

func (f fixed) next([]byte) []byte { return f.request }
func (fixed) answered(*answer)     {}

// refreshing advances its sessions in turn, and keeps the access tokens that it gets.
type refreshing struct {
	headers
	sessions []*session
	tokens   []string
	most     int // tokens to keep
	rounds   int // left to go; below 0 for ever
	at       int
}

func (t *refreshing) next(buffer []byte) []byte {
	if t.at == len(t.sessions) {
		t.at = 0
		t.rounds--
	}
	if t.rounds == 0 {
		return nil
	}
	s := t.sessions[t.at]
	return t.post(buffer, "refresh/", s.cookies, []byte(`{"CSRF_token":"`+s.csrf+`"}`))
}

func (t *refreshing) answered(a *answer) {
	s := t.sessions[t.at]
	t.at++
	s.update(a)
	if len(t.tokens) < t.most {
		t.tokens = append(t.tokens, s.accessToken)
	}
}

// exchanging posts its ID tokens, each once, and keeps the sessions that it gets.
type exchanging struct {
	headers
	idTokens []string
	sessions []*session
}

func (t *exchanging) next(buffer []byte) []byte {
	if len(t.idTokens) == 0 {
		return nil
	}
	token := t.idTokens[0]
	t.idTokens = t.idTokens[1:]
	return t.post(buffer, "social-exchange/", "", []byte(`{"id_token":"`+token+`"}`))
}

func (t *exchanging) answered(a *answer) {
	s := new(session)
	s.update(a)
	t.sessions = append(t.sessions, s)
}

// leaving logs its sessions off, each once.
type leaving struct {
	headers
	sessions []*session
}

func (t *leaving) next(buffer []byte) []byte {
	if len(t.sessions) == 0 {
		return nil
	}
	s := t.sessions[0]
	t.sessions = t.sessions[1:]
	return t.post(buffer, "logoff/", s.cookies, []byte(`{"CSRF_token":"`+s.csrf+`"}`))
}

func (*leaving) answered(*answer) {}

// checking presents its access tokens in turn: to verify/, or as bearer to user/.
type checking struct {
	headers
	tokens []string
	user   bool
	at     int
}

func (t *checking) next(buffer []byte) []byte {
	token := t.tokens[t.at]
	t.at = (t.at + 1) % len(t.tokens)
	if t.user {
		return t.bearer(buffer, "user/", token)
	}
	return t.post(buffer, "verify/", "", []byte(`{"token":"`+token+`"}`))
}

func (*checking) answered(*answer) {}

// signingIn signs in the same user again and again.
type signingIn struct {
	headers
	username, password string
}

func (t signingIn) next(buffer []byte) []byte {
	return t.post(buffer, "sign-in/", "", []byte(`{"username":"`+t.username+`","password":"`+t.password+`"}`))
}

func (signingIn) answered(*answer) {}
