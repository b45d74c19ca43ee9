package engine

import (
	"context"
	"math"
	"sync"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// A capped collection is a log of bounded length: what is inserted pushes out what was inserted longest ago. What goes is decided
// by the primary, as part of the group that inserts, so that every member drops the same documents at the same place in the log.

// Capped is what bounds a capped collection.
type Capped struct {
	Size int64 // bytes of documents
	Max  int64 // documents
}

// cappedUnit is what mongod rounds sizes of capped collections up to.
const cappedUnit = 256

// NewCapped returns bounds as mongod understands those of a client: sizes rounded up, and no number or one below 1 for as many as fit.
func NewCapped(size, most int64) Capped {
	c := Capped{Size: (size + cappedUnit - 1) / cappedUnit * cappedUnit, Max: most}
	if most <= 0 || most >= math.MaxInt32 {
		c.Max = math.MaxInt32
	}
	return c
}

// parseCapped reads the bounds from a collection's options; nil if it is not capped.
func parseCapped(options document.Doc) *Capped {
	if !options.Lookup("capped").Truthy() {
		return nil
	}
	size, _ := options.Lookup("size").ToInt64()
	most, _ := options.Lookup("max").ToInt64()
	if most <= 0 {
		most = math.MaxInt32
	}
	return &Capped{Size: size, Max: most}
}

// trimLimit is how many documents one group removes at most, so that groups stay small. Where more have to go,
// groups that only remove come first.
const trimLimit = 2000

// groupLimits returns how large a group of insertions may become: one into a capped collection never removes what it inserts. (A document
// larger than the whole collection is there alone until the next comes, as in mongod.)
func (c *Collection) groupLimits() (ops, bytes int) {
	if c.Capped == nil {
		return groupOps, groupBytes
	}
	return int(min(groupOps, c.Capped.Max)), int(min(groupBytes, c.Capped.Size))
}

// ShownIndexes returns how many indexes clients count: that of a clustered collection on _id is the collection itself.
func (c *Collection) ShownIndexes() int {
	if c.Clustered {
		return len(c.Indexes) - 1
	}
	return len(c.Indexes)
}

// appendLock makes insertions into a capped collection come one after the other, so that the order of record ids is that of the log and a
// tailing cursor misses none.
func (c *Collection) appendLock() *sync.Mutex {
	if c.Capped == nil {
		return nil
	}
	return &c.stats.appending
}

// trim adds the removal of what has to go to a group that inserts. It reports false if that is too much for one group: then some has been removed
// by another, and the plan must be made again.
func (g *insertGroup) trim() (bool, error) {
	if g.coll.Capped == nil {
		return true, nil
	}
	old, all, err := g.overflow()
	if err != nil || len(old) == 0 {
		return err == nil, err
	}
	c := &changeGroup{e: g.e(), v: g.v, coll: g.coll, w: g.w}
	if !all {
		c.w = nil
	}
	for _, m := range old {
		if err := c.remove(m); err != nil {
			return false, err
		}
	}
	if !all {
		_, err := c.propose()
		return false, err
	}
	g.guards = append(g.guards, c.guards...)
	return true, nil
}

// overflow returns the oldest documents that have to go when the group is written; all is false if they are only the first of them.
func (g *insertGroup) overflow() (old []match, all bool, err error) {
	documents, bytes := g.coll.Count()
	documents += int64(g.inserted) - g.coll.Capped.Max
	bytes += g.size - g.coll.Capped.Size
	if documents <= 0 && bytes <= 0 {
		return nil, true, nil
	}
	src, err := newRecordSource(g.v, g.coll, false)
	if err != nil {
		return nil, false, err
	}
	defer func() {
		if e := src.close(); err == nil {
			err = e
		}
	}()
	for documents > 0 || bytes > 0 {
		rid, doc, ok, err := src.next(context.Background())
		if err != nil || !ok {
			return old, true, err
		}
		if len(old) == trimLimit {
			return old, false, nil
		}
		old = append(old, match{rid: rid, doc: doc.Clone()})
		documents--
		bytes -= int64(len(doc))
	}
	return old, true, nil
}

// A cursor that tails a capped collection waits for its notice.

// notice is a channel that is closed when there may be more to read.
type notice struct {
	mu sync.Mutex
	ch chan struct{} // nil: nobody waits
}

func (n *notice) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

func (n *notice) give() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}

// Grown returns a channel that is closed when documents are added to the collection, or it is dropped.
func (c *Collection) Grown() <-chan struct{} { return c.stats.grown.wait() }

// lostPosition is the error of a scan whose last document has been pushed out: what followed it may be gone as well.
func lostPosition(rid uint64) error {
	return mongoerr.New(mongoerr.CappedPositionLost, "CollectionScan died due to position in capped collection being deleted. Last seen record id: RecordId(%d)", rid)
}

// ConvertToCapped makes a capped collection of one that is there, with the newest of its documents, under the name to (which may be
// its own) and without its other indexes.
func (e *Engine) ConvertToCapped(ctx context.Context, ns, to string, size int64) (oplog.OpTime, error) {
	coll := e.state.Load().catalog.Collection(ns)
	if coll == nil {
		return oplog.OpTime{}, mongoerr.New(mongoerr.NamespaceNotFound, "source collection %s does not exist", ns)
	}
	target := temporaryName(Database(ns))
	t, err := e.CreateCollection(ctx, target, asTemporary(withCapped(coll.Options, NewCapped(size, 0))), document.Empty)
	if err != nil {
		return t, err
	}
	if _, err = e.copyDocuments(ctx, ns, target); err == nil {
		t, err = e.RenameCollection(ctx, target, to, to == ns)
	}
	if err != nil {
		_, _, dropErr := e.DropCollection(context.WithoutCancel(ctx), target)
		return t, joinFirst(err, dropErr)
	}
	return t, nil
}

// withCapped returns options with other bounds.
func withCapped(options document.Doc, c Capped) document.Doc {
	var b document.Builder
	b.AppendBool("capped", true)
	appendNumber(&b, "size", c.Size)
	if c.Max != math.MaxInt32 {
		appendNumber(&b, "max", c.Max)
	}
	for it := options.Iter(); it.Next(); {
		switch it.Key() {
		case "capped", "size", "max", "temp":
		default:
			b.AppendValue(it.Key(), it.Value())
		}
	}
	return b.Finish()
}

// copyDocuments inserts all documents of one collection into another.
func (e *Engine) copyDocuments(ctx context.Context, from, to string) (n int64, err error) {
	v := e.Local()
	it, err := v.Find(ctx, FindSpec{NS: from})
	if err != nil {
		return 0, err
	}
	defer it.Close()
	for {
		docs, err := it.take(ctx, groupOps, groupBytes)
		if err != nil || len(docs) == 0 {
			return n, err
		}
		r, err := e.Insert(ctx, to, docs, true, Statement{Bypass: true})
		n += int64(r.N)
		if err == nil && len(r.Errors) > 0 {
			err = r.Errors[0].Err
		}
		if err != nil {
			return n, err
		}
	}
}

// noteRecord keeps the greatest record id of a collection that storage has ever had.
func (a *applier) noteRecord(key []byte) {
	if number, rid, ok := keys.ParseRecord(key); ok && a.fresh {
		c := a.e.counters(number)
		if rid > c.committedID.Load() {
			c.committedID.Store(rid)
			a.touched[number] = c
		}
	}
}
