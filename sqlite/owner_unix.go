//go:build unix

package sqlite

import (
	"errors"
	"io/fs"
	"os"
	"os/user"
	"strconv"
	"syscall"
)

// owner is whose a file is.
type owner struct{ uid, gid int }

func ownerOf(info fs.FileInfo) (o owner, known bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return owner{}, false
	}
	return owner{int(stat.Uid), int(stat.Gid)}, true
}

// take makes the owner that of a file, by its descriptor: its name may be something else by now, in a folder that
// others can write to.
func (o owner) take(file *os.File) {
	_ = file.Chown(o.uid, o.gid) // see HandOver
}

func (o owner) name() string {
	number := strconv.Itoa(o.uid)
	if u, err := user.LookupId(number); err == nil {
		return u.Username
	}
	return number
}

// What access(2) is asked for.
const (
	toReadAndWrite = 4 | 2
	toMakeFiles    = 2 | 1
)

// deniedFile asks the system, which knows of more than the mode.
func deniedFile(name string) (d Denied, denied bool) {
	info, err := os.Stat(name)
	if err != nil {
		return Denied{}, false
	}
	wanted := uint32(toReadAndWrite)
	if info.IsDir() {
		wanted = toMakeFiles
	}
	if err := syscall.Access(name, wanted); !errors.Is(err, fs.ErrPermission) {
		return Denied{}, false
	}
	o, known := ownerOf(info)
	return Denied{Path: name, Owner: o.name(), Own: o.uid == os.Geteuid()}, known
}
