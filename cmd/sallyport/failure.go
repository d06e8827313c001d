package main

import (
	"errors"
	"strings"

	"github.com/sallyport-auth/sallyport"
)

// errInterrupted: the person gave up at a prompt.
var errInterrupted = errors.New("interrupted")

// usageError is a command line that means nothing.
type usageError struct{ problem string }

func (e usageError) Error() string { return e.problem }

// failure is why a command could not do its work, and what to do.
type failure struct {
	what string // was attempted: "users create"
	why  string
	try  string // "" when there is nothing to advise
}

// Error is the form of every failure: WHAT: WHY; TRY.
func (f failure) Error() string {
	text := f.what + ": " + f.why
	if f.try != "" {
		text += "; " + f.try
	}
	return text
}

// explanations are what the errors of the use cases mean to somebody at the command line.
var explanations = []struct {
	err      error
	why, try string
}{
	{sallyport.ErrUnknownSecret, "the database was made under another secret", "set the secret that it was made with, or put its .secret file back; if it is lost, see sallyport keys rotate --help"},
	{sallyport.ErrNameTaken, "that username is the username or the e-mail address of another user", "choose another"},
	{sallyport.ErrEmailTaken, "that e-mail address is the address or the username of another user", "give another, or change that user first"},
	{sallyport.ErrOverloaded, "every hashing slot is busy", "try again"},
	{sallyport.ErrTooManyKeys, "three keys of an algorithm are published already", "try again in some hours: the oldest is withdrawn when its last token has ended"},
	{sallyport.ErrChanged, "what it is about was changed meanwhile", "try again"},
}

// explain says what err means for what was attempted.
func explain(what string, err error) error {
	if said, ok := errors.AsType[failure](err); ok {
		return said
	}
	for _, e := range explanations {
		if errors.Is(err, e.err) {
			return failure{what, e.why, e.try}
		}
	}
	switch {
	case err == nil:
		return nil
	case errors.Is(err, sallyport.ErrInvalidUser):
		_, why, _ := strings.Cut(err.Error(), sallyport.ErrInvalidUser.Error()+": ")
		return failure{what, why, "correct it and try again"}
	case errors.Is(err, sallyport.ErrStoreUnavailable):
		return failure{what, "the database does not answer: " + withoutNames(err), "try again; look for a full disk or another program that holds it"}
	}
	return failure{what, withoutNames(err), ""}
}

// withoutNames is the text of err without the name of this program, which begins the line anyway.
func withoutNames(err error) string { return strings.ReplaceAll(err.Error(), "sallyport: ", "") }

// oneLine joins the lines of a text.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
}
