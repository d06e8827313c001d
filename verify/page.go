package verify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/sallyport-auth/sallyport/verify/accesstoken"
	"github.com/sallyport-auth/sallyport/verify/jws"
	"github.com/sallyport-auth/sallyport/verify/strictjson"
)

const (
	// pageType is the "typ" of a page of the feed; nothing else that the server signs has it.
	pageType = "revocations+jwt"
	// maxPageBytes is the longest page that is read.
	maxPageBytes = 1 << 20
)

// page is a page of the revocation feed, as the server's docs/revocations.md has it.
type page struct {
	issued        time.Time // complete as of then, unless more follows
	after, cursor int64
	more          bool
	ended         []endedEntry
	stale         []staleEntry
}

// tellsMoreThan reports whether a page goes on from the cursor that it was asked for with, and is worth having.
func (p *page) tellsMoreThan(asked int64) bool {
	return p.cursor != asked && (p.more || len(p.ended)+len(p.stale) > 0)
}

type endedEntry struct {
	name  accesstoken.FeedName
	until int64 // seconds since 1970
}

type staleEntry struct {
	name          accesstoken.FeedName
	before, until int64 // seconds since 1970
}

// pageRules says which pages are taken.
type pageRules struct {
	issuer string
	leeway time.Duration
	now    func() time.Time
	key    func(context.Context, jws.Header) (*jws.Key, error)
}

// read checks the page that was asked for with a cursor. A page of which anything is wrong says nothing.
func (r pageRules) read(ctx context.Context, text string, asked int64) (*page, error) {
	u, err := jws.Parse(text, maxPageBytes)
	if err != nil {
		return nil, err
	}
	if !strings.EqualFold(u.Header.Type, pageType) && !strings.EqualFold(u.Header.Type, "application/"+pageType) {
		return nil, errors.New("typ is not " + pageType) // RFC 8725 §3.11
	}
	k, err := r.key(ctx, u.Header)
	if err != nil {
		return nil, err
	}
	if err := u.Verify(k); err != nil {
		return nil, err
	}
	claims, err := strictjson.ParseObject(u.Payload())
	if err != nil {
		return nil, err
	}
	return r.readClaims(claims, asked)
}

func (r pageRules) readClaims(claims map[string]any, asked int64) (*page, error) {
	if claims["iss"] != r.issuer {
		return nil, errors.New("another issuer")
	}
	issued, issuedOK := strictjson.Date(claims["iat"])
	expires, expiresOK := strictjson.Date(claims["exp"])
	now := r.now()
	switch {
	case !issuedOK || !expiresOK:
		return nil, errors.New("iat or exp is not a date")
	case issued.After(now.Add(r.leeway)):
		return nil, errors.New("issued in the future")
	case !now.Before(expires.Add(r.leeway)):
		return nil, errors.New("expired")
	}
	p := &page{issued: issued}
	var afterOK, cursorOK, moreOK bool
	p.after, afterOK = cursorOf(claims["after"])
	p.cursor, cursorOK = cursorOf(claims["cursor"])
	p.more, moreOK = claims["more"].(bool)
	switch {
	case !afterOK || !cursorOK || !moreOK:
		return nil, errors.New("after, cursor or more is missing or of another type")
	case p.after != asked && p.after != 0:
		return nil, errors.New("a page for another cursor")
	case p.after != 0 && p.cursor < asked:
		return nil, errors.New("the cursor goes back")
	}
	if err := p.readEntries(claims); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *page) readEntries(claims map[string]any) error {
	ended, endedOK := claims["ended"].([]any)
	stale, staleOK := claims["stale"].([]any)
	if !endedOK || !staleOK {
		return errors.New("ended or stale is not a list")
	}
	for i, e := range ended {
		entry, _ := e.(map[string]any)
		name, nameOK := feedName(entry["sid"])
		until, untilOK := strictjson.Date(entry["exp"])
		if !nameOK || !untilOK {
			return fmt.Errorf("ended[%d] is no entry", i)
		}
		p.ended = append(p.ended, endedEntry{name, until.Unix()})
	}
	for i, e := range stale {
		entry, _ := e.(map[string]any)
		name, nameOK := feedName(entry["sub"])
		before, beforeOK := strictjson.Date(entry["before"])
		until, untilOK := strictjson.Date(entry["exp"])
		if !nameOK || !beforeOK || !untilOK {
			return fmt.Errorf("stale[%d] is no entry", i)
		}
		p.stale = append(p.stale, staleEntry{name, before.Unix(), until.Unix()})
	}
	return nil
}

// cursorOf reads an integer of 63 bits, whose digits a float64 would lose.
func cursorOf(v any) (int64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	cursor, err := strconv.ParseUint(string(n), 10, 63)
	return int64(cursor), err == nil
}

func feedName(v any) (name accesstoken.FeedName, ok bool) {
	text, _ := v.(string)
	if strings.ContainsAny(text, "\r\n") { // encoding/base64 skips line ends even when it is told to be strict
		return name, false
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != len(name) {
		return name, false
	}
	return accesstoken.FeedName(b), true
}
