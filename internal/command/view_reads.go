package command

import (
	"cmp"
	"context"
	"errors"
	"io"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// Reading a view is running a pipeline: the view's own, and behind it what the command asks for.

// baseOf resolves what a pipeline is run on: the collection, and the stages before its own. If it is a view, collation becomes the view's, which
// the command cannot change.
func (o *operation) baseOf(asked *document.Doc) (base string, stages []document.Doc, err error) {
	v := o.openView()
	defer v.Close()
	d := v.Catalog.ViewOf(o.ns)
	if d == nil {
		return o.ns, nil, nil
	}
	if len(*asked) > len(document.Empty) {
		c, err := v.Catalog.Collation(o.ns, *asked)
		if err != nil {
			return "", nil, err
		}
		if v.Catalog.Timeseries(o.ns) != nil {
			return v.Catalog.ResolveView(o.ns) // what is stored is no matter of collation
		}
		if !document.SameCollator(c.Collator(), d.Collation.Collator()) {
			return "", nil, mongoerr.New(mongoerr.OptionNotSupportedOnView, "Cannot override a view's default collation")
		}
	}
	*asked = simpleCollation
	if d.Collation != nil {
		*asked = d.Collation.Document()
	}
	return v.Catalog.ResolveView(o.ns)
}

// simpleCollation is {locale: "simple"}.
var simpleCollation = func() document.Doc {
	var b document.Builder
	b.AppendString("locale", "simple")
	return b.Finish()
}()

// findInView answers a find on a view.
func (o *operation) findInView(ctx context.Context, a *findArgs, r cursorReply) error {
	if err := cmp.Or(a.checkForView(), o.checkSearchInView(a)); err != nil {
		return err
	}
	c, err := o.openPipeline(ctx, a.inPipeline())
	if err != nil {
		return err
	}
	return o.answerWithCursor(ctx, c, r)
}

// checkSearchInView refuses what mongod refuses before it looks at what the view is: a text search, since a view has no indexes, and the score of one.
func (o *operation) checkSearchInView(a *findArgs) error {
	if _, err := query.CompileFilter(orEmpty(a.filter), query.FilterOptions{}); errors.Is(err, query.ErrTextIndexRequired) {
		return engine.NoTextIndex(o.ns)
	}
	if s, err := query.CompileSort(a.sort); err == nil && len(a.sort) > len(document.Empty) {
		if err := s.CheckMeta(nil); err != nil {
			return err
		}
	}
	var missing error
	_, _ = query.CompileProjection(orEmpty(a.projection), nil, query.ProjectionOptions{Expr: expr.Options{Meta: func(name string) error {
		missing = cmp.Or(missing, query.CheckMeta(name, nil))
		return nil
	}}}) // other mistakes are told by the pipeline
	return missing
}

// inPipeline returns the aggregate that does what the find would.
func (a *findArgs) inPipeline() *aggregateArgs {
	p := &aggregateArgs{collation: a.collation, let: a.let, hint: a.hint}
	sort := a.sort
	if !sort.Lookup("$natural").IsMissing() {
		p.hint, sort = sort.AsValue(), nil
	}
	p.pipeline = viewStages(a.filter, sort, a.skip, a.limit)
	if !a.projection.IsEmpty() {
		p.pipeline = append(p.pipeline, stageOf("$project", a.projection.AsValue()))
	}
	return p
}

// checkForView refuses options of find that a pipeline cannot have.
func (a *findArgs) checkForView() error {
	for _, option := range []struct {
		name string
		used bool
	}{
		{"singleBatch", a.singleBatch}, {"returnKey", a.returnKey}, {"showRecordId", a.showRecordID}, {"noCursorTimeout", a.noCursorTimeout},
		{"max", !a.max.IsEmpty()}, {"min", !a.min.IsEmpty()},
	} {
		if option.used {
			return mongoerr.New(mongoerr.InvalidPipelineOperator, "Option %s not supported in aggregation.", option.name)
		}
	}
	if a.tailable {
		return mongoerr.New(mongoerr.InvalidPipelineOperator, "Tailable cursors are not supported in aggregation.")
	}
	for it := a.projection.Iter(); it.Next(); {
		if !it.Value().Doc().Lookup("$elemMatch").IsMissing() {
			return mongoerr.New(mongoerr.InvalidPipelineOperator, "Unsupported in view pipeline: Invalid $project :: caused by :: Cannot use $elemMatch in this context")
		}
	}
	return nil
}

// viewStages are the stages that do what a find would.
func viewStages(filter, sort document.Doc, skip, limit int64) (list []document.Doc) {
	if !filter.IsEmpty() {
		list = append(list, stageOf("$match", filter.AsValue()))
	}
	if !sort.IsEmpty() {
		list = append(list, stageOf("$sort", sort.AsValue()))
	}
	if skip > 0 {
		list = append(list, stageOf("$skip", document.Int64(skip)))
	}
	if limit > 0 {
		list = append(list, stageOf("$limit", document.Int64(limit)))
	}
	return list
}

func stageOf(name string, arg document.Value) document.Doc {
	var b document.Builder
	b.AppendValue(name, arg)
	return b.Finish()
}

// eachInView runs a command's filter over a view and calls f with each document.
func (o *operation) eachInView(ctx context.Context, spec engine.FindSpec, f func(document.Doc) error) error {
	c, err := o.openPipeline(ctx, &aggregateArgs{pipeline: viewStages(spec.Filter, nil, spec.Skip, spec.Limit), collation: spec.Collation, hint: spec.Hint})
	if err != nil {
		return err
	}
	defer c.close()
	for {
		doc, err := c.next(ctx)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := f(doc); err != nil {
			return err
		}
	}
}

// countInView counts the documents of a view.
func (o *operation) countInView(ctx context.Context, spec engine.FindSpec) (n int64, err error) {
	err = o.eachInView(ctx, spec, func(document.Doc) error {
		n++
		return nil
	})
	return n, err
}

// distinctInView finds the values of a path in the documents of a view.
func (o *operation) distinctInView(ctx context.Context, spec engine.FindSpec, path string, add func([]document.Value) error) error {
	if _, err := query.CompileFilter(orEmpty(spec.Filter), query.FilterOptions{}); errors.Is(err, query.ErrTextIndexRequired) {
		return engine.NoTextIndex(o.ns)
	}
	var space []document.Value
	return o.eachInView(ctx, spec, func(doc document.Doc) error {
		space = query.AppendDistinct(space[:0], doc, path)
		return add(space)
	})
}
