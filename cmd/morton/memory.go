package main

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/node"
)

// gcPercent is how much garbage may gather, in percent of what is live. Most of that is the cache, which has no pointers: it costs the collector nothing to look at it, but
// as much again as garbage would be a lot.
const gcPercent = 50

// limitMemory makes the process keep to what follows from its cache. What the environment says to Go's runtime comes first.
func limitMemory(cache int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(node.MemoryBudget(cache))
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
}

// machineMemory is what this process may use at most: the machine's, or its control group's if that has less; 0: unknown.
func machineMemory() int64 {
	total := int64(0)
	if text, err := os.ReadFile("/proc/meminfo"); err == nil {
		total = memTotal(string(text))
	}
	if text, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 && (total == 0 || n < total) {
			total = n
		}
	}
	return total
}

// memTotal reads /proc/meminfo, which counts in kB.
func memTotal(text string) int64 {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "MemTotal:" {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n << 10
		}
	}
	return 0
}
