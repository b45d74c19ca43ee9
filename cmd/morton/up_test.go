//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mortondb/morton"
)

// TestUp shows the life of a set on one machine: it comes up, the hint's command makes a failover that is shown, the
// command that is shown brings the member back, Ctrl-C stops everything, and the set comes back with its data.
func TestUp(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	dir, port := filepath.Join(t.TempDir(), "data"), free(t, 3)
	args := []string{"morton", "up", "--dbpath", dir, "--port", strconv.Itoa(port)}
	p := start(t, args...)
	_, at := p.waitLine(0, fmt.Sprintf("mongodb://localhost:%d,localhost:%d,localhost:%d/?replicaSet=morton", port, port+1, port+2))
	p.waitLine(0, fmt.Sprintf("http://localhost:%d/_replSet", port+1000))
	p.waitLine(0, "data      "+dir)
	_, at = p.waitLine(at, "Ctrl-C stops the set.")
	insert(t, port, 3, 1)

	kill, _ := p.waitLine(0, "kill -9 ")
	if out, err := exec.Command("sh", "-c", kill).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", kill, err, out)
	}
	p.waitLine(at, "its process ended (signal: killed)")
	p.waitLine(at, "PRIMARY, term ", " was lost")
	p.waitLine(at, "the next failover: kill -9 ")
	insert(t, port, 3, 2)

	again, _ := p.waitLine(at, " serve ", "--dbpath")
	back := exec.Command("sh", "-c", "exec "+strings.TrimSpace(again))
	back.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := back.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = back.Process.Signal(syscall.SIGTERM); _ = back.Wait() }()
	p.waitLine(at, "→ SECONDARY")

	p.signal(syscall.SIGINT)
	if code := p.exit(); code != exitClean {
		t.Errorf("exit code %d after Ctrl-C", code)
	}
	_ = back.Process.Signal(syscall.SIGTERM)
	_ = back.Wait()
	if busy := busyPort(port, 3); busy != 0 {
		t.Fatalf("port %d is still busy", busy)
	}

	p = start(t, "morton", "up", "--dbpath", dir) // with the ports that it had
	p.waitLine(0, "Ctrl-C stops the set.")
	if n := count(t, port, 3); n != 2 {
		t.Errorf("%d documents after the restart, want 2", n)
	}
	var out, errs bytes.Buffer
	uri := fmt.Sprintf("mongodb://localhost:%d/", port+1)
	if code := run([]string{"morton", "check", uri}, nil, &out, &errs); code != exitClean || strings.Count(out.String(), " ok: ") != 3 {
		t.Errorf("morton check %s ends with %d:\n%s%s", uri, code, &out, &errs)
	}
	for _, line := range []struct{ command, want string }{{"stepdown", " has stepped down; localhost:"}, {"status", "PRIMARY"}} {
		code, stdout, stderr := runLine(t, "morton", line.command, uri)
		for tries := 0; line.command == "status" && tries < 100 && !strings.Contains(stdout, line.want); tries++ { // the member that is asked hears of the new primary a moment later
			code, stdout, stderr = runLine(t, "morton", line.command, uri)
		}
		if code != exitClean || !strings.Contains(stdout, line.want) {
			t.Errorf("morton %s %s ends with %d:\n%s%s", line.command, uri, code, stdout, stderr)
		}
	}
	if code, _, stderr := runLine(t, "morton", "dump-log", filepath.Join(dir, "member1")); code != exitFailed || !strings.Contains(stderr, "a member runs on") {
		t.Errorf("dump-log of a running member ends with %d: %s", code, stderr)
	}
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != exitClean {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	code, stdout, stderr := runLine(t, "morton", "dump-log", "--mutations", filepath.Join(dir, "member1"))
	for _, want := range []string{"begin of a term", `op: "i", ns: "admin.up"`, "    put    "} {
		if code != exitClean || !strings.Contains(stdout, want) {
			t.Fatalf("dump-log ends with %d; no %q in\n%s%s", code, want, stdout, stderr)
		}
	}
}

// TestUpEphemeral shows that nothing is left of an ephemeral set, also when its parent is killed.
func TestUpEphemeral(t *testing.T) {
	if testing.Short() {
		t.Skip("starts processes")
	}
	port := free(t, 1)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	p := start(t, "morton", "up", "--ephemeral", "--members", "1", "--port", strconv.Itoa(port), "--replSet", "foo")
	p.waitLine(0, "Ctrl-C stops the set.")
	insert(t, port, 1, 1)
	p.signal(syscall.SIGINT)
	if code := p.exit(); code != exitClean {
		t.Errorf("exit code %d", code)
	}
	if left, _ := os.ReadDir(tmp); len(left) != 0 {
		t.Errorf("left: %v", left)
	}

	p = start(t, "morton", "up", "--ephemeral", "--members", "1", "--port", strconv.Itoa(port))
	p.waitLine(0, "Ctrl-C stops the set.")
	p.signal(syscall.SIGKILL)
	p.exit()
	for end := time.Now().Add(patience); busyPort(port, 1) != 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the member outlives the program that started it")
		}
	}
}

// TestUpBusyPort shows that a busy port is named, with what to type next.
func TestUpBusyPort(t *testing.T) {
	port := free(t, 3)
	for _, busy := range []int{port + 1, port + 1002} {
		l, err := net.Listen("tcp4", fmt.Sprintf("127.0.0.1:%d", busy))
		if err != nil {
			t.Fatal(err)
		}
		code, _, stderr := runLine(t, "morton", "up", "--ephemeral", "--port", strconv.Itoa(port))
		l.Close()
		if code != exitFailed || !strings.Contains(stderr, fmt.Sprintf("port %d, for a member", busy)) || !strings.Contains(stderr, "    morton up --port ") {
			t.Errorf("exit code %d, %s", code, stderr)
		}
	}
}

// database is what the tests write to, on the set's primary.
func database(t *testing.T, port, members int) *morton.Database {
	t.Helper()
	var hosts []string
	for n := range members {
		hosts = append(hosts, fmt.Sprintf("localhost:%d", port+n))
	}
	client, err := morton.Connect(t.Context(), hosts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client.Database("admin").With(morton.Settings{WriteConcern: &morton.WriteConcern{W: "majority"}})
}

func insert(t *testing.T, port, members, id int) {
	t.Helper()
	if _, err := database(t, port, members).Collection("up").InsertOne(t.Context(), field("_id", id)); err != nil {
		t.Fatal(err)
	}
}

func count(t *testing.T, port, members int) int64 {
	t.Helper()
	n, err := database(t, port, members).Collection("up").Count(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
