package morton

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/connpool"
	"github.com/mortondb/morton/internal/sdam"
)

// Monitor hears of what a client does. Its functions must not block for long, nor change what they are given.
type Monitor struct {
	// Command hears of each command before it is sent and after its reply.
	Command func(*CommandEvent)
	// Pool hears of connections.
	Pool func(*PoolEvent)
	// Topology hears of servers and of what they are.
	Topology func(*TopologyEvent)
	// Trace is called when a command is about to be sent, and what it returns, when it is over: the place to begin and
	// end a span of OpenTelemetry.
	Trace func(ctx context.Context, started *CommandEvent) (finish func(error))
}

// CommandEvent is one of "CommandStarted", "CommandSucceeded" and "CommandFailed".
type CommandEvent struct {
	Kind               string
	Name               string // the command's
	Database           string
	RequestID          int64 // the same for start and end
	Address            string
	ConnectionID       int64 // in the pool
	ServerConnectionID int64 // what the server's log calls the connection; 0: unknown
	Command            bson.Raw
	Reply              bson.Raw // of CommandSucceeded, and of CommandFailed if the server answered
	Err                error    // of CommandFailed
	Duration           time.Duration
}

// PoolEvent is something that happened to a pool or a connection. Kind is the name that the specification "Connection Monitoring
// and Pooling" has for it, such as "ConnectionCreated".
type PoolEvent struct {
	Kind         string
	Address      string        // of the pool's server
	ConnectionID int64         // 0: it is not about one connection
	Reason       string        // why a connection was closed, or could not be had
	Duration     time.Duration // how long it took to make a connection, or to get one
	Err          error         // what came before a connection was closed, a pool cleared, or none could be had
	Interrupt    bool          // of ConnectionPoolCleared: operations that run on its connections are broken off
	MinPoolSize  int           // of ConnectionPoolCreated, as the next two
	MaxPoolSize  int
	MaxIdleTime  time.Duration
}

// TopologyEvent is something that became known of the set. Kind is the name that the specification "SDAM Monitoring" has for it:
// TopologyOpening, TopologyDescriptionChanged, TopologyClosed, ServerOpening, ServerDescriptionChanged, ServerClosed,
// ServerHeartbeatStarted, ServerHeartbeatSucceeded, ServerHeartbeatFailed.
type TopologyEvent struct {
	Kind     string
	Address  string   // of a server
	Old, New []Member // what was known before and is known now; of a server alone, one member each
	OldKind  string   // of the topology: "ReplicaSetWithPrimary", "Single", …
	NewKind  string
	Awaited  bool     // of heartbeats: the server answers when something changes
	Reply    bson.Raw // of a heartbeat that succeeded
	Err      error    // of one that failed
	Duration time.Duration
}

// Member is what a client knows of a server.
type Member struct {
	Address string
	Kind    string // "RSPrimary", "RSSecondary", "RSArbiter", "RSOther" (hidden, starting), "RSGhost" (no configuration yet), "Standalone", "Mongos", "Unknown"
	SetName string
	Tags    map[string]string
	RTT     time.Duration // to the server and back
	Err     error         // why Kind is Unknown, if anything went wrong
}

func memberOf(s *sdam.Server) Member {
	m := Member{Address: s.Address, Kind: s.Kind.String(), SetName: s.SetName, RTT: s.RTT.Average, Err: s.Err}
	if len(s.Tags) > 0 {
		m.Tags = make(map[string]string, len(s.Tags))
		for _, t := range s.Tags {
			m.Tags[t.Name] = t.Value
		}
	}
	return m
}

func membersOf(t *sdam.Topology) []Member {
	if t == nil {
		return nil
	}
	members := make([]Member, len(t.Servers))
	for i, s := range t.Servers {
		members[i] = memberOf(s)
	}
	return members
}

// outbox hands events to their listeners one after the other, in their order, from a goroutine of its own: listeners are never
// called under a lock of those who have news.
type outbox struct {
	monitor Monitor
	logger  *slog.Logger

	mu     sync.Mutex
	queue  []any
	wake   chan struct{} // holds one
	closed chan struct{}
	done   chan struct{}
}

// newOutbox returns an outbox that runs until close, or one that does nothing if nobody listens.
func newOutbox(m Monitor, l *slog.Logger) *outbox {
	o := &outbox{monitor: m, logger: l, wake: make(chan struct{}, 1), closed: make(chan struct{}), done: make(chan struct{})}
	if o.listening() {
		go o.run()
	} else {
		close(o.done)
	}
	return o
}

// listening reports whether anybody hears of pool or topology events.
func (o *outbox) listening() bool {
	return o.monitor.Pool != nil || o.monitor.Topology != nil || o.logger != nil
}

