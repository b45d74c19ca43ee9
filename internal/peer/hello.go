package peer

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// Version is the protocol spoken after _mortonPeer.
const Version = 1

// Command is the name of the command that a connection between members begins with.
const Command = "_mortonPeer"

// kind is what a connection is for.
type kind string

const (
	kindRaft     kind = "raft"
	kindSnapshot kind = "snapshot"
)

// greeting is the fields of the command.
type greeting struct {
	version  int64
	set      string
	setID    document.ObjectID
	from     uint64
	fromHost string
	to       uint64
	kind     kind
	instance int64 // of the sender's process, a new one at each start
}

func (g *greeting) document() document.Doc {
	var b document.Builder
	b.AppendInt32(Command, 1)
	b.AppendInt32("version", Version)
	b.AppendString("set", g.set)
	b.AppendObjectID("setId", g.setID)
	b.AppendInt64("from", int64(g.from))
	b.AppendString("fromHost", g.fromHost)
	b.AppendInt64("to", int64(g.to))
	b.AppendString("kind", string(g.kind))
	b.AppendInt64("instance", g.instance)
	b.AppendString("$db", "admin")
	return b.Finish()
}

func parseGreeting(d document.Doc) greeting {
	version, _ := d.Lookup("version").AsInt64()
	return greeting{
		version: version, set: d.Lookup("set").Str(), setID: d.Lookup("setId").ObjectID(),
		from: uint64(d.Lookup("from").Int64()), fromHost: string([]byte(d.Lookup("fromHost").Str())), to: uint64(d.Lookup("to").Int64()),
		kind: kind(d.Lookup("kind").Str()), instance: d.Lookup("instance").Int64(),
	}
}

// welcome is the fields of the reply.
type welcome struct {
	ok            bool
	raftID        uint64
	instance      int64
	uninitialised bool
	code          int32
	message       string
}

func (w *welcome) document(codeName string) document.Doc {
	var b document.Builder
	if !w.ok {
		b.AppendDouble("ok", 0)
		b.AppendString("errmsg", w.message)
		b.AppendInt32("code", w.code)
		b.AppendString("codeName", codeName)
		b.AppendInt64("raftId", int64(w.raftID))
		b.AppendBool("initialized", !w.uninitialised)
		return b.Finish()
	}
	b.AppendInt32("version", Version)
	b.AppendInt64("raftId", int64(w.raftID))
	b.AppendInt64("instance", w.instance)
	b.AppendDouble("ok", 1)
	return b.Finish()
}

func parseWelcome(d document.Doc) welcome {
	code, _ := d.Lookup("code").AsInt64()
	initialized := d.Lookup("initialized")
	return welcome{
		ok: d.Lookup("ok").Truthy(), raftID: uint64(d.Lookup("raftId").Int64()), instance: d.Lookup("instance").Int64(),
		uninitialised: !initialized.IsMissing() && !initialized.Bool(), code: int32(code), message: string([]byte(d.Lookup("errmsg").Str())),
	}
}

// refusal is a reply with MongoDB's error codes, which name what is wrong.
type refusal struct {
	code int32
	name string
}

var (
	refusedVersion       = refusal{188, "IncompatibleServerVersion"}
	refusedSet           = refusal{108, "InconsistentReplicaSetNames"}
	refusedMember        = refusal{74, "NodeNotFound"}
	refusedUninitialised = refusal{94, "NotYetInitialized"}
	refusedRequest       = refusal{2, "BadValue"}
)

// Uninitialised is the reply to _mortonPeer of a member that belongs to no set yet. It tells the raft id of its data directory.
func Uninitialised(raftID uint64) document.Doc {
	w := welcome{raftID: raftID, uninitialised: true, code: refusedUninitialised.code, message: "this member belongs to no replica set yet"}
	return w.document(refusedUninitialised.name)
}

// helloTimeout bounds how long the other side may take to answer.
const helloTimeout = 5 * time.Second

// exchange sends the command and reads the reply.
func exchange(conn net.Conn, br *bufio.Reader, g *greeting) (welcome, error) {
	_ = conn.SetDeadline(time.Now().Add(helloTimeout))
	defer func() { _ = conn.SetDeadline(time.Time{}) }()
	request := wire.Msg{Body: g.document()}
	if _, err := conn.Write(request.Append(nil, 1, 0)); err != nil {
		return welcome{}, err
	}
	message, err := readMessage(br)
	if err != nil {
		return welcome{}, err
	}
	var reply wire.Msg
	if err := reply.Parse(message); err != nil {
		return welcome{}, err
	}
	return parseWelcome(reply.Body), nil
}

// maxReply bounds the reply: it is a small document.
const maxReply = 64 << 10

// readMessage reads one message of the wire protocol and nothing behind it.
func readMessage(br *bufio.Reader) ([]byte, error) {
	header, err := br.Peek(wire.HeaderSize)
	if err != nil {
		return nil, err
	}
	h := wire.ParseHeader(header)
	if h.OpCode != wire.OpMsg || h.Length < wire.HeaderSize || h.Length > maxReply {
		return nil, fmt.Errorf("peer: the reply to %s is %v of %d bytes", Command, h.OpCode, h.Length)
	}
	message := make([]byte, h.Length)
	_, err = io.ReadFull(br, message)
	return message, err
}
