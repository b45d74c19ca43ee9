package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/query"
)

// UpdateSpec is one update statement, or a findAndModify that updates.
type UpdateSpec struct {
	NS           string
	Filter       document.Doc
	Update       document.Value // a document, or an array of pipeline stages
	Multi        bool
	Upsert       bool
	Sort         document.Doc // of findAndModify: which of several documents
	Collation    document.Doc
	Hint         document.Value
	ArrayFilters []document.Doc
	Expr         expr.Options           // of expressions; the collator comes from the collection and Collation
	Constants    document.Doc           // further variables of an update that is a pipeline
	KnownStage   func(name string) bool // of a pipeline: whether there is such a stage, if not for updates
	Return       Return
	Scores       bool                   // what the document scores in a text search is wanted with it
	Weigh        func(document.Doc) int // how many documents one counts for; nil: 1
}

// Return says which document findAndModify wants back.
type Return int

// What a write returns beside its numbers.
const (
	ReturnNothing Return = iota
	ReturnOld
	ReturnNew
)

// UpdateResult is the outcome of an update.
type UpdateResult struct {
	Matched, Modified int64
	Upserted          document.Value // the _id of the document that was inserted
	Doc               document.Doc   // as asked for by Return; nil if there is none
	Meta              *expr.Meta     // what was known of it besides what it holds; nil for nothing
	Time              oplog.OpTime   // of the last operation; zero if nothing changed
	Retried           bool           // an earlier try of the statement had taken effect: this is its result
}

// Update runs one statement. On error the result tells what had been done.
func (e *Engine) Update(ctx context.Context, spec *UpdateSpec, s Statement) (UpdateResult, error) {
	u := &update{e: e, spec: spec, s: s}
	if err := u.compile(); err != nil {
		return u.result, err
	}
	if spec.Multi {
		err := u.runMulti(ctx)
		return u.result, err
	}
	if id, ok := query.IDEquality(orEmpty(spec.Filter)); ok {
		latch := e.latch(keys.AppendValue(nil, id))
		latch.Lock()
		defer latch.Unlock()
	}
	for {
		if err := e.throttle(ctx); err != nil {
			return u.result, err
		}
		err := u.runOne(ctx)
		if !errors.Is(err, errConflict) {
			return u.result, err
		}
	}
}

// update is an update statement under way.
type update struct {
	e      *Engine
	spec   *UpdateSpec
	s      Statement
	filter *query.Filter
	sort   *query.Sort
	change *query.Update
	env    query.Env
	result UpdateResult
}

func (u *update) compile() (err error) {
	filter := orEmpty(u.spec.Filter)
	catalog := u.e.state.Load().catalog
	order, err := catalog.collator(u.spec.NS, u.spec.Collation)
	if err != nil {
		return err
	}
	options := u.spec.Expr
	options.Collator = order
	compiled, filterErr := query.CompileFilter(filter, query.FilterOptions{Collator: order, Expr: options, Upsert: u.spec.Upsert, Near: true, Text: catalog.Search(u.spec.NS)})
	u.filter = compiled
	if options, err = options.WithConstants(u.spec.Constants); err != nil {
		return err
	}
	u.change, err = query.CompileUpdate(u.spec.Update, query.UpdateOptions{Filter: u.filter, ArrayFilters: u.spec.ArrayFilters,
		Multi: u.spec.Multi, Collator: order, Expr: options, KnownStage: u.spec.KnownStage})
	if err = cmp.Or(err, filterErr); err != nil { // of two mistakes, the update's is told
		return err
	}
	if u.sort, err = compileSort(u.spec.Sort, order, compiled); err != nil {
		return err
	}
	if err := query.CheckText(u.filter, u.spec.Hint, u.sort, false); err != nil {
		return err
	}
	now := time.Now()
	u.env = query.Env{NowMS: now.UnixMilli(), Timestamp: uint64(oplog.Next(0, now)), ID: document.NewObjectID()}
	return nil
}

