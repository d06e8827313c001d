//go:build unix

package main

import (
	"os"
	"syscall"
)

// nobody runs PostgreSQL when root runs the benchmark, whom it refuses.
const nobody = 65534

func giveToNobody(folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	return os.Chown(folder, nobody, nobody)
}

func asNobody() *syscall.SysProcAttr {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}
