package pipeline

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func stagesOf(t testing.TB, text string) []document.Doc {
	t.Helper()
	d, err := document.FromJSON(`{"p":` + text + `}`)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	var list []document.Doc
	for it := d.First().Doc().Iter(); it.Next(); {
		list = append(list, it.Value().Doc())
	}
	return list
}

// run returns the results as an array in JSON.
func run(t testing.TB, pipeline, docs string, opts Options) (string, error) {
	t.Helper()
	opts.Natural = true
	p, err := Compile(stagesOf(t, pipeline), opts)
	if err != nil {
		return "", err
	}
	src := p.Run(&Slice{stagesOf(t, docs)})
	var out document.ArrayBuilder
	out.Grow(0)
	for {
		d, err := src.Next(context.Background())
		if err == io.EOF {
			return out.FinishValue().String(), nil
		}
		if err != nil {
			return "", err
		}
		out.Append(d.AsValue())
	}
}

const people = `[{"_id": 1, "n": "a", "v": 3, "l": [1, 2]}, {"_id": 2, "n": "b", "v": 1, "l": []}, {"_id": 3, "n": "a", "v": {"$numberLong": "5"}}, {"_id": 4, "n": "b", "v": 1.5, "l": "x"}]`

func TestStages(t *testing.T) {
	for _, c := range []struct{ pipeline, want string }{
		{`[{"$match": {"n": "a"}}, {"$project": {"v": 1, "_id": 0}}]`, `[{"v":3},{"v":5}]`},
		{`[{"$sort": {"v": -1}}, {"$limit": 2}, {"$project": {"_id": 1}}]`, `[{"_id":3},{"_id":1}]`},
		{`[{"$skip": 1}, {"$limit": 1}, {"$unset": ["l", "n"]}]`, `[{"_id":2,"v":1}]`},
		{`[{"$group": {"_id": "$n", "sum": {"$sum": "$v"}, "all": {"$push": "$_id"}}}]`, `[{"_id":"a","sum":8,"all":[1,3]},{"_id":"b","sum":2.5,"all":[2,4]}]`},
		{`[{"$unwind": {"path": "$l", "includeArrayIndex": "i"}}, {"$project": {"l": 1, "i": 1}}]`, `[{"_id":1,"l":1,"i":0},{"_id":1,"l":2,"i":1},{"_id":4,"l":"x","i":null}]`},
		{`[{"$unwind": {"path": "$l", "preserveNullAndEmptyArrays": true}}, {"$count": "n"}]`, `[{"n":5}]`},
		{`[{"$sortByCount": {"$type": "$v"}}]`, `[{"_id":"int","count":2},{"_id":"long","count":1},{"_id":"double","count":1}]`},
		{`[{"$set": {"o.p": "$v", "n": "$$REMOVE"}}, {"$replaceWith": "$o"}, {"$limit": 1}]`, `[{"p":3}]`},
		{`[{"$match": {"_id": 9}}, {"$count": "n"}]`, `[]`},
		{`[{"$group": {"_id": null, "best": {"$topN": {"n": 2, "sortBy": {"v": -1}, "output": "$_id"}}}}]`, `[{"_id":null,"best":[3,1]}]`},
	} {
		if got, err := run(t, c.pipeline, people, Options{}); err != nil || got != c.want {
			t.Errorf("%s: %s %v, want %s", c.pipeline, got, err, c.want)
		}
	}
}

// TestFrontIsWhatAFindDoes: filters, an order and bounds at the beginning are left to the source, in the order in which a find applies them.
func TestFrontIsWhatAFindDoes(t *testing.T) {
	p, err := Compile(stagesOf(t, `[{"$match": {"a": 1}}, {"$match": {"b": 2}}, {"$sort": {"c": 1}}, {"$skip": 3}, {"$limit": 4}, {"$skip": 1}]`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := p.Front()
	if f.Filter.String() != `{"$and":[{"a":1},{"b":2}]}` || f.Sort.String() != `{"c":1}` || f.Skip != 3 || f.Limit != 4 || len(p.stages) != 1 {
		t.Errorf("%+v, %d stages", f, len(p.stages))
	}
	if p, err = Compile(stagesOf(t, `[{"$limit": 2}, {"$sort": {"c": 1}}]`), Options{}); err != nil || p.Front().Sort != nil || p.Front().Limit != 2 {
		t.Errorf("%+v %v", p.Front(), err)
	}
}

// TestMemoryIsBounded: stages that hold documents refuse to hold too many.
func TestMemoryIsBounded(t *testing.T) {
	for _, pipeline := range []string{`[{"$sort": {"v": 1}}]`, `[{"$group": {"_id": "$_id"}}]`, `[{"$group": {"_id": null, "l": {"$push": "$$ROOT"}}}]`} {
		_, err := run(t, pipeline, people, Options{MaxBytes: 100})
		if !errors.Is(err, mongoerr.New(mongoerr.QueryExceededMemoryLimitNoDiskUseAllowed, "")) {
			t.Errorf("%s: %v", pipeline, err)
		}
	}
	if got, err := run(t, `[{"$sort": {"v": 1}}, {"$limit": 1}, {"$project": {"_id": 1}}]`, people, Options{MaxBytes: 1000}); err != nil || got != `[{"_id":2}]` {
		t.Errorf("%s %v", got, err)
	}
}
