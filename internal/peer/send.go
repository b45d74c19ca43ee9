package peer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/raftnode"
)

// Times of a snapshot's connection.
const (
	chunkTimeout  = 30 * time.Second // to write a piece
	resultTimeout = 5 * time.Minute  // for the receiver to sync the files and to say whether it takes them
	retryAfter    = time.Second      // before raft may ask for the next attempt

	restAfter = 2 * time.Millisecond // of sending, after which it rests
	restShare = 3                    // times as long as it has worked
	restMax   = 100 * time.Millisecond
)

// startSnapshot ships a checkpoint to a member that is too far behind for the log.
func (t *Transport) startSnapshot(l *link, to uint64) {
	if l == nil || !l.beginShipping() {
		// Raft waits for an answer, and must not get it from here, under its lock. While a snapshot is on its way already the
		// answer of that one will do.
		if l == nil {
			t.spawn(func() { t.snapshotFailed(to) })
		}
		return
	}
	t.spawn(func() {
		err := l.ship()
		l.endShipping()
		if err != nil {
			t.snapshotFailed(to)
			return
		}
		t.node.ReportSnapshot(to, true)
	})
}

// snapshotFailed tells the node, a little later, so that it does not try again at once.
func (t *Transport) snapshotFailed(to uint64) {
	timer := time.NewTimer(retryAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
	t.node.ReportSnapshot(to, false)
}

func (l *link) beginShipping() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.shipping {
		return false
	}
	l.shipping = true
	return true
}

func (l *link) endShipping() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.shipping = false
}

// ship makes a checkpoint, sends it and waits for the receiver's word.
func (l *link) ship() (err error) {
	t := l.t
	dir := t.directory("outgoing", l.id)
	defer func() { _ = t.opts.FS.RemoveAll(dir) }()
	s := &shipment{link: l, dir: dir, progress: SnapshotProgress{Peer: l.id, Sending: true, StartedAt: time.Now()}}
	defer func() { t.progress(&s.progress, err, true) }()
	snap, release, err := t.node.Checkpoint(l.ctx, l.id, dir)
	if err != nil {
		return err
	}
	defer release()
	conn, br, _, err := l.dial(l.ctx, kindSnapshot)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer l.closeWithLink(conn)()
	s.conn, s.rested = conn, time.Now()
	if err := s.sendFiles(br); err != nil {
		return err
	}
	return s.finish(br, snap)
}

// shipment is a snapshot on its way out.
type shipment struct {
	link     *link
	dir      string
	conn     net.Conn
	frames   frameWriter
	rested   time.Time
	progress SnapshotProgress
}

func (s *shipment) flush() error {
	_ = s.conn.SetWriteDeadline(time.Now().Add(chunkTimeout))
	return s.frames.flush(s.conn)
}

func (s *shipment) sendFiles(br *bufio.Reader) error {
	fs := s.link.t.opts.FS
	files, total, err := listFiles(fs, s.dir, "")
	if err != nil {
		return err
	}
	s.progress.Files, s.progress.Bytes = len(files), total
	s.frames.open(frameBegin)
	s.frames.buf = binary.AppendUvarint(s.frames.buf, uint64(len(files)))
	s.frames.buf = binary.AppendUvarint(s.frames.buf, uint64(total))
	s.frames.close()
	if err := s.flush(); err != nil {
		return err
	}
	has, err := s.readHaves(br)
	if err != nil {
		return err
	}
	for _, f := range files {
		kept := false
		if h, ok := has[f.name]; ok {
			kept, err = s.keepFile(fs, f, h)
		}
		if err == nil && !kept {
			err = s.sendFile(fs, f)
		}
		if err != nil {
			return fmt.Errorf("peer: sending %s: %w", f.name, err)
		}
		s.progress.FilesDone++
	}
	return nil
}

