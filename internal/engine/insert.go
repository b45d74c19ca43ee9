package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// A large write enters the write lock in groups of at most this size, so that it never holds others up for long.
const (
	groupBytes = 256 << 10
	groupOps   = 500
)

// WriteError is the failure of one statement or document of a write.
type WriteError struct {
	Index int
	Err   *mongoerr.Error
}

// InsertResult is the outcome of an insert.
type InsertResult struct {
	N       int          // documents inserted, now or by an earlier try of the same statement
	Errors  []WriteError // of documents that were not
	Retried []int32      // statement ids that an earlier try had taken effect of
	Time    oplog.OpTime // of the last operation; zero if there was none
}

// Insert inserts documents, creating the collection if need be. Ordered stops at the first failure. An error is returned only if the
// whole insert could not go on; the result then tells what had been done.
func (e *Engine) Insert(ctx context.Context, ns string, docs []document.Doc, ordered bool, s Statement) (InsertResult, error) {
	in := &insertion{e: e, ns: ns, docs: docs, ordered: ordered, s: s}
	for in.next < len(in.docs) && !in.stopped {
		if err := e.throttle(ctx); err != nil {
			return in.result, err
		}
		coll, err := e.ensureCollection(ctx, ns)
		if err != nil {
			return in.result, err
		}
		if err := in.group(coll); err != nil && !errors.Is(err, errConflict) {
			return in.result, err
		}
	}
	return in.result, nil
}

// insertion is an insert under way.
type insertion struct {
	e       *Engine
	ns      string
	docs    []document.Doc
	ordered bool
	s       Statement

	next    int // the first document not dealt with
	stopped bool
	result  InsertResult
}

// group plans and enters the next group. If it is overtaken nothing has happened.
func (in *insertion) group(coll *Collection) error {
	if lock := coll.appendLock(); lock != nil {
		lock.Lock()
		defer lock.Unlock()
	}
	v := in.e.Local()
	defer v.Close()
	g := &insertGroup{in: in, v: &v, coll: coll, at: in.next, maxID: coll.stats.maxIDHint(&v, coll)}
	if err := g.plan(); err != nil {
		return err
	}
	if g.inserted > 0 {
		p := &proposal{view: v.overlay.TS, coll: coll, guards: g.guards, distinct: g.distinct, maxID: g.maxID, urgent: in.s.Urgent, group: g.w.Finish()}
		t, err := in.e.propose(p)
		if err != nil {
			return err
		}
		in.result.Time = t
		coll.stats.writes.Add(1)
	}
	in.entered(g.at, g.inserted, g.retried, g.errors)
	return nil
}

// entered notes what became of a group: the documents before next are dealt with.
func (in *insertion) entered(next, inserted int, retried []int32, errs []WriteError) {
	in.next = next
	in.result.N += inserted + len(retried)
	in.result.Errors = append(in.result.Errors, errs...)
	in.result.Retried = append(in.result.Retried, retried...)
	in.stopped = in.ordered && len(errs) > 0
}

// insertGroup is the plan of one group.
type insertGroup struct {
	in   *insertion
	v    *View
	coll *Collection
	w    *oplog.Writer

	at       int // the next document
	inserted int
	size     int64 // bytes of what is inserted
	done     []statement
	errors   []WriteError
	retried  []int32
	guards   [][]byte
	distinct []distinctKey
	maxID    []byte
	rid      uint64 // of the last document
	entries  keys.Entries
	unique   map[string]struct{} // the guards, from when a key first had to be looked up
}

