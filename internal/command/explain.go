package command

import (
	"context"
	"net"
	"strconv"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

type explainArgs struct {
	command   document.Doc
	verbosity engine.Verbosity
}

var explainFields = newSchema("explain",
	object("explain", func(a *explainArgs) *document.Doc { return &a.command }).require(),
	field[explainArgs]{name: "verbosity", set: func(a *explainArgs, v document.Value) error {
		if v.Type != document.TypeString {
			return wrongType(v.Type, "string")
		}
		verbosity, known := verbosities[v.Str()]
		if !known {
			return &fieldError{code: mongoerr.BadValue, before: "Enumeration value '" + v.Str() + "' for field ", after: " is not a valid value."}
		}
		a.verbosity = verbosity
		return nil
	}},
).defaults(func(a *explainArgs) { a.verbosity = engine.AllPlansExecution })

var verbosities = map[string]engine.Verbosity{
	"queryPlanner": engine.QueryPlanner, "executionStats": engine.ExecutionStats, "allPlansExecution": engine.AllPlansExecution,
}

// explained are the commands that can be explained besides aggregate: how their arguments become an operation of the engine.
var explained = map[string]func(*operation) (*engine.ExplainSpec, error){
	"find":          explainedBy(findFields, explainedFind),
	"count":         explainedBy(countFields, explainedCount),
	"distinct":      explainedBy(distinctFields, explainedDistinct),
	"update":        explainedBy(updateFields, explainedUpdate),
	"delete":        explainedBy(deleteFields, explainedDelete),
	"findAndModify": explainedBy(findAndModifyFields, explainedFindAndModify),
}

func explainedBy[A any](s *schema[A], spec func(*operation, *A) (*engine.ExplainSpec, error)) func(*operation) (*engine.ExplainSpec, error) {
	return func(o *operation) (*engine.ExplainSpec, error) {
		a := new(A)
		if err := readArguments(o, s, a); err != nil {
			return nil, argumentError(within(o.row.argsName(), err))
		}
		return spec(o, a)
	}
}

func runExplain(ctx context.Context, o *operation, a *explainArgs) error {
	inner, err := o.innerOperation(a.command)
	if err != nil {
		return err
	}
	if inner.row.name == "aggregate" {
		if err := explainAggregate(ctx, o, inner, a.verbosity); err != nil {
			return err
		}
		o.appendExplained(a.command)
		return nil
	}
	explain, can := explained[inner.row.name]
	if !can {
		return mongoerr.New(mongoerr.IllegalOperation, "Cannot explain cmd: %s", inner.row.name)
	}
	if inner.ns = inner.req.DB + "." + inner.first.Value.Str(); o.d.engine.IsView(inner.ns) {
		return explainInView(ctx, o, inner, a.verbosity)
	}
	spec, err := explain(inner)
	if err != nil {
		return err
	}
	spec.Verbosity = a.verbosity
	v := o.openView()
	defer v.Close()
	if err := v.Explain(ctx, &o.out, spec); err != nil {
		return err
	}
	o.appendExplained(a.command)
	return nil
}

// innerOperation is the command that is explained.
func (o *operation) innerOperation(command document.Doc) (*operation, error) {
	if db := command.Lookup("$db"); !db.IsMissing() && db.Str() != o.req.DB {
		return nil, mongoerr.New(mongoerr.InvalidNamespace, "Mismatched $db in explain command. Expected %s but got %s", o.req.DB, db.Str())
	}
	req := *o.req
	req.Body, req.Sequences = command, nil
	inner := &operation{d: o.d, req: &req, view: o.view, started: o.started}
	inner.split()
	inner.generic.read = o.generic.read
	inner.row = o.d.table[inner.first.Key]
	switch {
	case inner.row == nil:
		return nil, mongoerr.New(mongoerr.CommandNotFound, "Explain failed due to unknown command: %s", inner.first.Key)
	case inner.row.name == "explain":
		return nil, mongoerr.New(mongoerr.IllegalOperation, "Explain cannot explain itself.")
	}
	return inner, nil
}

// appendExplained appends what follows the plans: the command and the server.
func (o *operation) appendExplained(command document.Doc) {
	var b document.Builder
	for it := command.Iter(); it.Next(); {
		if it.Key() != "$db" {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	b.AppendString("$db", o.req.DB)
	o.appendExplainedAs(b.Finish())
}

// appendExplainedAs is appendExplained for a command that another one became.
func (o *operation) appendExplainedAs(command document.Doc) {
	b := &o.out
	b.AppendDoc("command", command)
	host, port, err := net.SplitHostPort(o.d.hostName())
	number, _ := strconv.Atoi(port)
	if err != nil {
		host, number = o.d.hostName(), 27017
	}
	b.OpenDoc("serverInfo")
	b.AppendString("host", host)
	b.AppendInt32("port", int32(number))
	b.AppendString("version", mongoVersion)
	b.AppendString("gitVersion", mongoGitVersion)
	b.Close()
	b.OpenDoc("serverParameters")
	for _, p := range []struct {
		name  string
		value int32
	}{
		{"internalQueryFacetBufferSizeBytes", 100 << 20}, {"internalQueryFacetMaxOutputDocSizeBytes", 100 << 20},
		{"internalLookupStageIntermediateDocumentMaxSizeBytes", 100 << 20}, {"internalDocumentSourceGroupMaxMemoryBytes", 100 << 20},
		{"internalQueryMaxBlockingSortMemoryUsageBytes", 100 << 20}, {"internalQueryProhibitBlockingMergeOnMongoS", 0},
		{"internalQueryMaxAddToSetBytes", 100 << 20}, {"internalDocumentSourceSetWindowFieldsMaxMemoryBytes", 100 << 20},
	} {
		b.AppendInt32(p.name, p.value)
	}
	b.Close()
}

func explainedFind(o *operation, a *findArgs) (*engine.ExplainSpec, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	return &engine.ExplainSpec{Find: engine.FindSpec{
		NS: o.ns, Filter: a.filter, Sort: a.sort, Projection: a.projection, Collation: a.collation, Hint: a.hint, Skip: a.skip, Limit: a.limit,
		Min: a.min, Max: a.max, ReturnKey: a.returnKey, ShowRecord: a.showRecordID,
	}}, nil
}

func explainedCount(o *operation, a *countArgs) (*engine.ExplainSpec, error) {
	return &engine.ExplainSpec{Count: true, Find: engine.FindSpec{NS: o.ns, Filter: a.query, Collation: a.collation, Hint: a.hint, Skip: a.skip, Limit: a.limit}}, nil
}

func explainedDistinct(o *operation, a *distinctArgs) (*engine.ExplainSpec, error) {
	return &engine.ExplainSpec{Distinct: a.key, Find: engine.FindSpec{NS: o.ns, Filter: a.query, Collation: a.collation}}, nil
}

// checkExplainedBatch refuses what is not exactly one statement.
func checkExplainedBatch(o *operation, a *batchArgs, n int) error {
	if err := o.checkBatch(a, n); err != nil {
		return err
	}
	if n != 1 {
		return mongoerr.New(mongoerr.InvalidLength, "explained write batches must be of size 1")
	}
	return nil
}

func explainedUpdate(o *operation, a *updateArgs) (*engine.ExplainSpec, error) {
	if err := checkExplainedBatch(o, &a.batchArgs, len(a.updates)); err != nil {
		return nil, err
	}
	s := &a.updates[0]
	return &engine.ExplainSpec{
		Find: engine.FindSpec{NS: o.ns, Filter: s.q, Collation: s.collation, Hint: s.hint},
		Update: &engine.UpdateSpec{NS: o.ns, Filter: s.q, Update: s.u, Multi: s.multi, Upsert: s.upsert, Collation: s.collation, Hint: s.hint,
			ArrayFilters: s.arrayFilters},
	}, nil
}

func explainedDelete(o *operation, a *deleteArgs) (*engine.ExplainSpec, error) {
	if err := checkExplainedBatch(o, &a.batchArgs, len(a.deletes)); err != nil {
		return nil, err
	}
	s := &a.deletes[0]
	return &engine.ExplainSpec{
		Find:   engine.FindSpec{NS: o.ns, Filter: s.q, Collation: s.collation, Hint: s.hint},
		Delete: &engine.DeleteSpec{NS: o.ns, Filter: s.q, Multi: s.multi, Collation: s.collation, Hint: s.hint},
	}, nil
}

func explainedFindAndModify(o *operation, a *findAndModifyArgs) (*engine.ExplainSpec, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	spec := &engine.ExplainSpec{
		Modify: true, Fields: a.fields,
		Find: engine.FindSpec{NS: o.ns, Filter: a.query, Sort: a.sort, Collation: a.collation, Hint: a.hint},
	}
	if a.remove {
		spec.Delete = &engine.DeleteSpec{NS: o.ns, Filter: a.query, Sort: a.sort, Collation: a.collation, Hint: a.hint}
	} else {
		spec.Update = &engine.UpdateSpec{NS: o.ns, Filter: a.query, Update: a.update, Upsert: a.upsert, Sort: a.sort, Collation: a.collation, Hint: a.hint,
			ArrayFilters: a.arrayFilters}
	}
	return spec, nil
}
