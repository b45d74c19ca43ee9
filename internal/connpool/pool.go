package connpool

import (
	"context"
	"sync"
	"time"
)

// state is what a pool may do.
type state uint8

const (
	paused state = iota // from the start, and from Clear to Ready: no connections are made or lent
	ready
	closed
)

// Pool is the connections to one server. Its methods may be called by anybody; Ready and Clear by one at a time, if the
// order of their events is to be theirs.
type Pool struct {
	opts    *Options
	started time.Time
	ctx     context.Context // ends the pool's goroutines
	cancel  context.CancelFunc
	work    sync.WaitGroup // of them
	watcher watcher
	watched []*Conn       // the watcher's
	tidying chan struct{} // holds one: there may be something to tidy

	mu         sync.Mutex // guards what follows; it is never held across IO or a call of the caller's functions
	state      state
	cause      error // why it is paused
	generation uint64
	lastID     int64
	all        []*Conn
	pending    int     // of them that are being made
	idle       []*Conn // of this generation; the last is the one that was used last
	waiters    queue   // nobody waits while a connection is idle
}

// New returns a pool that is paused.
func New(o Options) *Pool {
	p := &Pool{opts: o.complete(), started: time.Now(), tidying: make(chan struct{}, 1)}
	p.watcher.kick = make(chan struct{}, 1)
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.emit(Event{Kind: PoolCreated, Options: p.opts})
	p.work.Add(2)
	go p.watch()
	go p.tidy()
	return p
}

// Stats is what a pool has at a moment.
type Stats struct {
	InUse, Idle, Pending int // connections lent, waiting to be, and being made
	Waiting              int // callers of Get
	Generation           uint64
}

// Stats returns them.
func (p *Pool) Stats() Stats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return Stats{
		InUse: len(p.all) - len(p.idle) - p.pending, Idle: len(p.idle), Pending: p.pending, Waiting: p.waiters.n,
		Generation: p.generation,
	}
}

// Generation returns how often the pool has been cleared.
func (p *Pool) Generation() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.generation
}

// Ready lets connections be made and lent.
func (p *Pool) Ready() {
	p.mu.Lock()
	if p.state != paused {
		p.mu.Unlock()
		return
	}
	p.state, p.cause = ready, nil
	p.mu.Unlock()
	p.emit(Event{Kind: PoolReady})
	p.wantTidy()
}

// Clear says that the server failed, with cause: no connection that there is now is lent again, those who wait fail, and
// the pool is paused. With interrupt, operations on connections that are lent fail now and not when they find out.
func (p *Pool) Clear(cause error, interrupt bool) {
	p.mu.Lock()
	if p.state == closed {
		p.mu.Unlock()
		return
	}
	wasReady := p.state == ready
	p.state, p.cause = paused, cause
	p.generation++
	waiting := p.waiters.takeAll()
	idle := p.takeIdleLocked()
	var pending, inUse []*Conn
	if interrupt {
		pending, inUse = p.interruptLocked()
	}
	p.mu.Unlock()

	if wasReady {
		p.emit(Event{Kind: PoolCleared, Err: cause, Interrupt: interrupt})
	}
	p.abandon(pending, ReasonStale)
	failure := p.clearedError(cause)
	waiting.fail(failure)
	for _, c := range inUse {
		c.closeBecause(failure.Err)
	}
	for _, c := range idle {
		p.closed(c, ReasonStale)
	}
}

// takeIdleLocked takes the idle connections out of the pool.
func (p *Pool) takeIdleLocked() []*Conn {
	idle := p.idle
	p.idle = nil
	for _, c := range idle {
		p.removeLocked(c)
	}
	return idle
}

// interruptLocked takes the connections that are being made out of the pool, and returns those that are lent beside
// them.
func (p *Pool) interruptLocked() (pending, inUse []*Conn) {
	for _, c := range p.all {
		switch {
		case c.failing: // is going to be out by itself
		case c.stop != nil:
			pending = append(pending, c)
		case c.lent:
			inUse = append(inUse, c)
		}
	}
	for _, c := range pending {
		p.removeLocked(c)
	}
	return pending, inUse
}

// abandon ends connections that were being made.
func (p *Pool) abandon(pending []*Conn, reason Reason) {
	for _, c := range pending {
		c.stop()
		c.Close()
		p.emit(Event{Kind: ConnectionClosed, ConnectionID: c.id, Reason: reason})
	}
}

// Close closes all connections, also those that are lent, whose operations fail, and waits for the pool's goroutines.
func (p *Pool) Close() {
	p.mu.Lock()
	if p.state == closed {
		p.mu.Unlock()
		return
	}
	p.state = closed
	waiting := p.waiters.takeAll()
	idle := p.takeIdleLocked()
	pending, inUse := p.interruptLocked()
	p.mu.Unlock()

	for _, c := range idle {
		p.closed(c, ReasonPoolClosed)
	}
	p.abandon(pending, ReasonPoolClosed)
	p.emit(Event{Kind: PoolClosed})
	failure := p.fault(ErrPoolClosed)
	waiting.fail(failure)
	for _, c := range inUse {
		c.closeBecause(ErrPoolClosed)
	}
	p.cancel()
	p.work.Wait()
}

// closed closes a connection that is out of the pool already.
func (p *Pool) closed(c *Conn, reason Reason) {
	c.Close()
	p.emit(Event{Kind: ConnectionClosed, ConnectionID: c.id, Reason: reason})
}

// removeLocked takes c out of the pool.
func (p *Pool) removeLocked(c *Conn) {
	last := len(p.all) - 1
	p.all[c.index] = p.all[last]
	p.all[c.index].index = c.index
	p.all[last] = nil
	p.all = p.all[:last]
	c.gone = true
	if c.stop != nil {
		p.pending--
	}
}

func (p *Pool) fault(err error) *Error {
	return &Error{Op: OpCheckOut, Address: p.opts.Address, Err: err}
}
