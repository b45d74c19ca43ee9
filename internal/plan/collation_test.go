package plan

import (
	"slices"
	"testing"

	"github.com/mortondb/morton/internal/collation"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/query"
)

// TestIndexWithCollation shows for which queries an index with a collation is of use: for strings only with the same one, for other values always.
func TestIndexWithCollation(t *testing.T) {
	english, swedish := collationOf(t, `{"locale":"en","strength":2}`), collationOf(t, `{"locale":"sv"}`)
	for _, c := range []struct {
		filter       string
		index, query document.Collator
		want         Kind
	}{
		{`{"a":"x"}`, english, english, IndexScan},
		{`{"a":"x"}`, english, collationOf(t, `{"locale":"en","strength":2}`), IndexScan},
		{`{"a":"x"}`, english, swedish, CollScan},
		{`{"a":"x"}`, english, nil, CollScan},
		{`{"a":"x"}`, nil, english, CollScan},
		{`{"a":1}`, english, nil, IndexScan},
		{`{"a":1}`, nil, english, IndexScan},
		{`{"a":{"$in":[1,"x"]}}`, english, nil, CollScan},
		{`{"a":{"$in":[1,null]}}`, english, nil, IndexScan},
		{`{"a":{"$gt":{"b":1}}}`, english, nil, CollScan},
		{`{"a":{"$not":{"$gt":"x"}}}`, english, nil, CollScan},
		{`{"a":{"$not":{"$gt":"x"}}}`, english, english, IndexScan},
		{`{"_id":"x"}`, english, english, IDPoint},
		{`{"_id":"x"}`, english, nil, CollScan},
		{`{"_id":1}`, english, nil, IDPoint},
	} {
		f, err := query.CompileFilter(fromJSON(t, c.filter), query.FilterOptions{Collator: c.query})
		if err != nil {
			t.Fatal(err)
		}
		p, err := first(&Request{Filter: f, Indexes: []Index{
			{Name: "_id_", Key: []KeyField{{Path: "_id"}}, Unique: true, Collator: c.index},
			{Name: "a_1", Key: []KeyField{{Path: "a"}}, Collator: c.index},
		}})
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind != c.want {
			t.Errorf("%s, index %v, query %v: %v, want %v", c.filter, c.index, c.query, p, c.want)
		}
	}
}

// TestSortByIndexWithCollation shows that only an index with the query's collation has the order of strings.
func TestSortByIndexWithCollation(t *testing.T) {
	english := collationOf(t, `{"locale":"en"}`)
	for _, c := range []struct {
		filter       string
		index, query document.Collator
		want         bool
	}{
		{`{}`, english, english, true}, {`{}`, english, nil, false}, {`{}`, nil, english, false}, {`{}`, nil, nil, true},
		{`{"a":{"$gt":5}}`, english, nil, true}, {`{"a":{"$ne":5}}`, english, nil, false}, {`{"a":{"$gt":5}}`, nil, english, true},
	} {
		f, err := query.CompileFilter(fromJSON(t, c.filter), query.FilterOptions{Collator: c.query})
		if err != nil {
			t.Fatal(err)
		}
		s, err := query.CompileCollatedSort(fromJSON(t, `{"a":1}`), c.query)
		if err != nil {
			t.Fatal(err)
		}
		p, err := first(&Request{Filter: f, Sort: s, Indexes: []Index{{Name: "_id_", Key: []KeyField{{Path: "_id"}}, Unique: true}, {Name: "a_1", Key: []KeyField{{Path: "a"}}, Collator: c.index}}})
		if err != nil {
			t.Fatal(err)
		}
		if p.ProvidesSort != c.want {
			t.Errorf("%s, index %v, query %v: %v", c.filter, c.index, c.query, p)
		}
	}
}

// TestBoundsShowSortKeys has mongod's explain of an index with a collation.
func TestBoundsShowSortKeys(t *testing.T) {
	english := collationOf(t, `{"locale":"en","strength":2}`)
	f, err := query.CompileFilter(fromJSON(t, `{"a":{"$in":["a",1]}}`), query.FilterOptions{Collator: english})
	if err != nil {
		t.Fatal(err)
	}
	p, err := first(&Request{Filter: f, Indexes: []Index{{Name: "a_1", Key: []KeyField{{Path: "a"}}, Collator: english}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Bounds()[0].Intervals, []string{"[1, 1]", "[CollationKey(0x290105), CollationKey(0x290105)]"}; !slices.Equal(got, want) {
		t.Errorf("%v, mongod %v", got, want)
	}
}

func collationOf(t *testing.T, text string) document.Collator {
	t.Helper()
	c, err := collation.Parse(fromJSON(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func fromJSON(t *testing.T, text string) document.Doc {
	t.Helper()
	d, err := document.FromJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// first returns the best guess.
func first(req *Request) (*Plan, error) {
	list, err := Candidates(req)
	if err != nil {
		return nil, err
	}
	return list[0], nil
}
