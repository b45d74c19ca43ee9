package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

type findArgs struct {
	filter, sort, projection, collation, min, max, let document.Doc
	hint                                               document.Value
	skip, limit, batchSize, ntoreturn                  int64
	hasBatchSize, hasReturn                            bool
	singleBatch, noCursorTimeout, tailable, awaitData  bool
	returnKey, showRecordID, oplogReplay, ignored      bool
	diskUse, hasDiskUse                                bool
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
	findBool("allowDiskUse", func(a *findArgs) *bool { return &a.diskUse }).then(func(a *findArgs) error {
		a.hasDiskUse = true
		return nil
	}),
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
	case a.tailable && a.singleBatch:
		return mongoerr.New(mongoerr.BadValue, "cannot use tailable option with the 'singleBatch' option")
	case a.tailable && !a.sort.IsEmpty() && !isNaturalOrder(a.sort):
		return mongoerr.New(mongoerr.BadValue, "cannot use tailable option with a sort other than {$natural: 1}")
	}
	return nil
}

func runFind(ctx context.Context, o *operation, a *findArgs) error {
	view := o.d.engine.IsView(o.ns)
	if err := a.check(); err != nil && !view {
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
	if view {
		return o.findInView(ctx, a, r)
	}
	spec := engine.FindSpec{
		NS: o.ns, Filter: a.filter, Sort: a.sort, Projection: a.projection, Collation: a.collation, Hint: a.hint, Min: a.min, Max: a.max,
		Skip: a.skip, Limit: a.limit, Tailable: a.tailable, NoDisk: o.d.params.noDisk.Load(), ReturnKey: a.returnKey, ShowRecord: a.showRecordID,
	}
	if a.hasDiskUse {
		spec.NoDisk = !a.diskUse
	}
	var err error
	if spec.Expr, err = o.expressions(a.let); err != nil {
		return err
	}
	if !r.single {
		spec = outliving(spec)
	}
	c, err := o.find(ctx, spec, a.awaitData)
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
	spec.Min, spec.Max = spec.Min.Clone(), spec.Max.Clone()
	return spec
}

// find starts a find.
func (o *operation) find(ctx context.Context, spec engine.FindSpec, awaitData bool) (*openCursor, error) {
	v := o.openView()
	virtual := engine.IsVirtual(spec.NS)
	exists := virtual || v.Catalog.Collection(spec.NS) != nil
	coll := v.Catalog.Collection(spec.NS)
	capped := coll != nil && coll.Capped != nil
	if spec.Tailable && exists && spec.NS != oplogNS && !capped {
		v.Close()
		return nil, mongoerr.New(mongoerr.BadValue, "error processing query: ns=%sTree: $and\nSort: {}\nProj: {}\n "+
			"tailable cursor requested on non capped collection", spec.NS)
	}
	it, err := v.Find(ctx, spec)
	if err != nil {
		return nil, err
	}
	f := &found{d: o.d, it: it, majority: o.readsMajority(), at: o.generic.read.at, left: -1, where: "Executor error during find command"}
	if spec.Limit > 0 {
		f.left = spec.Limit
	}
	c := &openCursor{results: f, ended: !exists, nothing: !exists}
	if spec.Tailable && exists && !(capped && it.Empty()) { // as in mongod there is nothing to tail in an empty collection
		c.tailable, c.awaitData, c.changed = true, awaitData, o.d.engine.AppliedChanged
		if capped && !f.majority {
			c.changed = coll.Grown
		}
	}
	return c, nil
}

// isNaturalOrder reports whether a sort is {$natural: 1}.
func isNaturalOrder(sort document.Doc) bool {
	n, ok := sort.Lookup("$natural").AsInt64()
	return ok && n == 1 && sort.Len() == 1
}

// oplogNS is the log, which can be tailed like a capped collection.
const oplogNS = "local.oplog.rs"
