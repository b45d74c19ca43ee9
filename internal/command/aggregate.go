package command

import (
	"context"
	"slices"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// The aggregation framework is not here yet. What is here is what drivers and shells send by themselves or for helpers
// that are not called aggregate: counting documents, and looking at the server. Everything else is refused by name.

type aggregateArgs struct {
	pipeline             []document.Doc
	cursor               cursorArgs
	explain              bool
	allowDiskUse, bypass bool
	collation, let       document.Doc
	hint                 document.Value
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
		findBool("allowDiskUse", func(a *aggregateArgs) *bool { return &a.allowDiskUse }),
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

// stage is a stage of a pipeline by its name and argument.
type stage struct {
	name string
	arg  document.Value
}

// stageNames are the stages of MongoDB 6.0 that clients may send; value: whether it is here.
var stageNames = map[string]bool{
	"$match": true, "$sort": true, "$skip": true, "$limit": true, "$count": true, "$group": true, "$currentOp": true, "$collStats": true,
	"$addFields": false, "$bucket": false, "$bucketAuto": false, "$changeStream": false, "$densify": false, "$documents": false, "$facet": false,
	"$fill": false, "$geoNear": false, "$graphLookup": false, "$indexStats": false, "$listLocalSessions": false, "$listSessions": false, "$lookup": false, "$merge": false,
	"$out": false, "$planCacheStats": false, "$project": false, "$redact": false, "$replaceRoot": false, "$replaceWith": false, "$sample": false,
	"$search": false, "$set": false, "$setWindowFields": false, "$shardedDataDistribution": false, "$sortByCount": false, "$unionWith": false,
	"$unset": false, "$unwind": false,
}

func parseStages(pipeline []document.Doc) ([]stage, error) {
	var list []stage
	for _, d := range pipeline {
		if d.Len() != 1 {
			return nil, mongoerr.New(40323, "A pipeline stage specification object must contain exactly one field.")
		}
		e := d.First()
		here, known := stageNames[e.Key]
		switch {
		case !known:
			return nil, mongoerr.New(40324, "Unrecognized pipeline stage name: '%s'", e.Key)
		case !here:
			return nil, notImplemented("the pipeline stage " + e.Key)
		}
		list = append(list, stage{e.Key, e.Value})
	}
	return list, nil
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
				ctx, cancel = context.WithTimeoutCause(ctx, time.Duration(ms)*time.Millisecond, errMaxTime)
				defer cancel()
			}
		} else {
			return argumentError(within("aggregate", within("maxTimeMS", wrongType(v.Type, "long", "int", "decimal", "double"))))
		}
	}
	stages, err := parseStages(a.pipeline)
	if err != nil {
		return err
	}
	c, err := o.runPipeline(ctx, a, stages)
	if err != nil {
		return err
	}
	if !a.cursor.given {
		return o.answerInline(ctx, c)
	}
	return o.answerWithCursor(ctx, c, cursorReply{ns: o.ns, batch: clampBatch(a.cursor.batchSize)})
}

