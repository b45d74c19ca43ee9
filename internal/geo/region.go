package geo

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/golang/geo/r2"
	"github.com/golang/geo/s1"
	"github.com/golang/geo/s2"

	"github.com/mortondb/morton/internal/document"
)

// Region is what $geoWithin asks for: an area on the sphere or in the plane. Immutable.
type Region struct {
	polygons []*area    // on the sphere, or
	cap      *s2.Cap    // a circle there, or
	flat     flatRegion // an area in the plane
}

// flatRegion is an area in the plane, with its border.
type flatRegion interface {
	contains(p r2.Point) bool
}

type box struct{ low, high r2.Point }

func (b box) contains(p r2.Point) bool {
	return b.low.X <= p.X && p.X <= b.high.X && b.low.Y <= p.Y && p.Y <= b.high.Y
}

type circle struct {
	center r2.Point
	radius float64
}

func (c circle) contains(p r2.Point) bool { return p.Sub(c.center).Norm() <= c.radius }

type ring []r2.Point

// contains is the even-odd rule; the border belongs to the ring.
func (r ring) contains(p r2.Point) bool {
	inside := false
	for i, a := range r {
		b := r[(i+1)%len(r)]
		if onSegment(p, a, b) {
			return true
		}
		if (a.Y > p.Y) != (b.Y > p.Y) && p.X < (b.X-a.X)*(p.Y-a.Y)/(b.Y-a.Y)+a.X {
			inside = !inside
		}
	}
	return inside
}

func onSegment(p, a, b r2.Point) bool {
	return b.Sub(a).Cross(p.Sub(a)) == 0 && min(a.X, b.X) <= p.X && p.X <= max(a.X, b.X) && min(a.Y, b.Y) <= p.Y && p.Y <= max(a.Y, b.Y)
}

// ParseRegion reads one of the shapes that $geoWithin knows beside a $geometry: $box, $polygon, $center or $centerSphere.
func ParseRegion(name string, v document.Value) (*Region, error) {
	switch name {
	case "$box":
		return parseBox(v)
	case "$polygon":
		return parseFlatPolygon(v)
	case "$center":
		c, r, err := parseCircle(v)
		return &Region{flat: circle{c, r}}, err
	case "$centerSphere":
		c, r, err := parseCircle(v)
		if err == nil && !onSphere(c) {
			err = fmt.Errorf("longitude/latitude is out of bounds, lng: %v lat: %v", c.X, c.Y)
		}
		round := s2.CapFromCenterAngle(sphere(c), s1.Angle(min(r, math.Pi)))
		return &Region{cap: &round}, err
	}
	return nil, errors.New("unknown geo specifier: " + name)
}

// Region returns what a geometry encloses; nil if it is not only polygons.
func (g *Geometry) Region() *Region {
	if len(g.polygons) == 0 || len(g.points)+len(g.lines) > 0 {
		return nil
	}
	return &Region{polygons: g.polygons}
}

// pair reads two numbers.
func pair(v document.Value) (r2.Point, error) {
	if v.Doc() == nil {
		return r2.Point{}, errors.New("Point must be an array or object")
	}
	return parseLegacy(v)
}

func parseBox(v document.Value) (*Region, error) {
	first, second := firstTwo(v)
	a, err := pair(first)
	if err != nil {
		return nil, err
	}
	b, err := pair(second)
	if err != nil {
		return nil, err
	}
	return &Region{flat: box{r2.Point{X: min(a.X, b.X), Y: min(a.Y, b.Y)}, r2.Point{X: max(a.X, b.X), Y: max(a.Y, b.Y)}}}, nil
}

func parseFlatPolygon(v document.Value) (*Region, error) {
	var r ring
	for it := v.Doc().Iter(); it.Next(); {
		p, err := pair(it.Value())
		if err != nil {
			return nil, err
		}
		r = append(r, p)
	}
	if len(r) < 3 {
		return nil, errors.New("Polygon must have at least 3 points")
	}
	return &Region{flat: r}, nil
}

// parseCircle reads [center, radius].
func parseCircle(v document.Value) (center r2.Point, radius float64, err error) {
	at, size := firstTwo(v)
	if center, err = pair(at); err != nil {
		return center, 0, err
	}
	radius, ok := size.AsFloat64()
	switch {
	case !ok || !(radius >= 0):
		return center, 0, errors.New("radius must be a non-negative number")
	case v.Doc().Len() > 2:
		return center, 0, errors.New("Only 2 fields allowed for circular region")
	}
	return center, radius, nil
}

// firstTwo returns the values of the first two fields.
func firstTwo(v document.Value) (first, second document.Value) {
	it := v.Doc().Iter()
	if it.Next() {
		first = it.Value()
	}
	if it.Next() {
		second = it.Value()
	}
	return first, second
}

// Holds reports whether g lies within the region.
func (r *Region) Holds(g *Geometry) bool {
	switch {
	case r.flat != nil:
		return g.single && r.flat.contains(g.flat)
	case r.cap != nil:
		return g.capHolds(*r.cap)
	}
	return slices.ContainsFunc(r.polygons, g.within)
}
