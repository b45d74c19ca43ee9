package engine

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/plan"
)

// TestIndexesChangeCostNotAnswers runs random finds on a collection without indexes and on the same documents with random ones, of all kinds of
// options, and compares the answers: with cursors that are suspended and resumed, and after updates and deletions by indexes.
func TestIndexesChangeCostNotAnswers(t *testing.T) {
	used := map[string]int{}
	for seed := range uint64(80) {
		g := &metamorphic{t: t, Rand: rand.New(rand.NewPCG(seed, 7)), seed: seed, used: used}
		g.run()
		if t.Failed() {
			return
		}
	}
	t.Log(used)
	for _, what := range []string{"wildcard", "wildcard, covered", "COLLSCAN", "IDHACK", "IXSCAN", "OR", "SORT_MERGE", "covered", "keys", "tried", "sorted by index"} {
		if used[what] < 10 {
			t.Errorf("only %d plans with %q", used[what], what)
		}
	}
}

type metamorphic struct {
	*rand.Rand
	t    *testing.T
	m    *member
	seed uint64

	hashed bool // indexes may have a hashed field, which refuses arrays
	used   map[string]int
}

const (
	plainNS   = "test.plain"
	indexedNS = "test.indexed"
)

func (g *metamorphic) pick(list ...string) string { return list[g.IntN(len(list))] }

func (g *metamorphic) run() {
	g.m = newPrimary(g.t)
	defer g.m.close()
	var docs []string
	arrays := g.IntN(3) == 0
	g.hashed = !arrays
	for i := range 20 + g.IntN(200) {
		docs = append(docs, g.doc(i, arrays))
	}
	g.m.insert(plainNS, docs...)
	before := g.IntN(len(docs))
	g.m.insert(indexedNS, docs[:before]...)
	for n := range 1 + g.IntN(4) {
		spec := g.index(n)
		if _, err := g.m.CreateIndexes(context.Background(), indexedNS, []document.Doc{doc(g.t, "%s", spec)}); err != nil {
			continue // such as one of the same keys
		}
	}
	if before < len(docs) {
		g.m.insert(indexedNS, docs[before:]...)
	}
	if g.IntN(2) == 0 {
		g.m.commit()
	}
	for range 25 {
		g.compare()
		g.compareValues()
		if g.t.Failed() {
			return
		}
		if g.IntN(8) == 0 {
			g.write()
		}
	}
}

func (g *metamorphic) value(arrays bool) string {
	if arrays && g.IntN(5) == 0 {
		return "[" + g.value(false) + ", " + g.value(false) + "]"
	}
	return g.pick("0", "1", "2", "3", "4", "5", `{"$numberLong": "2"}`, "1.5", "2.0", "-0.0", `"x"`, `"X"`, `"y"`, `"é"`, "null", "true", `{"c": 1}`, `{"c": 2, "d": 1}`,
		`{"$numberDecimal": "3.0"}`, `{"$date": {"$numberLong": "1000"}}`)
}

