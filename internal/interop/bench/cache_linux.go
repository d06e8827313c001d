package main

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// evict has the kernel forget what it holds of a file in memory. The file must have been synced: what has not
// been written stays.
func evict(name string) error {
	file, err := os.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	err = file.Sync()
	if err == nil {
		err = os.NewSyscallError("fadvise", unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED))
	}
	return errors.Join(err, file.Close())
}