func (g *insertGroup) plan() error {
	maxOps, maxBytes := g.coll.groupLimits()
	for g.at < len(g.in.docs) && g.inserted < maxOps && (g.w == nil || g.w.Size() < maxBytes) {
		if g.coll.Capped != nil && g.inserted > 0 && g.size+int64(len(g.in.docs[g.at])+idBytes) > g.coll.Capped.Size {
			break
		}
		id := g.in.s.ID + int32(g.at)
		_, done, err := g.v.Retried(g.in.s.Session, id)
		if err != nil {
			return err
		}
		if done {
			g.retried = append(g.retried, id)
			g.at++
			continue
		}
		if err := g.document(id, g.in.docs[g.at]); err != nil {
			var mistake *mongoerr.Error
			if !errors.As(err, &mistake) {
				return err
			}
			g.errors = append(g.errors, WriteError{Index: g.at, Err: mistake})
			g.at++
			if g.in.ordered {
				break
			}
			continue
		}
		g.at++
	}
	if g.inserted == 0 {
		return nil
	}
	if fits, err := g.trim(); err != nil || !fits {
		return errors.Join(err, errConflictIf(err == nil))
	}
	guard, err := g.v.record(g.w, g.in.s.Session, g.done)
	if guard != nil {
		g.guards = append(g.guards, guard)
	}
	return err
}

// document adds one document to the group.
func (g *insertGroup) document(id int32, doc document.Doc) error {
	doc, err := PrepareInsert(doc)
	if err != nil {
		return err
	}
	if err := g.coll.admit(doc, g.in.s.Bypass); err != nil {
		return err
	}
	rid, err := g.e().nextRecordID(g.v, g.coll)
	if err != nil {
		return err
	}
	g.rid = rid
	claimed, distinct := len(g.guards), len(g.distinct)
	if err := g.addKeys(doc, rid); err != nil {
		g.release(claimed)
		g.distinct = g.distinct[:distinct]
		return err
	}
	g.begin(id, doc)
	g.w.PutO(keys.AppendRecord(nil, g.coll.Number, rid))
	var space [32]byte
	for i := range g.entries.Len() {
		g.w.Put(g.entries.At(i), g.entries.EntryValue(space[:0], i, rid))
	}
	g.w.Account(1, int64(len(doc)))
	g.size += int64(len(doc))
	g.inserted++
	return nil
}

func (g *insertGroup) e() *Engine { return g.in.e }

// addKeys makes the document's index entries and checks that the unique ones are free.
func (g *insertGroup) addKeys(doc document.Doc, rid uint64) error {
	g.entries.Reset()
	var ids []byte
	for _, ix := range g.coll.Indexes {
		from := g.entries.Len()
		if err := g.e().appendEntries(&g.entries, g.coll, ix, doc, rid); err != nil {
			return err
		}
		for i := from; ix.Distinct && i < g.entries.Len(); i++ {
			list, err := g.v.claimDistinct(g.distinct, g.coll, ix, g.entries.At(i), doc)
			if err != nil {
				return err
			}
			g.distinct = list
		}
		if !ix.Unique {
			continue
		}
		for i := from; i < g.entries.Len(); i++ {
			key := bytes.Clone(g.entries.At(i))
			isID := ix.Name == idIndexName
			if isID {
				ids = key
			}
			if !isID || g.maxID == nil || bytes.Compare(key, g.maxID) <= 0 {
				taken, err := g.taken(key)
				if err != nil {
					return err
				}
				if taken {
					return duplicateKey(g.coll, ix, doc, key)
				}
			}
			g.guards = append(g.guards, key)
			if g.unique != nil {
				g.unique[string(key)] = struct{}{}
			}
		}
	}
	if ids != nil && (g.maxID == nil || bytes.Compare(ids, g.maxID) > 0) {
		g.maxID = ids
	}
	return nil
}

// release gives back the unique keys from one on: their document is not inserted after all.
func (g *insertGroup) release(from int) {
	for _, key := range g.guards[from:] {
		delete(g.unique, string(key))
	}
	g.guards = g.guards[:from]
}

func (g *insertGroup) taken(key []byte) (bool, error) {
	if g.unique == nil {
		g.unique = make(map[string]struct{}, len(g.guards))
		for _, k := range g.guards {
			g.unique[string(k)] = struct{}{}
		}
	}
	if _, ok := g.unique[string(key)]; ok {
		return true, nil
	}
	return g.v.has(key)
}

