package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/sallyport-auth/sallyport"
	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
	"github.com/sallyport-auth/sallyport/password"
)

type usersCommand struct {
	Create      usersCreate      `cmd:"" help:"Make a user."`
	List        usersList        `cmd:"" help:"List the users."`
	Show        usersShow        `cmd:"" help:"Show one user."`
	Set         usersSet         `cmd:"" help:"Change fields and attributes of a user."`
	SetPassword usersSetPassword `cmd:"" help:"Give a user another password and end all sessions."`
	Disable     usersDisable     `cmd:"" help:"Make a user inactive and end all sessions."`
	Enable      usersEnable      `cmd:"" help:"Make a user active again."`
	Delete      usersDelete      `cmd:"" help:"Remove a user with all that is theirs."`
}

func (usersCommand) examples() []string {
	return []string{"sallyport users create --username alice", "sallyport users list --json"}
}

// userFlags are the argument and the flags of the commands about one user.
type userFlags struct {
	sourceFlags
	User string `arg:"" help:"Username, e-mail address or id."`
}

// with opens the database for a command, which what names, and runs do on it. It makes none: in the wrong folder or
// without its settings a command would find an empty one and say that nobody is there.
func (f sourceFlags) with(ctx context.Context, w world, what string, do func(*opened, *settings.Settings) error) (err error) {
	s, err := f.load(w, nil)
	if err != nil {
		return err
	}
	if !s.IsPostgres() && !isThere(s.DatabaseFile()) {
		return failure{what, "there is no database " + s.DatabaseFile(), "give --config or --database, or begin with sallyport users create or sallyport serve"}
	}
	return f.withSettings(ctx, w, what, s, do)
}

// withNew is with for a command with which one may begin. ask comes before a database is made: what it does not get
// leaves nothing behind.
func (f sourceFlags) withNew(ctx context.Context, w world, what string, ask func() error, do func(*opened, *settings.Settings) error) (err error) {
	s, err := f.load(w, nil)
	if err != nil {
		return err
	}
	if err := ask(); err != nil {
		return err
	}
	if !s.IsPostgres() && !isThere(s.DatabaseFile()) {
		defer func() {
			if isThere(s.DatabaseFile()) {
				warn(w, "there was no database "+s.DatabaseFile()+", so it was made")
			}
		}()
	}
	return f.withSettings(ctx, w, what, s, do)
}

func isThere(file string) bool {
	_, err := os.Stat(file)
	return !errors.Is(err, fs.ErrNotExist)
}

func (f sourceFlags) withSettings(ctx context.Context, w world, what string, s *settings.Settings, do func(*opened, *settings.Settings) error) (err error) {
	for _, warning := range s.Warnings {
		warn(w, warning)
	}
	svc, err := open(ctx, what, s, quietLog(w.stderr), nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, explain(what, svc.close())) }()
	return do(svc, s)
}

// withUser is with for the user that the argument names.
func (f userFlags) withUser(ctx context.Context, w world, what string, do func(*opened, *settings.Settings, sallyport.User) error) error {
	return f.with(ctx, w, what, func(svc *opened, s *settings.Settings) error {
		user, err := findUser(ctx, svc, what, f.User)
		if err != nil {
			return err
		}
		return do(svc, s, user)
	})
}

func findUser(ctx context.Context, svc *opened, what, name string) (sallyport.User, error) {
	user, err := svc.FindUser(ctx, name)
	if errors.Is(err, sallyport.ErrNotFound) {
		return user, failure{what, fmt.Sprintf("there is no user %q", name), "see sallyport users list"}
	}
	return user, explain(what, err)
}

func warn(w world, sentence string) { fmt.Fprintf(w.stderr, "sallyport: warning: %s\n", sentence) }

type usersCreate struct {
	sourceFlags
	Username      string   `placeholder:"TEXT" required:"" help:"Unique without regard to case, also among e-mail addresses."`
	PasswordStdin bool     `xor:"password" help:"Read the password from standard input: one line."`
	NoPassword    bool     `xor:"password" help:"Make a user who cannot sign in by password."`
	Email         string   `placeholder:"TEXT" help:"E-mail address."`
	EmailVerified bool     `help:"Vouch for the address."`
	FirstName     string   `placeholder:"TEXT" help:"First name."`
	LastName      string   `placeholder:"TEXT" help:"Last name."`
	Group         []string `sep:"none" help:"Group; may be repeated."`
	Attribute     []string `sep:"none" placeholder:"KEY=JSON" help:"Attribute; may be repeated. What is not JSON is text."`
	Inactive      bool     `help:"The user cannot sign in until enabled."`
	JSON          bool     `name:"json" help:"Print the user as one JSON document instead of the id."`
}

func (usersCreate) examples() []string {
	return []string{
		"sallyport users create --username alice --email alice@example.com --group staff",
		`sallyport users create --username bob --attribute 'plan="pro"' --password-stdin < password.txt`,
	}
}

