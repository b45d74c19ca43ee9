package geo

import (
	"errors"
	"fmt"
	"math"

	"github.com/golang/geo/r2"
	"github.com/golang/geo/r3"
	"github.com/golang/geo/s2"

	"github.com/mortondb/morton/internal/document"
)

// EarthRadius is in meters, as MongoDB has it.
const EarthRadius = 6378.1 * 1000

// maxRings bounds the rings of a polygon, each of which is compared with each to find out which lie in which. (mongod does so, too, and has no bound.)
const maxRings = 5000

// Geometry is a place or shape.
type Geometry struct {
	points   []s2.Point
	lines    []*route
	polygons []*area
	set      pointSet // of points

	single  bool     // it is one point
	flat    r2.Point // whose coordinates are these
	geoJSON bool     // it was GeoJSON
	asked   bool     // it is a query's, which may have a strictly winding polygon
}

// Point returns the coordinates of a geometry that is a single point.
func (g *Geometry) Point() (p r2.Point, ok bool) { return g.flat, g.single }

// GeoJSON reports whether the geometry was GeoJSON, not a pair of coordinates.
func (g *Geometry) GeoJSON() bool { return g.geoJSON }

// Kind of a stored value.
type Kind int

// The kinds of values that a query may meet.
const (
	NotGeometry Kind = iota
	Legacy           // a pair of coordinates, as an array or in a document
	GeoJSON
)

// KindOf tells what a value is by a glance: it may still be a geometry with mistakes.
func KindOf(v document.Value) Kind {
	switch v.Type {
	case document.TypeArray:
		it := v.Doc().Iter()
		if it.Next() && it.Value().IsNumber() && it.Next() && it.Value().IsNumber() {
			return Legacy
		}
	case document.TypeDocument:
		if v.Doc().Lookup("type").Type == document.TypeString {
			return GeoJSON
		}
		it := v.Doc().Iter()
		if it.Next() && it.Value().IsNumber() && it.Next() && it.Value().IsNumber() {
			return Legacy
		}
	}
	return NotGeometry
}

// Parse reads a geometry of either kind.
func Parse(v document.Value) (*Geometry, error) {
	switch KindOf(v) {
	case Legacy:
		p, err := parseLegacy(v)
		if err != nil {
			return nil, err
		}
		g := &Geometry{single: true, flat: p}
		if onSphere(p) {
			g.points = []s2.Point{sphere(p)}
		}
		return g, nil
	case GeoJSON:
		return ParseGeoJSON(v.Doc())
	}
	return nil, errors.New("Point must only contain numeric elements")
}

func onSphere(p r2.Point) bool { return math.Abs(p.X) <= 180 && math.Abs(p.Y) <= 90 }

// sphere returns the point at a longitude and a latitude.
func sphere(p r2.Point) s2.Point {
	sinLat, cosLat := sineAndCosine(p.Y * degree)
	sinLng, cosLng := sineAndCosine(p.X * degree)
	return s2.Point{Vector: r3.Vector{X: float64(cosLng.hi * cosLat.hi), Y: float64(sinLng.hi * cosLat.hi), Z: sinLat.hi}}
}

const degree = math.Pi / 180

// parseLegacy reads the first two fields of an array or document.
func parseLegacy(v document.Value) (p r2.Point, err error) {
	it := v.Doc().Iter()
	for i := range 2 {
		if !it.Next() {
			return p, errors.New("Point must only contain numeric elements")
		}
		f, ok := it.Value().AsFloat64()
		if !ok {
			return p, errors.New("Point must only contain numeric elements")
		}
		if f != f || math.IsInf(f, 0) {
			return p, errors.New("Point coordinates must be finite numbers")
		}
		if i == 0 {
			p.X = f
		} else {
			p.Y = f
		}
	}
	return p, nil
}

// ParseAsked reads what a query has as $geometry: GeoJSON, or a pair of coordinates.
func ParseAsked(v document.Value) (*Geometry, error) {
	if v.Type == document.TypeArray || v.Doc().First().Value.IsNumber() {
		p, err := position(v)
		if err != nil {
			return nil, err
		}
		return &Geometry{points: []s2.Point{sphere(p)}, single: true, flat: p}, nil
	}
	g := &Geometry{geoJSON: true, asked: true}
	return g, g.read(v.Doc(), false)
}

