package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// defaultConns is how many connections a store has, in both pools, unless pool_max_conns says otherwise.
	defaultConns = 10
	// minConns leaves one to each pool.
	minConns = 2
	// connectTimeout bounds the attempt to reach one host, unless connect_timeout says otherwise.
	connectTimeout = time.Second
	// oldestServer is the oldest version of PostgreSQL that the statements are tested with.
	oldestServer = 15
	// statementCache is how many prepared statements a connection keeps: more than there are.
	statementCache = 512
)

// settings are what a DSN says.
type settings struct {
	config *pgx.ConnConfig
	conns  int // in both pools together
}

// parse reads a DSN: a URL, or the keywords and values of libpq. What it says of it in an error is in words of
// our own: a password can stand anywhere in a DSN with a mistake.
func parse(dsn string) (settings, error) {
	if dsn == "" {
		return settings{}, errors.New("the database URL is empty")
	}
	if isURL(dsn) {
		if err := CheckURL(dsn); err != nil {
			return settings{}, fmt.Errorf("the database URL cannot be read: %w", err)
		}
	}
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		return settings{}, fmt.Errorf("the database URL cannot be read: %s", parseFault(err))
	}
	s := settings{config: config}
	if s.conns, err = takeConns(config.RuntimeParams); err != nil {
		return settings{}, err
	}
	// The simple protocol puts values into the text of a statement: CVE-2024-27289, CVE-2026-41889. The other
	// modes cost a round trip more.
	if config.DefaultQueryExecMode != pgx.QueryExecModeCacheStatement {
		return settings{}, errors.New("the database URL asks for another default_query_exec_mode than cache_statement, which is the only one here")
	}
	config.StatementCacheCapacity = statementCache
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = connectTimeout
	}
	if _, given := config.RuntimeParams["application_name"]; !given {
		config.RuntimeParams["application_name"] = "sallyport"
	}
	if config.ValidateConnect == nil && !saysTarget(dsn) {
		config.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	return s, nil
}

// isURL tells a URL from keywords and values, by the two schemes that libpq knows.
func isURL(dsn string) bool {
	return strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
}

var (
	// oneReading is a URL of which everybody takes the same part for the password. RFC 3986 §3.2 ends the authority
	// at the first "/", "?" or "#"; libpq and pgx end the password at the first "@", Go's net/url at the last.
	// Where they differ, a part of the password is the host, the port or the name of the database to one of
	// them, and those are shown.
	oneReading = regexp.MustCompile(`^postgres(?:ql)?://(?:[^/?#@]*@)?[^#@]*$`)

	// urlLike finds the hosts in a URL: user and password, hosts with their ports, the database, parameters.
	urlLike = regexp.MustCompile(`^(postgres(?:ql)?://)(?:` + encoded(`/?#@`) + `@)?(` + host + `(?:,` + host + `)*)(?:/` + encoded(`?#@`) + `)?(?:\?(?:` + encoded(`#@`) + ` *)*)?$`)
)

// host is a name, an address or an encoded folder of sockets, or nothing, and a port.
const host = `(?:\[[0-9A-Fa-f:.]+(?:%25[A-Za-z0-9._~-]+)?\]|[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2})*(?::[0-9]{0,5})?`

// encoded matches text without the characters of but, without space and control characters, and with all of its
// percent signs followed by two hexadecimal digits (RFC 3986 §2.1).
func encoded(but string) string { return `(?:[^%\x00-\x20\x7f` + but + `]|%[0-9A-Fa-f]{2})*` }

var (
	errTwoReadings = errors.New("a password must be percent-encoded; write %2F for /, %3F for ?, %23 for # and %40 for @")
	errNoURL       = errors.New("it is not a URL; want one such as postgres://user@host/name, with the password percent-encoded")
)

// CheckURL says what keeps text from being the URL of a database, without connecting. It refuses a URL whose password
// can be read in two ways because a "/", "?", "#" or "@" is not percent-encoded (RFC 3986 §3.2.1). No error shows any
// part of text.
func CheckURL(text string) error {
	switch {
	case isURL(text) && !oneReading.MatchString(text):
		return errTwoReadings
	case !urlLike.MatchString(text):
		return errNoURL
	}
	return nil
}

