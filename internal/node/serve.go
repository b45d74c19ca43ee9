package node

import (
	"errors"
	"fmt"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/server"
)

// Version is Morton's own version.
const Version = "0.1.0"

var compressors = []string{"snappy", "zstd", "zlib"}

// assemble puts commands and server together.
func (n *Node) assemble() (err error) {
	n.dispatcher = command.New(command.Options{
		Set: n, Log: replicatedLog{n}, Engine: n.engine, Process: process{n}, Logger: n.log.With("c", "COMMAND"), Peers: n,
		Version: Version, Compressors: compressors, TestCommands: n.opts.EnableTestCommands, Parameters: n.opts.Parameters, SlowMS: n.opts.SlowMS, Now: n.opts.Now,
	})
	n.server, err = server.New(server.Options{Runner: n.dispatcher, Logger: n.log.With("c", "NETWORK"), MaxConns: n.opts.MaxConns, Compressors: compressors, Quiet: n.opts.Quiet})
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	return nil
}

// serve begins to answer clients.
func (n *Node) serve() {
	for _, l := range n.opts.Listeners {
		n.work.Go(func() {
			if err := n.server.Serve(l); err != nil && !errors.Is(err, server.ErrClosed) {
				n.fatal(fmt.Errorf("node: accept on %s: %w", l.Addr(), err))
			}
		})
	}
}

// Network returns the counters of the server's sockets.
func (p process) Network() command.NetworkStats {
	s := p.n.server.Stats()
	return command.NetworkStats{
		Connections: s.Current, ConnectionsAvailable: s.Available, ConnectionsCreated: s.TotalCreated,
		BytesIn: s.BytesIn, BytesOut: s.BytesOut, Requests: s.Requests,
	}
}