// runOne updates one document, or inserts one. errConflict: nothing happened, again.
func (u *update) runOne(ctx context.Context) error {
	v := u.e.Local()
	defer v.Close()
	if done, err := u.retried(&v); done || err != nil {
		return err
	}
	coll := v.Catalog.Collection(u.spec.NS)
	var found match
	if coll != nil {
		var err error
		if found, err = v.findOne(ctx, &request{coll: coll, filter: u.filter, sort: u.sort, hint: u.spec.Hint, scores: wantsScore(u.filter, u.sort, u.spec.Scores)}); err != nil {
			return planErrorOfWrite(coll.NS, u.filter, u.spec.Sort, u.shownCollation(), err)
		}
	}
	if found.doc == nil {
		if !u.spec.Upsert {
			return nil
		}
		if coll == nil {
			_, err := u.e.ensureCollection(ctx, u.spec.NS)
			return errors.Join(err, errConflictIf(err == nil))
		}
		return u.executionError(u.insert(&v, coll))
	}
	g := &changeGroup{e: u.e, v: &v, coll: coll, s: u.s}
	updated, changed, err := g.update(u, found)
	if err != nil {
		return u.executionError(err)
	}
	result := UpdateResult{Matched: 1}
	switch u.spec.Return {
	case ReturnOld:
		result.Doc, result.Meta = found.doc, found.meta
	case ReturnNew:
		result.Doc, result.Meta = updated, found.meta
	}
	if changed {
		result.Modified = 1
		if err := g.record(updateRecord(&result)); err != nil {
			return err
		}
		if result.Time, err = g.propose(); err != nil {
			return err
		}
	}
	u.result = result
	return nil
}

// shownCollation is how messages show the collation of an update: whole, whatever was asked for.
func (u *update) shownCollation() document.Doc {
	order, err := u.e.state.Load().catalog.Collation(u.spec.NS, u.spec.Collation)
	if err != nil || order == nil {
		var simple document.Builder
		simple.AppendString("locale", "simple")
		return simple.Finish()
	}
	return order.Document()
}

// executionError makes of the error of a document what findAndModify says of it.
func (u *update) executionError(err error) error {
	var mistake *mongoerr.Error
	if u.spec.Return == ReturnNothing || !errors.As(err, &mistake) ||
		mistake.Code.Is(mongoerr.NotPrimaryError|mongoerr.ShutdownError|mongoerr.Interruption|mongoerr.RetriableError) {
		return err
	}
	return mistake.WithContext("Plan executor error during findAndModify")
}

func errConflictIf(yes bool) error {
	if yes {
		return errConflict
	}
	return nil
}

// insert is the upsert that found nothing.
func (u *update) insert(v *View, coll *Collection) error {
	doc, err := u.change.Insert(u.env)
	if err != nil {
		return err
	}
	if doc, err = PrepareInsert(doc); err != nil {
		return err
	}
	result := UpdateResult{Upserted: doc.Lookup("_id").Clone()}
	if u.spec.Return == ReturnNew {
		result.Doc = doc
	}
	if lock := coll.appendLock(); lock != nil {
		lock.Lock()
		defer lock.Unlock()
		if v.overlay.TS != uint64(u.e.LastTime().TS) {
			return errConflict // what was written since may be part of what has to go
		}
	}
	in := &insertion{e: u.e, ns: u.spec.NS, docs: []document.Doc{doc}, ordered: true, s: u.s}
	g := &insertGroup{in: in, v: v, coll: coll, maxID: coll.stats.maxIDHint(v, coll)}
	if err := g.document(u.s.ID, doc); err != nil {
		return err
	}
	if fits, err := g.trim(); err != nil || !fits {
		return errors.Join(err, errConflictIf(err == nil))
	}
	guard, err := v.record(g.w, u.s.Session, []statement{{first: u.s.ID, n: 1, result: updateRecord(&result)}})
	if err != nil {
		return err
	}
	if guard != nil {
		g.guards = append(g.guards, guard)
	}
	result.Time, err = u.e.propose(&proposal{view: v.overlay.TS, coll: coll, guards: g.guards, distinct: g.distinct, maxID: g.maxID, urgent: u.s.Urgent, group: g.w.Finish()})
	if err == nil {
		u.result = result
		coll.stats.writes.Add(1)
	}
	return err
}

// Records of retryable updates: {n, nModified, upserted, value}.

func updateRecord(r *UpdateResult) document.Doc {
	var b document.Builder
	b.AppendInt64("n", r.Matched)
	b.AppendInt64("nModified", r.Modified)
	b.AppendValue("upserted", r.Upserted)
	if r.Doc != nil {
		b.AppendDoc("value", r.Doc)
	}
	return b.Finish()
}

