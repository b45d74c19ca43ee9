package peer

import (
	"fmt"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/oplog"
)

// Status is what a member tells the others of itself.
type Status struct {
	State         int32 // MongoDB's member state: 1 primary, 2 secondary, ...
	Applied       oplog.OpTime
	Durable       oplog.OpTime
	Term          uint64
	Leader        uint64 // raft id, 0 if unknown
	ConfigVersion int64
	ConfigTerm    int64
	Uptime        time.Duration
	Wall          time.Time       // the sender's clock when it was sent
	Elected       oplog.Timestamp // of the entry that its term as primary began with; 0 if it is not primary
	Unwilling     bool            // it would not become primary now: frozen, or in maintenance
	Message       string          // what the member is busy with, for replSetGetStatus's infoMessage
}

// same reports whether only what changes by itself differs.
func (s Status) same(o Status) bool {
	s.Wall, s.Uptime, o.Wall, o.Uptime = time.Time{}, 0, time.Time{}, 0
	return s == o
}

// maxStatusMessage bounds Status.Message on the wire.
const maxStatusMessage = 1 << 10

// statusFrame is a status and what measures the round-trip time: the sender's clock, the newest clock that it received from the
// receiver, and how long it had that when it sent this.
type statusFrame struct {
	Status
	clock, echo int64 // nanoseconds since the process began, plus 1
	held        time.Duration
}

func (w *frameWriter) writeStatus(f *statusFrame) {
	w.open(frameStatus)
	b := document.NewBuilder(w.buf)
	b.AppendInt32("state", f.State)
	b.AppendTimestamp("appliedTs", uint64(f.Applied.TS))
	b.AppendInt64("appliedT", int64(f.Applied.Term))
	b.AppendTimestamp("durableTs", uint64(f.Durable.TS))
	b.AppendInt64("durableT", int64(f.Durable.Term))
	b.AppendInt64("term", int64(f.Term))
	b.AppendInt64("leader", int64(f.Leader))
	b.AppendInt64("configVersion", f.ConfigVersion)
	b.AppendInt64("configTerm", f.ConfigTerm)
	b.AppendInt64("uptimeMillis", f.Uptime.Milliseconds())
	b.AppendDate("wall", f.Wall.UnixMilli())
	if f.Elected != 0 {
		b.AppendTimestamp("elected", uint64(f.Elected))
	}
	if f.Unwilling {
		b.AppendBool("unwilling", true)
	}
	if f.Message != "" {
		b.AppendString("message", f.Message[:min(len(f.Message), maxStatusMessage)])
	}
	b.AppendInt64("clock", f.clock)
	b.AppendInt64("echo", f.echo)
	b.AppendInt64("held", int64(f.held))
	w.buf = b.FinishBuffer()
	w.close()
}

// parseStatus decodes a status. Fields that are missing are zero, and those it does not know are left out: a later version adds some.
func parseStatus(data []byte) (statusFrame, error) {
	d := document.Doc(data)
	if err := document.Validate(d, document.MaxDepth); err != nil {
		return statusFrame{}, fmt.Errorf("%w: status: %w", errFrame, err)
	}
	var f statusFrame
	fields := map[string]func(v document.Value){
		"state":         func(v document.Value) { f.State = v.Int32() },
		"appliedTs":     func(v document.Value) { f.Applied.TS = oplog.Timestamp(v.Timestamp()) },
		"appliedT":      func(v document.Value) { f.Applied.Term = uint64(v.Int64()) },
		"durableTs":     func(v document.Value) { f.Durable.TS = oplog.Timestamp(v.Timestamp()) },
		"durableT":      func(v document.Value) { f.Durable.Term = uint64(v.Int64()) },
		"term":          func(v document.Value) { f.Term = uint64(v.Int64()) },
		"leader":        func(v document.Value) { f.Leader = uint64(v.Int64()) },
		"configVersion": func(v document.Value) { f.ConfigVersion = v.Int64() },
		"configTerm":    func(v document.Value) { f.ConfigTerm = v.Int64() },
		"uptimeMillis":  func(v document.Value) { f.Uptime = time.Duration(v.Int64()) * time.Millisecond },
		"wall":          func(v document.Value) { f.Wall = time.UnixMilli(v.Int64()) },
		"elected":       func(v document.Value) { f.Elected = oplog.Timestamp(v.Timestamp()) },
		"unwilling":     func(v document.Value) { f.Unwilling = v.Bool() },
		"message":       func(v document.Value) { f.Message = string([]byte(v.Str())) },
		"clock":         func(v document.Value) { f.clock = v.Int64() },
		"echo":          func(v document.Value) { f.echo = v.Int64() },
		"held":          func(v document.Value) { f.held = time.Duration(v.Int64()) },
	}
	for it := d.Iter(); it.Next(); {
		if set := fields[it.Key()]; set != nil {
			set(it.Value())
		}
	}
	return f, nil
}

// PeerStatus is what this member knows of another one.
type PeerStatus struct {
	ID         uint64
	Host       string
	Status     Status        // zero if none was received yet
	Connected  bool          // this member's connection to it stands
	LastSent   time.Time     // when something was last written to it
	LastHeard  time.Time     // when anything was last read from it
	LastStatus time.Time     // when its status was last read
	Ping       time.Duration // round-trip time, 0 if not yet measured
	Err        error         // why there is no connection
}
