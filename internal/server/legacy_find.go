package server

import (
	"math"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/wire"
)

// handleFind answers an OP_QUERY on a collection.
func (c *conn) handleFind(q *wire.Query, db, coll string, to *respondent) error {
	body, err := translateFind(q, coll)
	if err != nil {
		return c.sendFailure(to, err)
	}
	reply := c.runLegacy(command.Request{DB: db, Body: body, SlaveOK: q.Flags&wire.SlaveOK != 0})
	if reply.Doc == nil {
		return errEnd
	}
	return c.finish(&reply, func() error {
		if err := failureOf(reply.Doc); err != nil {
			return c.sendFailure(to, err)
		}
		cursor := reply.Doc.Lookup("cursor").Doc()
		if cursor == nil { // of $explain
			return c.sendDoc(to, reply.Doc)
		}
		id := cursor.Lookup("id").Int64()
		c.s.cursors.open(id, q.Namespace)
		if err := c.sendBatch(to, cursor.Lookup("firstBatch").Doc(), wire.Reply{CursorID: id}); err != nil {
			return err
		}
		if q.Flags&wire.Exhaust != 0 {
			return c.exhaustCursor(to, wire.GetMore{Namespace: q.Namespace, CursorID: id})
		}
		return nil
	})
}

// canonicalize is how mongod's complaints about a find begin.
const canonicalize = "Can't canonicalize query :: caused by :: "

func badFind(text string) *mongoerr.Error {
	return mongoerr.New(mongoerr.BadValue, "%s", canonicalize+text)
}

// find is a find command that is being put together.
type find struct {
	document.Builder
	filter         document.Doc
	sort           document.Doc
	hint           document.Value
	readPreference document.Value
	explain        bool
	snapshot       bool
}

// modifiers are the fields that may stand beside $query, and what becomes of each. mongod ignored those that it did not
// know; since that would be a find that does something else than it says, they are refused here. ($maxScan becomes an
// argument that find does not have any more.)
var modifiers = map[string]func(f *find, v document.Value) *mongoerr.Error{
	"query":           func(*find, document.Value) *mongoerr.Error { return nil }, // seen to before the others
	"$query":          func(*find, document.Value) *mongoerr.Error { return nil },
	"orderby":         (*find).orderBy,
	"$orderby":        (*find).orderBy,
	"$hint":           (*find).setHint,
	"$explain":        func(f *find, v document.Value) *mongoerr.Error { f.explain = v.Truthy(); return nil },
	"$snapshot":       func(f *find, v document.Value) *mongoerr.Error { f.snapshot = v.Truthy(); return nil },
	"$readPreference": func(f *find, v document.Value) *mongoerr.Error { f.readPreference = v; return nil },
	"$min":            func(f *find, v document.Value) *mongoerr.Error { return f.bound("min", v) },
	"$max":            func(f *find, v document.Value) *mongoerr.Error { return f.bound("max", v) },
	"$returnKey":      func(f *find, v document.Value) *mongoerr.Error { return f.flag("returnKey", v) },
	"$showDiskLoc":    func(f *find, v document.Value) *mongoerr.Error { return f.flag("showRecordId", v) },
	"$comment":        func(f *find, v document.Value) *mongoerr.Error { f.AppendValue("comment", v); return nil },
	"$maxScan":        func(f *find, v document.Value) *mongoerr.Error { f.AppendValue("maxScan", v); return nil },
	"$maxTimeMS":      (*find).maxTime,
}

// translateFind returns the command that an OP_QUERY on a collection stands for.
func translateFind(q *wire.Query, coll string) (document.Doc, *mongoerr.Error) {
	f := &find{}
	f.AppendString("find", coll)
	if err := f.readQuery(q.Query); err != nil {
		return nil, err
	}
	f.AppendDoc("filter", f.filter)
	if err := f.applySnapshot(); err != nil {
		return nil, err
	}
	if !f.sort.IsEmpty() {
		f.AppendDoc("sort", f.sort)
	}
	f.AppendValue("hint", f.hint)
	if !q.Fields.IsEmpty() {
		f.AppendDoc("projection", q.Fields)
	}
	if err := f.limits(q); err != nil {
		return nil, err
	}
	if err := f.flags(q.Flags); err != nil {
		return nil, err
	}
	return f.finish(), nil
}

// readQuery takes the filter and the modifiers apart. As in mongod the query is wrapped if it has a document called
// query or $query, in whatever place.
func (f *find) readQuery(query document.Doc) *mongoerr.Error {
	wrapped := query.Lookup("query")
	if wrapped.Type != document.TypeDocument {
		wrapped = query.Lookup("$query")
	}
	if wrapped.Type != document.TypeDocument {
		f.filter = query
		return nil
	}
	f.filter = wrapped.Doc()
	for it := query.Iter(); it.Next(); {
		apply, ok := modifiers[it.Key()]
		if !ok {
			return badFind("unknown query modifier: " + it.Key())
		}
		if err := apply(f, it.Value()); err != nil {
			return err
		}
	}
	return nil
}