// retried takes the result over from an earlier try of the statement.
func (u *update) retried(v *View) (bool, error) {
	rec, found, err := v.Retried(u.s.Session, u.s.ID)
	if err != nil || !found {
		return false, err
	}
	u.result = UpdateResult{Matched: rec.Lookup("n").Int64(), Modified: rec.Lookup("nModified").Int64(),
		Upserted: rec.Lookup("upserted"), Doc: rec.Lookup("value").Doc(), Retried: true}
	return true, nil
}

// runMulti updates everything that matches as of one view, group by group. What others write meanwhile is looked at again
// document by document; documents that appear later are left alone.
func (u *update) runMulti(ctx context.Context) error {
	err := u.e.eachGroup(ctx, u.spec.NS, u.filter, u.spec.Hint, u.group, func(ctx context.Context) error {
		if u.result.Matched > 0 || !u.spec.Upsert {
			return nil
		}
		for {
			if _, err := u.e.ensureCollection(ctx, u.spec.NS); err != nil {
				return err
			}
			v := u.e.Local()
			coll, err := v.Catalog.Collection(u.spec.NS), error(errConflict)
			if coll != nil {
				err = u.insert(&v, coll)
			}
			v.Close()
			if !errors.Is(err, errConflict) {
				return err
			}
		}
	})
	return planErrorOfWrite(u.spec.NS, u.filter, nil, u.shownCollation(), err)
}

// group updates what still matches of a group. What stands before a document that cannot be updated stays updated.
func (u *update) group(ctx context.Context, v *View, coll *Collection, found []match) error {
	g := &changeGroup{e: u.e, v: v, coll: coll, s: u.s}
	var matched, modified int64
	var failed error
	for _, m := range found {
		var ok, changed bool
		weight := int64(1)
		if ok, failed = u.filter.MatchContext(ctx, m.doc); ok && failed == nil {
			if u.spec.Weigh != nil {
				weight = int64(u.spec.Weigh(m.doc))
			}
			matched += weight
			_, changed, failed = g.update(u, m)
		}
		if errors.Is(failed, errConflict) {
			return failed
		}
		if failed != nil {
			break
		}
		if changed {
			modified += weight
		}
	}
	if g.w != nil {
		t, err := g.propose()
		if err != nil {
			return err
		}
		u.result.Time = t
	}
	u.result.Matched += matched
	u.result.Modified += modified
	return failed
}

// match is a document that was found.
type match struct {
	rid  uint64
	doc  document.Doc
	meta *expr.Meta // what is known of it besides what it holds; nil for nothing
}

// findOne returns the first document that matches, in the order of sort; its doc is nil if there is none. The document is a copy.
func (v *View) findOne(ctx context.Context, r *request) (match, error) {
	r.want = 1
	sort := r.sort
	w, err := v.access(ctx, r)
	if err != nil {
		return match{}, err
	}
	src, residual, sorted := w.src, w.plan.Residual, w.plan.ProvidesSort
	var best match
	var bestKey []document.Value
	for n := 0; ; n++ {
		if n%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return match{}, errors.Join(err, src.close())
			}
		}
		rid, doc, ok, err := src.next(ctx)
		if err != nil || !ok {
			return best, errors.Join(err, src.close())
		}
		if residual != nil {
			ok, err := residual.MatchContext(ctx, doc)
			if err != nil {
				return best, errors.Join(err, src.close())
			}
			if !ok {
				continue
			}
		}
		if sort == nil || sorted {
			best = match{rid, doc.Clone(), metaOf(src).Clone()}
			return best, src.close()
		}
		key, err := sort.AppendKeyOf(nil, doc, metaOf(src))
		if err != nil {
			return match{}, errors.Join(err, src.close())
		}
		if best.doc == nil || sort.Compare(key, bestKey) < 0 {
			best = match{rid, doc.Clone(), metaOf(src).Clone()}
			if bestKey, err = sort.AppendKeyOf(nil, best.doc, metaOf(src)); err != nil {
				return match{}, errors.Join(err, src.close())
			}
		}
	}
}

// eachGroup finds what matches as of now and calls do with groups of it, each read anew on a view of its own, again for as long
// as it answers errConflict. At the end it calls last.
func (e *Engine) eachGroup(ctx context.Context, ns string, filter *query.Filter, hint document.Value,
	do func(context.Context, *View, *Collection, []match) error, last func(context.Context) error) error {
	coll := e.state.Load().catalog.Collection(ns)
	if coll == nil {
		return last(ctx)
	}
	return e.eachGroupOf(ctx, &request{coll: coll, filter: filter, hint: hint}, do, last)
}

