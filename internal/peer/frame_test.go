package peer

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/mortondb/morton/internal/oplog"
)

func messages() []raftpb.Message {
	big := bytes.Repeat([]byte("x"), 3*copyBelow)
	return []raftpb.Message{
		{Type: raftpb.MsgHeartbeat, Term: 7, Commit: 1 << 60, Context: []byte("ctx")},
		{Type: raftpb.MsgAppResp, Term: 1, Index: 9, Reject: true, RejectHint: 8, LogTerm: 3},
		{Type: raftpb.MsgApp, Term: 5, LogTerm: 4, Index: 10, Commit: 9, Entries: []raftpb.Entry{
			{Index: 11, Term: 4, Data: big}, {Index: 12, Term: 5}, {Index: 13, Term: 5, Type: raftpb.EntryConfChangeV2, Data: []byte("cc")},
			{Index: 14, Term: 5, Data: append(big, 'y')},
		}},
		{Type: raftpb.MsgVote, Term: 2, Context: []byte("CampaignTransfer")},
		{Type: raftpb.MsgApp, Term: 1},
	}
}

// TestFramesComeBack: what is written is read again, in one flush or many, from a reader that gives what it likes.
func TestFramesComeBack(t *testing.T) {
	status := statusFrame{Status: Status{State: 2, Applied: oplog.OpTime{TS: 5, Term: 6}, Durable: oplog.OpTime{TS: 7, Term: 8}, Term: 9, Leader: 1 << 63,
		ConfigVersion: 10, ConfigTerm: 11, Uptime: 12 * time.Second, Wall: time.UnixMilli(13), Message: "syncing"}, clock: 14, echo: 15, held: 16}
	var w frameWriter
	var out bytes.Buffer
	for i, m := range messages() {
		w.writeRaft(&m)
		w.writeStatus(&status)
		if i%2 == 1 {
			if err := w.flush(&out); err != nil {
				t.Fatal(err)
			}
		}
	}
	size := w.size
	before := out.Len()
	if err := w.flush(&out); err != nil {
		t.Fatal(err)
	}
	if out.Len()-before != size {
		t.Errorf("size is %d, %d bytes were written", size, out.Len()-before)
	}
	br := bufio.NewReader(iotest.HalfReader(&out))
	for _, want := range messages() {
		kind, body, err := readFrame(br)
		if err != nil || kind != frameRaft {
			t.Fatalf("type %d: %v", kind, err)
		}
		got, err := parseRaft(body, 3, 4)
		if err != nil {
			t.Fatal(err)
		}
		want.From, want.To = 3, 4
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("message (-want +got):\n%s", diff)
		}
		kind, body, err = readFrame(br)
		if err != nil || kind != frameStatus {
			t.Fatalf("type %d: %v", kind, err)
		}
		s, err := parseStatus(body)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(status, s, cmp.AllowUnexported(statusFrame{})); diff != "" {
			t.Errorf("status (-want +got):\n%s", diff)
		}
	}
	if _, _, err := readFrame(br); err != io.EOF {
		t.Errorf("after the last frame: %v", err)
	}
}

// TestLargeDataIsNotCopied: entries of a megabyte go out without being copied.
func TestLargeDataIsNotCopied(t *testing.T) {
	m := raftpb.Message{Type: raftpb.MsgApp, Term: 1, Entries: []raftpb.Entry{{Index: 1, Term: 1, Data: make([]byte, 1<<20)}}}
	var w frameWriter
	allocated := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for range b.N {
			w.writeRaft(&m)
			if err := w.flush(io.Discard); err != nil {
				b.Fatal(err)
			}
		}
	}).AllocedBytesPerOp()
	if allocated > 1000 {
		t.Errorf("%d bytes are allocated to send one megabyte", allocated)
	}
}

// TestDamageIsFound: a frame with one byte changed, or cut short, is an error.
func TestDamageIsFound(t *testing.T) {
	var w frameWriter
	m := messages()[2]
	w.writeRaft(&m)
	var out bytes.Buffer
	_ = w.flush(&out)
	good := out.Bytes()
	r := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		bad := bytes.Clone(good)
		bad[r.IntN(len(bad))] ^= byte(1 + r.IntN(255))
		if _, _, err := readFrame(bufio.NewReader(bytes.NewReader(bad))); err == nil {
			t.Fatal("damage was not noticed")
		}
		if _, _, err := readFrame(bufio.NewReader(bytes.NewReader(good[:r.IntN(len(good))]))); err == nil {
			t.Fatal("a frame cut short was not noticed")
		}
	}
}

// TestMemoryComesWithBytes: a frame that says it is large takes little memory as long as nothing of it arrives.
func TestMemoryComesWithBytes(t *testing.T) {
	header := binary.LittleEndian.AppendUint32(nil, maxFrame)
	header = append(header, 0, 0, 0, 0, 1, 2, 3)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := readFrame(bufio.NewReader(bytes.NewReader(header)))
	runtime.ReadMemStats(&after)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 2*growFrame {
		t.Errorf("%d bytes were allocated", took)
	}
	for _, length := range []uint32{0, maxFrame + 1, 1<<32 - 1} {
		if _, _, err := readFrame(bufio.NewReader(bytes.NewReader(append(binary.LittleEndian.AppendUint32(nil, length), 1, 2, 3, 4, 5)))); !errors.Is(err, errFrame) {
			t.Errorf("length %d: %v", length, err)
		}
	}
}

// FuzzFrames: no bytes make the decoders panic, and what they accept comes out of the encoder as it went in.
func FuzzFrames(f *testing.F) {
	for _, m := range messages() {
		var w frameWriter
		w.writeRaft(&m)
		w.writeStatus(&statusFrame{Status: Status{State: 1}, clock: 3})
		var out bytes.Buffer
		_ = w.flush(&out)
		f.Add(out.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		br := bufio.NewReader(bytes.NewReader(mend(data)))
		for {
			kind, body, err := readFrame(br)
			if err != nil {
				return
			}
			if _, err := parseStatus(body); err != nil && !errors.Is(err, errFrame) {
				t.Fatalf("status: %v", err)
			}
			m, err := parseRaft(body, 1, 2)
			if err != nil || kind != frameRaft {
				continue
			}
			var w frameWriter
			var out bytes.Buffer
			w.writeRaft(&m)
			_ = w.flush(&out)
			_, again, err := readFrame(bufio.NewReader(&out))
			if err != nil {
				t.Fatal(err)
			}
			m2, err := parseRaft(again, 1, 2)
			if diff := cmp.Diff(m, m2); err != nil || diff != "" {
				t.Fatalf("%v\n%s", err, diff)
			}
		}
	})
}

// mend puts the right checksums into what may be frames, so that the fuzzer gets past them.
func mend(data []byte) []byte {
	data = bytes.Clone(data)
	for rest := data; len(rest) > frameHeader; {
		n := int(binary.LittleEndian.Uint32(rest))
		if n < 1 || n > len(rest)-frameHeader {
			break
		}
		body := rest[frameHeader : frameHeader+n]
		binary.LittleEndian.PutUint32(rest[4:], crc32.Checksum(body, castagnoli))
		rest = rest[frameHeader+n:]
	}
	return data
}
