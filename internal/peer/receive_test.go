package peer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/raftnode"
)

// taker is a node that takes every snapshot.
type taker struct {
	taken []string
	m     raftpb.Message
}

func (n *taker) Step(raftpb.Message) error { return nil }
func (n *taker) StepSnapshot(m raftpb.Message, dir string) (bool, error) {
	n.taken, n.m = append(n.taken, dir), m
	return true, nil
}
func (n *taker) Checkpoint(context.Context, uint64, string) (raftnode.Snapshot, func(), error) {
	return raftnode.Snapshot{}, nil, io.EOF
}
func (n *taker) SnapshotMessage(uint64, raftnode.Snapshot) (raftpb.Message, error) {
	return raftpb.Message{}, io.EOF
}
func (n *taker) ReportSnapshot(uint64, bool) {}
func (n *taker) ReportUnreachable(uint64)    {}
func (n *taker) PeerGone(uint64)             {}

// stream is a connection from which data is read and into which anything goes.
type stream struct {
	net.Conn
	in  io.Reader
	out bytes.Buffer
}

func (s *stream) Read(p []byte) (int, error)       { return s.in.Read(p) }
func (s *stream) Write(p []byte) (int, error)      { return s.out.Write(p) }
func (s *stream) Close() error                     { return nil }
func (s *stream) SetReadDeadline(time.Time) error  { return nil }
func (s *stream) SetWriteDeadline(time.Time) error { return nil }

// receiveBytes receives a snapshot from data, and returns the file system, the node and the answer.
func receiveBytes(t testing.TB, data []byte) (vfs.FS, *taker, []byte) {
	fs := vfs.NewMem()
	n, _, answer := receiveInto(t, fs, data)
	return fs, n, answer
}

// receiveInto receives a snapshot from data, and returns the node, the names of what was there already, and the answer.
func receiveInto(t testing.TB, fs vfs.FS, data []byte) (*taker, []string, []byte) {
	tr, err := New(Options{ID: 1, FS: fs, Dir: "snapshots", Status: func() Status { return Status{} }})
	if err != nil {
		t.Fatal(err)
	}
	n := &taker{}
	tr.node = n
	conn := &stream{in: bytes.NewReader(data)}
	tr.receive(conn, bufio.NewReader(conn), newLink(tr, 2, "h"))
	tr.Close()
	var had []string
	for br := bufio.NewReader(&conn.out); ; {
		kind, body, err := readFrame(br)
		switch {
		case err != nil:
			t.Fatalf("no answer: %v", err)
		case kind == frameHave:
			d := &decoder{rest: body}
			d.uvarint()
			d.bytes(4)
			had = append(had, string(d.rest))
		case kind == frameResult:
			return n, had, body
		case kind != frameAsk:
			t.Fatalf("the answer is of type %d", kind)
		}
	}
}

// part is one frame of a snapshot.
type part func(w *frameWriter)

func begin(files, bytes uint64) part {
	return func(w *frameWriter) {
		w.open(frameBegin)
		w.buf = binary.AppendUvarint(binary.AppendUvarint(w.buf, files), bytes)
		w.close()
	}
}

func fileNamed(name string, size uint64) part {
	return func(w *frameWriter) {
		w.open(frameFile)
		w.buf = append(binary.AppendUvarint(w.buf, size), name...)
		w.close()
	}
}

func dataAt(offset uint64, data string) part {
	return func(w *frameWriter) {
		w.open(frameData)
		w.buf = append(binary.AppendUvarint(w.buf, offset), data...)
		w.close()
	}
}

func endOf(data string) part {
	return func(w *frameWriter) {
		w.open(frameEnd)
		w.buf = binary.LittleEndian.AppendUint32(w.buf, crc32.Checksum([]byte(data), castagnoli))
		w.close()
	}
}

func keepOf(name string) part {
	return func(w *frameWriter) {
		w.open(frameKeep)
		w.buf = append(w.buf, name...)
		w.close()
	}
}

func doneAt(index uint64) part {
	return func(w *frameWriter) {
		meta := raftpb.Snapshot{Data: make([]byte, 8), Metadata: raftpb.SnapshotMetadata{Index: index, Term: 1}}
		b, _ := meta.Marshal()
		w.open(frameDone)
		w.buf = append(binary.AppendUvarint(w.buf, 3), b...)
		w.close()
	}
}

func frames(parts ...part) []byte {
	var w frameWriter
	var out bytes.Buffer
	for _, p := range parts {
		p(&w)
	}
	_ = w.flush(&out)
	return out.Bytes()
}

