package command

import (
	"bytes"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// host is what hostInfo tells of the machine, as far as it can be found out.
type host struct {
	memoryMB          int64
	osType, osName    string
	osVersion, kernel string
}

// readHost asks the system. What a system does not tell stays empty.
func readHost() host {
	h := host{osType: osType(), osName: runtime.GOOS}
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		h.memoryMB = procField(b, "MemTotal:") / 1024
	}
	if b, err := os.ReadFile("/etc/os-release"); err == nil {
		for line := range strings.Lines(string(b)) {
			if name, ok := strings.CutPrefix(line, "PRETTY_NAME="); ok {
				h.osName = strings.Trim(strings.TrimSpace(name), `"`)
			}
		}
	}
	if b, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		h.osVersion = "Kernel " + strings.TrimSpace(string(b))
	}
	if b, err := os.ReadFile("/proc/version"); err == nil {
		h.kernel = strings.TrimSpace(string(b))
	}
	return h
}

func osType() string {
	switch runtime.GOOS {
	case "linux":
		return "Linux"
	case "darwin":
		return "Darwin"
	case "windows":
		return "Windows"
	}
	return runtime.GOOS
}

// procField returns the number behind a name in a file such as /proc/meminfo; 0 if it is not there.
func procField(b []byte, name string) int64 {
	i := bytes.Index(b, []byte(name))
	if i < 0 {
		return 0
	}
	f := strings.Fields(string(b[i+len(name) : min(len(b), i+len(name)+64)]))
	if len(f) == 0 {
		return 0
	}
	n, _ := strconv.ParseInt(f[0], 10, 64)
	return n
}

// processMemory returns the resident and virtual size of this process in MB.
func processMemory() (resident, virtual int64) {
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.Sys >> 20), int64(m.Sys >> 20)
	}
	return procField(b, "VmRSS:") / 1024, procField(b, "VmSize:") / 1024
}
