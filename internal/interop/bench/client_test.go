package main

import (
	"bufio"
	"strings"
	"testing"
)

func TestReadAnswer(t *testing.T) {
	for _, c := range []struct {
		name, text string
		status     int // 0 for an error
		body       string
	}{
		{"with a body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1", 200, "hello"},
		{"empty", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 200, ""},
		{"none by its status", "HTTP/1.1 204 No Content\r\n\r\n", 204, ""},
		{"a refusal", "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 2\r\n\r\n{}", 503, "{}"},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, ""},
		{"cut off in the body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", 0, ""},
		{"cut off in the header", "HTTP/1.1 200 OK\r\nContent-", 0, ""},
		{"another protocol", "SSH-2.0-OpenSSH\r\n\r\n", 0, ""},
		{"too long", "HTTP/1.1 200 OK\r\nContent-Length: 9999999999\r\n\r\n", 0, ""},
		{"a negative length", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := answer{body: make([]byte, 1)} // of the answer before
			err := a.read(bufio.NewReader(strings.NewReader(c.text)))
			switch {
			case c.status == 0 && err == nil:
				t.Errorf("read(%q) = %d %q, want an error", c.text, a.status, a.body)
			case c.status != 0 && (err != nil || a.status != c.status || string(a.body) != c.body):
				t.Errorf("read(%q) = %d %q, %v, want %d %q", c.text, a.status, a.body, err, c.status, c.body)
			}
		})
	}
}

func TestWhatAnAnswerHolds(t *testing.T) {
	a := answer{
		header: []byte("HTTP/1.1 200 OK\r\nSet-Cookie: CSRF_token=c; Path=/auth\r\nSet-Cookie: refresh_cookie=r; Path=/auth\r\n"),
		body:   []byte(`{"access_token":"a.b.c","expires":1}`),
	}
	var s session
	s.update(&a)
	if want := (session{cookies: "refresh_cookie=r; CSRF_token=c", csrf: "c", accessToken: "a.b.c"}); s != want {
		t.Errorf("update gives %+v, want %+v", s, want)
	}
	if got := a.cookie("other"); got != nil {
		t.Errorf("cookie(other) = %q, want none", got)
	}
}
