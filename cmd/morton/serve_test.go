//go:build unix

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/internal/document"
)

const patience = 60 * time.Second // the machine may be busy

// free returns a port that is free, as are the members-1 after it and the consoles' above.
func free(t *testing.T, members int) int {
	t.Helper()
	for port := 28600 + os.Getpid()%300*10; port < 32000; port += 10 {
		if busyPort(port, members) == 0 {
			return port
		}
	}
	t.Fatal("no free ports")
	return 0
}

// process is the program as a process of its own.
type process struct {
	t      *testing.T
	cmd    *exec.Cmd
	out    *output
	exited chan struct{}
}

// output collects what a process prints, and can be waited on.
type output struct {
	mu    sync.Mutex
	lines []string
	more  chan struct{}
}

// start starts a command line; the first argument is the name that the program is called by.
func start(t *testing.T, argv ...string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{t: t, cmd: exec.Command(exe, argv[1:]...), out: &output{more: make(chan struct{})}, exited: make(chan struct{})}
	p.cmd.Args[0] = argv[0]
	r, w := io.Pipe()
	p.cmd.Stdout, p.cmd.Stderr = w, w
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go p.out.read(r)
	go func() {
		_ = p.cmd.Wait()
		w.Close()
		close(p.exited)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-p.exited
		if t.Failed() {
			t.Logf("%v:\n%s", argv, p.out)
		}
	})
	return p
}

func (o *output) read(r io.Reader) {
	for s := bufio.NewScanner(r); s.Scan(); {
		o.mu.Lock()
		o.lines = append(o.lines, s.Text())
		close(o.more)
		o.more = make(chan struct{})
		o.mu.Unlock()
	}
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(o.lines, "\n")
}

// waitLine waits for a line from number from on that contains all texts, and returns it and the number after it.
func (p *process) waitLine(from int, texts ...string) (line string, next int) {
	p.t.Helper()
	late := time.After(patience)
	for {
		p.out.mu.Lock()
		lines, more := p.out.lines, p.out.more
		p.out.mu.Unlock()
		for ; from < len(lines); from++ {
			if !slices.ContainsFunc(texts, func(s string) bool { return !strings.Contains(lines[from], s) }) {
				return lines[from], from + 1
			}
		}
		select {
		case <-more:
		case <-p.exited:
			time.Sleep(50 * time.Millisecond) // the last lines
			if p.out.mu.Lock(); from == len(p.out.lines) {
				p.out.mu.Unlock()
				p.t.Fatalf("it ended without a line with %q:\n%s", texts, p.out)
			}
			p.out.mu.Unlock()
		case <-late:
			p.t.Fatalf("no line with %q:\n%s", texts, p.out)
		}
	}
}

// exit waits for the end and returns the exit code.
func (p *process) exit() int {
	p.t.Helper()
	select {
	case <-p.exited:
		return p.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		p.t.Fatalf("it does not end:\n%s", p.out)
		return -1
	}
}

func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// member starts a member with its Unix socket in its own directory.
func startMember(t *testing.T, dir string, port int, more ...string) *process {
	t.Helper()
	return start(t, append([]string{"mongod", "--dbpath", dir, "--port", strconv.Itoa(port), "--unixSocketPrefix", dir}, more...)...)
}

