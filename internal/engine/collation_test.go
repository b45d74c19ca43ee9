package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

const caseless = `{"locale": "en", "strength": 2}`

// TestDefaultCollation shows that a collection's collation is that of its operations and indexes, that an operation can ask for another, and that it is
// still there after a restart of the catalog.
func TestDefaultCollation(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	ctx := context.Background()
	order, err := (&Catalog{}).Collation("", doc(t, caseless))
	if err != nil {
		t.Fatal(err)
	}
	var options document.Builder
	options.AppendDoc("collation", order.Document())
	if _, err := m.CreateCollection(ctx, "test.c", options.Finish(), document.Empty); err != nil {
		t.Fatal(err)
	}
	if _, err := m.CreateIndexes(ctx, "test.c", []document.Doc{doc(t, `{"v": 2, "key": {"s": 1}, "name": "s_1", "unique": true}`),
		doc(t, `{"v": 2, "key": {"t": 1}, "name": "t_1", "collation": {"locale": "simple"}}`)}); err != nil {
		t.Fatal(err)
	}
	m.insert("test.c", `{"_id": "a", "s": "x", "t": "T"}`, `{"_id": "b", "s": "y", "t": "t"}`)
	for committed := range 2 {
		if committed == 1 {
			m.commit()
		}
		first := []string{`{"_id":"a","s":"x","t":"T"}`}
		same(t, "by _id", find(t, m.Local(), FindSpec{NS: "test.c", Filter: doc(t, `{"_id": "A"}`)}), first)
		same(t, "by index", find(t, m.Local(), FindSpec{NS: "test.c", Filter: doc(t, `{"s": "X"}`)}), first)
		same(t, "by _id, simple", find(t, m.Local(), FindSpec{NS: "test.c", Filter: doc(t, `{"_id": "A"}`), Collation: doc(t, `{"locale": "simple"}`)}), nil)
		same(t, "simple", find(t, m.Local(), FindSpec{NS: "test.c", Filter: doc(t, `{"t": "T"}`), Collation: doc(t, `{"locale": "simple"}`)}), first)
		if n := len(find(t, m.Local(), FindSpec{NS: "test.c", Filter: doc(t, `{"t": "T"}`)})); n != 2 {
			t.Errorf("%d documents with t, in any case", n)
		}
	}
	v := m.Majority()
	defer v.Close()
	coll := v.Catalog.Collection("test.c")
	if coll.Collation == nil || coll.Index("_id_").Collation == nil || coll.Index("s_1").Collation == nil || coll.Index("t_1").Collation != nil {
		t.Errorf("collations of the catalog as it was read: %+v", coll)
	}
}

// TestDuplicateKeyShowsSortKeys has mongod's error for an index with a collation.
func TestDuplicateKeyShowsSortKeys(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	ctx := context.Background()
	if _, err := m.CreateIndexes(ctx, "test.c", []document.Doc{doc(t, `{"v": 2, "key": {"s": 1, "n": -1}, "name": "u", "unique": true, "collation": %s}`, caseless)}); err != nil {
		t.Fatal(err)
	}
	m.insert("test.c", `{"_id": 1, "s": "ZZ", "n": 1}`)
	r, err := m.Insert(ctx, "test.c", []document.Doc{doc(t, `{"_id": 2, "s": "zz", "n": 1}`)}, true, Statement{})
	if err != nil || len(r.Errors) != 1 {
		t.Fatal(r, err)
	}
	e := r.Errors[0].Err
	if want := `dup key: { s: "0x5b5b0106", n: 1 }`; e.Code != mongoerr.DuplicateKey || !strings.HasSuffix(e.Message, want) || !strings.Contains(e.Message, `index: u collation: { locale: "en",`) {
		t.Errorf("%v", e)
	}
}

