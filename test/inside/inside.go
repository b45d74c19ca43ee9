// Package inside starts members of Morton inside a test's process: real ones on a loopback port, with storage in memory.
package inside

import (
	"context"
	"net"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/node"
	"github.com/mortondb/morton/internal/replset"
)

// Member starts a member of the set, or a standalone if set is empty, that ends with the test, and returns where it listens.
func Member(t testing.TB, set string) (address string) {
	t.Helper()
	address, end, err := Start(set)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := end(); err != nil {
			t.Error(err)
		}
	})
	return address
}

// Start is Member where there is no test: the caller ends it.
func Start(set string) (address string, end func() error, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	fs := vfs.NewMem()
	if err := fs.MkdirAll("db", 0o755); err != nil {
		return "", nil, err
	}
	n, err := node.Start(node.Options{
		FS: fs, DBPath: "db", Listeners: []net.Listener{l}, Set: replset.SetOption{Name: set}, EnableTestCommands: true,
		Naming: replset.Naming{Bind: []string{"127.0.0.1"}, Port: l.Addr().(*net.TCPAddr).Port},
		Dial: func(ctx context.Context, host string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", host)
		},
	})
	if err != nil {
		return "", nil, err
	}
	return l.Addr().String(), n.Close, nil
}
