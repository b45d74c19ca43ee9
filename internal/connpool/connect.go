package connpool

import (
	"context"
	"time"
)

// connectLocked begins to make connections until wanted are being made, as far as the limits let it.
func (p *Pool) connectLocked(wanted int) {
	for p.state == ready && p.pending < min(wanted, p.opts.MaxConnecting) && (p.opts.MaxSize < 0 || len(p.all) < p.opts.MaxSize) {
		p.lastID++
		c := &Conn{opts: p.opts, pool: p, id: p.lastID, generation: p.generation, index: len(p.all)}
		ctx, stop := context.WithCancel(p.ctx)
		c.stop = stop
		p.all = append(p.all, c)
		p.pending++
		p.work.Add(1)
		go p.connect(ctx, c)
	}
}

// connect makes one connection.
func (p *Pool) connect(ctx context.Context, c *Conn) {
	defer p.work.Done()
	defer c.stop()
	begun := p.now()
	p.emit(Event{Kind: ConnectionCreated, ConnectionID: c.id})
	if err := c.establish(ctx); err != nil {
		p.connectFailed(c, err)
		return
	}
	if p.emitReady(c, begun) {
		p.give(c)
	}
	p.mu.Lock()
	p.connectLocked(p.waiters.n)
	missing := p.state == ready && len(p.all) < p.opts.MinSize
	p.mu.Unlock()
	if missing {
		p.wantTidy()
	}
}

// emitReady makes a connection that is being made one that is lent, and reports whether it is still wanted.
func (p *Pool) emitReady(c *Conn, begun time.Time) bool {
	p.mu.Lock()
	gone := c.gone
	if !gone {
		p.pending--
		c.stop, c.lent = nil, true
	}
	p.mu.Unlock()
	if gone {
		c.Close()
		return false
	}
	p.emit(Event{Kind: ConnectionReady, ConnectionID: c.id, Duration: p.since(begun)})
	return true
}

// connectFailed tells those whom it concerns: the listener, the caller's Failed, which is likely to clear the pool, and
// of those who wait the first, in this order.
func (p *Pool) connectFailed(c *Conn, err *Error) {
	p.mu.Lock()
	if c.gone { // who took it out has told
		p.mu.Unlock()
		return
	}
	p.removeLocked(c)
	w := p.waiters.pop()
	p.mu.Unlock()
	p.emit(Event{Kind: ConnectionClosed, ConnectionID: c.id, Reason: ReasonError, Err: err})
	if p.opts.Failed != nil {
		p.opts.Failed(err)
	}
	if w != nil {
		w.answer <- answer{err: err}
	}
	p.mu.Lock()
	p.connectLocked(p.waiters.n)
	p.mu.Unlock()
}

// tidyInterval is how often a pool looks after itself when nothing tells it to.
const tidyInterval = 10 * time.Second

func (p *Pool) wantTidy() {
	select {
	case p.tidying <- struct{}{}:
	default:
	}
}

// tidy closes idle connections that are not to be lent any more, and keeps MinSize of them, until the pool is closed.
func (p *Pool) tidy() {
	defer p.work.Done()
	for {
		p.closePerished()
		p.mu.Lock()
		p.connectLocked(max(p.waiters.n, p.opts.MinSize-len(p.all)+p.pending))
		p.mu.Unlock()
		if !p.untilTidy() {
			return
		}
	}
}

// untilTidy waits until there is something to tidy; false when the pool is closed.
func (p *Pool) untilTidy() bool {
	var timeout <-chan time.Time
	if p.opts.MinSize > 0 || p.opts.MaxIdle > 0 {
		timer := time.NewTimer(tidyInterval)
		defer timer.Stop()
		timeout = timer.C
	}
	select {
	case <-p.ctx.Done():
		return false
	case <-p.tidying:
	case <-timeout:
	}
	return true
}

// closePerished closes the idle connections that are stale or have been idle for too long.
func (p *Pool) closePerished() {
	now := time.Since(p.started)
	type found struct {
		conn   *Conn
		reason Reason
	}
	var perished []found
	p.mu.Lock()
	keep := p.idle[:0]
	for _, c := range p.idle {
		switch {
		case c.generation != p.generation:
			perished = append(perished, found{c, ReasonStale})
		case p.opts.MaxIdle > 0 && now-c.idleSince >= p.opts.MaxIdle:
			perished = append(perished, found{c, ReasonIdle})
		default:
			keep = append(keep, c)
			continue
		}
		p.removeLocked(c)
	}
	clear(p.idle[len(keep):])
	p.idle = keep
	p.mu.Unlock()
	for _, f := range perished {
		p.closed(f.conn, f.reason)
	}
}
