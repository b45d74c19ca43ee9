package main

import (
	"os"
	"slices"
	"testing"
)

const someSmaps = `00400000-01000000 r-xp 00000000 fe:00 1234    /usr/bin/morton
Rss:                9000 kB
Anonymous:             0 kB
01000000-01001000 r--p 00c00000 fe:00 1234    /usr/bin/morton
Anonymous:             0 kB
01001000-01002000 r--p 00c01000 fe:00 1234    /usr/bin/morton
Anonymous:             4 kB
01002000-01003000 rw-p 00c02000 fe:00 1234    /usr/bin/morton
Anonymous:             0 kB
c000000000-c000400000 rw-p 00000000 00:00 0
Anonymous:             0 kB
7f0000000000-7f0000001000 r-xp 00000000 fe:00 99 /usr/lib/libc.so.6
Anonymous:             0 kB
`

// TestOnlyWhatCanBeReadAgainIsGivenBack: no page that differs from the file, such as a dynamic linker's, and none of another file.
func TestOnlyWhatCanBeReadAgainIsGivenBack(t *testing.T) {
	want := []mapping{{0x400000, 0xc00000}, {0x1000000, 0x1000}}
	if got := restorable(someSmaps, "/usr/bin/morton"); !slices.Equal(got, want) {
		t.Errorf("%x, want %x", got, want)
	}
	exe, err := os.Readlink("/proc/self/exe")
	maps, err2 := os.ReadFile("/proc/self/smaps")
	if err != nil || err2 != nil {
		t.Fatal(err, err2)
	}
	if len(restorable(string(maps), exe)) == 0 {
		t.Error("no part of this program was found")
	}
	giveBackStart() // this program goes on
}
