package testpg

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
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

// killTree kills a server and all its children, and waits until these have given back what they share. The server is
// stopped first, so that it makes no more of them, and they are killed before they can notice.
func killTree(server *os.Process) {
	_ = server.Signal(syscall.SIGSTOP) // these fail only on a process that has ended
	all := children(server.Pid)
	for _, pid := range all {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = server.Kill()
	for _, pid := range all {
		for {
			if state, _ := status(pid); state == "" || state == "Z" {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// children lists the processes whose parent is the process pid.
func children(pid int) []int {
	all, _ := filepath.Glob("/proc/[0-9]*") // fails on a wrong pattern only
	var found []int
	for _, name := range all {
		child, err := strconv.Atoi(filepath.Base(name))
		if err != nil {
			continue
		}
		if _, parent := status(child); parent == pid {
			found = append(found, child)
		}
	}
	return found
}

// status gives the state of a process, proc(5), and its parent; nothing of one that is gone.
func status(pid int) (state string, parent int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return "", 0
	}
	// pid (comm) state ppid …, and comm may hold anything.
	text := string(stat)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 2 {
		return "", 0
	}
	parent, err = strconv.Atoi(fields[1])
	if err != nil {
		return "", 0
	}
	return fields[0], parent
}
