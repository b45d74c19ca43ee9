package node

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/replset"
)

// startStandalone starts a standalone on a loopback port of the system's choosing.
func startStandalone(t *testing.T, fs vfs.FS) (*Node, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := fs.MkdirAll("db", 0o755); err != nil {
		t.Fatal(err)
	}
	n, err := Start(Options{FS: fs, DBPath: "db", Listeners: []net.Listener{l}, Naming: replset.Naming{Bind: []string{"127.0.0.1"}, Port: l.Addr().(*net.TCPAddr).Port},
		Dial: func(ctx context.Context, host string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", host)
		}})
	if err != nil {
		t.Fatal(err)
	}
	return n, l.Addr().String()
}

// run runs a command given as Extended JSON and returns the reply, which must be ok.
func run(t *testing.T, n *Node, host, cmd string) document.Doc {
	t.Helper()
	d, err := document.FromJSON(cmd)
	if err != nil {
		t.Fatal(err)
	}
	reply, err := n.ask(context.Background(), host, d)
	if err != nil {
		t.Fatalf("%s: %v", cmd, err)
	}
	return reply
}

// TestStandaloneKeepsItsData starts a member without a set, writes, and finds the data after a restart.
func TestStandaloneKeepsItsData(t *testing.T) {
	fs := vfs.NewCrashableMem()
	n, host := startStandalone(t, fs)
	for !run(t, n, host, `{"hello": 1, "$db": "admin"}`).Lookup("isWritablePrimary").Bool() {
		time.Sleep(time.Millisecond)
	}
	run(t, n, host, `{"insert": "c", "documents": [{"_id": 1, "x": "a"}], "$db": "test"}`)
	if err := n.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	n, host = startStandalone(t, fs)
	reply := run(t, n, host, `{"find": "c", "$db": "test"}`)
	if got := reply.LookupPath("cursor.firstBatch").String(); got != `[{"_id":1,"x":"a"}]` {
		t.Fatalf("found %s", got)
	}
	if err := n.Close(); err != nil {
		t.Fatal(err)
	}
}
