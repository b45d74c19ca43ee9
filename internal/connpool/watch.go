package connpool

import (
	"sync/atomic"
	"time"
)

// An operation has to end when its context does. Having the context call back (context.AfterFunc) costs half a
// microsecond and several allocations per operation, a deadline on the socket two locks of the runtime's. In place of
// both one goroutine looks, while there are operations at all, at the contexts of those that run. What is lost is that
// an operation ends up to watchInterval after its context.
const (
	watchInterval = 5 * time.Millisecond
	watchIdle     = 20 // looks without an operation until it rests
)

// watcher is what those who begin an operation see of that goroutine.
type watcher struct {
	awake atomic.Bool
	kick  chan struct{} // holds one: whoever sets awake sends one
}

// wake makes sure that the contexts are looked at. An operation registers its context first.
func (w *watcher) wake() {
	if !w.awake.Load() && w.awake.CompareAndSwap(false, true) {
		w.kick <- struct{}{}
	}
}

// watch runs until the pool is closed.
func (p *Pool) watch() {
	defer p.work.Done()
	for {
		select {
		case <-p.ctx.Done():
			return
		case <-p.watcher.kick:
			p.watchWhileBusy()
		}
	}
}

func (p *Pool) watchWhileBusy() {
	ticker := time.NewTicker(watchInterval)
	defer ticker.Stop()
	for idle := 0; ; {
		select {
		case <-p.ctx.Done():
			return
		case <-ticker.C:
		}
		if p.lookAtContexts() {
			idle = 0
			continue
		}
		if idle++; idle < watchIdle {
			continue
		}
		// An operation that began meanwhile has either seen awake false, and sends a kick, or is seen by a last look.
		p.watcher.awake.Store(false)
		if !p.lookAtContexts() || !p.watcher.awake.CompareAndSwap(false, true) {
			return
		}
		idle = 0
	}
}

// lookAtContexts interrupts the operations whose context has ended, and reports whether any run.
func (p *Pool) lookAtContexts() (busy bool) {
	p.mu.Lock()
	p.watched = append(p.watched[:0], p.all...)
	p.mu.Unlock()
	for i, c := range p.watched {
		busy = c.checkContext() || busy
		p.watched[i] = nil
	}
	return busy
}
