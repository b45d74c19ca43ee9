package command

import (
	"cmp"
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

type findAndModifyArgs struct {
	batchArgs
	query, sort, fields, collation document.Doc
	update, hint                   document.Value
	remove, new, upsert            bool
	arrayFilters                   []document.Doc
	hasArrayFilters                bool
}

var findAndModifyFields = newSchema("findAndModify",
	object("query", func(a *findAndModifyArgs) *document.Doc { return &a.query }),
	object("sort", func(a *findAndModifyArgs) *document.Doc { return &a.sort }),
	object("fields", func(a *findAndModifyArgs) *document.Doc { return &a.fields }),
	safeBool("remove", func(a *findAndModifyArgs) *bool { return &a.remove }),
	field[findAndModifyArgs]{name: "update", set: func(a *findAndModifyArgs, v document.Value) error {
		a.update = v
		return checkUpdateType(v)
	}},
	safeBool("new", func(a *findAndModifyArgs) *bool { return &a.new }),
	safeBool("upsert", func(a *findAndModifyArgs) *bool { return &a.upsert }),
	safeBool("bypassDocumentValidation", func(a *findAndModifyArgs) *bool { return &a.batchArgs.bypass }),
	collation(object("collation", func(a *findAndModifyArgs) *document.Doc { return &a.collation }), func(a *findAndModifyArgs) *document.Doc { return &a.collation }),
	documents("arrayFilters", func(a *findAndModifyArgs) *[]document.Doc {
		a.hasArrayFilters = true
		return &a.arrayFilters
	}),
	hint("hint", func(a *findAndModifyArgs) *document.Value { return &a.hint }),
	letField(func(a *findAndModifyArgs) *batchArgs { return &a.batchArgs }),
	safeLong("stmtId", func(a *findAndModifyArgs) *int64 { return &a.stmtID }),
).on(mongoerr.BadValue)

func runFindAndModify(ctx context.Context, o *operation, a *findAndModifyArgs) error {
	if err := a.check(); err != nil {
		return err
	}
	var project *query.Projection
	scores := false
	if !a.fields.IsEmpty() {
		c, err := o.collator(a.collation)
		if err != nil {
			return err
		}
		opts, err := o.expressions(a.let)
		if err != nil {
			return err
		}
		opts.Collator = c
		v := o.openView()
		search := v.Catalog.Search(o.ns)
		v.Close()
		filter, err := query.CompileFilter(orEmpty(a.query), query.FilterOptions{Collator: c, Expr: opts, Near: true, Text: search})
		if err != nil {
			return err
		}
		opts.Meta = func(name string) error {
			scores = scores || name == expr.TextScore
			return nil
		}
		if project, err = query.CompileProjection(a.fields, filter, query.ProjectionOptions{Expr: opts}); err != nil {
			return err
		}
	}
	if err := cmp.Or(o.notShown(), o.notView()); err != nil {
		return err
	}
	if _, ok := query.IDEquality(orEmpty(a.query)); ok && project == nil && a.hint.IsMissing() && a.collation.IsEmpty() {
		a.sort = nil // there is one document at most: mongod does not look at the order either
	}
	if a.remove {
		return o.findAndRemove(ctx, a, project, scores)
	}
	return o.findAndUpdate(ctx, a, project, scores)
}

// check refuses combinations that make no sense.
func (a *findAndModifyArgs) check() error {
	hasUpdate := !a.update.IsMissing()
	switch {
	case !a.remove && !hasUpdate:
		return mongoerr.New(mongoerr.FailedToParse, "Either an update or remove=true must be specified")
	case !a.remove:
		return nil
	case hasUpdate:
		return mongoerr.New(mongoerr.FailedToParse, "Cannot specify both an update and remove=true")
	case a.upsert:
		return mongoerr.New(mongoerr.FailedToParse, "Cannot specify both upsert=true and remove=true ")
	case a.new:
		return mongoerr.New(mongoerr.FailedToParse, "Cannot specify both new=true and remove=true; 'remove' always returns the deleted document")
	case a.hasArrayFilters:
		return mongoerr.New(mongoerr.FailedToParse, "Cannot specify arrayFilters and remove=true")
	}
	return nil
}

func orEmpty(d document.Doc) document.Doc {
	if d == nil {
		return document.Empty
	}
	return d
}

func (o *operation) findAndRemove(ctx context.Context, a *findAndModifyArgs, project *query.Projection, scores bool) error {
	st := o.statement(&a.batchArgs, 0)
	opts, err := o.expressions(a.let)
	if err != nil {
		return err
	}
	done, err := o.d.engine.Delete(ctx, &engine.DeleteSpec{
		NS: o.ns, Filter: a.query, Sort: a.sort, Collation: a.collation, Hint: a.hint, Expr: opts, Return: engine.ReturnOld, Scores: scores,
	}, st)
	o.noteTime(done.Time)
	if err != nil {
		return err
	}
	o.legacy.n = done.N
	o.d.metrics.countKind(kindDelete, 1)
	if !done.Retried {
		o.d.metrics.deleted.Add(done.N)
	}
	o.out.OpenDoc("lastErrorObject")
	o.out.AppendInt32("n", clampInt32(done.N))
	o.out.Close()
	return o.appendModified(done.Doc, done.Meta, project, st, done.Retried)
}

func (o *operation) findAndUpdate(ctx context.Context, a *findAndModifyArgs, project *query.Projection, scores bool) error {
	st := o.statement(&a.batchArgs, 0)
	spec := &engine.UpdateSpec{
		NS: o.ns, Filter: a.query, Update: a.update, Upsert: a.upsert, Sort: a.sort,
		Collation: a.collation, Hint: a.hint, ArrayFilters: a.arrayFilters, KnownStage: knownStage, Return: engine.ReturnOld, Scores: scores,
	}
	if a.new {
		spec.Return = engine.ReturnNew
	}
	var err error
	if spec.Expr, err = o.expressions(a.let); err != nil {
		return err
	}
	done, err := o.d.engine.Update(ctx, spec, st)
	o.noteTime(done.Time)
	if err != nil {
		return err
	}
	o.d.metrics.countKind(kindUpdate, 1)
	if !done.Retried {
		o.d.metrics.updated.Add(done.Modified)
	}
	n := done.Matched
	o.out.OpenDoc("lastErrorObject")
	if !done.Upserted.IsMissing() {
		n = 1
	}
	o.out.AppendInt32("n", clampInt32(n))
	o.out.AppendBool("updatedExisting", done.Matched > 0)
	o.out.AppendValue("upserted", done.Upserted)
	o.out.Close()
	o.legacy = lastError{n: n, update: true, updatedExisting: done.Matched > 0, upserted: done.Upserted}
	return o.appendModified(done.Doc, done.Meta, project, st, done.Retried)
}

// appendModified appends the document that is asked for, or null.
func (o *operation) appendModified(doc document.Doc, known *expr.Meta, project *query.Projection, st engine.Statement, retried bool) error {
	if doc != nil && project != nil {
		out, err := project.Apply(nil, doc, &expr.Evaluator{Meta: known.Value})
		if err != nil {
			return err
		}
		doc = document.Doc(out)
	}
	if doc == nil {
		o.out.AppendNull("value")
	} else {
		o.out.AppendDoc("value", doc)
	}
	if retried {
		o.d.metrics.retriedCommands.Add(1)
		o.d.metrics.retriedStatements.Add(1)
		o.out.AppendInt32("retriedStmtId", st.ID)
	}
	return nil
}
