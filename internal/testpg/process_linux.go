package testpg

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// attributes has a server end with the program that started it, however that ends, and not with the terminal's
// interrupt, which the program answers itself. SIGQUIT is PostgreSQL's immediate shutdown.
func attributes() *syscall.SysProcAttr {
	a := &syscall.SysProcAttr{Pdeathsig: syscall.SIGQUIT, Setpgid: true}
	if os.Geteuid() == 0 {
		a.Credential = &syscall.Credential{Uid: nobody, Gid: nobody}
	}
	return a
}

// killTree kills a server and all its children. It is stopped first, so that it makes no more of them and
// none outlives the others long enough to write.
func killTree(server *os.Process) {
	_ = server.Signal(syscall.SIGSTOP) // these fail only on a process that has ended
	for _, pid := range children(server.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = server.Kill()
}

// children lists the processes whose parent is the process pid.
func children(pid int) []int {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // fails on a wrong pattern only
	var found []int
	for _, name := range stats {
		stat, err := os.ReadFile(name)
		if err != nil {
			continue // it has just ended
		}
		// proc(5): pid (comm) state ppid …, and comm may hold anything.
		text := string(stat)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if err == nil && len(fields) > 1 && fields[1] == strconv.Itoa(pid) {
			found = append(found, child)
		}
	}
	return found
}
