// Command sallyport is the server and the commands that look after its users, signing keys
// and settings.
//
// main.go parses the command line, one file holds each command, open.go makes a service of the
// settings, and package settings reads those. testdata holds the specification.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

// The exit statuses.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() { os.Exit(run(os.Args[1:], world{os.Stdin, os.Stdout, os.Stderr, os.Environ()})) }

// world is what a command touches besides files and the network. stdout is for the result, stderr
// for everything else.
type world struct {
	stdin          *os.File
	stdout, stderr io.Writer
	environ        []string
}

// cli is the command line. Every command is a struct with a method Run.
type cli struct {
	Demo        demoCommand        `cmd:"" help:"Try everything on this machine: an app, a fake provider, a second service."`
	Serve       serveCommand       `cmd:"" help:"Run the server."`
	Users       usersCommand       `cmd:"" help:"Make, list and change users."`
	Sessions    sessionsCommand    `cmd:"" help:"List and end sessions."`
	Keys        keysCommand        `cmd:"" help:"List, rotate and export the signing keys."`
	Events      eventsCommand      `cmd:"" help:"Print the audit trail."`
	Migrate     migrateCommand     `cmd:"" help:"Bring the tables of the database up to date."`
	Backup      backupCommand      `cmd:"" help:"Copy the database while it serves."`
	Restore     restoreCommand     `cmd:"" help:"Put a backup back."`
	Healthcheck healthcheckCommand `cmd:"" help:"Ask a running server whether it is ready."`
	Config      configCommand      `cmd:"" help:"Check, print and write the settings."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
}

func (cli) examples() []string {
	return []string{
		"sallyport demo",
		"sallyport serve --listen 127.0.0.1:8000",
	}
}

func run(args []string, w world) int {
	helped := false
	parser, err := kong.New(&cli{},
		kong.Name("sallyport"),
		kong.Description("Sign people in for single-page apps and the services behind them."),
		kong.Writers(w.stdout, w.stderr),
		kong.Exit(func(int) { helped = true }), // kong calls it after printing the help, and parses on
		kong.Help(printHelp),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		flagHelp(),
	)
	if err != nil { // a mistake in a struct tag
		return report(w.stderr, "sallyport", err)
	}
	command, err := parser.Parse(spelt(args))
	switch {
	case helped:
		return exitDone
	case err != nil:
		node, wrong := namedCommand(parser.Model.Node, args)
		return report(w.stderr, node.FullPath(), usageError{cmp.Or(wrong, withoutSurplus(err.Error()))})
	}
	command.BindTo(context.Background(), (*context.Context)(nil))
	return report(w.stderr, command.Selected().FullPath(), command.Run(w))
}

// spelt is args in the one spelling that the parser knows: "help users" is "users --help", and
// "--version" is "version".
func spelt(args []string) []string {
	switch {
	case len(args) > 0 && args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case len(args) == 1 && args[0] == "--version":
		return []string{"version"}
	}
	return args
}

// withoutSurplus does not repeat an argument that nobody asked for: it may be a password.
func withoutSurplus(problem string) string {
	if strings.HasPrefix(problem, "unexpected argument ") {
		return "there is an argument too many"
	}
	if before, _, found := strings.Cut(problem, " but got "); found { // what follows is a value
		return before
	}
	return problem
}

// namedCommand is the command that the first words name, as far as there is one, and the message about the word that
// stands where one of its subcommands should. The word itself is not shown: it may be anything.
func namedCommand(node *kong.Node, args []string) (last *kong.Node, wrong string) {
	for _, arg := range args {
		if strings.HasPrefix(arg, "-") || len(node.Children) == 0 {
			return node, ""
		}
		names := namesOf(node.Children)
		i := slices.Index(names, arg)
		if i < 0 {
			if near := settings.Nearest(arg, names); near != "" {
				return node, `there is no such command; did you mean "` + near + `"?`
			}
			return node, "there is no such command; there are " + strings.Join(names, ", ")
		}
		node = node.Children[i]
	}
	if len(node.Children) > 0 {
		return node, "name a command: " + strings.Join(namesOf(node.Children), ", ")
	}
	return node, ""
}

func namesOf(commands []*kong.Node) []string {
	var names []string
	for _, c := range commands {
		names = append(names, c.Name)
	}
	return names
}

// flagHelp takes the help of flags that set something from the table of settings, and the name of
// their file.
func flagHelp() kong.Vars {
	vars := kong.Vars{"settings_file": settings.DefaultFile}
	for flag, about := range settings.FlagHelp() {
		vars["help_"+strings.ReplaceAll(flag, "-", "_")] = about
	}
	return vars
}

// report prints why a command failed, one line for each reason and an excerpt for each fault of a
// file, and says with which status the process ends. command is its full name.
func report(stderr io.Writer, command string, err error) int {
	if err == nil {
		return exitDone
	}
	if errors.Is(err, errInterrupted) {
		return exitInterrupted
	}
	if usage, ok := errors.AsType[usageError](err); ok {
		fmt.Fprintf(stderr, "sallyport: %s; see %s --help\n", oneLine(usage.problem), command)
		return exitUsage
	}
	if faults, ok := errors.AsType[settings.Faults](err); ok {
		fmt.Fprint(stderr, faults.Long())
		return exitFailed
	}
	if errors.Is(err, errTold) {
		return exitFailed
	}
	fmt.Fprintf(stderr, "sallyport: %s\n", oneLine(err.Error()))
	return exitFailed
}
