package engine

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"time"
	"unsafe"

	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// indexBuild is the build of an index under way, beside reads and writes. Writes maintain the index from its first moment; what the build adds
// are the entries of the documents that were there before.
//
// It goes in runs. A run reads documents in a view until it has [buildRunBytes] of entries, sorts them, and enters them in the order of their keys, which is
// what storage takes most easily: one run's entries are written to disk once. A document that is written meanwhile ([changedRecords]) is passed over and
// looked at again at the end of its run. A unique index is built in the order of the documents instead, since each of its keys must be found free.
type indexBuild struct {
	e             *Engine
	number, index uint32
	from, end     []byte // of the records that are left
}

const (
	buildOps      = 2000      // how many documents or entries a group has, at most
	buildRunBytes = 100 << 20 // of a run's entries in memory (mongod: 200 MB)
)

// buildIndex adds the entries of all documents to an index and makes it ready.
func (e *Engine) buildIndex(ctx context.Context, number, index uint32) (oplog.OpTime, error) {
	b := &indexBuild{e: e, number: number, index: index}
	b.from, b.end = keys.RecordRange(number)
	defer e.builds.Delete(index)
	for b.from != nil {
		_, ix, err := b.find(e.state.Load().catalog)
		switch {
		case err != nil:
		case ix.Unique:
			err = b.retry(ctx, b.group)
		default:
			err = b.run(ctx)
		}
		if err != nil {
			return oplog.OpTime{}, err
		}
	}
	return e.finishIndex(ctx, number, index)
}

// retry does a step until no other write has overtaken it.
func (b *indexBuild) retry(ctx context.Context, step func(context.Context) error) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := b.e.throttle(ctx); err != nil {
			return err
		}
		if err := step(ctx); !errors.Is(err, errConflict) {
			return err
		}
	}
}

// find returns the collection and the index as they are in a catalog.
func (b *indexBuild) find(c *Catalog) (*Collection, *Index, error) {
	coll := c.numbers[b.number]
	if coll == nil {
		return nil, nil, mongoerr.New(mongoerr.IndexBuildAborted, "collection dropped while its index was built")
	}
	i := slices.IndexFunc(coll.Indexes, func(ix *Index) bool { return ix.Number == b.index })
	if i < 0 {
		return nil, nil, mongoerr.New(mongoerr.IndexBuildAborted, "index dropped while it was built")
	}
	return coll, coll.Indexes[i], nil
}

// run builds the entries of the next documents, as many as make a run.
func (b *indexBuild) run(ctx context.Context) error {
	changed := b.e.watchRecords(b.number)
	defer b.e.unwatchRecords(changed)
	var list *buildRun
	err := b.retry(ctx, func(ctx context.Context) (err error) {
		list, err = b.gather(ctx)
		return err
	})
	if err != nil {
		return err
	}
	list.sort()
	for len(list.entries) > 0 {
		err := b.retry(ctx, func(context.Context) error { return b.enter(list, changed) })
		if err != nil {
			return err
		}
	}
	for _, rid := range b.e.changedSince(changed) {
		err := b.retry(ctx, func(context.Context) error { return b.again(rid) })
		if err != nil {
			return err
		}
	}
	b.from = list.next
	return nil
}

// buildRun is the entries of one run.
type buildRun struct {
	buf     []byte
	entries []buildEntry
	next    []byte // the record that the next run begins with; nil: there are no more
}

// buildEntry is an entry of a run: the key and the value behind it stand in its buffer.
type buildEntry struct {
	first            uint64 // bytes of the key behind the index's prefix: most comparisons need no more
	rid              uint64
	start            uint32
	keyLen, wholeLen uint32
}

// gather makes the entries of the next documents.
func (b *indexBuild) gather(ctx context.Context) (*buildRun, error) {
	v := b.e.Local()
	defer v.Close()
	coll, ix, err := b.find(v.Catalog)
	if err != nil {
		return nil, err
	}
	s, err := v.newScan(b.from, b.end, false)
	if err != nil {
		return nil, err
	}
	r := &buildRun{}
	err = errors.Join(b.read(ctx, r, coll, ix, s), s.close())
	return r, err
}

func (b *indexBuild) read(ctx context.Context, r *buildRun, coll *Collection, ix *Index, s *scan) error {
	var made keys.Entries
	done := &b.progress(coll, ix).done
	n := 0
	for ok := s.seek(b.from); ok; ok = s.next() {
		if r.size() >= buildRunBytes {
			r.next = bytes.Clone(s.key())
			break
		}
		if n++; n%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		rid := recordID(s.key())
		made.Reset()
		if err := b.e.appendEntries(&made, coll, ix, s.value(), rid); err != nil {
			return err
		}
		for i := range made.Len() {
			r.add(&made, i, rid)
		}
	}
	if s.err == nil {
		done.Add(int64(n))
	}
	return s.err
}

func (r *buildRun) add(made *keys.Entries, i int, rid uint64) {
	e := buildEntry{rid: rid, start: uint32(len(r.buf))}
	key := made.At(i)
	var first [8]byte
	copy(first[:], key[keys.IndexPrefixLen:])
	e.first = binary.BigEndian.Uint64(first[:])
	r.buf = append(r.buf, key...)
	e.keyLen = uint32(len(r.buf)) - e.start
	r.buf = made.EntryValue(r.buf, i, rid)
	e.wholeLen = uint32(len(r.buf)) - e.start
	r.entries = append(r.entries, e)
}

