package idptest

import (
	"bytes"
	"crypto"
	"encoding/json"
	"io"
	"maps"
	"net/http"
)

// Fault is one way in which an endpoint goes wrong. The zero value does nothing.
type Fault struct {
	serve func(turn, http.ResponseWriter, *http.Request)
}

// turn is one answer that a fault gives.
type turn struct {
	provider *Provider
	right    http.HandlerFunc // what would have been answered
	cleared  <-chan struct{}
}

// activeFault is a fault that is set. It stays until it is replaced, so that the answers that hang can be released
// when none is left to come.
type activeFault struct {
	name    string // as in bends
	fault   Fault
	left    countdown
	cleared chan struct{}
}

// Fault makes the next n answers of an endpoint go wrong; n may be UntilCleared. A later fault of the same endpoint
// replaces an earlier one. CORS headers and answers to preflight requests stay right.
func (p *Provider) Fault(n int, e Endpoint, f Fault) { p.setFault(n, e, f, "") }

func (p *Provider) setFault(n int, e Endpoint, f Fault, name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear(e)
	p.faults[e] = &activeFault{name: name, fault: f, left: countdown(n), cleared: make(chan struct{})}
}

// Clear takes the faults of the named endpoints away and lets their hanging answers go. Without a name it makes
// everything right again: every fault, Bend and BendCallback, and the clock.
func (p *Provider) Clear(endpoints ...Endpoint) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(endpoints) == 0 {
		p.bends, p.callback = bends{}, callbackBend{}
		p.skew.Store(0)
		for e := range p.faults {
			p.clear(e)
		}
	}
	for _, e := range endpoints {
		p.clear(e)
	}
}

// clear wants the lock.
func (p *Provider) clear(e Endpoint) {
	if active := p.faults[e]; active != nil {
		close(active.cleared)
		delete(p.faults, e)
	}
}

// answer gives the right answer of a route, or the wrong one that is due.
func (p *Provider) answer(to route, w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	active := p.faults[to.endpoint]
	due := active != nil && active.left.take()
	p.mu.Unlock()
	if !due || active.fault.serve == nil {
		to.handler(w, r)
		return
	}
	active.fault.serve(turn{p, to.handler, active.cleared}, w, r)
}

// Answer is a fixed answer.
func Answer(status int, contentType, body string) Fault {
	return Fault{func(_ turn, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body) // an error means that the client has gone
	}}
}

// Status is an answer with that status and a short text.
func Status(status int) Fault { return Answer(status, "text/plain", http.StatusText(status)+"\n") }

// NotJSON says that it is JSON and breaks off in the middle.
func NotJSON() Fault { return Answer(http.StatusOK, "application/json", `{"issuer": "https://exam`) }

// HTML is a page with status 200, as from a proxy that wants somebody to log in.
func HTML() Fault {
	return Answer(http.StatusOK, "text/html", "<!doctype html><title>Welcome</title><p>Accept the terms to go on.\n")
}

// Replay answers as the token endpoint did the last time that it was right: the same ID token again. The code is used up
// all the same. Before there was such an answer it does nothing. It is for the endpoint Token.
func Replay() Fault {
	return Fault{func(t turn, w http.ResponseWriter, r *http.Request) {
		t.provider.mu.Lock()
		last := t.provider.replay
		t.provider.mu.Unlock()
		right := t.capture(w, r)
		if last != nil && right.status == http.StatusOK && !failed(right.body.Bytes()) {
			t.provider.remember(last) // not the one that nobody will see
			body := last.text()
			if right.header.Get("Content-Type") != "application/json" {
				body = last.form()
			}
			right.body = *bytes.NewBuffer(body)
		}
		w.WriteHeader(right.status)
		w.Write(right.body.Bytes())
	}}
}

// Redirect sends the client elsewhere. Status 307 keeps the method and the body.
func Redirect(status int, location string) Fault {
	return Fault{func(_ turn, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Location", location)
		w.WriteHeader(status)
	}}
}

// Drop closes the connection and says nothing.
func Drop() Fault { return Fault{func(turn, http.ResponseWriter, *http.Request) { drop() }} }

// drop is how a handler of net/http breaks its connection off.
func drop() { panic(http.ErrAbortHandler) }

// Hang says nothing until the fault is cleared or replaced, and then answers as it should have. It ends before when
// the client goes away or the provider is closed. With [Provider.Await] a test knows that a client is waiting.
func Hang() Fault {
	return Fault{func(t turn, w http.ResponseWriter, r *http.Request) {
		select {
		case <-t.cleared:
			t.right(w, r)
		case <-r.Context().Done():
			drop()
		case <-t.provider.closing: // net/http does not see a client leave whose body nobody has read
			drop()
		}
	}}
}

