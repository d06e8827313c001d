//go:build !unix

package main

import "syscall"

func giveToNobody(string) error { return nil }

func asNobody() *syscall.SysProcAttr { return nil }
