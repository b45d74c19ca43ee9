package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
)

var rotateSignals []os.Signal

func openFilesLimit() (uint64, bool) { return 0, false }

// ownGroup keeps a terminal's Ctrl-C away from a child, whose end the parent sees to.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

func forked() bool { return false }

func fork(i *invocation) int {
	fmt.Fprintln(i.stderr, "--fork is not available on Windows: start the member as a service or in a window of its own")
	return exitBadOptions
}

func reportReady() {}

func writeRunningPID(string) error { return nil }

func removeRunningPID(string) {}

func stopServer(_ string, _, stderr io.Writer) int {
	fmt.Fprintln(stderr, "--shutdown is not available on Windows: use the shutdown command of a shell, db.adminCommand({shutdown: 1})")
	return exitBadOptions
}
