//go:build unix

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var rotateSignals = []os.Signal{syscall.SIGUSR1}

func openFilesLimit() (uint64, bool) {
	var r syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r); err != nil {
		return 0, false
	}
	return uint64(r.Cur), true
}

// ownGroup keeps a terminal's Ctrl-C away from a child, whose end the parent sees to.
func ownGroup(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
}

// readyFD names, in a forked child's environment, the file to write to when it serves.
const readyFD = "MORTON_READY_FD"

func forked() bool { return os.Getenv(readyFD) != "" }

// fork starts the program again in a session of its own and waits until it serves. Go cannot fork a running process.
func fork(i *invocation) int {
	exe, err := os.Executable()
	if err != nil {
		fmt.Fprintf(i.stderr, "--fork: %v\n", err)
		return exitFailed
	}
	r, w, err := os.Pipe()
	if err != nil {
		fmt.Fprintf(i.stderr, "--fork: %v\n", err)
		return exitFailed
	}
	cmd := exec.Command(exe, i.argv[1:]...)
	cmd.Args[0] = i.argv[0]
	cmd.Env = append(os.Environ(), readyFD+"=3")
	cmd.ExtraFiles = []*os.File{w}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	fmt.Fprintln(i.stdout, "about to fork child process, waiting until server is ready for connections.")
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(i.stderr, "--fork: %v\n", err)
		return exitFailed
	}
	fmt.Fprintf(i.stdout, "forked process: %d\n", cmd.Process.Pid)
	w.Close()
	if n, _ := r.Read(make([]byte, 1)); n == 1 {
		fmt.Fprintln(i.stdout, "child process started successfully, parent exiting")
		return exitClean
	}
	_ = cmd.Wait()
	code := cmd.ProcessState.ExitCode()
	fmt.Fprintf(i.stdout, "ERROR: child process failed, exited with %d\nTo see additional information in this output, start without the \"--fork\" option.\n", code)
	return max(code, exitFailed)
}

// reportReady tells whoever waits that the member serves: the parent of --fork, and systemd.
func reportReady() {
	if fd, err := strconv.Atoi(os.Getenv(readyFD)); err == nil {
		f := os.NewFile(uintptr(fd), "ready")
		_, _ = f.Write([]byte{1})
		f.Close()
		os.Unsetenv(readyFD)
	}
	notifySystemd()
}

const runningPID = "morton.pid"

// writeRunningPID notes who runs on a data directory, for --shutdown. It is a file of its own because closing the lock
// file would give up the lock.
func writeRunningPID(dbpath string) error {
	return os.WriteFile(filepath.Join(dbpath, runningPID), []byte(strconv.Itoa(os.Getpid())+"\n"), 0o644)
}

func removeRunningPID(dbpath string) { os.Remove(filepath.Join(dbpath, runningPID)) }

// stopServer asks the member that runs on dbpath to stop, and waits for it.
func stopServer(dbpath string, stdout, stderr io.Writer) int {
	text, err := os.ReadFile(filepath.Join(dbpath, runningPID))
	pid, parseErr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || parseErr != nil || pid <= 0 || !lockHeld(dbpath) {
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			fmt.Fprintln(stderr, err)
		}
		fmt.Fprintf(stderr, "There doesn't seem to be a server running with dbpath: %s\n", dbpath)
		return exitFailed
	}
	fmt.Fprintf(stdout, "killing process with pid: %d\n", pid)
	if err := syscall.Kill(pid, syscall.SIGTERM); err != nil {
		fmt.Fprintf(stderr, "failed to kill process: %v\n", err)
		return exitFailed
	}
	for syscall.Kill(pid, 0) == nil && lockHeld(dbpath) {
		time.Sleep(20 * time.Millisecond)
	}
	return exitClean
}

// lockHeld reports whether a process holds the lock of a data directory: the pid file may be left from one that was killed.
func lockHeld(dbpath string) bool {
	f, err := os.OpenFile(filepath.Join(dbpath, "mongod.lock"), os.O_RDWR, 0)
	if err != nil {
		return false
	}
	defer f.Close()
	spec := syscall.Flock_t{Type: syscall.F_WRLCK, Whence: io.SeekStart}
	if err := syscall.FcntlFlock(f.Fd(), syscall.F_GETLK, &spec); err != nil {
		return false
	}
	return spec.Type != syscall.F_UNLCK
}
