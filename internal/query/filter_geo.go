package query

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/geo"
)

// $geoWithin, $geoIntersects: places and shapes.

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