// Run makes a user and prints the id.
func (c usersCreate) Run(ctx context.Context, w world) error {
	attributes, err := parseAttributes(c.Attribute)
	if err != nil {
		return err
	}
	const what = "users create"
	n := sallyport.NewUser{
		Username: c.Username, Email: c.Email, EmailVerified: c.EmailVerified, FirstName: c.FirstName, LastName: c.LastName,
		Inactive: c.Inactive, Groups: c.Group, Attributes: attributes,
	}
	ask := func() (err error) {
		if !c.NoPassword {
			n.Password, err = readPassword(w, what, c.PasswordStdin, "give --password-stdin or --no-password")
		}
		return err
	}
	return c.withNew(ctx, w, what, ask, func(svc *opened, s *settings.Settings) error {
		if !c.NoPassword {
			warnIfWeak(w, n.Password, s, n.Username, n.Email)
		}
		user, err := svc.CreateUser(ctx, n)
		if err != nil {
			return explain(what, err)
		}
		if c.JSON {
			return writeJSON(w.stdout, presentable(user))
		}
		_, err = fmt.Fprintln(w.stdout, user.ID)
		return err
	})
}

// warnIfWeak says what is to be said against a password. It is no refusal: an operator may have
// reasons.
func warnIfWeak(w world, text string, s *settings.Settings, names ...string) {
	if err := password.Check(text, s.Password.MinLength, names...); errors.Is(err, password.ErrRejected) {
		warn(w, "the password is weak: "+reasonAfter(err, password.ErrRejected))
	}
}

type usersList struct {
	sourceFlags
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (usersList) examples() []string {
	return []string{"sallyport users list", "sallyport users list --json --config /etc/sallyport.yaml"}
}

// Run lists every user, in the order in which they were made.
func (c usersList) Run(ctx context.Context, w world) error {
	return c.with(ctx, w, "users list", func(svc *opened, _ *settings.Settings) error {
		return explain("users list", listUsers(ctx, svc.Service, newListing(w.stdout, c.JSON, "users", userHeading, userCells)))
	})
}

// pageSize is how many rows are read at a time: a listing takes no more memory for more of them.
const pageSize = 500

func listUsers(ctx context.Context, svc *sallyport.Service, to listing[sallyport.User]) error {
	return to.all(func(last *sallyport.User) ([]sallyport.User, error) {
		var after sallyport.ID
		if last != nil {
			after = last.ID
		}
		users, err := svc.Users(ctx, after, pageSize)
		return mapped(users, presentable), err
	})
}

type usersShow struct {
	userFlags
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (usersShow) examples() []string {
	return []string{"sallyport users show alice", "sallyport users show alice@example.com --json"}
}

// Run prints one user, and by which accounts at identity providers the user signs in.
func (c usersShow) Run(ctx context.Context, w world) error {
	return c.withUser(ctx, w, "users show", func(svc *opened, _ *settings.Settings, user sallyport.User) error {
		identities, err := svc.Identities(ctx, user.ID)
		if err != nil {
			return explain("users show", err)
		}
		if c.JSON {
			return writeJSON(w.stdout, userWithIdentities{presentable(user), mapped(identities, presentableIdentity)})
		}
		if err := writeFields(w.stdout, user); err != nil {
			return err
		}
		return writeIdentities(w.stdout, identities)
	})
}

func printUser(to io.Writer, asJSON bool, user sallyport.User) error {
	if asJSON {
		return writeJSON(to, presentable(user))
	}
	return writeFields(to, user)
}

type usersSetPassword struct {
	userFlags
	PasswordStdin bool `help:"Read the password from standard input: one line."`
}

func (usersSetPassword) examples() []string {
	return []string{"sallyport users set-password alice", "sallyport users set-password alice --password-stdin < password.txt"}
}

// Run replaces a password.
func (c usersSetPassword) Run(ctx context.Context, w world) error {
	const what = "users set-password"
	return c.withUser(ctx, w, what, func(svc *opened, s *settings.Settings, user sallyport.User) error {
		text, err := readPassword(w, what, c.PasswordStdin, "give --password-stdin")
		if err != nil {
			return err
		}
		warnIfWeak(w, text, s, user.Username, user.Email)
		return explain(what, svc.SetPassword(ctx, user.ID, text))
	})
}

type usersDisable struct{ userFlags }

func (usersDisable) examples() []string {
	return []string{"sallyport users disable alice", "sallyport users disable alice@example.com"}
}

// Run makes a user inactive. A running server learns it from the database, at once.
func (c usersDisable) Run(ctx context.Context, w world) error {
	return c.withUser(ctx, w, "users disable", func(svc *opened, _ *settings.Settings, user sallyport.User) error {
		return explain("users disable", svc.DisableUser(ctx, user.ID))
	})
}

type usersEnable struct{ userFlags }

func (usersEnable) examples() []string {
	return []string{"sallyport users enable alice", "sallyport users enable alice@example.com"}
}

// Run makes a user active again.
func (c usersEnable) Run(ctx context.Context, w world) error {
	return c.withUser(ctx, w, "users enable", func(svc *opened, _ *settings.Settings, user sallyport.User) error {
		return explain("users enable", svc.EnableUser(ctx, user.ID))
	})
}

type usersDelete struct {
	userFlags
	Yes bool `help:"Do not ask."`
}

func (usersDelete) examples() []string {
	return []string{"sallyport users delete alice", "sallyport users delete alice@example.com --yes"}
}

// Run removes a user. The audit trail stays; the names are free, the id is never used again.
func (c usersDelete) Run(ctx context.Context, w world) error {
	const what = "users delete"
	return c.withUser(ctx, w, what, func(svc *opened, _ *settings.Settings, user sallyport.User) error {
		consequence := fmt.Sprintf("the user %q is removed with identities and attributes, and every session ends", user.Username)
		if err := confirm(w, what, consequence, c.Yes); err != nil {
			return err
		}
		return explain(what, svc.DeleteUser(ctx, user.ID))
	})
}
