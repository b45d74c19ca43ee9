package server

import (
	"strings"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// handleQuery answers an OP_QUERY: by its namespace a command, one of the pseudo-commands below "$cmd.sys", a look at the
// catalog as it was before 3.0, or a find.
func (c *conn) handleQuery(b []byte, to *respondent) error {
	var q wire.Query
	err := q.Parse(b)
	db, isCommand := strings.CutSuffix(q.Namespace, ".$cmd")
	if err != nil {
		refusal, ok := refusalOf(err)
		if !isCommand || !ok {
			return err // mongod closes the connection for finds too
		}
		return c.sendDoc(to, errorDoc(refusal))
	}
	if isCommand {
		return c.handleQueryCommand(&q, db, to)
	}
	if name, ok := afterFirst(q.Namespace, ".$cmd.sys."); ok {
		return c.handlePseudoCommand(&q, name, to)
	}
	db, coll, ok := splitNamespace(q.Namespace)
	switch {
	case !ok:
		return c.sendFailure(to, mongoerr.New(mongoerr.InvalidNamespace, "Invalid ns [%s]", q.Namespace))
	case coll == systemNamespaces || coll == systemIndexes:
		return c.handleCatalogQuery(&q, db, coll, to)
	}
	return c.handleFind(&q, db, coll, to)
}

func afterFirst(s, sep string) (string, bool) {
	_, after, ok := strings.Cut(s, sep)
	return after, ok
}

// handleQueryCommand runs the command in an OP_QUERY on "db.$cmd".
func (c *conn) handleQueryCommand(q *wire.Query, db string, to *respondent) error {
	body, err := commandOf(q)
	if err != nil {
		return c.sendDoc(to, errorDoc(err))
	}
	to.compressed = to.compressed && compressible(body.First().Key)
	reply := c.runLegacy(command.Request{DB: db, Body: body, SlaveOK: q.Flags&wire.SlaveOK != 0})
	if reply.Doc != nil {
		c.noteCursor(reply.Doc)
	}
	return c.finish(&reply, func() error { return c.sendDoc(to, reply.Doc) })
}

// commandOf returns the command in an OP_QUERY. It may be wrapped as {$query: command, $readPreference: ...}.
func commandOf(q *wire.Query) (document.Doc, *mongoerr.Error) {
	switch {
	case q.Flags&wire.Exhaust != 0:
		return nil, mongoerr.New(18527, "The 'exhaust' OP_QUERY flag is invalid for commands: %s %s", q.Namespace, q.Query.Shell())
	case q.Return != 1 && q.Return != -1:
		return nil, mongoerr.New(16979, "Bad numberToReturn (%d) for $cmd type ns - can only be 1 or -1", q.Return)
	}
	body := q.Query
	first := body.First()
	if (first.Key == "$query" || first.Key == "query") && first.Type == document.TypeDocument {
		inner := first.Doc()
		if pref := body.Lookup("$readPreference"); !pref.IsMissing() && inner.Lookup("$readPreference").IsMissing() {
			inner = withField(inner, "$readPreference", pref)
		}
		body = inner
	}
	if !body.Lookup("$db").IsMissing() {
		return nil, mongoerr.New(40621, "$db is not allowed in OP_QUERY requests")
	}
	return body, nil
}

// withField returns d with another field at its end.
func withField(d document.Doc, key string, v document.Value) document.Doc {
	var b document.Builder
	for it := d.Iter(); it.Next(); {
		b.AppendValue(it.Key(), it.Value())
	}
	b.AppendValue(key, v)
	return b.Finish()
}

// pseudoCommands are the collections below "db.$cmd.sys" that servers before 3.2 answered finds on, and the commands
// that took their place. Whatever the database, they are about the whole server.
var pseudoCommands = map[string]struct {
	command  string
	withArgs bool // the query has the command's further fields
}{
	"inprog": {"currentOp", true},
	"killop": {"killOp", true},
	"unlock": {"fsyncUnlock", false},
}

// handlePseudoCommand answers an OP_QUERY on "db.$cmd.sys.name". mongod 4.2 returns no document, which old drivers take for
// success; before, it was the command's reply.
func (c *conn) handlePseudoCommand(q *wire.Query, name string, to *respondent) error {
	p, ok := pseudoCommands[name]
	if !ok {
		return c.sendFailure(to, mongoerr.New(mongoerr.InvalidNamespace, "Invalid ns [%s]", q.Namespace))
	}
	var b document.Builder
	b.AppendInt32(p.command, 1)
	if p.withArgs {
		filter := q.Query
		if inner := filter.Lookup("$query"); inner.Type == document.TypeDocument {
			filter = inner.Doc()
		}
		for it := filter.Iter(); it.Next(); {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	reply := c.runLegacy(command.Request{DB: "admin", Body: b.Finish(), SlaveOK: true})
	return c.finish(&reply, func() error { return c.sendDoc(to, reply.Doc) })
}
