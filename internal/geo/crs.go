package geo

import (
	"errors"

	"github.com/mortondb/morton/internal/document"
)

// strictWinding names coordinates in which a ring of a query goes around its inside counter-clockwise, however large that is.
const strictWinding = "urn:x-mongodb:crs:strictwinding:EPSG:4326"

// parseCRS reads the field crs of GeoJSON: all names that are known mean the same coordinates, of which one is strict.
func parseCRS(d document.Doc) (strict bool, err error) {
	crs := d.Lookup("crs")
	properties := crs.Doc().Lookup("properties")
	name := properties.Doc().Lookup("name")
	switch {
	case crs.IsMissing():
		return false, nil
	case crs.Type != document.TypeDocument:
		return false, errors.New("GeoJSON CRS must be an object")
	case crs.Doc().Lookup("type").Type != document.TypeString || crs.Doc().Lookup("type").Str() != "name":
		return false, errors.New(`GeoJSON CRS must have field "type": "name"`)
	case properties.Type != document.TypeDocument:
		return false, errors.New(`CRS must have field "properties" which is an object`)
	case name.Type != document.TypeString:
		return false, errors.New(`In CRS, "properties.name" must be a string`)
	}
	switch name.Str() {
	case "urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326":
		return false, nil
	case strictWinding:
		return true, nil
	}
	return false, errors.New("Unknown CRS name: " + name.Str())
}