func command(t *testing.T, host string, build func(*document.Builder)) document.Doc {
	t.Helper()
	var b document.Builder
	build(&b)
	d, err := runOn(t.Context(), &morton.Config{}, host, bson.Raw(b.Finish()))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestServe shows the life of a standalone: the lines that tools wait for, what commands learn of the process, the console, and the end by a signal.
func TestServe(t *testing.T) {
	dir, port := t.TempDir(), free(t, 1)
	p := startMember(t, dir, port, "--rest", "--slowms", "50")
	line, _ := p.waitLine(0, `"id":23016,   "ctx":"listener","msg":"Waiting for connections"`, fmt.Sprintf(`"port":%d`, port))
	if !json.Valid([]byte(line)) {
		t.Error(line)
	}
	p.waitLine(0, `"id":4615611, "ctx":"initandlisten","msg":"MongoDB starting","attr":{"pid":`, `"dbPath":"`+dir+`"`)
	p.waitLine(0, `"msg":"transition to primary complete; database writes are now permitted"`)
	host := fmt.Sprintf("localhost:%d", port)

	opts := command(t, host, func(b *document.Builder) { b.AppendInt32("getCmdLineOpts", 1) })
	if parsed := opts.LookupPath("parsed").String(); !strings.Contains(parsed, `"slowOpThresholdMs":{"$numberInt":"50"}`) && !strings.Contains(parsed, `"slowOpThresholdMs":50`) {
		t.Error(opts)
	}
	log := command(t, host, func(b *document.Builder) { b.AppendString("getLog", "startupWarnings") })
	if !strings.Contains(log.String(), "This server is bound to localhost") {
		t.Error(log)
	}
	if c, err := net.Dial("unix", filepath.Join(dir, fmt.Sprintf("mongodb-%d.sock", port))); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	for path, want := range map[string]string{"/": "standalone", "/_replSet": "Not using --replSet", "/readyz": "standalone", "/primaryz": "standalone"} {
		r, err := http.Get(fmt.Sprintf("http://localhost:%d%s", port+1000, path))
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(r.Body)
		r.Body.Close()
		if r.StatusCode != http.StatusOK || !bytes.Contains(body, []byte(want)) {
			t.Errorf("%s: %s\n%s", path, r.Status, body)
		}
	}

	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != exitClean {
		t.Errorf("exit code %d after SIGTERM", code)
	}
	p.waitLine(0, `"msg":"Received signal","attr":{"signal":15,"error":"terminated"}`)
	p.waitLine(0, `"id":23138,   "ctx":"initandlisten","msg":"Shutting down","attr":{"exitCode":0}`)
	if _, err := os.Stat(filepath.Join(dir, runningPID)); err == nil {
		t.Error("the pid file is left")
	}
}

// TestSignalsEndCleanly shows that SIGINT and SIGHUP do what SIGTERM does.
func TestSignalsEndCleanly(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGHUP} {
		p := startMember(t, t.TempDir(), free(t, 1))
		p.waitLine(0, "Waiting for connections")
		p.signal(s)
		if code := p.exit(); code != exitClean {
			t.Errorf("exit code %d after %v", code, s)
		}
	}
}

func TestExitCodes(t *testing.T) {
	dir, port := t.TempDir(), free(t, 2)
	missing := filepath.Join(dir, "missing")
	p := startMember(t, dir, port)
	p.waitLine(0, "Waiting for connections")
	for _, c := range []struct {
		name string
		args []string
		code int
		line string
	}{
		{"missing dbpath", []string{"--dbpath", missing, "--port", strconv.Itoa(port + 1), "--nounixsocket"}, exitUncaught,
			`"id":20557,   "ctx":"initandlisten","msg":"DBException in initAndListen, terminating","attr":{"error":"NonExistentPath: Data directory ` + missing + ` not found.`},
		{"locked dbpath", []string{"--dbpath", dir, "--port", strconv.Itoa(port + 1), "--nounixsocket"}, exitUncaught, `"error":"DBPathInUse: Unable to lock the lock file: ` + dir},
		{"busy port", []string{"--dbpath", t.TempDir(), "--port", strconv.Itoa(port), "--nounixsocket"}, exitNetError, `"id":20568,   "ctx":"initandlisten","msg":"Error setting up listener"`},
		{"bad logpath", []string{"--dbpath", dir, "--logpath", dir}, exitFailed, `should name a file, not a directory.`},
		{"bad pidfilepath", []string{"--dbpath", dir, "--pidfilepath", missing + "/pid", "--port", strconv.Itoa(port + 1), "--nounixsocket"}, exitFailed, `"id":23330,`},
	} {
		q := start(t, append([]string{"mongod"}, c.args...)...)
		if code := q.exit(); code != c.code {
			t.Errorf("%s: exit code %d, want %d", c.name, code, c.code)
		}
		q.waitLine(0, c.line)
	}
	p.signal(syscall.SIGTERM)
	p.exit()
}

