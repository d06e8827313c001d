package authhttp

import (
	"net/http"
	"strings"

	"github.com/sallyport-auth/sallyport"
)

// maxIdentityHeader is the longest value that is written, in bytes: proxies take some tens of KiB of headers in all. A
// list that is longer is sent empty, because half of the groups could allow more than all of them.
const maxIdentityHeader = 4 << 10

// setIdentity writes every identity header, empty where nothing is known, so that none of the client's survives. The
// address counts only when it is verified: services take it for the person.
func setIdentity(header http.Header, v sallyport.Visitor) {
	u := v.User
	email := ""
	if u.EmailVerified {
		email = headerText(u.Email)
	}
	groups := make([]string, len(u.Groups))
	for i, group := range u.Groups {
		groups[i] = strings.ReplaceAll(headerText(group), ",", "%2C")
	}
	user, list := headerText(u.Username), strings.Join(groups, ",")
	for name, value := range map[string]string{
		"Remote-User": user, "Remote-Email": email, "Remote-Groups": list, "Remote-Name": headerText(strings.TrimSpace(u.FirstName + " " + u.LastName)),
		"X-Auth-Request-User": user, "X-Auth-Request-Email": email, "X-Auth-Request-Groups": list,
	} {
		if len(value) > maxIdentityHeader {
			value = ""
		}
		header.Set(name, value)
	}
	header.Set("Authorization", "Bearer "+v.AccessToken)
}

// headerText writes what is not printable ASCII, and the percent sign, percent-encoded (RFC 3986 §2.1): one line, that
// every program reads in the same way, and from which the text can be had again. White space at the ends is encoded too,
// because it would be lost.
func headerText(text string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		atEnd := i == 0 || i == len(text)-1
		if c < ' ' || c > '~' || c == '%' || c == ' ' && atEnd {
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}
