package geo

import (
	"math"

	"github.com/golang/geo/s2"
)

// A search from near to far takes cells apart, the nearest first, until they hold few entries: so nothing is looked at that is farther than what is returned,
// but for the rest of a cell.

// Cell is a cell of an index that is searched.
type Cell struct {
	id    uint64
	level int
}

// Searched is an index whose cells can be searched.
type Searched interface {
	// Whole returns cells in which everything is.
	Whole() []Cell
	// Quarters returns the cells that one is made of; none if it is of the smallest.
	Quarters(Cell) []Cell
	// Entries returns the entries of a cell and of all in it.
	Entries(Cell) Interval
	// Own returns the entries of a cell itself; ok is false if there are none, since only the smallest cells have any.
	Own(Cell) (own Interval, ok bool)
	// Between returns between what distances from the origin all places of a cell are.
	Between(Cell, *Origin) (nearest, farthest float64)
}

// distanceError is more than rounding makes of distances in radians.
const distanceError = 1e-7

// Whole implements Searched: the six faces.
func (c *SphereCells) Whole() (list []Cell) {
	for face := range 6 {
		list = append(list, Cell{id: uint64(s2.CellIDFromFace(face))})
	}
	return list
}

// Quarters implements Searched.
func (c *SphereCells) Quarters(cell Cell) (list []Cell) {
	id := s2.CellID(cell.id)
	if id.IsLeaf() || c.Version < SphereVersion && id.Level() >= c.Finest {
		return nil
	}
	for _, quarter := range id.Children() {
		list = append(list, Cell{id: uint64(quarter), level: cell.level + 1})
	}
	return list
}

// Entries implements Searched.
func (c *SphereCells) Entries(cell Cell) Interval { return c.inside(s2.CellID(cell.id)) }

// Own implements Searched.
func (c *SphereCells) Own(cell Cell) (Interval, bool) {
	return c.own(s2.CellID(cell.id)), cell.level >= c.Coarsest && cell.level <= c.Finest
}

// Between implements Searched.
func (c *SphereCells) Between(cell Cell, o *Origin) (nearest, farthest float64) {
	area := s2.CellFromCellID(s2.CellID(cell.id))
	nearest, farthest = float64(area.Distance(o.at).Angle()), float64(area.MaxDistance(o.at).Angle())
	return max(nearest-distanceError, 0), min(farthest+distanceError, math.Pi)
}

// Whole implements Searched.
func (x *FlatIndex) Whole() []Cell { return []Cell{{}} }

// Quarters implements Searched.
func (x *FlatIndex) Quarters(cell Cell) (list []Cell) {
	if cell.level >= x.Bits {
		return nil
	}
	for i := range 4 {
		q := flatCell{cell.id, cell.level}.quarter(i)
		list = append(list, Cell{q.hash, q.level})
	}
	return list
}

// Entries implements Searched.
func (x *FlatIndex) Entries(cell Cell) Interval { return flatCell{cell.id, cell.level}.interval() }

// Own implements Searched.
func (x *FlatIndex) Own(Cell) (Interval, bool) { return Interval{}, false }

// Between implements Searched. On the sphere, what is no longitude and latitude is at no distance.
func (x *FlatIndex) Between(cell Cell, o *Origin) (nearest, farthest float64) {
	square := x.square(flatCell{cell.id, cell.level})
	if !o.Sphere {
		slack := 1e-12 * (x.Max - x.Min)
		return max(square.distance(o.flat)*(1-1e-12)-slack, 0), square.farthest(o.flat)*(1+1e-12) + slack
	}
	area := square.onSphere()
	if area.IsEmpty() {
		return math.Inf(1), math.Inf(1)
	}
	return max(float64(area.DistanceToLatLng(s2.LatLngFromPoint(o.at)))-distanceError, 0), math.Pi
}
