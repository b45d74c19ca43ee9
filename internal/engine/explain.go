package engine

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// Verbosity is how much an explain tells.
type Verbosity int

// The verbosities: the plans; what the best one did; what the others did on trial.
const (
	QueryPlanner Verbosity = iota
	ExecutionStats
	AllPlansExecution
)

// ExplainSpec is an operation to be explained. What it would write is not written.
type ExplainSpec struct {
	Find      FindSpec
	Verbosity Verbosity

	Count    bool         // a count
	Distinct string       // the key of a distinct
	Update   *UpdateSpec  // an update, or a findAndModify that updates
	Delete   *DeleteSpec  // a deletion, or a findAndModify that removes
	Modify   bool         // it is a findAndModify
	Fields   document.Doc // of findAndModify
	Pipeline bool         // a find that a whole pipeline became
	Cursor   bool         // a find whose documents a pipeline takes
}

// explanation is an explain under way.
type explanation struct {
	spec   *ExplainSpec
	it     *Iterator
	filter *query.Filter
	best   *plan.Plan // nil: there is nothing to plan
	trial  []*candidate
	plans  []*plan.Plan // that were rejected

	scan  *plan.Plan // of a distinct that reads an entry for each value
	field int

	// What running the plan did.
	src      source
	ran      bool
	matched  int64 // documents that came through the filter
	returned int64
	skipped  int64
	sorted   int64 // bytes
	took     time.Duration
}

// Explain appends how an operation is done: queryPlanner, executionStats.
func (v *View) Explain(ctx context.Context, b *document.Builder, spec *ExplainSpec) error {
	x := &explanation{spec: spec, it: v.iterator(spec.Find)}
	if spec.single() {
		x.it.left = 1
	}
	x.it.spec.counts = spec.Count
	var err error
	if x.filter, err = x.it.compile(); err != nil {
		return err
	}
	if err := x.choose(ctx, v); err != nil {
		return err
	}
	if spec.Verbosity > QueryPlanner {
		began := time.Now()
		if err := x.run(ctx, v); err != nil {
			return errors.Join(err, x.src.close())
		}
		x.took = time.Since(began)
		if err := x.src.close(); err != nil {
			return err
		}
	}
	x.append(b)
	return nil
}

// single reports whether the operation is about one document at most.
func (s *ExplainSpec) single() bool {
	return s.Modify || s.Update != nil && !s.Update.Multi || s.Delete != nil && !s.Delete.Multi
}

// choose plans, as [View.access] does.
func (x *explanation) choose(ctx context.Context, v *View) error {
	it := x.it
	if x.src = (nothing{}); IsVirtual(it.spec.NS) {
		return nil
	}
	if it.coll = v.Catalog.Collection(it.spec.NS); it.coll == nil {
		return nil
	}
	it.setRequest(x.filter)
	list, err := plan.Candidates(it.request.planned())
	if err != nil {
		return planError(it.spec.NS, x.filter, it.spec.Sort, it.spec.Projection, it.spec.Collation, err)
	}
	if x.spec.Distinct != "" {
		if x.scan, x.field = plan.Distinct(it.request.planned(), x.spec.Distinct); x.scan != nil {
			return nil
		}
	}
	if len(list) == 1 {
		x.best = list[0]
		return nil
	}
	if x.trial, err = v.trial(ctx, &it.request, list); err != nil {
		return err
	}
	x.best = x.trial[0].plan
	for i, c := range x.trial {
		err = errors.Join(err, c.src.close())
		if i > 0 {
			x.plans = append(x.plans, c.plan)
		}
	}
	return err
}

// fastCount reports whether the operation counts a whole collection.
func (x *explanation) fastCount() bool {
	return x.spec.Count && x.filter.MatchesAll() && x.it.spec.Hint.IsMissing()
}

// run runs the plan to its end.
func (x *explanation) run(ctx context.Context, v *View) (err error) {
	x.ran = true
	switch {
	case x.it.coll == nil && !IsVirtual(x.it.spec.NS):
		return nil
	case x.fastCount():
		n, _ := x.it.coll.Count()
		x.skipped = min(x.it.spec.Skip, n)
		x.returned = n - x.skipped
		if x.it.spec.Limit > 0 {
			x.returned = min(x.returned, x.it.spec.Limit)
		}
		return nil
	case x.scan != nil:
		return x.runDistinct(ctx, v)
	case x.best == nil:
		return x.runVirtual(ctx)
	}
	w, err := v.open(&x.it.request, x.best)
	if err != nil {
		return err
	}
	x.src = w.src
	countAsMongod(w.src)
	return x.drain(ctx)
}

// countAsMongod makes scans count keys as mongod does.
func countAsMongod(src source) {
	var branches []*branchSource
	switch s := src.(type) {
	case *indexSource:
		s.counting = true
	case *unionSource:
		branches = s.branches
	case *mergeSource:
		branches = s.branches
	case *chainSource:
		for _, part := range s.parts {
			countAsMongod(part.src)
		}
	}
	for _, b := range branches {
		b.counting = true
	}
}

// runVirtual runs a find on a collection that has no records of its own.
func (x *explanation) runVirtual(ctx context.Context) error {
	it := x.it
	if err := it.openVirtual(x.filter); err != nil {
		return err
	}
	x.src, x.best = it.src, &plan.Plan{Kind: plan.CollScan, Residual: it.keep, ProvidesSort: it.sort == nil}
	return x.drain(ctx)
}

