package connpool

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// script is a connection whose other side is bytes that are there already.
type script struct {
	net.Conn // nil: what is not below is not called
	reply    io.Reader
	room     int // bytes that can be written; negative: any
	late     bool
	written  int
	closed   bool
}

var errCut = errors.New("the connection was cut")

func (s *script) Read(b []byte) (int, error) { return s.reply.Read(b) }

func (s *script) Write(b []byte) (int, error) {
	n := len(b)
	if s.room >= 0 {
		n = min(n, s.room-s.written)
	}
	s.written += n
	if n < len(b) || s.late {
		return n, errCut
	}
	return n, nil
}

func (s *script) Close() error                { s.closed = true; return nil }
func (s *script) SetDeadline(time.Time) error { return nil }

// newScriptConn returns a connection that has been greeted.
func newScriptConn(s *script) *Conn {
	return &Conn{opts: Options{Address: "db1:27017"}.complete(), nc: s, under: s}
}

// TestErrorTellsWhetherTheMessageWasSent cuts the connection after each byte of the request and of the reply.
func TestErrorTellsWhetherTheMessageWasSent(t *testing.T) {
	request := message(7, `{"ping": 1, "$db": "admin"}`)
	answer := reply(request, doc(`{"ok": 1.0}`))
	check := func(name string, s *script, op Op, sent bool) {
		t.Helper()
		c := newScriptConn(s)
		_, err := c.RoundTrip(context.Background(), request)
		var e *Error
		if !errors.As(err, &e) || e.Op != op || e.Sent != sent || !e.Network() || e.Handshake() || e.Address != "db1:27017" {
			t.Errorf("%s: got %#v, want a failed %v, sent: %v", name, err, op, sent)
		}
		if !s.closed || !c.dead {
			t.Errorf("%s: the connection can be used again", name)
		}
	}
	for n := range request {
		check("request cut", &script{room: n, reply: bytes.NewReader(answer)}, OpWrite, false)
	}
	check("failed behind the last byte", &script{room: len(request), late: true, reply: bytes.NewReader(answer)}, OpWrite, true)
	for n := range answer {
		check("reply cut", &script{room: -1, reply: bytes.NewReader(answer[:n])}, OpRead, true)
	}
	c := newScriptConn(&script{room: len(request), reply: bytes.NewReader(answer)})
	r, err := c.RoundTrip(context.Background(), request)
	if err != nil || !r.Body.Lookup("ok").Truthy() {
		t.Errorf("uncut: %v, %v", r.Body, err)
	}
	r.Free()
}

// TestTooLargeMessageIsNotSent shows that a message beyond the server's limit harms nothing.
func TestTooLargeMessageIsNotSent(t *testing.T) {
	s := &script{room: -1}
	c := newScriptConn(s)
	c.hello.MaxMessageSize = 50
	_, err := c.RoundTrip(context.Background(), message(1, `{"ping": 1, "comment": "so long that it is too long", "$db": "admin"}`))
	var e *Error
	if !errors.Is(err, ErrTooLarge) || !errors.As(err, &e) || e.Sent || e.Network() {
		t.Errorf("got %v", err)
	}
	if s.written != 0 || s.closed || c.dead {
		t.Error("something was done to the connection")
	}
}

// TestRepliesThatAreNone holds what servers never answer.
func TestRepliesThatAreNone(t *testing.T) {
	request := message(7, `{"ping": 1, "$db": "admin"}`)
	good := reply(request, doc(`{"ok": 1.0}`))
	change := func(at int, b byte) []byte {
		bad := bytes.Clone(good)
		bad[at] = b
		return bad
	}
	tests := map[string][]byte{
		"length too small":    change(0, 15),
		"length negative":     change(3, 0xff),
		"length over maximum": change(3, 0x10),
		"to another message":  change(8, 8),
		"by OP_REPLY":         change(12, 1),
		"required flag":       change(16, 4),
		"no checksum":         change(16, 1),
		"section of kind 1":   change(20, 1),
		"body too short":      change(21, 4),
		"body too long":       change(21, 100),
		"body without end":    change(len(good)-1, 1),
		"nothing compressed":  change(12, byte(wire.OpCompressed&0xff)),
	}
	for name, answer := range tests {
		s := &script{room: -1, reply: bytes.NewReader(answer)}
		c := newScriptConn(s)
		_, err := c.RoundTrip(context.Background(), request)
		var e *Error
		if !errors.As(err, &e) || e.Op != OpRead || !e.Sent || !s.closed {
			t.Errorf("%s: got %v, closed: %v", name, err, s.closed)
		}
	}
}

