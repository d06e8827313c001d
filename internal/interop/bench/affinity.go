package main

import (
	"fmt"
	"runtime"
	"strconv"
	"strings"
)

// split says which core the servers have and which the load. Both are -1 when there is nothing to split.
type split struct{ server, load int }

var unsplit = split{-1, -1}

// String is what the header of the report says.
func (s split) String() string {
	if s == unsplit {
		return "server and load share the cores (no second core, or no way to pin a process here)"
	}
	return fmt.Sprintf("server on core %d, load on core %d", s.server, s.load)
}

// coreSplit leaves the first core to the load: that is where most interrupts go.
func coreSplit(allowed []int) split {
	if len(allowed) < 2 {
		return unsplit
	}
	return split{server: allowed[1], load: allowed[0]}
}

// enter moves this process to one core, with as many threads as it can use: more would only fight for it.
// leave undoes that. For -1 both do nothing.
func enter(core int) (leave func() error, err error) {
	if core < 0 {
		return func() error { return nil }, nil
	}
	before, threads := allowedCores(), runtime.GOMAXPROCS(1)
	leave = func() error {
		runtime.GOMAXPROCS(threads)
		return runOn(before...)
	}
	return leave, runOn(core)
}

// maxCore bounds what parseCores accepts, so that a range cannot fill the memory.
const maxCore = 1 << 16

// parseCores reads the kernel's list format ("0-3,8"): Cpus_allowed_list of proc_pid_status(5).
func parseCores(list string) ([]int, error) {
	var cores []int
	for part := range strings.SplitSeq(strings.TrimSpace(list), ",") {
		from, to, isRange := strings.Cut(part, "-")
		first, err := strconv.Atoi(from)
		last := first
		if err == nil && isRange {
			last, err = strconv.Atoi(to)
		}
		if err != nil || first < 0 || last < first || last > maxCore {
			return nil, fmt.Errorf("%q is no list of cores", list)
		}
		for core := first; core <= last; core++ {
			cores = append(cores, core)
		}
	}
	return cores, nil
}
