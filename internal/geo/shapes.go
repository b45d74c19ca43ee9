package geo

import (
	"slices"
	"sync"

	"github.com/golang/geo/s1"
	"github.com/golang/geo/s2"
)

// Shapes of many vertices are looked into by an index, which is made when it is first needed: so that comparing two takes time that grows with the sum of
// what they have, and not with the product. Immutable otherwise.

// fewEdges is up to how many edges are looked at one by one.
const fewEdges = 64

// area is a polygon.
type area struct {
	*s2.Polygon
	byEdge edgeIndex
}

// route is a line.
type route struct {
	*s2.Polyline
	byEdge edgeIndex
}

func newArea(loops []*s2.Loop) *area { return &area{Polygon: s2.PolygonFromLoops(loops)} }
func newRoute(vertices []s2.Point) *route {
	line := s2.Polyline(vertices)
	return &route{Polyline: &line}
}

// edgeIndex finds edges of a shape.
type edgeIndex struct {
	once  sync.Once
	index *s2.ShapeIndex
}

func (x *edgeIndex) of(shape s2.Shape) *s2.ShapeIndex {
	x.once.Do(func() {
		x.index = s2.NewShapeIndex()
		x.index.Add(shape)
		x.index.Build()
	})
	return x.index
}

// near reports whether a point lies on one of the edges.
func (x *edgeIndex) near(shape s2.Shape, p s2.Point) bool {
	if n := shape.NumEdges(); n <= fewEdges {
		for i := range n {
			e := shape.Edge(i)
			if s2.DistanceFromSegment(p, e.V0, e.V1) <= touching {
				return true
			}
		}
		return false
	}
	query := s2.NewClosestEdgeQuery(x.of(shape), s2.NewClosestEdgeQueryOptions().IncludeInteriors(false))
	return query.IsDistanceLess(s2.NewMinDistanceToPointTarget(p), s1.ChordAngleFromAngle(touching).Successor())
}

// crosses reports whether an edge of one shape crosses one of another, which has the index; with ends, whether they share an end counts, too.
func (x *edgeIndex) crosses(shape, other s2.Shape, kind s2.CrossingType) bool {
	few := shape.NumEdges()*other.NumEdges() <= fewEdges*fewEdges
	var query *s2.CrossingEdgeQuery
	if !few {
		query = s2.NewCrossingEdgeQuery(x.of(shape))
	}
	for i := range other.NumEdges() {
		e := other.Edge(i)
		if !few {
			if len(query.Crossings(e.V0, e.V1, shape, kind)) > 0 {
				return true
			}
			continue
		}
		crosser := s2.NewEdgeCrosser(e.V0, e.V1)
		for j := range shape.NumEdges() {
			f := shape.Edge(j)
			sign := crosser.CrossingSign(f.V0, f.V1)
			if sign == s2.Cross || sign == s2.MaybeCross && kind == s2.CrossingTypeAll {
				return true
			}
		}
	}
	return false
}

// holds reports whether a point lies in the polygon or on its border.
func (a *area) holds(p s2.Point) bool { return a.ContainsPoint(p) || a.byEdge.near(a.Polygon, p) }

// crosses reports whether a line crosses the border.
func (a *area) crosses(l *route) bool {
	if l.NumEdges() > a.NumEdges() {
		return l.byEdge.crosses(l.Polyline, a.Polygon, s2.CrossingTypeInterior)
	}
	return a.byEdge.crosses(a.Polygon, l.Polyline, s2.CrossingTypeInterior)
}

// meets reports whether a line has a point in the polygon.
func (a *area) meets(l *route) bool {
	return slices.ContainsFunc(*l.Polyline, a.holds) || a.crosses(l)
}

// meetsArea reports whether two polygons have a point in common.
func (a *area) meetsArea(b *area) bool { return a.Intersects(b.Polygon) }

// holdsLine reports whether all of a line lies in the polygon.
func (a *area) holdsLine(l *route) bool {
	return !a.crosses(l) && !slices.ContainsFunc(*l.Polyline, func(p s2.Point) bool { return !a.holds(p) })
}

// holds reports whether a point lies on the line.
func (l *route) holds(p s2.Point) bool {
	if l.NumEdges() > fewEdges {
		return l.byEdge.near(l.Polyline, p)
	}
	nearest, _ := l.Project(p)
	return nearest.Distance(p) <= touching
}

// meets reports whether two lines cross or have a vertex in common.
func (l *route) meets(m *route) bool {
	if !l.RectBound().Intersects(m.RectBound()) {
		return false
	}
	if m.NumEdges() > l.NumEdges() {
		l, m = m, l
	}
	return l.byEdge.crosses(l.Polyline, m.Polyline, s2.CrossingTypeAll)
}

// pointSet finds one of many points.
type pointSet struct {
	once sync.Once
	set  map[s2.Point]struct{}
}

func (s *pointSet) holds(list []s2.Point, p s2.Point) bool {
	s.once.Do(func() {
		s.set = make(map[s2.Point]struct{}, len(list))
		for _, q := range list {
			s.set[q] = struct{}{}
		}
	})
	_, ok := s.set[p]
	return ok
}