// readHaves reads what the receiver has of an earlier attempt.
func (s *shipment) readHaves(br *bufio.Reader) (map[string]held, error) {
	has := map[string]held{}
	for len(has) <= maxFiles {
		_ = s.conn.SetReadDeadline(time.Now().Add(chunkTimeout))
		kind, body, err := readFrame(br)
		switch {
		case err != nil:
			return nil, err
		case kind == frameAsk:
			return has, nil
		case kind != frameHave:
			return nil, badFrame("type %d in place of what the receiver has", kind)
		}
		d := &decoder{rest: body}
		h := held{size: int64(d.uvarint())}
		if sum := d.bytes(4); sum != nil {
			h.sum = binary.LittleEndian.Uint32(sum)
		}
		if d.err != nil {
			return nil, d.err
		}
		has[string(d.rest)] = h
	}
	return nil, badFrame("the receiver has more than %d files", maxFiles)
}

// keepFile tells the receiver to keep the file that it has, if it is the same.
func (s *shipment) keepFile(fs vfs.FS, f file, has held) (kept bool, err error) {
	if has.size != f.size {
		return false, nil
	}
	h, err := checksum(fs, pathOf(fs, s.dir, f.name))
	if err != nil || h != has {
		return false, err
	}
	s.frames.open(frameKeep)
	s.frames.buf = append(s.frames.buf, f.name...)
	s.frames.close()
	s.progress.BytesDone += f.size
	s.progress.BytesKept += f.size
	s.link.t.progress(&s.progress, nil, false)
	return true, s.flush()
}

func (s *shipment) sendFile(fs vfs.FS, f file) error {
	in, err := fs.Open(pathOf(fs, s.dir, f.name), vfs.SequentialReadsOption)
	if err != nil {
		return err
	}
	defer in.Close()
	s.progress.File = f.name
	s.frames.open(frameFile)
	s.frames.buf = binary.AppendUvarint(s.frames.buf, uint64(f.size))
	s.frames.buf = append(s.frames.buf, f.name...)
	s.frames.close()
	chunk := make([]byte, min(snapshotChunk, f.size))
	sum := uint32(0)
	for at := int64(0); at < f.size; {
		k, err := in.Read(chunk[:min(int64(len(chunk)), f.size-at)])
		if k == 0 {
			return errors.Join(io.ErrUnexpectedEOF, err)
		}
		sum = crc32.Update(sum, castagnoli, chunk[:k])
		if err := s.sendChunk(uint64(at), chunk[:k]); err != nil {
			return err
		}
		at += int64(k)
	}
	s.frames.open(frameEnd)
	s.frames.buf = binary.LittleEndian.AppendUint32(s.frames.buf, sum)
	s.frames.close()
	return s.flush()
}

func (s *shipment) sendChunk(at uint64, data []byte) error {
	t := s.link.t
	s.frames.open(frameData)
	s.frames.buf = binary.AppendUvarint(s.frames.buf, at)
	s.frames.ref(data)
	s.frames.close()
	if err := s.flush(); err != nil {
		return err
	}
	s.progress.BytesDone += int64(len(data))
	t.progress(&s.progress, nil, false)
	return s.rest()
}

// rest leaves the machine to others, for restShare times as long as the last pieces took.
func (s *shipment) rest() error {
	took := time.Since(s.rested)
	if took < restAfter {
		return nil
	}
	timer := time.NewTimer(min(restShare*took, restMax))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.link.ctx.Done():
		return s.link.ctx.Err()
	}
	s.rested = time.Now()
	return nil
}

// finish tells the receiver, who has all files, what they are.
func (s *shipment) finish(br *bufio.Reader, snap raftnode.Snapshot) error {
	t := s.link.t
	m, err := t.node.SnapshotMessage(s.link.id, snap)
	if err != nil {
		return err
	}
	metadata, err := m.Snapshot.Marshal()
	if err != nil {
		return err
	}
	s.frames.open(frameDone)
	s.frames.buf = binary.AppendUvarint(s.frames.buf, m.Term)
	s.frames.buf = append(s.frames.buf, metadata...)
	s.frames.close()
	if err := s.flush(); err != nil {
		return err
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(resultTimeout))
	kind, body, err := readFrame(br)
	switch {
	case err != nil:
		return err
	case kind != frameResult || len(body) < 1:
		return badFrame("type %d in place of the result", kind)
	case body[0] != 1:
		return fmt.Errorf("peer: the snapshot was not taken: %.300s", body[1:])
	}
	return nil
}
