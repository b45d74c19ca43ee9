package command

import (
	"bufio"
	"context"
	"net"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The commands about a connection itself.

func connectionCommands() []*row {
	return []*row{
		{name: "hello", help: "who this member is and who is primary", stableAPI: true, quiet: true, prepare: typed(helloFields, runHello), args: "hello"},
		{name: "isMaster", aliases: []string{"ismaster"}, help: "the older name of hello", quiet: true, prepare: typed(helloFields, runHello), args: "hello"},
		{name: "ping", help: "answers ok", stableAPI: true, illegalTxn: true, prepare: typed(strictArgs, runPing)},
		{name: "whatsmyuri", help: "the client's address", prepare: plain(runWhatsMyURI)},
		{name: "connectionStatus", help: "who is logged in", stableAPI: true, prepare: typed(connectionStatusFields, runConnectionStatus)},
		{name: "logout", help: "ends the login of a connection, of which there are none", prepare: typed(strictArgs, runPing)},
		{name: "getLastError", aliases: []string{"getlasterror"}, help: "what came of the connection's last write, for clients from before 2013", quiet: true, ownOK: true, prepare: plain(runGetLastError)},
		{name: "resetError", aliases: []string{"reseterror"}, help: "forgets the last error, for clients from before 2013", prepare: plain(runResetError)},
		{name: "_isSelf", help: "internal: which process this is", prepare: plain(runIsSelf)},
		{name: "_mortonIdentity", help: "internal: who this member is, for another member that asks", adminOnly: true, prepare: plain(runIdentity)},
		{name: "_mortonPeer", help: "internal: makes the connection one between members", adminOnly: true, quiet: true, ownOK: true, prepare: plain(runPeer)},
	}
}

func runPing(context.Context, *operation, *noArgs) error { return nil }

func runWhatsMyURI(_ context.Context, o *operation) error {
	o.out.AppendString("you", o.req.Conn.Remote)
	return nil
}

type connectionStatusArgs struct{ showPrivileges bool }

var connectionStatusFields = newSchema("connectionStatus",
	safeBool("showPrivileges", func(a *connectionStatusArgs) *bool { return &a.showPrivileges }),
)

// runConnectionStatus says that nobody is logged in: there is no authentication yet.
func runConnectionStatus(_ context.Context, o *operation, a *connectionStatusArgs) error {
	o.out.OpenDoc("authInfo")
	o.out.AppendArray("authenticatedUsers", document.Empty)
	o.out.AppendArray("authenticatedUserRoles", document.Empty)
	if a.showPrivileges {
		o.out.AppendArray("authenticatedUserPrivileges", document.Empty)
	}
	o.out.Close()
	return nil
}

func runIsSelf(_ context.Context, o *operation) error {
	o.out.AppendObjectID("id", o.view.Topology.ProcessID)
	return nil
}

func runIdentity(_ context.Context, o *operation) error {
	o.appendFields(o.d.set.Identity())
	return nil
}

// runPeer hands the connection over to the transport between members.
func runPeer(_ context.Context, o *operation) error {
	peers := o.d.opts.Peers
	if peers == nil {
		return mongoerr.New(mongoerr.NoReplicationEnabled, "not running with --replSet")
	}
	cmd := o.req.Body.Clone()
	reply, ok := peers.Answer(cmd)
	o.appendFields(reply)
	if !ok {
		o.reply.CloseConn = true
		return nil
	}
	o.req.Conn.noteMember()
	o.reply.Hijack = func(conn net.Conn, br *bufio.Reader) { peers.Accept(conn, br, cmd) }
	return nil
}

// appendFields appends all fields of a document to the reply.
func (o *operation) appendFields(d document.Doc) {
	for it := d.Iter(); it.Next(); {
		o.out.AppendValue(it.Key(), it.Value())
	}
}
