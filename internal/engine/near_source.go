package engine

import (
	"bytes"
	"container/heap"
	"context"
	"errors"
	"fmt"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/geo"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/plan"
)

// nearSource returns what has a place from near to far. A queue has cells of the index and documents, by the distance of the nearest that can be in them. The
// first is taken out: a document is the next one; of a cell, if it has few entries, the documents are put into the queue, else the cells that it consists of.
// So the queue holds what few cells have, and no more of the index is read than lies nearer than what is returned, but for the rest of a cell.
type nearSource struct {
	v     *View
	coll  *Collection
	index *Index
	plan  *plan.Plan
	fetcher
	scan  *scan // over all of the index; nil while suspended and before it is needed
	queue nearQueue
	begun bool
	kept  int                 // bytes of documents in the queue
	epoch int                 // grows when the view is replaced: documents may have changed since
	seen  map[uint64]struct{} // of documents with several entries

	current  document.Doc
	distance float64
	meta     expr.Meta // of the current document, once it was asked for
	stats    scanStats
	keys     int64
	seeks    int64
	buffered int64 // documents that were put into the queue
}

const (
	nearEntries  = 64      // a cell with more is taken apart
	maxNearBytes = 8 << 20 // of documents in the queue; those for which there is no room are read again
)

// nearItem is a cell or a document.
type nearItem struct {
	distance float64 // none in it is nearer
	document bool
	all      bool // it is all ranges of the plan, whatever the cells
	cell     geo.Cell
	rid      uint64
	doc      document.Doc // nil: it is to be read again
	epoch    int
}

func newNearSource(v *View, coll *Collection, p *plan.Plan) (*nearSource, error) {
	ix := coll.Index(p.Index)
	if ix == nil {
		return nil, fmt.Errorf("engine: %s: the plan wants index %q, which is not there", coll.NS, p.Index)
	}
	s := &nearSource{v: v, coll: coll, index: ix, plan: p, fetcher: fetcher{v: v, coll: coll}}
	if p.Dedup {
		s.seen = map[uint64]struct{}{}
	}
	return s, nil
}

func pairText(x, y float64) string {
	var b document.Builder
	b.AppendDouble("0", x)
	b.AppendDouble("1", y)
	return b.Finish().Shell()
}

// begin puts everything into the queue.
func (s *nearSource) begin() error {
	s.begun = true
	at := s.plan.Near.Node.Near.Flat()
	if flat, ok := s.index.Plugin.(*geo.FlatIndex); ok && !flat.Holds(at) {
		return mongoerr.New(16433, "%s :: caused by :: %s", flat.OutsideText(), pairText(at.X, at.Y))
	}
	if s.plan.Near.Prefixes == nil {
		heap.Push(&s.queue, nearItem{all: true})
		return nil
	}
	for _, c := range s.plan.Near.Cells.Whole() {
		s.push(c)
	}
	return nil
}

// push puts a cell into the queue, unless all of it is too near or too far.
func (s *nearSource) push(c geo.Cell) {
	near := s.plan.Near.Node.Near
	nearest, farthest := s.plan.Near.Cells.Between(c, &near.Origin)
	if nearest*near.Unit() <= near.Max && farthest*near.Unit() >= near.Min {
		heap.Push(&s.queue, nearItem{distance: nearest * near.Unit(), cell: c})
	}
}

func (s *nearSource) next(ctx context.Context) (uint64, document.Doc, bool, error) {
	if !s.begun {
		if err := s.begin(); err != nil {
			return 0, nil, false, err
		}
	}
	for s.queue.Len() > 0 {
		s.stats.works++
		if err := checkContext(ctx, s.stats.works); err != nil {
			return 0, nil, false, err
		}
		item := heap.Pop(&s.queue).(nearItem)
		if item.document {
			ok, err := s.take(item)
			if err != nil || ok {
				return item.rid, s.current, ok, err
			}
			continue
		}
		if err := s.open(ctx, item); err != nil {
			return 0, nil, false, err
		}
	}
	s.stats.eof = true
	return 0, nil, false, nil
}

// take makes a document of the queue the current one. It returns false if it is gone or has moved out of what is searched since it was put there.
func (s *nearSource) take(item nearItem) (ok bool, err error) {
	s.kept -= len(item.doc)
	s.current, s.distance, s.meta = item.doc, item.distance, expr.Meta{}
	if item.doc == nil {
		if s.current, err = s.read(item.rid); err != nil || s.current == nil {
			return false, err
		}
		if item.epoch != s.epoch {
			if s.distance, ok = s.measure(s.current); !ok {
				return false, nil
			}
		}
	}
	s.stats.advanced++
	return true, nil
}

// read returns a document, nil if it is gone.
func (s *nearSource) read(rid uint64) (document.Doc, error) {
	if s.epoch == 0 {
		return s.fetch(rid)
	}
	var space [16]byte
	doc, found, err := s.v.get(nil, keys.AppendRecord(space[:0], s.coll.Number, rid))
	if err != nil || !found {
		return nil, err
	}
	return doc, nil
}

// measure returns how far a document is; ok is false if it is nowhere, too near or too far.
func (s *nearSource) measure(doc document.Doc) (distance float64, ok bool) {
	n := s.plan.Near.Node
	_, distance, ok = n.Near.Nearest(doc, n.Path)
	distance = n.Near.Measure(distance)
	return distance, ok && distance >= n.Near.Min && distance <= n.Near.Max
}

