package server

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// doc makes a document of Extended JSON.
func doc(text string) document.Doc {
	d, err := document.FromJSON(text)
	if err != nil {
		panic(fmt.Sprint(err, ": ", text))
	}
	return d
}

// script is a Runner that notes what it is asked and answers as it is told.
type script struct {
	answer func(ctx context.Context, req *command.Request) command.Reply // nil: the replies in order, then ok

	mu      sync.Mutex
	asked   []string
	replies []string
}

func (s *script) Run(ctx context.Context, req *command.Request) command.Reply {
	s.mu.Lock()
	s.asked = append(s.asked, show(req))
	reply := `{"ok": 1.0}`
	if len(s.replies) > 0 {
		reply, s.replies = s.replies[0], s.replies[1:]
	}
	s.mu.Unlock()
	if s.answer != nil {
		return s.answer(ctx, req)
	}
	return command.Reply{Doc: doc(reply)}
}

// show prints a request in one line: the database, the body, sequences, and what is special about it.
func show(r *command.Request) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %v", r.DB, r.Body)
	for _, s := range r.Sequences {
		fmt.Fprintf(&b, " +%s%v", s.Name, s.Docs)
	}
	for _, f := range []struct {
		set  bool
		name string
	}{{r.Legacy, "legacy"}, {r.SlaveOK, "slaveOk"}, {r.ExhaustAllowed, "exhaust"}, {r.MoreToCome, "silent"}} {
		if f.set {
			b.WriteString(" " + f.name)
		}
	}
	return b.String()
}

// take returns what was asked since the last time.
func (s *script) take() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

// memory is a listener whose connections are pipes in memory.
type memory struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newMemory() *memory { return &memory{conns: make(chan net.Conn), done: make(chan struct{})} }

func (l *memory) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *memory) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *memory) Addr() net.Addr { return &net.IPAddr{} }

func (l *memory) dial() net.Conn {
	here, there := net.Pipe()
	l.conns <- there
	return here
}

// rig is a server with a listener in memory.
type rig struct {
	*Server
	*script
	l      *memory
	served chan error
}

func newRig(t *testing.T, o Options, s *script) *rig {
	t.Helper()
	if s == nil {
		s = &script{}
	}
	o.Runner = s
	srv, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{Server: srv, script: s, l: newMemory(), served: make(chan error, 1)}
	go func() { r.served <- srv.Serve(r.l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-r.served; err != ErrClosed {
			t.Errorf("Serve returned %v", err)
		}
	})
	return r
}

// client is the other end of a connection.
type client struct {
	net.Conn
	t  *testing.T
	r  *wire.Reader
	id int32
}

func (r *rig) connect(t *testing.T) *client { return newClient(t, r.l.dial()) }

func newClient(t *testing.T, nc net.Conn) *client {
	t.Cleanup(func() { nc.Close() })
	return &client{Conn: nc, t: t, r: wire.NewReader(nc)}
}

// send writes a message made by one of wire's Append methods.
func (c *client) send(message func(dst []byte, id int32) []byte) {
	c.t.Helper()
	c.id++
	if _, err := c.Write(message(nil, c.id)); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

func msg(flags wire.MsgFlags, body string) func([]byte, int32) []byte {
	m := wire.Msg{Flags: flags, Body: doc(body)}
	return func(dst []byte, id int32) []byte { return m.Append(dst, id, 0) }
}

// recv reads the next message; it is valid until the next one.
func (c *client) recv() []byte {
	c.t.Helper()
	b, err := c.r.Next()
	if err != nil {
		c.t.Fatalf("read: %v", err)
	}
	return b
}

// recvMsg reads an OP_MSG.
func (c *client) recvMsg() (wire.Header, wire.Msg) {
	c.t.Helper()
	b := c.recv()
	var m wire.Msg
	if err := m.Parse(b); err != nil {
		c.t.Fatal(err)
	}
	return wire.ParseHeader(b), m
}

// recvText reads a reply of whatever kind as text.
func (c *client) recvText() string {
	c.t.Helper()
	b := c.recv()
	switch op := wire.ParseHeader(b).OpCode; op {
	case wire.OpMsg:
		var m wire.Msg
		if err := m.Parse(b); err != nil {
			c.t.Fatal(err)
		}
		return fmt.Sprintf("msg %d %v", m.Flags, m.Body)
	case wire.OpReply:
		var m wire.Reply
		if err := m.Parse(b); err != nil {
			c.t.Fatal(err)
		}
		return fmt.Sprintf("reply flags %d cursor %d from %d %v", m.Flags, m.CursorID, m.StartingFrom, m.Docs)
	default:
		return op.String()
	}
}

// ping checks that the connection works.
func (c *client) ping() {
	c.t.Helper()
	c.send(msg(0, `{"ping": 1, "$db": "admin"}`))
	if h, m := c.recvMsg(); h.ResponseTo != c.id || m.Body.String() != `{"ok":1.0}` {
		c.t.Fatalf("ping %d answered by %+v, %v", c.id, h, m.Body)
	}
}

// wantClosed checks that the server has closed the connection without another word.
func (c *client) wantClosed() {
	c.t.Helper()
	_ = c.SetReadDeadline(time.Now().Add(5 * time.Second)) // fails where it is closed already
	b, err := c.r.Next()
	if err != io.EOF && err != io.ErrUnexpectedEOF {
		c.t.Fatalf("the connection is not closed: %x, %v", bytes.Clone(b), err)
	}
}

func sprintf(format string, args ...any) string { return fmt.Sprintf(format, args...) }

// jsonText writes a text as it stands inside a JSON string.
func jsonText(s string) string {
	quoted := strconv.Quote(s)
	return quoted[1 : len(quoted)-1]
}
