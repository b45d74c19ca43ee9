package peer

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/raftnode"
)

// Answer returns the reply to another member's _mortonPeer command, and whether it is let in. If so, the server sends
// the reply and passes the connection to [Transport.Accept].
func (t *Transport) Answer(hello document.Doc) (reply document.Doc, ok bool) {
	g := parseGreeting(hello)
	if r, why := t.refuse(&g); why != "" {
		w := welcome{raftID: t.opts.ID, code: r.code, message: why}
		return w.document(r.name), false
	}
	w := welcome{ok: true, raftID: t.opts.ID, instance: t.instance}
	return w.document(""), true
}

// refuse says why a member is not let in, "" if it is.
func (t *Transport) refuse(g *greeting) (refusal, string) {
	switch {
	case g.version != Version:
		return refusedVersion, fmt.Sprintf("members speak version %d of the replication protocol here, not %d", Version, g.version)
	case g.set != t.opts.Set:
		return refusedSet, fmt.Sprintf("this member belongs to the replica set %q, not to %q", t.opts.Set, g.set)
	case g.setID != t.opts.SetID:
		return refusedSet, fmt.Sprintf("this member belongs to another replica set that is called %q, too: its id is %v, not %v", g.set, t.opts.SetID.Hex(), g.setID.Hex())
	case g.to != t.opts.ID:
		return refusedMember, fmt.Sprintf("the data directory here has raft id %x, not %x", t.opts.ID, g.to)
	case g.from == 0 || g.from == t.opts.ID || g.fromHost == "" || len(g.fromHost) > 300:
		return refusedRequest, "the sender does not say who it is"
	case g.kind != kindRaft && g.kind != kindSnapshot:
		return refusedRequest, fmt.Sprintf("unknown kind of connection %q", g.kind)
	}
	return refusal{}, ""
}

// Accept serves a connection whose _mortonPeer was answered. It returns when the connection is done with, and closes
// it.
func (t *Transport) Accept(conn net.Conn, br *bufio.Reader, hello document.Doc) {
	defer conn.Close()
	g := parseGreeting(hello)
	if _, why := t.refuse(&g); why != "" || !t.admit(conn) {
		return
	}
	defer t.wg.Done()
	l := t.linkFrom(g.from, g.fromHost)
	defer t.connectionEnds(l)
	defer t.dismiss(conn)
	defer l.closeWithLink(conn)()
	l.met(g.instance)
	if g.kind == kindSnapshot {
		t.receive(conn, br, l)
		return
	}
	l.notSent(t.read(conn, br, l))
}

// admit counts a connection in, unless the transport is closed or has no node yet.
func (t *Transport) admit(conn net.Conn) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.node == nil || t.ctx.Err() != nil {
		return false
	}
	t.accepted[conn] = struct{}{}
	t.wg.Add(1)
	return true
}

func (t *Transport) dismiss(conn net.Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.accepted, conn)
}

// read steps what comes over a connection until it ends.
func (t *Transport) read(conn net.Conn, br *bufio.Reader, l *link) error {
	_ = conn.SetWriteDeadline(time.Now()) // nothing is ever sent
	for {
		_ = conn.SetReadDeadline(time.Now().Add(t.silent()))
		kind, body, err := readFrame(br)
		if err != nil {
			return err
		}
		l.heard()
		switch kind {
		case frameRaft:
			m, err := parseRaft(body, l.id, t.opts.ID)
			if err != nil {
				return err
			}
			var suspect *raftnode.SuspectError
			if err := t.node.Step(m); err != nil && !errors.As(err, &suspect) {
				return err
			}
		case frameStatus:
			f, err := parseStatus(body)
			if err != nil {
				return err
			}
			l.gotStatus(f)
		default:
			return badFrame("type %d", kind)
		}
	}
}
