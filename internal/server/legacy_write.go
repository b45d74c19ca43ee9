package server

import (
	"strings"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// The old write opcodes have no reply. What became of them is remembered with the connection, for a getLastError that
// may follow; by the commands that they become, or, when they never become one, by refuseWrite. They wait for no other
// member: it is getLastError that says how durable the write has to be.

// refuseWrite remembers why a write did not become a command. It returns the error if the connection is to end by it.
func (c *conn) refuseWrite(err error) error {
	refusal, ok := refusalOf(err)
	if !ok {
		return err
	}
	c.state.NoteError(refusal)
	return nil
}

// target returns the collection that a write is for.
func target(ns string) (db, coll string, err error) {
	db, coll, ok := splitNamespace(ns)
	if !ok {
		return "", "", mongoerr.New(16257, "Invalid ns [%s]", ns)
	}
	return db, coll, nil
}

// runWrite runs a write and reports whether it succeeded.
func (c *conn) runWrite(db string, body document.Doc, sequences ...command.Sequence) (ok bool, err error) {
	reply := c.runLegacy(command.Request{DB: db, Body: body, Sequences: sequences, MoreToCome: true})
	if reply.CloseConn {
		return false, errEnd
	}
	return failureOf(reply.Doc) == nil, nil
}

// appendLocal appends the write concern of the old opcodes.
func appendLocal(b *document.Builder) {
	b.OpenDoc("writeConcern")
	b.AppendInt32("w", 1)
	b.Close()
}

// handleInsert runs an OP_INSERT. One into system.indexes makes indexes.
func (c *conn) handleInsert(b []byte) error {
	var m wire.Insert
	if err := m.Parse(b); err != nil {
		return c.refuseWrite(err)
	}
	db, coll, err := target(m.Namespace)
	switch {
	case err != nil:
		return c.refuseWrite(err)
	case len(m.Docs) == 0:
		return c.refuseWrite(mongoerr.New(mongoerr.InvalidLength, "Need at least one object to insert"))
	case coll == systemIndexes:
		return c.insertIndexes(&m, db)
	case coll == systemNamespaces:
		return c.refuseWrite(readOnly(m.Namespace))
	}
	var body document.Builder
	body.AppendString("insert", coll)
	body.AppendBool("ordered", m.Flags&wire.ContinueOnError == 0)
	appendLocal(&body)
	_, err = c.runWrite(db, body.Finish(), command.Sequence{Name: "documents", Docs: m.Docs})
	return err
}

func readOnly(ns string) error {
	return mongoerr.New(mongoerr.InvalidNamespace, "cannot write to '%s'", ns)
}

// insertIndexes makes the indexes whose descriptions a client has inserted into db.system.indexes, which was the way to
// do it before 2.6.
func (c *conn) insertIndexes(m *wire.Insert, db string) error {
	for _, d := range m.Docs {
		coll, ok := strings.CutPrefix(d.Lookup("ns").Str(), db+".")
		if !ok || coll == "" {
			if err := c.refuseWrite(mongoerr.New(mongoerr.BadValue, "index description without a collection of the database %s as its ns: %s", db, d.Shell())); err != nil {
				return err
			}
		} else {
			var err error
			if ok, err = c.runWrite(db, createIndexes(coll, d)); err != nil {
				return err
			}
		}
		if !ok && m.Flags&wire.ContinueOnError == 0 {
			return nil
		}
	}
	return nil
}

// createIndexes returns the command that makes the index that d describes.
func createIndexes(coll string, d document.Doc) document.Doc {
	var b document.Builder
	b.AppendString("createIndexes", coll)
	b.OpenArray("indexes")
	b.OpenDoc("0")
	for it := d.Iter(); it.Next(); {
		switch key, v := it.Key(), it.Value(); {
		case key == "ns": // said already
		case key == "dropDups" && !v.Truthy(): // PyMongo before 3.0 always sends it; there is nothing to it when it is false
		default:
			b.AppendValue(key, v)
		}
	}
	b.Close()
	b.Close()
	appendLocal(&b)
	return b.Finish()
}

// handleUpdate runs an OP_UPDATE.
func (c *conn) handleUpdate(b []byte) error {
	var m wire.Update
	if err := m.Parse(b); err != nil {
		return c.refuseWrite(err)
	}
	var u document.Builder
	u.AppendDoc("q", m.Selector)
	u.AppendDoc("u", m.Update)
	u.AppendBool("multi", m.Flags&wire.MultiUpdate != 0)
	u.AppendBool("upsert", m.Flags&wire.Upsert != 0)
	return c.runStatement("update", "updates", m.Namespace, u.Finish())
}

// handleDelete runs an OP_DELETE.
func (c *conn) handleDelete(b []byte) error {
	var m wire.Delete
	if err := m.Parse(b); err != nil {
		return c.refuseWrite(err)
	}
	var limit int32
	if m.Flags&wire.SingleRemove != 0 {
		limit = 1
	}
	var d document.Builder
	d.AppendDoc("q", m.Selector)
	d.AppendInt32("limit", limit)
	return c.runStatement("delete", "deletes", m.Namespace, d.Finish())
}

// runStatement runs an update or delete command with one statement.
func (c *conn) runStatement(name, field, ns string, statement document.Doc) error {
	db, coll, err := target(ns)
	switch {
	case err != nil:
		return c.refuseWrite(err)
	case coll == systemIndexes || coll == systemNamespaces:
		return c.refuseWrite(readOnly(ns))
	}
	var b document.Builder
	b.AppendString(name, coll)
	appendLocal(&b)
	_, err = c.runWrite(db, b.Finish(), command.Sequence{Name: field, Docs: []document.Doc{statement}})
	return err
}
