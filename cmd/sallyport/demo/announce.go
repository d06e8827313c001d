//go:build !no_web

package demo

import (
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"
)

// announce writes what runs where, which is not always the port that was wanted, and what to try. The commands are for a POSIX shell and can be
// copied as they are; the files that they keep are in the demo's own folder, and go with it.
func announce(out io.Writer, at Addresses, wanted Ports) error {
	jar, tokens := shellWord(filepath.Join(at.Folder, "jar")), shellWord(filepath.Join(at.Folder, "tokens"))
	_, err := fmt.Fprintf(out, `Sallyport demo: everything runs on this machine and is gone when it ends
├─ App       %-30s  sign in as  demo / demo
├─ Sign-in   %s/ui/sign-in/
├─ Account   %s/ui/account/
├─ Orders    %-30s  only verifies tokens
├─ Provider  %-30s  fake Cognito: alice, bob, carol; what it gets wrong
└─ Keys      %s/.well-known/jwks.json
%s
Open the app in a browser, or take the way of a program: sign in, refresh, call the other service
  %s
  %s
  %s

Why something was refused is told below, as a server's log tells it.
Ctrl-C ends it.
`,
		at.App, at.Issuer, at.Issuer, at.Orders, at.Provider, at.Issuer, takenPorts(at, wanted),
		// Secure cookies: curl keeps them for 127.0.0.1 since 7.79.
		fmt.Sprintf(`curl -sSw '\n' -c %s -H 'Content-Type: application/json' -d '{"username": "demo", "password": "demo"}' %s/sign-in/`, jar, at.Issuer),
		fmt.Sprintf(`curl -sSw '\n' -b %s -c %[1]s -X POST -H "X-CSRF-Token: $(awk '/CSRF_token/ {print $7}' %[1]s)" %s/refresh/ | tee %s`, jar, at.Issuer, tokens),
		fmt.Sprintf(`curl -sS -H "Authorization: Bearer $(sed 's/.*"access_token":"\([^"]*\).*/\1/' %s)" %s`, tokens, at.Orders),
	)
	return err
}

// takenPorts is a line about the ports that others have; "" when nobody has.
func takenPorts(at Addresses, wanted Ports) string {
	var taken []string
	for _, p := range []struct {
		port    int
		address string
	}{{wanted.App, at.App}, {wanted.Orders, at.Orders}, {wanted.Provider, at.Provider}} {
		if u, err := url.Parse(p.address); err == nil && p.port != 0 && u.Port() != strconv.Itoa(p.port) {
			taken = append(taken, strconv.Itoa(p.port))
		}
	}
	if taken == nil {
		return ""
	}
	return "   Another program has port " + strings.Join(taken, ", ") + ": there is a free one instead.\n"
}

// shellWord quotes a path for a POSIX shell, if it needs quotes.
func shellWord(path string) string {
	plain := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._-", r)
	}
	if strings.ContainsFunc(path, func(r rune) bool { return !plain(r) }) {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
