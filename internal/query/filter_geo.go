package query

import (
	"math"
	"strconv"

	"github.com/golang/geo/s2"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/geo"
	"github.com/mortondb/morton/internal/mongoerr"
)

// $geoWithin, $geoIntersects, $near: places and shapes.

// geoWithin matches geometries that lie within a region.
type geoWithin struct{ region *geo.Region }

func (p geoWithin) matchValue(v document.Value, _ *matching) bool {
	g := storedGeometry(v)
	return g != nil && p.region.Holds(g)
}

// geoIntersects matches geometries that meet one.
type geoIntersects struct{ geometry *geo.Geometry }

func (p geoIntersects) matchValue(v document.Value, _ *matching) bool {
	g := storedGeometry(v)
	return g != nil && p.geometry.Intersects(g)
}

// Places returns the region within which a condition wants a place, or the geometry that it is to meet; neither, if it is another condition.
func (n *Node) Places() (within *geo.Region, meets *geo.Geometry) {
	switch p := n.pred.(type) {
	case geoWithin:
		return p.region, nil
	case geoIntersects:
		return nil, p.geometry
	}
	return nil, nil
}

// storedGeometry returns a document's value as a geometry; nil if it is none.
func storedGeometry(v document.Value) *geo.Geometry {
	if geo.KindOf(v) == geo.NotGeometry {
		return nil
	}
	g, err := geo.Parse(v)
	if err != nil {
		return nil
	}
	return g
}

func parseGeoWithin(name string) func(*filterCompiler, string, document.Value) (*Node, error) {
	return func(_ *filterCompiler, path string, operand document.Value) (*Node, error) {
		geometry, region, err := parseGeoOperand(operand)
		if err != nil {
			return nil, err
		}
		if geometry != nil {
			region = geometry.Region()
		}
		if region == nil {
			return nil, badValue("$within not supported with provided geometry: { %s }", elementText(name, operand))
		}
		return &Node{Op: OpGeoWithin, Path: path, Value: operand, pred: geoWithin{region}, spread: true}, nil
	}
}

func parseGeoIntersects(_ *filterCompiler, path string, operand document.Value) (*Node, error) {
	geometry, _, err := parseGeoOperand(operand)
	switch {
	case err != nil:
		return nil, err
	case geometry == nil:
		return nil, badValue("$geoIntersect not supported with provided geometry: { %s }", elementText("$geoIntersects", operand))
	}
	return &Node{Op: OpGeoIntersects, Path: path, Value: operand, pred: geoIntersects{geometry}, spread: true}, nil
}

// parseGeoOperand reads the shape of a query: a geometry, or else a region. Of several the last counts, as with mongod.
func parseGeoOperand(operand document.Value) (geometry *geo.Geometry, region *geo.Region, err error) {
	if operand.Type != document.TypeDocument {
		return nil, nil, badValue("geometry must be an object")
	}
	for it := operand.Doc().Iter(); it.Next(); {
		name, v := it.Key(), it.Value()
		switch name {
		case "$uniqueDocs": // has had no meaning since MongoDB 2.6
			continue
		case "$geometry", "$box", "$polygon", "$center", "$centerSphere":
		default:
			return nil, nil, unknownGeo(name, v)
		}
		geometry, region = nil, nil
		switch {
		case v.Doc() == nil:
			return nil, nil, unknownGeo(name, v)
		case name == "$geometry":
			geometry, err = geo.ParseAsked(v)
		default:
			region, err = geo.ParseRegion(name, v)
		}
		if err != nil {
			return nil, nil, badValue("%s", err.Error())
		}
	}
	if geometry == nil && region == nil {
		return nil, nil, badValue("geo query doesn't have any geometry")
	}
	return geometry, region, nil
}

func unknownGeo(name string, v document.Value) error {
	return badValue("unknown geo specifier: %s", elementText(name, v))
}

// Near is what $near and $nearSphere ask for: everything, from near to far.
type Near struct {
	Point  s2.Point // on the sphere
	X, Y   float64
	Sphere bool    // distances are on the sphere, in meters or radians; else in the plane
	Meters bool    // else radians
	Min    float64 // in the unit of the distances
	Max    float64
	Named  bool // $nearSphere
}

