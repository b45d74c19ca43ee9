package peer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"
)

// receive takes a snapshot and gives it to the node. A second one ends the first, whose sender
// may be dead without this side knowing.
func (t *Transport) receive(conn net.Conn, br *bufio.Reader, l *link) {
	r := &receipt{t: t, conn: conn, br: br, from: l.id, dir: t.incoming(), fs: t.opts.FS, done: make(chan struct{}),
		progress: SnapshotProgress{Peer: l.id, StartedAt: time.Now()}}
	t.mu.Lock()
	before := t.receiving
	t.receiving = r
	t.mu.Unlock()
	if before != nil {
		_ = before.conn.Close()
		<-before.done
	}
	accepted, err := r.run()
	r.closeFile()
	if err == nil && !accepted {
		err = errors.New("peer: raft has no use for it")
	}
	if !accepted && !interrupted(err) {
		_ = r.fs.RemoveAll(r.dir)
	}
	close(r.done)
	t.progress(&r.progress, err, true)
	r.answer(accepted, err)
	if !accepted {
		t.spawn(func() { t.forget(r) })
	}
}

// receipt is a snapshot on its way in.
type receipt struct {
	t        *Transport
	conn     net.Conn
	br       *bufio.Reader
	from     uint64
	fs       vfs.FS
	dir      string
	dirs     []string      // made below dir
	done     chan struct{} // closed when dir is another's
	progress SnapshotProgress
	kept     map[string]int64 // what there is of an earlier attempt: names and sizes

	files    uint64 // announced
	bytes    uint64
	received uint64

	file vfs.File // being received
	name string
	size uint64
	at   uint64
	sum  uint32
}

// run receives everything and returns whether raft took it.
func (r *receipt) run() (accepted bool, err error) {
	if err := r.fs.MkdirAll(r.dir, 0o755); err != nil {
		return false, err
	}
	began := false
	for {
		_ = r.conn.SetReadDeadline(time.Now().Add(r.t.silent() + chunkTimeout))
		kind, body, err := readFrame(r.br)
		if err != nil {
			return false, err
		}
		d := &decoder{rest: body}
		if (kind == frameBegin) == began {
			return false, badFrame("type %d at the wrong place", kind)
		}
		switch kind {
		case frameBegin:
			began = true
			err = r.begin(d)
		case frameFile:
			err = r.create(d)
		case frameData:
			err = r.data(d)
		case frameEnd:
			err = r.end(d)
		case frameKeep:
			err = r.keep(string(d.rest))
		case frameDone:
			return r.finish(d)
		default:
			err = badFrame("type %d", kind)
		}
		if err != nil {
			return false, err
		}
	}
}

func (r *receipt) begin(d *decoder) error {
	r.files, r.bytes = d.uvarint(), d.uvarint()
	if r.files > maxFiles {
		d.fail("%d files are more than %d", r.files, maxFiles)
	}
	r.progress.Files, r.progress.Bytes = int(r.files), int64(r.bytes)
	if err := d.end(); err != nil {
		return err
	}
	return r.tellWhatThereIs()
}