func (e *Engine) eachGroupOf(ctx context.Context, r *request, do func(context.Context, *View, *Collection, []match) error, last func(context.Context) error) error {
	v := e.Local()
	defer v.Close()
	coll := v.Catalog.numbers[r.coll.Number]
	if coll == nil {
		return last(ctx)
	}
	r.coll = coll
	w, err := v.access(ctx, r)
	if err != nil {
		return err
	}
	src, residual := w.src, w.plan.Residual
	for {
		rids, more, err := collectGroup(ctx, src, residual)
		if err == nil && len(rids) > 0 {
			err = e.doGroup(ctx, coll, rids, do)
		}
		if err != nil || !more {
			err = errors.Join(err, src.close())
			if err != nil {
				return err
			}
			return last(ctx)
		}
	}
}

// collectGroup returns the record ids of the next group.
func collectGroup(ctx context.Context, src source, residual *query.Filter) (rids []uint64, more bool, err error) {
	for n, size := 1, 0; len(rids) < groupOps && size < groupBytes; n++ {
		if n%checkEvery == 0 {
			if err := ctx.Err(); err != nil {
				return nil, false, err
			}
		}
		rid, doc, ok, err := src.next(ctx)
		if err != nil || !ok {
			return rids, false, err
		}
		if residual != nil {
			ok, err := residual.MatchContext(ctx, doc)
			if err != nil {
				return nil, false, err
			}
			if !ok {
				continue
			}
		}
		rids = append(rids, rid)
		size += len(doc)
	}
	return rids, true, nil
}

func (e *Engine) doGroup(ctx context.Context, coll *Collection, rids []uint64, do func(context.Context, *View, *Collection, []match) error) error {
	for {
		if err := e.throttle(ctx); err != nil {
			return err
		}
		err := e.tryGroup(ctx, coll, rids, do)
		if !errors.Is(err, errConflict) {
			return err
		}
	}
}

func (e *Engine) tryGroup(ctx context.Context, coll *Collection, rids []uint64, do func(context.Context, *View, *Collection, []match) error) error {
	v := e.Local()
	defer v.Close()
	now := v.Catalog.numbers[coll.Number]
	if now == nil {
		return mongoerr.New(mongoerr.QueryPlanKilled, "collection dropped. UUID %s", document.Binary(4, coll.UUID[:]).Shell())
	}
	var found []match
	for _, rid := range rids {
		doc, ok, err := v.get(nil, keys.AppendRecord(nil, now.Number, rid))
		if err != nil {
			return err
		}
		if ok {
			found = append(found, match{rid: rid, doc: doc})
		}
	}
	return do(ctx, &v, now, found)
}

// changeGroup is the plan of one group of updates or deletions.
type changeGroup struct {
	e    *Engine
	v    *View
	coll *Collection
	s    Statement

	w        *oplog.Writer
	guards   [][]byte
	old, new keys.Entries
	unique   map[string]struct{} // unique keys that this group takes
	distinct []distinctKey
	records  int // of a build: how many documents
}

func (g *changeGroup) begin(kind oplog.Kind, o, o2 document.Doc, size int) {
	if g.w == nil {
		g.w = oplog.NewWriter(&oplog.Header{Wall: time.Now().UnixMilli(), Collection: g.coll.Number, UUID: g.coll.UUID,
			Namespace: g.coll.NS, Session: g.s.Session}, size+256)
	}
	stmt := int32(-1)
	if g.s.Session != nil {
		stmt = g.s.ID
	}
	g.w.Begin(kind, stmt, o, o2)
}

// update adds the update of one document.
func (g *changeGroup) update(u *update, m match) (updated document.Doc, changed bool, err error) {
	updated, changed, err = u.change.Apply(m.doc, u.env)
	if err != nil || !changed {
		return m.doc, false, err
	}
	if len(updated) > document.MaxSize {
		return nil, false, mongoerr.New(mongoerr.BSONObjectTooLarge, "Resulting document after update is larger than %d", document.MaxSize)
	}
	if err := g.coll.admitChange(m.doc, updated, g.s.Bypass); err != nil {
		return nil, false, err
	}
	if err := g.replace(m, updated, u.change.Diff(m.doc, updated)); err != nil {
		return nil, false, err
	}
	return updated, true, nil
}

