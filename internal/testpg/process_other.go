//go:build unix && !linux

package testpg

import (
	"os"
	"syscall"
)

// attributes has a server not end by the terminal's interrupt, which the program answers itself.
func attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Setpgid: true}
	if os.Geteuid() == 0 {
		a.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return a
}

// killTree kills the server; its children end as soon as they notice.
func killTree(server *os.Process) {
	_ = server.Kill() // fails only on a process that has ended
}
