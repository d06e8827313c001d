//go:build unix && !linux

package realidp

import "syscall"

// ownGroup puts a child into a process group of its own, to be killed as a whole.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