// TestReceive: a snapshot that is whole is taken; of all others nothing is left.
func TestReceive(t *testing.T) {
	whole := []part{begin(2, 8), fileNamed("a", 3), dataAt(0, "12"), dataAt(2, "3"), endOf("123"), fileNamed("d/e/b", 5), dataAt(0, "45678"), endOf("45678"), doneAt(9)}
	fs, n, answer := receiveBytes(t, frames(whole...))
	if len(n.taken) != 1 || answer[0] != 1 || n.m.Term != 3 || n.m.From != 2 || n.m.To != 1 || n.m.Snapshot.Metadata.Index != 9 {
		t.Fatalf("taken %v, %+v, %q", n.taken, n.m, answer)
	}
	f, err := fs.Open(fs.PathJoin(n.taken[0], "d", "e", "b"))
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(f); string(b) != "45678" {
		t.Errorf("the file holds %q", b)
	}

	without := func(i int) []part { return append(append([]part{}, whole[:i]...), whole[i+1:]...) }
	with := func(i int, p part) []part { return append(append(append([]part{}, whole[:i]...), p), whole[i:]...) }
	bad := map[string][]part{
		"begun twice":          with(1, begin(2, 8)),
		"too few files":        with(5, doneAt(9)),
		"more files than said": with(8, fileNamed("c", 0)),
		"file in a file":       with(2, fileNamed("c", 0)),
		"too much data":        with(4, dataAt(3, "4")),
		"data again":           with(3, dataAt(0, "12")),
		"result":               with(3, func(w *frameWriter) { w.open(frameResult); w.close() }),
		"wrong checksum":       with(4, endOf("124")),
		"done in a file":       with(3, doneAt(9)),
		"nothing":              nil,
	}
	for i := range whole {
		bad[fmt.Sprint("without part ", i)] = without(i)
	}
	bad["more files than said"] = append(bad["more files than said"][:9:9], endOf(""), doneAt(9))
	for _, name := range []string{"", "/x", "../x", "a/../../x", "a//b", "a/", ".", "c:x", `a\b`, "a\x00", strings.Repeat("x", 1000)} {
		bad[fmt.Sprintf("file %.20q", name)] = []part{begin(1, 0), fileNamed(name, 0), endOf(""), doneAt(9)}
	}
	for name, parts := range bad {
		fs, n, answer := receiveBytes(t, frames(parts...))
		if len(n.taken) != 0 || len(answer) < 2 || answer[0] != 0 {
			t.Errorf("%s: taken %v, answer %q", name, n.taken, answer)
		}
		left, err := fs.List("snapshots")
		if interrupted := strings.Contains(string(answer), io.EOF.Error()); err != nil || len(left) != 0 && !interrupted {
			t.Errorf("%s: %v is left, %v", name, left, err)
		}
		if all, _ := fs.List("/"); len(all) > 1 {
			t.Errorf("%s: %v", name, all)
		}
	}
}

// TestReceiveGoesOn: what came whole in an attempt that was interrupted is not sent again; what the next snapshot does not have goes.
func TestReceiveGoesOn(t *testing.T) {
	fs := vfs.NewMem()
	n, had, _ := receiveInto(t, fs, frames(begin(4, 100), fileNamed("d/a", 3), dataAt(0, "123"), endOf("123"), fileNamed("b", 2), dataAt(0, "45"), endOf("45"), fileNamed("c", 2), dataAt(0, "6")))
	if len(n.taken) != 0 || len(had) != 0 {
		t.Fatalf("taken %v, had %v", n.taken, had)
	}
	n, had, answer := receiveInto(t, fs, frames(begin(2, 5), keepOf("d/a"), fileNamed("c", 2), dataAt(0, "67"), endOf("67"), doneAt(9)))
	if fmt.Sprint(had) != "[b d/a]" || len(n.taken) != 1 {
		t.Fatalf("had %v, taken %v, %q", had, n.taken, answer)
	}
	files, _, err := listFiles(fs, n.taken[0], "")
	if fmt.Sprint(files) != "[{c 2} {d/a 3}]" || err != nil {
		t.Errorf("%v: %v", files, err)
	}
	if left, _ := fs.List("snapshots"); len(left) != 1 {
		t.Errorf("%v is left", left)
	}
	n, _, answer = receiveInto(t, fs, frames(begin(1, 3), keepOf("d/a"), doneAt(9)))
	if len(n.taken) != 0 || answer[0] != 0 {
		t.Errorf("a file that is not there was kept")
	}
}

// FuzzReceive: no bytes make the receiver panic or write outside of its directory.
func FuzzReceive(f *testing.F) {
	f.Add(frames(begin(1, 3), fileNamed("a/b", 3), dataAt(0, "123"), endOf("123"), doneAt(9)))
	f.Add(frames(begin(1, 0), fileNamed("../x", 0), endOf(""), doneAt(9)))
	f.Add(frames(begin(1, 0), keepOf("a"), doneAt(9)))
	f.Fuzz(func(t *testing.T, data []byte) {
		fs, n, _ := receiveBytes(t, mend(data))
		all, _ := fs.List("/")
		left, _ := fs.List("snapshots")
		if len(all) > 1 || len(left) > 1 || len(left) < len(n.taken) {
			t.Errorf("%v, %v, taken %v", all, left, n.taken)
		}
	})
}
