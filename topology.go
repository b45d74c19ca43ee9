package morton

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/connpool"
	"github.com/mortondb/morton/internal/sdam"
)

// topology is the shell around package sdam: it runs a monitor and a pool for each server, applies what they find, and lets
// operations choose.
type topology struct {
	config  *Config
	options connpool.Options // of every server but its address
	outbox  *outbox

	view atomic.Pointer[view]

	mu      sync.Mutex // orders changes; never held across I/O or a listener's call
	servers map[string]*server
	closed  bool

	ctx  context.Context // ends when the client is closed
	stop context.CancelFunc
	work sync.WaitGroup
}

// view is the topology of a moment with what is needed to use it. It does not change.
type view struct {
	*sdam.Topology
	servers []*server     // in the order of Topology.Servers
	changed chan struct{} // closed when another view has taken its place
	busy    func(*sdam.Server) int
}

// server is one server's pool and monitor.
type server struct {
	address string
	pool    *connpool.Pool
	running atomic.Int32 // operations
	monitor monitor
}

func newTopology(c *Config, o connpool.Options, out *outbox) *topology {
	t := &topology{config: c, options: o, outbox: out, servers: map[string]*server{}}
	t.ctx, t.stop = context.WithCancel(context.Background())
	seeds := slices.Clone(c.Hosts)
	srvMax := 0
	if c.uri != nil {
		srvMax = c.uri.SRVMaxHosts
	}
	t.mu.Lock()
	t.install(sdam.New(sdam.Config{
		Seeds: seeds, ReplicaSet: c.ReplicaSet, Direct: c.DirectConnection, SRVMaxHosts: srvMax,
		Heartbeat: c.HeartbeatInterval, LocalThreshold: c.LocalThreshold,
	}))
	t.mu.Unlock()
	return t
}

// install makes an update true: pools and monitors begin and end, operations see the new topology, listeners hear. The
// caller holds t.mu.
func (t *topology) install(u sdam.Update) {
	old := t.view.Load()
	if old != nil && u.Topology == old.Topology && len(u.Events) == 0 {
		return
	}
	var opened []*server
	for _, e := range u.Events {
		if t.outbox.listening() {
			t.outbox.add(topologyEvent(e))
		}
		switch e := e.(type) {
		case sdam.ServerOpened:
			s := t.newServer(e.Address)
			t.servers[e.Address] = s
			opened = append(opened, s)
		case sdam.ServerClosed:
			s := t.servers[e.Address]
			delete(t.servers, e.Address)
			s.monitor.stop()
			t.work.Add(1)
			go func() {
				defer t.work.Done()
				s.pool.Close()
			}()
		}
	}
	for _, address := range u.ClearPool {
		if s := t.servers[address]; s != nil {
			s.pool.Clear(nil, false)
		}
	}
	v := &view{Topology: u.Topology, changed: make(chan struct{})}
	for _, d := range u.Topology.Servers {
		v.servers = append(v.servers, t.servers[d.Address])
	}
	v.busy = func(d *sdam.Server) int { return int(v.server(d).running.Load()) }
	t.view.Store(v)
	for _, s := range opened {
		t.work.Add(1)
		go s.monitor.run(t, s)
	}
	for _, address := range u.CheckNow {
		if s := t.servers[address]; s != nil {
			s.monitor.checkNow()
		}
	}
	if old != nil {
		close(old.changed)
	}
}

// server returns the server that d describes, which is one of the view's.
func (v *view) server(d *sdam.Server) *server {
	for i, s := range v.Servers {
		if s == d {
			return v.servers[i]
		}
	}
	panic("morton: a server of another view")
}

func (t *topology) newServer(address string) *server {
	s := &server{address: address}
	o := t.options
	o.Address = address
	if t.outbox.listening() {
		o.Events = func(e connpool.Event) { t.outbox.add(poolEvent(e)) }
	}
	o.Failed = func(err *connpool.Error) { t.connectionFailed(s, err) }
	s.pool = connpool.New(o)
	s.monitor.init()
	return s
}

// checked applies the outcome of a monitor's check.
func (t *topology) checked(s *server, d *sdam.Server) {
	t.mu.Lock()
	v := t.view.Load()
	if t.closed || t.servers[s.address] != s {
		t.mu.Unlock()
		return
	}
	t.follow(s, v.JudgeCheck(d), v, d.Err)
	t.mu.Unlock()
}

