package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

type updateArgs struct {
	batchArgs
	updates []updateStatement
}

type updateStatement struct {
	q, c, collation document.Doc
	u, hint         document.Value
	multi, upsert   bool
	upsertSupplied  bool
	arrayFilters    []document.Doc
}

var updateStatementFields = newSchema("",
	object("q", func(s *updateStatement) *document.Doc { return &s.q }).require(),
	field[updateStatement]{name: "u", set: func(s *updateStatement, v document.Value) error {
		s.u = v
		return checkUpdateType(v)
	}}.require(),
	object("c", func(s *updateStatement) *document.Doc { return &s.c }),
	boolean("multi", func(s *updateStatement) *bool { return &s.multi }),
	boolean("upsert", func(s *updateStatement) *bool { return &s.upsert }),
	object("collation", func(s *updateStatement) *document.Doc { return &s.collation }),
	documents("arrayFilters", func(s *updateStatement) *[]document.Doc { return &s.arrayFilters }),
	hint("hint", func(s *updateStatement) *document.Value { return &s.hint }),
	safeBool("upsertSupplied", func(s *updateStatement) *bool { return &s.upsertSupplied }),
)

// checkUpdateType refuses what can be no update: an update is a document or an array of stages.
func checkUpdateType(v document.Value) error {
	switch v.Type {
	case document.TypeDocument:
		return nil
	case document.TypeArray:
		for it := v.Doc().Iter(); it.Next(); {
			if it.Value().Type != document.TypeDocument {
				return mongoerr.New(mongoerr.TypeMismatch, "Each element of the 'pipeline' array must be an object")
			}
		}
		return nil
	}
	return mongoerr.New(mongoerr.FailedToParse, "Update argument must be either an object or an array")
}

// checkUpdateStages refuses a pipeline with what is no stage. As in mongod, which looks at the stages when it counts them, that is the answer to the whole
// command, though the other statements have had their effect.
func checkUpdateStages(v document.Value) error {
	if v.Type != document.TypeArray {
		return nil
	}
	for it := v.Doc().Iter(); it.Next(); {
		stage := it.Value().Doc()
		if stage.Len() != 1 {
			return mongoerr.New(40323, "A pipeline stage specification object must contain exactly one field.")
		}
		if name := stage.First().Key; !knownStage(name) {
			return mongoerr.New(40324, "Unrecognized pipeline stage name: '%s'", name)
		}
	}
	return nil
}

var updateFields = newSchema("update", append(batchFields(func(a *updateArgs) *batchArgs { return &a.batchArgs }),
	letField(func(a *updateArgs) *batchArgs { return &a.batchArgs }),
	structures("updates", updateStatementFields, func(a *updateArgs) *[]updateStatement { return &a.updates }).require(),
)...).on(mongoerr.BadValue).defaults(func(a *updateArgs) { a.ordered = true })

func runUpdate(ctx context.Context, o *operation, a *updateArgs) error {
	if err := o.checkBatch(&a.batchArgs, len(a.updates)); err != nil {
		return err
	}
	if refused, err := o.refuseBatch(&a.batchArgs, len(a.updates)); refused || err != nil {
		return err
	}
	var err error
	if a.expressions, err = o.expressions(a.let); err != nil {
		return err
	}
	r := &batchResult{isUpdate: true}
	for i := range a.updates {
		o.d.metrics.countKind(kindUpdate, 1)
		err := o.updateOne(ctx, a, i, r)
		if err != nil {
			if err = r.statementError(i, err); err != nil {
				return err
			}
			if a.ordered {
				break
			}
		}
	}
	for i := range a.updates {
		if err := checkUpdateStages(a.updates[i].u); err != nil {
			return err
		}
	}
	o.appendBatch(r)
	return nil
}

// updateOne runs the i-th statement.
func (o *operation) updateOne(ctx context.Context, a *updateArgs, i int, r *batchResult) error {
	s := &a.updates[i]
	if s.multi && o.generic.retryable {
		return mongoerr.New(mongoerr.InvalidOptions, "Cannot use (or request) retryable writes with multi=true")
	}
	if !s.c.IsEmpty() && s.u.Type == document.TypeDocument {
		return mongoerr.New(51198, "Constant values may only be specified for pipeline updates")
	}
	if err := checkCollation(s.collation); err != nil {
		return err
	}
	spec := &engine.UpdateSpec{
		NS: o.ns, Filter: s.q, Update: s.u, Multi: s.multi, Upsert: s.upsert,
		Collation: s.collation, Hint: s.hint, ArrayFilters: s.arrayFilters, Expr: a.expressions, Constants: s.c, KnownStage: knownStage,
	}
	if buckets := o.timeseries(); buckets != nil {
		if err := onBuckets(buckets, spec); err != nil {
			return err
		}
	}
	done, err := o.d.engine.Update(ctx, spec, o.statement(&a.batchArgs, i))
	o.noteTime(done.Time)
	if err != nil {
		return err // what the statement had changed before is not told, by mongod neither
	}
	r.n += done.Matched
	r.modified += done.Modified
	if !done.Upserted.IsMissing() {
		r.n++
		r.upserted = append(r.upserted, upsert{i, done.Upserted})
	}
	if done.Retried {
		r.retried = append(r.retried, o.statement(&a.batchArgs, i).ID)
	} else {
		o.d.metrics.updated.Add(done.Modified)
	}
	return nil
}
