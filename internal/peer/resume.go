package peer

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"net"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// A snapshot whose sender or receiver ends before it is whole goes on where it was: its files stay where they were received, the next sender is told of them by
// their checksums, and those that its own checkpoint has too are not sent again. It does not matter who sends, nor whether this is the same process.

const (
	incomingDir = "incoming"    // below Options.Dir
	partSuffix  = ".part"       // of the file that is being received
	keepFor     = 1 * time.Hour // how long an unfinished snapshot waits to be finished
)

// held is a file as both sides compare it.
type held struct {
	size int64
	sum  uint32 // CRC-32C
}

func (t *Transport) incoming() string { return t.opts.FS.PathJoin(t.opts.Dir, incomingDir) }

// interrupted reports whether a snapshot ended with err for reasons that say nothing against what was received.
func interrupted(err error) bool {
	var ne net.Error
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &ne)
}

// forget removes what was received, unless another attempt than r came meanwhile.
func (t *Transport) forget(r *receipt) {
	timer := time.NewTimer(keepFor)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.receiving == r {
		_ = t.opts.FS.RemoveAll(t.incoming())
	}
}

// checksum reads a file.
func checksum(fs vfs.FS, path string) (held, error) {
	f, err := fs.Open(path, vfs.SequentialReadsOption)
	if err != nil {
		return held{}, err
	}
	defer f.Close()
	var h held
	buf := make([]byte, snapshotChunk)
	for {
		n, err := f.Read(buf)
		h.size += int64(n)
		h.sum = crc32.Update(h.sum, castagnoli, buf[:n])
		if err == io.EOF {
			return h, nil
		} else if err != nil {
			return held{}, err
		}
	}
}

// tellWhatThereIs answers begin with the whole files of an earlier attempt.
func (r *receipt) tellWhatThereIs() error {
	files, _, err := listFiles(r.fs, r.dir, "")
	if err != nil {
		return err
	}
	r.kept = make(map[string]int64, len(files))
	var w frameWriter
	for _, f := range files {
		path := pathOf(r.fs, r.dir, f.name)
		if strings.HasSuffix(f.name, partSuffix) {
			if err := r.fs.Remove(path); err != nil {
				return err
			}
			continue
		}
		h, err := checksum(r.fs, path)
		if err != nil {
			return err
		}
		r.kept[f.name] = h.size
		w.open(frameHave)
		w.buf = binary.AppendUvarint(w.buf, uint64(h.size))
		w.buf = binary.LittleEndian.AppendUint32(w.buf, h.sum)
		w.buf = append(w.buf, f.name...)
		w.close()
		if err := r.flush(&w); err != nil {
			return err
		}
	}
	w.open(frameAsk)
	w.close()
	return r.flush(&w)
}

func (r *receipt) flush(w *frameWriter) error {
	_ = r.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	return w.flush(r.conn)
}

// keep takes a file of the earlier attempt for one of this.
func (r *receipt) keep(name string) error {
	size, ok := r.kept[name]
	switch {
	case !ok:
		return badFrame("to keep %.100q, which is not here", name)
	case r.file != nil:
		return badFrame("to keep a file in a file")
	case uint64(r.progress.FilesDone) >= r.files || uint64(size) > r.bytes-r.received:
		return badFrame("more than %d files, %d bytes", r.files, r.bytes)
	}
	delete(r.kept, name)
	r.name = name
	r.received += uint64(size)
	r.progress.FilesDone++
	r.progress.BytesDone, r.progress.File = int64(r.received), name
	r.progress.BytesKept += size
	r.t.progress(&r.progress, nil, false)
	return r.makeDirs()
}

// dropKept removes the files of the earlier attempt that this one does not have.
func (r *receipt) dropKept() error {
	for name := range r.kept {
		if err := r.fs.Remove(pathOf(r.fs, r.dir, name)); err != nil {
			return err
		}
	}
	return nil
}
