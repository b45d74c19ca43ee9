package engine

import (
	"context"
	"errors"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/query"
)

// DeleteSpec is one delete statement, or a findAndModify that removes.
type DeleteSpec struct {
	NS        string
	Filter    document.Doc
	Multi     bool
	Sort      document.Doc // of findAndModify: which of several documents
	Collation document.Doc
	Hint      document.Value
	Expr      expr.Options           // of expressions; the collator comes from the collection and Collation
	Return    Return                 // ReturnOld or ReturnNothing
	Scores    bool                   // what the document scores in a text search is wanted with it
	Weigh     func(document.Doc) int // how many documents one counts for; nil: 1
}

// DeleteResult is the outcome of a deletion.
type DeleteResult struct {
	N       int64
	Doc     document.Doc // as asked for by Return; nil if there is none
	Meta    *expr.Meta   // what was known of it besides what it holds; nil for nothing
	Time    oplog.OpTime // of the last operation; zero if nothing was deleted
	Retried bool
}

// Delete runs one statement. On error the result tells what had been done.
func (e *Engine) Delete(ctx context.Context, spec *DeleteSpec, s Statement) (DeleteResult, error) {
	d := &deletion{e: e, spec: spec, s: s}
	catalog := e.state.Load().catalog
	order, err := catalog.collator(spec.NS, spec.Collation)
	if err != nil {
		return d.result, err
	}
	options := spec.Expr
	options.Collator = order
	if d.filter, err = query.CompileFilter(orEmpty(spec.Filter), query.FilterOptions{Collator: order, Expr: options, Near: true, Text: catalog.Search(spec.NS)}); err != nil {
		return d.result, err
	}
	if d.sort, err = compileSort(spec.Sort, order, d.filter); err != nil {
		return d.result, err
	}
	if err := query.CheckText(d.filter, spec.Hint, d.sort, false); err != nil {
		return d.result, err
	}
	if spec.Multi {
		err := d.runMulti(ctx)
		return d.result, err
	}
	if id, ok := query.IDEquality(orEmpty(spec.Filter)); ok {
		latch := e.latch(keys.AppendValue(nil, id))
		latch.Lock()
		defer latch.Unlock()
	}
	for {
		if err := e.throttle(ctx); err != nil {
			return d.result, err
		}
		err := d.runOne(ctx)
		if !errors.Is(err, errConflict) {
			return d.result, err
		}
	}
}

// deletion is a delete statement under way.
type deletion struct {
	e      *Engine
	spec   *DeleteSpec
	s      Statement
	filter *query.Filter
	sort   *query.Sort
	result DeleteResult
}

func (d *deletion) runOne(ctx context.Context) error {
	v := d.e.Local()
	defer v.Close()
	if rec, found, err := v.Retried(d.s.Session, d.s.ID); err != nil {
		return err
	} else if found {
		d.result = DeleteResult{N: rec.Lookup("n").Int64(), Doc: rec.Lookup("value").Doc(), Retried: true}
		return nil
	}
	coll := v.Catalog.Collection(d.spec.NS)
	if coll == nil {
		return nil
	}
	found, err := v.findOne(ctx, &request{coll: coll, filter: d.filter, sort: d.sort, hint: d.spec.Hint, scores: wantsScore(d.filter, d.sort, d.spec.Scores)})
	if err != nil || found.doc == nil {
		return planErrorOfWrite(coll.NS, d.filter, d.spec.Sort, d.spec.Collation, err)
	}
	g := &changeGroup{e: d.e, v: &v, coll: coll, s: d.s}
	if err := g.remove(found); err != nil {
		return err
	}
	result := DeleteResult{N: 1}
	if d.spec.Return == ReturnOld {
		result.Doc, result.Meta = found.doc, found.meta
	}
	if err := g.record(deleteRecord(&result)); err != nil {
		return err
	}
	if result.Time, err = g.propose(); err == nil {
		d.result = result
	}
	return err
}

func deleteRecord(r *DeleteResult) document.Doc {
	var b document.Builder
	b.AppendInt64("n", r.N)
	if r.Doc != nil {
		b.AppendDoc("value", r.Doc)
	}
	return b.Finish()
}

func (d *deletion) runMulti(ctx context.Context) error {
	err := d.e.eachGroup(ctx, d.spec.NS, d.filter, d.spec.Hint, d.group, func(context.Context) error { return nil })
	return planErrorOfWrite(d.spec.NS, d.filter, nil, d.spec.Collation, err)
}

// group deletes what still matches of a group. What stands before a document that cannot be looked at is deleted all the same.
func (d *deletion) group(ctx context.Context, v *View, coll *Collection, found []match) error {
	g := &changeGroup{e: d.e, v: v, coll: coll, s: d.s}
	n := int64(0)
	var failed error
	for _, m := range found {
		var ok bool
		if ok, failed = d.filter.MatchContext(ctx, m.doc); failed != nil {
			break
		}
		if !ok {
			continue
		}
		if err := g.remove(m); err != nil {
			return err
		}
		if n++; d.spec.Weigh != nil {
			n += int64(d.spec.Weigh(m.doc)) - 1
		}
	}
	if g.w == nil {
		return failed
	}
	t, err := g.propose()
	if err != nil {
		return err
	}
	d.result.Time = t
	d.result.N += n
	return failed
}

// remove adds the deletion of one document.
func (g *changeGroup) remove(m match) error {
	g.old.Reset()
	for _, ix := range g.coll.Indexes {
		if err := g.e.appendEntries(&g.old, g.coll, ix, m.doc, m.rid); err != nil {
			return err
		}
	}
	var o document.Builder
	o.AppendValue("_id", m.doc.Lookup("_id"))
	g.begin(oplog.Delete, o.Finish(), nil, 128)
	record := keys.AppendRecord(nil, g.coll.Number, m.rid)
	g.guards = append(g.guards, record)
	g.w.Remove(record)
	for i := range g.old.Len() {
		g.w.Remove(g.old.At(i))
	}
	g.w.Account(-1, -int64(len(m.doc)))
	return nil
}
