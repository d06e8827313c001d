package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"golang.org/x/term"

	"github.com/sallyport-auth/sallyport/password"
)

// readPassword reads a new password from standard input, or asks for it on a terminal. advice is
// what to do where there is neither.
func readPassword(w world, what string, fromStdin bool, advice string) (string, error) {
	switch {
	case fromStdin:
		return passwordLine(w.stdin, what)
	case isTerminal(w.stdin):
		return askPassword(w, what)
	}
	return "", failure{what, "there is no password and no terminal to ask for it", advice}
}

// passwordLine reads one line, whose newline is cut.
func passwordLine(from io.Reader, what string) (string, error) {
	line, err := io.ReadAll(io.LimitReader(from, 2*password.MaxBytes))
	if err != nil {
		return "", failure{what, "cannot read standard input: " + err.Error(), ""}
	}
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	switch {
	case len(line) == 0:
		return "", failure{what, "standard input is empty", "write the password to it, in one line"}
	case bytes.ContainsAny(line, "\r\n"):
		return "", failure{what, "standard input has more than one line", "write the password alone to it"}
	}
	return string(line), nil
}

// askPassword asks on a terminal, which is raw meanwhile, so that an interrupt comes as a character
// and cannot leave it without its echo.
func askPassword(w world, what string) (text string, err error) {
	fd := int(w.stdin.Fd())
	before, err := term.MakeRaw(fd)
	if err != nil {
		return "", failure{what, "cannot ask on this terminal: " + err.Error(), "give --password-stdin"}
	}
	defer func() { err = errors.Join(err, term.Restore(fd, before)) }()
	return askTwice(struct {
		io.Reader
		io.Writer
	}{w.stdin, w.stderr}, what)
}

// askTwice asks for a password and for the same again, without showing what is typed.
func askTwice(keyboard io.ReadWriter, what string) (string, error) {
	terminal := term.NewTerminal(keyboard, "")
	first, err := terminal.ReadPassword("Password: ")
	if err != nil {
		return "", interrupted(err)
	}
	second, err := terminal.ReadPassword("The same again: ")
	switch {
	case err != nil:
		return "", interrupted(err)
	case first == "":
		return "", failure{what, "the password is empty", "type one"}
	case first != second:
		return "", failure{what, "the two passwords differ", "try again"}
	}
	return first, nil
}

// interrupted is what the end of the input, Ctrl-C and Ctrl-D mean.
func interrupted(err error) error {
	if errors.Is(err, io.EOF) {
		return errInterrupted
	}
	return err
}

// reasonAfter is the text that err adds to the sentinel that it wraps.
func reasonAfter(err, sentinel error) string {
	return strings.TrimPrefix(err.Error(), sentinel.Error()+": ")
}

// confirm asks on a terminal whether to go on with what cannot be undone; elsewhere --yes must have been
// given. consequence is what happens.
func confirm(w world, what, consequence string, yes bool) error {
	if yes {
		return nil
	}
	if !isTerminal(w.stdin) {
		return failure{what, "there is no terminal to ask whether to go on: " + consequence, "give --yes"}
	}
	if _, err := fmt.Fprintf(w.stderr, "%s.\nGo on? [y/N] ", consequence); err != nil {
		return err
	}
	answer, err := bufio.NewReader(io.LimitReader(w.stdin, 100)).ReadString('\n')
	if err != nil {
		return interrupted(err)
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return failure{what, "nothing was done", ""}
	}
	return nil
}
