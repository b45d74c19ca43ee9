package server

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// TestMsg shows what becomes of an OP_MSG's parts, and that the reply has the form of the request.
func TestMsg(t *testing.T) {
	r := newRig(t, Options{}, nil)
	c := r.connect(t)
	m := wire.Msg{Flags: wire.ChecksumPresent, Body: doc(`{"insert": "c", "$db": "test"}`),
		Sequences: []wire.Sequence{{Name: "documents", Docs: []document.Doc{doc(`{"_id": 1}`), doc(`{"_id": 2}`)}}}}
	c.send(func(dst []byte, id int32) []byte { return m.Append(dst, id, 0) })
	h, reply := c.recvMsg()
	if h.ResponseTo != 1 || reply.Flags != wire.ChecksumPresent || reply.Body.String() != `{"ok":1.0}` {
		t.Errorf("reply %+v %+v", h, reply)
	}
	c.send(msg(wire.ExhaustAllowed, `{"hello": 1, "$db": "admin"}`))
	if h, reply := c.recvMsg(); h.ResponseTo != 2 || reply.Flags != 0 {
		t.Errorf("reply %+v %+v", h, reply)
	}
	want := []string{`test {"insert":"c","$db":"test"} +documents[{"_id":1} {"_id":2}]`, `admin {"hello":1,"$db":"admin"} exhaust`}
	if diff := cmp.Diff(want, r.take()); diff != "" {
		t.Error(diff)
	}
}

// TestMsgWithoutReply shows that a request with moreToCome runs and is not answered, whatever comes of it, except that
// "not primary" ends the connection.
func TestMsgWithoutReply(t *testing.T) {
	r := newRig(t, Options{}, &script{replies: []string{`{"ok": 1.0}`, `{"ok": 0.0, "code": 11000}`}})
	c := r.connect(t)
	c.send(msg(wire.MoreToCome, `{"insert": "a", "$db": "test"}`))
	c.send(msg(wire.MoreToCome, `{"insert": "b", "$db": "test"}`))
	c.send(msg(wire.MoreToCome, `{"insert": "without a database"}`))
	c.ping()
	if asked := r.take(); len(asked) != 3 || asked[1] != `test {"insert":"b","$db":"test"} silent` {
		t.Errorf("asked %q", asked)
	}
	r.replies = []string{`{"ok": 0.0, "code": 10107}`}
	c.send(msg(wire.MoreToCome, `{"insert": "c", "$db": "test"}`))
	c.wantClosed()
}

// TestRefusedMsg shows the answers to requests that never become a command. The connection goes on.
func TestRefusedMsg(t *testing.T) {
	r := newRig(t, Options{}, nil)
	c := r.connect(t)
	for _, tt := range []struct {
		message []byte
		want    string
	}{
		{rawMsg(0, []byte("\x00"), doc(`{"ping": 1}`)), `{"ok":0.0,"errmsg":"OP_MSG requests require a $db argument","code":40571,"codeName":"Location40571"}`},
		{rawMsg(0, []byte("\x00"), doc(`{"ping": 1, "$db": 1}`)), `{"ok":0.0,"errmsg":"wrong type for field ($db) int != string","code":13111,"codeName":"Location13111"}`},
		{rawMsg(0), `{"ok":0.0,"errmsg":"OP_MSG messages must have a body","code":40587,"codeName":"Location40587"}`},
		{rawMsg(1<<17, []byte("\x00"), nested(201)), `{"ok":0.0,"errmsg":"BSONObj exceeds maximum nested object depth in element with field name '` +
			strings.Repeat("a.", 200) + `a' in object with unknown _id","code":15,"codeName":"Overflow"}`},
	} {
		if _, err := c.Write(tt.message); err != nil {
			t.Fatal(err)
		}
		if _, m := c.recvMsg(); m.Body.String() != tt.want {
			t.Errorf("got  %v\nwant %s", m.Body, tt.want)
		}
	}
	c.ping()
}

func rawMsg(flags uint32, parts ...[]byte) []byte {
	b := make([]byte, 16, 64)
	binary.LittleEndian.PutUint32(b[12:], uint32(wire.OpMsg))
	b = binary.LittleEndian.AppendUint32(b, flags)
	for _, p := range parts {
		b = append(b, p...)
	}
	binary.LittleEndian.PutUint32(b, uint32(len(b)))
	return b
}

