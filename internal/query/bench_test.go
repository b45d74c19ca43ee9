package query

import (
	"fmt"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
)

// benchDoc is a document like those of the benchmarks against mongod: 11 fields, a nested document, an array.
func benchDoc(tb testing.TB) document.Doc {
	return mustJSON(tb, `{"_id":12345,"k":3086,"name":"user-12345","email":"user12345@example.com","age":{"$numberLong":"42"},"score":17.25,"active":true,
		"tags":["red","green","blue"],"address":{"street":"Main Street 1","city":"Springfield","zip":"12345"},"created":{"$date":"2020-01-01T00:00:00Z"},
		"note":"some text that is neither short nor long, only there to be there"}`)
}

func BenchmarkMatch(b *testing.B) {
	doc := benchDoc(b)
	for _, c := range []struct{ name, filter string }{
		{"id", `{"_id":12345}`},
		{"last field", `{"note":"x"}`},
		{"range", `{"age":{"$gte":18,"$lt":65}}`},
		{"three fields", `{"active":true,"age":{"$gt":18},"name":"user-12345"}`},
		{"dotted", `{"address.city":"Springfield"}`},
		{"array", `{"tags":"blue"}`},
		{"in", `{"k":{"$in":[1,5,9,3086,4000,5000]}}`},
		{"or", `{"$or":[{"k":1},{"name":"user-12345"}]}`},
		{"elemMatch", `{"tags":{"$elemMatch":{"$eq":"green"}}}`},
	} {
		f, err := CompileFilter(mustJSON(b, c.filter), FilterOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = f.Match(doc)
			}
		})
	}
}

// TestMatchDoesNotAllocate guards what every scan relies on.
func TestMatchDoesNotAllocate(t *testing.T) {
	doc := benchDoc(t)
	for _, filter := range []string{
		`{}`, `{"_id":12345}`, `{"active":true,"age":{"$gt":18,"$ne":7},"name":{"$in":["a","user-12345"]}}`, `{"address.city":{"$not":{"$eq":"x"}},"tags":"blue"}`,
		`{"$or":[{"k":1},{"tags":{"$all":["red","blue"]}}],"$nor":[{"score":{"$lt":1}}]}`, `{"tags":{"$elemMatch":{"$gt":"c","$lt":"h"},"$size":3}}`,
		`{"tags.1":"green","note":{"$type":"string","$exists":true},"k":{"$mod":[2,0]}}`,
	} {
		f, err := CompileFilter(mustJSON(t, filter), FilterOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := f.Match(doc); !ok || err != nil {
			t.Errorf("%s does not match", filter)
		}
		if n := testing.AllocsPerRun(100, func() { _, _ = f.Match(doc) }); n != 0 {
			t.Errorf("%s: %v allocations", filter, n)
		}
	}
}

func BenchmarkCompileFilter(b *testing.B) {
	for _, filter := range []string{`{"_id":1}`, `{"a":1,"b":{"$gt":5,"$lt":10},"c":{"$in":[1,2,3]}}`} {
		d := mustJSON(b, filter)
		b.Run(filter, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := CompileFilter(d, FilterOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

var benchUpdates = []struct{ name, update string }{
	{"inc", `{"$inc":{"k":1}}`},
	{"set", `{"$set":{"name":"somebody else"}}`},
	{"set new", `{"$set":{"fresh":1}}`},
	{"set dotted", `{"$set":{"address.zip":"54321"}}`},
	{"push", `{"$push":{"tags":"yellow"}}`},
	{"several", `{"$set":{"name":"x","address.city":"y"},"$inc":{"k":1,"score":0.5},"$unset":{"note":1}}`},
	{"replace", `{"a":1,"b":"text","c":[1,2,3]}`},
}

func BenchmarkApply(b *testing.B) {
	doc := benchDoc(b)
	for _, c := range benchUpdates {
		u, err := CompileUpdate(mustJSON(b, c.update).AsValue(), UpdateOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := u.Apply(doc, testEnv); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkCompileUpdate(b *testing.B) {
	for _, c := range benchUpdates {
		d := mustJSON(b, c.update).AsValue()
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := CompileUpdate(d, UpdateOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDiff(b *testing.B) {
	doc := benchDoc(b)
	for _, c := range benchUpdates[:6] {
		u, err := CompileUpdate(mustJSON(b, c.update).AsValue(), UpdateOptions{})
		if err != nil {
			b.Fatal(err)
		}
		updated, _, err := u.Apply(doc, testEnv)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				u.Diff(doc, updated)
			}
		})
		d := u.Diff(doc, updated)
		b.Run(c.name+" applied", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := ApplyDiff(doc, d); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkProjection(b *testing.B) {
	doc := benchDoc(b)
	for _, spec := range []string{`{"name":1,"age":1}`, `{"note":0}`, `{"address.city":1,"_id":0}`} {
		p, err := CompileProjection(mustJSON(b, spec), nil, ProjectionOptions{})
		if err != nil {
			b.Fatal(err)
		}
		b.Run(spec, func(b *testing.B) {
			b.ReportAllocs()
			var buf []byte
			for b.Loop() {
				if buf, err = p.Apply(buf[:0], doc, &expr.Evaluator{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSortKey(b *testing.B) {
	doc := benchDoc(b)
	for _, spec := range []string{`{"k":1}`, `{"age":-1,"address.city":1}`, `{"tags":1}`} {
		s, err := CompileSort(mustJSON(b, spec))
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprint(s.Fields()), func(b *testing.B) {
			b.ReportAllocs()
			var key []document.Value
			for b.Loop() {
				if key, err = s.AppendKey(key[:0], doc); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
