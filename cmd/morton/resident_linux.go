package main

import (
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// giveBackStart unmaps the pages of the program that only starting has used: of 28 MB that were read, the tables of initialization above all, 8 MB are not read again. What is
// needed comes back from the page cache by itself, 64 KB at a time. What could not be given back stays.
func giveBackStart() {
	maps, err := os.ReadFile("/proc/self/smaps")
	exe, err2 := os.Readlink("/proc/self/exe")
	if err != nil || err2 != nil {
		return
	}
	for _, m := range restorable(string(maps), exe) {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, m.begin, m.size, unix.MADV_DONTNEED)
	}
}

// mapping is a part of a file in the address space.
type mapping struct{ begin, size uintptr }

// restorable returns the parts of the file that are mapped without the right to write and have no page of their own: they can be read again. A dynamic
// linker writes addresses into pages that it protects afterwards: those are anonymous, and would come back as the file has them.
func restorable(smaps, file string) (list []mapping) {
	var m mapping
	ours := false
	for line := range strings.Lines(smaps) {
		f := strings.Fields(line)
		switch {
		case len(f) > 1 && !strings.HasSuffix(f[0], ":"): // a mapping begins
			m, ours = parseMapping(f[0])
			ours = ours && len(f) > 5 && f[5] == file && strings.HasPrefix(f[1], "r-")
		case ours && len(f) > 1 && f[0] == "Anonymous:" && f[1] == "0":
			list = append(list, m)
		}
	}
	return list
}

// parseMapping reads a range of addresses.
func parseMapping(text string) (m mapping, ok bool) {
	from, to, _ := strings.Cut(text, "-")
	begin, err := strconv.ParseUint(from, 16, 64)
	end, err2 := strconv.ParseUint(to, 16, 64)
	return mapping{uintptr(begin), uintptr(end - begin)}, err == nil && err2 == nil && end > begin
}
