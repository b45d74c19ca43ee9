package command

import (
	"cmp"
	"context"
	"io"
	"slices"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/pipeline"
	"github.com/mortondb/morton/internal/timeseries"
)

// The command aggregate. What stages do to documents is package pipeline's; where the first documents come from is here: a collection,
// what an administrator asks for, or nowhere at all. Stages that are not there yet are refused by name.

type aggregateArgs struct {
	pipeline        []document.Doc
	cursor          cursorArgs
	explain         bool
	diskUse, bypass bool
	hasDiskUse      bool
	collation, let  document.Doc
	hint            document.Value
}

var aggregateFields = func() *schema[aggregateArgs] {
	s := newSchema("aggregate",
		field[aggregateArgs]{name: "pipeline", nullable: true, set: func(a *aggregateArgs, v document.Value) error {
			if v.Type != document.TypeArray {
				return mongoerr.New(mongoerr.TypeMismatch, "'pipeline' option must be specified as an array")
			}
			for it := v.Doc().Iter(); it.Next(); {
				if it.Value().Type != document.TypeDocument {
					return mongoerr.New(mongoerr.TypeMismatch, "Each element of the 'pipeline' array must be an object")
				}
				a.pipeline = append(a.pipeline, it.Value().Doc())
			}
			return nil
		}}.require(),
		field[aggregateArgs]{name: "cursor", nullable: true, set: func(a *aggregateArgs, v document.Value) error {
			if v.Type != document.TypeDocument {
				return mongoerr.New(mongoerr.TypeMismatch, "cursor field must be missing or an object")
			}
			a.cursor.given = true
			return cursorFields.readNamed(v.Doc(), &a.cursor)
		}},
		field[aggregateArgs]{name: "explain", nullable: true, set: func(a *aggregateArgs, v document.Value) error {
			if v.Type != document.TypeBool {
				return mongoerr.New(mongoerr.TypeMismatch, "explain must be a boolean")
			}
			a.explain = v.Bool()
			return nil
		}},
		findBool("allowDiskUse", func(a *aggregateArgs) *bool { return &a.diskUse }).then(func(a *aggregateArgs) error {
			a.hasDiskUse = true
			return nil
		}),
		safeBool("bypassDocumentValidation", func(a *aggregateArgs) *bool { return &a.bypass }),
		collation(object("collation", func(a *aggregateArgs) *document.Doc { return &a.collation }), func(a *aggregateArgs) *document.Doc { return &a.collation }),
		hint("hint", func(a *aggregateArgs) *document.Value { return &a.hint }),
		object("let", func(a *aggregateArgs) *document.Doc { return &a.let }),
		safeBool("fromMongos", func(a *aggregateArgs) *bool { return &a.bypass }),
	).defaults(func(a *aggregateArgs) { a.cursor.batchSize = firstBatchDocs })
	s.target = aggregateTarget
	return s
}()

// aggregateTarget takes the collection, or 1 for a pipeline that is about none.
func aggregateTarget(o *operation, v document.Value) error {
	if v.IsNumber() {
		if n, exact := v.AsInt64(); !exact || n != 1 {
			return mongoerr.New(mongoerr.FailedToParse, "Invalid command format: the 'aggregate' field must specify a collection name or 1")
		}
		o.coll, o.ns = "", o.req.DB+".$cmd.aggregate"
		return nil
	}
	return o.setTarget(v, mongoerr.TypeMismatch, "collection name has invalid type: %s")
}

// stageNames are the stages of MongoDB 6.0 that clients may send. Those that are first tell where the documents come from.
var stageNames = map[string]stageKind{
	"$currentOp": stageFirst, "$collStats": stageFirst, "$documents": stageFirst,
	"$changeStream": stageFirst, "$indexStats": stageFirst, "$listLocalSessions": stageFirst, "$listSessions": stageFirst,
	"$planCacheStats": stageFirst, "$search": stageFirst, "$shardedDataDistribution": stageFirst,
}