// follow does what a verdict says. The caller holds t.mu.
func (t *topology) follow(s *server, verdict sdam.Verdict, v *view, cause error) {
	if verdict.ClearPool {
		s.pool.Clear(cause, verdict.InterruptInUse)
	}
	if verdict.Server != nil {
		u := v.Apply(verdict.Server)
		if verdict.Server.Err == nil && u.Topology.Usable(s.address) {
			s.pool.Ready() // before operations can see that the server is known
		}
		t.install(u)
	}
	if verdict.CancelCheck {
		s.monitor.cancelCheck()
	}
	if verdict.CheckNow {
		s.monitor.checkNow()
	}
}

// failed applies what the failure of an operation says about its server.
func (t *topology) failed(s *server, f sdam.Failure) {
	t.mu.Lock()
	v := t.view.Load()
	if !t.closed && t.servers[s.address] == s {
		t.follow(s, v.Judge(s.address, f, s.pool.Generation(), time.Now()), v, f.Err)
	}
	t.mu.Unlock()
}

// connectionFailed hears from a pool that a connection could not be made.
func (t *topology) connectionFailed(s *server, err *connpool.Error) {
	if f, ok := failureOf(err); ok {
		t.failed(s, f)
	}
}

// choose returns a server for the request, waiting for one as long as ctx and the time for selection allow.
func (t *topology) choose(ctx context.Context, r sdam.Request, op string) (*server, *sdam.Server, error) {
	if t.config.Logger == nil {
		return t.find(ctx, r, op)
	}
	t.logSelection(ctx, slog.LevelDebug, "ServerSelectionStarted", r, op)
	s, d, err := t.find(ctx, r, op)
	if err != nil {
		t.logSelection(ctx, slog.LevelDebug, "ServerSelectionFailed", r, op, slog.Any("error", err))
	} else {
		t.logSelection(ctx, slog.LevelDebug, "ServerSelectionSucceeded", r, op, slog.String("address", d.Address))
	}
	return s, d, err
}

// logSelection says which operation selects a server, and among which. That one waits is worth knowing also where nobody looks for faults.
func (t *topology) logSelection(ctx context.Context, level slog.Level, kind string, r sdam.Request, op string, more ...slog.Attr) {
	if l := t.config.Logger; l != nil && l.Enabled(ctx, level) {
		selector := "writable"
		if !r.Write {
			selector = r.Read.String()
		}
		attrs := []slog.Attr{slog.String("operation", op), slog.String("selector", selector), slog.String("topology", t.view.Load().Kind.String())}
		l.LogAttrs(ctx, level, kind, append(attrs, more...)...)
	}
}

// find is choose without a word to the log, but that it waits.
func (t *topology) find(ctx context.Context, r sdam.Request, op string) (*server, *sdam.Server, error) {
	v := t.view.Load()
	d, err := v.Select(r, rand.Uint64(), v.busy)
	if d != nil {
		return v.server(d), d, nil
	}
	if err != nil {
		return nil, nil, &SelectionError{Op: op, Reason: err.Error(), Err: err}
	}
	return t.await(ctx, r, op)
}

// await is find where no server suits now.
func (t *topology) await(ctx context.Context, r sdam.Request, op string) (*server, *sdam.Server, error) {
	timer := time.NewTimer(t.config.ServerSelectionTimeout)
	defer timer.Stop()
	for waits := false; ; waits = true {
		v := t.view.Load()
		d, err := v.Select(r, rand.Uint64(), v.busy)
		switch {
		case d != nil:
			return v.server(d), d, nil
		case err != nil:
			return nil, nil, &SelectionError{Op: op, Reason: err.Error(), Err: err}
		}
		if !waits {
			remaining := t.config.ServerSelectionTimeout
			if end, has := ctx.Deadline(); has {
				remaining = min(remaining, time.Until(end))
			}
			t.logSelection(ctx, slog.LevelInfo, "ServerSelectionWaiting", r, op, slog.String("reason", v.Explain(r)), slog.Duration("remaining", remaining))
		}
		t.checkAll(v)
		select {
		case <-v.changed:
		case <-timer.C:
			return nil, nil, &SelectionError{Op: op, Reason: t.view.Load().Explain(r), Waited: t.config.ServerSelectionTimeout, Err: context.DeadlineExceeded}
		case <-ctx.Done():
			return nil, nil, &SelectionError{Op: op, Reason: t.view.Load().Explain(r), Err: ctx.Err()}
		case <-t.ctx.Done():
			return nil, nil, ErrClosed
		}
	}
}

func (t *topology) checkAll(v *view) {
	for _, s := range v.servers {
		s.monitor.checkNow()
	}
}

// close ends monitors and pools, and waits for them.
func (t *topology) close() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.closed = true
	t.install(t.view.Load().Close())
	t.stop()
	t.mu.Unlock()
	t.work.Wait()
}
