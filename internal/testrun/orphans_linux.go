package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// graceForOrphans is how long a process may outlive the test that started it: the go command has
// children of its own that end shortly after it.
const graceForOrphans = 5 * time.Second

// adoptOrphans makes this process the parent of every descendant whose own parent ends
// (PR_SET_CHILD_SUBREAPER, prctl(2)), so that a test cannot leave one behind unseen, not even one in
// a session of its own.
func adoptOrphans() bool {
	const setChildSubreaper = 36
	_, _, errno := syscall.RawSyscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0)
	return errno == 0
}

// endSurvivors waits up to grace for the children of this process to end. Those that do not are
// killed, and named in the error. Call it only when no command is running.
func endSurvivors(grace time.Duration) error {
	deadline := time.Now().Add(grace)
	var named []string
	for {
		pid, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		switch {
		case err == syscall.EINTR, pid > 0:
			continue
		case err != nil && len(named) > 0: // ECHILD: all are gone now
			return fmt.Errorf("still running, killed now:\n%s", strings.Join(named, "\n"))
		case err != nil:
			return nil
		}
		if time.Now().After(deadline) {
			for _, child := range children() {
				named = append(named, fmt.Sprintf("%d %s", child, commandLine(child)))
				_ = syscall.Kill(child, syscall.SIGKILL) // fails only if it has just ended
			}
			deadline = time.Now().Add(time.Second) // their own children are ours then
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// children lists the live children of this process.
func children() []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + entry.Name() + "/stat")
		if err != nil {
			continue // it has just ended
		}
		// proc(5): pid (comm) state ppid …, and comm may hold anything
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if len(fields) > 1 && fields[0] != "Z" && fields[1] == strconv.Itoa(os.Getpid()) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func commandLine(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	if err != nil {
		return "(gone)"
	}
	return strings.TrimSpace(strings.ReplaceAll(string(b), "\x00", " "))
}