// Oversized is the right answer, made longer by that many MiB. A JSON answer gets a member more, "padding", and is
// right in all else: only a limit on the size refuses it.
func Oversized(mib int) Fault {
	return Fault{func(t turn, w http.ResponseWriter, r *http.Request) {
		right := t.capture(w, r)
		tail := []byte{}
		if body := bytes.TrimSpace(right.body.Bytes()); len(body) > 2 && body[len(body)-1] == '}' {
			right.body.Truncate(len(body) - 1)
			right.body.WriteString(`,"padding":"`)
			tail = []byte(`"}`)
		}
		w.WriteHeader(right.status)
		w.Write(right.body.Bytes())
		filler := bytes.Repeat([]byte{' '}, 1<<20)
		for range mib {
			if _, err := w.Write(filler); err != nil {
				return // the client has had enough
			}
		}
		w.Write(tail)
	}}
}

// Edit changes the JSON document of the right answer: the metadata, the key set, the token response, the claims of
// UserInfo. Numbers in it are json.Number. An answer that is no JSON object stays as it is.
func Edit(change func(doc map[string]any)) Fault {
	return editAnswer(func(_ *Provider, doc map[string]any) { change(doc) })
}

func editAnswer(change func(*Provider, map[string]any)) Fault {
	return Fault{func(t turn, w http.ResponseWriter, r *http.Request) {
		right := t.capture(w, r)
		body := right.body.Bytes()
		var doc map[string]any
		if err := json.Unmarshal(body, &doc); err == nil && doc != nil {
			decodeJSON(body, &doc) // has just been decoded
			change(t.provider, doc)
			body = encode(doc)
		}
		w.WriteHeader(right.status)
		w.Write(body)
	}}
}

// EachKey changes every key of the set. It is for the endpoint JWKS, as are the faults that follow.
func EachKey(change func(jwk map[string]any)) Fault {
	return eachKey(func(_ *Provider, jwk map[string]any) { change(jwk) })
}

func eachKey(change func(*Provider, map[string]any)) Fault {
	return editAnswer(func(p *Provider, doc map[string]any) {
		keys, _ := doc["keys"].([]any)
		for _, key := range keys {
			if jwk, ok := key.(map[string]any); ok {
				change(p, jwk)
			}
		}
	})
}

// EmptyKeySet publishes no key at all.
func EmptyKeySet() Fault { return Edit(func(doc map[string]any) { doc["keys"] = []any{} }) }

// UseEnc marks every key as one for encryption (RFC 7517 §4.2).
func UseEnc() Fault { return EachKey(func(jwk map[string]any) { jwk["use"] = "enc" }) }

// KeyAlgorithm marks every key as one for that algorithm (RFC 7517 §4.4).
func KeyAlgorithm(alg string) Fault { return EachKey(func(jwk map[string]any) { jwk["alg"] = alg }) }

// OffCurve publishes under every kid a P-256 key whose point is not on the curve.
func OffCurve() Fault {
	return EachKey(func(jwk map[string]any) { replaceKey(jwk, offCurvePoint()) })
}

// Publish publishes the public half of key under every kid: the weak key of [WeakRSA], say, that [SignedBy] then
// signs with.
func Publish(key crypto.Signer) Fault {
	parameters := keyParameters(key.Public())
	parameters.set("alg", algorithmOf(key.Public()))
	return EachKey(func(jwk map[string]any) { replaceKey(jwk, parameters) })
}

// PublishPrivate adds the private half to every key.
func PublishPrivate() Fault {
	return eachKey(func(p *Provider, jwk map[string]any) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, key := range p.keys.published() {
			if key.ID == jwk["kid"] {
				mergeInto(jwk, privateParameters(key.signer))
			}
		}
	})
}

// replaceKey leaves only kid and use of a key.
func replaceKey(jwk map[string]any, parameters object) {
	maps.DeleteFunc(jwk, func(name string, _ any) bool { return name != "kid" && name != "use" })
	mergeInto(jwk, parameters)
}

func mergeInto(doc map[string]any, o object) {
	for _, m := range o {
		doc[m.name] = json.RawMessage(m.text)
	}
}

// capture runs the right answer and holds it back. Its headers are set on w, except the length.
func (t turn) capture(w http.ResponseWriter, r *http.Request) *captured {
	c := &captured{header: http.Header{}, status: http.StatusOK}
	t.right(c, r)
	c.header.Del("Content-Length")
	maps.Copy(w.Header(), c.header)
	return c
}

type captured struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (c *captured) Header() http.Header         { return c.header }
func (c *captured) WriteHeader(status int)      { c.status = status }
func (c *captured) Write(b []byte) (int, error) { return c.body.Write(b) }

// failed reports whether a token response is an error: GitHub's have status 200.
func failed(body []byte) bool {
	return bytes.HasPrefix(body, []byte(`{"error"`)) || bytes.HasPrefix(body, []byte("error="))
}
