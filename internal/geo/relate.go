package geo

import (
	"math"
	"slices"

	"github.com/golang/geo/s1"
	"github.com/golang/geo/s2"
)

// touching is how near a point must be to a line to lie on it: what rounding leaves of zero.
const touching = s1.Angle(1e-15)

// Intersects reports whether two geometries have a point in common, on the sphere.
func (g *Geometry) Intersects(o *Geometry) bool {
	return slices.ContainsFunc(g.points, o.touchesPoint) ||
		slices.ContainsFunc(g.lines, o.touchesLine) ||
		slices.ContainsFunc(g.polygons, o.touchesPolygon)
}

func (g *Geometry) touchesPoint(p s2.Point) bool {
	return g.holdsPoint(p) ||
		slices.ContainsFunc(g.lines, func(l *route) bool { return l.holds(p) }) ||
		slices.ContainsFunc(g.polygons, func(a *area) bool { return a.holds(p) })
}

func (g *Geometry) holdsPoint(p s2.Point) bool {
	if len(g.points) <= fewEdges {
		return slices.Contains(g.points, p)
	}
	return g.set.holds(g.points, p)
}

func (g *Geometry) touchesLine(l *route) bool {
	return slices.ContainsFunc(g.points, l.holds) ||
		slices.ContainsFunc(g.lines, func(o *route) bool { return o.meets(l) }) ||
		slices.ContainsFunc(g.polygons, func(a *area) bool { return a.meets(l) })
}

func (g *Geometry) touchesPolygon(a *area) bool {
	return slices.ContainsFunc(g.points, a.holds) ||
		slices.ContainsFunc(g.lines, a.meets) ||
		slices.ContainsFunc(g.polygons, a.meetsArea)
}

// within reports whether everything of g lies in a polygon.
func (g *Geometry) within(a *area) bool {
	return !slices.ContainsFunc(g.points, func(p s2.Point) bool { return !a.holds(p) }) &&
		!slices.ContainsFunc(g.lines, func(l *route) bool { return !a.holdsLine(l) }) &&
		!slices.ContainsFunc(g.polygons, func(o *area) bool { return !a.Contains(o.Polygon) }) &&
		len(g.points)+len(g.lines)+len(g.polygons) > 0
}

// capHolds reports whether everything of g lies in a circle on the sphere.
func (g *Geometry) capHolds(c s2.Cap) bool {
	for _, p := range g.points {
		if !c.ContainsPoint(p) {
			return false
		}
	}
	for _, l := range g.lines {
		if slices.ContainsFunc(*l.Polyline, func(p s2.Point) bool { return !c.ContainsPoint(p) }) {
			return false
		}
	}
	for _, o := range g.polygons {
		for _, loop := range o.Loops() {
			if slices.ContainsFunc(loop.Vertices(), func(p s2.Point) bool { return !c.ContainsPoint(p) }) {
				return false
			}
		}
	}
	return len(g.points)+len(g.lines)+len(g.polygons) > 0
}

// Distance returns how far a point on the sphere is from the nearest point of g, in radians; infinity if g has none there.
func (g *Geometry) Distance(from s2.Point) float64 {
	nearest := math.Inf(1)
	for _, p := range g.points {
		nearest = min(nearest, apart(p, from))
	}
	for _, l := range g.lines {
		p, _ := l.Project(from)
		nearest = min(nearest, apart(p, from))
	}
	for _, a := range g.polygons {
		nearest = min(nearest, fromPolygon(a, from))
	}
	return nearest
}

func fromPolygon(a *area, from s2.Point) float64 {
	if a.ContainsPoint(from) {
		return 0
	}
	var nearest s2.Edge
	best := s1.InfAngle()
	for _, loop := range a.Loops() {
		for i := range loop.NumEdges() {
			e := loop.Edge(i)
			if d := s2.DistanceFromSegment(from, e.V0, e.V1); d < best {
				nearest, best = e, d
			}
		}
	}
	return apart(s2.Project(from, nearest.V0, nearest.V1), from)
}

// apart returns the angle between two points.
func apart(a, b s2.Point) float64 {
	return angle(a.Cross(b.Vector).Norm(), a.Dot(b.Vector))
}