func (o *operation) checkAggregate(a *aggregateArgs) error {
	switch {
	case a.explain:
		return notImplemented("explain")
	case !a.cursor.given && !o.req.Legacy:
		return mongoerr.New(mongoerr.FailedToParse, "The 'cursor' option is required, except for aggregate with the explain argument")
	case o.coll != "":
		return nil
	case len(a.pipeline) == 0:
		return mongoerr.New(mongoerr.InvalidNamespace, "{aggregate: 1} is not valid for an empty pipeline.")
	}
	name := a.pipeline[0].First().Key
	if _, known := stageNames[name]; known && name != "$currentOp" && name != "$changeStream" && name != "$documents" && name != "$listLocalSessions" {
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

// runPipeline runs stages: the first makes documents, the rest filter, order, cut or count them.
func (o *operation) runPipeline(ctx context.Context, a *aggregateArgs, stages []stage) (*openCursor, error) {
	var name string
	if len(stages) > 0 {
		name = stages[0].name
	}
	switch name {
	case "$currentOp":
		return o.pipelineOver(ctx, stages[1:], o.currentOpDocuments)
	case "$collStats":
		return o.pipelineOver(ctx, stages[1:], func() ([]document.Doc, error) { return o.collStatsDocument(stages[0].arg) })
	}
	return o.pipelineOnCollection(ctx, a, stages)
}

// pipelineOnCollection runs stages as one find, with a count at its end.
func (o *operation) pipelineOnCollection(ctx context.Context, a *aggregateArgs, stages []stage) (*openCursor, error) {
	spec := engine.FindSpec{NS: o.ns, Collation: a.collation, Hint: a.hint}
	rest, err := foldStages(&spec, stages)
	if err != nil {
		return nil, err
	}
	if len(rest) == 0 {
		return o.find(ctx, outliving(spec), false)
	}
	count, err := parseCounting(rest)
	if err != nil {
		return nil, err
	}
	n, err := o.openView().Count(ctx, spec)
	if err != nil {
		return nil, err
	}
	return &openCursor{results: &listed{count.document(n)}}, nil
}

// foldStages makes one find of the stages at the beginning, as far as their order is the one in which a find does things:
// filter, sort, skip, limit. It returns the rest.
func foldStages(spec *engine.FindSpec, stages []stage) (rest []stage, err error) {
	var filters []document.Doc
	step := 0 // of filter, sort, skip, limit
	for i, s := range stages {
		at := slices.Index([]string{"$match", "$sort", "$skip", "$limit"}, s.name)
		if at < 0 {
			rest = stages[i:]
			break
		}
		if at < step || at == step && at > 0 && i > 0 && stages[i-1].name == s.name {
			return nil, notImplemented("the pipeline stage " + s.name + " behind " + stages[i-1].name)
		}
		step = at
		switch s.name {
		case "$match":
			if s.arg.Type != document.TypeDocument {
				return nil, mongoerr.New(15959, "the match filter must be an expression in an object")
			}
			filters = append(filters, s.arg.Doc())
		case "$sort":
			switch {
			case s.arg.Type != document.TypeDocument:
				return nil, mongoerr.New(15973, "the $sort key specification must be an object")
			case s.arg.Doc().IsEmpty():
				return nil, mongoerr.New(15976, "$sort stage must have at least one sort key")
			}
			spec.Sort = s.arg.Doc()
		case "$skip":
			spec.Skip, err = stageNumber(s, 5107200)
		case "$limit":
			if spec.Limit, err = stageNumber(s, 5107201); err == nil && spec.Limit == 0 {
				err = mongoerr.New(15958, "the limit must be positive")
			}
		}
		if err != nil {
			return nil, err
		}
	}
	spec.Filter = allOf(filters)
	return rest, nil
}

// allOf returns the filter that wants what all filters want.
func allOf(filters []document.Doc) document.Doc {
	switch len(filters) {
	case 0:
		return nil
	case 1:
		return filters[0]
	}
	var b document.Builder
	b.OpenArray("$and")
	for i, f := range filters {
		b.AppendDoc(document.Index(i), f)
	}
	b.Close()
	return b.Finish()
}

func stageNumber(s stage, code mongoerr.Code) (int64, error) {
	const invalid = "invalid argument to %s stage: Expected %s in: %s: %s"
	n, exact := s.arg.AsInt64()
	switch {
	case !s.arg.IsNumber():
		return 0, mongoerr.New(code, invalid, s.name, "a number", s.name, s.arg.Shell())
	case !exact:
		return 0, mongoerr.New(code, "invalid argument to %s stage: Expected an integer: %s: %s", s.name, s.name, s.arg.Shell())
	case n < 0:
		return 0, mongoerr.New(code, invalid, s.name, "a non-negative number", s.name, s.arg.Shell())
	}
	return n, nil
}

// counting is the end of a pipeline that counts: {$count: name}, or {$group: {_id: constant, name: {$sum: number}}}, which is
// what drivers make of countDocuments.
type counting struct {
	id   document.Value // of $group; missing for $count
	name string
	by   int64
}

func parseCounting(stages []stage) (counting, error) {
	s := stages[0]
	if len(stages) > 1 {
		return counting{}, notImplemented("the pipeline stage " + stages[1].name + " behind " + s.name)
	}
	switch s.name {
	case "$count":
		return parseCountStage(s.arg)
	case "$group":
		if c, ok := parseCountGroup(s.arg.Doc()); ok {
			return c, nil
		}
		return counting{}, notImplemented("$group other than {_id: <constant>, <field>: {$sum: <integer>}}")
	}
	return counting{}, mongoerr.New(40602, "%s is only valid as the first stage in a pipeline.", s.name)
}

func parseCountStage(v document.Value) (counting, error) {
	name := v.Str()
	switch {
	case v.Type != document.TypeString:
		return counting{}, mongoerr.New(40156, "the count field must be a non-empty string")
	case name == "":
		return counting{}, mongoerr.New(40157, "the count field must be a non-empty string")
	case name[0] == '$':
		return counting{}, mongoerr.New(40158, "the count field cannot be a $-prefixed path")
	case slices.Contains([]byte(name), '.'):
		return counting{}, mongoerr.New(40160, "the count field cannot contain '.'")
	}
	return counting{name: name, by: 1}, nil
}

func parseCountGroup(d document.Doc) (c counting, ok bool) {
	if d.Len() != 2 {
		return c, false
	}
	for it := d.Iter(); it.Next(); {
		v := it.Value()
		if it.Key() == "_id" {
			constant := v.IsNumber() || v.Type == document.TypeNull || v.Type == document.TypeBool
			if !constant {
				return c, false
			}
			c.id = v
			continue
		}
		sum := v.Doc().First()
		n, exact := sum.Value.AsInt64()
		if sum.Key != "$sum" || v.Doc().Len() != 1 || !exact || sum.Value.Type != document.TypeInt32 {
			return c, false
		}
		c.name, c.by = it.Key(), n
	}
	return c, !c.id.IsMissing() && c.name != ""
}

// document returns the count as the stage's output: no document at all if there was nothing to count.
func (c counting) document(n int64) []document.Doc {
	if n == 0 {
		return nil
	}
	var b document.Builder
	b.AppendValue("_id", c.id)
	appendCount(&b, c.name, n*c.by)
	return []document.Doc{b.Finish()}
}

// pipelineOver runs stages over documents that are at hand.
func (o *operation) pipelineOver(ctx context.Context, stages []stage, documents func() ([]document.Doc, error)) (*openCursor, error) {
	docs, err := documents()
	if err != nil {
		return nil, err
	}
	spec := engine.FindSpec{}
	rest, err := foldStages(&spec, stages)
	if err != nil {
		return nil, err
	}
	if spec.Sort != nil {
		return nil, notImplemented("$sort behind the first stage of this pipeline")
	}
	filter, err := query.CompileFilter(orEmpty(spec.Filter), query.FilterOptions{})
	if err != nil {
		return nil, err
	}
	docs = slices.DeleteFunc(docs, func(d document.Doc) bool { return !filter.Match(d) })
	docs = docs[min(spec.Skip, int64(len(docs))):]
	if spec.Limit > 0 {
		docs = docs[:min(spec.Limit, int64(len(docs)))]
	}
	if len(rest) > 0 {
		count, err := parseCounting(rest)
		if err != nil {
			return nil, err
		}
		docs = count.document(int64(len(docs)))
	}
	return &openCursor{results: &listed{docs}}, nil
}

// currentOpDocuments is the stage $currentOp.
func (o *operation) currentOpDocuments() ([]document.Doc, error) {
	if o.coll != "" || o.req.DB != "admin" {
		return nil, mongoerr.New(mongoerr.InvalidNamespace, "$currentOp must be run against the 'admin' database with {aggregate: 1}")
	}
	var docs []document.Doc
	now, host := time.Now(), o.d.hostName()
	for _, c := range o.d.connections() {
		c.withCurrent(func(running *operation) { docs = append(docs, running.describe(host, now)) })
	}
	return docs, nil
}
