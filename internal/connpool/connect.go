package connpool

import (
	"context"
	"slices"
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
	p.emit(Event{Kind: ConnectionReady, ConnectionID: c.id, Duration: p.since(begun)})
	p.mu.Lock()
	if c.gone { // who took it out has told
		p.mu.Unlock()
		return
	}
	p.pending--
	c.stop, c.lent = nil, true
	p.giveLocked(c) // under the same lock, so that nobody makes another for the one who gets this
	p.replace()
}

// replace makes connections that are wanted and could not be made before.
func (p *Pool) replace() {
	p.mu.Lock()
	p.connectLocked(p.waiters.n)
	missing := p.state == ready && len(p.all) < p.opts.MinSize
	p.mu.Unlock()
	if missing {
		p.wantTidy()
	}
}

// connectFailed tells those whom it concerns: the listener, the caller's Failed, which is likely to clear the pool, and
// of those who wait the first, in this order. The connection keeps its place meanwhile, so that no other is tried before
// it is known what the failure means.
func (p *Pool) connectFailed(c *Conn, err *Error) {
	p.mu.Lock()
	if c.gone { // who took it out has told
		p.mu.Unlock()
		return
	}
	c.failing = true
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
	p.removeLocked(c)
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

// tidy closes connections that have been idle for too long, and keeps MinSize of them, until the pool is closed.
func (p *Pool) tidy() {
	defer p.work.Done()
	for {
		p.closeIdle()
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

// closeIdle closes the connections that have been idle for too long.
func (p *Pool) closeIdle() {
	if p.opts.MaxIdle <= 0 {
		return
	}
	p.mu.Lock()
	n := 0 // they lie in the order in which they were put back
	for n < len(p.idle) && time.Since(p.started)-p.idle[n].idleSince >= p.opts.MaxIdle {
		p.removeLocked(p.idle[n])
		n++
	}
	perished := slices.Clone(p.idle[:n])
	p.idle = slices.Delete(p.idle, 0, n)
	p.mu.Unlock()
	for _, c := range perished {
		p.closed(c, ReasonIdle)
	}
}