// replace writes a document in place of another. diff is what the oplog says of it; nil: the whole document.
func (g *changeGroup) replace(m match, updated, diff document.Doc) error {
	if err := g.checkKeys(m, updated); err != nil {
		return err
	}
	record := keys.AppendRecord(nil, g.coll.Number, m.rid)
	g.guards = append(g.guards, record)
	var o2 document.Builder
	o2.AppendValue("_id", m.doc.Lookup("_id"))
	if diff == nil {
		g.begin(oplog.Update, updated, o2.Finish(), len(updated))
		g.w.PutO(record)
	} else {
		g.begin(oplog.Update, diff, o2.Finish(), len(updated)+len(diff))
		g.w.Put(record, updated)
	}
	g.writeKeys(m.rid)
	g.w.Account(0, int64(len(updated)-len(m.doc)))
	return nil
}

// checkKeys makes the entries of the document before and after, and checks that unique ones that come are free.
func (g *changeGroup) checkKeys(m match, updated document.Doc) error {
	g.old.Reset()
	g.new.Reset()
	for _, ix := range g.coll.Indexes {
		if ix.Name == idIndexName {
			continue // an _id never changes
		}
		if err := g.e.appendEntries(&g.old, g.coll, ix, m.doc, m.rid); err != nil {
			return err
		}
		from := g.new.Len()
		if err := g.e.appendEntries(&g.new, g.coll, ix, updated, m.rid); err != nil {
			return err
		}
		if !ix.Unique && !ix.Distinct {
			continue
		}
		for i := from; i < g.new.Len(); i++ {
			key := g.new.At(i)
			if contains(&g.old, key) {
				continue
			}
			if ix.Distinct {
				list, err := g.v.claimDistinct(g.distinct, g.coll, ix, key, updated)
				if err != nil {
					return err
				}
				g.distinct = list
				continue
			}
			if err := g.claim(ix, key, updated); err != nil {
				return err
			}
		}
	}
	return nil
}

// claim checks that a unique key is free and remembers to check it again when the group is entered.
func (g *changeGroup) claim(ix *Index, key []byte, doc document.Doc) error {
	_, mine := g.unique[string(key)]
	taken, err := g.v.has(key)
	if err != nil {
		return err
	}
	if taken || mine {
		return duplicateKey(g.coll, ix, doc, key)
	}
	if g.unique == nil {
		g.unique = map[string]struct{}{}
	}
	g.unique[string(key)] = struct{}{}
	g.guards = append(g.guards, bytes.Clone(key))
	return nil
}

func contains(e *keys.Entries, key []byte) bool {
	for i := range e.Len() {
		if bytes.Equal(e.At(i), key) {
			return true
		}
	}
	return false
}

// holds reports whether there is an entry with a key and with the same notes.
func holds(e *keys.Entries, key, notes []byte) bool {
	for i := range e.Len() {
		if bytes.Equal(e.At(i), key) {
			return bytes.Equal(e.NotesAt(i), notes)
		}
	}
	return false
}

// writeKeys removes the entries that only the old document had and adds those that only the new one has.
func (g *changeGroup) writeKeys(rid uint64) {
	for i := range g.old.Len() {
		if key := g.old.At(i); !contains(&g.new, key) {
			g.w.Remove(key)
		}
	}
	var space [32]byte
	for i := range g.new.Len() {
		if !holds(&g.old, g.new.At(i), g.new.NotesAt(i)) {
			g.w.Put(g.new.At(i), g.new.EntryValue(space[:0], i, rid))
		}
	}
}

// record adds the retryable write's record with its result.
func (g *changeGroup) record(result document.Doc) error {
	guard, err := g.v.record(g.w, g.s.Session, []statement{{first: g.s.ID, n: 1, result: result}})
	if guard != nil {
		g.guards = append(g.guards, guard)
	}
	return err
}

func (g *changeGroup) propose() (oplog.OpTime, error) {
	t, err := g.e.propose(&proposal{view: g.v.overlay.TS, coll: g.coll, guards: g.guards, distinct: g.distinct, urgent: g.s.Urgent, group: g.w.Finish()})
	if err == nil {
		g.coll.stats.writes.Add(1)
	}
	return t, err
}