// TestPromisedReplyTakesNoMemory has a server that promises 48 MB and ends.
func TestPromisedReplyTakesNoMemory(t *testing.T) {
	request := message(7, `{"ping": 1, "$db": "admin"}`)
	answer := reply(request, doc(`{"ok": 1.0}`))
	binary.LittleEndian.PutUint32(answer, wire.MaxMessageSize)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := newScriptConn(&script{room: -1, reply: bytes.NewReader(answer)}).RoundTrip(context.Background(), request)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; err == nil || took > 1<<20 {
		t.Errorf("took %d bytes, error %v", took, err)
	}
}

// pieces reads in pieces of a size, as networks do.
type pieces struct {
	io.Reader
	size int
}

func (p pieces) Read(b []byte) (int, error) { return p.Reader.Read(b[:min(len(b), p.size)]) }

// TestRepliesOfAnySizeInAnyPieces reads replies that come one behind the other, small and large, in small and large
// pieces, while the earlier ones are still in use.
func TestRepliesOfAnySizeInAnyPieces(t *testing.T) {
	sizes := []int{1, 4 << 10, 100 << 10, 1, 5 << 20, 5 << 20, 300 << 10, 1, 16 << 10}
	var stream []byte
	for i, size := range sizes {
		var b document.Builder
		b.AppendBinary("x", 0, bytes.Repeat([]byte{byte(i)}, size))
		m := wire.Msg{Body: b.Finish(), Flags: wire.MoreToCome}
		stream = m.Append(stream, int32(i+1), int32(i))
	}
	for _, size := range []int{61, 4 << 10, 1 << 20, 100 << 20} {
		c := newScriptConn(&script{reply: pieces{bytes.NewReader(stream), size}})
		var replies []Reply
		for range sizes {
			r, err := c.Receive(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			replies = append(replies, r)
		}
		for i, r := range replies {
			_, data := r.Body.Lookup("x").Binary()
			if !bytes.Equal(data, bytes.Repeat([]byte{byte(i)}, sizes[i])) || !r.MoreToCome {
				t.Errorf("pieces of %d: reply %d is not what was sent", size, i)
			}
			r.Free()
		}
	}
}

// FuzzReply has a server answer with any bytes. Nothing panics, and a reply's body can be walked.
func FuzzReply(f *testing.F) {
	request := message(7, `{"ping": 1, "$db": "admin"}`)
	answer := reply(request, doc(`{"cursor": {"firstBatch": [{"_id": 1}], "id": 0}, "ok": 1.0}`))
	f.Add(answer)
	f.Add(ok((&wire.Query{Namespace: "admin.$cmd", Query: document.Empty}).Append(nil, 7)))
	for c := wire.Noop; c <= wire.Zstd; c++ {
		packed, err := wire.AppendCompressed(nil, answer, c)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packed)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= wire.HeaderSize {
			binary.LittleEndian.PutUint32(b[8:], 7) // so that the fuzzer need not find this
		}
		parseAnswerOf(b)
		c := newScriptConn(&script{room: -1, reply: bytes.NewReader(b)})
		r, err := c.RoundTrip(context.Background(), request)
		if err != nil {
			if !c.dead {
				t.Fatal("an error, and the connection goes on")
			}
			return
		}
		walk(r.Body)
		r.Free()
	})
}

// parseAnswerOf parses b as an answer to hello.
func parseAnswerOf(b []byte) {
	c := newScriptConn(&script{room: -1, reply: bytes.NewReader(b)})
	buf, err := c.readMessage()
	if err != nil {
		return
	}
	defer buf.Free()
	if d, err := parseAnswer(buf.B, 7); err == nil {
		parseHello(d, []wire.Compressor{wire.Zstd})
		walk(d)
	}
}

func walk(d document.Doc) {
	for it := d.Iter(); it.Next(); {
		if inner := it.Value().Doc(); inner != nil {
			walk(inner)
		}
	}
}
