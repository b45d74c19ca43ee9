//go:build unix

package connpool

import (
	"net"
	"syscall"
)

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
