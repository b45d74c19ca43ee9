package logfile

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func readFile(t testing.TB, fs vfs.FS, path string) []byte {
	t.Helper()
	f, err := fs.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func writeFile(t testing.TB, fs vfs.FS, path string, b []byte) {
	t.Helper()
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(slices.Clone(b)); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// sampleLog returns the files of a closed log with a few segments, replaced suffixes and a trim, and what it shows.
func sampleLog(t testing.TB) (files map[string][]byte, want observed) {
	t.Helper()
	fs := vfs.NewMem()
	l := mustOpen(t, fs, Options{SegmentBytes: 5500})
	mustAppend(t, l, entriesOf(1, 12, 1, 250), true)
	mustAppend(t, l, entriesOf(9, 6, 2, 250), true)
	if err := l.Append(entriesOf(12, 4, 3, 250), &HardState{Term: 3, Vote: 7, Commit: 10}, true); err != nil {
		t.Fatal(err)
	}
	if err := l.Trim(8); err != nil {
		t.Fatal(err)
	}
	mustAppend(t, l, entriesOf(16, 2, 3, 100), true)
	var err error
	if want, err = observe(l); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	names, err := fs.List(testDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		files[name] = readFile(t, fs, fs.PathJoin(testDir, name))
	}
	if len(files) < 3 || want.before.index == 0 {
		t.Fatalf("the sample should have more: %d files, %v", len(files), want.before)
	}
	return files, want
}

// openFiles opens a log of these files, checks it and observes it.
func openFiles(t testing.TB, files map[string][]byte) (observed, error) {
	fs := vfs.NewMem()
	if err := fs.MkdirAll(testDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		writeFile(t, fs, fs.PathJoin(testDir, name), b)
	}
	l, err := Open(fs, testDir, Options{SegmentBytes: 6000})
	if err != nil {
		return observed{}, err
	}
	defer l.Close()
	if err := l.Check(); err != nil {
		return observed{}, err
	}
	return observe(l)
}

// TestEveryFlippedBitIsNoticed flips each bit of a log that was closed. Either somebody says that it is damaged, or the log is the same as before.
func TestEveryFlippedBitIsNoticed(t *testing.T) {
	files, want := sampleLog(t)
	noticed := map[string]int{}
	for name, b := range files {
		for at := range b {
			if at > segmentHeaderBytes && at < firstRecordOffset {
				continue // nothing is there
			}
			b[at] ^= 1 << (at % 8)
			got, err := openFiles(t, files)
			b[at] ^= 1 << (at % 8)
			if err != nil {
				if !errors.As(err, new(*CorruptError)) && !errors.As(err, new(*VersionError)) {
					t.Fatalf("%s at %d: %v", name, at, err)
				}
				noticed[name]++
				continue
			}
			if diff := diffEntries(want.entries, got.entries); diff != "" || got.hs != want.hs || got.before != want.before {
				t.Fatalf("%s at %d: nobody noticed; hard state %+v, begins after %v: %s", name, at, got.hs, got.before, diff)
			}
		}
	}
	for name := range files {
		if noticed[name] < 500 {
			t.Errorf("%s: only %d flipped bits were noticed", name, noticed[name])
		}
	}
}

// TestCutFileIsNoticed cuts each file of a closed log at every length.
func TestCutFileIsNoticed(t *testing.T) {
	files, want := sampleLog(t)
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names {
		whole := files[name]
		for n := 0; n < len(whole); n += 7 {
			files[name] = whole[:n]
			got, err := openFiles(t, files)
			if err == nil && name == names[len(names)-1] {
				// The end of the newest file may be a crash's doing, since no record behind it tells otherwise. But what is left must be a beginning.
				if len(got.entries) > len(want.entries) || diffEntries(want.entries[:len(got.entries)], got.entries) != "" {
					t.Fatalf("%s cut at %d: entries that never were", name, n)
				}
				continue
			}
			if err == nil && (diffEntries(want.entries, got.entries) != "" || got.hs != want.hs) {
				t.Fatalf("%s cut at %d of %d: nobody noticed", name, n, len(whole))
			}
		}
		files[name] = whole
	}
}

func TestMissingSegmentIsNoticed(t *testing.T) {
	files, _ := sampleLog(t)
	names := slices.Sorted(maps.Keys(files))
	for _, name := range names[:len(names)-1] {
		rest := maps.Clone(files)
		delete(rest, name)
		_, err := openFiles(t, rest)
		if c := new(CorruptError); !errors.As(err, &c) || !strings.Contains(err.Error(), "missing") {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// TestNewerVersionIsRefused: the message must say what to do, and nothing may be changed.
func TestNewerVersionIsRefused(t *testing.T) {
	files, _ := sampleLog(t)
	names := slices.Sorted(maps.Keys(files))
	b := files[names[len(names)-1]]
	binary.LittleEndian.PutUint32(b[8:], formatVersion+1)
	fixHeader(b)
	_, err := openFiles(t, files)
	v := new(VersionError)
	if !errors.As(err, &v) || v.Version != formatVersion+1 || !strings.Contains(err.Error(), "start the version of Morton") {
		t.Errorf("got %v", err)
	}
}

func fixHeader(b []byte) {
	binary.LittleEndian.PutUint32(b[12:], 0)
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b[:segmentHeaderBytes], castagnoli))
}

// TestForeignFilesAreLeftAlone: only what the log made is removed.
func TestForeignFilesAreLeftAlone(t *testing.T) {
	files, want := sampleLog(t)
	files["notes.txt"], files["1.log"], files["other.tmp"] = []byte("x"), []byte("y"), []byte("z")
	files["0000000000000009.log.tmp"] = []byte("left by a crash")
	fs := vfs.NewMem()
	if err := fs.MkdirAll(testDir, 0o755); err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		writeFile(t, fs, fs.PathJoin(testDir, name), b)
	}
	l := mustOpen(t, fs, Options{})
	if l.LastIndex() != want.before.index+uint64(len(want.entries)) {
		t.Errorf("last index is %d", l.LastIndex())
	}
	names, _ := fs.List(testDir)
	slices.Sort(names)
	delete(files, "0000000000000009.log.tmp")
	if want := slices.Sorted(maps.Keys(files)); fmt.Sprint(names) != fmt.Sprint(want) {
		t.Errorf("files are %v, want %v", names, want)
	}
}
