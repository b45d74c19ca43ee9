package geo

import (
	"errors"
	"math"

	"github.com/golang/geo/r2"
	"github.com/golang/geo/s2"

	"github.com/mortondb/morton/internal/document"
)

// Origin is the point that distances are from: in the plane or on the sphere, where they are in radians.
type Origin struct {
	Sphere bool
	flat   r2.Point
	at     s2.Point
}

// FlatOrigin returns a point in the plane.
func FlatOrigin(x, y float64) Origin { return Origin{flat: r2.Point{X: x, Y: y}} }

// ToSphere takes the coordinates as longitude and latitude. It returns false if they are none.
func (o *Origin) ToSphere() bool {
	if !onSphere(o.flat) {
		return false
	}
	o.Sphere, o.at = true, sphere(o.flat)
	return true
}

// ParseOrigin reads a GeoJSON point, or else a pair of coordinates in the plane.
func ParseOrigin(v document.Value) (o Origin, err error) {
	if v.Type == document.TypeArray || v.Doc().First().IsNumber() {
		o.flat, err = parseLegacy(v)
		return o, err
	}
	if v.Doc().Lookup("type").Str() != "Point" {
		return o, errors.New("Point must only contain numeric elements")
	}
	g, err := ParseGeoJSON(v.Doc())
	if err != nil {
		return o, err
	}
	return Origin{Sphere: true, flat: g.flat, at: g.points[0]}, nil
}

// Flat returns the coordinates.
func (o *Origin) Flat() r2.Point { return o.flat }

// Distance returns how far the nearest point of a geometry is; ok is false if it is no geometry there.
func (o *Origin) Distance(g *Geometry) (distance float64, ok bool) {
	switch {
	case o.Sphere:
		distance = g.Distance(o.at)
		return distance, !math.IsInf(distance, 1)
	case g.single && !g.geoJSON:
		d := g.flat.Sub(o.flat)
		return math.Sqrt(float64(d.X*d.X) + float64(d.Y*d.Y)), true
	}
	return 0, false
}

// Nearest returns the geometry that is nearest of those that a document has at a path, and how far it is; ok is false if there is none.
func (o *Origin) Nearest(doc document.Doc, path string) (place document.Value, distance float64, ok bool) {
	elements, _ := appendAlong(nil, doc, path)
	for _, v := range elements {
		o.nearest(v, &place, &distance, &ok)
		if v.Type != document.TypeArray || v.Doc().First().IsNumber() {
			continue
		}
		for it := v.Doc().Iter(); it.Next(); {
			o.nearest(it.Value(), &place, &distance, &ok)
		}
	}
	return place, distance, ok
}

func (o *Origin) nearest(v document.Value, place *document.Value, distance *float64, found *bool) {
	if KindOf(v) == NotGeometry {
		return
	}
	g, err := Parse(v)
	if err != nil {
		return
	}
	if d, ok := o.Distance(g); ok && (!*found || d < *distance) {
		*place, *distance, *found = v, d, true
	}
}