// size returns the memory that the run takes.
func (r *buildRun) size() int { return len(r.buf) + len(r.entries)*int(unsafe.Sizeof(buildEntry{})) }

func (r *buildRun) key(e *buildEntry) []byte   { return r.buf[e.start : e.start+e.keyLen] }
func (r *buildRun) value(e *buildEntry) []byte { return r.buf[e.start+e.keyLen : e.start+e.wholeLen] }

func (r *buildRun) sort() {
	slices.SortFunc(r.entries, func(a, b buildEntry) int {
		switch {
		case a.first < b.first:
			return -1
		case a.first > b.first:
			return 1
		}
		return bytes.Compare(r.key(&a), r.key(&b))
	})
}

// enter enters the first entries of a run, but for those of documents that were written since they were read, and takes them off it.
func (b *indexBuild) enter(r *buildRun, changed *changedRecords) error {
	st := b.e.state.Load()
	coll, _, err := b.find(st.catalog)
	if err != nil {
		return err
	}
	list := r.entries[:min(len(r.entries), buildOps)]
	p := &proposal{coll: coll, changed: changed}
	w := buildWriter(coll)
	for _, e := range b.e.unchanged(list, changed) {
		p.unchanged = append(p.unchanged, e.rid)
		w.Put(r.key(&e), r.value(&e))
	}
	if len(p.unchanged) > 0 {
		p.group = w.Finish()
		if _, err := b.e.propose(p); err != nil {
			return err
		}
		coll.stats.writes.Add(1)
	}
	r.entries = r.entries[len(list):]
	return nil
}

// again builds the entries of a document that was written while its run was under way, unless it is gone.
func (b *indexBuild) again(rid uint64) error {
	v := b.e.Local()
	defer v.Close()
	coll, ix, err := b.find(v.Catalog)
	if err != nil {
		return err
	}
	doc, found, err := v.get(nil, keys.AppendRecord(nil, b.number, rid))
	if err != nil || !found {
		return err
	}
	g := &changeGroup{e: b.e, v: &v, coll: coll, w: buildWriter(coll)}
	if err := g.build(ix, match{rid: rid, doc: doc}); err != nil {
		return err
	}
	_, err = g.propose()
	return err
}

// buildWriter returns the writer of a group of entries that are no operation of a client.
func buildWriter(coll *Collection) *oplog.Writer {
	w := oplog.NewWriter(&oplog.Header{Wall: time.Now().UnixMilli(), Namespace: coll.NS, UUID: coll.UUID, Collection: coll.Number}, groupBytes)
	w.Begin(oplog.Internal, -1, nil, nil)
	return w
}

// group adds the entries of the next documents in their order. If another write changes one of them meanwhile, it is to be made again.
func (b *indexBuild) group(ctx context.Context) error {
	v := b.e.Local()
	defer v.Close()
	coll, ix, err := b.find(v.Catalog)
	if err != nil {
		return err
	}
	s, err := v.newScan(b.from, b.end, false)
	if err != nil {
		return err
	}
	g := &changeGroup{e: b.e, v: &v, coll: coll}
	next, err := b.collect(ctx, g, ix, s)
	if err = errors.Join(err, s.close()); err != nil {
		return err
	}
	if len(g.guards) > 0 {
		if _, err := g.propose(); err != nil {
			return err
		}
	}
	b.progress(coll, ix).done.Add(int64(g.records))
	b.from = next
	return nil
}

// collect puts the entries of documents into the group until it is large enough, and returns where the next begins; nil at the end.
func (b *indexBuild) collect(ctx context.Context, g *changeGroup, ix *Index, s *scan) (next []byte, err error) {
	g.w = buildWriter(g.coll)
	n := 0
	ok := s.seek(b.from)
	for ; ok && n < buildOps && g.w.Size() < groupBytes; ok = s.next() {
		if n++; n%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
		}
		if err := g.build(ix, match{rid: recordID(s.key()), doc: s.value()}); err != nil {
			return nil, err
		}
	}
	if s.err != nil || !ok {
		return nil, s.err
	}
	return bytes.Clone(s.key()), nil
}

// build adds the entries of one document in one index.
func (g *changeGroup) build(ix *Index, m match) error {
	g.guards = append(g.guards, keys.AppendRecord(nil, g.coll.Number, m.rid))
	g.records++
	g.new.Reset()
	if err := g.e.appendEntries(&g.new, g.coll, ix, m.doc, m.rid); err != nil {
		return err
	}
	if ix.Unique {
		if err := g.claimEntries(ix, m); err != nil {
			return err
		}
	}
	g.writeKeys(m.rid)
	return nil
}

// claimEntries checks that the document's unique keys are free, or its own already.
func (g *changeGroup) claimEntries(ix *Index, m match) error {
	for i := range g.new.Len() {
		key := g.new.At(i)
		var space [32]byte
		owner, found, err := g.v.get(space[:0], key)
		switch {
		case err != nil:
			return err
		case found && entryRecord(owner) == m.rid:
			continue
		case found:
			return duplicateKey(g.coll, ix, m.doc, key)
		}
		if err := g.claim(ix, key, m.doc); err != nil {
			return err
		}
	}
	return nil
}
