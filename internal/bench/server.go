package bench

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/mortondb/morton/internal/document"
)

const (
	startTimeout = 2 * time.Minute
	setName      = "bench"
)

// server is a set that is measured: one that was running, or processes that are ours.
type server struct {
	spec      Server
	addresses []string
	primary   string
	pid       int // of the primary; 0: it runs elsewhere

	processes []*exec.Cmd
	directory string
	cacheGB   float64
	profiled  bool

	claimed atomic.Int64 // numbers of YCSB's records that somebody inserts or has inserted
	records atomic.Int64 // all up to here are there
	mu      sync.Mutex   // guards ahead
	ahead   map[int64]bool
}

// inserted notes that a record is there.
func (srv *server) inserted(n int64) {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if srv.ahead == nil {
		srv.ahead = map[int64]bool{}
	}
	srv.ahead[n] = true
	for next := srv.records.Load(); srv.ahead[next]; next++ {
		delete(srv.ahead, next)
		srv.records.Store(next + 1)
	}
}

// openServer starts the binary as a set, or finds the running set of a URI.
func openServer(spec Server, members int, cacheGB float64, profiled bool) (srv *server, err error) {
	srv = &server{spec: spec, cacheGB: cacheGB, profiled: profiled && !spec.isMongod()}
	defer func() {
		if err != nil {
			srv.close()
			err = fmt.Errorf("%s: %w", spec.Name, err)
		}
	}()
	if spec.running() {
		hosts, _, _ := strings.Cut(strings.TrimPrefix(spec.Where, "mongodb://"), "/")
		srv.addresses = strings.Split(hosts, ",")
	} else if err := srv.start(members); err != nil {
		return srv, err
	}
	return srv, srv.findPrimary()
}

// start runs the binary once for each member, in a directory of its own, and initiates the set.
func (srv *server) start(members int) (err error) {
	if srv.directory, err = os.MkdirTemp("", "morton-bench-"); err != nil {
		return err
	}
	for i := range members {
		address, err := freeAddress()
		if err != nil {
			return err
		}
		srv.addresses = append(srv.addresses, address)
		srv.processes = append(srv.processes, nil)
		if err := srv.startMember(i); err != nil {
			return err
		}
	}
	for _, address := range srv.addresses {
		err := retry(func() error {
			_, err := once(address, "admin", startTimeout, func(b *document.Builder) { b.AppendInt32("ping", 1) })
			return err
		})
		if err != nil {
			return err
		}
	}
	_, err = once(srv.addresses[0], "admin", startTimeout, srv.initiate)
	return err
}

func (srv *server) initiate(b *document.Builder) {
	b.OpenDoc("replSetInitiate")
	b.AppendString("_id", setName)
	b.OpenArray("members")
	for i, address := range srv.addresses {
		appendDoc(b, document.Index(i), func(b *document.Builder) {
			b.AppendInt32("_id", int32(i))
			b.AppendString("host", address)
		})
	}
	b.Close()
	b.Close()
}

func (srv *server) dbpath(number int) string {
	return filepath.Join(srv.directory, fmt.Sprint("data", number))
}

