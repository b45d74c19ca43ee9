package morton

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/connpool"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/sdam"
)

// checkRest is the least time between the beginnings of two checks of a server that does not tell of changes by itself
// (Server Discovery and Monitoring, minHeartbeatFrequencyMS).
const checkRest = 500 * time.Millisecond

// monitor watches one server: it says hello, and where the server can it lets itself be told of changes, until it is
// stopped.
type monitor struct {
	ctx  context.Context
	stop context.CancelFunc
	kick chan struct{} // holds one: check now

	mu        sync.Mutex
	conn      *connpool.Conn // of the check that runs
	cancelled bool           // the check that runs was given up by somebody else
	rtt       sdam.RTT
}

func (m *monitor) init() {
	m.ctx, m.stop = context.WithCancel(context.Background())
	m.kick = make(chan struct{}, 1)
}

// checkNow has the server checked without waiting for the next heartbeat.
func (m *monitor) checkNow() {
	select {
	case m.kick <- struct{}{}:
	default:
	}
}

// cancelCheck gives up a check that is waiting for the server.
func (m *monitor) cancelCheck() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.conn != nil {
		m.cancelled = true
		m.conn.Close()
	}
}

// run watches until stopped.
func (m *monitor) run(t *topology, s *server) {
	defer t.work.Done()
	defer m.hold(nil)
	w := &watch{monitor: m, topology: t, server: s}
	defer w.hangUp()
	for m.ctx.Err() == nil {
		began := time.Now()
		streaming := w.check()
		if streaming {
			continue // the server answers when there is something to say
		}
		w.rest(began)
	}
}

// hold makes conn the one that cancelCheck closes. It reports whether the check before was cancelled.
func (m *monitor) hold(conn *connpool.Conn) (cancelled bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	cancelled, m.cancelled, m.conn = m.cancelled, false, conn
	return cancelled
}

func (m *monitor) addRTT(sample time.Duration) sdam.RTT {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rtt = m.rtt.Add(sample)
	return m.rtt
}

func (m *monitor) currentRTT() sdam.RTT {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.rtt
}

func (m *monitor) forgetRTT() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rtt = sdam.RTT{}
}

// watch is a monitor's own state, that of its goroutine.
type watch struct {
	*monitor
	topology *topology
	server   *server

	conn    *connpool.Conn
	version document.Doc // topologyVersion of the last reply; nil: the server has none
	more    bool         // another reply comes by itself
	request int32
	buf     []byte
	rtt     *rttMonitor // runs while the server streams
}

// check asks the server once, or waits for what it says by itself, and reports what came of it. streaming says that the next
// check is to begin at once.
func (w *watch) check() (streaming bool) {
	fresh := w.conn == nil
	awaited := !fresh && w.version != nil
	w.heartbeat(&TopologyEvent{Kind: "ServerHeartbeatStarted", Awaited: awaited})
	began := time.Now()
	d, reply, err := w.ask(awaited)
	took := time.Since(began)
	if w.monitor.ctx.Err() != nil {
		return false
	}
	if err != nil {
		cancelled := w.hold(nil)
		w.hangUp()
		w.heartbeat(&TopologyEvent{Kind: "ServerHeartbeatFailed", Awaited: awaited, Err: err, Duration: took})
		if cancelled {
			w.version = nil
			return true
		}
		w.forgetRTT()
		was := w.topology.view.Load().Server(w.server.address)
		w.topology.checked(w.server, sdam.Failed(w.server.address, err, sdam.TopologyVersion{}, time.Now()))
		return !fresh && was != nil && was.Kind.Known() // a connection that broke says little about the server: ask once more
	}
	w.heartbeat(&TopologyEvent{Kind: "ServerHeartbeatSucceeded", Awaited: awaited, Reply: reply, Duration: took})
	w.topology.checked(w.server, d)
	if d.Err != nil || w.version == nil {
		return false
	}
	w.measureRTT()
	return true
}

// heartbeat tells those who listen.
func (w *watch) heartbeat(e *TopologyEvent) {
	if w.topology.outbox.listening() {
		e.Address = w.server.address
		w.topology.outbox.add(e)
	}
}

