package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a child: the product, or the floors.
type process struct {
	cmd    *exec.Cmd
	ending os.Signal     // asks it to end
	done   chan struct{} // closed when it has ended
	err    error         // how it ended
}

// startProcess starts cmd on a core, or anywhere for -1. The caller ends it with stop.
func startProcess(core int, cmd *exec.Cmd) (*process, error) {
	if err := startOn(core, cmd); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ending: syscall.SIGTERM, done: make(chan struct{})}
	go func() { // ends with the process, and stop waits for that
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// grace is how long a process may take to end when it is told to.
const grace = 15 * time.Second

// stop ends the process and waits for it. A second call does nothing.
func (p *process) stop() error {
	p.cmd.Process.Signal(p.ending) // fails only when it has ended
	select {
	case <-p.done:
	case <-time.After(grace):
		p.cmd.Process.Kill()
		<-p.done
		return fmt.Errorf("%s did not end in %v and was killed", p.cmd.Path, grace)
	}
	return nil
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) proc(file string) string {
	return "/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/" + file
}

// cpu is the time that all threads have spent so far, to 10 ms; 0 where there is no /proc.
func (p *process) cpu() time.Duration {
	stat, err := os.ReadFile(p.proc("stat"))
	if err != nil {
		return 0
	}
	times, err := parseTimes(stat)
	if err != nil {
		return 0
	}
	return times.own
}

// cpuWithChildren is cpu for a process that works by children, as the server of PostgreSQL does, also for those
// that have ended.
func (p *process) cpuWithChildren() (total time.Duration) {
	all, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, file := range all {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has just ended
		}
		times, err := parseTimes(stat)
		switch {
		case err != nil:
		case file == p.proc("stat"):
			total += times.own + times.ofChildren
		case times.parent == p.cmd.Process.Pid:
			total += times.own
		}
	}
	return total
}

// clockTick is the unit of proc_pid_stat(5) and proc_stat(5); USER_HZ is 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// processTimes is what proc_pid_stat(5) tells.
type processTimes struct {
	parent          int
	own, ofChildren time.Duration // the latter of those that have ended
}

// parseTimes reads ppid, and adds up utime and stime, cutime and cstime: the fields 4 and 14 to 17. The name before
// them may hold anything.
func parseTimes(stat []byte) (t processTimes, err error) {
	_, rest, found := bytes.Cut(stat[max(0, bytes.LastIndexByte(stat, ')')):], []byte(") "))
	fields := strings.Fields(string(rest))
	if !found || len(fields) < 15 {
		return t, errors.New("too few fields in /proc/PID/stat")
	}
	numbers := make([]int, 5)
	for i, field := range []int{1, 11, 12, 13, 14} {
		if numbers[i], err = strconv.Atoi(fields[field]); err != nil {
			return t, err
		}
	}
	return processTimes{
		parent: numbers[0], own: time.Duration(numbers[1]+numbers[2]) * clockTick, ofChildren: time.Duration(numbers[3]+numbers[4]) * clockTick,
	}, nil
}

// coreBusy is the time that a core has spent on anything since the machine started, to 10 ms; 0 where that
// is not known.
func coreBusy(core int) time.Duration {
	stat, err := os.ReadFile("/proc/stat")
	if err != nil || core < 0 {
		return 0
	}
	return parseCoreBusy(stat, core)
}

// parseCoreBusy adds up the line of a core in proc_stat(5), without idle and iowait, the fourth and fifth of
// its figures, and guest time, which is in the first two already.
func parseCoreBusy(stat []byte, core int) (busy time.Duration) {
	name := "cpu" + strconv.Itoa(core)
	for line := range bytes.Lines(stat) {
		fields := strings.Fields(string(line))
		if len(fields) < 9 || fields[0] != name {
			continue
		}
		for i, field := range fields[1:9] {
			if ticks, err := strconv.ParseInt(field, 10, 64); err == nil && i != 3 && i != 4 {
				busy += time.Duration(ticks) * clockTick
			}
		}
	}
	return busy
}

// resetPeak begins a new peak, where the kernel lets us: proc_pid_clear_refs(5).
func (p *process) resetPeak() { _ = os.WriteFile(p.proc("clear_refs"), []byte("5"), 0) }

// memory is a field of /proc/PID/status in MiB, 0 where there is none: VmRSS is what is held now, VmHWM
// the peak.
func (p *process) memory(field string) float64 {
	value, err := procField(strconv.Itoa(p.cmd.Process.Pid), field)
	if err != nil {
		return 0
	}
	kib, err := strconv.ParseFloat(strings.TrimSuffix(value, " kB"), 64)
	if err != nil {
		return 0
	}
	return kib / 1024
}

// procField reads one line of /proc/PID/status.
func procField(pid, field string) (string, error) {
	file, err := os.Open("/proc/" + pid + "/status")
	if err != nil {
		return "", err
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		if name, value, _ := strings.Cut(lines.Text(), ":"); name == field {
			return strings.TrimSpace(value), nil
		}
	}
	return "", errors.Join(fmt.Errorf("no %s in /proc/%s/status", field, pid), lines.Err())
}
