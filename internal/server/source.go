package server

import (
	"io"
	"net"
	"sync"

	"github.com/mortondb/morton/internal/wire"
)

// source reads from a connection for its goroutine. While an operation runs, and nobody reads, [source.watch] reads one
// byte ahead to notice that the client has gone; that byte comes first afterwards.
type source struct {
	nc   net.Conn
	poll wire.Waiter // nc, where it is possible to wait without a buffer; nil elsewhere

	mu      sync.Mutex
	reading chan struct{} // not nil: watch has begun to read; it is closed when the read is over. Guarded by mu
	ahead   [1]byte
	n       int   // how many bytes of ahead there are. Both are written before reading is closed
	err     error // why there are none
}

func newSource(nc net.Conn) *source { return &source{nc: nc, poll: poller(nc)} }

// reader returns what the connection's messages are read from.
func (s *source) reader() io.Reader {
	if s.poll == nil {
		return s
	}
	return waitingSource{s}
}

// Read reads what watch has read, or else from the connection.
func (s *source) Read(p []byte) (int, error) {
	if n, err := s.takeAhead(p); n > 0 || err != nil {
		return n, err
	}
	return s.nc.Read(p)
}

// takeAhead waits for the read that watch has begun, if any, and returns what came of it.
func (s *source) takeAhead(p []byte) (int, error) {
	s.mu.Lock()
	reading := s.reading
	s.mu.Unlock()
	if reading == nil || len(p) == 0 {
		return 0, nil
	}
	<-reading
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reading = nil
	return copy(p, s.ahead[:s.n]), s.err
}

// watch begins to read ahead if wanted still says so; that is asked when no read can begin meanwhile. When the
// connection turns out to be broken it calls gone. It waits for nothing itself.
func (s *source) watch(wanted func() bool, start func(func()), gone func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reading != nil || !wanted() {
		return
	}
	done := make(chan struct{})
	s.reading = done
	start(func() {
		n, err := s.nc.Read(s.ahead[:])
		if n > 0 {
			err = nil
		}
		s.n, s.err = n, err
		close(done)
		if err != nil {
			gone()
		}
	})
}

// waitingSource is a source that can wait without a buffer.
type waitingSource struct{ *source }

// ReadInto is of [wire.Waiter].
func (s waitingSource) ReadInto(get func() []byte, drop func()) (int, error) {
	s.mu.Lock()
	watched := s.reading != nil
	s.mu.Unlock()
	if watched {
		var b [1]byte
		if n, err := s.takeAhead(b[:]); n > 0 || err != nil {
			return copy(get(), b[:n]), err
		}
	}
	return s.poll.ReadInto(get, drop)
}