// ask makes a connection, or says hello on the one that there is, or receives what the server says by itself.
func (w *watch) ask(awaited bool) (d *sdam.Server, raw bson.Raw, err error) {
	if w.conn == nil {
		return w.connect()
	}
	limit := w.topology.config.ConnectTimeout
	if awaited && limit > 0 {
		limit += w.topology.config.HeartbeatInterval
	}
	ctx, cancel := within(w.monitor.ctx, limit)
	defer cancel()
	began := time.Now()
	var reply connpool.Reply
	if w.more {
		reply, err = w.conn.Receive(ctx)
	} else {
		w.request++
		version := w.version
		if !awaited {
			version = nil
		}
		w.buf = w.conn.AppendHeartbeat(w.buf[:0], w.request, version, w.topology.config.HeartbeatInterval, awaited)
		reply, err = w.conn.RoundTrip(ctx, w.buf)
	}
	if err != nil {
		return nil, nil, err
	}
	defer reply.Free()
	w.more = reply.MoreToCome
	rtt := w.currentRTT()
	if !awaited {
		rtt = w.addRTT(time.Since(began))
	}
	return w.learn(reply.Body, rtt), bson.Raw(reply.Body.Clone()), nil
}

func (w *watch) connect() (*sdam.Server, bson.Raw, error) {
	o := w.topology.options
	o.Address = w.server.address
	conn, err := connpool.Dial(w.monitor.ctx, o)
	if err != nil {
		return nil, nil, err
	}
	w.conn, w.more = conn, false
	w.hold(conn)
	hello := conn.Hello()
	return w.learn(hello.Raw, w.addRTT(hello.RTT)), bson.Raw(hello.Raw), nil
}

func (w *watch) learn(reply document.Doc, rtt sdam.RTT) *sdam.Server {
	d := sdam.ParseHello(w.server.address, reply, rtt, time.Now())
	w.version = nil
	if w.topology.config.MonitoringMode != "poll" && !d.TopologyVersion.IsZero() {
		w.version = d.TopologyVersion.Document()
	}
	return d
}

// rest waits for the next check.
func (w *watch) rest(began time.Time) {
	timer := time.NewTimer(w.topology.config.HeartbeatInterval)
	defer timer.Stop()
	select {
	case <-timer.C:
		return
	case <-w.monitor.ctx.Done():
		return
	case <-w.kick:
	}
	if d := checkRest - time.Since(began); d > 0 {
		timer.Reset(d)
		select {
		case <-timer.C:
		case <-w.monitor.ctx.Done():
		}
	}
}

func (w *watch) hangUp() {
	if w.conn != nil {
		w.conn.Close()
		w.conn = nil
	}
	w.more, w.version = false, nil
	if w.rtt != nil {
		w.rtt.stop()
		w.rtt = nil
	}
}

// within is context.WithTimeout where there is a limit.
func within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	if limit <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, limit)
}

// rttMonitor measures round trips on a connection of its own, while the monitor's waits for the server to speak (Server
// Monitoring, "Measuring RTT").
type rttMonitor struct{ stop context.CancelFunc }

// measureRTT starts the measuring if it does not run.
func (w *watch) measureRTT() {
	if w.rtt != nil {
		return
	}
	ctx, cancel := context.WithCancel(w.monitor.ctx)
	w.rtt = &rttMonitor{stop: cancel}
	w.topology.work.Add(1)
	go func(t *topology, m *monitor, address string) {
		defer t.work.Done()
		o := t.options
		o.Address = address
		measureRTT(ctx, o, t.config.HeartbeatInterval, m)
	}(w.topology, w.monitor, w.server.address)
}

func measureRTT(ctx context.Context, o connpool.Options, interval time.Duration, m *monitor) {
	var conn *connpool.Conn
	var buf []byte
	defer func() {
		if conn != nil {
			conn.Close()
		}
	}()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for request := int32(1); ; request++ {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if conn == nil {
			c, err := connpool.Dial(ctx, o)
			if err != nil {
				continue // that the server is gone is the monitor's to say
			}
			conn = c
			m.addRTT(c.Hello().RTT)
			continue
		}
		limited, cancel := within(ctx, o.ConnectTimeout)
		began := time.Now()
		buf = conn.AppendHeartbeat(buf[:0], request, nil, 0, false)
		reply, err := conn.RoundTrip(limited, buf)
		cancel()
		if err != nil {
			conn.Close()
			conn = nil
			continue
		}
		reply.Free()
		m.addRTT(time.Since(began))
	}
}