// begin starts the operation of a document. What is recorded of its statement is one range for a run of documents.
func (g *insertGroup) begin(id int32, doc document.Doc) {
	stmt := int32(-1)
	if g.in.s.Session != nil {
		stmt = id
	}
	if g.w == nil {
		size := len(doc)
		for _, d := range g.in.docs[g.at:min(g.at+groupOps, len(g.in.docs))] {
			size += len(d) + 96
			if size > groupBytes {
				break
			}
		}
		g.w = oplog.NewWriter(&oplog.Header{Wall: time.Now().UnixMilli(), Collection: g.coll.Number, UUID: g.coll.UUID,
			Namespace: g.coll.NS, Session: g.in.s.Session}, size+512)
	}
	g.w.Begin(oplog.Insert, stmt, doc, nil)
	if n := len(g.done); n > 0 && g.done[n-1].first+g.done[n-1].n == id {
		g.done[n-1].n++
	} else if stmt >= 0 {
		g.done = append(g.done, statement{first: id, n: 1})
	}
}

// idBytes is what an _id that is made adds to a document, and a little more.
const idBytes = 20

// PrepareInsert returns a document as it is stored: _id first, made if it is missing, everything checked.
func PrepareInsert(doc document.Doc) (document.Doc, error) {
	if len(doc) > document.MaxSize {
		return nil, mongoerr.New(mongoerr.BadValue, "object to insert too large. size in bytes: %d, max size: %d", len(doc), document.MaxSize)
	}
	if err := checkDepth(doc); err != nil {
		return nil, err
	}
	it := doc.Iter()
	first := it.Next()
	if first && it.Key() == "_id" {
		return doc, checkID(it.Value())
	}
	id := doc.Lookup("_id")
	if id.IsMissing() {
		oid := document.NewObjectID()
		id = document.OID(oid)
	}
	if err := checkID(id); err != nil {
		return nil, err
	}
	b := document.NewBuilder(make([]byte, 0, len(doc)+idBytes))
	b.AppendValue("_id", id)
	for it := doc.Iter(); it.Next(); {
		if it.Key() != "_id" {
			b.AppendValue(it.Key(), it.Value())
		}
	}
	return b.Finish(), nil
}

// checkID refuses values that cannot be an _id.
func checkID(id document.Value) error {
	switch id.Type {
	case document.TypeArray, document.TypeUndefined, document.TypeRegex:
		return mongoerr.New(mongoerr.InvalidIdField, "The '_id' value cannot be of type %s", id.Type)
	case document.TypeDocument:
		return checkStoredNames(id.Doc())
	}
	return nil
}

