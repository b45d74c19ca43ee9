package logfile

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// directBytes is from which size on a payload is written from where it is, not copied into the buffer of small ones.
	directBytes = 64 << 10
	// bufferBytes is how much is gathered into one write, about.
	bufferBytes = 1 << 20
	// fillMin and fillMax bound how far ahead of the end the file is filled with zeros. See "Space" in doc.go.
	fillMin = 256 << 10
	fillMax = 1 << 20
)

// zeros is never written to, so it takes no memory.
var zeros [256 << 10]byte

// writer appends records to the newest segment. What was put is in the file after flush and durable after sync.
type writer struct {
	seg     *segment
	f       vfs.File
	limit   int64  // the segment should not grow beyond this
	end     int64  // where the next record goes
	durable int64  // up to here the file is synced
	size    int64  // of the file
	buf     []byte // records that are not yet in the file; they end at end
	batch   int64  // bytes put since the last flush
	mean    int64  // of batch over the last flushes, about
}

// fits reports whether a record with n bytes of payload may go to this segment; an empty one takes any.
func (w *writer) fits(n int) bool {
	return w.end == firstRecordOffset || w.end+recordBytes(n) <= w.limit
}

// put appends a record and returns its offset.
func (w *writer) put(r record) (offset int64, err error) {
	offset = w.end
	r.durable = uint32(w.durable)
	w.buf = appendRecordHeader(w.buf, &r, w.seg.seed, offset)
	n := len(r.payload)
	w.end += recordBytes(n)
	w.batch += recordBytes(n)
	if n < directBytes {
		w.buf = append(w.buf, r.payload...)
		w.buf = append(w.buf, zeros[:recordBytes(n)-recordHeaderBytes-int64(n)]...)
		if len(w.buf) >= bufferBytes {
			return offset, w.flush()
		}
		return offset, nil
	}
	if err := w.write(w.buf, offset+recordHeaderBytes); err != nil {
		return 0, err
	}
	w.buf = w.buf[:0] // the padding is left out: nobody looks at it
	return offset, w.write(r.payload, offset+recordHeaderBytes+int64(n))
}

// flush writes what was put to the file.
func (w *writer) flush() error {
	if w.batch == 0 {
		return nil
	}
	w.mean += (w.batch - w.mean) / 8
	w.batch = 0
	if len(w.buf) == 0 {
		return nil
	}
	if w.end > w.size && w.mean < directBytes {
		if err := w.fill(); err != nil {
			return err
		}
	}
	err := w.write(w.buf, w.end)
	w.buf = w.buf[:0]
	return err
}

// fill prepares space for this flush and those to come.
func (w *writer) fill() error {
	to := min(w.end+min(max(w.end, fillMin), fillMax), max(w.end, w.limit))
	for w.size < to {
		if err := w.write(zeros[:min(int64(len(zeros)), to-w.size)], min(w.size+int64(len(zeros)), to)); err != nil {
			return err
		}
	}
	return nil
}

// write writes b so that it ends at offset end.
func (w *writer) write(b []byte, end int64) error {
	if _, err := w.f.WriteAt(b, end-int64(len(b))); err != nil {
		return fmt.Errorf("logfile: write %s: %w", w.seg.path, err)
	}
	w.size = max(w.size, end)
	return nil
}

// sync makes everything that was put durable.
func (w *writer) sync() error {
	if err := w.flush(); err != nil {
		return err
	}
	if w.durable == w.end {
		return nil
	}
	if err := w.f.SyncData(); err != nil {
		return fmt.Errorf("logfile: sync %s: %w", w.seg.path, err)
	}
	w.durable = w.end
	return nil
}

// close closes the file. It does nothing if that was done.
func (w *writer) close() error {
	if w.f == nil {
		return nil
	}
	err := w.f.Close()
	w.f = nil
	if err != nil {
		return fmt.Errorf("logfile: close %s: %w", w.seg.path, err)
	}
	return nil
}