type stageKind int

const (
	stageAnywhere stageKind = iota + 1
	stageFirst
)

func init() {
	for _, name := range []string{"$addFields", "$bucket", "$bucketAuto", "$count", "$densify", "$facet", "$fill", "$geoNear", "$graphLookup", "$group", "$limit", "$lookup", "$match",
		"$merge", "$out", "$project", "$redact", "$replaceRoot", "$replaceWith", "$sample", "$set", "$setWindowFields", "$skip", "$sort", "$sortByCount",
		"$unionWith", "$unset", "$unwind", timeseries.Unpack} {
		stageNames[name] = stageAnywhere
	}
}

// knownStage reports whether there is such a stage.
func knownStage(name string) bool { return stageNames[name] != 0 }

// sources are the first stages that are here: they make the documents.
var sources = map[string]func(o *operation, arg document.Value) ([]document.Doc, error){
	"$currentOp":  func(o *operation, arg document.Value) ([]document.Doc, error) { return o.currentOpDocuments(arg) },
	"$collStats":  func(o *operation, arg document.Value) ([]document.Doc, error) { return o.collStatsDocument(arg) },
	"$indexStats": func(o *operation, arg document.Value) ([]document.Doc, error) { return o.indexStatsDocuments(arg) },
}

// checkStages refuses stages that there are not, or not here.
func checkStages(stages []document.Doc) error {
	for i, d := range stages {
		if d.Len() != 1 {
			return mongoerr.New(40323, "A pipeline stage specification object must contain exactly one field.")
		}
		name := d.First().Key
		switch kind := stageNames[name]; {
		case kind == 0:
			return mongoerr.New(40324, "Unrecognized pipeline stage name: '%s'", name)
		case kind == stageFirst && i > 0:
			return mongoerr.New(40602, "%s is only valid as the first stage in a pipeline", name)
		case sources[name] == nil && !pipeline.Runs(name):
			return notImplemented("the pipeline stage " + name)
		}
	}
	return nil
}

func runAggregate(ctx context.Context, o *operation, a *aggregateArgs) error {
	if err := o.checkAggregate(a); err != nil {
		return err
	}
	if v := o.generic.maxTimeMS; !v.IsNullish() {
		if v.IsNumber() {
			ms, _ := v.ToInt64()
			if ms < 0 {
				return mongoerr.New(51024, "BSON field 'maxTimeMS' value must be >= 0, actual value '%d'", ms)
			}
			if ms > 0 {
				var cancel context.CancelFunc
				var err error
				if ctx, cancel, err = o.limitTime(ctx, time.Duration(ms)*time.Millisecond); err != nil {
					return err
				}
				defer cancel()
			}
		} else {
			return argumentError(within("aggregate", within("maxTimeMS", wrongType(v.Type, "long", "int", "decimal", "double"))))
		}
	}
	if err := cmp.Or(o.checkStreamConcern(a), checkStages(a.pipeline)); err != nil {
		return err
	}
	if a.explain {
		if err := o.explainPipeline(ctx, &o.out, a, engine.QueryPlanner); err != nil {
			return err
		}
		o.appendExplained(o.req.Body)
		return nil
	}
	c, err := o.openPipeline(ctx, a)
	if err != nil {
		return err
	}
	if !a.cursor.given {
		return o.answerInline(ctx, c)
	}
	return o.answerWithCursor(ctx, c, cursorReply{ns: o.ns, batch: clampBatch(a.cursor.batchSize)})
}

// checkStreamConcern refuses a stream of changes that are not to be a majority's.
func (o *operation) checkStreamConcern(a *aggregateArgs) error {
	if len(a.pipeline) == 0 || a.pipeline[0].First().Key != "$changeStream" || o.generic.readConcern.Doc() == nil {
		return nil
	}
	rc, given, err := parseReadConcern(o.generic.readConcern.Doc())
	if err != nil || rc.level == readMajority || given == "" {
		return err
	}
	return mongoerr.New(mongoerr.InvalidOptions, "Command aggregate does not support { readConcern: { %sprovenance: \"clientSupplied\" } } :: caused by :: "+
		"Aggregation stage $changeStream cannot run with a readConcern other than 'majority'. Current readConcern: %s", given, rc.level)
}