func (g *metamorphic) doc(id int, arrays bool) string {
	parts := []string{fmt.Sprintf(`"_id": %d`, id)}
	for _, name := range []string{"a", "b", "s"} {
		if g.IntN(6) > 0 {
			parts = append(parts, fmt.Sprintf(`"%s": %s`, name, g.value(arrays && name == "a")))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (g *metamorphic) path() string { return g.pick("a", "a", "b", "b", "s", "a.c", "b.c") }

func (g *metamorphic) index(n int) string {
	if n == 0 {
		return fmt.Sprintf(`{"v": 2, "key": {"a": %s, "b": 1}, "name": "ix0"}`, g.pick("1", "-1"))
	}
	seen, keys := map[string]bool{}, []string{}
	for range 1 + g.IntN(3) {
		if p := g.path(); !seen[p] {
			seen[p] = true
			keys = append(keys, fmt.Sprintf(`"%s": %s`, p, g.pick("1", "1", "-1")))
		}
	}
	if g.hashed && g.IntN(3) == 0 {
		i := g.IntN(len(keys))
		path, _, _ := strings.Cut(keys[i], ":")
		keys[i] = path + `: "hashed"`
	}
	if g.IntN(4) == 0 {
		return fmt.Sprintf(`{"v": 2, "key": {"%s": 1}, "name": "ix%d"%s}`, g.pick("$**", "$**", "a.$**"), n,
			g.pick("", "", `, "partialFilterExpression": {"a": {"$gt": 1}}`, `, "collation": {"locale": "en", "strength": 2}`))
	}
	option := g.pick("", "", "", `, "sparse": true`, `, "partialFilterExpression": {"a": {"$gt": 1}}`, `, "partialFilterExpression": {"b": {"$exists": true}}`,
		`, "collation": {"locale": "en", "strength": 2}`)
	return fmt.Sprintf(`{"v": 2, "key": {%s}, "name": "ix%d"%s}`, strings.Join(keys, ", "), n, option)
}

func (g *metamorphic) condition() string {
	switch g.IntN(12) {
	case 0:
		return fmt.Sprintf(`"%s": {"$in": [%s, %s, %s]}`, g.path(), g.value(true), g.value(false), g.value(false))
	case 1:
		return fmt.Sprintf(`"%s": {"$gt": %s, "$lte": %s}`, g.path(), g.value(false), g.value(false))
	case 2:
		return fmt.Sprintf(`"%s": {"$ne": %s}`, g.path(), g.value(false))
	case 3:
		return fmt.Sprintf(`"%s": {"$exists": %s}`, g.path(), g.pick("true", "false"))
	case 4:
		return fmt.Sprintf(`"%s": {"$not": {"$%s": %s}}`, g.path(), g.pick("gt", "lte"), g.value(false))
	case 5:
		return fmt.Sprintf(`"%s": {"$elemMatch": {"$gte": %s}}`, g.path(), g.value(false))
	case 6:
		return fmt.Sprintf(`"$or": [{%s}, {%s}]`, g.condition(), g.condition())
	case 7:
		return fmt.Sprintf(`"_id": {"$%s": %d}`, g.pick("gt", "lt", "eq"), g.IntN(50))
	case 8:
		return fmt.Sprintf(`"%s": {"$%s": %s}`, g.path(), g.pick("gte", "lt", "gt"), g.value(false))
	case 9:
		return fmt.Sprintf(`"%s": {"$type": "%s"}`, g.path(), g.pick("int", "string", "number", "object"))
	}
	return fmt.Sprintf(`"%s": %s`, g.path(), g.value(true))
}

func (g *metamorphic) filter() string {
	switch g.IntN(6) {
	case 0:
		return fmt.Sprintf(`{"$or": [{%s}, {%s}]}`, g.condition(), g.condition())
	case 1:
		return fmt.Sprintf(`{"a": {"$in": [%s, %s]}, "b": {"$gte": 0}}`, g.value(false), g.value(false))
	case 2:
		return fmt.Sprintf(`{"a": {"$gte": %s}, "b": {"$ne": %s}}`, g.value(false), g.value(false))
	}
	var parts []string
	for range g.IntN(4) {
		parts = append(parts, fmt.Sprintf("{%s}", g.condition()))
	}
	if len(parts) == 0 {
		return "{}"
	}
	return `{"$and": [` + strings.Join(parts, ", ") + `]}`
}

func (g *metamorphic) compare() {
	spec := FindSpec{NS: plainNS, Filter: doc(g.t, "%s", g.filter())}
	text := spec.Filter.String()
	ordered := g.IntN(2) == 0
	if ordered {
		spec.Sort = doc(g.t, `{"%s": %s, "%s": %s, "_id": 1}`, g.path(), g.pick("1", "-1"), g.path(), g.pick("1", "-1"))
		if g.IntN(3) == 0 {
			spec.Sort = doc(g.t, `{"%s": %s, "_id": 1}`, g.path(), g.pick("1", "-1"))
		}
		if g.IntN(2) == 0 {
			spec.Skip, spec.Limit = int64(g.IntN(5)), int64(g.IntN(20))
		}
	} else if g.IntN(2) == 0 {
		spec.Sort = doc(g.t, `{"%s": %s}`, g.path(), g.pick("1", "-1"))
	}
	if g.IntN(2) == 0 {
		spec.Projection = doc(g.t, "%s", g.pick(`{"_id": 0, "a": 1}`, `{"_id": 0, "b": 1, "a": 1}`, `{"_id": 1}`, `{"s": 1}`, `{"a.c": 1, "_id": 0}`, `{"b": 0}`))
	}
	if g.IntN(5) == 0 { // what an index on one field covers
		spec.Filter, spec.Projection = doc(g.t, `{"s": {"$%s": %s}}`, g.pick("gte", "lt", "eq"), g.value(false)), doc(g.t, `{"_id": 0, "s": 1}`)
	}
	if g.IntN(4) == 0 {
		spec.Collation = doc(g.t, `{"locale": "en", "strength": 2}`)
	}
	want, wantErr := g.all(spec, false)
	spec.NS = indexedNS
	got, gotErr := g.all(spec, true)
	if (wantErr == nil) != (gotErr == nil) {
		g.t.Fatalf("seed %d: %s\nsort %v: error %v without indexes, %v with", g.seed, text, spec.Sort, wantErr, gotErr)
	}
	if wantErr != nil {
		return
	}
	if !ordered {
		slices.Sort(want)
		slices.Sort(got)
	}
	if !slices.Equal(want, got) {
		g.t.Errorf("seed %d: %s sort %v projection %v skip %d limit %d collation %v\nplan %v\nwithout %v\nwith    %v\n%v", g.seed, text, spec.Sort, spec.Projection, spec.Skip, spec.Limit, spec.Collation,
			g.planOf(spec), want, got, g.indexes())
	}
}

// compareValues compares counts and distinct values.
func (g *metamorphic) compareValues() {
	spec := FindSpec{Filter: doc(g.t, "%s", g.filter())}
	if g.IntN(3) == 0 {
		spec.Filter = doc(g.t, `{"a": %s}`, g.value(false))
	}
	if g.IntN(4) == 0 {
		spec.Collation = doc(g.t, `{"locale": "en", "strength": 2}`)
	}
	path := g.pick("a", "b", "s", "a.c", "_id")
	var counts [2]int64
	var values [2][]string
	for i, ns := range []string{plainNS, indexedNS} {
		spec.NS = ns
		v, w := g.m.Local(), g.m.Local()
		var err error
		if counts[i], err = v.Count(context.Background(), spec); err != nil {
			g.t.Fatal(err)
		}
		seen := map[string]bool{}
		if err := w.Distinct(context.Background(), spec, path, func(list []document.Value) error {
			for _, v := range list {
				if spec.Collation != nil && v.Type == document.TypeString {
					v = document.String(strings.ToLower(v.Str()))
				}
				text := string(keys.AppendValue(nil, v))
				if seen[text] {
					continue
				}
				seen[text] = true
				values[i] = append(values[i], v.String())
			}
			return nil
		}); err != nil {
			g.t.Fatal(err)
		}
	}
	for i := range values {
		for n, v := range values[i] { // of equal numbers, which one is seen first depends on the way
			if strings.Contains(v, "number") || strings.Contains(v, ".0") {
				values[i][n] = strings.NewReplacer(`{"$numberLong":"2"}`, "2", "2.0", "2", "-0.0", "0", `{"$numberDecimal":"3.0"}`, "3").Replace(v)
			}
		}
		slices.Sort(values[i])
	}
	if counts[0] != counts[1] || !slices.Equal(values[0], values[1]) {
		g.t.Errorf("seed %d: %v collation %v: %d without indexes, %d with; distinct %q\nwithout %v\nwith    %v\n%v", g.seed, spec.Filter, spec.Collation, counts[0], counts[1], path,
			values[0], values[1], g.indexes())
	}
}

func (g *metamorphic) indexes() (list []string) {
	v := g.m.Local()
	defer v.Close()
	for _, ix := range v.Catalog.Collection(indexedNS).Indexes {
		list = append(list, ix.Spec.String())
	}
	return list
}

func (g *metamorphic) planOf(spec FindSpec) *plan.Plan {
	it, err := g.m.find(spec)
	if err != nil {
		return nil
	}
	defer it.Close()
	return it.plan
}

func (m *member) find(spec FindSpec) (*Iterator, error) {
	v := m.Local()
	return v.Find(context.Background(), spec)
}

// all returns what is found, with fields in the order of their names: an answer from an index has them in another one.
func (g *metamorphic) all(spec FindSpec, note bool) (list []string, err error) {
	it, err := g.m.find(spec)
	if err != nil {
		return nil, err
	}
	defer it.Close()
	if note {
		g.note(it)
	}
	for {
		if g.IntN(6) == 0 {
			it.Suspend()
			v := g.m.Local()
			if err := it.Resume(&v); err != nil {
				return nil, err
			}
		}
		d, err := it.Next(context.Background())
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		var fields []string
		for e := d.Iter(); e.Next(); {
			fields = append(fields, fmt.Sprintf("%s: %v", e.Key(), e.Value()))
		}
		slices.Sort(fields)
		list = append(list, "{"+strings.Join(fields, ", ")+"}")
	}
}

func (g *metamorphic) note(it *Iterator) {
	if it.plan == nil {
		return
	}
	g.used[it.plan.Kind.String()]++
	_, tried := it.src.(*triedSource)
	for what, is := range map[string]bool{"covered": it.plan.Covered, "wildcard": it.plan.Path != "", "wildcard, covered": it.plan.Path != "" && it.plan.Covered, "keys": it.plan.KeyFilter != nil, "tried": tried,
		"sorted by index": it.spec.Sort != nil && it.plan.ProvidesSort && it.plan.Kind == plan.IndexScan} {
		if is {
			g.used[what]++
		}
	}
}

// write changes both collections alike.
func (g *metamorphic) write() {
	filter, change := doc(g.t, "%s", g.filter()), doc(g.t, `{"$set": {"%s": %s}}`, g.pick("a", "b", "s"), g.value(false))
	if g.IntN(3) == 0 {
		change = doc(g.t, `{"$unset": {"%s": 1}}`, g.pick("a", "b", "s"))
	}
	var n [2]int64
	for i, ns := range []string{plainNS, indexedNS} {
		if g.seed%3 == 0 {
			r, err := g.m.Delete(context.Background(), &DeleteSpec{NS: ns, Filter: filter, Multi: true}, Statement{})
			if err != nil {
				g.t.Fatal(err)
			}
			n[i] = r.N
			continue
		}
		r, err := g.m.Update(context.Background(), &UpdateSpec{NS: ns, Filter: filter, Update: change.AsValue(), Multi: true}, Statement{})
		if err != nil {
			g.t.Fatal(err)
		}
		n[i] = r.Matched
	}
	if n[0] != n[1] {
		g.t.Fatalf("seed %d: %v changed %d documents without indexes, %d with: %v", g.seed, filter, n[0], n[1], g.indexes())
	}
}
