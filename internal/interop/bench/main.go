package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
)

func main() { os.Exit(command(os.Args[1:], os.Stdout, os.Stderr)) }

// command is main without the process, and also the floors when they are asked for.
func command(args []string, stdout, stderr io.Writer) (status int) {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if len(args) == 4 && args[0] == floorCommand {
		err = runFloor(ctx, args[1], args[2], args[3])
	} else {
		err = benchmark(ctx, args, stdout, stderr)
	}
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(stderr, "bench: interrupted; nothing was left behind")
		return 130
	case err != nil:
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	return 0
}

const usage = `Measures Sallyport and, beside it, what the same work costs bare.

	go run ./internal/interop/bench [flags]

It builds and starts the real binary, on SQLite and on a PostgreSQL server of its own, takes about 30 minutes, and
prints tables in Markdown. It needs 8 GiB of disk for the databases, which it removes.

`

func benchmark(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, jsonFile, err := parseFlags(args, stderr)
	if err != nil {
		return err
	}
	if o.profiles != "" {
		if err := os.MkdirAll(o.profiles, 0o755); err != nil {
			return err
		}
	}
	r, err := measure(ctx, o)
	err = errors.Join(err, r.writeMarkdown(stdout)) // also what was measured before a failure: it took long
	if jsonFile != "" {
		err = errors.Join(err, writeFile(jsonFile, r.writeJSON))
	}
	if err != nil {
		return err
	}
	if failed := r.failed(); len(failed) > 0 {
		return fmt.Errorf("requests failed in %s; the first failure of each is below its table", strings.Join(failed, ", "))
	}
	return nil
}

func parseFlags(args []string, stderr io.Writer) (o options, jsonFile string, err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {
		fmt.Fprint(stderr, usage)
		flags.PrintDefaults()
	}
	var slots int
	quick := flags.Bool("quick", false, "under a minute and a half: one slice of a second instead of three of ten, and fewer rows")
	only := flags.String("only", "", "measure these alone, separated by commas: "+strings.Join(names(), ", "))
	flags.IntVar(&slots, "slots", 0, "hashing slots in the login flood; default: 2")
	flags.Func("set", "`NAME=VALUE` for the environment of the server, such as GOGC=400; may be given again", func(setting string) error {
		if !strings.Contains(setting, "=") {
			return errors.New("want NAME=VALUE")
		}
		o.settings = append(o.settings, setting)
		return nil
	})
	databases := flags.String("database", "", "measure on these alone, separated by commas: "+joinKinds())
	flags.StringVar(&jsonFile, "json", "", "also write everything to this `file`")
	flags.StringVar(&o.profiles, "profile", "", "write a CPU profile of the server in each row to this `folder`; the binary is then built with a profiler")
	flags.StringVar(&o.folder, "dir", "", "`folder` for the databases, on the disk that counts; default: the system's place for temporary files")
	if err := flags.Parse(args); err != nil {
		return o, "", err
	}
	o.plan, o.progress = fullPlan, stderr
	if *quick {
		o.plan = quickPlan
	}
	if slots > 0 {
		o.plan.flood.slots = slots
	}
	if *only != "" {
		o.only = strings.Split(*only, ",")
	}
	for _, name := range o.only {
		if !slices.Contains(names(), name) {
			return o, "", fmt.Errorf("--only: there is no %q; there are %s", name, strings.Join(names(), ", "))
		}
	}
	if *databases != "" {
		for name := range strings.SplitSeq(*databases, ",") {
			if !slices.Contains(kinds, kind(name)) {
				return o, "", fmt.Errorf("--database: there is no %q; there are %s", name, joinKinds())
			}
			o.databases = append(o.databases, kind(name))
		}
	}
	if flags.NArg() > 0 {
		return o, "", fmt.Errorf("%q is no flag; see --help", flags.Arg(0))
	}
	return o, jsonFile, nil
}

// The names for --only that are no operations.
const (
	startName    = "start"
	growthName   = "growth"
	floodName    = "flood"
	feedRowName  = "feed"
	verifierName = "verifier"
)

// rowNames are the names of what is measured on a server that has just been started.
func rowNames() []string {
	list := []string{startName}
	for _, o := range operations() {
		if !slices.Contains(list, o.name) {
			list = append(list, o.name)
		}
	}
	return list
}

// serverRows are the names of what needs the binary.
func serverRows() []string { return append(rowNames(), growthName, floodName, feedRowName) }

func names() []string { return append(serverRows(), verifierName) }

func joinKinds() string {
	var names []string
	for _, on := range kinds {
		names = append(names, string(on))
	}
	return strings.Join(names, ", ")
}

func writeFile(name string, write func(io.Writer) error) error {
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(file), file.Close())
}
