//go:build !unix

package server

import (
	"net"

	"github.com/mortondb/morton/internal/wire"
)

// poller returns nil: what is possible on unix is not possible here. A connection keeps a small buffer while it waits.
func poller(net.Conn) wire.Waiter { return nil }