func (o *operation) checkAggregate(a *aggregateArgs) error {
	switch {
	case !a.cursor.given && !a.explain && !o.req.Legacy:
		return mongoerr.New(mongoerr.FailedToParse, "The 'cursor' option is required, except for aggregate with the explain argument")
	case o.coll != "":
		return nil
	case len(a.pipeline) == 0:
		return mongoerr.New(mongoerr.InvalidNamespace, "{aggregate: 1} is not valid for an empty pipeline.")
	}
	name := a.pipeline[0].First().Key
	if knownStage(name) && name != "$currentOp" && name != "$changeStream" && name != "$documents" && name != "$listLocalSessions" {
		return mongoerr.New(mongoerr.InvalidNamespace, "{aggregate: 1} is not valid for '%s'; a collection is required.", name)
	}
	return nil
}

// answerInline is the reply that drivers before 2014 expect: all results in one array.
func (o *operation) answerInline(ctx context.Context, c *openCursor) error {
	defer c.close()
	_, err := c.appendBatch(ctx, &o.out, "result", 1<<30)
	if err == nil && !c.ended {
		err = mongoerr.New(16389, "aggregation result exceeds maximum document size (16MB)")
	}
	return err
}

// openPipeline opens a cursor on what the pipeline makes.
func (o *operation) openPipeline(ctx context.Context, a *aggregateArgs) (*openCursor, error) {
	base, before, err := o.baseOf(&a.collation)
	if err != nil {
		return nil, err
	}
	if err := checkStages(before); err != nil {
		return nil, err
	}
	opts, err := o.expressions(a.let)
	if err != nil {
		return nil, err
	}
	if opts.Collator, err = o.collator(a.collation); err != nil {
		return nil, err
	}
	if len(a.pipeline) > 0 && sources[a.pipeline[0].First().Key] != nil {
		before = nil // it is asked of the collection or the view itself
	}
	stages := slices.Concat(before, a.pipeline)
	for i, d := range stages { // the cursor outlives the command
		stages[i] = d.Clone()
	}
	if len(stages) > 0 {
		if first := stages[0].First(); sources[first.Key] != nil {
			docs, err := sources[first.Key](o, first.Value)
			if err != nil {
				return nil, err
			}
			return o.pipelineOver(&openCursor{results: &listed{docs}}, stages[1:], pipeline.Options{Expr: opts, Natural: true})
		}
	}
	p, err := pipeline.Compile(stages, pipeline.Options{Expr: opts})
	if err != nil {
		return nil, err
	}
	spec, err := o.frontSpec(base, p.Front())
	if err != nil {
		return nil, err
	}
	spec.Collation, spec.Hint, spec.Expr = a.collation, o.hintOn(a.hint), opts
	spec.NoDisk = o.d.params.noDisk.Load()
	if a.hasDiskUse {
		spec.NoDisk = !a.diskUse
	}
	spec = outliving(spec)
	if p.OnlyCounts() {
		spec.Sort = nil
		n, err := o.openView().Count(ctx, spec)
		if err != nil {
			return nil, executing(ctx, aggregating, err)
		}
		return piped(&openCursor{results: &empties{n}}, p), nil
	}
	c, err := o.find(ctx, spec, false)
	if err != nil {
		return nil, err
	}
	c.nothing = false
	f := c.results.(*found)
	if f.where = aggregating; p.Empty() {
		return c, nil
	}
	f.where = "" // said by the pipeline
	return piped(c, p), nil
}