// orderBy takes a sort; it may be an array of them, for languages whose objects have no order.
func (f *find) orderBy(v document.Value) *mongoerr.Error {
	switch v.Type {
	case document.TypeDocument:
		f.sort = v.Doc()
		return nil
	case document.TypeArray:
	default:
		return badFind("sort must be object or array")
	}
	var b document.Builder
	for it := v.Doc().Iter(); it.Next(); {
		part := it.Value()
		if part.Type != document.TypeDocument {
			return badFind("bad sort specification")
		}
		for it := part.Doc().Iter(); it.Next(); {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	f.sort = b.Finish()
	return nil
}

func (f *find) setHint(v document.Value) *mongoerr.Error {
	if v.Type != document.TypeDocument && v.Type != document.TypeString {
		return badFind("$hint must be either a string or nested object")
	}
	f.hint = v
	return nil
}

func (f *find) bound(name string, v document.Value) *mongoerr.Error {
	if v.Type != document.TypeDocument {
		return badFind("$" + name + " must be a BSONObj")
	}
	f.AppendValue(name, v)
	return nil
}

func (f *find) flag(name string, v document.Value) *mongoerr.Error {
	if v.Truthy() {
		f.AppendBool(name, true)
	}
	return nil
}

func (f *find) maxTime(v document.Value) *mongoerr.Error {
	if !v.IsNumber() {
		return badFind("$maxTimeMS must be a number")
	}
	if n, _ := v.ToInt64(); n < 0 || n > math.MaxInt32 {
		return badFind("$maxTimeMS is out of range")
	}
	f.AppendValue("maxTimeMS", v)
	return nil
}

// applySnapshot has the documents read in the order of _id, which does not change, so that none comes twice. That is
// what $snapshot meant, and its limits are those it had.
func (f *find) applySnapshot() *mongoerr.Error {
	switch {
	case !f.snapshot:
		return nil
	case !f.sort.IsEmpty():
		return badFind("E12001 can't use sort with $snapshot")
	case !f.hint.IsMissing():
		return badFind("E12002 can't use hint with $snapshot")
	}
	var b document.Builder
	b.AppendInt32("_id", 1)
	f.hint = b.Finish().AsValue()
	return nil
}

// limits translates skip and numberToReturn. A positive number is the size of the first batch only, with the exception
// of 1; a negative one is a limit, and no cursor is left.
func (f *find) limits(q *wire.Query) *mongoerr.Error {
	switch {
	case q.Skip < 0:
		return badFind("Skip value must be non-negative, but received: " + document.Int32(q.Skip).Shell())
	case q.Skip > 0:
		f.AppendInt32("skip", q.Skip)
	}
	switch n := q.Return; {
	case n == math.MinInt32:
		return badFind("bad ntoreturn value in query")
	case n < 0:
		f.AppendInt32("limit", -n)
		f.AppendBool("singleBatch", true)
	case n == 1:
		f.AppendInt32("limit", 1)
		f.AppendBool("singleBatch", true)
	case n > 1:
		f.AppendInt32("batchSize", n)
	}
	return nil
}

// queryFlags are the flags of OP_QUERY that are arguments of find. SlaveOK is the request's, and Exhaust the server's
// business.
var queryFlags = []struct {
	flag wire.QueryFlags
	name string
}{
	{wire.TailableCursor, "tailable"},
	{wire.AwaitData, "awaitData"},
	{wire.OplogReplay, "oplogReplay"},
	{wire.NoCursorTimeout, "noCursorTimeout"},
	{wire.Partial, "allowPartialResults"},
}

func (f *find) flags(flags wire.QueryFlags) *mongoerr.Error {
	if flags&wire.AwaitData != 0 && flags&wire.TailableCursor == 0 {
		return mongoerr.New(mongoerr.FailedToParse, "Cannot set 'awaitData' without also setting 'tailable'")
	}
	for _, q := range queryFlags {
		if flags&q.flag != 0 {
			f.AppendBool(q.name, true)
		}
	}
	return nil
}

// finish returns the command, in an explain if that is wanted.
func (f *find) finish() document.Doc {
	if !f.explain {
		f.AppendValue("$readPreference", f.readPreference)
		return f.Finish()
	}
	var b document.Builder
	b.AppendDoc("explain", f.Finish())
	b.AppendString("verbosity", "allPlansExecution")
	b.AppendValue("$readPreference", f.readPreference)
	return b.Finish()
}
