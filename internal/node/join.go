package node

import (
	"bufio"
	"net"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/peer"
)

// Answer returns the reply to another member's _mortonPeer, and whether it is let in. A member that is in no set yet joins that of
// the first one that calls on its very data directory: only a set whose configuration has it knows its raft id.
func (n *Node) Answer(cmd document.Doc) (reply document.Doc, ok bool) {
	if t := n.transport.Load(); t != nil {
		return t.Answer(cmd)
	}
	wanted := cmd.Lookup("set").Str() == n.opts.Set.Name && n.opts.Set.Name != "" && uint64(cmd.Lookup("to").Int64()) == n.raftID()
	if wanted {
		from := peer.Member{ID: uint64(cmd.Lookup("from").Int64()), Host: strings.Clone(cmd.Lookup("fromHost").Str())}
		if err := n.joinThrough(from, cmd.Lookup("setId").ObjectID()); err != nil {
			n.log.Warn("could not join the set", "c", "REPL", "id", 6015330, "member", from.Host, "error", err)
		}
		if t := n.transport.Load(); t != nil {
			return t.Answer(cmd)
		}
	}
	return peer.Uninitialised(n.raftID()), false
}

// Accept takes over the connection of a member that was let in.
func (n *Node) Accept(conn net.Conn, br *bufio.Reader, cmd document.Doc) {
	n.transport.Load().Accept(conn, br, cmd)
}

// joinThrough makes this member one of the caller's set, with an empty log: everything comes from the primary.
func (n *Node) joinThrough(from peer.Member, setID document.ObjectID) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || n.transport.Load() != nil || setID.IsZero() {
		return nil
	}
	if err := n.join(setID); err != nil {
		return err
	}
	n.log.Info("joining the set: initial sync follows", "c", "INITSYNC", "id", 6015331, "set", n.opts.Set.Name, "through", from.Host)
	return n.run(&from)
}