func nested(depth int) document.Doc {
	d := document.Empty
	for range depth {
		var b document.Builder
		b.AppendDoc("a", d)
		d = b.Finish()
	}
	return d
}

// TestBadInputEndsOneConnection shows that what cannot be answered ends its connection, and that another one, in the
// middle of a message, notices nothing.
func TestBadInputEndsOneConnection(t *testing.T) {
	r := newRig(t, Options{Compressors: []string{"zlib"}}, nil)
	other := r.connect(t)
	ping := msg(0, `{"ping": 1, "$db": "admin"}`)(nil, 1)
	if _, err := other.Write(ping[:20]); err != nil {
		t.Fatal(err)
	}
	header := func(length, op uint32) []byte {
		b := make([]byte, 16)
		binary.LittleEndian.PutUint32(b, length)
		binary.LittleEndian.PutUint32(b[12:], op)
		return b
	}
	packed, err := wire.AppendCompressed(nil, ping, wire.Snappy)
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range map[string][]byte{
		"length 15":               header(15, 2013),
		"length 2 GB":             header(1<<31-1, 2013),
		"length 48 MB + 1":        header(wire.MaxMessageSize+1, 2013),
		"length -1":               header(1<<32-1, 2013),
		"opcode 9999":             header(16, 9999),
		"OP_REPLY":                append(header(36, 1), make([]byte, 20)...),
		"unknown flag":            rawMsg(4, []byte("\x00"), doc(`{"ping": 1, "$db": "admin"}`)),
		"wrong checksum":          rawMsg(1, []byte("\x00"), doc(`{"ping": 1, "$db": "admin"}`), make([]byte, 4)),
		"compressor not enabled":  packed,
		"compressor unknown":      append(header(25, 2012), 0, 0, 0, 0, 0, 0, 0, 0, 9),
		"compressed, cut":         header(16, 2012),
		"OP_QUERY without end":    append(header(20, 2004), 0, 0, 0, 0),
		"find with broken BSON":   append(header(48, 2004), []byte("\x00\x00\x00\x00test.c\x00\x00\x00\x00\x00\x01\x00\x00\x00\x0c\x00\x00\x00\x55a\x00\x01\x00\x00\x00\x00\x00")...),
		"OP_INSERT without end":   append(header(20, 2002), 0, 0, 0, 0),
		"OP_GET_MORE without end": append(header(20, 2005), 0, 0, 0, 0),
	} {
		t.Run(name, func(t *testing.T) {
			c := r.connect(t)
			go c.Write(b) // the server may close before it has read everything
			c.wantClosed()
		})
	}
	if _, err := other.Write(ping[20:]); err != nil {
		t.Fatal(err)
	}
	other.recvMsg()
	other.ping()
}

// TestCompression shows that a reply is compressed as its request was, but for commands that have to do with secrets.
func TestCompression(t *testing.T) {
	r := newRig(t, Options{Compressors: []string{"snappy", "zlib", "zstd", "noop"}}, nil)
	c := r.connect(t)
	for _, kind := range []wire.Compressor{wire.Noop, wire.Snappy, wire.Zlib, wire.Zstd} {
		for body, compressed := range map[string]bool{`{"ping": 1, "$db": "admin"}`: true, `{"saslStart": 1, "$db": "admin"}`: false, `{"hello": 1, "$db": "admin"}`: false} {
			plain := msg(0, body)(nil, 77)
			packed, err := wire.AppendCompressed(nil, plain, kind)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := c.Write(packed); err != nil {
				t.Fatal(err)
			}
			b := c.recv()
			if got := wire.ParseHeader(b).OpCode == wire.OpCompressed; got != compressed {
				t.Fatalf("%v %s: compressed reply %v", kind, body, got)
			}
			if compressed {
				if got, err := wire.CompressorOf(b); got != kind || err != nil {
					t.Fatalf("reply in %v, %v, want %v", got, err, kind)
				}
				buf, err := wire.Decompress(b)
				if err != nil {
					t.Fatal(err)
				}
				b = buf.B
			}
			if h := wire.ParseHeader(b); h.ResponseTo != 77 {
				t.Errorf("header %+v", h)
			}
		}
	}
	q := wire.Query{Namespace: "test.$cmd", Return: -1, Query: doc(`{"ping": 1}`)}
	packed, err := wire.AppendCompressed(nil, q.Append(nil, 78), wire.Snappy)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write(packed); err != nil {
		t.Fatal(err)
	}
	buf, err := wire.Decompress(c.recv())
	if err != nil || wire.ParseHeader(buf.B).OpCode != wire.OpReply {
		t.Fatalf("%v, %v", buf, err)
	}
	if _, err := New(Options{Compressors: []string{"lz4"}}); err == nil {
		t.Error("lz4 is accepted")
	}
}

