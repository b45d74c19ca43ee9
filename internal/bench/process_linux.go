package bench

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const clockTick = 100 // USER_HZ, which is 100 on every Linux that Go runs on

// usage is what a process has used so far.
type usage struct {
	cpu      time.Duration
	resident int64 // bytes, now
	written  int64 // bytes, to storage
}

// usageOf reads it. Nothing is known of a process that runs elsewhere.
func usageOf(pid int) (u usage, err error) {
	if pid == 0 {
		return u, nil
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	if len(fields) < 22 {
		return u, fmt.Errorf("/proc/%d/stat is short", pid)
	}
	number := func(i int) int64 {
		n, _ := strconv.ParseInt(fields[i], 10, 64)
		return n
	}
	u.cpu = time.Duration(number(11)+number(12)) * time.Second / clockTick
	u.resident = number(21) * int64(os.Getpagesize())
	u.written = bytesWritten(pid)
	return u, nil
}

// bytesWritten is 0 where the kernel does not let us see it.
func bytesWritten(pid int) int64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/io", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "write_bytes: "); ok {
			n, _ := strconv.ParseInt(text, 10, 64)
			return n
		}
	}
	return 0
}

// dieWithParent has the kernel end the process with the thread that starts it.
func dieWithParent(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} }

// allocated is what a file takes on the disk.
func allocated(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}