func (r *receipt) create(d *decoder) error {
	r.size, r.name = d.uvarint(), string(d.rest)
	switch err := checkName(r.name); {
	case d.err != nil:
		return d.err
	case err != nil:
		return err
	case r.file != nil:
		return badFrame("file in a file")
	case uint64(r.progress.FilesDone) >= r.files:
		return badFrame("more than %d files", r.files)
	}
	if err := r.makeDirs(); err != nil {
		return err
	}
	delete(r.kept, r.name) // it is replaced
	f, err := r.fs.Create(pathOf(r.fs, r.dir, r.name)+partSuffix, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	f = vfs.NewSyncingFile(f, vfs.SyncingFileOptions{BytesPerSync: 2 * snapshotChunk}) // a sync of it all at once would hold up the syncs of others
	r.file, r.at, r.sum, r.progress.File = f, 0, 0, r.name
	return nil
}

// makeDirs makes the directories that the file's name has.
func (r *receipt) makeDirs() error {
	for i, c := range r.name {
		if c != '/' {
			continue
		}
		path := pathOf(r.fs, r.dir, r.name[:i])
		if len(r.dirs) > 0 && r.dirs[len(r.dirs)-1] == path {
			continue
		}
		if err := r.fs.MkdirAll(path, 0o755); err != nil {
			return err
		}
		r.dirs = append(r.dirs, path)
	}
	return nil
}

func (r *receipt) data(d *decoder) error {
	offset := d.uvarint()
	data := d.rest
	switch {
	case d.err != nil:
		return d.err
	case r.file == nil || offset != r.at:
		return badFrame("data for byte %d", offset)
	case uint64(len(data)) > r.size-r.at || uint64(len(data)) > r.bytes-r.received:
		return badFrame("more data than announced in %s", r.name)
	}
	r.sum = crc32.Update(r.sum, castagnoli, data)
	if _, err := r.file.Write(data); err != nil { // which may change data
		return err
	}
	r.at += uint64(len(data))
	r.received += uint64(len(data))
	r.progress.BytesDone = int64(r.received)
	r.t.progress(&r.progress, nil, false)
	return nil
}

func (r *receipt) end(d *decoder) error {
	sum := d.bytes(4)
	switch {
	case d.end() != nil:
		return d.err
	case r.file == nil || r.at != r.size:
		return badFrame("end of %s at byte %d of %d", r.name, r.at, r.size)
	case binary.LittleEndian.Uint32(sum) != r.sum:
		return badFrame("checksum of %s differs", r.name)
	}
	if err := errors.Join(r.file.Sync(), r.closeFile()); err != nil {
		return err
	}
	r.progress.FilesDone++
	path := pathOf(r.fs, r.dir, r.name)
	return r.fs.Rename(path+partSuffix, path)
}

func (r *receipt) closeFile() error {
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// finish makes the directory durable and asks the node to take it.
func (r *receipt) finish(d *decoder) (accepted bool, err error) {
	m := raftpb.Message{Type: raftpb.MsgSnap, From: r.from, To: r.t.opts.ID, Term: d.uvarint(), Snapshot: &raftpb.Snapshot{}}
	switch {
	case d.err != nil:
		return false, d.err
	case r.file != nil || uint64(r.progress.FilesDone) != r.files || r.received != r.bytes:
		return false, badFrame("%d of %d files, %d of %d bytes", r.progress.FilesDone, r.files, r.received, r.bytes)
	}
	if err := m.Snapshot.Unmarshal(d.rest); err != nil {
		return false, badFrame("metadata: %v", err)
	}
	if err := r.dropKept(); err != nil {
		return false, err
	}
	for i := len(r.dirs) - 1; i >= 0; i-- {
		if err := r.syncDir(r.dirs[i]); err != nil {
			return false, err
		}
	}
	if err := r.syncDir(r.dir); err != nil {
		return false, err
	}
	whole := r.t.directory("received", r.from) // the node may need it longer than until the next one comes
	if err := r.fs.Rename(r.dir, whole); err != nil {
		return false, err
	}
	r.dir = whole
	if err := r.syncDir(r.t.opts.Dir); err != nil {
		return false, err
	}
	return r.t.node.StepSnapshot(m, r.dir)
}

func (r *receipt) syncDir(path string) error {
	f, err := r.fs.OpenDir(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// answer tells the sender what came of it.
func (r *receipt) answer(accepted bool, err error) {
	var w frameWriter
	w.open(frameResult)
	if accepted {
		w.buf = append(w.buf, 1)
	} else {
		w.buf = append(w.buf, 0)
		w.buf = append(w.buf, strings.ToValidUTF8(fmt.Sprintf("%.300v", err), "?")...)
	}
	w.close()
	_ = r.flush(&w)
}
