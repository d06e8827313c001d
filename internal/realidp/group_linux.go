package realidp

import "syscall"

// ownGroup puts a child into a process group of its own, to be killed as a whole, and has the
// kernel kill it when the test is killed itself.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
