package geo

import (
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// BenchmarkTuples is making the entries of a point.
func BenchmarkTuples(b *testing.B) {
	d := value(b, `{"g": {"type": "Point", "coordinates": [12.5, 41.9]}, "l": [12.5, 41.9], "k": 5}`).Doc()
	sphere := &SphereIndex{SphereCells: DefaultSphereCells(SphereVersion), Fields: []SphereField{{"g", true}, {"k", false}}}
	flat := &FlatIndex{Path: "l", Others: []string{"k"}, Bits: 26, Min: -180, Max: 180}
	b.Run("2dsphere", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = sphere.Tuples(d, func([]document.Value) {})
		}
	})
	b.Run("2d", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = flat.Tuples(d, func([]document.Value) {})
		}
	})
}
