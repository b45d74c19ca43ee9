package engine

import (
	"context"
	"errors"
	"io"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// textSource returns what a text search finds. Where scores do not matter, documents come term by term, those that score most for it first. Else the
// entries of all terms are read before the first document comes, which mongod does, too.
type textSource struct {
	v      *View
	coll   *Collection
	plan   *plan.Plan
	terms  *unionSource
	scores scoreTable

	meta     expr.Meta
	buf      []byte
	tested   int64 // documents that were looked at for phrases and the like
	rejected int64
	docs     int64 // that were fetched by their scores
	returned int64 // documents that the scores led to
	eof      bool
}

func newTextSource(v *View, coll *Collection, p *plan.Plan) (*textSource, error) {
	terms, err := newUnionSource(v, coll, p)
	if err != nil {
		return nil, err
	}
	t := &textSource{v: v, coll: coll, plan: p, terms: terms}
	if len(terms.branches) == 1 {
		terms.seen = nil // a document has one entry for a term
	}
	return t, nil
}

func (t *textSource) next(ctx context.Context) (uint64, document.Doc, bool, error) {
	for {
		rid, doc, ok, err := t.candidate(ctx)
		if err != nil || !ok {
			t.eof = err == nil
			return 0, nil, false, err
		}
		if ok, err := meets(ctx, t.plan.KeyFilter, doc); err != nil {
			return 0, nil, false, err
		} else if !ok {
			continue
		}
		if t.tested++; t.plan.Search.Matches(doc) {
			return rid, doc, true, nil
		}
		t.rejected++
	}
}

// candidate returns the next document that has one of the terms.
func (t *textSource) candidate(ctx context.Context) (uint64, document.Doc, bool, error) {
	if !t.plan.Scores {
		return t.terms.next(ctx)
	}
	if t.scores.sorted == nil {
		if err := t.collect(ctx); err != nil {
			return 0, nil, false, err
		}
	}
	for {
		rid, score, err := t.scores.next(ctx)
		if err != nil {
			return 0, nil, false, orEnd(err)
		}
		doc, found, err := t.v.get(t.buf[:0], keys.AppendRecord(nil, t.coll.Number, rid))
		t.buf = doc
		if err != nil {
			return 0, nil, false, err
		}
		t.docs++
		if found { // it may have gone since the scores were collected
			t.returned++
			t.meta = expr.Meta{TextScore: score, HasText: true}
			return rid, doc, true, nil
		}
	}
}

func orEnd(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// collect reads the entries of all terms.
func (t *textSource) collect(ctx context.Context) error {
	t.scores.begin(t.v.engine)
	for _, b := range t.terms.branches {
		for {
			ok, err := b.advance(ctx)
			if err != nil {
				return errors.Join(err, t.scores.close())
			}
			if !ok {
				break
			}
			score, err := scoreOf(b)
			if err == nil {
				err = t.scores.add(b.rid(), score)
			}
			if err != nil {
				return errors.Join(err, t.scores.close())
			}
		}
	}
	return t.scores.finish(ctx)
}

// scoreOf returns the score that the current entry holds.
func scoreOf(b *branchSource) (float64, error) {
	x := b.index.Plugin.(*textIndex)
	var r keys.Reader
	r.Read(&b.index.Pattern, b.key(), nil)
	for range x.at + 1 {
		if _, err := r.Raw(); err != nil {
			return 0, err
		}
	}
	raw, err := r.Raw()
	if err != nil {
		return 0, err
	}
	v, _, err := keys.DecodeValue(raw)
	score, _ := v.AsFloat64()
	return score, err
}

// known implements annotated.
func (t *textSource) known() *expr.Meta {
	if !t.plan.Scores {
		return nil
	}
	return &t.meta
}

func (t *textSource) suspend() { t.terms.suspend() }

func (t *textSource) resume(v *View) error {
	t.v = v
	return t.terms.resume(v)
}

func (t *textSource) close() error { return errors.Join(t.scores.close(), t.terms.close()) }

// scoreTable adds up what documents score for several terms, in a bounded part of memory: scores are sorted by their records like documents. Those of one
// record are added in the order in which they came, so that the sum is mongod's to the last bit.
type scoreTable struct {
	sorted *sorter
	row    document.Builder
	space  []byte

	rid   uint64 // of the score that was read last
	score float64
	have  bool
}

var byRecord = func() *query.Sort {
	var b document.Builder
	b.AppendInt32("r", 1)
	s, err := query.CompileSort(b.Finish())
	if err != nil {
		panic(err)
	}
	return s
}()

func (t *scoreTable) begin(e *Engine) { t.sorted = e.newSorter(byRecord, true) }

func (t *scoreTable) add(rid uint64, score float64) error {
	t.row.Reset(t.space[:0])
	t.row.AppendInt64("r", int64(rid))
	t.row.AppendDouble("s", score)
	t.space = t.row.Finish()
	return t.sorted.add(t.space, nil)
}

func (t *scoreTable) finish(ctx context.Context) error {
	if err := t.sorted.finish(); err != nil {
		return err
	}
	return t.read(ctx)
}

// read reads one score.
func (t *scoreTable) read(ctx context.Context) error {
	doc, _, err := t.sorted.next(ctx)
	if t.have = err == nil; err != nil {
		return orEnd(err)
	}
	t.rid, t.score = uint64(doc.Lookup("r").Int64()), doc.Lookup("s").Double()
	return nil
}

// next returns the next record and its score, or io.EOF.
func (t *scoreTable) next(ctx context.Context) (rid uint64, score float64, err error) {
	if !t.have {
		return 0, 0, io.EOF
	}
	rid, score = t.rid, t.score
	for {
		if err := t.read(ctx); err != nil {
			return 0, 0, err
		}
		if !t.have || t.rid != rid {
			return rid, score, nil
		}
		score += t.score
	}
}

func (t *scoreTable) close() error {
	if t.sorted == nil {
		return nil
	}
	return t.sorted.close()
}

// chainSource returns what one source after the other finds, each document once: a disjunction with a text search among its branches.
type chainSource struct {
	parts []way
	at    int
	seen  map[uint64]struct{}
	stats scanStats
}

func newChainSource(v *View, r *request, p *plan.Plan) (*chainSource, error) {
	c := &chainSource{seen: map[uint64]struct{}{}}
	for _, branch := range p.Branches {
		w, err := v.open(r, branch)
		if err != nil {
			return nil, errors.Join(err, c.close())
		}
		c.parts = append(c.parts, w)
	}
	return c, nil
}

// searches reports whether a text search is among the branches of a plan.
func searches(p *plan.Plan) bool {
	for _, b := range p.Branches {
		if b.Kind == plan.Text || b.Kind == plan.Union {
			return true
		}
	}
	return false
}

func (c *chainSource) next(ctx context.Context) (uint64, document.Doc, bool, error) {
	for n := int64(1); c.at < len(c.parts); n++ {
		if err := checkContext(ctx, n); err != nil {
			return 0, nil, false, err
		}
		part := c.parts[c.at]
		rid, doc, ok, err := part.src.next(ctx)
		if err != nil {
			return 0, nil, false, err
		}
		if !ok {
			c.at++
			continue
		}
		c.stats.dupsTested++
		if _, again := c.seen[rid]; again {
			c.stats.dupsDropped++
			continue
		}
		if ok, err := meets(ctx, part.plan.Residual, doc); err != nil {
			return 0, nil, false, err
		} else if !ok {
			continue
		}
		c.seen[rid] = struct{}{}
		c.stats.advanced++
		return rid, doc, true, nil
	}
	c.stats.eof = true
	return 0, nil, false, nil
}

// known implements annotated.
func (c *chainSource) known() *expr.Meta {
	if c.at < len(c.parts) {
		return metaOf(c.parts[c.at].src)
	}
	return nil
}

func (c *chainSource) suspend() {
	for _, p := range c.parts {
		p.src.suspend()
	}
}

func (c *chainSource) resume(v *View) error {
	for _, p := range c.parts {
		if err := p.src.resume(v); err != nil {
			return err
		}
	}
	return nil
}

func (c *chainSource) close() (err error) {
	for _, p := range c.parts {
		err = errors.Join(err, p.src.close())
	}
	return err
}
