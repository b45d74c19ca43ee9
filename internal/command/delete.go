package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

type deleteArgs struct {
	batchArgs
	deletes []deleteStatement
}

type deleteStatement struct {
	q, collation document.Doc
	multi        bool
	hint         document.Value
}

var deleteStatementFields = newSchema("",
	object("q", func(s *deleteStatement) *document.Doc { return &s.q }).require(),
	// limit is 0 for all and 1 for one; what is no number counts as 0, as for mongod.
	field[deleteStatement]{name: "limit", set: func(s *deleteStatement, v document.Value) error {
		n, _ := v.ToInt64()
		if n != 0 && n != 1 {
			return mongoerr.New(mongoerr.FailedToParse, "The limit field in delete objects must be 0 or 1. Got %d", n)
		}
		s.multi = n == 0
		return nil
	}}.require(),
	object("collation", func(s *deleteStatement) *document.Doc { return &s.collation }),
	hint("hint", func(s *deleteStatement) *document.Value { return &s.hint }),
)

var deleteFields = newSchema("delete", append(batchFields(func(a *deleteArgs) *batchArgs { return &a.batchArgs }),
	letField(func(a *deleteArgs) *batchArgs { return &a.batchArgs }),
	structures("deletes", deleteStatementFields, func(a *deleteArgs) *[]deleteStatement { return &a.deletes }).require(),
)...).on(mongoerr.BadValue).defaults(func(a *deleteArgs) { a.ordered = true })

func runDelete(ctx context.Context, o *operation, a *deleteArgs) error {
	if err := o.checkBatch(&a.batchArgs, len(a.deletes)); err != nil {
		return err
	}
	if refused, err := o.refuseBatch(&a.batchArgs, len(a.deletes)); refused || err != nil {
		return err
	}
	var err error
	if a.expressions, err = o.expressions(a.let); err != nil {
		return err
	}
	r := &batchResult{}
	for i := range a.deletes {
		o.d.metrics.countKind(kindDelete, 1)
		if err := o.deleteOne(ctx, a, i, r); err != nil {
			if err = r.statementError(i, err); err != nil {
				return err
			}
			if a.ordered {
				break
			}
		}
	}
	o.appendBatch(r)
	return nil
}

// deleteOne runs the i-th statement.
func (o *operation) deleteOne(ctx context.Context, a *deleteArgs, i int, r *batchResult) error {
	s := &a.deletes[i]
	if s.multi && o.generic.retryable {
		return mongoerr.New(mongoerr.InvalidOptions, "Cannot use (or request) retryable writes with limit=0")
	}
	if err := checkCollation(s.collation); err != nil {
		return err
	}
	st := o.statement(&a.batchArgs, i)
	spec := &engine.DeleteSpec{
		NS: o.ns, Filter: s.q, Multi: s.multi, Collation: s.collation, Hint: s.hint, Expr: a.expressions,
	}
	if buckets := o.timeseries(); buckets != nil {
		if err := deleteOnBuckets(buckets, spec); err != nil {
			return err
		}
	}
	done, err := o.d.engine.Delete(ctx, spec, st)
	o.noteTime(done.Time)
	if err != nil {
		return err
	}
	r.n += done.N
	if done.Retried {
		r.retried = append(r.retried, st.ID)
	} else {
		o.d.metrics.deleted.Add(done.N)
	}
	return nil
}