// startMember starts the process of a member, with the data that its directory has.
func (srv *server) startMember(number int) error {
	dbpath := srv.dbpath(number)
	if err := os.MkdirAll(dbpath, 0o755); err != nil {
		return err
	}
	log, err := os.OpenFile(dbpath+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	_, port, err := net.SplitHostPort(srv.addresses[number])
	if err != nil {
		return err
	}
	args := []string{"--dbpath", dbpath, "--port", port, "--replSet", setName,
		"--bind_ip", "127.0.0.1", "--wiredTigerCacheSizeGB", fmt.Sprint(srv.cacheOf())}
	if !srv.spec.isMongod() {
		args = append([]string{"serve"}, args...)
	}
	if srv.profiled {
		args = append(args, "--rest")
	}
	cmd := exec.Command(srv.spec.Where, args...)
	cmd.Stdout, cmd.Stderr = log, log
	dieWithParent(cmd)
	srv.processes[number] = cmd
	return cmd.Start()
}

// mongodCacheMin is the least that mongod takes, in GB.
const mongodCacheMin = 0.25

func (srv *server) cacheOf() float64 {
	if srv.spec.isMongod() {
		return max(srv.cacheGB, mongodCacheMin)
	}
	return srv.cacheGB
}

func (srv *server) killMember(number int) error {
	cmd := srv.processes[number]
	if err := cmd.Process.Kill(); err != nil {
		return err
	}
	_ = cmd.Wait()
	return nil
}

// findPrimary waits until a member is primary and the others follow it, and learns the primary's process id.
func (srv *server) findPrimary() error {
	if err := retry(srv.askForPrimary); err != nil {
		return err
	}
	status, err := once(srv.primary, "admin", startTimeout, func(b *document.Builder) { b.AppendInt32("serverStatus", 1) })
	if err != nil {
		return err
	}
	if pid, ok := status.Lookup("pid").ToInt64(); ok && isLocal(srv.primary) {
		srv.pid = int(pid)
	}
	if srv.spec.isMongod() { // the version that Morton tells clients is not its own
		srv.spec.Version = strings.Clone(status.Lookup("version").Str())
	}
	return nil
}

func (srv *server) askForPrimary() error {
	ready := 0
	for _, address := range srv.addresses {
		hello, err := once(address, "admin", startTimeout, func(b *document.Builder) { b.AppendInt32("hello", 1) })
		if err != nil {
			return err
		}
		if hello.Lookup("isWritablePrimary").Bool() {
			srv.primary = address
			ready++
		} else if hello.Lookup("secondary").Bool() {
			ready++
		}
	}
	if srv.primary == "" || ready < len(srv.addresses) {
		return fmt.Errorf("%d of %d members are ready", ready, len(srv.addresses))
	}
	return nil
}

func isLocal(address string) bool {
	host, _, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return err == nil && (host == "localhost" || ip != nil && ip.IsLoopback())
}

func (srv *server) primaryNumber() int {
	for i, address := range srv.addresses {
		if address == srv.primary {
			return i
		}
	}
	return -1
}

// command runs a command on the primary.
func (srv *server) command(build func(*document.Builder)) (document.Doc, error) {
	return once(srv.primary, database, replyTimeout, build)
}

// drop drops a collection of the benchmark's database, if it is there.
func (srv *server) drop(collection string) error {
	reply, err := srv.command(func(b *document.Builder) {
		b.AppendInt32("listCollections", 1)
		appendDoc(b, "filter", func(b *document.Builder) { b.AppendString("name", collection) })
	})
	if err != nil || counted(reply) == 0 {
		return err
	}
	_, err = srv.command(func(b *document.Builder) { b.AppendString("drop", collection) })
	return err
}

// diskBytes is what the primary's directory takes.
func (srv *server) diskBytes() (total int64) {
	if srv.directory == "" {
		return 0
	}
	_ = filepath.WalkDir(srv.dbpath(srv.primaryNumber()), func(_ string, entry os.DirEntry, err error) error {
		if err != nil {
			return nil // removed meanwhile
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			total += allocated(info)
		}
		return nil
	})
	return total
}

// logLines is how many lines of a member's log are shown when something went wrong.
const logLines = 8

// printLogs shows how the members' logs end.
func (srv *server) printLogs(out io.Writer) {
	for i := range srv.processes {
		text, err := os.ReadFile(srv.dbpath(i) + ".log")
		if err != nil {
			continue
		}
		lines := strings.Split(strings.TrimSpace(string(text)), "\n")
		fmt.Fprintf(out, "the log of member %d of %s ends:\n  %s\n", i, srv.spec.Name, strings.Join(lines[max(len(lines)-logLines, 0):], "\n  "))
	}
}

// close ends the processes that were started here, and removes their data.
func (srv *server) close() {
	for _, cmd := range srv.processes {
		if cmd != nil && cmd.Process != nil {
			_ = cmd.Process.Signal(syscall.SIGKILL)
			_ = cmd.Wait()
		}
	}
	if srv.directory != "" {
		_ = os.RemoveAll(srv.directory)
	}
}

// freeAddress returns a port that is free, with the one for the page of --rest.
func freeAddress() (string, error) {
	for range 100 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return "", err
		}
		address, port := l.Addr().String(), l.Addr().(*net.TCPAddr).Port
		l.Close()
		page, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port+1000))
		if err == nil {
			page.Close()
			return address, nil
		}
	}
	return "", errors.New("no free port")
}

// retry repeats f until it succeeds or startTimeout is over.
func retry(f func() error) error {
	deadline := time.Now().Add(startTimeout)
	for {
		err := f()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
