package logfile

import (
	"fmt"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// The disk that is measured is the one that TMPDIR is on.

// BenchmarkAppendSync appends one entry and syncs; /raw does the same to a plain file, which is not prepared in any way, and /zeroed to one
// that was filled with zeros: the best that a log could do.
func BenchmarkAppendSync(b *testing.B) {
	for _, size := range []int{512, 4 << 10, 64 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%d/log", size), func(b *testing.B) {
			l := benchLog(b, Options{})
			list := []Entry{{Term: 1, Data: make([]byte, size)}}
			b.SetBytes(int64(size))
			for b.Loop() {
				list[0].Index++
				mustAppend(b, l, list, true)
			}
		})
		for _, zeroed := range []bool{false, true} {
			b.Run(fmt.Sprintf("%d/raw,zeroed=%v", size, zeroed), func(b *testing.B) { benchRaw(b, size, zeroed) })
		}
	}
}

func benchRaw(b *testing.B, size int, zeroed bool) {
	const limit = 64 << 20
	f, err := vfs.Default.OpenReadWrite(b.TempDir()+"/raw", vfs.WriteCategoryUnspecified)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	if zeroed {
		for at := int64(0); at < limit; at += int64(len(zeros)) {
			if _, err := f.WriteAt(zeros[:], at); err != nil {
				b.Fatal(err)
			}
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	data := make([]byte, size)
	at := int64(0)
	b.SetBytes(int64(size))
	for b.Loop() {
		if _, err := f.WriteAt(data, at); err != nil {
			b.Fatal(err)
		}
		if err := f.SyncData(); err != nil {
			b.Fatal(err)
		}
		if at += int64(size); zeroed {
			at %= limit
		}
	}
}

// BenchmarkAppendBatch appends and does not sync: what the log itself costs.
func BenchmarkAppendBatch(b *testing.B) {
	for _, n := range []int{1, 100} {
		for _, size := range []int{300, 10_000} {
			b.Run(fmt.Sprintf("%dx%d", n, size), func(b *testing.B) {
				l := benchLog(b, Options{})
				list := entriesOf(1, n, 1, size)
				b.SetBytes(int64(n * size))
				b.ReportAllocs()
				for b.Loop() {
					mustAppend(b, l, list, false)
					for i := range list {
						list[i].Index += uint64(n)
					}
				}
			})
		}
	}
}

// BenchmarkEntries reads a log in order: from the cache, from the files, and one entry at a time from the files.
func BenchmarkEntries(b *testing.B) {
	l := benchLog(b, Options{CacheBytes: 64 << 20})
	const n, size = 100_000, 300
	for i := uint64(1); i <= n; i += 100 {
		mustAppend(b, l, entriesOf(i, 100, 1, size), false)
	}
	for _, c := range []struct {
		name     string
		cached   bool
		maxBytes uint64
	}{{"cache", true, 1 << 20}, {"files", false, 1 << 20}, {"files, one by one", false, 1}} {
		b.Run(c.name, func(b *testing.B) {
			next := uint64(1)
			total := 0
			for b.Loop() {
				list, err := l.entries(next, n+1, c.maxBytes, c.cached)
				if err != nil {
					b.Fatal(err)
				}
				if next += uint64(len(list)); next > n {
					next = 1
				}
				total += len(list)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(total), "ns/entry")
		})
	}
}

// BenchmarkOpen opens a log after a kill: one whose newest segment has the given bytes, which must be read, and one of many sealed segments.
func BenchmarkOpen(b *testing.B) {
	for _, c := range []struct {
		name    string
		segment int64
		bytes   int64
	}{{"60 MB unsealed", 64 << 20, 60 << 20}, {"1 GB sealed", 64 << 20, 1 << 30}} {
		b.Run(c.name, func(b *testing.B) {
			dir := b.TempDir()
			opts := Options{SegmentBytes: c.segment}
			l, err := Open(vfs.Default, dir, opts)
			if err != nil {
				b.Fatal(err)
			}
			for next := uint64(1); l.SizeBytes() < c.bytes; next += 1000 {
				mustAppend(b, l, entriesOf(next, 1000, 1, 300), false)
			}
			l.Close()
			b.SetBytes(l.SizeBytes())
			for b.Loop() {
				l, err := Open(vfs.Default, dir, opts)
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				l.Close()
				b.StartTimer()
			}
		})
	}
}

func benchLog(b *testing.B, opts Options) *Log {
	l, err := Open(vfs.Default, b.TempDir(), opts)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	return l
}
