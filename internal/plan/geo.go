package plan

import (
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
	return b, true
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