// TestLogFile shows that a log file takes all lines, that SIGUSR1 rotates it, and that a restart without --logappend moves it away.
func TestLogFile(t *testing.T) {
	dir, port := t.TempDir(), free(t, 1)
	path := filepath.Join(dir, "m.log")
	p := startMember(t, dir, port, "--logpath", path)
	waitFile(t, path, "Waiting for connections")
	p.signal(syscall.SIGUSR1)
	waitFile(t, path+".*", "Waiting for connections")
	waitFile(t, path, "MongoDB starting")
	p.signal(syscall.SIGTERM)
	if code := p.exit(); code != exitClean {
		t.Error(code)
	}
	waitFile(t, path, "Shutting down")
	if p.out.String() != "" {
		t.Errorf("on standard output: %s", p.out)
	}
}

// waitFile waits until one of the files that match contains text.
func waitFile(t *testing.T, pattern, text string) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		names, _ := filepath.Glob(pattern)
		for _, name := range names {
			if b, err := os.ReadFile(name); err == nil && strings.Contains(string(b), text) {
				return string(b)
			}
		}
	}
	t.Fatalf("no file %s with %q", pattern, text)
	return ""
}

// TestFork shows that --fork returns when the member serves, and --shutdown when it has ended.
func TestFork(t *testing.T) {
	dir, port := t.TempDir(), free(t, 1)
	args := []string{"--dbpath", dir, "--port", strconv.Itoa(port), "--unixSocketPrefix", dir, "--fork", "--logpath", filepath.Join(dir, "m.log"), "--pidfilepath", filepath.Join(dir, "p.pid")}
	p := start(t, append([]string{"mongod"}, args...)...)
	if code := p.exit(); code != exitClean {
		t.Fatalf("exit code %d", code)
	}
	line, _ := p.waitLine(0, "forked process: ")
	p.waitLine(0, "child process started successfully, parent exiting")
	pid := waitFile(t, filepath.Join(dir, "p.pid"), "\n")
	if line != "forked process: "+strings.TrimSpace(pid) {
		t.Errorf("%q, pid file %q", line, pid)
	}
	command(t, fmt.Sprintf("localhost:%d", port), func(b *document.Builder) { b.AppendInt32("ping", 1) })

	q := start(t, append([]string{"mongod"}, args...)...)
	if code := q.exit(); code != exitNetError {
		t.Errorf("a second one: exit code %d", code)
	}
	q.waitLine(0, "ERROR: child process failed, exited with 48")

	r := start(t, "mongod", "--shutdown", "--dbpath", dir)
	if code := r.exit(); code != exitClean {
		t.Errorf("--shutdown: exit code %d", code)
	}
	r.waitLine(0, "killing process with pid: "+strings.TrimSpace(pid))
	waitFile(t, filepath.Join(dir, "m.log*"), `"exitCode":0`) // the second one has moved the log away, as mongod does
	if got, _ := os.ReadFile(filepath.Join(dir, "p.pid")); string(got) != pid {
		t.Errorf("the second one wrote the pid file: %s", got)
	}
}

// TestShutdownCommand shows that the command ends the process with exit code 0.
func TestShutdownCommand(t *testing.T) {
	port := free(t, 1)
	p := startMember(t, t.TempDir(), port)
	p.waitLine(0, "database writes are now permitted")
	_, _ = runOn(t.Context(), &morton.Config{}, fmt.Sprintf("localhost:%d", port), field("shutdown", 1)) // the connection may end instead of an answer
	if code := p.exit(); code != exitClean {
		t.Errorf("exit code %d", code)
	}
}
