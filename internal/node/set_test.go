package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/peer/memnet"
	"github.com/mortondb/morton/internal/replset"
	"github.com/mortondb/morton/internal/storage"
)

// set is a replica set in one process: a network and file systems in memory, in virtual time.
type set struct {
	t        *testing.T
	network  *memnet.Network
	hosts    []string
	name     string // of --replSet; empty: they are standalones
	faults   bool   // fail points exist
	misnamed bool   // no seeds, and the machines' names are not those of the configuration and lead nowhere
	disks    map[string]*disk
	corpses  sync.WaitGroup // nodes of processes that died

	// What a simulation changes:
	logger  func(host string, life int) slog.Handler
	clock   func(host string) func() time.Time
	onFatal func(host string, err error)

	mu    sync.Mutex // guards nodes while members may die on their own
	nodes map[string]*Node
}

func newSet(t *testing.T, hosts ...string) *set {
	s := &set{t: t, network: memnet.New(1), hosts: hosts, name: "foo", disks: map[string]*disk{}, nodes: map[string]*Node{}}
	for _, h := range hosts {
		s.disks[h] = newDisk(func() { s.die(h) })
	}
	s.logger = func(host string, _ int) slog.Handler { return slog.NewTextHandler(testWriter{t, host}, nil) }
	s.clock = func(string) func() time.Time { return nil }
	s.onFatal = func(host string, err error) { t.Errorf("%s: %v", host, err) }
	return s
}

func (s *set) start(host string) *Node {
	s.t.Helper()
	n, err := s.tryStart(host)
	if err != nil {
		s.t.Fatal(err)
	}
	return n
}

// tryStart starts a member. Its process may die while it starts, and its disk may fail.
func (s *set) tryStart(host string) (*Node, error) {
	d := s.disks[host]
	fs, life := d.mount()
	if err := errors.Join(fs.MkdirAll("db", 0o755), storage.SyncDir(fs, "")); err != nil {
		return nil, err
	}
	l, err := s.network.Listen(host)
	if err != nil {
		return nil, err
	}
	name, _, _ := strings.Cut(host, ":")
	var seeds []string
	for _, h := range s.hosts {
		if h != host {
			seeds = append(seeds, h)
		}
	}
	naming := replset.Naming{Hostname: name, Bind: []string{name}, Port: 27017}
	if s.misnamed {
		seeds, naming = nil, replset.Naming{Hostname: "nowhere", Bind: []string{"*"}, Port: 27017}
	}
	n, err := Start(Options{
		FS: fs, DBPath: "db", Listeners: []net.Listener{l}, Naming: naming,
		Set: replset.SetOption{Name: s.name, Seeds: seeds}, CacheBytes: 1 << 20, Quiet: true, EnableTestCommands: s.faults,
		Dial:   func(ctx context.Context, to string) (net.Conn, error) { return s.dial(ctx, host, to, life) },
		Logger: slog.New(s.logger(host, life)), Now: s.clock(host),
		OnFatal: func(err error) {
			if d.lives(life) { // what fails on a corpse does not matter
				s.onFatal(host, err)
			}
		},
	})
	if err != nil {
		_ = l.Close()
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !d.lives(life) {
		s.bury(host, n)
		return nil, errDied
	}
	s.nodes[host] = n
	return n, nil
}

// errDied says that a process died while it started.
var errDied = errors.New("the process died")

// dial connects a member's process, as long as that lives.
func (s *set) dial(ctx context.Context, from, to string, life int) (net.Conn, error) {
	c, err := s.network.Dial(ctx, from, to)
	if err == nil && !s.disks[from].lives(life) {
		_ = c.Close()
		return nil, errDied
	}
	return c, err
}

type testWriter struct {
	t    *testing.T
	name string
}

func (w testWriter) Write(b []byte) (int, error) {
	w.t.Logf("%s %s %s", time.Now().Format("05.000"), w.name, strings.TrimSpace(string(b)))
	return len(b), nil
}

func (s *set) startAll() {
	for _, h := range s.hosts {
		s.start(h)
	}
}

func (s *set) stopAll() {
	s.t.Helper()
	for _, n := range s.nodes {
		if err := n.Close(); err != nil {
			s.t.Error(err)
		}
	}
	s.corpses.Wait()
}

// kill ends a member as kill -9 and a power failure together would: its connections break, and what was not synced is lost.
func (s *set) kill(host string) {
	s.die(host)
	s.corpses.Wait()
}

// die is kill from within the process, at any moment. What its goroutines do from now on nobody hears, and no disk remembers.
func (s *set) die(host string) {
	s.disks[host].crash(func() { s.network.Kill(host) })
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.nodes[host]; n != nil {
		delete(s.nodes, host)
		s.bury(host, n)
	}
}

func (s *set) bury(host string, n *Node) {
	s.corpses.Go(func() {
		if err := n.Close(); err != nil {
			s.t.Logf("%s: closing the corpse: %v", host, err)
		}
	})
}

// command runs a command on a member.
func (s *set) command(host, format string, args ...any) (document.Doc, error) {
	s.t.Helper()
	return s.ask(context.Background(), "client", host, fmt.Sprintf(format, args...))
}

// ask runs a command from a host of the network.
func (s *set) ask(ctx context.Context, from, host, command string) (document.Doc, error) {
	cmd, err := document.FromJSON(command)
	if err != nil {
		panic(fmt.Sprintf("%v: %s", err, command))
	}
	n := Node{opts: Options{Dial: func(ctx context.Context, to string) (net.Conn, error) { return s.network.Dial(ctx, from, to) }}}
	return n.ask(ctx, host, cmd)
}

func (s *set) must(host, format string, args ...any) document.Doc {
	s.t.Helper()
	d, err := s.command(host, format, args...)
	if err != nil {
		s.t.Fatalf("%s: %s: %v", host, fmt.Sprintf(format, args...), err)
	}
	return d
}

// primary waits until a member says that it is the writable primary.
func (s *set) primary() string {
	s.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		for h := range s.nodes {
			if d, err := s.command(h, `{"hello": 1, "$db": "admin"}`); err == nil && d.Lookup("isWritablePrimary").Bool() {
				return h
			}
		}
		time.Sleep(5 * time.Millisecond)
	}
	s.t.Fatal("no primary within a minute")
	return ""
}