// checkStoredNames refuses names that begin with $ anywhere in the document of an _id, but for those of a reference ($ref, $id, $db).
func checkStoredNames(d document.Doc) error {
	inReference := false
	for it := d.Iter(); it.Next(); {
		name, v := it.Key(), it.Value()
		if len(name) > 0 && name[0] == '$' {
			inReference = name == "$ref" || inReference && (name == "$id" || name == "$db")
			if !inReference {
				return mongoerr.New(mongoerr.DollarPrefixedFieldName, "_id fields may not contain '$'-prefixed fields: %s is not valid for storage.", name)
			}
		} else {
			inReference = false
		}
		if inside := v.Doc(); inside != nil {
			if err := checkStoredNames(inside); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkDepth refuses a document that is nested too deeply. One level takes seven bytes at least, so that few documents are looked at.
func checkDepth(doc document.Doc) error {
	if len(doc) > 7*document.MaxStoredDepth && doc.Depth() > document.MaxStoredDepth {
		return mongoerr.New(mongoerr.Overflow, "cannot insert document because it exceeds %d levels of nesting", document.MaxStoredDepth)
	}
	return nil
}

// nextValue returns the first of the values that a key consists of, as the document has it: of an array, the element that is meant.
func (ix *Index) nextValue(doc document.Doc, path string, key []byte) (v document.Value, rest []byte) {
	inKey, rest, err := keys.DecodeValue(key)
	v = doc.LookupPath(path)
	switch {
	case (v.IsMissing() || ix.Plugin != nil) && err == nil:
		return inKey, rest
	case v.IsMissing():
		return document.Null, nil
	case v.Type != document.TypeArray || err != nil:
		return v, rest
	}
	for it := v.Doc().Iter(); it.Next(); {
		if document.Equal(document.Collated(ix.Collator, it.Value()), inKey) {
			return it.Value(), rest
		}
	}
	return inKey, rest
}

// duplicateKey is mongod's error for a unique key that is taken.
func duplicateKey(coll *Collection, ix *Index, doc document.Doc, key []byte) error {
	pattern := ix.Spec.Lookup("key").Doc()
	var value document.Builder
	rest := key[keys.IndexPrefixLen:]
	for it := pattern.Iter(); it.Next(); {
		var v document.Value
		v, rest = ix.nextValue(doc, it.Key(), rest)
		value.AppendValue(it.Key(), v)
	}
	kv := value.Finish()
	if ix.Collation != nil {
		return duplicateCollatedKey(coll, ix, kv)
	}
	var extra document.Builder
	extra.AppendDoc("keyPattern", pattern)
	extra.AppendDoc("keyValue", kv)
	return mongoerr.New(mongoerr.DuplicateKey, "E11000 duplicate key error collection: %s index: %s dup key: %s", coll.NS, ix.Name, kv.Shell()).
		WithExtra(extra.Finish())
}

// appendEntries makes a document's entries in one index, none if the index is partial and not about the document. If the document is the first with an array in it, the catalog has to say so
// before the entries can be written: it returns errConflict when it does.
func (e *Engine) appendEntries(dst *keys.Entries, coll *Collection, ix *Index, doc document.Doc, rid uint64) error {
	dst.Multikey, dst.Arrays = 0, nil
	if ix.Partial != nil {
		if ok, err := ix.Partial.Match(doc); !ok || err != nil {
			return err
		}
	}
	if err := ix.AppendEntries(dst, doc, rid); err != nil {
		var mistake *keys.Error
		if errors.As(err, &mistake) {
			return mongoerr.New(mongoerr.Code(mistake.Code), "%s", mistake.Message)
		}
		return err
	}
	if !ix.knowsArrays(dst) {
		if err := e.setMultikey(coll, ix, dst); err != nil {
			return err
		}
		return errConflict
	}
	return nil
}

// nextRecordID returns a record id greater than all that were ever used in the collection.
func (e *Engine) nextRecordID(v *View, coll *Collection) (uint64, error) {
	c := coll.stats
	if c.nextID.Load() == 0 {
		if err := c.findNextID(v, coll); err != nil {
			return 0, err
		}
	}
	return c.nextID.Add(1) - 1, nil
}

func (c *counters) findNextID(v *View, coll *Collection) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.nextID.Load() != 0 {
		return nil
	}
	lo, hi := keys.RecordRange(coll.Number)
	last, found, err := v.lastKey(lo, hi)
	if err != nil {
		return err
	}
	next := c.committedID.Load() + 1
	if found {
		next = max(next, recordID(last)+1)
	}
	c.nextID.Store(next)
	return nil
}

// maxIDHint returns the greatest key of the _id index: what is greater cannot be there. It returns nil if it is not known.
func (c *counters) maxIDHint(v *View, coll *Collection) []byte {
	if m := c.maxID.Load(); m != nil {
		return *m
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	lo, hi := keys.IndexRange(coll.Indexes[0].Number)
	last, found, err := v.lastKey(lo, hi)
	if err != nil || !found {
		return nil
	}
	return last
}

// lastKey returns the greatest key in a range.
func (v *View) lastKey(lo, hi []byte) (key []byte, found bool, err error) {
	s, err := v.newScan(lo, hi, true)
	if err != nil {
		return nil, false, err
	}
	if s.seek(hi) {
		key, found = bytes.Clone(s.key()), true
	}
	if err := s.close(); err != nil {
		return nil, false, fmt.Errorf("engine: %w", err)
	}
	return key, found, nil
}