// ParseGeoJSON reads GeoJSON.
func ParseGeoJSON(d document.Doc) (*Geometry, error) {
	g := &Geometry{geoJSON: true}
	if err := g.read(d, false); err != nil {
		return nil, err
	}
	g.single = len(g.points) == 1 && len(g.lines) == 0 && len(g.polygons) == 0 && d.Lookup("type").Str() == "Point"
	return g, nil
}

func (g *Geometry) read(d document.Doc, nested bool) error {
	coordinates := d.Lookup("coordinates")
	kind := d.Lookup("type").Str()
	strict, err := parseCRS(d)
	switch {
	case err != nil:
		return err
	case strict && kind == "Polygon" && g.asked:
		return g.strictPolygon(coordinates)
	case strict:
		return errors.New("Strict winding order is only supported by polygon")
	}
	switch kind {
	case "Point":
		p, err := position(coordinates)
		if err != nil {
			return err
		}
		g.flat = p
		g.points = append(g.points, sphere(p))
		return nil
	case "LineString":
		return g.line(coordinates)
	case "Polygon":
		return g.polygon(coordinates)
	case "MultiPoint":
		if coordinates.Type != document.TypeArray {
			return errNoCoordinates
		}
		return each("MultiPoint coordinates", coordinates, func(v document.Value) error {
			p, err := coordinate(v)
			g.points = append(g.points, sphere(p))
			return err
		})
	case "MultiLineString":
		return each("MultiLineString coordinates", coordinates, g.line)
	case "MultiPolygon":
		return each("MultiPolygon coordinates", coordinates, g.polygon)
	case "GeometryCollection":
		if nested {
			return errors.New("GeometryCollections cannot be nested: " + d.Shell())
		}
		return g.collection(d.Lookup("geometries"))
	}
	if nested {
		return errors.New("Unknown GeoJSON type: " + d.Shell())
	}
	return errors.New("unknown GeoJSON type: " + d.Shell())
}

func (g *Geometry) collection(geometries document.Value) error {
	i := 0
	return each("GeometryCollection geometries", geometries, func(v document.Value) error {
		if v.Type != document.TypeDocument {
			return fmt.Errorf("Element %d of \"geometries\" is not an object", i)
		}
		i++
		return g.read(v.Doc(), true)
	})
}

var errNoCoordinates = errors.New("GeoJSON coordinates must be an array of coordinates")

// each calls f with what a list holds, which must be something.
func each(name string, v document.Value, f func(document.Value) error) error {
	if v.Type != document.TypeArray {
		return fmt.Errorf("%s must be an array", name)
	}
	if v.Doc().IsEmpty() {
		return fmt.Errorf("%s must have at least 1 element", name)
	}
	for it := v.Doc().Iter(); it.Next(); {
		if err := f(it.Value()); err != nil {
			return err
		}
	}
	return nil
}

// position reads [longitude, latitude].
func position(v document.Value) (r2.Point, error) {
	p, err := pair(v)
	if err == nil && !onSphere(p) {
		err = fmt.Errorf("longitude/latitude is out of bounds, lng: %v lat: %v", p.X, p.Y)
	}
	return p, err
}

// coordinate reads one of the positions of a line or ring.
func coordinate(v document.Value) (r2.Point, error) {
	if v.Type != document.TypeArray {
		return r2.Point{}, errors.New("GeoJSON coordinates must be an array")
	}
	return position(v)
}

// vertices reads a list of positions, without those that repeat the one before.
func vertices(v document.Value) ([]s2.Point, error) {
	if v.Type != document.TypeArray {
		return nil, errNoCoordinates
	}
	var list []s2.Point
	for it := v.Doc().Iter(); it.Next(); {
		p, err := coordinate(it.Value())
		if err != nil {
			return nil, err
		}
		if at := sphere(p); len(list) == 0 || list[len(list)-1] != at {
			list = append(list, at)
		}
	}
	return list, nil
}

func (g *Geometry) line(v document.Value) error {
	list, err := vertices(v)
	if err != nil {
		return err
	}
	if len(list) < 2 {
		return errors.New("GeoJSON LineString must have at least 2 vertices: " + v.Shell())
	}
	g.lines = append(g.lines, newRoute(list))
	return nil
}

