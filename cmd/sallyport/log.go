package main

import (
	"io"
	"log/slog"
	"os"

	"golang.org/x/term"

	"github.com/sallyport-auth/sallyport/cmd/sallyport/settings"
)

// newLog is the log of a server: text for a person at a terminal, JSON for a program.
func newLog(to io.Writer, s settings.Log) *slog.Logger {
	options := &slog.HandlerOptions{Level: logLevels[s.Level]}
	if s.Format == "text" || s.Format == "" && isTerminal(to) {
		return slog.New(slog.NewTextHandler(to, options))
	}
	return slog.New(slog.NewJSONHandler(to, options))
}

// logLevels are the words of log.level.
var logLevels = map[string]slog.Level{
	"debug": slog.LevelDebug, "info": slog.LevelInfo, "warn": slog.LevelWarn, "error": slog.LevelError,
}

// quietLog is the log of a command that is no server: only what somebody should look at.
func quietLog(to io.Writer) *slog.Logger {
	return newLog(to, settings.Log{Level: "warn", Format: "text"})
}

// isTerminal reports whether stream is a file that a person looks at or types into.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
