package engine

import (
	"bytes"
	"context"
	"fmt"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// request is what is to be found, compiled.
type request struct {
	coll   *Collection
	filter *query.Filter
	sort   *query.Sort // nil: any order
	needs  []string    // the paths that are wanted of the documents; nil: everything
	hint   document.Value

	within  func(index string) (plan.Range, error) // of min and max; nil: none
	indexes []plan.Index                           // that may be used; nil: all that the collection shows
	want    int64                                  // how many documents are wanted at most; 0: all
	tail    bool                                   // what is added later is wanted, too
	scores  bool                                   // so is what documents score in a text search
	keys    bool                                   // the keys of entries are wanted, which a trial does not keep
}

// way is a plan under way.
type way struct {
	plan *plan.Plan
	src  source
}

// access plans how to find what a request is about and opens the source. Where it is not clear which plan is best, they are tried.
func (v *View) access(ctx context.Context, r *request) (way, error) {
	list, err := plan.Candidates(r.planned())
	if err != nil {
		return way{}, err
	}
	var w way
	if len(list) > 1 {
		w, err = v.try(ctx, r, list)
	} else {
		w, err = v.open(r, list[0])
	}
	if err == nil {
		v.engine.noteUse(r.coll, w.plan)
	}
	return w, err
}

// planError puts the query before the message of an error about a hint, as mongod does.
func planError(ns string, filter *query.Filter, sort, projection, collation document.Doc, err error) error {
	e := mongoerr.From(err)
	switch e {
	case query.ErrBoundsWithoutHint, query.ErrBoundsOfOther, query.ErrBoundsReversed, query.ErrNoSolutions, query.ErrWholeWildcard, query.ErrNoNearIndex,
		query.ErrNoTextIndex, query.ErrTextPrefix, query.ErrTextBesideUnindexed:
		e = e.WithContext("planner returned error")
	case query.ErrBadHint, query.ErrAmbiguousHint:
	default:
		return err
	}
	return mongoerr.New(e.Code, "error processing query: ns=%sTree: %sSort: %s\nProj: %s\n%s %s", ns, filter.DebugString(), orEmpty(sort).Shell(), orEmpty(projection).Shell(),
		collationLine(collation), e.Message)
}

func collationLine(collation document.Doc) string {
	if collation.IsEmpty() {
		return ""
	}
	return "Collation: " + collation.Shell() + "\n"
}

// planErrorOfWrite is planError for a write; findAndModify with a sort looks for one document.
func planErrorOfWrite(ns string, filter *query.Filter, sort, collation document.Doc, err error) error {
	if err == nil {
		return nil
	}
	if !sort.IsEmpty() {
		ns += " limit=1"
	}
	return planError(ns, filter, sort, nil, collation, err)
}

func (r *request) planned() *plan.Request {
	indexes := r.indexes
	if indexes == nil {
		indexes = r.coll.plans
	}
	return &plan.Request{Filter: r.filter, Sort: r.sort, Needs: r.needs, Indexes: indexes, Hint: r.hint, Within: r.within, Scores: r.scores}
}

func (v *View) open(r *request, p *plan.Plan) (w way, err error) {
	w.plan = p
	switch p.Kind {
	case plan.IDPoint:
		w.src = &pointSource{v: v, coll: r.coll, id: p.ID}
	case plan.IndexScan:
		w.src, err = newReader(v, r, p)
	case plan.Text:
		w.src, err = newTextSource(v, r.coll, p)
	case plan.Union:
		if searches(p) {
			w.src, err = newChainSource(v, r, p)
		} else {
			w.src, err = newUnionSource(v, r.coll, p)
		}
	case plan.Merge:
		w.src, err = newMergeSource(v, r.coll, p, r.sort)
	case plan.GeoNear:
		w.src, err = newNearSource(v, r.coll, p)
	default:
		w.src, err = newNaturalSource(v, r, p.Reverse)
	}
	return w, err
}

// newNaturalSource opens a walk over a whole collection in natural order.
func newNaturalSource(v *View, r *request, back bool) (source, error) {
	if r.coll.Clustered {
		whole := &plan.Plan{Kind: plan.IndexScan, Index: r.coll.Indexes[0].Name, Ranges: []plan.Range{{}}, Reverse: back}
		return newIndexSource(v, r.coll, whole)
	}
	s, err := newRecordSource(v, r.coll, back)
	if err != nil {
		return nil, err
	}
	s.tail = r.tail
	return s, nil
}

// pointSource finds the one document with an _id.
type pointSource struct {
	v    *View
	coll *Collection
	id   document.Value
	done bool
	buf  []byte

	stats scanStats
}

func (s *pointSource) next(context.Context) (uint64, document.Doc, bool, error) {
	if s.done {
		return 0, nil, false, nil
	}
	s.done = true
	rid, doc, found, err := s.v.byID(s.buf, s.coll, s.id)
	s.buf = doc
	s.stats.works++
	if found {
		s.stats.docs++
		s.stats.advanced++
	}
	return rid, doc, found, err
}

func (s *pointSource) suspend()             { s.id = s.id.Clone() }
func (s *pointSource) resume(v *View) error { s.v = v; return nil }
func (s *pointSource) close() error         { return nil }

// byID looks a document up by its _id and appends it to buf[:0].
func (v *View) byID(buf []byte, coll *Collection, id document.Value) (rid uint64, doc document.Doc, found bool, err error) {
	var space [64]byte
	key := keys.AppendIndexPrefix(space[:0], coll.Indexes[0].Number)
	key = coll.Indexes[0].AppendValue(key, 0, id)
	var ridSpace [32]byte
	b, found, err := v.get(ridSpace[:0], key)
	if err != nil || !found {
		return 0, nil, false, err
	}
	rid = entryRecord(b)
	doc, err = v.fetch(buf, coll, rid)
	return rid, doc, err == nil, err
}

// fetch appends the document of a record id, which an index entry of the same view led to, to buf[:0].
func (v *View) fetch(buf []byte, coll *Collection, rid uint64) (document.Doc, error) {
	var space [16]byte
	doc, found, err := v.get(buf[:0], keys.AppendRecord(space[:0], coll.Number, rid))
	if err == nil && !found {
		err = fmt.Errorf("engine: %s: an index entry leads to record %d, which is not there", coll.NS, rid)
	}
	return doc, err
}

// recordSource walks all records in natural order.
type recordSource struct {
	coll   *Collection
	back   bool
	scan   *scan
	lo, hi []byte
	last   []byte // the key that was returned last, while suspended
	begun  bool
	tail   bool   // more may come at the end
	seen   []byte // with tail: the key that was returned last

	stats scanStats
}

func newRecordSource(v *View, coll *Collection, back bool) (*recordSource, error) {
	s := &recordSource{coll: coll, back: back}
	s.lo, s.hi = keys.RecordRange(coll.Number)
	return s, s.open(v)
}

func (s *recordSource) open(v *View) (err error) {
	s.scan, err = v.newScan(s.lo, s.hi, s.back)
	return err
}

func (s *recordSource) next(context.Context) (uint64, document.Doc, bool, error) {
	var ok bool
	switch {
	case s.begun && s.last == nil:
		ok = s.scan.next()
	case s.begun:
		ok = s.scan.seek(after(s.last, s.back))
		s.last = nil
	default:
		ok = s.scan.first(s.lo, s.hi)
		s.begun = true
	}
	s.stats.works++
	if !ok || s.scan.err != nil {
		s.stats.eof = true
		return 0, nil, false, s.scan.err
	}
	s.stats.docs++
	if s.tail {
		s.seen = append(s.seen[:0], s.scan.key()...)
	}
	return recordID(s.scan.key()), s.scan.value(), true, nil
}

// after returns where a scan goes on behind key.
func after(key []byte, back bool) []byte {
	if back {
		return key // a backwards seek goes to what is before
	}
	return append(bytes.Clone(key), 0)
}

func (s *recordSource) suspend() {
	switch {
	case !s.begun || s.last != nil:
	case s.scan.onOver || s.scan.onBase:
		s.last = bytes.Clone(s.scan.key())
	case s.tail && s.seen == nil:
		s.begun = false // nothing was there: what comes is the first
	case s.tail:
		s.last = bytes.Clone(s.seen)
	default:
		s.last = s.end()
	}
	_ = s.scan.close()
	s.scan = nil
}

// end is a key behind which nothing comes.
func (s *recordSource) end() []byte {
	if s.back {
		return s.lo
	}
	return s.hi
}

func (s *recordSource) resume(v *View) error {
	if s.coll.Capped != nil && s.last != nil && !bytes.Equal(s.last, s.end()) {
		_, found, err := v.get(nil, s.last)
		if err != nil {
			return err
		}
		if !found {
			return lostPosition(recordID(s.last))
		}
	}
	return s.open(v)
}

func (s *recordSource) close() error {
	if s.scan == nil {
		return nil
	}
	return s.scan.close()
}

// meets reports whether doc meets a condition; nil is none. ctx, which may be nil too, ends what takes long.
func meets(ctx context.Context, f *query.Filter, doc document.Doc) (bool, error) {
	if f == nil {
		return true, nil
	}
	return f.MatchContext(ctx, doc)
}
