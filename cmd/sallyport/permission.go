package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"regexp"
	"strconv"
	"strings"

	"github.com/sallyport-auth/sallyport/sqlite"
)

// explainDenied says whose the files of a SQLite database are, and what mends it, when err means that the user who
// runs this process may not use them. It is nil when it is about something else.
func explainDenied(what, database string, err error) error {
	if !errors.Is(err, fs.ErrPermission) {
		return nil
	}
	files := sqlite.DeniedFiles(database, secretFile{database: database}.path())
	if len(files) == 0 {
		return nil
	}
	var texts []string
	for _, f := range files {
		texts = append(texts, f.Path+", which belongs to "+f.Owner)
	}
	why := fmt.Sprintf("cannot open the database: the user %s may not use %s", userName(), strings.Join(texts, ", and "))
	if _, err := os.Stat(database); errors.Is(err, fs.ErrNotExist) { // the folder may be anybody's, such as /
		return failure{what, why, "set database to a file in a folder of this user"}
	}
	return failure{what, why, mending(what, files)}
}

// explainUse is explain for what was done with a SQLite database.
func explainUse(what, database string, err error) error {
	if denied := explainDenied(what, database, err); denied != nil {
		return denied
	}
	return explain(what, err)
}

// mending is for a server, as which the files have to belong to its user, another advice than for a command, which may
// be run by the user of the server.
func mending(what string, files []sqlite.Denied) string {
	var chown, chmod []string
	for _, f := range files {
		if f.Own {
			chmod = append(chmod, shellWord(f.Path))
		} else {
			chown = append(chown, shellWord(f.Path))
		}
	}
	var commands []string
	if len(chown) > 0 {
		commands = append(commands, fmt.Sprintf("chown %d:%d %s", os.Geteuid(), os.Getegid(), strings.Join(chown, " ")))
	}
	if len(chmod) > 0 {
		commands = append(commands, "chmod u+rwX "+strings.Join(chmod, " "))
	}
	switch {
	case len(chown) == 0:
		return "run " + commands[0]
	case what != "serve":
		return "run it as the user of the server, or as root"
	}
	return "as root, run " + strings.Join(commands, " && ")
}

// userName is who runs this process.
func userName() string {
	number := strconv.Itoa(os.Geteuid())
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9/._+,:@%-]+$`)

// shellWord is the name of a file as one word of a shell, which is no flag.
func shellWord(text string) string {
	if strings.HasPrefix(text, "-") {
		text = "./" + text
	}
	if plainWord.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
