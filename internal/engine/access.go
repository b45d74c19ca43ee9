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

// access plans how to find a filter's documents and opens the source. residual is what a document must still match, nil if
// nothing; sorted tells whether the source has the order.
func (v *View) access(coll *Collection, filter *query.Filter, sort *query.Sort, hint document.Value) (src source, residual *query.Filter, sorted bool, err error) {
	p, err := plan.Choose(&plan.Request{Filter: filter, Sort: sort, Indexes: coll.plans, Hint: hint})
	if err != nil {
		return nil, nil, false, err
	}
	switch p.Kind {
	case plan.IDPoint:
		src = &pointSource{v: v, coll: coll, id: p.ID}
	case plan.IndexScan:
		src, err = newIndexSource(v, coll, p)
	default:
		src, err = newRecordSource(v, coll, p.Reverse)
	}
	return src, p.Residual, p.ProvidesSort, err
}

// pointSource finds the one document with an _id.
type pointSource struct {
	v    *View
	coll *Collection
	id   document.Value
	done bool
	buf  []byte
}

func (s *pointSource) next(context.Context) (uint64, document.Doc, bool, error) {
	if s.done {
		return 0, nil, false, nil
	}
	s.done = true
	rid, doc, found, err := s.v.byID(s.buf, s.coll, s.id)
	s.buf = doc
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
	if !ok || s.scan.err != nil {
		return 0, nil, false, s.scan.err
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
	if s.begun && s.last == nil && (s.scan.onOver || s.scan.onBase) {
		s.last = bytes.Clone(s.scan.key())
	} else if s.begun && s.last == nil {
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

func (s *recordSource) resume(v *View) error { return s.open(v) }

func (s *recordSource) close() error {
	if s.scan == nil {
		return nil
	}
	return s.scan.close()
}

// indexSource walks the entries of an index within ranges and fetches their records.
type indexSource struct {
	v      *View
	coll   *Collection
	index  *Index
	back   bool
	ranges []plan.Range // in the order of the walk, with the index's prefix
	at     int
	scan   *scan
	begun  bool   // the current range has been begun
	last   []byte // the key that was returned last, while suspended
	seen   map[uint64]struct{}
	buf    []byte
}

func newIndexSource(v *View, coll *Collection, p *plan.Plan) (*indexSource, error) {
	ix := coll.Index(p.Index)
	if ix == nil {
		return nil, fmt.Errorf("engine: %s: the plan wants index %q, which is not there", coll.NS, p.Index)
	}
	s := &indexSource{v: v, coll: coll, index: ix, back: p.Reverse}
	if p.Dedup {
		s.seen = map[uint64]struct{}{}
	}
	prefix := keys.AppendIndexPrefix(nil, ix.Number)
	for i := range p.Ranges {
		r := p.Ranges[i]
		if p.Reverse {
			r = p.Ranges[len(p.Ranges)-1-i]
		}
		r.Start = append(bytes.Clone(prefix), r.Start...)
		if r.End == nil {
			r.End = keys.Successor(prefix)
		} else {
			r.End = append(bytes.Clone(prefix), r.End...)
		}
		s.ranges = append(s.ranges, r)
	}
	return s, nil
}

func (s *indexSource) next(ctx context.Context) (uint64, document.Doc, bool, error) {
	for n := 1; ; n++ {
		if n%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return 0, nil, false, err
			}
		}
		ok, err := s.step()
		if err != nil || !ok {
			return 0, nil, false, err
		}
		rid := entryRecord(s.scan.value())
		if s.seen != nil {
			if _, again := s.seen[rid]; again {
				continue
			}
			s.seen[rid] = struct{}{}
		}
		doc, err := s.v.fetch(s.buf, s.coll, rid)
		s.buf = doc
		return rid, doc, err == nil, err
	}
}

// step moves to the next entry, through the ranges.
func (s *indexSource) step() (bool, error) {
	for s.at < len(s.ranges) {
		r := s.ranges[s.at]
		if s.scan == nil {
			scan, err := s.v.newScan(r.Start, r.End, s.back)
			if err != nil {
				return false, err
			}
			s.scan = scan
		}
		var ok bool
		switch {
		case s.begun && s.last == nil:
			ok = s.scan.next()
		case s.begun:
			ok = s.scan.seek(after(s.last, s.back))
			s.last = nil
		default:
			ok = s.scan.first(r.Start, r.End)
			s.begun = true
		}
		if ok {
			return true, s.scan.err
		}
		err := s.scan.close()
		s.scan, s.begun = nil, false
		if err != nil {
			return false, err
		}
		s.at++
	}
	return false, nil
}

func (s *indexSource) suspend() {
	if s.scan == nil {
		return
	}
	if s.begun && s.last == nil {
		s.last = bytes.Clone(s.scan.key())
	}
	_ = s.scan.close()
	s.scan = nil
}

func (s *indexSource) resume(v *View) error {
	s.v = v
	coll := v.Catalog.numbers[s.coll.Number]
	if coll == nil || coll.Index(s.index.Name) == nil || coll.Index(s.index.Name).Number != s.index.Number {
		return mongoerr.New(mongoerr.QueryPlanKilled, "index '%s' dropped", s.index.Name)
	}
	s.coll = coll
	return nil
}

func (s *indexSource) close() error {
	if s.scan == nil {
		return nil
	}
	return s.scan.close()
}