// NoNearIndex is the error of a find with a $near that no index serves, in mongod's words.
func NoNearIndex(ns string, near *Node, sort, projection document.Doc) error {
	return mongoerr.New(mongoerr.NoQueryExecutionPlans, "error processing query: ns=%sTree: %s\nSort: %s\nProj: %s\n planner returned error :: caused by :: "+
		"unable to find index for $geoNear query", ns, near.Near.text(near.Path), orEmptyText(sort), orEmptyText(projection))
}

func orEmptyText(d document.Doc) string {
	if len(d) <= 5 {
		return "{}"
	}
	return docText(d)
}

func (n *Near) text(path string) string {
	maximum := strconv.FormatFloat(n.Max, 'g', 6, 64)
	sphere := "0"
	if n.Named && !n.Meters {
		sphere = "1"
	}
	return "GEONEAR  field=" + path + " maxdist=" + maximum + " isNearSphere=" + sphere
}

// parseNear reads {$near: ..., $minDistance: ..., $maxDistance: ...}, whose parts are fields of one document.
func parseNear(path, name string, operators document.Doc) (*Node, error) {
	operand := operators.Lookup(name)
	if operators.First().Key != name || operand.Doc() == nil {
		return nil, badValue("near must be first in: %s", docText(operators))
	}
	near := &Near{Max: math.MaxFloat64, Named: name == "$nearSphere"}
	var err error
	if geometry := operand.Doc().Lookup("$geometry"); !geometry.IsMissing() {
		err = near.readGeometry(operand.Doc(), geometry)
	} else {
		err = near.readLegacy(operand)
	}
	if err != nil {
		return nil, err
	}
	for it := operators.Iter(); it.Next(); {
		if err := near.readDistance(it.Key(), it.Value()); err != nil {
			return nil, err
		}
	}
	return &Node{Op: OpNear, Path: path, Value: operand, Near: near, doc: always(true)}, nil
}

func (n *Near) readGeometry(operand document.Doc, geometry document.Value) error {
	g, err := geo.ParseGeoJSON(geometry.Doc())
	if geometry.Type != document.TypeDocument || err != nil || !isPoint(g) {
		return badValue("invalid point in geo near query $geometry argument: %s  Point must only contain numeric elements", valueText(geometry))
	}
	p, _ := g.Point()
	n.X, n.Y, n.Sphere, n.Meters = p.X, p.Y, true, true
	n.Point = s2.PointFromLatLng(s2.LatLngFromDegrees(n.Y, n.X))
	for it := operand.Iter(); it.Next(); {
		if it.Key() == "$geometry" {
			continue
		}
		if err := n.readDistance(it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return nil
}

func isPoint(g *geo.Geometry) bool {
	_, ok := g.Point()
	return ok
}

// readLegacy reads [x, y] or {x:, y:}, and a third number, the greatest distance.
func (n *Near) readLegacy(operand document.Value) error {
	if geo.KindOf(operand) != geo.Legacy {
		return badValue("$geometry is required for geo near query")
	}
	g, err := geo.Parse(operand)
	if err != nil {
		return badValue("%s", err.Error())
	}
	p, _ := g.Point()
	n.X, n.Y, n.Sphere = p.X, p.Y, n.Named
	if n.Sphere && (math.Abs(n.X) > 180 || math.Abs(n.Y) > 90) {
		return badValue("longitude/latitude is out of bounds, lng: %v lat: %v", n.X, n.Y)
	}
	n.Point = s2.PointFromLatLng(s2.LatLngFromDegrees(n.Y, n.X))
	it := operand.Doc().Iter()
	for i := 0; it.Next(); i++ {
		if i == 2 && it.Value().IsNumber() {
			return n.readDistance("$maxDistance", it.Value())
		}
	}
	return nil
}

func (n *Near) readDistance(name string, v document.Value) error {
	switch name {
	case "$minDistance", "$maxDistance":
	default:
		return nil
	}
	f, ok := v.AsFloat64()
	switch {
	case !ok:
		return badValue("%s must be a number", name)
	case !(f >= 0):
		return badValue("%s must be non-negative", name)
	}
	if name == "$minDistance" {
		n.Min = f
	} else {
		n.Max = f
	}
	return nil
}
