package plan

import (
	"slices"

	"github.com/mortondb/morton/internal/geo"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/query"
)

// An index of places holds cells: those that cover what a document has at a field. A query's shape is covered with cells, too; what lies within it or meets
// it has an entry in one of those or around one. Which of them it is the filter tells.

// Cells is how an index divides the plane or the sphere.
type Cells interface {
	Within(*geo.Region) ([]geo.Interval, bool)
	Intersecting(*geo.Geometry) ([]geo.Interval, bool)
}

// geoBounds returns the cells of a condition on places.
func (ix *Index) geoBounds(n *query.Node) (b bounds, ok bool) {
	if b, ok := ix.covers[n]; ok {
		return b, true
	}
	var cells []geo.Interval
	switch region, geometry := n.Places(); {
	case region != nil:
		cells, ok = ix.Cells.Within(region)
	case geometry != nil:
		cells, ok = ix.Cells.Intersecting(geometry)
	}
	if !ok {
		return bounds{}, false
	}
	for _, c := range cells {
		i := interval{lo: keys.AppendValue(nil, c.Low), hi: keys.Successor(keys.AppendValue(nil, c.High))}
		b.set = append(b.set, i)
	}
	b.set = intervals{}.union(b.set)
	if ix.covers != nil {
		ix.covers[n] = b
	}
	return b, true
}

// withCovers returns the indexes ready to note what they say of places, which takes long for large shapes and is asked several times.
func withCovers(indexes []Index) []Index {
	if !slices.ContainsFunc(indexes, func(ix Index) bool { return ix.Cells != nil }) {
		return indexes
	}
	indexes = slices.Clone(indexes)
	for i := range indexes {
		if indexes[i].Cells != nil {
			indexes[i].covers = map[*query.Node]bounds{}
		}
	}
	return indexes
}

// isPlace reports whether field i holds places.
func (ix *Index) isPlace(i int) bool {
	return ix.Cells != nil && (ix.Key[i].Kind == geo.KindSphere || ix.Key[i].Kind == geo.KindFlat)
}

// findsPlaces reports whether there are bounds on a field that holds places: what has none of them need not have an entry.
func (a *access) findsPlaces() bool {
	for i := range a.fields {
		if a.index.isPlace(i) && !a.fields[i].set.isEverything() {
			return true
		}
	}
	return false
}