// settle waits until all members are primary or secondary and hold the same state, and returns its digest.
func (s *set) settle() string {
	s.t.Helper()
	return s.settleOf(slices.Collect(maps.Keys(s.nodes))...)
}

// settleOf is settle for some of the members.
func (s *set) settleOf(hosts ...string) string {
	s.t.Helper()
	p := s.primary()
	var want string
	for _, h := range hosts {
		for tries := 0; ; tries++ {
			mark := s.must(p, `{"_mortonMark": 1, "$db": "admin"}`).Lookup("mark").Str()
			a := s.must(p, `{"_mortonDigest": "%s", "$db": "admin"}`, mark)
			b, err := s.command(h, `{"_mortonDigest": "%s", "maxTimeMS": 2000, "$db": "admin"}`, mark)
			if err == nil {
				want = digestText(a)
				if got := digestText(b); got != want {
					s.t.Fatalf("%s differs from the primary %s:\n%s\n%s", h, p, got, want)
				}
				break
			}
			if tries > 200 {
				s.t.Fatalf("%s does not catch up: %v", h, err)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return want
}

// waitFor waits until a member is in one of the states.
func (s *set) waitFor(host string, states ...string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		d, err := s.command(host, `{"replSetGetStatus": 1, "$db": "admin"}`)
		if err != nil {
			continue
		}
		for it := d.Lookup("members").Doc().Iter(); it.Next(); {
			m := it.Value().Doc()
			if m.Lookup("self").Truthy() && slices.Contains(states, m.Lookup("stateStr").Str()) {
				return
			}
		}
	}
	s.t.Fatalf("%s is not %v within a minute", host, states)
}

// waitVoters waits until so many members vote: one with a new disk votes when it has caught up.
func (s *set) waitVoters(n int) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for _, node := range s.nodes {
			if st := node.raft.Load(); st != nil {
				if st := st.Status(); st.Primary && len(st.ConfState.Voters) == n && !st.ConfState.Joint() {
					return
				}
			}
		}
	}
	s.t.Fatalf("not %d voters within a minute", n)
}

func digestText(d document.Doc) string {
	return d.Lookup("collections").String() + d.Lookup("sessions").String()
}

