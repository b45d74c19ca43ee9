package plan

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// TestPlanChangesCostNotAnswers runs every candidate plan of random filters and sorts over random documents and indexes, with the
// index entries in memory, and compares what comes out with matching every document.
func TestPlanChangesCostNotAnswers(t *testing.T) {
	used := map[string]int{}
	for seed := range uint64(6000) {
		checkSeed(t, seed, used)
		if t.Failed() {
			return
		}
	}
	t.Logf("%v", used)
	if used["wildcard"] < 100 || used["wildcard, sorted"] < 20 {
		t.Errorf("only %d plans with a wildcard index, %d of them sorted", used["wildcard"], used["wildcard, sorted"])
	}
	if used["SORT_MERGE"] < 50 {
		t.Errorf("only %d merges", used["SORT_MERGE"])
	}
	for _, what := range []string{"IXSCAN", "sorted", "dedup", "nothing left", "IDHACK", "reverse", "several ranges", "partial", "OR", "keys"} {
		if used[what] < 100 {
			t.Errorf("only %d plans with %q", used[what], what)
		}
	}
}

func checkSeed(t *testing.T, seed uint64, used map[string]int) {
	g := generator{rand.New(rand.NewPCG(seed, 1)), theme(seed % 3)}
	c := newCollection(g)
	for range 8 {
		filter, err := query.CompileFilter(g.about(c), query.FilterOptions{})
		if err != nil {
			continue
		}
		sort, err := query.CompileSort(g.sort())
		if err != nil {
			t.Fatal(err)
		}
		req := &Request{Filter: filter, Sort: sort, Indexes: c.planned()}
		plans, err := Candidates(req)
		if err != nil {
			t.Fatal(err)
		}
		for _, ix := range c.indexes {
			if !ix.plan.Sparse && ix.plan.Partial == nil {
				req.Hint = document.String(ix.plan.Name)
				hinted, err := Candidates(req)
				if ix.plan.Wildcard != nil && mongoerr.CodeOf(err) == mongoerr.NoQueryExecutionPlans {
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				plans = append(plans, hinted...)
			}
		}
		for _, p := range plans {
			if err := c.check(p, filter, sort); err != nil {
				t.Errorf("seed %d: %v\n filter %v\n sort   %v\n plan   %v", seed, err, filterText(filter), sort.Fields(), p)
				return
			}
			count(used, p)
			if i := slices.IndexFunc(c.indexes, func(ix *index) bool { return ix.plan.Name == p.Index }); i >= 0 && c.indexes[i].plan.Partial != nil {
				used["partial"]++
			}
		}
	}
}

func count(used map[string]int, p *Plan) {
	used[p.Kind.String()]++
	for what, is := range map[string]bool{"sorted": p.Kind == IndexScan && p.ProvidesSort, "dedup": p.Dedup, "nothing left": p.Residual == nil,
		"reverse": p.Reverse, "keys": p.KeyFilter != nil, "several ranges": len(p.Ranges) > 1, "empty": p.Kind == IndexScan && len(p.Ranges) == 0, "wildcard": p.Path != "",
		"wildcard, sorted": p.Path != "" && p.ProvidesSort} {
		if is {
			used[what]++
		}
	}
}

// collection is documents and the entries of their indexes.
type collection struct {
	docs    []document.Doc
	indexes []*index
}

type index struct {
	plan    Index
	partial document.Doc
	keys    keys.Index
	entries []entry // by key
}

type entry struct {
	key []byte
	doc int
}

func newCollection(g generator) *collection {
	c := &collection{}
	for range 1 + g.IntN(3) {
		c.indexes = append(c.indexes, g.index(len(c.indexes)))
	}
	c.indexes = append(c.indexes, &index{plan: Index{Name: "_id_", Key: []KeyField{{Path: "_id"}}, Unique: true}, keys: keys.Index{Pattern: keys.Pattern{Fields: []keys.Field{{Path: "_id"}}}}})
	var docs []document.Doc
	for i := range g.IntN(30) {
		docs = append(docs, g.stored(i))
	}
	return collectionOf(c.indexes, docs)
}

func collectionOf(indexes []*index, docs []document.Doc) *collection {
	c := &collection{indexes: indexes}
	for _, d := range docs {
		c.insert(d)
	}
	for _, ix := range c.indexes {
		slices.SortFunc(ix.entries, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	}
	return c
}

// insert adds a document unless an index refuses it.
func (c *collection) insert(doc document.Doc) {
	all := make([]keys.Entries, len(c.indexes))
	for i, ix := range c.indexes {
		if ix.plan.Partial != nil && !matches(ix.plan.Partial, doc) {
			continue
		}
		if err := ix.keys.AppendEntries(&all[i], doc, uint64(len(c.docs))); err != nil {
			return
		}
	}
	for i, ix := range c.indexes {
		ix.plan.Multikey |= all[i].Multikey
		if w := ix.plan.Wildcard; w != nil {
			w.Arrays = append(w.Arrays, all[i].Arrays...)
			slices.Sort(w.Arrays)
			w.Arrays = slices.Compact(w.Arrays)
		}
		for k := range all[i].Len() {
			ix.entries = append(ix.entries, entry{bytes.Clone(all[i].At(k)[keys.IndexPrefixLen:]), len(c.docs)})
		}
	}
	c.docs = append(c.docs, doc)
}

func (c *collection) planned() []Index {
	var list []Index
	for _, ix := range c.indexes {
		p := ix.plan
		p.Covers = p.Multikey == 0
		list = append(list, p)
	}
	return list
}

// check runs p and compares the documents, and their order if the plan promises one.
func (c *collection) check(p *Plan, filter *query.Filter, sort *query.Sort) error {
	var got, want []int
	for _, i := range c.scan(p, sort) {
		if p.Residual == nil || matches(p.Residual, c.docs[i]) {
			got = append(got, i)
		}
	}
	for i, d := range c.docs {
		if matches(filter, d) {
			want = append(want, i)
		}
	}
	if p.ProvidesSort {
		if err := c.checkOrder(got, sort); err != nil {
			return err
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		return fmt.Errorf("documents %v\n want %v\n got  %v", c.texts(want, got), want, got)
	}
	return nil
}

func (c *collection) texts(a, b []int) string {
	var out strings.Builder
	for i, d := range c.docs {
		if slices.Contains(a, i) != slices.Contains(b, i) || slices.Index(b, i) != slices.Index(a, i) {
			fmt.Fprintf(&out, "\n  %d %v", i, d)
		}
	}
	return out.String()
}

func (c *collection) checkOrder(got []int, sort *query.Sort) error {
	var before []document.Value
	for n, i := range got {
		key, err := sort.AppendKey(nil, c.docs[i])
		if err != nil {
			return nil // parallel arrays: the sort would fail
		}
		if before != nil && sort.Compare(before, key) > 0 {
			return fmt.Errorf("out of order: %v\n after %v", c.docs[i], c.docs[got[n-1]])
		}
		before = key
	}
	return nil
}

// scan returns the documents that p finds, in the order in which it does.
func (c *collection) scan(p *Plan, sort *query.Sort) []int {
	var out []int
	for _, branch := range p.Branches {
		found := c.scan(branch, sort)
		if p.Kind == Merge && c.checkOrder(found, sort) != nil {
			return nil // and the documents that are missing fail the test
		}
		out = append(out, slices.DeleteFunc(found, func(i int) bool { return branch.Residual != nil && !matches(branch.Residual, c.docs[i]) })...)
	}
	switch p.Kind {
	case Merge:
		slices.SortStableFunc(out, func(a, b int) int {
			x, errX := sort.AppendKey(nil, c.docs[a])
			y, errY := sort.AppendKey(nil, c.docs[b])
			if errX != nil || errY != nil {
				return 0
			}
			return sort.Compare(x, y)
		})
		fallthrough
	case Union:
		seen := map[int]bool{}
		return slices.DeleteFunc(out, func(i int) bool { was := seen[i]; seen[i] = true; return was })
	}
	switch p.Kind {
	case CollScan:
		for i := range c.docs {
			out = append(out, i)
		}
	case IDPoint:
		for i, d := range c.docs {
			if document.Equal(d.Lookup("_id"), p.ID) {
				out = append(out, i)
			}
		}
	case IndexScan:
		at := slices.IndexFunc(c.indexes, func(ix *index) bool { return ix.plan.Name == p.Index })
		for _, r := range p.Ranges {
			for _, e := range c.indexes[at].entries {
				if bytes.Compare(r.Start, e.key) <= 0 && (r.End == nil || bytes.Compare(e.key, r.End) < 0) {
					out = append(out, e.doc)
				}
			}
		}
	}
	if p.KeyFilter != nil {
		out = slices.DeleteFunc(out, func(i int) bool { return !matches(p.KeyFilter, c.docs[i]) })
	}
	if p.Reverse {
		slices.Reverse(out)
	}
	if p.Dedup {
		seen := map[int]bool{}
		out = slices.DeleteFunc(out, func(i int) bool { was := seen[i]; seen[i] = true; return was })
	}
	return out
}

func filterText(f *query.Filter) string {
	var b strings.Builder
	var visit func(n *query.Node)
	visit = func(n *query.Node) {
		fmt.Fprintf(&b, "(%s %q %v %v", n.Op, n.Path, n.Value, n.Values)
		for _, c := range n.Children {
			visit(c)
		}
		b.WriteByte(')')
	}
	visit(f.Root())
	return b.String()
}

// generator makes documents, filters, sorts and indexes that have much to do with each other.
type generator struct {
	*rand.Rand
	theme theme
}

// theme narrows what is generated to where it hurts.
type theme int

const (
	anything         theme = iota
	numbersInArray         // a: [1, 2] and a: 1
	documentsInArray       // a: [{b: 1, c: 2}, {b: 3, c: [4]}]
)

func pick[T any](g generator, list ...T) T { return list[g.IntN(len(list))] }

func (g generator) path() string {
	switch g.theme {
	case numbersInArray:
		return pick(g, "a", "a", "b")
	case documentsInArray:
		return pick(g, "a.b", "a.c", "a.b", "a.c", "b", "a.b.c")
	}
	return pick(g, "a", "a", "b", "c", "a.b", "a.b", "a.c", "a.b.c", "b.c", "a.0", "a.0.b", "b.1", "_id")
}

func (g generator) index(n int) *index {
	if g.IntN(4) == 0 {
		return g.wildcard(n)
	}
	ix := &index{plan: Index{Name: fmt.Sprint("ix", n), Sparse: g.IntN(4) == 0}}
	for range 1 + g.IntN(3) {
		path := g.path()
		if path == "_id" || slices.ContainsFunc(ix.plan.Key, func(k KeyField) bool { return k.Path == path }) {
			continue
		}
		descending := g.IntN(3) == 0
		ix.plan.Key = append(ix.plan.Key, KeyField{Path: path, Descending: descending})
		ix.keys.Fields = append(ix.keys.Fields, keys.Field{Path: path, Descending: descending})
	}
	if ix.plan.Key == nil {
		return g.index(n)
	}
	ix.keys.Sparse = ix.plan.Sparse
	if !ix.plan.Sparse && g.IntN(3) == 0 {
		ix.partial = g.expression()
		if f, err := query.CompileFilter(ix.partial, query.FilterOptions{}); err == nil {
			ix.plan.Partial = f
		}
	}
	return ix
}

// wildcard makes a wildcard index.
func (g generator) wildcard(n int) *index {
	ix := &index{plan: Index{Name: fmt.Sprint("ix", n)}}
	var key document.Builder
	key.AppendInt32(pick(g, "$**", "$**", "$**", "a.$**", "a.b.$**"), 1)
	spec, projection := key.Finish(), document.Empty
	if spec.First().Key == "$**" && g.IntN(3) == 0 {
		var b document.Builder
		on := int32(g.IntN(2))
		b.AppendInt32("_id", int32(g.IntN(2)))
		b.AppendInt32(pick(g, "a", "a.b", "a.0"), on)
		b.AppendInt32(pick(g, "b", "b.c"), on)
		projection = b.Finish()
	}
	p, err := keys.CompileWildcard(spec, projection)
	if err != nil {
		panic(err)
	}
	ix.keys.Pattern = *p
	ix.plan.Key = []KeyField{{Path: spec.First().Key}}
	ix.plan.Wildcard = &Wildcard{Paths: p.Wildcard}
	return ix
}

// expression makes a partialFilterExpression.
func (g generator) expression() document.Doc {
	var b document.Builder
	if g.IntN(5) == 0 {
		b.OpenArray(pick(g, "$or", "$and"))
		b.AppendDoc("0", g.expression())
		b.AppendDoc("1", g.expression())
		b.Close()
		return b.Finish()
	}
	b.OpenDoc(g.path())
	switch op := pick(g, "$eq", "$gt", "$gte", "$lt", "$lte", "$exists", "$in", "$type"); op {
	case "$exists":
		b.AppendBool(op, true)
	case "$in":
		b.AppendValue(op, g.array(1, 3))
	case "$type":
		b.AppendString(op, pick(g, "number", "array", "null"))
	default:
		b.AppendValue(op, g.value(1, 3))
	}
	b.Close()
	return b.Finish()
}

// about makes a filter that often implies what an index of the collection is about.
func (g generator) about(c *collection) document.Doc {
	filter := g.filter(2)
	for _, ix := range c.indexes {
		if ix.partial != nil && g.IntN(3) == 0 {
			var b document.Builder
			b.OpenArray("$and")
			b.AppendDoc("0", filter)
			b.AppendDoc("1", ix.partial)
			b.Close()
			filter = b.Finish()
		}
	}
	return filter
}

func (g generator) scalar() document.Value {
	if g.theme != anything && g.IntN(8) > 0 {
		return document.Int32(int32(g.IntN(5)))
	}
	return pick(g, document.Int32(int32(g.IntN(4))), document.Double(float64(g.IntN(6))/2), document.Int64(int64(g.IntN(4))), document.Int32(int32(g.IntN(4))),
		document.Null, document.String(pick(g, "", "x", "y")), document.Bool(g.IntN(2) == 0), notANumber,
		document.Value{Type: pick(g, document.TypeMinKey, document.TypeMaxKey, document.TypeUndefined)})
}

func (g generator) value(depth, arrays int) document.Value {
	switch {
	case depth > 0 && g.IntN(3) == 0:
		return g.doc(depth-1, arrays).AsValue()
	case depth > 0 && g.IntN(10) < arrays:
		return g.array(depth-1, arrays)
	}
	return g.scalar()
}

func (g generator) array(depth, arrays int) document.Value {
	var b document.ArrayBuilder
	for range g.IntN(4) {
		b.Append(g.value(depth, arrays))
	}
	return b.FinishValue()
}

func (g generator) doc(depth, arrays int) document.Doc {
	var b document.Builder
	for _, name := range []string{"b", "c", "0", "1"} {
		if g.IntN(3) == 0 {
			b.AppendValue(name, g.value(depth, arrays))
		}
	}
	return b.Finish()
}

// stored makes a document; one collection in three is without arrays.
func (g generator) stored(id int) document.Doc {
	if g.theme != anything {
		return g.storedArray(id)
	}
	arrays := pick(g, 0, 2, 6)
	var b document.Builder
	b.AppendInt32("_id", int32(id))
	for _, name := range []string{"a", "b", "c"} {
		if g.IntN(4) > 0 {
			b.AppendValue(name, g.value(3, arrays))
		}
	}
	return b.Finish()
}

// storedArray makes a document with an array, often.
func (g generator) storedArray(id int) document.Doc {
	var b document.Builder
	b.AppendInt32("_id", int32(id))
	element := func() document.Value {
		if g.theme == numbersInArray || g.IntN(8) == 0 {
			return g.scalar()
		}
		var b document.Builder
		for _, name := range []string{"b", "c"} {
			switch g.IntN(6) {
			case 0:
			case 1:
				b.AppendValue(name, g.value(1, 5))
			default:
				b.AppendValue(name, g.scalar())
			}
		}
		return b.Finish().AsValue()
	}
	var list document.ArrayBuilder
	for range g.IntN(4) {
		list.Append(element())
	}
	b.AppendValue("a", pick(g, list.FinishValue(), element()))
	b.AppendValue("b", g.scalar())
	return b.Finish()
}

func (g generator) sort() document.Doc {
	var b document.Builder
	for range g.IntN(3) {
		b.AppendInt32(g.path(), int32(pick(g, -1, 1)))
	}
	return b.Finish()
}

func (g generator) filter(depth int) document.Doc {
	var b document.Builder
	for range g.IntN(4) {
		switch {
		case g.theme == documentsInArray && g.IntN(4) == 0:
			b.OpenDoc("a")
			b.AppendDoc("$elemMatch", g.inner(0))
			b.Close()
		case depth > 0 && g.IntN(6) == 0:
			b.OpenArray(pick(g, "$or", "$or", "$and", "$nor"))
			for i := range 1 + g.IntN(2) {
				b.AppendDoc(document.Index(i), g.filter(depth-1))
			}
			b.Close()
		case g.IntN(3) == 0:
			b.AppendValue(g.path(), g.value(1, 3))
		default:
			b.AppendDoc(g.path(), g.operators(depth))
		}
	}
	return b.Finish()
}

func (g generator) operators(depth int) document.Doc {
	var b document.Builder
	for range 1 + g.IntN(2) {
		if g.theme != anything && g.IntN(3) > 0 {
			b.AppendValue(pick(g, "$eq", "$gt", "$gte", "$lt", "$lte", "$ne"), g.scalar())
			continue
		}
		op := pick(g, "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$mod", "$all", "$elemMatch", "$not", "$type", "$size")
		switch op {
		case "$in", "$nin", "$all":
			b.AppendValue(op, g.array(1, 3))
		case "$exists":
			b.AppendBool(op, g.IntN(2) == 0)
		case "$type":
			b.AppendString(op, pick(g, "number", "array", "null"))
		case "$size":
			b.AppendInt32(op, int32(g.IntN(3)))
		case "$mod":
			b.OpenArray(op)
			b.AppendInt32("0", 2)
			b.AppendInt32("1", int32(g.IntN(2)))
			b.Close()
		case "$elemMatch":
			if depth > 0 && g.IntN(2) == 0 {
				b.AppendDoc(op, g.inner(depth-1))
			} else {
				b.AppendDoc(op, g.operators(0))
			}
		case "$not":
			b.AppendDoc(op, g.operators(0))
		default:
			b.AppendValue(op, g.value(1, 3))
		}
	}
	return b.Finish()
}

// inner makes the filter of a $elemMatch on documents.
func (g generator) inner(depth int) document.Doc {
	var b document.Builder
	for range 1 + g.IntN(2) {
		b.AppendDoc(pick(g, "b", "c", "b.c", "0"), g.operators(depth))
	}
	return b.Finish()
}

func matches(f *query.Filter, d document.Doc) bool {
	ok, err := f.Match(d)
	return ok && err == nil
}