// TestExhaust shows a stream of replies: each says that another follows and answers the one before it, until the command
// ends it.
func TestExhaust(t *testing.T) {
	left := 3
	s := &script{}
	s.answer = func(_ context.Context, req *command.Request) command.Reply {
		left--
		reply := command.Reply{Doc: doc(`{"n": ` + document.Index(left) + `, "ok": 1.0}`)}
		if left > 0 {
			reply.Exhaust, reply.Next = true, &command.Request{DB: "admin", Body: doc(`{"hello": 2}`), ExhaustAllowed: true}
		}
		return reply
	}
	r := newRig(t, Options{}, s)
	c := r.connect(t)
	c.send(msg(wire.ExhaustAllowed, `{"hello": 1, "$db": "admin"}`))
	responseTo := c.id
	for n := 2; n >= 0; n-- {
		h, m := c.recvMsg()
		if h.ResponseTo != responseTo || (m.Flags == wire.MoreToCome) != (n > 0) || m.Body.Lookup("n").Int32() != int32(n) {
			t.Errorf("reply %d: %+v, flags %d, %v; want it to answer %d", n, h, m.Flags, m.Body, responseTo)
		}
		responseTo = h.RequestID
	}
	want := []string{`admin {"hello":1,"$db":"admin"} exhaust`, `admin {"hello":2} exhaust`, `admin {"hello":2} exhaust`}
	if diff := cmp.Diff(want, r.take()); diff != "" {
		t.Error(diff)
	}
}

// TestLargeReply shows replies on both sides of where they are sent in two pieces, in memory and through a socket.
func TestLargeReply(t *testing.T) {
	s := &script{}
	s.answer = func(_ context.Context, req *command.Request) command.Reply {
		b := document.NewBuilder(req.Buffer[:0])
		b.AppendString("s", strings.Repeat("x", int(req.Body.Lookup("size").Int32())))
		return command.Reply{Doc: b.Finish()}
	}
	r := newRig(t, Options{}, s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go r.Serve(l)
	nc, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []*client{r.connect(t), newClient(t, nc)} {
		for _, size := range []int{0, gatherMin - 20, gatherMin, 1 << 20, 300, 16 << 20, 5000} {
			c.send(msg(0, `{"make": 1, "size": `+document.Int32(int32(size)).Shell()+`, "$db": "test"}`))
			if _, m := c.recvMsg(); m.Body.Lookup("s").Str() != strings.Repeat("x", size) {
				t.Errorf("got %d bytes, want %d", len(m.Body.Lookup("s").Str()), size)
			}
		}
	}
}

// TestHijack shows that a command can take the connection, with what has been read of it already.
func TestHijack(t *testing.T) {
	heard := make(chan string, 1)
	s := &script{}
	s.answer = func(context.Context, *command.Request) command.Reply {
		return command.Reply{Doc: doc(`{"ok": 1.0}`), Hijack: func(nc net.Conn, br *bufio.Reader) {
			line, _ := br.ReadString('\n')
			heard <- line
			io.WriteString(nc, "you said "+line)
			io.Copy(io.Discard, br)
		}}
	}
	r := newRig(t, Options{}, s)
	c := r.connect(t)
	request := msg(0, `{"_mortonPeer": 1, "$db": "admin"}`)(nil, 1)
	go c.Write(append(request, "hello, "...))
	c.recvMsg()
	go c.Write([]byte("world\n"))
	if line := <-heard; line != "hello, world\n" {
		t.Errorf("heard %q", line)
	}
	if line, err := bufio.NewReader(c).ReadString('\n'); line != "you said hello, world\n" {
		t.Errorf("got %q, %v", line, err)
	}
	if st := r.Stats(); st.Peers != 1 || st.Active != 0 || st.Current != 1 {
		t.Errorf("stats %+v", st)
	}
	r.CloseClients()
	if st := r.Stats(); st.Peers != 1 {
		t.Errorf("closed with the clients: %+v", st)
	}
}

// TestDisconnectInterrupts shows that an operation ends when its client goes away, and only then.
func TestDisconnectInterrupts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		s := &script{}
		s.answer = func(ctx context.Context, req *command.Request) command.Reply {
			if req.Body.First().Key == "wait" {
				select {
				case <-ctx.Done():
					ended <- context.Cause(ctx)
				case <-time.After(10 * time.Second):
					ended <- nil
				}
			}
			return command.Reply{Doc: doc(`{"ok": 1.0}`)}
		}
		r := newRig(t, Options{}, s)
		// A client that stays gets its answer, whether or not it sends its next request early.
		c := r.connect(t)
		c.send(msg(0, `{"wait": 1, "$db": "admin"}`))
		time.Sleep(time.Second)
		go c.Write(msg(0, `{"ping": 1, "$db": "admin"}`)(nil, 9))
		c.recvMsg()
		if err := <-ended; err != nil {
			t.Errorf("interrupted by %v", err)
		}
		if h, _ := c.recvMsg(); h.ResponseTo != 9 {
			t.Errorf("the early request got %+v", h)
		}
		c.id = 9
		c.ping()
		// One that goes away does not keep its operation.
		c.send(msg(0, `{"wait": 1, "$db": "admin"}`))
		time.Sleep(time.Second)
		begin := time.Now()
		c.Close()
		if err := <-ended; mongoerr.CodeOf(err) != mongoerr.ClientDisconnect {
			t.Errorf("ended by %v", err)
		}
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it took %v", took)
		}
		synctest.Wait()
		if st := r.Stats(); st.Current != 0 {
			t.Errorf("stats %+v", st)
		}
	})
}

