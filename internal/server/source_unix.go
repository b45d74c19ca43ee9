//go:build unix

package server

import (
	"io"
	"net"
	"syscall"

	"github.com/mortondb/morton/internal/wire"
)

// poller returns nc as a source that waits without a buffer, or nil if it is not a socket.
func poller(nc net.Conn) wire.Waiter {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	p := &pollSource{Reader: nc, raw: raw}
	p.attempt = p.tryRead
	return p
}

// pollSource reads from a socket when there is something to read, and has the runtime wait for that. It does what
// net.Conn's Read does (try, wait, try again), with the difference that no buffer is needed while it waits.
type pollSource struct {
	io.Reader
	raw     syscall.RawConn
	attempt func(fd uintptr) bool // tryRead, made once

	get  func() []byte
	drop func()
	n    int
	err  error
}

// ReadInto is of [wire.Waiter].
func (p *pollSource) ReadInto(get func() []byte, drop func()) (int, error) {
	p.get, p.drop, p.n, p.err = get, drop, 0, nil
	if err := p.raw.Read(p.attempt); err != nil {
		return 0, err
	}
	return p.n, p.err
}

// tryRead reports whether the read is over: false if there is nothing to read yet.
func (p *pollSource) tryRead(fd uintptr) bool {
	b := p.get()
	for {
		n, err := syscall.Read(int(fd), b)
		switch {
		case err == syscall.EINTR:
			continue
		case err == syscall.EAGAIN:
			p.drop()
			return false
		case err != nil:
			p.err = err
		case n == 0:
			p.err = io.EOF
		}
		p.n = max(n, 0)
		return true
	}
}
