package postgres

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/internal/testpg"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		name, dsn string
		conns     int
		timeout   time.Duration
		target    bool // looks for a server that can be written to
	}{
		{"URL", "postgres://u@localhost/x", 10, time.Second, true},
		{"keywords", "host=localhost user=u dbname=x", 10, time.Second, true},
		{"pool", "postgres://u@localhost/x?pool_max_conns=2", 2, time.Second, true},
		{"pool by keyword", "host=localhost pool_max_conns=64", 64, time.Second, true},
		{"timeout", "postgres://u@localhost/x?connect_timeout=7", 10, 7 * time.Second, true},
		{"any server", "postgres://u@localhost/x?target_session_attrs=any", 10, time.Second, false},
		{"several hosts", "postgres://u@one,two/x", 10, time.Second, true},
		{"several hosts with ports", "postgresql://u:a%40b@one:5432,[::1]:5433/x", 10, time.Second, true},
		{"folder of sockets", "postgres://%2Ftmp/x", 10, time.Second, true},
		{"folder of sockets as a parameter", "postgres:///x?host=/tmp", 10, time.Second, true},
	} {
		s, err := parse(c.dsn)
		if err != nil {
			t.Errorf("%s: parse(%q) = %v", c.name, c.dsn, err)
			continue
		}
		if s.conns != c.conns || s.config.ConnectTimeout != c.timeout || (s.config.ValidateConnect != nil) != c.target {
			t.Errorf("%s: parse(%q) = %d connections, timeout %v, looks for a writable server: %v, want %d, %v, %v",
				c.name, c.dsn, s.conns, s.config.ConnectTimeout, s.config.ValidateConnect != nil, c.conns, c.timeout, c.target)
		}
		if _, left := s.config.RuntimeParams["pool_max_conns"]; left {
			t.Errorf("%s: pool_max_conns would be sent to the server", c.name)
		}
	}
}

// An error says what to do, and shows nothing of a DSN.
func TestErrorsHideTheDSN(t *testing.T) {
	secret := "S3cret/" + rand.Text()
	escaped := url.QueryEscape(secret)
	for _, c := range []struct{ name, dsn, want string }{
		{"empty", "", "is empty"},
		{"simple protocol", "postgres://u:" + escaped + "@localhost/x?default_query_exec_mode=simple_protocol", "cache_statement"},
		{"other mode", "postgres://u:" + escaped + "@localhost/x?default_query_exec_mode=exec", "cache_statement"},
		{"unknown mode", "postgres://u:" + escaped + "@localhost/x?default_query_exec_mode=" + escaped, "default_query_exec_mode"},
		{"one connection", "postgres://u:" + escaped + "@localhost/x?pool_max_conns=1", "pool_max_conns"},
		{"connections in words", "postgres://u:" + escaped + "@localhost/x?pool_max_conns=" + escaped, "pool_max_conns"},
		{"password that is not encoded", "postgres://u:" + secret + "@localhost/x", "percent-encoded"},
		{"password in the place of the port", "postgres://u:" + strings.ReplaceAll(secret, "/", "") + "/x", "percent-encoded"},
		{"wrong escape", "postgres://u:%zz" + escaped + "@localhost/x", "percent-encoded"},
		{"space", "postgres://u:" + secret + " @local host/x", "percent-encoded"},
		{"slash, nobody's port before it", "postgres://u:12/" + secret + "@localhost/x", "%2F"},
		{"hash", "postgres://u:12#" + secret[7:] + "@localhost/x", "%23"},
		{"question mark", "postgres://u:12?" + secret[7:] + "@localhost/x", "%3F"},
		{"at", "postgres://u:12@" + secret[7:] + "@localhost/x", "%40"},
		{"at, no host", "postgres://u:12@" + secret[7:] + "@/x", "%40"},
		{"at, then a slash", "postgres://u:12@" + secret[7:] + "/x@localhost/x", "%40"},
		{"hash in a parameter", "postgres://localhost/x?user=u&password=12#" + secret[7:], "%23"},
		{"at in a parameter", "postgres://localhost/x?user=u&password=12@" + secret[7:], "%40"},
		{"ampersand in a parameter", "postgres://localhost/x?user=u&password=12&" + secret[7:], "percent-encoded"},
		{"cut escape", "postgres://u:" + secret[7:] + "%@localhost/x", "percent-encoded"},
		{"keywords cut", "password='" + secret, "keywords"},
		{"keywords without equals", "host=localhost password=a " + secret, "keywords"},
		{"other scheme", "mysql://u:" + secret + "@localhost/x", "postgres://"},
		{"TLS", "postgres://u:" + escaped + "@localhost/x?sslmode=" + escaped, "sslmode"},
		{"root certificate", "postgres://u:" + escaped + "@localhost/x?sslmode=verify-full&sslrootcert=/missing/" + escaped, "sslrootcert"},
		{"target", "postgres://u:" + escaped + "@localhost/x?target_session_attrs=" + escaped, "target_session_attrs"},
		{"timeout", "postgres://u:" + escaped + "@localhost/x?connect_timeout=" + escaped, "connect_timeout"},
		{"service", "service=" + escaped + " servicefile=/missing password=" + escaped, "service"},
		{"no server", "postgres://u:" + escaped + "@127.0.0.1:1/x", "connect"},
	} {
		_, err := Open(t.Context(), c.dsn)
		if err == nil {
			t.Errorf("%s: Open(%q) = nil, want an error", c.name, c.dsn)
			continue
		}
		for _, text := range []string{err.Error(), fmt.Sprintf("%+v", err)} {
			if strings.Contains(text, secret[7:]) || strings.Contains(text, "S3cret") {
				t.Errorf("%s: Open() = %q shows the password", c.name, text)
			}
			if !strings.Contains(text, c.want) {
				t.Errorf("%s: Open() = %q, want a word of %q", c.name, text, c.want)
			}
		}
	}
}

