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
	return slices.Contains(g.points, p) ||
		slices.ContainsFunc(g.lines, func(l *s2.Polyline) bool { return onLine(l, p) }) ||
		slices.ContainsFunc(g.polygons, func(a *s2.Polygon) bool { return inPolygon(a, p) })
}

func (g *Geometry) touchesLine(l *s2.Polyline) bool {
	return slices.ContainsFunc(g.points, func(p s2.Point) bool { return onLine(l, p) }) ||
		slices.ContainsFunc(g.lines, func(o *s2.Polyline) bool { return o.Intersects(l) }) ||
		slices.ContainsFunc(g.polygons, func(a *s2.Polygon) bool { return lineMeets(a, l) })
}

func (g *Geometry) touchesPolygon(a *s2.Polygon) bool {
	return slices.ContainsFunc(g.points, func(p s2.Point) bool { return inPolygon(a, p) }) ||
		slices.ContainsFunc(g.lines, func(l *s2.Polyline) bool { return lineMeets(a, l) }) ||
		slices.ContainsFunc(g.polygons, func(o *s2.Polygon) bool { return a.Intersects(o) })
}

func onLine(l *s2.Polyline, p s2.Point) bool {
	nearest, _ := l.Project(p)
	return nearest.Distance(p) <= touching
}

// inPolygon takes a point on the border as inside.
func inPolygon(a *s2.Polygon, p s2.Point) bool {
	if a.ContainsPoint(p) {
		return true
	}
	for _, loop := range a.Loops() {
		for i := range loop.NumEdges() {
			e := loop.Edge(i)
			if s2.DistanceFromSegment(p, e.V0, e.V1) <= touching {
				return true
			}
		}
	}
	return false
}

// lineMeets reports whether a line has a point in a polygon.
func lineMeets(a *s2.Polygon, l *s2.Polyline) bool {
	return slices.ContainsFunc(*l, func(p s2.Point) bool { return inPolygon(a, p) }) || lineCrosses(a, l)
}

// lineCrosses reports whether a line crosses the border of a polygon.
func lineCrosses(a *s2.Polygon, l *s2.Polyline) bool {
	for _, loop := range a.Loops() {
		for i := range loop.NumEdges() {
			e := loop.Edge(i)
			for j := range l.NumEdges() {
				if f := l.Edge(j); s2.CrossingSign(e.V0, e.V1, f.V0, f.V1) == s2.Cross {
					return true
				}
			}
		}
	}
	return false
}

// polygonHolds reports whether everything of g lies in a polygon.
func (g *Geometry) polygonHolds(a *s2.Polygon) bool {
	for _, p := range g.points {
		if !inPolygon(a, p) {
			return false
		}
	}
	for _, l := range g.lines {
		if lineCrosses(a, l) || slices.ContainsFunc(*l, func(p s2.Point) bool { return !inPolygon(a, p) }) {
			return false
		}
	}
	for _, o := range g.polygons {
		if !a.Contains(o) {
			return false
		}
	}
	return len(g.points)+len(g.lines)+len(g.polygons) > 0
}

// capHolds reports whether everything of g lies in a circle on the sphere.
func (g *Geometry) capHolds(c s2.Cap) bool {
	for _, p := range g.points {
		if !c.ContainsPoint(p) {
			return false
		}
	}
	for _, l := range g.lines {
		if slices.ContainsFunc(*l, func(p s2.Point) bool { return !c.ContainsPoint(p) }) {
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

func fromPolygon(a *s2.Polygon, from s2.Point) float64 {
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
