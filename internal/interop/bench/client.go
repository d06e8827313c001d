package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// client is one keep-alive HTTP/1.1 connection. That of net/http costs more than the bare server that it
// would measure; this one writes a request that is ready, and reads no more of an answer than is needed.
type client struct {
	conn   net.Conn
	in     *bufio.Reader
	answer answer
}

// answer is valid until the next request of its client.
type answer struct {
	status int
	header []byte // the lines, with the status line, each ending with \r\n
	body   []byte
}

func (a *answer) ok() bool { return a.status >= 200 && a.status <= 299 }

// between is what stands between before and after in text, or nil.
func between(text []byte, before string, after byte) []byte {
	_, rest, found := bytes.Cut(text, []byte(before))
	end := bytes.IndexByte(rest, after)
	if !found || end < 0 {
		return nil
	}
	return rest[:end]
}

// cookie is the value that the answer gives a cookie, or nil.
func (a *answer) cookie(name string) []byte {
	return between(a.header, "\nSet-Cookie: "+name+"=", ';')
}

// text is a string member of the body, which needs no unescaping: a token.
func (a *answer) text(member string) []byte {
	return between(a.body, `"`+member+`":"`, '"')
}

func dial(ctx context.Context, address string) (*client, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &client{conn: conn, in: bufio.NewReaderSize(conn, 8<<10)}, nil
}

func (c *client) close() { c.conn.Close() } // its error says nothing about the answers

// do sends a request and reads the answer.
func (c *client) do(request []byte, deadline time.Time) (*answer, error) {
	if err := c.conn.SetDeadline(deadline); err != nil {
		return nil, err
	}
	if _, err := c.conn.Write(request); err != nil {
		return nil, err
	}
	if err := c.answer.read(c.in); err != nil {
		return nil, err
	}
	return &c.answer, nil
}

// maxBodyBytes is more than any answer of the servers measured here.
const maxBodyBytes = 1 << 20

func (a *answer) read(in *bufio.Reader) error {
	a.header, a.body, a.status = a.header[:0], a.body[:0], 0
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("reading the header of an answer: %w", err)
		}
		if len(bytes.TrimRight(line, "\r\n")) == 0 {
			break
		}
		if len(a.header) == 0 {
			if a.status, err = statusOf(line); err != nil {
				return err
			}
		} else if value, found := bytes.CutPrefix(line, []byte("Content-Length: ")); found { // as net/http spells it
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return fmt.Errorf("Content-Length: %w", err)
			}
		}
		a.header = append(a.header, line...)
	}
	if a.status == 204 || a.status == 304 { // RFC 9112 §6.3: no body
		length = 0
	}
	if length < 0 || length > maxBodyBytes {
		return errors.New("an answer without a Content-Length, or with one that is too large")
	}
	if cap(a.body) < length {
		a.body = make([]byte, length)
	}
	a.body = a.body[:length]
	if _, err := io.ReadFull(in, a.body); err != nil {
		return fmt.Errorf("reading the body of an answer: %w", err)
	}
	return nil
}

// statusOf reads a status line (RFC 9112 §4).
func statusOf(line []byte) (int, error) {
	fields := bytes.Fields(line)
	if len(fields) < 2 || !bytes.HasPrefix(fields[0], []byte("HTTP/1.")) {
		return 0, errors.New("the answer is not HTTP/1")
	}
	return strconv.Atoi(string(fields[1]))
}