func (g *Geometry) polygon(v document.Value) error {
	var loops []*s2.Loop
	edges := map[s2.Edge]ringEdge{}
	if v.Type == document.TypeArray && v.Doc().IsEmpty() {
		return errors.New("Polygon has no loops.")
	}
	err := each("Polygon coordinates", v, func(ring document.Value) error {
		loop, err := parseLoop(ring)
		if err != nil {
			return err
		}
		loop.Normalize()
		if len(loops) == maxRings {
			return fmt.Errorf("GeoJSON with more than %d rings in a polygon is not supported", maxRings)
		}
		if e, other, found := sharedEdge(edges, loop, len(loops)); found {
			return fmt.Errorf("Polygon isn't valid: Duplicate edge: loop %d, edge %d and loop %d, edge %d %s", len(loops), e, other.ring, other.edge, v.Shell())
		}
		if len(loops) > 0 && !loops[0].Contains(loop) {
			return fmt.Errorf("Secondary loops not contained by first exterior loop - secondary loops must be holes: %s first loop: %s", ring.Shell(), v.Doc().First().Value.Shell())
		}
		loops = append(loops, loop)
		return nil
	})
	if err != nil {
		return err
	}
	g.polygons = append(g.polygons, newArea(loops))
	return nil
}

// strictPolygon reads a polygon of one ring, whose inside is to the left of it and may be more than half of the sphere.
func (g *Geometry) strictPolygon(v document.Value) error {
	switch {
	case v.Type != document.TypeArray:
		return errors.New("Polygon coordinates must be an array")
	case v.Doc().Len() != 1:
		return errors.New("Only one simple loop is allowed in a big polygon: " + v.Shell())
	}
	loop, err := parseLoop(v.Doc().First().Value)
	if err == nil {
		g.polygons = append(g.polygons, &area{Polygon: s2.PolygonFromOrientedLoops([]*s2.Loop{loop})})
	}
	return err
}

// ringEdge is an edge of one of the rings of a polygon.
type ringEdge struct{ ring, edge int }

// sharedEdge adds the edges of a ring to those of the rings before it, one of which may have an edge of it, too, in the same direction: the first is returned, of the first ring that has one.
func sharedEdge(edges map[s2.Edge]ringEdge, loop *s2.Loop, ring int) (edge int, other ringEdge, found bool) {
	for i := range loop.NumEdges() {
		if before, is := edges[loop.Edge(i)]; is && (!found || before.ring < other.ring || before.ring == other.ring && before.edge < other.edge) {
			edge, other, found = i, before, true
		}
	}
	for i := range loop.NumEdges() {
		edges[loop.Edge(i)] = ringEdge{ring, i}
	}
	return edge, other, found
}

// parseLoop reads a ring: it ends where it begins, and its edges do not cross.
func parseLoop(v document.Value) (*s2.Loop, error) {
	list, err := vertices(v)
	if err != nil {
		return nil, err
	}
	if len(list) == 0 {
		return nil, errors.New("Loop has no vertices: " + v.Shell())
	}
	if list[0] != list[len(list)-1] {
		return nil, errors.New("Loop is not closed: " + v.Shell())
	}
	list = list[:len(list)-1]
	if len(list) < 3 {
		return nil, errors.New("Loop must have at least 3 different vertices: " + v.Shell())
	}
	seen := map[s2.Point]int{}
	for i, p := range list {
		if before, is := seen[p]; is {
			return nil, fmt.Errorf("Loop is not valid: %s Duplicate vertices: %d and %d", v.Shell(), before, i)
		}
		seen[p] = i
	}
	i, j, crossing, err := firstCrossing(list)
	if err != nil {
		return nil, err
	}
	if crossing {
		at := func(k int) string {
			ll := s2.LatLngFromPoint(list[k%len(list)])
			return fmt.Sprintf("[%.7f, %.7f]", ll.Lat.Degrees(), ll.Lng.Degrees())
		}
		return nil, fmt.Errorf("Loop is not valid: %s Edges %d and %d cross. Edge locations in degrees: %s-%s and %s-%s", v.Shell(), i, j, at(i), at(i+1), at(j), at(j+1))
	}
	return s2.LoopFromPoints(list), nil
}
