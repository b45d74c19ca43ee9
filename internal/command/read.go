package command

import (
	"context"
	"fmt"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The commands that read documents.

func readCommands() []*row {
	return []*row{
		{name: "find", help: "returns documents", args: "FindCommandRequest", kind: kindQuery, runs: onSecondaryIfAsked, reads: true, stableAPI: true, readConcern: readConcernAll, prepare: typed(findFields, runFind)},
		{name: "getMore", help: "returns more of a cursor", kind: kindGetMore, runs: whereReadable, reads: true, stableAPI: true, readConcern: readConcernAll, ownMaxTime: true, quiet: true, prepare: typed(getMoreFields, runGetMore)},
		{name: "killCursors", help: "ends cursors", runs: whereReadable, stableAPI: true, prepare: typed(killCursorsFields, runKillCursors)},
		{name: "count", help: "counts documents", runs: onSecondaryIfAsked, reads: true, stableAPI: true, readConcern: readConcernRead, prepare: typed(countFields, runCount)},
		{name: "distinct", help: "returns the different values of a field", runs: onSecondaryIfAsked, reads: true, readConcern: readConcernAll, prepare: typed(distinctFields, runDistinct)},
		{name: "aggregate", help: "runs a pipeline", runs: onSecondaryIfAsked, reads: true, stableAPI: true, readConcern: readConcernAll, writeConcern: true, ownMaxTime: true, ownConcernTypes: true, prepare: typed(aggregateFields, runAggregate)},
	}
}

type findArgs struct {
	filter, sort, projection, collation, min, max, let document.Doc
	hint                                               document.Value
	skip, limit, batchSize, ntoreturn                  int64
	hasBatchSize, hasReturn                            bool
	singleBatch, noCursorTimeout, tailable, awaitData  bool
	returnKey, showRecordID, oplogReplay, ignored      bool
}

var findFields = newSchema("FindCommandRequest",
	findObject("filter", func(a *findArgs) *document.Doc { return &a.filter }),
	findObject("sort", func(a *findArgs) *document.Doc { return &a.sort }),
	findObject("projection", func(a *findArgs) *document.Doc { return &a.projection }),
	hint("hint", func(a *findArgs) *document.Value { return &a.hint }),
	notNegative("skip", func(a *findArgs) *int64 { return &a.skip }),
	notNegative("limit", func(a *findArgs) *int64 { return &a.limit }),
	notNegative("batchSize", func(a *findArgs) *int64 { return &a.batchSize }).then(func(a *findArgs) error {
		a.hasBatchSize = true
		return nil
	}),
	notNegative("ntoreturn", func(a *findArgs) *int64 { return &a.ntoreturn }).then(func(a *findArgs) error {
		a.hasReturn = true
		return nil
	}),
	findBool("singleBatch", func(a *findArgs) *bool { return &a.singleBatch }),
	findBool("noCursorTimeout", func(a *findArgs) *bool { return &a.noCursorTimeout }),
	findBool("tailable", func(a *findArgs) *bool { return &a.tailable }),
	findBool("awaitData", func(a *findArgs) *bool { return &a.awaitData }),
	findBool("returnKey", func(a *findArgs) *bool { return &a.returnKey }),
	findBool("showRecordId", func(a *findArgs) *bool { return &a.showRecordID }),
	findBool("oplogReplay", func(a *findArgs) *bool { return &a.oplogReplay }),     // a hint that is not needed
	findBool("allowPartialResults", func(a *findArgs) *bool { return &a.ignored }), // about shards, which there are not
	findBool("allowDiskUse", func(a *findArgs) *bool { return &a.ignored }),        // a permission that is not made use of
	collation(findObject("collation", func(a *findArgs) *document.Doc { return &a.collation }), func(a *findArgs) *document.Doc { return &a.collation }),
	findObject("min", func(a *findArgs) *document.Doc { return &a.min }),
	findObject("max", func(a *findArgs) *document.Doc { return &a.max }),
	object("let", func(a *findArgs) *document.Doc { return &a.let }),
).on(mongoerr.BadValue)

func (a *findArgs) check() error {
	switch {
	case a.awaitData && !a.tailable:
		return mongoerr.New(mongoerr.FailedToParse, "Cannot set 'awaitData' without also setting 'tailable'")
	case a.hasReturn && (a.hasBatchSize || a.limit != 0):
		return mongoerr.New(mongoerr.BadValue, "'limit' or 'batchSize' fields can not be set with 'ntoreturn' field.")
	case a.returnKey:
		return notImplemented("returnKey")
	case a.showRecordID:
		return notImplemented("showRecordId")
	case !a.min.IsEmpty() || !a.max.IsEmpty():
		return notImplemented("min and max")
	}
	return nil
}

// notImplemented refuses an option that MongoDB has.
func notImplemented(what string) error {
	return mongoerr.New(mongoerr.NotImplemented, "%s is not supported by this version of Morton", what)
}

func runFind(ctx context.Context, o *operation, a *findArgs) error {
	if err := a.check(); err != nil {
		return err
	}
	o.d.metrics.countKind(kindQuery, 1)
	r := cursorReply{ns: o.ns, batch: firstBatchDocs, single: a.singleBatch, noTimeout: a.noCursorTimeout}
	switch {
	case a.hasBatchSize:
		r.batch = clampBatch(a.batchSize)
	case a.hasReturn && a.ntoreturn > 0:
		r.batch = clampBatch(a.ntoreturn)
	}
	spec := engine.FindSpec{
		NS: o.ns, Filter: a.filter, Sort: a.sort, Projection: a.projection, Collation: a.collation, Hint: a.hint,
		Skip: a.skip, Limit: a.limit, Tailable: a.tailable,
	}
	if !r.single {
		spec = outliving(spec)
	}
	c, err := o.find(spec, a.awaitData)
	if err != nil {
		return err
	}
	return o.answerWithCursor(ctx, c, r)
}

// outliving returns spec with documents that stay when the request is gone.
func outliving(spec engine.FindSpec) engine.FindSpec {
	spec.NS = string([]byte(spec.NS))
	spec.Filter, spec.Sort, spec.Projection, spec.Collation = spec.Filter.Clone(), spec.Sort.Clone(), spec.Projection.Clone(), spec.Collation.Clone()
	spec.Hint = spec.Hint.Clone()
	return spec
}

// find starts a find.
func (o *operation) find(spec engine.FindSpec, awaitData bool) (*openCursor, error) {
	v := o.openView()
	virtual := engine.IsVirtual(spec.NS)
	exists := virtual || v.Catalog.Collection(spec.NS) != nil
	if spec.Tailable && exists && spec.NS != oplogNS {
		v.Close()
		return nil, mongoerr.New(mongoerr.BadValue, "error processing query: ns=%sTree: $and\nSort: {}\nProj: {}\n "+
			"tailable cursor requested on non capped collection", spec.NS)
	}
	it, err := v.Find(spec)
	if err != nil {
		return nil, err
	}
	f := &found{d: o.d, it: it, majority: o.readsMajority(), left: -1}
	if spec.Limit > 0 {
		f.left = spec.Limit
	}
	c := &openCursor{results: f, ended: !exists}
	if spec.Tailable && exists {
		c.tailable, c.awaitData, c.changed = true, awaitData, o.d.engine.AppliedChanged
	}
	return c, nil
}

// oplogNS is the one collection that can be tailed.
const oplogNS = "local.oplog.rs"

type countArgs struct {
	query, collation document.Doc
	limit, skip      int64
	hint             document.Value
}

var countFields = newSchema("count",
	object("query", func(a *countArgs) *document.Doc { return &a.query }),
	field[countArgs]{name: "limit", nullable: true, set: func(a *countArgs, v document.Value) error {
		n, ok := v.ToInt64()
		if !ok {
			return mongoerr.New(mongoerr.BadValue, "limit value is not a valid number")
		}
		a.limit = max(n, -n) // a negative limit means the same
		return nil
	}},
	notNegative("skip", func(a *countArgs) *int64 { return &a.skip }),
	hint("hint", func(a *countArgs) *document.Value { return &a.hint }),
	collation(object("collation", func(a *countArgs) *document.Doc { return &a.collation }), func(a *countArgs) *document.Doc { return &a.collation }),
	ignored[countArgs]("fields"), // of drivers before 2012
).on(mongoerr.InvalidNamespace)

func runCount(ctx context.Context, o *operation, a *countArgs) error {
	n, err := o.openView().Count(ctx, engine.FindSpec{
		NS: o.ns, Filter: a.query, Collation: a.collation, Hint: a.hint, Skip: a.skip, Limit: a.limit,
	})
	if err != nil {
		return err
	}
	appendCount(&o.out, "n", n)
	return nil
}

// appendCount appends a number as int32 if it is one, else as int64, like mongod's appendNumber.
func appendCount(b *document.Builder, key string, n int64) {
	if n == int64(int32(n)) {
		b.AppendInt32(key, int32(n))
		return
	}
	b.AppendInt64(key, n)
}

type killCursorsArgs struct{ ids []int64 }

var killCursorsFields = newSchema("killCursors",
	longs("cursors", func(a *killCursorsArgs) *[]int64 { return &a.ids }).require(),
).on(mongoerr.BadValue)

func runKillCursors(_ context.Context, o *operation, a *killCursorsArgs) error {
	var killed, missing []int64
	for _, id := range a.ids {
		if o.d.cursors.Kill(id) {
			killed = append(killed, id)
		} else {
			missing = append(missing, id)
		}
	}
	for _, list := range []struct {
		name string
		ids  []int64
	}{{"cursorsKilled", killed}, {"cursorsNotFound", missing}, {"cursorsAlive", nil}, {"cursorsUnknown", nil}} {
		o.out.OpenArray(list.name)
		for i, id := range list.ids {
			o.out.AppendInt64(document.Index(i), id)
		}
		o.out.Close()
	}
	return nil
}

// collectionName checks the name of a collection that is an argument.
func collectionName(name string) error {
	if name == "" {
		return mongoerr.New(mongoerr.InvalidNamespace, "Collection names cannot be empty")
	}
	return nil
}

func wrongNamespace(asked, actual string) error {
	return mongoerr.New(mongoerr.Unauthorized, "%s", fmt.Sprintf("Requested getMore on namespace '%s', but cursor belongs to a different namespace %s", asked, actual))
}
