package memnet

import (
	"bytes"
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"
)

// window is how much of a direction may be on its way or unread before writers wait.
const window = 1 << 20

// pipe is one direction of a connection.
type pipe struct {
	link func() Link // called with the network's mutex held

	mu                          sync.Mutex
	cond                        *sync.Cond
	chunks                      []chunk
	size                        int
	last                        time.Time // when the newest chunk arrives
	cut                         bool
	broken                      bool // reset: both ends fail at once
	writeClosed, readClosed     bool
	readDeadline, writeDeadline time.Time
}

type chunk struct {
	data []byte // nil: the other end closed
	at   time.Time
}

func newPipe() *pipe {
	p := &pipe{}
	p.cond = sync.NewCond(&p.mu)
	return p
}

func (p *pipe) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cond.Broadcast()
}

// waitUntil waits for a change, at most until t if that is set.
func (p *pipe) waitUntil(t time.Time) {
	if t.IsZero() {
		p.cond.Wait()
		return
	}
	timer := time.AfterFunc(time.Until(t), p.wake)
	p.cond.Wait()
	timer.Stop()
}

func (p *pipe) read(b []byte) (int, error) {
	for {
		k, wait, err := p.tryRead(b)
		if !wait {
			return k, err
		}
	}
}

// tryRead reads what has arrived. If there is nothing it waits for a change and reports that the caller should look
// again.
func (p *pipe) tryRead(b []byte) (k int, wait bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	switch {
	case p.readClosed:
		return 0, false, net.ErrClosed
	case p.broken:
		return 0, false, syscall.ECONNRESET
	case !p.readDeadline.IsZero() && !now.Before(p.readDeadline):
		return 0, false, os.ErrDeadlineExceeded
	case len(b) == 0:
		return 0, false, nil
	}
	if p.cut || len(p.chunks) == 0 {
		p.waitUntil(p.readDeadline)
		return 0, true, nil
	}
	first := &p.chunks[0]
	if now.Before(first.at) {
		until := first.at
		if !p.readDeadline.IsZero() && p.readDeadline.Before(until) {
			until = p.readDeadline
		}
		p.waitUntil(until)
		return 0, true, nil
	}
	if first.data == nil {
		return 0, false, io.EOF
	}
	for k < len(b) && len(p.chunks) > 0 && p.chunks[0].data != nil && !now.Before(p.chunks[0].at) {
		c := &p.chunks[0]
		m := copy(b[k:], c.data)
		k += m
		if c.data = c.data[m:]; len(c.data) == 0 {
			p.chunks = p.chunks[1:]
		}
	}
	p.size -= k
	p.cond.Broadcast()
	return k, false, nil
}

func (p *pipe) write(b []byte, delay time.Duration) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	written := 0
	for written < len(b) {
		switch {
		case p.writeClosed:
			return written, net.ErrClosed
		case p.broken:
			return written, syscall.ECONNRESET
		case p.readClosed:
			return written, syscall.EPIPE
		case !p.writeDeadline.IsZero() && !time.Now().Before(p.writeDeadline):
			return written, os.ErrDeadlineExceeded
		}
		room := window - p.size
		if room <= 0 {
			p.waitUntil(p.writeDeadline)
			continue
		}
		part := b[written:min(len(b), written+room)]
		p.put(bytes.Clone(part), delay)
		written += len(part)
		p.size += len(part)
	}
	return written, nil
}

// put adds a chunk, which arrives after the one before it.
func (p *pipe) put(data []byte, delay time.Duration) {
	at := time.Now().Add(delay)
	if at.Before(p.last) {
		at = p.last
	}
	p.last = at
	p.chunks = append(p.chunks, chunk{data, at})
	p.cond.Broadcast()
}

func (p *pipe) closeWrite(delay time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.writeClosed {
		p.writeClosed = true
		p.put(nil, delay)
	}
}

func (p *pipe) closeRead() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.readClosed = true
	p.cond.Broadcast()
}

func (p *pipe) setCut(cut bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = cut
	p.cond.Broadcast()
}

func (p *pipe) breakOff() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = true
	p.cond.Broadcast()
}

func (p *pipe) setDeadline(which *time.Time, t time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	*which = t
	p.cond.Broadcast()
}
