//go:build unix

package connpool

import (
	"io"
	"net"
	"os"
	"syscall"
)

// socket is a connection without TLS. It sends a message and waits for the reply in one go: net.Conn would, between its
// Write and its Read, try to read what cannot have come yet, which is a system call in four.
//
// RawConn.Read calls a function until that says that it is done, and waits between the calls until there is something to
// read. The first call of ours writes. What makes that right is that everything that comes after the first call began is
// waited for, as it has to be for functions that try to read.
type socket struct {
	nc      net.Conn
	raw     syscall.RawConn
	attempt func(fd uintptr) bool // step, made once

	// Of the exchange that goes on:
	out     []byte // what is to be sent; nil: it has been
	in      []byte
	written int
	read    int
	err     error
}

// newSocket returns nc as a socket; nil if it is none.
func newSocket(nc net.Conn) exchanger {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return nil
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil
	}
	s := &socket{nc: nc, raw: raw}
	s.attempt = s.step
	return s
}

func (s *socket) exchange(out, in []byte) (written, read int, err error) {
	s.out, s.in, s.written, s.read, s.err = out, in, 0, 0, nil
	if err = s.raw.Read(s.attempt); err == nil {
		err = s.err
	}
	s.out, s.in = nil, nil
	return s.written, s.read, err
}

// step does one step and reports whether it was the last.
func (s *socket) step(fd uintptr) (done bool) {
	if s.out == nil {
		return s.receive(fd)
	}
	s.err = s.send(fd)
	s.out = nil
	return s.err != nil
}

// send sends all of the message. What the system does not take at once is net.Conn's affair, which can wait for that.
func (s *socket) send(fd uintptr) error {
	n, err := ignoringEINTR(func() (int, error) { return syscall.Write(int(fd), s.out) })
	s.written = max(n, 0)
	if err != nil && err != syscall.EAGAIN {
		return s.fault("write", err)
	}
	if s.written == len(s.out) {
		return nil
	}
	n, err = s.nc.Write(s.out[s.written:])
	s.written += n
	return err
}

func (s *socket) receive(fd uintptr) (done bool) {
	n, err := ignoringEINTR(func() (int, error) { return syscall.Read(int(fd), s.in) })
	switch {
	case err == syscall.EAGAIN:
		return false
	case err != nil:
		s.err = s.fault("read", err)
	case n == 0:
		s.err = io.EOF
	}
	s.read = max(n, 0)
	return true
}

func ignoringEINTR(call func() (int, error)) (int, error) {
	for {
		if n, err := call(); err != syscall.EINTR {
			return n, err
		}
	}
}

// fault returns err as net.Conn would.
func (s *socket) fault(op string, err error) error {
	local := s.nc.LocalAddr()
	return &net.OpError{Op: op, Net: local.Network(), Source: local, Addr: s.nc.RemoteAddr(), Err: os.NewSyscallError(op, err)}
}

// silent reports whether nothing has come on a connection that is not in use: no end, and no bytes, which nobody asked
// for. It does not wait. Where that cannot be known it is assumed.
func silent(nc net.Conn) bool {
	sc, ok := nc.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	quiet := false
	err = raw.Read(func(fd uintptr) bool {
		var one [1]byte
		_, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK)
		quiet = err == syscall.EAGAIN || err == syscall.EINTR
		return true // do not wait
	})
	return err == nil && quiet
}
