package connpool

import (
	"context"
	"fmt"
	"time"
)

// suspectAfter is how long a connection has to have been idle to be looked at before it is lent. Servers end
// connections that nobody uses, firewalls forget them; one that was in use a moment ago is not worth a system call.
const suspectAfter = time.Second

// Get lends a connection, which the caller puts back. It prefers the one that was used last. If there is none it waits,
// behind those who waited before, for one that is put back or newly made. The error is an *Error.
func (p *Pool) Get(ctx context.Context) (*Conn, error) {
	begun := p.now()
	p.emit(Event{Kind: CheckOutStarted})
	c, err := p.get(ctx)
	if err != nil {
		p.emit(Event{Kind: CheckOutFailed, Reason: checkOutReason(err), Err: err, Duration: p.since(begun)})
		return nil, err
	}
	p.emit(Event{Kind: CheckedOut, ConnectionID: c.id, Duration: p.since(begun)})
	return c, nil
}

func (p *Pool) get(ctx context.Context) (*Conn, *Error) {
	for {
		p.mu.Lock()
		if err := p.refusalLocked(); err != nil {
			p.mu.Unlock()
			return nil, err
		}
		n := len(p.idle) - 1
		if n < 0 {
			return p.waitLocked(ctx)
		}
		c := p.idle[n]
		p.idle[n] = nil
		p.idle = p.idle[:n]
		c.lent = true
		p.mu.Unlock()
		reason := p.perished(c)
		if reason == "" {
			return c, nil
		}
		p.discard(c, reason)
	}
}

// refusalLocked returns why there is no connection to be had; nil if there may be one.
func (p *Pool) refusalLocked() *Error {
	switch p.state {
	case closed:
		return p.fault(ErrPoolClosed)
	case paused:
		return p.clearedError(p.cause)
	}
	return nil
}

// clearedError is what those get who want a connection to a server that failed.
func (p *Pool) clearedError(cause error) *Error {
	if cause == nil {
		return p.fault(ErrPoolCleared)
	}
	return p.fault(fmt.Errorf("%w: %w", ErrPoolCleared, cause))
}

// perished returns why the idle connection c is not to be lent; "" if it can be.
func (p *Pool) perished(c *Conn) Reason {
	unused := time.Since(p.started) - c.idleSince
	switch {
	case p.opts.MaxIdle > 0 && unused >= p.opts.MaxIdle:
		return ReasonIdle
	case unused >= suspectAfter && !silent(c.under):
		return ReasonError
	}
	return ""
}

// waitLocked waits for a connection. It is called with the lock and returns without.
func (p *Pool) waitLocked(ctx context.Context) (*Conn, *Error) {
	w := &waiter{answer: make(chan answer, 1)}
	p.waiters.push(w)
	p.connectLocked(p.waiters.n)
	p.mu.Unlock()
	var timeout <-chan time.Time
	if p.opts.WaitTimeout > 0 {
		timer := time.NewTimer(p.opts.WaitTimeout)
		defer timer.Stop()
		timeout = timer.C
	}
	for {
		select {
		case a := <-w.answer:
			return a.conn, a.err
		case <-ctx.Done():
			return nil, p.leave(w, ctx.Err())
		case <-timeout:
			if p.isServed(w) {
				timeout = nil // WaitTimeout is for waiting, not for connecting
				continue
			}
			return nil, p.leave(w, ErrWaitTimeout)
		}
	}
}

// isServed reports whether a connection is being made that w is going to get, if nothing fails.
func (p *Pool) isServed(w *waiter) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !w.queued || p.waiters.position(w) < p.pending
}

// leave ends w's waiting. What it got at the last moment goes to the next.
func (p *Pool) leave(w *waiter, why error) *Error {
	p.mu.Lock()
	queued := w.queued
	if queued {
		p.waiters.remove(w)
	}
	p.mu.Unlock()
	if !queued {
		if a := <-w.answer; a.conn != nil {
			p.give(a.conn)
		}
	}
	return p.fault(why)
}

func checkOutReason(err *Error) Reason {
	switch {
	case err.Op != OpCheckOut:
		return ReasonConnectionError
	case err.Err == ErrPoolClosed:
		return ReasonPoolClosed
	case err.Timeout(), err.Err == context.Canceled:
		return ReasonTimeout
	}
	return ReasonConnectionError
}

// Put takes a connection back that Get lent. One that failed, or whose pool was cleared since, is closed.
func (p *Pool) Put(c *Conn) {
	p.emit(Event{Kind: CheckedIn, ConnectionID: c.id})
	if c.pool != p {
		panic("connpool: Put of another pool's connection")
	}
	p.give(c)
}

// give makes a connection that is lent available.
func (p *Pool) give(c *Conn) {
	p.mu.Lock()
	if !c.lent {
		p.mu.Unlock()
		panic("connpool: Put of a connection that is not lent")
	}
	p.giveLocked(c)
}

// giveLocked is called with the lock and returns without.
func (p *Pool) giveLocked(c *Conn) {
	if reason := p.unusableLocked(c); reason != "" {
		p.mu.Unlock()
		p.discard(c, reason)
		return
	}
	if w := p.waiters.pop(); w != nil {
		p.mu.Unlock()
		w.answer <- answer{conn: c}
		return
	}
	c.lent = false
	c.idleSince = time.Since(p.started)
	p.idle = append(p.idle, c)
	p.mu.Unlock()
}

// unusableLocked returns why a connection that comes back is of no use; "" if it is.
func (p *Pool) unusableLocked(c *Conn) Reason {
	switch {
	case p.state == closed:
		return ReasonPoolClosed
	case c.generation != p.generation:
		return ReasonStale
	case c.dead, c.more, c.carry != nil: // replies may be on the way that the next operation must not see
		return ReasonError
	}
	return ""
}

// discard closes a connection that is lent and has others made in its place, if they are wanted.
func (p *Pool) discard(c *Conn, reason Reason) {
	p.mu.Lock()
	c.lent = false
	p.removeLocked(c)
	p.mu.Unlock()
	p.closed(c, reason)
	p.replace()
}
