package logfile

import (
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// windowBytes is how much a reader reads at once.
const windowBytes = 256 << 10

// reader reads the records of a segment in order.
type reader struct {
	f      vfs.File
	seg    *segment
	next   int64  // offset of the next record
	end    int64  // nothing is read from here on
	window []byte // bytes of the file from start on
	start  int64
}

// errBadRecord says that no good record stands where one was looked for: the log ends there, or is damaged.
var errBadRecord = errors.New("no good record")

// read returns the next record and its offset. The payload is valid until the next call. At the end, or where no good record
// is, it returns errBadRecord with the offset.
func (r *reader) read() (rec record, offset int64, err error) {
	offset = r.next
	h, err := r.peek(offset, recordHeaderBytes)
	if err != nil {
		return record{}, offset, err
	}
	rec, n, sum, ok := decodeRecordHeader(h, r.seg.seed, offset)
	if !ok {
		return record{}, offset, errBadRecord
	}
	rec.payload, err = r.peek(offset+recordHeaderBytes, n)
	if err != nil {
		return record{}, offset, err
	}
	if crc32.Checksum(rec.payload, castagnoli) != sum {
		return record{}, offset, errBadRecord
	}
	r.next = offset + recordBytes(n)
	return rec, offset, nil
}

// peek returns n bytes at offset.
func (r *reader) peek(offset int64, n int) ([]byte, error) {
	if offset < r.start || offset+int64(n) > r.start+int64(len(r.window)) {
		if err := r.fill(offset, n); err != nil {
			return nil, err
		}
	}
	at := offset - r.start
	return r.window[at : at+int64(n) : at+int64(n)], nil
}

// fill reads a window at offset that has at least n bytes.
func (r *reader) fill(offset int64, n int) error {
	if offset+int64(n) > r.end {
		return errBadRecord
	}
	want := int(min(max(int64(n), windowBytes), r.end-offset))
	if cap(r.window) < want {
		r.window = make([]byte, want)
	}
	r.window, r.start = r.window[:want], offset
	got, err := r.f.ReadAt(r.window, offset)
	if got < want {
		r.window = r.window[:0]
		if err == io.EOF { // the file is shorter than it should be
			return errBadRecord
		}
		return fmt.Errorf("logfile: read %s: %w", r.seg.path, err)
	}
	return nil
}
