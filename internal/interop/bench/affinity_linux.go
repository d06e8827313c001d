package main

import (
	"errors"
	"os"
	"os/exec"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// allowedCores are the cores that this process may use; none when that cannot be said.
func allowedCores() []int {
	list, err := procField("self", "Cpus_allowed_list")
	if err != nil {
		return nil
	}
	cores, err := parseCores(list)
	if err != nil {
		return nil
	}
	return cores
}

// startOn starts cmd on one core, or anywhere for -1. A child has the affinity of the thread that forks
// it, so the program needs no help to be pinned, and its start is not slowed.
func startOn(core int, cmd *exec.Cmd) (err error) {
	if core < 0 {
		return cmd.Start()
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var before unix.CPUSet
	if err := unix.SchedGetaffinity(0, &before); err != nil {
		return os.NewSyscallError("sched_getaffinity", err)
	}
	if err := setAffinity(0, only(core)); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, setAffinity(0, before)) }()
	return cmd.Start()
}

// runOn moves every thread of this process to the cores. Threads that come later inherit them.
func runOn(cores ...int) error {
	for range 2 { // the second time for threads that were made meanwhile
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, thread := range threads {
			id, err := strconv.Atoi(thread.Name())
			if err != nil {
				return err
			}
			if err := setAffinity(id, only(cores...)); err != nil && !errors.Is(err, unix.ESRCH) {
				return err
			}
		}
	}
	return nil
}

func only(cores ...int) unix.CPUSet {
	var set unix.CPUSet
	for _, core := range cores {
		set.Set(core)
	}
	return set
}

func setAffinity(thread int, set unix.CPUSet) error {
	return os.NewSyscallError("sched_setaffinity", unix.SchedSetaffinity(thread, &set))
}
