package connpool

import (
	"bytes"
	"context"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// TestGreeting shows what a server gets as the first message, and what is understood of its answer.
func TestGreeting(t *testing.T) {
	strict := true
	tests := []struct {
		name   string
		change func(o *Options)
		op     wire.OpCode
		want   string
	}{
		{"plain", func(*Options) {}, wire.OpQuery, `{"isMaster":1,"helloOk":true,"compression":[]}`},
		{"everything", func(o *Options) {
			o.Client = doc(`{"driver": {"name": "morton"}}`)
			o.Compressors = []wire.Compressor{wire.Zstd, wire.Snappy}
		}, wire.OpQuery, `{"isMaster":1,"helloOk":true,"client":{"driver":{"name":"morton"}},"compression":["zstd","snappy"]}`},
		{"version of the API", func(o *Options) { o.ServerAPI = &ServerAPI{Version: "1", Strict: &strict} }, wire.OpMsg,
			`{"hello":1,"helloOk":true,"compression":[],"apiVersion":"1","apiStrict":true,"$db":"admin"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var op wire.OpCode
			var got document.Doc
			s := newFakeServer(t)
			s.answer = func(m []byte) []byte {
				op = wire.ParseHeader(m).OpCode
				if op == wire.OpQuery {
					var q wire.Query
					if err := q.Parse(m); err != nil || q.Namespace != "admin.$cmd" || q.Return != -1 || q.Flags != wire.SlaveOK {
						t.Errorf("%+v, %v", q, err)
					}
					got = q.Query.Clone()
					return ok(m)
				}
				var msg wire.Msg
				if err := msg.Parse(m); err != nil {
					t.Error(err)
				}
				got = msg.Body.Clone()
				return reply(m, doc(helloReply))
			}
			o := s.options()
			tt.change(&o)
			c, err := Dial(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if op != tt.op || got.String() != tt.want {
				t.Errorf("got %v %s, want %v %s", op, got, tt.op, tt.want)
			}
			h := *c.Hello()
			if h.RTT <= 0 || !bytes.Equal(h.Raw, doc(helloReply)) {
				t.Errorf("%+v", h)
			}
			h.RTT, h.Raw = 0, nil
			want := Hello{HelloOK: true, MaxWireVersion: 17, MaxDocumentSize: 16777216, MaxMessageSize: 48000000, MaxWriteBatchSize: 100000,
				SessionTimeoutMinutes: 30, ServerConnectionID: 7}
			if diff := cmp.Diff(want, h); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestHelloThatSaysLittle shows what is assumed of a server of 2010, and of one that says nonsense.
func TestHelloThatSaysLittle(t *testing.T) {
	for _, answer := range []string{
		`{"ismaster": true, "ok": 1.0}`,
		`{"ok": 1, "maxBsonObjectSize": -1, "maxMessageSizeBytes": "large", "maxWriteBatchSize": 1e300, "logicalSessionTimeoutMinutes": null, "compression": 3, "maxWireVersion": {}}`,
	} {
		h := parseHello(doc(answer), []wire.Compressor{wire.Zstd})
		if h.MaxDocumentSize != 16<<20 || h.MaxMessageSize != 48_000_000 || h.MaxWriteBatchSize != 1000 || h.SessionTimeoutMinutes != -1 || h.MaxWireVersion != 0 || h.Compressor != wire.Noop {
			t.Errorf("%s: %+v", answer, h)
		}
	}
}

// TestHeartbeat shows the commands that ask for changes.
func TestHeartbeat(t *testing.T) {
	version := doc(`{"processId": {"$oid": "0123456789abcdef01234567"}, "counter": {"$numberLong": "3"}}`)
	tests := []struct {
		conn    Conn
		version document.Doc
		exhaust bool
		want    string
	}{
		{Conn{opts: &Options{}}, nil, false, `{"isMaster":1,"helloOk":true,"$db":"admin"}`},
		{Conn{opts: &Options{}, hello: Hello{HelloOK: true}}, nil, true, `{"hello":1,"helloOk":true,"$db":"admin"}`},
		{Conn{opts: &Options{ServerAPI: &ServerAPI{Version: "1"}}}, version, true,
			`{"hello":1,"helloOk":true,"topologyVersion":{"processId":{"$oid":"0123456789abcdef01234567"},"counter":3},"maxAwaitTimeMS":10000,"apiVersion":"1","$db":"admin"}`},
	}
	for i := range tests {
		tt := &tests[i]
		var m wire.Msg
		if err := m.Parse(tt.conn.AppendHeartbeat(nil, 5, tt.version, 10*time.Second, tt.exhaust)); err != nil {
			t.Fatal(err)
		}
		if m.Body.String() != tt.want || (m.Flags == wire.ExhaustAllowed) != (tt.version != nil) {
			t.Errorf("got %#x %s, want %s", m.Flags, m.Body, tt.want)
		}
	}
}

// TestCompression shows that the first of our compressors that the server has is used, both ways, and never for what
// has to do with passwords.
func TestCompression(t *testing.T) {
	var compressed []string // names of commands
	s := newFakeServer(t)
	s.answer = func(m []byte) []byte {
		if wire.ParseHeader(m).OpCode == wire.OpQuery {
			r := wire.Reply{Docs: []document.Doc{doc(`{"compression": ["snappy", "zstd"], "ok": 1.0}`)}}
			return r.Append(nil, 1, wire.ParseHeader(m).RequestID)
		}
		if wire.ParseHeader(m).OpCode != wire.OpCompressed {
			return ok(m)
		}
		plain, err := wire.Decompress(m)
		if err != nil {
			t.Error(err)
			return nil
		}
		var msg wire.Msg
		if err := msg.Parse(plain.B); err != nil {
			t.Error(err)
		}
		compressed = append(compressed, strings.Clone(msg.Body.First().Key))
		answer, err := wire.AppendCompressed(nil, reply(plain.B, doc(`{"ok": 1.0, "large": "`+strings.Repeat("x", 100_000)+`"}`)), wire.Snappy)
		if err != nil {
			t.Error(err)
		}
		return answer
	}
	o := s.options()
	o.Compressors = []wire.Compressor{wire.Zlib, wire.Zstd, wire.Snappy}
	c, err := Dial(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if c.Hello().Compressor != wire.Zstd {
		t.Errorf("agreed on %v", c.Hello().Compressor)
	}
	for i, name := range []string{"find", "hello", "isMaster", "saslStart", "saslContinue", "authenticate", "createUser", "updateUser", "insert"} {
		r, err := c.RoundTrip(context.Background(), message(int32(i), `{"`+name+`": 1, "$db": "admin"}`))
		if err != nil {
			t.Fatal(err)
		}
		if !r.Body.Lookup("ok").Truthy() {
			t.Errorf("%s: %s", name, r.Body)
		}
		r.Free()
	}
	if want := []string{"find", "insert"}; !slices.Equal(compressed, want) {
		t.Errorf("compressed %v, want %v", compressed, want)
	}
}

// TestZlibLevel shows that the level that was asked for is used.
func TestZlibLevel(t *testing.T) {
	size := func(level *int) (n int) {
		s := newFakeServer(t)
		s.answer = func(m []byte) []byte {
			n = len(m)
			if wire.ParseHeader(m).OpCode == wire.OpQuery {
				r := wire.Reply{Docs: []document.Doc{doc(`{"compression": ["zlib"], "ok": 1.0}`)}}
				return r.Append(nil, 1, wire.ParseHeader(m).RequestID)
			}
			return ok(m)
		}
		o := s.options()
		o.Compressors, o.ZlibLevel = []wire.Compressor{wire.Zlib}, level
		c, err := Dial(context.Background(), o)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		r, err := c.RoundTrip(context.Background(), message(1, `{"insert": "`+strings.Repeat("x", 10_000)+`", "$db": "test"}`))
		if err != nil {
			t.Fatal(err)
		}
		r.Free()
		return n
	}
	none, most := 0, 9
	if byDefault, none, most := size(nil), size(&none), size(&most); none < 10_000 || byDefault > 1000 || most > byDefault {
		t.Errorf("sizes by default %d, without %d, with all effort %d", byDefault, none, most)
	}
}

// TestStream receives several replies to one request. A connection that is put back in the middle is not lent again.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newFakeServer(t)
		p := newPool(t, s.options())
		c := get(t, p)
		s.answer = func(m []byte) (stream []byte) {
			to := wire.ParseHeader(m).RequestID
			for i := range int32(3) {
				r := wire.Msg{Body: doc(`{"ok": 1.0}`)}
				if i < 2 {
					r.Flags = wire.MoreToCome
				}
				stream = r.Append(stream, 100+i, to)
				to = 100 + i
			}
			return stream
		}
		for _, whole := range []bool{true, false} {
			if err := c.Send(context.Background(), message(1, `{"hello": 1, "$db": "admin"}`)); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				if i == 2 && !whole {
					break
				}
				r, err := c.Receive(context.Background())
				if err != nil || r.MoreToCome != (i < 2) {
					t.Fatalf("reply %d: %v, %v", i, r, err)
				}
				r.Free()
			}
			p.Put(c)
			if got := p.Stats().Idle; got == 1 != whole {
				t.Errorf("%d connections idle", got)
			}
			if whole && get(t, p) != c {
				t.Error("another connection was lent")
			}
		}
	})
}

// TestDeadConnectionIsNotLent has the server close a connection that is idle. It is found out before it is lent, if it has
// been idle for a while.
func TestDeadConnectionIsNotLent(t *testing.T) {
	accepted := make(chan net.Conn, 2)
	p := newPool(t, Options{Address: listen(t, func(nc net.Conn) {
		accepted <- nc
		if serveHello(nc) {
			nc.Read(make([]byte, 1)) // until one side ends
		}
	})})
	c := get(t, p)
	p.Put(c)
	idleSinceLong := func() {
		p.mu.Lock()
		c.idleSince -= suspectAfter
		p.mu.Unlock()
	}
	idleSinceLong()
	if get(t, p) != c {
		t.Fatal("a connection that lives was not lent again")
	}
	p.Put(c)
	idleSinceLong()
	(<-accepted).Close()
	if silent(c.under) {
		c.under.Read(make([]byte, 1)) // until the end has come; nobody else reads
	}
	if get(t, p) == c {
		t.Error("the connection was lent")
	}
}

// TestUnixSocket connects through the file system.
func TestUnixSocket(t *testing.T) {
	dir, err := os.MkdirTemp("", "morton") // t.TempDir's names are too long for the address of a socket
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "mongodb-27017.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Skipf("there are no unix sockets here: %v", err)
	}
	defer l.Close()
	s := newFakeServer(t)
	s.work.Go(func() {
		if nc, err := l.Accept(); err == nil {
			s.serve(nc)
		}
	})
	c, err := Dial(context.Background(), Options{Address: path})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ping(t, c)
}
