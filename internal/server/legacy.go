package server

import (
	"strings"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// What the files legacy*.go have in common: running translated commands, and answering with OP_REPLY.
//
// The old opcodes' meaning is that of mongod 4.2.6, the last but three to have them, unless a driver from before needs
// something else; what that is was found out with the drivers themselves.

// splitNamespace splits "db.collection".
func splitNamespace(ns string) (db, coll string, ok bool) {
	db, coll, ok = strings.Cut(ns, ".")
	return db, coll, ok && db != "" && coll != "" && !strings.ContainsAny(db, "/\\ \"$")
}

// runLegacy runs a command that came by an old opcode.
func (c *conn) runLegacy(r command.Request) command.Reply {
	r.Conn, r.Legacy = c.state, true
	c.request = r
	return c.s.runner.Run(c.ctx, &c.request)
}

// failureOf returns the error in a command's reply, or nil.
func failureOf(d document.Doc) *mongoerr.Error {
	if d.Lookup("ok").Truthy() {
		return nil
	}
	return mongoerr.New(replyCode(d), "%s", d.Lookup("errmsg").Str())
}

// sendDoc sends an OP_REPLY of one document.
func (c *conn) sendDoc(to *respondent, d document.Doc) error {
	return c.sendReply(to, &wire.Reply{Flags: wire.AwaitCapable}, 1, d)
}

// sendFailure answers a query that has failed.
//
// To a client of an old opcode a member that is not primary says "not master" and nothing else, whatever it is instead:
// drivers before 2.1 look for another primary only for that very text, later ones for texts that begin so.
//
// A read that has failed is no error for getLastError, which is about writes and commands.
func (c *conn) sendFailure(to *respondent, err *mongoerr.Error) error {
	c.state.NoteError(nil)
	text := err.Message
	if err.Code.NotPrimary() {
		text = "not master"
	}
	var b document.Builder
	b.AppendString("$err", text)
	b.AppendInt32("code", int32(err.Code))
	b.AppendDouble("ok", 0)
	return c.sendReply(to, &wire.Reply{Flags: wire.QueryFailure}, 1, b.Finish())
}

// sendBatch sends the documents of an array, and counts them as returned from the cursor.
func (c *conn) sendBatch(to *respondent, batch document.Doc, r wire.Reply) error {
	buf := wire.GetBuffer(len(batch))
	defer buf.Free()
	count := 0
	for it := batch.Iter(); it.Next(); count++ {
		buf.B = append(buf.B, it.Value().Doc()...)
	}
	c.s.cursors.returned(r.CursorID, count)
	r.Flags = wire.AwaitCapable
	return c.sendReply(to, &r, count, buf.B)
}
