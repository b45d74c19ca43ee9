package command

import (
	"cmp"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/pipeline"
)

// An aggregate is explained as a find, if the whole pipeline is one, or else as mongod's classic engine does it: {stages: [{$cursor: what a find does}, stages...]}.

// explainAggregate answers an explain of the command.
func explainAggregate(ctx context.Context, o, inner *operation, verbosity engine.Verbosity) error {
	a := new(aggregateArgs)
	if err := readArguments(inner, aggregateFields, a); err != nil {
		return argumentError(within(inner.row.argsName(), err))
	}
	switch {
	case a.explain:
		return mongoerr.New(mongoerr.FailedToParse, "The 'explain' option is illegal when a explain verbosity is also provided")
	case !a.cursor.given:
		return mongoerr.New(mongoerr.FailedToParse, "The 'cursor' option is required, except for aggregate with the explain argument")
	}
	return inner.explainPipeline(ctx, &o.out, a, verbosity)
}

// explainPipeline appends how a pipeline is done.
func (o *operation) explainPipeline(ctx context.Context, b *document.Builder, a *aggregateArgs, verbosity engine.Verbosity) error {
	base, before, err := o.baseOf(&a.collation)
	if err != nil {
		return err
	}
	stages := slices.Concat(before, a.pipeline)
	if err := checkStages(stages); err != nil {
		return err
	}
	if len(stages) > 0 && sources[stages[0].First().Key] != nil {
		return notImplemented("explaining the pipeline stage " + stages[0].First().Key)
	}
	opts, err := o.expressions(a.let)
	if err != nil {
		return err
	}
	if opts.Collator, err = o.collator(a.collation); err != nil {
		return err
	}
	p, err := pipeline.Compile(stages, pipeline.Options{Expr: opts})
	if err != nil {
		return err
	}
	find, err := o.frontSpec(base, p.Front())
	if err != nil {
		return err
	}
	find.Collation, find.Hint, find.Expr = a.collation, o.hintOn(a.hint), opts
	spec := &engine.ExplainSpec{Verbosity: verbosity, Pipeline: p.Empty(), Cursor: !p.Empty(), Find: find}
	if p.Empty() {
		v := o.openView()
		defer v.Close()
		return v.Explain(ctx, b, spec)
	}
	var done *pipeline.Run
	if verbosity > engine.QueryPlanner {
		if done, err = o.runExplained(ctx, p, spec.Find); err != nil {
			return err
		}
	}
	b.AppendString("explainVersion", "1")
	b.OpenArray("stages")
	b.OpenDoc("0")
	b.OpenDoc(cursorStage(p))
	v := o.openView()
	defer v.Close()
	if err := v.Explain(ctx, b, spec); err != nil {
		return err
	}
	b.Close()
	done.AppendSource(b)
	b.Close()
	p.AppendStages(b, 1, done)
	b.Close()
	return nil
}

// cursorStage is what mongod calls the stage that finds.
func cursorStage(p *pipeline.Pipeline) string {
	if p.Front().Near != nil {
		return "$geoNearCursor"
	}
	return "$cursor"
}

// runExplained runs a pipeline to see what its stages return. What its find does is found out apart from it.
func (o *operation) runExplained(ctx context.Context, p *pipeline.Pipeline, spec engine.FindSpec) (*pipeline.Run, error) {
	c, err := o.find(ctx, spec, false)
	if err != nil {
		return nil, err
	}
	defer c.close()
	src, done := p.RunCounting(resultSource{c.results}, time.Now)
	for {
		if _, err := src.Next(ctx); err == io.EOF {
			return done, nil
		} else if err != nil {
			return nil, err
		}
	}
}

// explainInView answers an explain of a find or a count on a view, as the aggregate that does it.
func explainInView(ctx context.Context, o, inner *operation, verbosity engine.Verbosity) error {
	p, err := inner.pipelineInView()
	if err != nil {
		return err
	}
	if err := inner.explainPipeline(ctx, &o.out, p, verbosity); err != nil {
		return err
	}
	collation := p.collation // which became the view's
	base, before, err := inner.baseOf(&collation)
	if err != nil {
		return err
	}
	_, name, _ := strings.Cut(base, ".")
	var b document.Builder
	b.AppendString("aggregate", name)
	b.OpenArray("pipeline")
	for i, d := range slices.Concat(before, p.pipeline) {
		b.AppendDoc(document.Index(i), d)
	}
	b.Close()
	b.AppendDoc("cursor", document.Empty)
	b.AppendDoc("collation", collation)
	o.appendExplainedAs(b.Finish())
	return nil
}

// pipelineInView returns the aggregate that does what a command asks of a view.
func (o *operation) pipelineInView() (*aggregateArgs, error) {
	switch o.row.name {
	case "find":
		a := new(findArgs)
		if err := readArguments(o, findFields, a); err != nil {
			return nil, argumentError(within(o.row.argsName(), err))
		}
		return a.inPipeline(), cmp.Or(a.check(), a.checkForView())
	case "count":
		a := new(countArgs)
		if err := readArguments(o, countFields, a); err != nil {
			return nil, argumentError(within(o.row.argsName(), err))
		}
		stages := append(viewStages(a.query, nil, a.skip, a.limit), stageOf("$count", document.String("count")))
		return &aggregateArgs{pipeline: stages, collation: a.collation, hint: a.hint}, nil
	}
	if o.row.name != "distinct" {
		return nil, o.notView()
	}
	return nil, notImplemented("explain of distinct on a view")
}
