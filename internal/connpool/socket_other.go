//go:build !unix

package connpool

import "net"

// newSocket returns nil: what is possible on unix is not possible here. An operation writes, then reads.
func newSocket(net.Conn) exchanger { return nil }

// silent cannot know here. An operation on a connection that has ended finds out.
func silent(net.Conn) bool { return true }