// open puts what a cell holds into the queue.
func (s *nearSource) open(ctx context.Context, item nearItem) error {
	if item.all {
		for _, r := range s.plan.Ranges {
			if _, err := s.each(r, func(n int, rid uint64) (bool, error) { return true, s.addEvery(ctx, n, rid) }); err != nil {
				return err
			}
		}
		return nil
	}
	cells := s.plan.Near.Cells
	quarters := cells.Quarters(item.cell)
	if quarters == nil {
		return s.eachIn(cells.Entries(item.cell), func(n int, rid uint64) (bool, error) { return true, s.addEvery(ctx, n, rid) })
	}
	var found []uint64
	if err := s.eachIn(cells.Entries(item.cell), func(_ int, rid uint64) (bool, error) {
		found = append(found, rid)
		return len(found) <= nearEntries, nil
	}); err != nil {
		return err
	}
	if len(found) <= nearEntries {
		for _, rid := range found {
			if err := s.add(rid); err != nil {
				return err
			}
		}
		return nil
	}
	if own, ok := cells.Own(item.cell); ok {
		if err := s.eachIn(own, func(n int, rid uint64) (bool, error) { return true, s.addEvery(ctx, n, rid) }); err != nil {
			return err
		}
	}
	for _, c := range quarters {
		s.push(c)
	}
	return nil
}

// eachIn calls f with the documents of the entries within an interval, in each part of the index that is searched, as long as f returns true.
func (s *nearSource) eachIn(cells geo.Interval, f func(n int, rid uint64) (bool, error)) error {
	for _, prefix := range s.plan.Near.Prefixes {
		if more, err := s.each(s.plan.CellRange(prefix, cells), f); err != nil || !more {
			return err
		}
	}
	return nil
}

// each calls f with the documents of the entries within a range, and how many they are, as long as f returns true.
func (s *nearSource) each(r plan.Range, f func(n int, rid uint64) (bool, error)) (more bool, err error) {
	prefix := keys.AppendIndexPrefix(nil, s.index.Number)
	end := keys.Successor(prefix)
	if s.scan == nil {
		if s.scan, err = s.v.newScan(prefix, end, false); err != nil {
			return false, err
		}
	}
	if r.End != nil {
		end = append(bytes.Clone(prefix), r.End...)
	}
	s.seeks++
	n := 0
	for ok := s.scan.seek(append(bytes.Clone(prefix), r.Start...)); ok && bytes.Compare(s.scan.key(), end) < 0; ok = s.scan.next() {
		s.keys++
		n++
		if more, err := f(n, entryRecord(s.scan.value())); err != nil || !more {
			return false, err
		}
	}
	return true, s.scan.err
}

// addEvery is add, for any number of documents.
func (s *nearSource) addEvery(ctx context.Context, n int, rid uint64) error {
	if err := checkContext(ctx, int64(n)); err != nil {
		return err
	}
	return s.add(rid)
}

// add puts a document into the queue, unless it was there before, or is nowhere near.
func (s *nearSource) add(rid uint64) error {
	if s.seen != nil {
		s.stats.dupsTested++
		if _, again := s.seen[rid]; again {
			s.stats.dupsDropped++
			return nil
		}
		s.seen[rid] = struct{}{}
	}
	doc, err := s.fetch(rid)
	if err != nil {
		return err
	}
	s.stats.docs++
	distance, ok := s.measure(doc)
	if !ok {
		return nil
	}
	s.buffered++
	item := nearItem{distance: distance, document: true, rid: rid, epoch: s.epoch}
	if s.kept+len(doc) <= maxNearBytes {
		item.doc = doc.Clone()
		s.kept += len(doc)
	}
	heap.Push(&s.queue, item)
	return nil
}

// known implements annotated.
func (s *nearSource) known() *expr.Meta {
	if s.meta.Place.IsMissing() {
		n := s.plan.Near.Node
		s.meta.Distance = s.distance
		s.meta.Place, _, _ = n.Near.Nearest(s.current, n.Path)
	}
	return &s.meta
}

// suspend lets the view go. What was read of it is not kept.
func (s *nearSource) suspend() {
	_ = s.close()
	for i := range s.queue {
		s.queue[i].doc = nil
	}
	s.kept, s.current = 0, nil
	s.epoch++
}

func (s *nearSource) resume(v *View) error {
	coll := v.Catalog.numbers[s.coll.Number]
	if coll == nil || coll.Index(s.index.Name) == nil || coll.Index(s.index.Name).Number != s.index.Number {
		return mongoerr.New(mongoerr.QueryPlanKilled, "index '%s' dropped", s.index.Name)
	}
	s.v, s.coll, s.fetcher.v = v, coll, v
	return nil
}

func (s *nearSource) close() error {
	err := s.fetcher.suspend()
	if s.scan != nil {
		err = errors.Join(err, s.scan.close())
		s.scan = nil
	}
	return err
}

// nearQueue is a heap: what is nearest first, cells before documents, those in their natural order.
type nearQueue []nearItem

func (q nearQueue) Len() int { return len(q) }
func (q nearQueue) Less(i, j int) bool {
	a, b := &q[i], &q[j]
	switch {
	case a.distance != b.distance:
		return a.distance < b.distance
	case a.document != b.document:
		return b.document
	}
	return a.rid < b.rid
}
func (q nearQueue) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q *nearQueue) Push(x any)   { *q = append(*q, x.(nearItem)) }
func (q *nearQueue) Pop() any {
	last := len(*q) - 1
	item := (*q)[last]
	(*q)[last] = nearItem{}
	*q = (*q)[:last]
	return item
}
