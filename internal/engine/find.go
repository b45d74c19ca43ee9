package engine

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// FindSpec is what to find. The documents may alias the command's bytes; an iterator that outlives the command copies them
// ([Iterator.Suspend]).
type FindSpec struct {
	NS         string
	Filter     document.Doc // nil: everything
	Sort       document.Doc // nil: any order
	Projection document.Doc // nil: whole documents
	Collation  document.Doc
	Hint       document.Value
	Min, Max   document.Doc // bounds of the hinted index: from the first, before the second; empty: none
	Expr       expr.Options // of expressions; the collator comes from the collection and Collation
	Skip       int64
	Limit      int64 // 0: none
	Tailable   bool
	NoDisk     bool // a sort that does not fit into memory fails

	NoNear     bool // a $near in the filter is refused
	ReturnKey  bool // documents are the keys of the index that leads to them
	ShowRecord bool // documents have the number of their record as a further field
	Scores     bool // what documents score in a text search is asked for with [Iterator.Meta]

	counts bool // documents are only counted
}

// Iterator returns the documents that a find found, one by one. Not for several goroutines at once.
type Iterator struct {
	view  *View // nil while suspended
	coll  *Collection
	spec  FindSpec
	src   source
	keep  *query.Filter // what a document must still match; nil if nothing
	proj  *query.Projection
	eval  expr.Evaluator
	sort  *query.Sort // to be done here; nil if there is none or the source has it
	skip  int64
	left  int64 // how many may still be returned; -1: any number
	out   []byte
	shown []byte // out with a record's number
	found int64  // documents looked at

	sorted  *sorter     // what is sorted, once it is
	noted   expr.Meta   // what is known of the document that was returned last
	order   *query.Sort // that was asked for; nil: none
	wants   wanted      // what is to be known of documents beside their fields
	rid     uint64      // of the document that the source is at
	at      document.Doc
	current document.Doc // that is projected
	scored  bool         // what documents score in a text search is wanted
	request request
	plan    *plan.Plan // nil: there was nothing to plan
}

// source gives candidates, in its order. Documents are valid until the next call.
type source interface {
	next(ctx context.Context) (rid uint64, doc document.Doc, ok bool, err error)
	suspend()
	resume(v *View) error
	close() error
}

// Find starts a find. The iterator takes the view over: it closes it when it is suspended or closed, and also if Find fails.
func (v *View) Find(ctx context.Context, spec FindSpec) (*Iterator, error) {
	it, err := v.find(ctx, spec)
	if err != nil {
		v.Close()
		return nil, err
	}
	return it, nil
}

func (v *View) find(ctx context.Context, spec FindSpec) (*Iterator, error) {
	it := v.iterator(spec)
	if it.openPoint() {
		return it, nil
	}
	filter, err := it.compile()
	if err != nil {
		return nil, err
	}
	return it, it.open(ctx, filter)
}

func (v *View) iterator(spec FindSpec) *Iterator {
	it := &Iterator{view: v, spec: spec, skip: spec.Skip, left: -1}
	if spec.Limit > 0 {
		it.left = spec.Limit
	}
	return it
}

// compile compiles filter, sort and projection.
func (it *Iterator) compile() (*query.Filter, error) {
	spec := &it.spec
	order, err := it.view.Catalog.collator(spec.NS, spec.Collation)
	if err != nil {
		return nil, err
	}
	it.spec.Expr.Collator = order
	filter, err := query.CompileFilter(orEmpty(spec.Filter), query.FilterOptions{Collator: order, Expr: it.spec.Expr, Near: !spec.NoNear, Text: it.view.Catalog.Search(spec.NS)})
	if err != nil {
		return nil, err
	}
	if it.sort, err = compileSort(spec.Sort, order, filter); err != nil {
		return nil, err
	}
	it.order = it.sort
	it.wants = wanted{record: spec.ShowRecord, key: spec.ReturnKey}
	if err := query.CheckText(filter, spec.Hint, it.sort, spec.Tailable); err != nil {
		return nil, err
	}
	it.scored = wantsScore(filter, it.sort, spec.Scores)
	if len(spec.Projection) > 5 {
		options := it.spec.Expr
		options.Meta = func(name string) error {
			it.scored = it.scored || name == expr.TextScore
			return it.want(name, filter)
		}
		if it.proj, err = query.CompileProjection(spec.Projection, filter, query.ProjectionOptions{Expr: options}); err != nil {
			return nil, err
		}
		if it.proj.IsIdentity() {
			it.proj = nil
		}
	}
	return filter, nil
}