// PublicURL is what of the URL of a database may be shown: its hosts and ports. It is "***" for text that [CheckURL]
// refuses.
func PublicURL(text string) string {
	const masked = "***"
	parts := urlLike.FindStringSubmatch(text)
	if parts == nil {
		return masked
	}
	return parts[1] + parts[2] + "/" + masked
}

// parseFault says what is wrong with a DSN, in a constant.
func parseFault(err error) string {
	text := err.Error()
	for _, fault := range []struct{ theirs, ours string }{
		{"invalid port", "its port is not a number from 1 to 65535 (a password must be percent-encoded)"},
		{"failed to configure TLS", "sslmode, sslrootcert, sslcert or sslkey"},
		{"unknown target_session_attrs", "target_session_attrs"},
		{"invalid connect_timeout", "connect_timeout is a number of seconds"},
		{"failed to read service", "service is not in the service file"},
		{"default_query_exec_mode", "default_query_exec_mode"},
		{"failed to parse as URL", "it is not a URL (a password must be percent-encoded)"},
		{"failed to parse as keyword/value", "it is neither a URL that begins with postgres:// nor a list of keywords and values"},
	} {
		if strings.Contains(text, fault.theirs) {
			return fault.ours
		}
	}
	return "one of its parameters is wrong"
}

// takeConns reads pool_max_conns and removes it, since the server does not know it.
func takeConns(params map[string]string) (int, error) {
	const name = "pool_max_conns"
	text, given := params[name]
	if !given {
		return defaultConns, nil
	}
	delete(params, name)
	conns, err := strconv.Atoi(text)
	if err != nil || conns < minConns || conns > 10_000 {
		return 0, fmt.Errorf("%s in the database URL is not a number from %d to 10000", name, minConns)
	}
	return conns, nil
}

// saysTarget reports whether it was said to which servers to connect. The configuration does not tell "any" from
// nothing.
func saysTarget(dsn string) bool {
	return strings.Contains(dsn, "target_session_attrs") || os.Getenv("PGTARGETSESSIONATTRS") != ""
}

// sessionSettings is one statement that sets up a connection. What the DSN sets stays.
//
// A lock that somebody holds would hang a caller for as long as it is held, and a transaction whose client is gone
// would hold its own. lock_timeout is longer than the server's deadlock_timeout, 1 s unless somebody has changed
// it, or a deadlock would not be found but take all who are in it for the victims. The isolation is what the
// statements are made for, whatever the role's default is.
func sessionSettings(given map[string]string, synchronousCommit string) string {
	calls := []string{"set_config('synchronous_commit', " + synchronousCommit + ", false)"}
	for _, s := range []struct{ name, value string }{
		{"statement_timeout", "1500ms"},
		{"lock_timeout", "1200ms"},
		{"idle_in_transaction_session_timeout", "5s"},
		{"default_transaction_isolation", "read committed"},
	} {
		if _, ok := given[s.name]; !ok {
			calls = append(calls, "set_config('"+s.name+"', '"+s.value+"', false)")
		}
	}
	return "select " + strings.Join(calls, ", ")
}

const (
	// commitDurable is on where the server's default would forget what it has acknowledged.
	commitDurable = "case current_setting('synchronous_commit') when 'off' then 'on' else current_setting('synchronous_commit') end"
	commitFast    = "'off'"
)

// withSetup is a copy of the configuration that runs a statement on every new connection.
func (s settings) withSetup(statement string) *pgx.ConnConfig {
	config := s.config.Copy()
	config.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		_, err := conn.Exec(ctx, statement).ReadAll()
		return err
	}
	return config
}

// checkServer refuses a server that the statements are not made for.
func checkServer(conn *pgconn.PgConn) error {
	version := conn.ParameterStatus("server_version")
	end := strings.IndexFunc(version, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(version)
	}
	if major, err := strconv.Atoi(version[:end]); err != nil || major < oldestServer {
		return fmt.Errorf("the server is PostgreSQL %s, %d or later is needed", version, oldestServer)
	}
	if encoding := conn.ParameterStatus("server_encoding"); encoding != "UTF8" {
		return fmt.Errorf("the database has the encoding %s, UTF8 is needed", encoding)
	}
	return nil
}