// TestPipelined shows that requests which arrive in one piece are answered in order.
func TestPipelined(t *testing.T) {
	r := newRig(t, Options{}, nil)
	c := r.connect(t)
	var b []byte
	for id := range int32(100) {
		b = msg(0, `{"ping": 1, "$db": "admin"}`)(b, id)
	}
	go c.Write(b)
	for id := range int32(100) {
		if h, _ := c.recvMsg(); h.ResponseTo != id {
			t.Fatalf("%+v answers instead of %d", h, id)
		}
	}
	if st := r.Stats(); st.Requests != 100 || st.BytesIn != int64(len(b)) || st.BytesOut == 0 {
		t.Errorf("stats %+v", st)
	}
}

// TestReplyThatEnds shows both ways of a command to close the connection.
func TestReplyThatEnds(t *testing.T) {
	s := &script{}
	s.answer = func(_ context.Context, req *command.Request) command.Reply {
		reply := command.Reply{CloseConn: true}
		if req.Body.First().Key == "shutdown" {
			reply.Doc = doc(`{"ok": 1.0}`)
		}
		return reply
	}
	r := newRig(t, Options{}, s)
	c := r.connect(t)
	c.send(msg(0, `{"ping": 1, "$db": "admin"}`))
	c.wantClosed()
	c = r.connect(t)
	c.send(msg(0, `{"shutdown": 1, "$db": "admin"}`))
	c.recvMsg()
	c.wantClosed()
	for _, q := range []wire.Query{{Namespace: "test.$cmd", Return: -1, Query: doc(`{"ping": 1}`)}, {Namespace: "test.c", Query: doc(`{}`)}} {
		c = r.connect(t)
		c.send(q.Append)
		c.wantClosed()
	}
}

// TestLargeRequestIsLetGo shows that a connection does not hold on to a large message once it is answered.
func TestLargeRequestIsLetGo(t *testing.T) {
	r := newRig(t, Options{}, nil)
	c := r.connect(t)
	m := wire.Msg{Body: doc(`{"insert": "c", "$db": "test"}`), Sequences: []wire.Sequence{{Name: "documents", Docs: []document.Doc{doc(`{"s": "` + strings.Repeat("x", 1<<20) + `"}`)}}}}
	c.send(func(dst []byte, id int32) []byte { return m.Append(dst, id, 0) })
	c.recvMsg()
	c.ping()
	r.Server.mu.Lock()
	defer r.Server.mu.Unlock()
	for sc := range r.conns {
		for sc.phase.Load() != idle {
			time.Sleep(time.Millisecond)
		}
		if sc.request.Body != nil || sc.msg.Body != nil || len(sc.sequences) > 0 && sc.sequences[0].Docs != nil {
			t.Errorf("%+v", sc.request)
		}
		for _, s := range sc.msg.Sequences[:cap(sc.msg.Sequences)] {
			for _, d := range s.Docs[:cap(s.Docs)] {
				if d != nil {
					t.Errorf("holds %d bytes", len(d))
				}
			}
		}
	}
}
