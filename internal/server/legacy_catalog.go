package server

import (
	"math"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// Before 3.0 a database's catalog was two collections that could be read like others. Drivers of that time find out
// there what exists.
const (
	systemNamespaces = "system.namespaces" // {name: "db.coll", options: {...}}, and {name: "db.coll.$index"}
	systemIndexes    = "system.indexes"    // {v, key, name, ..., ns: "db.coll"}
)

// handleCatalogQuery answers an OP_QUERY on one of the two: with what listCollections and listIndexes say, in the shapes
// of the time, ordered by namespace.
func (c *conn) handleCatalogQuery(q *wire.Query, db, coll string, to *respondent) error {
	r := catalogReader{c: c, db: db, slaveOK: q.Flags&wire.SlaveOK != 0}
	filter, err := r.readQuery(q, coll)
	if err != nil {
		return c.sendFailure(to, err)
	}
	if coll == systemNamespaces {
		err = r.namespaces()
	} else {
		err = r.indexes()
	}
	if err != nil {
		return c.sendFailure(to, err)
	}
	docs, err := choose(r.docs, filter, q)
	if err != nil {
		return c.sendFailure(to, err)
	}
	_, sent := c.sendSome(to, legacyCursor{ns: q.Namespace, rest: docs}, int(max(q.Return, 0)))
	return sent
}

// catalogReader makes the documents of one of the catalog's collections.
type catalogReader struct {
	c              *conn
	db             string
	slaveOK        bool
	readPreference document.Value
	docs           []document.Doc
}

// readQuery returns the filter of a catalog query. Of the modifiers only those are taken that ask for what is done
// anyway.
func (r *catalogReader) readQuery(q *wire.Query, coll string) (document.Doc, *mongoerr.Error) {
	f := find{}
	if err := f.readQuery(q.Query); err != nil {
		return nil, err
	}
	key := map[string]string{systemNamespaces: "name", systemIndexes: "ns"}[coll]
	if order := f.sort.First(); !order.IsMissing() {
		if n, _ := order.AsInt64(); order.Key != key || n != 1 {
			return nil, badFind(coll + " can be sorted by {" + key + ": 1} only")
		}
	}
	switch {
	case f.explain || !f.hint.IsMissing() || f.Size() > 0:
		return nil, badFind(coll + " can be read with $query, $orderby, $snapshot and $readPreference only")
	case q.Skip < 0 || q.Return == math.MinInt32:
		return nil, badFind("bad skip or ntoreturn value in query")
	case q.Flags&wire.TailableCursor != 0:
		return nil, badFind("tailable cursor requested on non capped collection")
	}
	r.readPreference = f.readPreference
	return f.filter, nil
}

// collection is what listCollections says of one.
type collection struct {
	name    string
	view    bool
	options document.Value
}

func (r *catalogReader) collections() ([]collection, *mongoerr.Error) {
	var b document.Builder
	b.AppendInt32("listCollections", 1)
	docs, err := r.list(&b)
	if err != nil {
		return nil, err
	}
	var list []collection
	for _, d := range docs {
		list = append(list, collection{name: d.Lookup("name").Str(), view: d.Lookup("type").Str() == "view", options: d.Lookup("options")})
	}
	slices.SortFunc(list, func(a, b collection) int { return strings.Compare(a.name, b.name) })
	return list, nil
}

func (r *catalogReader) indexesOf(coll string) ([]document.Doc, *mongoerr.Error) {
	var b document.Builder
	b.AppendString("listIndexes", coll)
	docs, err := r.list(&b)
	if err != nil && err.Code == mongoerr.NamespaceNotFound {
		return nil, nil // dropped meanwhile
	}
	return docs, err
}

// namespaces makes the documents of system.namespaces.
func (r *catalogReader) namespaces() *mongoerr.Error {
	list, err := r.collections()
	if err != nil {
		return err
	}
	for _, coll := range list {
		ns := r.db + "." + coll.name
		var b document.Builder
		b.AppendString("name", ns)
		b.AppendValue("options", coll.options)
		r.docs = append(r.docs, b.Finish())
		if coll.view {
			continue
		}
		indexes, err := r.indexesOf(coll.name)
		if err != nil {
			return err
		}
		for _, index := range indexes {
			var b document.Builder
			b.AppendString("name", ns+".$"+index.Lookup("name").Str())
			r.docs = append(r.docs, b.Finish())
		}
	}
	return nil
}

// indexes makes the documents of system.indexes.
func (r *catalogReader) indexes() *mongoerr.Error {
	list, err := r.collections()
	if err != nil {
		return err
	}
	for _, coll := range list {
		if coll.view {
			continue
		}
		indexes, err := r.indexesOf(coll.name)
		if err != nil {
			return err
		}
		for _, index := range indexes {
			r.docs = append(r.docs, withField(index, "ns", document.String(r.db+"."+coll.name)))
		}
	}
	return nil
}

// list runs a command that answers with a cursor, and returns all documents of that.
func (r *catalogReader) list(b *document.Builder) ([]document.Doc, *mongoerr.Error) {
	b.AppendValue("$readPreference", r.readPreference)
	body, field := b.Finish(), "firstBatch"
	var docs []document.Doc
	for {
		reply := r.c.runLegacy(command.Request{DB: r.db, Body: body, SlaveOK: r.slaveOK})
		if reply.Doc == nil {
			return nil, mongoerr.New(mongoerr.HostUnreachable, "connection closed")
		}
		if err := failureOf(reply.Doc); err != nil {
			return nil, err
		}
		cursor := reply.Doc.Lookup("cursor").Doc()
		for it := cursor.Lookup(field).Doc().Iter(); it.Next(); {
			docs = append(docs, it.Value().Doc())
		}
		id := cursor.Lookup("id").Int64()
		if id == 0 {
			return docs, nil
		}
		_, coll, _ := strings.Cut(cursor.Lookup("ns").Str(), ".")
		body, field = getMoreBody(id, coll, 0), "nextBatch"
	}
}

// choose returns the documents that a query asks for.
func choose(docs []document.Doc, filter document.Doc, q *wire.Query) ([]document.Doc, *mongoerr.Error) {
	var out []document.Doc
	for _, d := range docs {
		ok, err := equals(d, filter)
		if err != nil {
			return nil, err
		}
		if !ok {
			continue
		}
		p, err := project(d, q.Fields)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	out = out[min(int(q.Skip), len(out)):]
	switch n := int(q.Return); {
	case n < 0:
		out = out[:min(-n, len(out))]
	case n == 1:
		out = out[:min(1, len(out))]
	}
	return out, nil
}

// equals reports whether d has each of the filter's fields with the same value. No driver asks for anything else here.
func equals(d, filter document.Doc) (bool, *mongoerr.Error) {
	same := true
	for it := filter.Iter(); it.Next(); {
		v := it.Value()
		if strings.HasPrefix(it.Key(), "$") || v.Type == document.TypeRegex || strings.HasPrefix(v.Doc().First().Key, "$") {
			return false, badFind("the catalog can be filtered by equality only, not by " + it.Key() + ": " + v.Shell())
		}
		same = same && document.Equal(d.LookupPath(it.Key()), v)
	}
	return same, nil
}

// project applies a projection of whole fields.
func project(d, fields document.Doc) (document.Doc, *mongoerr.Error) {
	if fields.IsEmpty() {
		return d, nil
	}
	include := false
	for it := fields.Iter(); it.Next(); {
		if v := it.Value(); strings.Contains(it.Key(), ".") || !v.IsNumber() && v.Type != document.TypeBool {
			return nil, badFind("the catalog's documents can be projected by whole fields only")
		}
		include = include || it.Value().Truthy() && it.Key() != "_id"
	}
	var b document.Builder
	for it := d.Iter(); it.Next(); {
		asked := fields.Lookup(it.Key())
		if include && asked.Truthy() || !include && (asked.IsMissing() || asked.Truthy()) {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	return b.Finish(), nil
}