// frontSpec returns the find that does what the stages at the beginning ask for.
func (o *operation) frontSpec(base string, front pipeline.Front) (spec engine.FindSpec, err error) {
	spec = engine.FindSpec{NS: base, Filter: front.Filter, Sort: front.Sort, Skip: front.Skip, Limit: front.Limit, NoNear: front.Near == nil, Scores: front.Scores}
	if front.Near == nil {
		return spec, nil
	}
	key := front.Near.Key
	v := o.openView()
	defer v.Close()
	if coll := v.Catalog.Collection(base); coll == nil {
		return spec, mongoerr.New(mongoerr.NamespaceNotFound, "$geoNear requires a geo index to run, but %s does not exist", base)
	} else if key == "" {
		key, err = coll.OnlyPlace()
	}
	spec.Filter = front.Near.Filter(key)
	return spec, err
}

// empties is as many empty documents as were counted.
type empties struct{ left int64 }

func (e *empties) next(context.Context) (document.Doc, error) {
	if e.left == 0 {
		return nil, io.EOF
	}
	e.left--
	return document.Empty, nil
}

func (e *empties) exhausted() bool { return e.left == 0 }
func (e *empties) suspend()        {}
func (e *empties) resume() error   { return nil }
func (e *empties) close()          {}

// pipelineOver runs stages over the documents of c.
func (o *operation) pipelineOver(c *openCursor, stages []document.Doc, opts pipeline.Options) (*openCursor, error) {
	p, err := pipeline.Compile(stages, opts)
	if err != nil {
		return nil, err
	}
	return piped(c, p), nil
}

// pipedResults is what a pipeline makes of the results of something else.
type pipedResults struct {
	results
	out pipeline.Source
}

func piped(c *openCursor, p *pipeline.Pipeline) *openCursor {
	return &openCursor{results: &pipedResults{c.results, p.Run(resultSource{c.results})}}
}

// resultSource is results as the source of a pipeline.
type resultSource struct{ r results }

func (s resultSource) Next(ctx context.Context) (document.Doc, error) { return s.r.next(ctx) }

// Meta implements pipeline.Annotated.
func (s resultSource) Meta() *expr.Meta {
	if f, ok := s.r.(*found); ok {
		return f.it.Meta()
	}
	return nil
}

func (p *pipedResults) next(ctx context.Context) (document.Doc, error) {
	doc, err := p.out.Next(ctx)
	return doc, executing(ctx, aggregating, err)
}

// aggregating is what errors begin with that documents cause in a pipeline.
const aggregating = "PlanExecutor error during aggregation"

func (p *pipedResults) exhausted() bool { return false }

// currentOpDocuments is the stage $currentOp.
func (o *operation) currentOpDocuments(arg document.Value) ([]document.Doc, error) {
	if arg.Type != document.TypeDocument {
		return nil, mongoerr.New(mongoerr.TypeMismatch, "$currentOp options must be specified in an object, but found: %s", arg.Type)
	}
	for it := arg.Doc().Iter(); it.Next(); {
		switch it.Key() {
		case "allUsers", "idleConnections", "idleSessions", "idleCursors", "localOps", "truncateOps", "backtrace", "targetAllNodes":
			if it.Value().Type != document.TypeBool {
				return nil, mongoerr.New(mongoerr.FailedToParse, "The '%s' parameter of the $currentOp stage must be a boolean value, but found: %s", it.Key(), it.Value().Type)
			}
		default:
			return nil, mongoerr.New(mongoerr.FailedToParse, "Unrecognized option '%s' in $currentOp stage.", it.Key())
		}
	}
	if o.coll != "" || o.req.DB != "admin" {
		return nil, mongoerr.New(mongoerr.InvalidNamespace, "$currentOp must be run against the 'admin' database with {aggregate: 1}")
	}
	var docs []document.Doc
	now, host := time.Now(), o.d.hostName()
	for _, c := range o.d.connections() {
		c.withCurrent(func(running *operation) { docs = append(docs, running.describe(host, now)) })
	}
	return append(docs, o.d.buildDocuments(host)...), nil
}
