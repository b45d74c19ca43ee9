package engine

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/timeseries"
)

// Measurements that a client inserts go into buckets. Of each meta value one bucket is open, as far as this member knows; only the primary knows any, and it may forget
// them: the next measurement then opens another bucket. A group puts measurements into buckets that are there and into new ones, and records which statements that were.

// openBucket says where the bucket is that takes measurements of a meta value.
type openBucket struct {
	rid   uint64
	id    document.ObjectID
	start int64
}

// maxOpenBuckets is how many buckets a collection has open.
const maxOpenBuckets = 100_000

// BucketCounts count what became of measurements since the member began to serve a collection.
type BucketCounts struct {
	Inserts, Updates, Opened                                                                               atomic.Int64
	ClosedByCount, ClosedBySize, ClosedBySchema, ClosedByTimeForward, ClosedByTimeBackward, ClosedByMemory atomic.Int64
	Measurements                                                                                           atomic.Int64
}

// BucketCounts returns what collStats counts of a time-series collection.
func (c *Collection) BucketCounts() *BucketCounts { return &c.stats.buckets }

// InsertMeasurements inserts documents into a time-series collection, whose namespace is that of its view. It does what Insert does.
func (e *Engine) InsertMeasurements(ctx context.Context, ns string, docs []document.Doc, ordered bool, s Statement) (InsertResult, error) {
	in := &insertion{e: e, ns: ns, docs: docs, ordered: ordered, s: s}
	for in.next < len(in.docs) && !in.stopped {
		if err := e.throttle(ctx); err != nil {
			return in.result, err
		}
		coll := e.Timeseries(ns)
		if coll == nil {
			return in.result, mongoerr.New(mongoerr.NamespaceNotFound, "Time-series buckets collection not found for %s: it was dropped", ns)
		}
		if err := in.measurements(coll); err != nil && !errors.Is(err, errConflict) {
			return in.result, err
		}
	}
	return in.result, nil
}

// measurements plans and enters the next group. If it is overtaken nothing has happened.
func (in *insertion) measurements(coll *Collection) error {
	coll.stats.appending.Lock()
	defer coll.stats.appending.Unlock()
	v := in.e.Local()
	defer v.Close()
	g := &measurementGroup{in: in, v: &v, coll: coll, at: in.next, of: map[string]*groupBucket{}}
	if err := g.plan(); err != nil {
		return err
	}
	if g.taken > 0 {
		t, err := g.enter()
		if err != nil {
			return err
		}
		in.result.Time = t
		g.remember()
	}
	in.entered(g.at, g.taken, g.retried, g.errors)
	return nil
}

// measurementGroup is the plan of one group.
type measurementGroup struct {
	in   *insertion
	v    *View
	coll *Collection

	at      int // the next document
	taken   int
	size    int // of the buckets that are written
	done    []statement
	errors  []WriteError
	retried []int32
	buckets []*groupBucket
	of      map[string]*groupBucket          // the one that takes measurements now, by meta value
	counts  [timeseries.OtherTypes + 1]int64 // why buckets were not taken
	opened  int64
}

// groupBucket is a bucket that a group writes.
type groupBucket struct {
	*timeseries.Bucket
	meta string
	old  match // its doc is nil if it is new
	rid  uint64
}

func (g *measurementGroup) plan() error {
	for g.at < len(g.in.docs) && g.taken < groupOps && g.size < groupBytes {
		id := g.in.s.ID + int32(g.at)
		_, done, err := g.v.Retried(g.in.s.Session, id)
		switch {
		case err != nil:
			return err
		case done:
			g.retried = append(g.retried, id)
			g.at++
			continue
		}
		if err := g.measure(g.in.docs[g.at]); err != nil {
			var mistake *mongoerr.Error
			if !errors.As(err, &mistake) {
				return err
			}
			g.errors = append(g.errors, WriteError{Index: g.at, Err: mistake})
			g.at++
			if g.in.ordered {
				return nil
			}
			continue
		}
		if n := len(g.done); n > 0 && g.done[n-1].first+g.done[n-1].n == id {
			g.done[n-1].n++
		} else {
			g.done = append(g.done, statement{first: id, n: 1})
		}
		g.at++
		g.taken++
	}
	return nil
}

// maxMeasurement bounds a measurement: its bucket has it once in the data and, if it is the only one, twice as extremes.
const maxMeasurement = document.MaxSize / 3

// measure finds the bucket for a document and puts it there.
func (g *measurementGroup) measure(doc document.Doc) error {
	if len(doc) > maxMeasurement {
		return mongoerr.New(mongoerr.BSONObjectTooLarge, "object to insert too large. size in bytes: %d, max size: %d", len(doc), maxMeasurement)
	}
	if err := checkDepth(doc); err != nil {
		return err
	}
	o := g.coll.Timeseries
	m, err := o.Measure(doc)
	if err != nil {
		return err
	}
	if err := g.coll.checkIndexed(doc); err != nil {
		return err
	}
	meta := string(append([]byte{byte(m.Meta.Type)}, m.Meta.Data...))
	b := g.of[meta]
	if b == nil {
		if b, err = g.open(meta, m); err != nil {
			return err
		}
	}
	if b != nil {
		why := b.Fits(m)
		g.counts[why]++
		if why != timeseries.Fits {
			b = nil
		}
	} else {
		g.opened++
	}
	if b == nil {
		b = &groupBucket{Bucket: o.NewBucket(m, document.NewObjectID(), g.coll.Collation.Collator()), meta: meta}
	}
	if g.of[meta] != b {
		g.of[meta] = b
		g.buckets = append(g.buckets, b)
		g.size += len(b.old.doc)
	}
	b.Add(m)
	g.size += len(doc)
	return nil
}

