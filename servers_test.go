package morton_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/internal/node"
	"github.com/mortondb/morton/internal/replset"
)

// eachServer runs a test with a set of Morton's, and with one of the mongod that MORTON_MONGOD names.
func eachServer(t *testing.T, members int, f func(t *testing.T, hosts []string)) {
	t.Run("morton", func(t *testing.T) {
		hosts := make([]string, members)
		for i := range hosts {
			hosts[i] = startMorton(t)
		}
		initiate(t, hosts)
		f(t, hosts)
	})
	t.Run("mongod", func(t *testing.T) {
		if os.Getenv("MORTON_MONGOD") == "" {
			t.Skip("MORTON_MONGOD names no mongod to ask")
		}
		hosts := make([]string, members)
		for i := range hosts {
			hosts[i] = startMongod(t)
		}
		initiate(t, hosts)
		f(t, hosts)
	})
}

// startMorton starts a member of the set rs in this process, which ends with the test.
func startMorton(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	fs := vfs.NewMem()
	if err := fs.MkdirAll("db", 0o755); err != nil {
		t.Fatal(err)
	}
	n, err := node.Start(node.Options{
		FS: fs, DBPath: "db", Listeners: []net.Listener{l}, Set: replset.SetOption{Name: "rs"}, EnableTestCommands: true,
		Naming: replset.Naming{Bind: []string{"127.0.0.1"}, Port: l.Addr().(*net.TCPAddr).Port},
		Dial: func(ctx context.Context, host string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", host)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func startMongod(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	_, port, _ := net.SplitHostPort(address)
	cmd := exec.Command(os.Getenv("MORTON_MONGOD"), "--dbpath", t.TempDir(), "--port", port, "--bind_ip", "127.0.0.1", "--replSet", "rs", "--setParameter", "enableTestCommands=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "Waiting for connections") {
			go func() {
				for lines.Scan() {
				}
			}()
			return address
		}
	}
	t.Fatal("mongod ended before it listened")
	return ""
}

// initiate makes a set of the members and waits for its primary.
func initiate(t *testing.T, hosts []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	direct, err := morton.Connect(ctx, "mongodb://"+hosts[0]+"/?directConnection=true")
	if err != nil {
		t.Fatal(err)
	}
	defer direct.Close(ctx)
	members := bson.A{}
	for i, h := range hosts {
		members = append(members, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: h}})
	}
	if _, err := direct.Database("admin").Run(ctx, bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: "rs"}, {Key: "members", Value: members}}}}); err != nil {
		t.Fatal(err)
	}
	client := connect(t, hosts, "")
	if err := client.Ping(ctx); err != nil {
		t.Fatal(err)
	}
}

// connect connects with all hosts as seeds.
func connect(t *testing.T, hosts []string, options string) *morton.Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	c, err := morton.Connect(ctx, fmt.Sprintf("mongodb://%s/?replicaSet=rs%s", strings.Join(hosts, ","), options))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close(context.Background()) })
	return c
}