// openPoint is the short way to the most frequent find of all, that of one whole document by its _id: there is nothing to
// compile and nothing to plan.
func (it *Iterator) openPoint() bool {
	spec := &it.spec
	if len(spec.Projection) > 5 || len(spec.Sort) > 5 || len(spec.Collation) > 5 || !spec.Hint.IsMissing() || !spec.Min.IsEmpty() || !spec.Max.IsEmpty() || IsVirtual(spec.NS) || spec.Tailable || spec.ReturnKey || spec.ShowRecord {
		return false
	}
	id, ok := query.IDEquality(spec.Filter)
	if !ok {
		return false
	}
	if it.coll = it.view.Catalog.Collection(spec.NS); it.coll == nil {
		it.src = nothing{}
		return true
	}
	it.coll.stats.reads.Add(1)
	it.view.engine.indexUse(it.coll.Indexes[0].Number).ops.Add(1)
	it.src = &pointSource{v: it.view, coll: it.coll, id: id}
	return true
}

// naturalOrder is {$natural: 1}.
var naturalOrder = func() document.Value {
	var b document.Builder
	b.AppendInt32("$natural", 1)
	return document.Value{Type: document.TypeDocument, Data: b.Finish()}
}()

func compileSort(spec document.Doc, c document.Collator, f *query.Filter) (*query.Sort, error) {
	if len(spec) <= 5 {
		return nil, nil
	}
	s, err := query.CompileCollatedSort(spec, c)
	if err == nil {
		err = s.CheckMeta(f)
	}
	return s, err
}

func orEmpty(d document.Doc) document.Doc {
	if len(d) == 0 {
		return document.Empty
	}
	return d
}

// open chooses the source.
func (it *Iterator) open(ctx context.Context, filter *query.Filter) error {
	if IsVirtual(it.spec.NS) {
		if it.wants.record {
			return mongoerr.New(mongoerr.NotImplemented, "%s has no record ids", it.spec.NS)
		}
		return it.openVirtual(filter)
	}
	it.coll = it.view.Catalog.Collection(it.spec.NS)
	if it.coll == nil {
		it.src = nothing{}
		return nil
	}
	if it.wants.record && it.coll.Clustered {
		return mongoerr.New(mongoerr.NotImplemented, "the record ids of a clustered collection are not shown")
	}
	it.setRequest(filter)
	w, err := it.view.access(ctx, &it.request)
	if err != nil {
		return planError(it.spec.NS, filter, it.spec.Sort, it.spec.Projection, it.spec.Collation, err)
	}
	it.coll.stats.reads.Add(1)
	it.src, it.plan, it.keep = w.src, w.plan, w.plan.Residual
	it.eval.Meta = it.metaValue
	if w.plan.ProvidesSort {
		it.sort = nil
	}
	return nil
}

func (it *Iterator) setRequest(filter *query.Filter) {
	if it.spec.Tailable {
		it.spec.Hint = naturalOrder // the one order in which new documents come last
	}
	it.request = request{coll: it.coll, filter: filter, sort: it.sort, needs: it.needs(), hint: it.spec.Hint, tail: it.spec.Tailable, within: it.within(), scores: it.scored, keys: it.wants.key}
	if it.left > 0 {
		it.request.want = it.left + it.skip
	}
}

// needs returns the paths that the find returns; nil for whole documents.
func (it *Iterator) needs() []string {
	if it.spec.counts {
		return []string{}
	}
	if it.wants.sortKey || it.spec.ReturnKey {
		return nil
	}
	if it.proj == nil {
		return nil
	}
	return query.IncludedPaths(it.spec.Projection)
}

// Next returns the next document, valid until the call after it, or io.EOF.
func (it *Iterator) Next(ctx context.Context) (document.Doc, error) {
	if it.sort != nil {
		return it.nextSorted(ctx)
	}
	for it.left != 0 {
		doc, err := it.candidate(ctx)
		if err != nil {
			return nil, err
		}
		if it.skip > 0 {
			it.skip--
			continue
		}
		if it.left > 0 {
			it.left--
		}
		return it.project(doc)
	}
	return nil, io.EOF
}

// checkEvery is after how many documents an iterator looks whether it should stop.
const checkEvery = 128

// candidate returns the next document that matches.
func (it *Iterator) candidate(ctx context.Context) (document.Doc, error) {
	for {
		if it.found++; it.found%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		rid, doc, ok, err := it.src.next(ctx)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, io.EOF
		}
		it.rid, it.at = rid, doc
		if it.keep == nil {
			return doc, nil
		}
		if ok, err := it.keep.MatchContext(ctx, doc); ok || err != nil {
			return doc, err
		}
	}
}