// checkIndexed refuses arrays in fields that are indexed by their extremes.
func (c *Collection) checkIndexed(doc document.Doc) error {
	for _, ix := range c.Indexes[1:] {
		original := ix.Spec.Lookup("originalSpec").Doc()
		for it := original.Lookup("key").Doc().Iter(); it.Next(); {
			if it.Key() != c.Timeseries.Time && !c.Timeseries.IsMeta(it.Key()) && doc.LookupPath(it.Key()).Type == document.TypeArray {
				return mongoerr.New(5930501, "Indexed measurement field contains an array value")
			}
		}
	}
	return nil
}

// open returns the bucket that is open for a meta value, if it still is what it was.
func (g *measurementGroup) open(meta string, m timeseries.Measurement) (*groupBucket, error) {
	known, ok := g.coll.stats.open[meta]
	if !ok {
		return nil, nil
	}
	doc, found, err := g.v.get(nil, keys.AppendRecord(nil, g.coll.Number, known.rid))
	if err != nil || !found || document.Doc(doc).Lookup("_id").ObjectID() != known.id {
		return nil, err
	}
	b, err := g.coll.Timeseries.OpenBucket(doc, known.start, g.coll.Collation.Collator())
	if err != nil || !b.Is(m.Meta) {
		return nil, nil // a client has written the bucket itself
	}
	return &groupBucket{Bucket: b, meta: meta, old: match{rid: known.rid, doc: doc}, rid: known.rid}, nil
}

// enter proposes the group.
func (g *measurementGroup) enter() (oplog.OpTime, error) {
	s := Statement{Bypass: true, Urgent: g.in.s.Urgent}
	var fresh []*groupBucket
	in := &insertion{e: g.in.e, ns: g.coll.NS, s: s}
	for _, b := range g.buckets {
		if b.old.doc == nil {
			fresh = append(fresh, b)
			in.docs = append(in.docs, b.Document())
		}
	}
	ig := &insertGroup{in: in, v: g.v, coll: g.coll, maxID: g.coll.stats.maxIDHint(g.v, g.coll)}
	for i, b := range fresh {
		ig.at = i
		if err := ig.document(-1, in.docs[i]); err != nil {
			return oplog.OpTime{}, err
		}
		b.rid = ig.rid
	}
	cg := &changeGroup{e: g.in.e, v: g.v, coll: g.coll, w: ig.w, guards: ig.guards, s: s}
	for _, b := range g.buckets {
		if b.old.doc != nil {
			if err := cg.replace(b.old, b.Document(), nil); err != nil {
				return oplog.OpTime{}, err
			}
		}
	}
	guard, err := g.v.record(cg.w, g.in.s.Session, g.done)
	if err != nil {
		return oplog.OpTime{}, err
	}
	if guard != nil {
		cg.guards = append(cg.guards, guard)
	}
	t, err := g.in.e.propose(&proposal{view: g.v.overlay.TS, coll: g.coll, guards: cg.guards, distinct: append(ig.distinct, cg.distinct...), maxID: ig.maxID,
		urgent: s.Urgent, group: cg.w.Finish()})
	if err != nil {
		return t, err
	}
	c := &g.coll.stats.buckets
	c.Inserts.Add(int64(len(fresh)))
	c.Updates.Add(int64(len(g.buckets) - len(fresh)))
	c.Opened.Add(g.opened)
	c.Measurements.Add(int64(g.taken))
	g.coll.stats.writes.Add(1)
	return t, nil
}

// remember notes the buckets that are open now.
func (g *measurementGroup) remember() {
	st := g.coll.stats
	if st.open == nil {
		st.open = map[string]openBucket{}
	}
	for meta, b := range g.of {
		for other := range st.open {
			if len(st.open) < maxOpenBuckets {
				break
			}
			delete(st.open, other)
			st.buckets.ClosedByMemory.Add(1)
		}
		st.open[meta] = openBucket{rid: b.rid, id: b.ID, start: b.Start}
	}
	for why, to := range map[timeseries.Fit]*atomic.Int64{timeseries.TooMany: &st.buckets.ClosedByCount, timeseries.TooLarge: &st.buckets.ClosedBySize,
		timeseries.TooLate: &st.buckets.ClosedByTimeForward, timeseries.TooEarly: &st.buckets.ClosedByTimeBackward, timeseries.OtherTypes: &st.buckets.ClosedBySchema} {
		to.Add(g.counts[why])
	}
}
