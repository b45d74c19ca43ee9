package connpool

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// listen has serve serve each connection to a loopback port, and returns the port's address.
func listen(t testing.TB, serve func(nc net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				serve(nc)
			}()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-ended
	})
	return l.Addr().String()
}

// serveHello answers the first message.
func serveHello(nc net.Conn) bool {
	b := make([]byte, 4)
	if _, err := io.ReadFull(nc, b); err != nil {
		return false
	}
	rest := make([]byte, binary.LittleEndian.Uint32(b)-4)
	if _, err := io.ReadFull(nc, rest); err != nil {
		return false
	}
	_, err := nc.Write(ok(append(b, rest...)))
	return err == nil
}

// largeMessage is more than what a system keeps for a receiver that does not read.
func largeMessage(size int) []byte {
	var b document.Builder
	b.AppendBinary("x", 0, make([]byte, size))
	b.AppendString("$db", "test")
	m := wire.Msg{Body: b.Finish()}
	return m.Append(nil, 7, 0)
}

// TestSocketsAreUnderstood sends messages of all sizes through real sockets to a server that reads and answers in pieces.
func TestSocketsAreUnderstood(t *testing.T) {
	address := listen(t, func(nc net.Conn) {
		if !serveHello(nc) {
			return
		}
		for r := wire.NewReader(nc); ; {
			m, err := r.Next()
			if err != nil {
				return
			}
			answer := reply(m, document.Doc(m[wire.MsgPrefixSize:]))
			for len(answer) > 0 {
				n, err := nc.Write(answer[:min(len(answer), 100_001)])
				if err != nil {
					return
				}
				answer = answer[n:]
			}
		}
	})
	c, err := Dial(context.Background(), Options{Address: address})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, size := range []int{0, 100, 4000, 5000, 100_000, 20 << 20, 20 << 20, 1} {
		m := largeMessage(size)
		r, err := c.RoundTrip(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(r.Body, m[wire.MsgPrefixSize:]) {
			t.Errorf("a message of %d bytes came back as another", size)
		}
		r.Free()
	}
}

// TestSocketsThatEnd has servers end in the middle of what they read, before they answer and in the middle of the
// answer.
func TestSocketsThatEnd(t *testing.T) {
	answer := reply(message(7, `{"ping": 1}`), doc(`{"ok": 1.0}`))
	tests := []struct {
		name  string
		serve func(nc net.Conn, size int)
		op    Op
		sent  bool
	}{
		{"request cut", func(nc net.Conn, size int) { io.CopyN(io.Discard, nc, 100_000) }, OpWrite, false},
		{"no reply", func(nc net.Conn, size int) { io.CopyN(io.Discard, nc, int64(size)) }, OpRead, true},
		{"reply cut", func(nc net.Conn, size int) {
			io.CopyN(io.Discard, nc, int64(size))
			nc.Write(answer[:20])
		}, OpRead, true},
	}
	for _, tt := range tests {
		m := largeMessage(40 << 20)
		address := listen(t, func(nc net.Conn) {
			if serveHello(nc) {
				tt.serve(nc, len(m))
			}
		})
		c, err := Dial(context.Background(), Options{Address: address})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.RoundTrip(context.Background(), m)
		var e *Error
		if !errors.As(err, &e) || e.Op != tt.op || e.Sent != tt.sent || !e.Network() || e.Timeout() {
			t.Errorf("%s: got %v", tt.name, err)
		}
	}
}

// TestSocketsAreInterrupted cancels the context of an operation while it writes and while it waits for a reply, and closes
// connections then.
func TestSocketsAreInterrupted(t *testing.T) {
	reads, done := make(chan struct{}), make(chan struct{})
	address := listen(t, func(nc net.Conn) {
		if serveHello(nc) {
			io.CopyN(io.Discard, nc, 100)
			reads <- struct{}{}
			<-done
		}
	})
	defer close(done)
	for size, op := range map[int]Op{100: OpRead, 40 << 20: OpWrite} {
		for want, end := range map[error]func(p *Pool, cancel context.CancelFunc){
			context.Canceled: func(_ *Pool, cancel context.CancelFunc) { cancel() },
			ErrPoolCleared:   func(p *Pool, _ context.CancelFunc) { p.Clear(errCut, true) },
			ErrPoolClosed:    func(p *Pool, _ context.CancelFunc) { p.Close() },
		} {
			p := newPool(t, Options{Address: address})
			c := get(t, p)
			ctx, cancel := context.WithCancel(context.Background())
			go func() {
				<-reads
				end(p, cancel)
			}()
			_, err := c.RoundTrip(ctx, largeMessage(size))
			var e *Error
			if !errors.As(err, &e) || !errors.Is(err, want) || e.Op != op || e.Sent != (op == OpRead) {
				t.Errorf("got %v, want %v at the %v", err, want, op)
			}
			cancel()
			p.Put(c)
		}
	}
}

// TestOperationTakesNoMemory shows that nothing is allocated for an operation, also if it can be interrupted.
func TestOperationTakesNoMemory(t *testing.T) {
	address := listen(t, func(nc net.Conn) { benchServe(nc, doc(`{"ok": 1.0}`), doc(helloReply)) })
	p := newPool(t, Options{Address: address})
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	request := message(7, `{"ping": 1, "$db": "admin"}`)
	n := testing.AllocsPerRun(1000, func() {
		c, err := p.Get(ctx)
		if err != nil {
			t.Fatal(err)
		}
		r, err := c.RoundTrip(ctx, request)
		if err != nil {
			t.Fatal(err)
		}
		p.Put(c)
		r.Free()
	})
	if n >= 1 { // now and then the garbage collector empties a pool of buffers
		t.Errorf("%v allocations per operation", n)
	}
}

// counting counts what is called.
type counting struct {
	net.Conn
	reads, writes int
}

func (c *counting) Read(b []byte) (int, error) {
	c.reads++
	return c.Conn.Read(b)
}

func (c *counting) Write(b []byte) (int, error) {
	c.writes++
	return c.Conn.Write(b)
}

// TestOperationIsOneWriteAndOneRead counts calls of the connection, for small and large requests and a small reply.
func TestOperationIsOneWriteAndOneRead(t *testing.T) {
	for _, size := range []int{10, 1 << 20} {
		m := largeMessage(size)
		nc := &counting{Conn: &script{room: -1, reply: bytes.NewReader(reply(m, doc(`{"ok": 1.0}`)))}}
		c := newScriptConn(nil)
		c.nc, c.under = nc, nc
		r, err := c.RoundTrip(context.Background(), m)
		if err != nil {
			t.Fatal(err)
		}
		r.Free()
		if nc.reads != 1 || nc.writes != 1 {
			t.Errorf("%d bytes: %d writes and %d reads", size, nc.writes, nc.reads)
		}
	}
}
