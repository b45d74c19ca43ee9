package connpool

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/auth"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
	"github.com/mortondb/morton/test/inside"
	"github.com/mortondb/morton/test/process"
)

// TestMorton and TestMongod do the same with both servers.
func TestMorton(t *testing.T) { testServer(t, inside.Member(t, "")) }

func TestMongod(t *testing.T) { testServer(t, process.StartMongod(t)) }

func testServer(t *testing.T, address string) {
	client, err := Metadata{AppName: "test", Driver: "morton", Version: "0"}.Document()
	if err != nil {
		t.Fatal(err)
	}
	o := Options{Address: address, Client: client, ConnectTimeout: 10 * time.Second}
	waitUntilWritable(t, o)
	t.Run("large replies", func(t *testing.T) { testLargeReplies(t, o) })
	t.Run("stream", func(t *testing.T) { testStream(t, o) })
	o.ServerAPI = &ServerAPI{Version: "1"}
	t.Run("stream with a version of the API", func(t *testing.T) { testStream(t, o) })
}

// run runs a command that must succeed.
func run(t *testing.T, c *Conn, command string) Reply {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	r, err := c.RoundTrip(ctx, message(77, command))
	if err != nil {
		t.Fatal(err)
	}
	if err := mongoerr.FromReply(r.Body); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	return r
}

// waitUntilWritable waits for the reply that says so, which comes as soon as it is true.
func waitUntilWritable(t *testing.T, o Options) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for hello := c.Hello().Raw; !hello.Lookup("ismaster").Bool() && !hello.Lookup("isWritablePrimary").Bool(); {
		r, err := c.RoundTrip(ctx, c.AppendHeartbeat(nil, 1, hello.Lookup("topologyVersion").Doc(), 10*time.Second, false))
		if err != nil {
			t.Fatal(err)
		}
		hello = r.Body.Clone()
		r.Free()
	}
}

// testLargeReplies reads documents of 1 MB together, with each compressor.
func testLargeReplies(t *testing.T, o Options) {
	const count, size = 100, 10_000
	for c := wire.Noop; c <= wire.Zstd; c++ {
		if c != wire.Noop {
			o.Compressors = []wire.Compressor{c}
		}
		p := newPool(t, o)
		conn := get(t, p)
		if c != conn.Hello().Compressor && conn.Hello().Compressor != wire.Noop {
			t.Errorf("%v: agreed on %v", c, conn.Hello().Compressor)
		}
		t.Logf("%v: agreed on %v", c, conn.Hello().Compressor)
		var documents strings.Builder
		for i := range count {
			fmt.Fprintf(&documents, `%s{"_id": %d, "x": %q}`, strings.Repeat(",", min(i, 1)), i, strings.Repeat(strconv.Itoa(i%10), size))
		}
		r := run(t, conn, fmt.Sprintf(`{"insert": "%v", "documents": [%s], "$db": "test"}`, c, documents.String()))
		r.Free()
		for range 2 {
			r := run(t, conn, fmt.Sprintf(`{"find": "%v", "batchSize": 1000, "$db": "test"}`, c))
			n := 0
			for it := r.Body.LookupPath("cursor.firstBatch").Doc().Iter(); it.Next(); n++ {
				if got := it.Value().Doc().Lookup("x").Str(); got != strings.Repeat(strconv.Itoa(n%10), size) {
					t.Fatalf("%v: document %d is another", c, n)
				}
			}
			if err := document.Validate(r.Body, document.MaxDepth); err != nil || n != count {
				t.Errorf("%v: %d documents, %v", c, n, err)
			}
			r.Free()
		}
		p.Put(conn)
	}
}

// testStream has the server say by itself that nothing has changed.
func testStream(t *testing.T, o Options) {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	c, err := Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	version := c.Hello().Raw.Lookup("topologyVersion").Doc()
	if err := c.Send(ctx, c.AppendHeartbeat(nil, 5, version, 50*time.Millisecond, true)); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		r, err := c.Receive(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if !r.MoreToCome || r.Body.Lookup("topologyVersion").IsMissing() {
			t.Errorf("more to come: %v, %s", r.MoreToCome, r.Body)
		}
		r.Free()
	}
}

// TestMongodAuthenticates has users of a real mongod log in, and one whose password is wrong.
func TestMongodAuthenticates(t *testing.T) {
	o := Options{Address: process.StartMongod(t, "--auth")}
	p := newPool(t, o)
	c := get(t, p)
	r := run(t, c, `{"createUser": "alice", "pwd": "open", "roles": ["root"], "$db": "admin"}`)
	r.Free()
	for _, mechanism := range []string{"", auth.SCRAMSHA1, auth.SCRAMSHA256} {
		for password, want := range map[string]mongoerr.Code{"open": 0, "sesame": mongoerr.AuthenticationFailed} {
			who, err := auth.NewClient(auth.Credential{Username: "alice", Password: password, Mechanism: mechanism}, rand.Text)
			if err != nil {
				t.Fatal(err)
			}
			o.Auth = who
			for _, api := range []*ServerAPI{nil, {Version: "1"}} {
				o.ServerAPI = api
				p := newPool(t, o)
				c, err := p.Get(context.Background())
				if got := mongoerr.CodeOf(err); got != want {
					t.Errorf("%s with %q: %v", mechanism, password, err)
				}
				if err == nil {
					command := `{"listDatabases": 1, "nameOnly": true, "$db": "admin"}`
					if api != nil {
						command = `{"listDatabases": 1, "nameOnly": true, "$db": "admin", "apiVersion": "1"}`
					}
					r := run(t, c, command)
					r.Free()
					p.Put(c)
				}
			}
		}
	}
}
