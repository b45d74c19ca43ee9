package connpool

import "time"

// EventKind is what happened.
type EventKind uint8

// The events of "Connection Monitoring and Pooling", by its names.
const (
	PoolCreated EventKind = iota + 1
	PoolReady
	PoolCleared
	PoolClosed
	ConnectionCreated // and is about to be dialled
	ConnectionReady
	ConnectionClosed
	CheckOutStarted
	CheckOutFailed
	CheckedOut
	CheckedIn
)

var eventNames = [...]string{
	PoolCreated: "ConnectionPoolCreated", PoolReady: "ConnectionPoolReady", PoolCleared: "ConnectionPoolCleared", PoolClosed: "ConnectionPoolClosed",
	ConnectionCreated: "ConnectionCreated", ConnectionReady: "ConnectionReady", ConnectionClosed: "ConnectionClosed",
	CheckOutStarted: "ConnectionCheckOutStarted", CheckOutFailed: "ConnectionCheckOutFailed", CheckedOut: "ConnectionCheckedOut", CheckedIn: "ConnectionCheckedIn",
}

// String returns the specification's name.
func (k EventKind) String() string { return eventNames[k] }

// Reason is why a connection was closed, or could not be had, by the specification's names.
type Reason string

// Reasons for ConnectionClosed and CheckOutFailed.
const (
	ReasonStale           Reason = "stale"           // the pool was cleared since the connection was made
	ReasonIdle            Reason = "idle"            // for longer than MaxIdle
	ReasonError           Reason = "error"           // something failed on it
	ReasonPoolClosed      Reason = "poolClosed"      //
	ReasonTimeout         Reason = "timeout"         // or the end of the caller's context
	ReasonConnectionError Reason = "connectionError" // also when the pool is paused
)

// Event is something that happened in a pool.
type Event struct {
	Kind         EventKind
	Address      string
	ConnectionID int64         // from 1 on in each pool; 0 where no connection is meant
	Reason       Reason        // of ConnectionClosed and CheckOutFailed
	Duration     time.Duration // of ConnectionReady since ConnectionCreated; of CheckedOut and CheckOutFailed since CheckOutStarted
	Err          error         // where there is one
	Interrupt    bool          // of PoolCleared: connections in use are interrupted
	Options      *Options      // of PoolCreated
}

func (p *Pool) emit(e Event) {
	if p.opts.Events != nil {
		e.Address = p.opts.Address
		p.opts.Events(e)
	}
}

// now is the time for events' durations, which is not asked for where nobody listens.
func (p *Pool) now() time.Time {
	if p.opts.Events == nil {
		return time.Time{}
	}
	return time.Now()
}

func (p *Pool) since(t time.Time) time.Duration {
	if p.opts.Events == nil {
		return 0
	}
	return time.Since(t)
}
