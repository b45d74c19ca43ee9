package geo

import (
	"slices"

	"github.com/golang/geo/s1"
	"github.com/golang/geo/s2"

	"github.com/mortondb/morton/internal/document"
)

// Interval is the values of an index from Low to High, both with it.
type Interval struct{ Low, High document.Value }

// SphereVersion is the newest form of entries of a 2dsphere index: numbers of cells. The first two have the cells' names.
const SphereVersion = 3

// SphereCells is how a 2dsphere index divides the sphere: S2's cells, six faces that are quartered again and again.
type SphereCells struct {
	Version          int // 1 to 3
	Coarsest, Finest int // levels of cells that shapes are covered with
}

// Sizes of cells by default, in meters: of the first versions; of the third the levels are given.
const (
	coarseCell = 100 * 1000
	fineCell   = 500
	fineLevel  = 23
)

// DefaultSphereCells returns the cells of an index that says nothing else.
func DefaultSphereCells(version int) SphereCells {
	if version >= SphereVersion {
		return SphereCells{Version: version, Finest: fineLevel}
	}
	return SphereCells{version, s2.AvgEdgeMetric.ClosestLevel(coarseCell / EarthRadius), s2.AvgEdgeMetric.ClosestLevel(fineCell / EarthRadius)}
}

// coverer returns what covers regions with cells of the index: as few as mongod's.
func (c *SphereCells) coverer() *s2.RegionCoverer {
	cells := 20
	if c.Version < SphereVersion {
		cells = 50
	}
	return &s2.RegionCoverer{MinLevel: c.Coarsest, MaxLevel: c.Finest, LevelMod: 1, MaxCells: cells}
}

// value returns how a cell stands in entries.
func (c *SphereCells) value(id s2.CellID) document.Value {
	if c.Version >= SphereVersion {
		return document.Int64(int64(id))
	}
	return document.String(cellName(id))
}

// cellName is the name of a cell, which begins with that of the cell that it is in: the face, f, and each quarter's number.
func cellName(id s2.CellID) string {
	name := []byte{'0' + byte(id.Face()), 'f'}
	for level := 1; level <= id.Level(); level++ {
		name = append(name, '0'+byte(id.ChildPosition(level)))
	}
	return string(name)
}

// of returns the cells of a geometry, each once.
func (c *SphereCells) of(g *Geometry) []s2.CellID {
	if g.single {
		leaf := s2.CellFromPoint(g.points[0]).ID()
		if c.Version >= SphereVersion {
			return []s2.CellID{leaf}
		}
		return []s2.CellID{leaf.Parent(c.Finest)}
	}
	return c.coverer().Covering(g.area())
}

// area returns the geometry as a region of S2.
func (g *Geometry) area() s2.Region {
	var all s2.RegionUnion
	for _, p := range g.points {
		all = append(all, p)
	}
	for _, l := range g.lines {
		all = append(all, l.Polyline)
	}
	for _, a := range g.polygons {
		all = append(all, a.Polygon)
	}
	if len(all) == 1 {
		return all[0]
	}
	return all
}

// Within returns the intervals of an index in which what lies in a region has entries; ok is false if the index cannot tell.
func (c *SphereCells) Within(r *Region) (list []Interval, ok bool) {
	switch {
	case r.flat != nil:
		return nil, false
	case r.cap != nil:
		if r.cap.IsFull() {
			return nil, false
		}
		// The cap's border belongs to it, and rounding is on either side.
		wider := s2.CapFromCenterAngle(r.cap.Center(), r.cap.Radius()+s1.Angle(1e-14))
		return c.intervals(wider), true
	}
	return c.intervals((&Geometry{polygons: r.polygons}).area()), true
}

// Intersecting returns the intervals in which what meets a geometry has entries.
func (c *SphereCells) Intersecting(g *Geometry) (list []Interval, ok bool) {
	return c.intervals(g.area()), true
}

// intervals returns the entries that may be of something in a region: those of cells within its covering, and those of the larger cells around.
func (c *SphereCells) intervals(area s2.Region) (list []Interval) {
	coverer := c.coverer()
	if coverer.MinLevel = c.Coarsest; c.Version >= SphereVersion {
		coverer.MinLevel = 0
	}
	var around []s2.CellID
	for _, id := range coverer.Covering(area) {
		list = append(list, c.inside(id))
		for level := c.Coarsest; level < id.Level(); level++ {
			around = append(around, id.Parent(level))
		}
	}
	slices.Sort(around)
	for _, id := range slices.Compact(around) {
		list = append(list, c.own(id))
	}
	return list
}

// inside returns the entries of a cell and of those in it.
func (c *SphereCells) inside(id s2.CellID) Interval {
	if c.Version >= SphereVersion {
		return Interval{c.value(id.RangeMin()), c.value(id.RangeMax())}
	}
	name := cellName(id)
	return Interval{document.String(name), document.String(name + "~")}
}

// own returns the entries of a cell itself.
func (c *SphereCells) own(id s2.CellID) Interval { return Interval{c.value(id), c.value(id)} }
