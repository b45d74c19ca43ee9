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
	polygons []*s2.Polygon // on the sphere, or
	cap      *s2.Cap       // a circle there, or
	flat     flatRegion    // an area in the plane
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

// ParseRegion reads the operand of $geoWithin: {$geometry:}, {$box:}, {$polygon:}, {$center:} or {$centerSphere:}.
func ParseRegion(operand document.Doc) (*Region, error) {
	e := operand.First()
	switch e.Key {
	case "$geometry":
		return regionOfGeometry(e.Value)
	case "$box":
		return parseBox(e.Value)
	case "$polygon":
		return parseFlatPolygon(e.Value)
	case "$center":
		c, r, err := parseCircle("$center", e.Value)
		return &Region{flat: circle{c, r}}, err
	case "$centerSphere":
		c, r, err := parseCircle("$centerSphere", e.Value)
		if err == nil && !onSphere(c) {
			err = fmt.Errorf("longitude/latitude is out of bounds, lng: %v lat: %v", c.X, c.Y)
		}
		round := s2.CapFromCenterAngle(sphere(c), s1.Angle(min(r, math.Pi)))
		return &Region{cap: &round}, err
	}
	return nil, fmt.Errorf("unknown geo specifier: %s: %s", e.Key, e.Value.Shell())
}

func regionOfGeometry(v document.Value) (*Region, error) {
	if v.Type != document.TypeDocument {
		return nil, errors.New("$geometry must be an object")
	}
	g, err := ParseGeoJSON(v.Doc())
	switch {
	case err != nil:
		return nil, err
	case len(g.polygons) == 0 || len(g.points)+len(g.lines) > 0:
		return nil, errors.New("$within not supported with provided geometry: " + v.Shell())
	}
	return &Region{polygons: g.polygons}, nil
}

// pair reads a point of a shape in the plane.
func pair(v document.Value) (r2.Point, error) {
	if v.Doc() == nil {
		return r2.Point{}, errors.New("Point must be an array or object, instead got type " + v.Type.String())
	}
	return parseLegacy(v)
}

func parseBox(v document.Value) (*Region, error) {
	if v.Doc() == nil || v.Doc().Len() < 2 {
		return nil, errors.New("$box has to be an array or object of two points")
	}
	var corners []r2.Point
	for it := v.Doc().Iter(); it.Next() && len(corners) < 2; {
		p, err := pair(it.Value())
		if err != nil {
			return nil, err
		}
		corners = append(corners, p)
	}
	a, b := corners[0], corners[1]
	return &Region{flat: box{r2.Point{X: min(a.X, b.X), Y: min(a.Y, b.Y)}, r2.Point{X: max(a.X, b.X), Y: max(a.Y, b.Y)}}}, nil
}

func parseFlatPolygon(v document.Value) (*Region, error) {
	if v.Doc() == nil {
		return nil, errors.New("$polygon has to be an array or object of points")
	}
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
func parseCircle(name string, v document.Value) (center r2.Point, radius float64, err error) {
	if v.Doc() == nil || v.Doc().Len() < 2 {
		return center, 0, fmt.Errorf("%s has to be an array or object of a point and a radius", name)
	}
	it := v.Doc().Iter()
	it.Next()
	if center, err = pair(it.Value()); err != nil {
		return center, 0, err
	}
	it.Next()
	radius, ok := it.Value().AsFloat64()
	switch {
	case !ok:
		return center, 0, errors.New("radius must be a non-negative number")
	case !(radius >= 0):
		return center, 0, errors.New("radius must be a non-negative number")
	}
	return center, radius, nil
}

// Holds reports whether g lies within the region.
func (r *Region) Holds(g *Geometry) bool {
	switch {
	case r.flat != nil:
		return g.single && r.flat.contains(g.flat)
	case r.cap != nil:
		return g.capHolds(*r.cap)
	}
	return slices.ContainsFunc(r.polygons, g.polygonHolds)
}
