package main

import "testing"

func TestMemTotal(t *testing.T) {
	for text, want := range map[string]int64{
		"MemTotal:       24684100 kB\nMemFree:        1 kB\n": 24684100 << 10,
		"MemFree: 1 kB\n": 0,
		"":                0,
	} {
		if got := memTotal(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}