// TestSpecsDifferByCollation shows that one key pattern can have several indexes, if they differ by collation and by name.
func TestSpecsDifferByCollation(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	for _, c := range []struct {
		name, collation string
		code            mongoerr.Code
	}{
		{"plain", `{"locale": "simple"}`, 0},
		{"one", caseless, 0},
		{"one", caseless, 0},
		{"two", caseless, mongoerr.IndexOptionsConflict},
		{"one", `{"locale": "fr"}`, mongoerr.IndexKeySpecsConflict},
		{"two", `{"locale": "fr"}`, 0},
	} {
		_, err := m.CreateIndexes(context.Background(), "test.c", []document.Doc{doc(t, `{"v": 2, "key": {"s": 1}, "name": "%s", "collation": %s}`, c.name, c.collation)})
		if mongoerr.CodeOf(err) != c.code {
			t.Errorf("%s %s: %v, want code %d", c.name, c.collation, err, c.code)
		}
	}
}

// TestCollatedIndexesChangeNoAnswer asks the same of collections with random indexes of all collations, of which one has none.
func TestCollatedIndexesChangeNoAnswer(t *testing.T) {
	collations := []string{`{"locale": "simple"}`, caseless, `{"locale": "en"}`, `{"locale": "sv", "strength": 1}`, `{"locale": "en", "numericOrdering": true}`}
	words := []string{"a", "A", "á", "b", "B", "ab", "a b", "10", "2", "ä", "Å", "z", ""}
	for seed := range uint64(15) {
		rng := rand.New(rand.NewPCG(seed, 1))
		pick := func(list []string) string { return list[rng.IntN(len(list))] }
		m := newPrimary(t)
		for i := range 3 {
			spec := doc(t, `{"v": 2, "key": {"%s": %d}, "name": "i%d", "collation": %s}`, pick([]string{"s", "t", "s.x"}), 1-2*rng.IntN(2), i, pick(collations))
			if _, err := m.CreateIndexes(context.Background(), "test.indexed", []document.Doc{spec}); err != nil && mongoerr.CodeOf(err) != mongoerr.IndexOptionsConflict {
				t.Fatal(err)
			}
		}
		value := func() string {
			switch rng.IntN(6) {
			case 0:
				return fmt.Sprint(rng.IntN(3))
			case 1:
				return fmt.Sprintf(`["%s", "%s"]`, pick(words), pick(words))
			case 2:
				return fmt.Sprintf(`{"x": "%s"}`, pick(words))
			}
			return `"` + pick(words) + `"`
		}
		for i := range 60 {
			d := fmt.Sprintf(`{"_id": %d, "s": %s, "t": %s}`, i, value(), value())
			m.insert("test.indexed", d)
			m.insert("test.plain", d)
		}
		for range 40 {
			filter := fmt.Sprintf(`{"%s": {"%s": %s}}`, pick([]string{"s", "t", "s.x"}), pick([]string{"$eq", "$gt", "$gte", "$lt", "$lte", "$ne"}), value())
			spec := FindSpec{Filter: doc(t, "%s", filter), Collation: doc(t, "%s", pick(collations)), Sort: doc(t, `{"%s": 1, "_id": 1}`, pick([]string{"s", "t"}))}
			if rng.IntN(2) == 0 {
				spec.Sort = doc(t, `{"_id": 1}`)
			}
			spec.NS = "test.plain"
			want := find(t, m.Local(), spec)
			spec.NS = "test.indexed"
			if got := find(t, m.Local(), spec); !slices.Equal(got, want) {
				t.Fatalf("seed %d, %s by %v, sort %v:\nindexed %v\nplain   %v", seed, filter, spec.Collation, spec.Sort, got, want)
			}
		}
		m.close()
	}
}

// TestIndexOfAnotherVersionIsRefused shows that an index whose sort keys were made with other weights is not used.
func TestIndexOfAnotherVersionIsRefused(t *testing.T) {
	spec := doc(t, `{"v": 2, "key": {"s": 1}, "name": "s_1", "collation": {"locale": "en", "strength": 3, "version": "58.2"}}`)
	if _, err := newIndex(1, spec, 0, true); mongoerr.CodeOf(err) != mongoerr.IncompatibleCollationVersion {
		t.Errorf("%v", err)
	}
}