func (it *Iterator) project(doc document.Doc) (document.Doc, error) {
	if it.current = doc; it.spec.ReturnKey {
		return it.keyOnly(), nil
	}
	if it.proj != nil {
		out, err := it.proj.Apply(it.out[:0], doc, &it.eval)
		if it.out = out; err != nil {
			return nil, err
		}
		doc = out
	}
	if it.spec.ShowRecord {
		it.shown = appendRecordID(it.shown[:0], doc, it.Meta())
		doc = it.shown
	}
	return doc, nil
}

// nextSorted collects everything on the first call, and returns it in order.
func (it *Iterator) nextSorted(ctx context.Context) (document.Doc, error) {
	if it.sorted == nil {
		if err := it.collect(ctx); err != nil {
			return nil, err
		}
	}
	if it.left == 0 {
		return nil, io.EOF
	}
	doc, noted, err := it.sorted.next(ctx)
	if err != nil {
		return nil, err
	}
	it.noted = noted
	if it.left > 0 {
		it.left--
	}
	return it.project(doc)
}

func (it *Iterator) collect(ctx context.Context) (err error) {
	s := it.view.engine.newSorter(it.sort, !it.spec.NoDisk)
	if it.left >= 0 {
		s.want = int(it.left + it.skip)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	for {
		doc, err := it.candidate(ctx)
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		if err := s.add(doc, it.annotation()); err != nil {
			return err
		}
	}
	if err := s.finish(); err != nil {
		return err
	}
	for ; it.skip > 0; it.skip-- {
		if _, _, err := s.next(ctx); err == io.EOF {
			break
		} else if err != nil {
			return err
		}
	}
	it.sorted = s
	return nil
}

// Suspend lets the view go and remembers the place: a cursor that waits for its client must not hold the past. What the iterator keeps of the command is copied.
func (it *Iterator) Suspend() {
	if it.view != nil {
		it.src.suspend()
		it.view.Close()
		it.view = nil
	}
}

// Resume goes on, on a newer view, which it takes over. It fails if the collection or the index has gone meanwhile.
func (it *Iterator) Resume(v *View) error {
	if it.coll != nil {
		now := v.Catalog.numbers[it.coll.Number]
		if now == nil {
			v.Close()
			return mongoerr.New(mongoerr.QueryPlanKilled, "collection dropped. UUID %s", document.Binary(4, it.coll.UUID[:]).Shell())
		}
		if now.NS != it.coll.NS {
			v.Close()
			return mongoerr.New(mongoerr.QueryPlanKilled, "collection renamed from '%s' to '%s'. UUID %s", it.coll.NS, now.NS, uuidText(it.coll.UUID))
		}
		it.coll = now
	}
	it.view = v
	return it.src.resume(v)
}

func uuidText(u [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// Close ends the iterator.
func (it *Iterator) Close() (err error) {
	if it.sorted != nil {
		err = it.sorted.close()
	}
	if it.view == nil {
		return err
	}
	err = errors.Join(err, it.src.close())
	it.view.Close()
	it.view = nil
	return err
}

// Empty reports whether the collection that is read has no documents at all.
func (it *Iterator) Empty() bool {
	if it.coll == nil {
		return true
	}
	lo, hi := keys.RecordRange(it.coll.Number)
	_, found, err := it.view.lastKey(lo, hi)
	return err == nil && !found
}

// Collection returns the collection that is read; nil if there is none.
func (it *Iterator) Collection() *Collection { return it.coll }

// nothing is the source of a collection that does not exist.
type nothing struct{}

func (nothing) next(context.Context) (uint64, document.Doc, bool, error) { return 0, nil, false, nil }
func (nothing) suspend()                                                 {}
func (nothing) resume(*View) error                                       { return nil }
func (nothing) close() error                                             { return nil }

// Count counts the documents that match. The view is taken over.
func (v *View) Count(ctx context.Context, spec FindSpec) (int64, error) {
	if coll := v.Catalog.Collection(spec.NS); coll != nil && !IsVirtual(spec.NS) && len(spec.Filter) <= 5 && len(spec.Collation) <= 5 && spec.Hint.IsMissing() && !v.past {
		defer v.Close()
		n, _ := coll.Count()
		n = max(n-spec.Skip, 0)
		if spec.Limit > 0 {
			n = min(n, spec.Limit)
		}
		return n, nil
	}
	spec.counts = true
	missing := v.Catalog.Collection(spec.NS) == nil
	it, err := v.Find(ctx, spec)
	if missing && mongoerr.CodeOf(err) == mongoerr.IndexNotFound {
		return 0, nil // mongod does not look at what is searched where there is nothing
	}
	if err != nil {
		return 0, err
	}
	defer it.Close()
	for n := int64(0); ; n++ {
		if _, err := it.Next(ctx); err == io.EOF {
			return n, nil
		} else if err != nil {
			return 0, err
		}
	}
}