// add queues an event. It waits for nobody.
func (o *outbox) add(event any) {
	o.mu.Lock()
	o.queue = append(o.queue, event)
	o.mu.Unlock()
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) run() {
	defer close(o.done)
	for last := false; ; {
		o.mu.Lock()
		batch := o.queue
		o.queue = nil
		o.mu.Unlock()
		for _, e := range batch {
			o.deliver(e)
		}
		if last {
			return
		}
		select {
		case <-o.wake:
		case <-o.closed:
			last = true
		}
	}
}

// close delivers what is queued and ends.
func (o *outbox) close() {
	close(o.closed)
	<-o.done
}

func (o *outbox) deliver(event any) {
	switch e := event.(type) {
	case *PoolEvent:
		if o.monitor.Pool != nil {
			o.monitor.Pool(e)
		}
		if o.logger != nil {
			logPool(o.logger, e)
		}
	case *TopologyEvent:
		if o.monitor.Topology != nil {
			o.monitor.Topology(e)
		}
		if o.logger != nil {
			logTopology(o.logger, e)
		}
	}
}

func poolEvent(e connpool.Event) *PoolEvent {
	p := &PoolEvent{Kind: e.Kind.String(), Address: e.Address, ConnectionID: e.ConnectionID, Reason: string(e.Reason), Duration: e.Duration, Err: e.Err, Interrupt: e.Interrupt}
	if o := e.Options; o != nil {
		p.MinPoolSize, p.MaxPoolSize, p.MaxIdleTime = o.MinSize, o.MaxSize, o.MaxIdle
	}
	return p
}

func topologyEvent(e sdam.Event) *TopologyEvent {
	switch e := e.(type) {
	case sdam.TopologyOpened:
		return &TopologyEvent{Kind: "TopologyOpening"}
	case sdam.TopologyClosed:
		return &TopologyEvent{Kind: "TopologyClosed"}
	case sdam.TopologyChanged:
		return &TopologyEvent{Kind: "TopologyDescriptionChanged", Old: membersOf(e.Old), New: membersOf(e.New), OldKind: e.Old.Kind.String(), NewKind: e.New.Kind.String()}
	case sdam.ServerOpened:
		return &TopologyEvent{Kind: "ServerOpening", Address: e.Address}
	case sdam.ServerClosed:
		return &TopologyEvent{Kind: "ServerClosed", Address: e.Address}
	case sdam.ServerChanged:
		return &TopologyEvent{Kind: "ServerDescriptionChanged", Address: e.New.Address, Old: []Member{memberOf(e.Old)}, New: []Member{memberOf(e.New)}}
	}
	panic("morton: an event of the topology without a name")
}

func logPool(l *slog.Logger, e *PoolEvent) {
	attrs := []slog.Attr{slog.String("address", e.Address)}
	if e.ConnectionID != 0 {
		attrs = append(attrs, slog.Int64("connectionId", e.ConnectionID))
	}
	if e.Reason != "" {
		attrs = append(attrs, slog.String("reason", e.Reason))
	}
	switch e.Kind {
	case "ConnectionPoolCreated":
		attrs = append(attrs, slog.Int("minPoolSize", e.MinPoolSize), slog.Int("maxPoolSize", e.MaxPoolSize), slog.Duration("maxIdleTime", e.MaxIdleTime))
	case "ConnectionReady", "ConnectionCheckedOut", "ConnectionCheckOutFailed":
		attrs = append(attrs, slog.Duration("took", e.Duration))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err))
	}
	l.LogAttrs(context.Background(), slog.LevelDebug, e.Kind, attrs...)
}

func logTopology(l *slog.Logger, e *TopologyEvent) {
	level := slog.LevelDebug
	var attrs []slog.Attr
	if e.Address != "" {
		attrs = append(attrs, slog.String("address", e.Address))
	}
	switch e.Kind {
	case "ServerDescriptionChanged":
		level = slog.LevelInfo
		attrs = append(attrs, slog.String("was", e.Old[0].Kind), slog.String("is", e.New[0].Kind))
		if err := e.New[0].Err; err != nil {
			attrs = append(attrs, slog.Any("error", err))
		}
	case "TopologyDescriptionChanged":
		attrs = append(attrs, slog.String("was", e.OldKind), slog.String("is", e.NewKind))
	case "ServerHeartbeatStarted":
		attrs = append(attrs, slog.Bool("awaited", e.Awaited))
	case "ServerHeartbeatSucceeded", "ServerHeartbeatFailed":
		attrs = append(attrs, slog.Bool("awaited", e.Awaited), slog.Duration("took", e.Duration))
	}
	if e.Err != nil {
		attrs = append(attrs, slog.Any("error", e.Err))
	}
	l.LogAttrs(context.Background(), level, e.Kind, attrs...)
}
