package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/sallyport-auth/sallyport"
)

// writeJSON prints one document.
func writeJSON(to io.Writer, document any) error {
	encoder := json.NewEncoder(to)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(document)
}

// presentable is a user as every output shows it: times in UTC, lists never null.
func presentable(u sallyport.User) sallyport.User {
	u.CreatedAt, u.UpdatedAt = inUTC(u.CreatedAt), inUTC(u.UpdatedAt)
	if u.Groups == nil {
		u.Groups = []string{}
	}
	if u.Attributes == nil {
		u.Attributes = map[string]any{}
	}
	return u
}

// inUTC keeps what a store keeps, the microsecond.
func inUTC(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// userHeading and userCells are the table of users.
var userHeading = []string{"ID", "USERNAME", "EMAIL", "ACTIVE", "GROUPS", "CREATED"}

func userCells(u sallyport.User) []string {
	return []string{u.ID.String(), u.Username, u.Email, strconv.FormatBool(u.IsActive), strings.Join(u.Groups, ","), u.CreatedAt.Format(time.RFC3339)}
}

// writeFields prints a user one field a line.
func writeFields(to io.Writer, user sallyport.User) error {
	u := presentable(user)
	attributes, err := json.Marshal(u.Attributes)
	if err != nil {
		return err
	}
	c := newColumns(to)
	for _, field := range [][2]string{
		{"id", u.ID.String()}, {"username", u.Username}, {"email", u.Email}, {"email_verified", strconv.FormatBool(u.EmailVerified)},
		{"first_name", u.FirstName}, {"last_name", u.LastName}, {"is_active", strconv.FormatBool(u.IsActive)},
		{"groups", strings.Join(u.Groups, ",")}, {"attributes", string(attributes)},
		{"created_at", u.CreatedAt.Format(time.RFC3339Nano)}, {"updated_at", u.UpdatedAt.Format(time.RFC3339Nano)},
	} {
		c.line(field[:]...)
	}
	return c.end()
}

// userWithIdentities is the document of users show.
type userWithIdentities struct {
	sallyport.User
	Identities []shownIdentity `json:"identities"`
}

// shownIdentity is an identity as every output shows it.
type shownIdentity struct {
	ID        sallyport.ID `json:"id"`
	Issuer    string       `json:"issuer"`
	Subject   string       `json:"subject"`
	Provider  string       `json:"provider"`
	CreatedAt time.Time    `json:"created_at"`
}

func presentableIdentity(i sallyport.Identity) shownIdentity {
	return shownIdentity{i.ID, i.Issuer, i.Subject, i.Provider, inUTC(i.CreatedAt)}
}

// writeIdentities prints one identity a line, below the fields of its user.
func writeIdentities(to io.Writer, identities []sallyport.Identity) error {
	c := newColumns(to)
	for _, i := range mapped(identities, presentableIdentity) {
		c.line("identity", i.Issuer, i.Subject, i.Provider, i.CreatedAt.Format(time.RFC3339Nano))
	}
	return c.end()
}

// columns writes cells: aligned on a terminal, separated by tabs elsewhere.
type columns struct {
	to interface {
		io.Writer
		Flush() error
	}
}

func newColumns(to io.Writer) columns {
	if isTerminal(to) {
		return columns{tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)}
	}
	return columns{bufio.NewWriter(to)}
}

// line writes one line. Control characters, with which a name could move the cursor or make another
// line, are replaced.
func (c columns) line(cells ...string) {
	for i, cell := range cells {
		cells[i] = strings.Map(func(r rune) rune {
			if unicode.IsControl(r) {
				return unicode.ReplacementChar
			}
			return r
		}, cell)
	}
	fmt.Fprintln(c.to, strings.Join(cells, "\t")) // an error comes back from end
}

// end writes what is still held back, and tells what could not be written.
func (c columns) end() error { return c.to.Flush() }