func (x *explanation) drain(ctx context.Context) error {
	limit := x.it.left
	for n := int64(1); ; n++ {
		if err := checkContext(ctx, n); err != nil {
			return err
		}
		_, doc, ok, err := x.src.next(ctx)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if ok, err := meets(ctx, x.best.Residual, doc); err != nil {
			return err
		} else if !ok {
			continue
		}
		x.matched++
		if !x.best.ProvidesSort {
			x.sorted += int64(len(doc))
			continue
		}
		if x.skipped < x.it.skip {
			x.skipped++
			continue
		}
		if x.returned++; x.returned == limit {
			return nil
		}
	}
	if !x.best.ProvidesSort {
		x.skipped = min(x.it.skip, x.matched)
		x.returned = x.matched - x.skipped
		if limit > 0 {
			x.returned = min(x.returned, limit)
		}
	}
	return nil
}

func (x *explanation) runDistinct(ctx context.Context, v *View) error {
	s, err := newIndexSource(v, x.it.coll, x.scan)
	if err != nil {
		return err
	}
	x.src = s
	for {
		ok, err := s.advanceDistinct(ctx, x.field, true)
		if err != nil || !ok {
			s.stats.eof = true
			return err
		}
		x.matched++
		x.returned++
	}
}

// append appends the answer.
func (x *explanation) append(b *document.Builder) {
	if !x.spec.Cursor {
		b.AppendString("explainVersion", "1")
	}
	b.OpenDoc("queryPlanner")
	b.AppendString("namespace", x.it.spec.NS)
	b.AppendBool("indexFilterSet", false)
	if x.showsQuery() {
		b.AppendDoc("parsedQuery", x.filter.Parsed())
		if x.it.coll != nil {
			b.AppendString("queryHash", x.hash(false))
			b.AppendString("planCacheKey", x.hash(true))
		}
	}
	if x.spec.Pipeline {
		b.AppendBool("optimizedPipeline", true)
	}
	for _, name := range []string{"maxIndexedOrSolutionsReached", "maxIndexedAndSolutionsReached", "maxScansToExplodeReached"} {
		b.AppendBool(name, false)
	}
	b.OpenDoc("winningPlan")
	root := x.stages(x.best, x.src)
	root.append(b, false)
	b.Close()
	b.OpenArray("rejectedPlans")
	for i, p := range x.plans {
		b.OpenDoc(document.Index(i))
		x.rejected().stages(p, nil).append(b, false)
		b.Close()
	}
	b.Close()
	b.Close()
	if x.ran {
		x.appendStats(b, root)
	}
}

// showsQuery reports whether mongod parses the filter at all: it does not where it has a short way.
func (x *explanation) showsQuery() bool {
	writes := x.spec.Update != nil || x.spec.Delete != nil
	switch {
	case x.spec.Count && (x.it.coll == nil || x.fastCount()), writes && x.it.coll == nil:
		return false
	}
	return !writes || x.best == nil || x.best.Kind != plan.IDPoint || x.best.Residual != nil
}

// rejected is the explanation of a plan that did not run.
func (x *explanation) rejected() *explanation {
	y := *x
	y.src, y.matched, y.returned, y.skipped, y.ran = nil, 0, 0, 0, false
	return &y
}

func (x *explanation) appendStats(b *document.Builder, root *stage) {
	b.OpenDoc("executionStats")
	b.AppendBool("executionSuccess", true)
	x.appendTotals(b, x.src, root, func() { b.AppendInt32("executionTimeMillis", int32(x.took.Milliseconds())) })
	b.OpenDoc("executionStages")
	root.append(b, true)
	b.Close()
	if x.spec.Verbosity == AllPlansExecution {
		b.OpenArray("allPlansExecution")
		for i, c := range x.trial {
			b.OpenDoc(document.Index(i))
			y := x.rejected()
			y.matched, y.returned = c.advanced, c.advanced
			root := y.stages(c.plan, c.src)
			y.appendTotals(b, c.src, root, func() { b.AppendInt32("executionTimeMillisEstimate", 0) })
			b.AppendDouble("score", c.score)
			b.OpenDoc("executionStages")
			root.append(b, true)
			b.Close()
			b.Close()
		}
		b.Close()
	}
	b.Close()
}

func (x *explanation) appendTotals(b *document.Builder, src source, root *stage, took func()) {
	appendNumber(b, "nReturned", root.run.advanced)
	took()
	keys, docs := examined(src)
	if root.scansCounting() {
		keys++ // mongod looks at the entry behind the last one, too
	}
	appendNumber(b, "totalKeysExamined", keys)
	appendNumber(b, "totalDocsExamined", docs)
}

// hash is the query's shape in eight digits, and with the indexes that there are.
func (x *explanation) hash(indexes bool) string {
	h := fnv.New32a()
	hashShape(h.Write, x.filter.Root())
	for _, d := range []document.Doc{x.it.spec.Sort, x.it.spec.Projection, x.it.spec.Collation} {
		_, _ = h.Write(d)
		_, _ = h.Write([]byte{0xff})
	}
	for _, ix := range x.it.coll.Indexes {
		if indexes && ix.Ready && !ix.Hidden {
			_, _ = h.Write(ix.Spec)
		}
	}
	return fmt.Sprintf("%08X", h.Sum32())
}

func hashShape(write func([]byte) (int, error), n *query.Node) {
	_, _ = write([]byte(string(n.Op) + "\x00" + n.Path + "\x00"))
	for _, c := range n.Children {
		hashShape(write, c)
	}
	_, _ = write([]byte{0xff})
}
