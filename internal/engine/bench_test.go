package engine

import (
	"context"
	"fmt"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

func BenchmarkInsertOne(b *testing.B) {
	m := newPrimary(b)
	defer m.close()
	doc := doc(b, `{"a": 1, "b": "some text that makes it a bit longer than nothing", "c": {"d": [1, 2, 3]}}`)
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, err := m.Insert(context.Background(), "test.c", []document.Doc{doc}, true, Statement{}); err != nil {
			b.Fatal(err)
		}
		if i%1000 == 999 {
			m.commit()
		}
	}
}

func BenchmarkPointRead(b *testing.B) {
	m := newPrimary(b)
	defer m.close()
	filters := make([]document.Doc, 10000)
	for i := range filters {
		m.insert("test.c", fmt.Sprintf(`{"_id": %d, "b": "some text that makes it a bit longer than nothing"}`, i))
		filters[i] = doc(b, `{"_id": %d}`, i)
	}
	m.commit()
	if err := m.store.Flush(); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		v := m.Local()
		it, err := v.Find(context.Background(), FindSpec{NS: "test.c", Filter: filters[i%len(filters)]})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := it.Next(context.Background()); err != nil {
			b.Fatal(err)
		}
		it.Close()
	}
}

func BenchmarkIncrementHot(b *testing.B) {
	m := newPrimary(b)
	defer m.close()
	m.insert("test.c", `{"_id": 1, "n": 0, "b": "some text that makes it a bit longer than nothing"}`)
	spec := &UpdateSpec{NS: "test.c", Filter: doc(b, `{"_id": 1}`), Update: doc(b, `{"$inc": {"n": 1}}`).AsValue()}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, err := m.Update(context.Background(), spec, Statement{}); err != nil {
			b.Fatal(err)
		}
		if i%1000 == 999 {
			m.commit()
		}
	}
}
