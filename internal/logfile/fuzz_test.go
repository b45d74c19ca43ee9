package logfile

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// FuzzOpenSegment opens a log whose newest segment, or the one before it, has these bytes; with repair their checksums are put right first, so that what is
// behind them is reached, too. (Run it with -fuzzminimizetime 10x: making a segment smaller takes go test long and is of no use.) Opening must end in a log or an error, and a log that opened must be usable, and the same when opened again.
func FuzzOpenSegment(f *testing.F) {
	files, _ := sampleLog(f)
	for _, b := range files {
		for _, repair := range []bool{false, true} {
			for _, before := range []bool{false, true} {
				f.Add(b, repair, before)
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, repair, before bool) {
		fs := vfs.NewMem()
		if err := fs.MkdirAll(testDir, 0o755); err != nil {
			t.Fatal(err)
		}
		h := segmentHeader{number: 1, begins: true}
		if repair {
			b = repairSegment(b)
			if len(b) >= segmentHeaderBytes {
				h, _ = decodeSegmentHeader(b, "")
			}
		}
		path := fs.PathJoin(testDir, segmentName(max(h.number, 1)))
		writeFile(t, fs, path, b)
		if before {
			next := segmentHeader{number: h.number + 1, hs: h.hs, trimmed: h.trimmed, last: h.last}
			if sealAt, last, ok := findSeal(b); ok {
				next.prevSeal, next.last = uint32(sealAt), last
				next.hs.Commit = min(next.hs.Commit, last.index)
				next.trimmed.index = min(next.trimmed.index, next.hs.Commit)
			}
			if next.number > 1 {
				if err := writeHeaderFile(fs, fs.PathJoin(testDir, segmentName(next.number)), next); err != nil {
					t.Fatal(err)
				}
			}
		}
		l, err := Open(fs, testDir, Options{SegmentBytes: 8 << 10})
		if err != nil {
			if !errors.As(err, new(*CorruptError)) && !errors.As(err, new(*VersionError)) {
				t.Fatalf("unexpected kind of error: %v", err)
			}
			return
		}
		if bad := l.idx.check(); bad != "" {
			t.Fatal(bad)
		}
		if err := l.Check(); err != nil {
			if !errors.As(err, new(*CorruptError)) {
				t.Fatalf("unexpected kind of error: %v", err)
			}
			return
		}
		term, err := l.Term(l.LastIndex())
		if err != nil {
			t.Fatal(err)
		}
		if l.LastIndex() < maxIndex-10 && term < 1<<62 { // near the end of the numbers there is no next entry
			mustAppend(t, l, entriesOf(l.LastIndex()+1, 3, term+1, 3000), true)
			if err := l.Trim(l.LastIndex()); err != nil {
				t.Fatal(err)
			}
		}
		want, err := observe(l)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if l, err = Open(fs, testDir, Options{}); err != nil {
			t.Fatal(err)
		}
		got, err := observe(l)
		if err != nil {
			t.Fatal(err)
		}
		if diff := diffEntries(want.entries, got.entries); diff != "" || got.before != want.before || got.hs != want.hs {
			t.Fatalf("reopened: %+v %v, then %+v %v: %s", want.hs, want.before, got.hs, got.before, diff)
		}
	})
}

// repairSegment puts right the checksums of the segment header and of all records that follow one another.
func repairSegment(b []byte) []byte {
	b = append([]byte(nil), b...)
	if len(b) < firstRecordOffset {
		return b
	}
	copy(b, magic)
	binary.LittleEndian.PutUint32(b[8:], formatVersion)
	fixHeader(b)
	var salt [8]byte
	copy(salt[:], b[24:])
	seed := crc32.Checksum(salt[:], castagnoli)
	for at := firstRecordOffset; at+recordHeaderBytes <= len(b); {
		h := b[at : at+recordHeaderBytes]
		n := int(binary.LittleEndian.Uint32(h[8:]))
		if h[12] == 0 || at+recordHeaderBytes+n > len(b) || n < 0 {
			break
		}
		binary.LittleEndian.PutUint32(h[4:], crc32.Checksum(b[at+recordHeaderBytes:at+recordHeaderBytes+n], castagnoli))
		binary.LittleEndian.PutUint32(h, uint32(at))
		binary.LittleEndian.PutUint32(h, crc32.Update(seed, castagnoli, h))
		at += int(recordBytes(n))
	}
	return b
}

// findSeal returns where the first seal in a segment is, and the last entry's position in it.
func findSeal(b []byte) (at int, last position, ok bool) {
	for at := firstRecordOffset; at+recordHeaderBytes <= len(b); {
		n := int(binary.LittleEndian.Uint32(b[at+8:]))
		switch {
		case kind(b[at+12]) == kindSeal:
			return at, position{binary.LittleEndian.Uint64(b[at+20:]), binary.LittleEndian.Uint64(b[at+28:])}, true
		case b[at+12] == 0 || n > len(b):
			return 0, position{}, false
		}
		at += int(recordBytes(n))
	}
	return 0, position{}, false
}