// TestSetElectsFailsOverAndKeepsEveryWrite is the article in virtual time: three members, an initiation without configuration, a write, the primary
// killed, the write found on the new primary; then the old one comes back.
func TestSetElectsFailsOverAndKeepsEveryWrite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		if d := s.must("a:27017", `{"replSetInitiate": 1, "$db": "admin"}`); d.Lookup("info2").Str() != "no configuration explicitly specified -- making one" {
			t.Fatal(d)
		}
		begin := time.Now()
		p := s.primary()
		t.Logf("primary %s after %v", p, time.Since(begin))
		s.must(p, `{"insert": "c", "documents": [{"_id": 1, "x": 1}], "$db": "test"}`)
		s.kill(p)
		begin = time.Now()
		q := s.primary()
		t.Logf("primary %s %v after the death of %s", q, time.Since(begin), p)
		if d := s.must(q, `{"find": "c", "$db": "test"}`); d.LookupPath("cursor.firstBatch").String() != `[{"_id":1,"x":1}]` {
			t.Fatal(d)
		}
		s.must(q, `{"insert": "c", "documents": [{"_id": 2, "x": 2}], "$db": "test"}`)
		s.start(p)
		s.settle()
	})
}

// TestLastMemberStopsWithoutWaiting: a primary that is told to stop hands over while there is somebody, so that the set has a primary at once; the last one
// has nobody to wait for.
func TestLastMemberStopsWithoutWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.must("a:27017", `{"replSetInitiate": 1, "$db": "admin"}`)
		shutdown := func(host string) (took time.Duration) {
			begin := time.Now()
			if err := s.nodes[host].Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			delete(s.nodes, host)
			return time.Since(begin)
		}
		s.settle()
		shutdown(s.primary())
		begin := time.Now()
		last := s.primary()
		if took := time.Since(begin); took > 100*time.Millisecond {
			t.Errorf("a primary %v after another one handed over", took)
		}
		for h := range s.nodes {
			if h != last {
				shutdown(h)
			}
		}
		time.Sleep(100 * time.Millisecond)
		if took := shutdown(last); took > 100*time.Millisecond {
			t.Errorf("the last member took %v to stop", took)
		}
	})
}

// TestMachineNameThatLeadsNowhere: members know each other by the names of the configuration, also at the first start and when one joins anew.
func TestMachineNameThatLeadsNowhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.misnamed = true
		s.startAll()
		defer s.stopAll()
		s.must("a:27017", `{"replSetInitiate": {"_id": "foo", "members": [{"_id": 0, "host": "a:27017"}, {"_id": 1, "host": "b:27017"}, {"_id": 2, "host": "c:27017"}]}, "$db": "admin"}`)
		s.must(s.primary(), `{"insert": "c", "documents": [{"_id": 1}], "$db": "test"}`)
		s.settle()
		first := s.primary() // the one after it has itself joined
		s.kill(first)
		s.primary()
		s.disks[first].wipe()
		s.start(first)
		s.must(s.primary(), `{"insert": "c", "documents": [{"_id": 2}], "writeConcern": {"w": 3, "wtimeout": 60000}, "$db": "test"}`)
		s.settle()
	})
}

// TestRestartAfterInitialSync: a member that got its data from another one, was primary and was shut down comes back with all it had.
func TestRestartAfterInitialSync(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.must("a:27017", `{"replSetInitiate": 1, "$db": "admin"}`)
		s.must(s.primary(), `{"insert": "c", "documents": [{"_id": 1}], "$db": "test"}`)
		s.settle()
		s.kill("b:27017")
		s.disks["b:27017"].wipe()
		s.start("b:27017")
		s.settle()
		time.Sleep(2 * time.Second)
		for range 3 {
			p := s.primary()
			s.must(p, `{"insert": "d", "documents": [{"x": 1}], "$db": "test"}`)
			if err := s.nodes[p].Shutdown(t.Context()); err != nil {
				t.Fatal(err)
			}
			delete(s.nodes, p)
			s.primary()
			s.start(p)
			s.settle()
		}
	})
}

// TestSetRestarts: members that were all down have a primary again long before an election timeout.
func TestSetRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.must("a:27017", `{"replSetInitiate": 1, "$db": "admin"}`)
		s.must(s.primary(), `{"insert": "c", "documents": [{"_id": 1}], "$db": "test"}`)
		for _, h := range s.hosts {
			s.kill(h)
		}
		begin := time.Now()
		s.startAll()
		p := s.primary()
		if took := time.Since(begin); took > 300*time.Millisecond {
			t.Errorf("a primary after %v", took)
		}
		s.must(p, `{"insert": "c", "documents": [{"_id": 2}], "$db": "test"}`)
	})
}
