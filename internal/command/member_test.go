package command

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/replset"
	"github.com/mortondb/morton/internal/storage"
)

// testMember is everything that a dispatcher works with: an engine over a file system in memory, whose log commits by
// itself, and a replica set that is what the test says.
type testMember struct {
	t      testing.TB
	engine *engine.Engine
	store  *storage.Store
	d      *Dispatcher

	mu      sync.Mutex
	entries []engine.Entry
	wake    chan struct{}
	stopped chan struct{}
	held    bool // nothing is committed

	view    *replset.View
	changed chan struct{}
	waitErr error // what waits for other members end with
	stepped []StepDown
	stops   int
}

var testProcess = document.ObjectID{1, 2, 3}

// newTestMember returns a member that is primary of a set of n members.
func newTestMember(t testing.TB, n int, options ...func(*Options)) *testMember {
	t.Helper()
	m := &testMember{t: t, wake: make(chan struct{}, 1), stopped: make(chan struct{}), changed: make(chan struct{})}
	var err error
	if m.store, err = storage.Open(storage.Options{FS: vfs.NewMem(), Dir: "data", CacheBytes: 4 << 20, MemTableSize: 1 << 20, Logf: t.Logf}); err != nil {
		t.Fatal(err)
	}
	if m.engine, err = engine.Open(engine.Options{Storage: m.store, Spills: memorySpills{}, Logf: t.Logf}); err != nil {
		t.Fatal(err)
	}
	m.engine.Connect(m, m)
	m.view = testView(n, replset.Primary)
	o := Options{Set: m, Log: m, Engine: m.engine, Process: m, Version: "0.0.0-test", TestCommands: true, SlowMS: DefaultSlowMS, Compressors: []string{"snappy", "zlib"}}
	for _, f := range options {
		f(&o)
	}
	m.d = New(o)
	go m.applyAll()
	m.engine.BecomePrimary(1)
	t.Cleanup(func() {
		m.d.Close()
		close(m.wake)
		<-m.stopped
		m.engine.Close()
		if err := m.store.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

func testView(n int, state replset.State) *replset.View {
	v := &replset.View{SetName: "rs", Self: 0, Primary: -1, State: state, Term: 1, SyncFrom: -1, Started: time.Now(),
		Topology: replset.TopologyVersion{ProcessID: testProcess, Counter: 3}}
	config := &replset.Config{Name: "rs", Version: 1, Term: 1, JournalDefault: true, Settings: replset.DefaultSettings()}
	for i := range n {
		config.Members = append(config.Members, replset.Member{ID: int32(i), Host: replset.JoinHost("host", 27017+i), Priority: 1, Votes: 1, Tags: document.Empty})
	}
	v.Config = config
	if state == replset.Primary {
		v.Primary, v.Writable = 0, true
	}
	return v
}

// become makes the member something else; hellos that wait hear of it.
func (m *testMember) become(change func(*replset.View)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v := *m.view
	change(&v)
	v.Topology.Counter++
	m.view = &v
	close(m.changed)
	m.changed = make(chan struct{})
}

func (m *testMember) Append(group []byte, _ oplog.Timestamp, _ bool) {
	m.mu.Lock()
	m.entries = append(m.entries, engine.Entry{Index: uint64(len(m.entries) + 1), Term: 1, Data: group})
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *testMember) applyAll() {
	defer close(m.stopped)
	done := 0
	for range m.wake {
		m.mu.Lock()
		list := m.entries[done:len(m.entries):len(m.entries)]
		if m.held {
			list = nil
		}
		done += len(list)
		m.mu.Unlock()
		if len(list) > 0 {
			if err := m.engine.Apply(list); err != nil {
				m.t.Error(err)
			}
		}
	}
}

// hold stops commits, or lets them go on.
func (m *testMember) hold(yes bool) {
	m.mu.Lock()
	m.held = yes
	m.mu.Unlock()
	select {
	case m.wake <- struct{}{}:
	default:
	}
}

func (m *testMember) Bounds() (first, last uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return 1, uint64(len(m.entries))
}

func (m *testMember) Read(lo, hi uint64, _ int) ([]engine.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.entries[lo-1 : min(hi-1, uint64(len(m.entries)))], nil
}

// Log.

func (m *testMember) Last() oplog.OpTime      { return m.engine.LastTime() }
func (m *testMember) Newest() oplog.Timestamp { return m.engine.Newest() }
func (m *testMember) Committed() oplog.OpTime {
	p := m.engine.Applied()
	return oplog.OpTime{TS: oplog.Timestamp(p.TS), Term: p.Term}
}

func (m *testMember) WaitApplied(ctx context.Context, ts oplog.Timestamp) error {
	if m.Last().TS >= ts {
		return nil
	}
	return m.engine.AdvanceTo(ts)
}

func (m *testMember) WaitCommitted(ctx context.Context, op oplog.OpTime) error {
	if m.waitErr != nil {
		return m.waitErr
	}
	if term, primary := m.engine.Primary(); op.Term != 0 && (!primary || op.Term != term) {
		return mongoerr.New(mongoerr.InterruptedDueToReplStateChange, "operation was interrupted")
	}
	return m.engine.WaitApplied(ctx, op.TS)
}
func (m *testMember) WaitDurable(context.Context, oplog.OpTime) error { return nil }
func (m *testMember) WaitTagged(ctx context.Context, op oplog.OpTime, _ replset.WriteConcern) error {
	return m.WaitReplicated(ctx, op, 2)
}

func (m *testMember) StepUp(context.Context) error { return nil }

func (m *testMember) Maintain(bool) error { return nil }

func (m *testMember) ResizeOplog(int64, time.Duration) error { return nil }

func (m *testMember) OplogBytes() int64 { return 1 << 30 }

func (m *testMember) WaitReplicated(ctx context.Context, op oplog.OpTime, _ int) error {
	return m.WaitCommitted(ctx, op)
}
func (m *testMember) CatchUp(context.Context) error     { return nil }
func (m *testMember) ReadBarrier(context.Context) error { return nil }
func (m *testMember) Holders(oplog.Timestamp) []string  { return []string{"host:27018", "host:27017"} }

// ReplicaSet.

func (m *testMember) View() *replset.View {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.view
}

func (m *testMember) Changed(counter int64) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.view.Topology.Counter != counter {
		c := make(chan struct{})
		close(c)
		return c
	}
	return m.changed
}

func (m *testMember) Initiate(_ context.Context, config document.Value, legacy bool) (document.Doc, error) {
	if err := m.View().CheckInitiate(); err != nil {
		return nil, err
	}
	in, err := replset.ParseInitiate(config, replset.SetOption{Name: "rs"}, "host:27017")
	if err != nil {
		return nil, err
	}
	var b document.Builder
	in.AppendReply(&b, "host:27017", legacy)
	return b.Finish(), nil
}

func (m *testMember) Reconfigure(_ context.Context, config document.Value, force bool) (document.Doc, error) {
	_, err := m.View().ParseReconfig(config, force)
	return nil, err
}

func (m *testMember) Elections() replset.ElectionMetrics { return replset.ElectionMetrics{} }

func (m *testMember) Config() (document.Doc, error) {
	c, err := m.View().GetConfig()
	if err != nil {
		return nil, err
	}
	return c.Document(), nil
}

func (m *testMember) Status() (document.Doc, error) {
	var b document.Builder
	err := m.View().AppendStatus(&b, time.Now())
	return b.Finish(), err
}

func (m *testMember) StepDown(_ context.Context, how StepDown) error {
	m.stepped = append(m.stepped, how)
	return nil
}

func (m *testMember) Freeze(context.Context, int64) (document.Doc, error) { return document.Empty, nil }
func (m *testMember) Identity() document.Doc                              { return document.Empty }

// Process.

func (m *testMember) Stop(context.Context, bool, int64) error {
	m.stops++
	return nil
}
func (m *testMember) CommandLine() ([]string, document.Doc) {
	return []string{"mongod"}, document.Empty
}
func (m *testMember) LogLines(string) ([]string, int) { return []string{"{}"}, 1 }
func (m *testMember) Network() NetworkStats           { return NetworkStats{Connections: 1} }

// client is a connection to a testMember.
type client struct {
	t testing.TB
	d *Dispatcher
	c *Conn
	// legacy makes its requests come by OP_QUERY.
	legacy bool
}

var lastClient int64

func (m *testMember) client() *client {
	lastClient++
	return &client{t: m.t, d: m.d, c: NewConn(lastClient, "127.0.0.1:5000", "127.0.0.1:27017")}
}

// run runs a command given as Extended JSON on a database.
func (c *client) run(db, command string) document.Doc {
	c.t.Helper()
	return c.reply(db, command).Doc
}

func (c *client) runDoc(db string, d document.Doc) document.Doc {
	return c.d.Run(c.t.Context(), &Request{Conn: c.c, DB: db, Body: d, Legacy: c.legacy}).Doc
}

func (c *client) reply(db, command string) Reply {
	c.t.Helper()
	d, err := document.FromJSON(command)
	if err != nil {
		c.t.Fatalf("%s: %v", command, err)
	}
	return c.d.Run(context.Background(), &Request{Conn: c.c, DB: db, Body: d, Legacy: c.legacy})
}

// must runs a command that has to succeed.
func (c *client) must(db, command string) document.Doc {
	c.t.Helper()
	d := c.run(db, command)
	if ok, _ := d.Lookup("ok").AsFloat64(); ok != 1 {
		c.t.Fatalf("%s: %s", command, d)
	}
	return d
}

// failure returns code and message of a reply; 0 if it is none.
func failure(d document.Doc) (mongoerr.Code, string) {
	return mongoerr.Code(d.Lookup("code").Int32()), d.Lookup("errmsg").Str()
}
