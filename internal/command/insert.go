package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

type insertArgs struct {
	batchArgs
	docs []document.Doc
}

var insertFields = newSchema("insert", append(batchFields(func(a *insertArgs) *batchArgs { return &a.batchArgs }),
	documents("documents", func(a *insertArgs) *[]document.Doc { return &a.docs }).require(),
)...).on(mongoerr.BadValue).defaults(func(a *insertArgs) { a.ordered = true })

func runInsert(ctx context.Context, o *operation, a *insertArgs) error {
	if err := o.checkBatch(&a.batchArgs, len(a.docs)); err != nil {
		return err
	}
	if refused, err := o.refuseBatch(&a.batchArgs, len(a.docs)); refused || err != nil {
		return err
	}
	for i, id := range a.stmtIDs {
		if id != a.stmtIDs[0]+int32(i) {
			return mongoerr.New(mongoerr.InvalidOptions, "stmtIds of an insert must be consecutive")
		}
	}
	o.d.metrics.countKind(kindInsert, len(a.docs))
	done, err := o.insertInto(ctx, a.docs, a.ordered, o.statement(&a.batchArgs, 0))
	o.noteTime(done.Time)
	o.d.metrics.inserted.Add(int64(done.N - len(done.Retried)))
	if err != nil {
		return err
	}
	r := &batchResult{n: int64(done.N), retried: done.Retried}
	if o.timeseries() != nil {
		r.retried = nil // mongod does not tell it of measurements
	}
	for _, e := range done.Errors {
		if err := r.statementError(e.Index, e.Err); err != nil {
			return err
		}
	}
	o.appendBatch(r)
	return nil
}
