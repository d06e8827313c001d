package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// machine is where and of what the figures are.
type machine struct {
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Go     string `json:"go"`
	Commit string `json:"commit"`
	Date   string `json:"date"`
	Split  string `json:"split"`
	Fsync  string `json:"fsync"`
	Method string `json:"method"`
}

func describeMachine(ctx context.Context, b *bench) (machine, error) {
	p := b.plan
	fsync, err := fsyncTime(b.runFolder)
	return machine{
		CPU: cpuModel(), Cores: runtime.NumCPU(), Go: runtime.Version(), Commit: commit(ctx), Date: time.Now().UTC().Format(time.DateOnly),
		Split:  b.split.String(),
		Fsync:  fsync.Round(10 * time.Microsecond).String(),
		Method: fmt.Sprintf("%d keep-alive clients, %d sessions, %d × %v", p.clients, p.sessions, p.slices, p.duration),
	}, err
}

// String is the line above the tables.
func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s, %s/%s, commit %s, %s; %s; %s; fsync %s.",
		m.CPU, m.Cores, m.Go, runtime.GOOS, runtime.GOARCH, m.Commit, m.Date, m.Split, m.Method, m.Fsync)
}

// fsyncTime is the median of what it takes to write 4 KiB durably: the disk's part of every group of updates.
func fsyncTime(folder string) (time.Duration, error) {
	file, err := os.CreateTemp(folder, "fsync-")
	if err != nil {
		return 0, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	var times []time.Duration
	for range 30 {
		begin := time.Now()
		if _, err := file.Write(make([]byte, 4<<10)); err != nil {
			return 0, err
		}
		if err := file.Sync(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(begin))
	}
	slices.Sort(times)
	return percentile(times, 50), nil
}

// cpuModel is what the kernel calls the processor.
func cpuModel() string {
	file, err := os.Open("/proc/cpuinfo")
	if err != nil {
		return runtime.GOARCH
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if name, value, found := strings.Cut(lines.Text(), ":"); found && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// commit names the source, and says whether it has been changed since.
func commit(ctx context.Context) string {
	id, err := output(ctx, "", "git", "rev-parse", "--short", "HEAD")
	if err != nil {
		return "unknown"
	}
	if changes, err := output(ctx, "", "git", "status", "--porcelain", "--untracked-files=no"); err != nil || changes != "" {
		return id + " and changes"
	}
	return id
}