// A server that refuses, or is not there, is unavailable; it may be there the next time.
func TestOpenWithoutAServer(t *testing.T) {
	server, err := url.Parse(testpg.Server(t))
	if err != nil {
		t.Fatal(err)
	}
	missing := *server
	missing.Path = "/no_such_database"
	stranger := *server
	stranger.User = url.User("no_such_role")
	for name, dsn := range map[string]string{
		"nobody listens":  "postgres://u@127.0.0.1:1/x",
		"no such socket":  "postgres:///x?host=/no/such/folder",
		"no such name":    "postgres://u@host.invalid/x",
		"no such data":    missing.String(),
		"no such role":    stranger.String(),
		"no such setting": server.String() + "&no_such_setting=1",
	} {
		store, err := Open(t.Context(), dsn)
		if err == nil {
			store.Close()
		}
		if !errors.Is(err, sallyport.ErrStoreUnavailable) {
			t.Errorf("%s: Open(%q) = %v, want %v", name, dsn, err, sallyport.ErrStoreUnavailable)
		}
	}
}

// What is shown of a URL is where it leads, and nothing when that is not sure.
func TestPublicURL(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"postgres://db.example/app", "postgres://db.example/***"},
		{"postgresql://app:CANARY@db.example:5432/app?application_name=CANARY", "postgresql://db.example:5432/***"},
		{"postgres://app:CANARY@one:5432,[2001:db8::1]:5433,three/app", "postgres://one:5432,[2001:db8::1]:5433,three/***"},
		{"postgres://app:CANARY%40%2F%3F%23@db.example", "postgres://db.example/***"},
		{"postgres://CANARY!$&'()*+,;=:^{}|\\@db.example/app", "postgres://db.example/***"},
		{"postgres://app:CANARY@/app", "postgres:///***"},
		{"postgres://app:CANARY@/app?host=/tmp&options=-c a=b", "postgres:///***"},
		{"postgres:///app?password=CANARY", "postgres:///***"},
		{"postgres://%2Ftmp/app", "postgres://%2Ftmp/***"},

		{"postgres://app:1/CANARY@db.example/app", "***"},
		{"postgres://app:1?CANARY@db.example/app", "***"},
		{"postgres://app:1#CANARY@db.example/app", "***"},
		{"postgres://app:1@CANARY@db.example/app", "***"},
		{"postgres://app:CANARY/app", "***"}, // would be the port
		{"postgres://app:CANARY%@db.example/app", "***"},
		{"postgres://app:CANARY @db.example/app", "***"},
		{"postgres://app:CANARY\n@db.example/app", "***"},
		{"host=db.example password=CANARY", "***"},
		{"mysql://app:CANARY@db.example/app", "***"},
	} {
		got := PublicURL(c.text)
		if got != c.want {
			t.Errorf("PublicURL(%q) = %q, want %q", c.text, got, c.want)
		}
		err := CheckURL(c.text)
		if (err != nil) != (c.want == "***") || err != nil && !strings.Contains(err.Error(), "percent-encoded") {
			t.Errorf("CheckURL(%q) = %v, want an error that says percent-encoded: %v", c.text, err, c.want == "***")
		}
	}
}

// Whatever is in a password, escaped as a whole or not at all, PublicURL shows nothing of it.
func FuzzPublicURL(f *testing.F) {
	for _, password := range []string{"", "a/b", "a?b", "a#b", "a@b", "1/2@3", "1@2/3?4#5", "[::1]", "%", "%40", "a b", "a,b:5", "\x00", "é"} {
		f.Add(password, "/app")
		f.Add(password, "?sslmode=disable")
	}
	f.Fuzz(func(t *testing.T, password, rest string) {
		const before, after = "CANARYone", "CANARYtwo"
		for _, text := range []string{
			"postgres://app:" + before + password + after + "@db.example" + rest,
			"postgres://app:" + url.QueryEscape(before+password+after) + "@db.example/app",
		} {
			if shown := PublicURL(text); strings.Contains(shown, "CANARY") {
				t.Errorf("PublicURL(%q) = %q, which shows a part of the password", text, shown)
			}
			if err := CheckURL(text); err != nil && strings.Contains(err.Error(), "CANARY") {
				t.Errorf("CheckURL(%q) = %v, which shows a part of the password", text, err)
			}
		}
	})
}
