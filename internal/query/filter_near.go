package query

import (
	"math"
	"strconv"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/geo"
	"github.com/mortondb/morton/internal/mongoerr"
)

// $near, $nearSphere: everything that has a place, from near to far. It is no condition that a document meets by itself: an index is searched for it.

// Near is what $near and $nearSphere ask for.
type Near struct {
	geo.Origin
	Meters bool    // distances are in meters; else in radians, or in the units of the plane
	Min    float64 // in the unit of the distances
	Max    float64
	Named  bool // $nearSphere
}

// Measure returns how far a distance of the origin is in the unit of the distances. As mongod does, what is to be in radians goes through meters, which rounds it.
func (n *Near) Measure(distance float64) float64 {
	switch {
	case n.Meters:
		return distance * geo.EarthRadius
	case n.Sphere:
		return distance * geo.EarthRadius / geo.EarthRadius
	}
	return distance
}

// Unit is what distances of the origin are multiplied with.
func (n *Near) Unit() float64 {
	if n.Meters {
		return geo.EarthRadius
	}
	return 1
}

// ErrNoNearIndex answers a $near that no index serves.
var ErrNoNearIndex = mongoerr.New(mongoerr.NoQueryExecutionPlans, "unable to find index for $geoNear query")

// Errors of a $near together with natural order.
var (
	ErrNearWithNaturalSort = mongoerr.New(mongoerr.BadValue, "geoNear expression not allowed with $natural sort order")
	ErrNearWithNaturalHint = mongoerr.New(mongoerr.BadValue, "geoNear expression not allowed with $natural hint")
)

// ErrNearInMatch answers a $near where nothing can be ordered by it.
var ErrNearInMatch = mongoerr.New(5626500, "$geoNear, $near, and $nearSphere are not allowed in this context")

func (n *Near) text(path string) string {
	maximum := strconv.FormatFloat(n.Max, 'g', 6, 64)
	sphere := "0"
	if n.Named && !n.Meters {
		sphere = "1"
	}
	return "GEONEAR  field=" + path + " maxdist=" + maximum + " isNearSphere=" + sphere
}

// anything is a condition that everything meets.
type anything struct{}

func (anything) matchValue(document.Value, *matching) bool { return true }

// parseNear reads the operators of a path with a $near among them.
func (c *filterCompiler) parseNear(path, name string, operators document.Doc) (*Node, error) {
	operand := operators.Lookup(name)
	switch {
	case !c.near:
		return nil, ErrNearInMatch
	case operators.First().Key != name || operand.Doc() == nil:
		return nil, badValue("near must be first in: %s", docText(operators))
	}
	near, err := parseOldNear(operators)
	if near == nil && err == nil {
		near, err = parseNewNear(operators)
	}
	if err != nil {
		return nil, err
	}
	return &Node{Op: OpNear, Path: path, Value: operators.AsValue(), Near: near, doc: always(true), pred: anything{}}, nil
}

// parseOldNear reads {$near: [x, y], $minDistance: ..., $maxDistance: ...}; a third coordinate is the greatest distance. It returns nil if there is no point in it.
func parseOldNear(operators document.Doc) (near *Near, err error) {
	minimum, maximum := 0.0, math.MaxFloat64
	codes := map[string][2]mongoerr.Code{"$minDistance": {16893, 16894}, "$maxDistance": {16895, 16896}}
	for it := operators.Iter(); it.Next(); {
		switch name := it.Key(); name {
		case "$near", "$nearSphere", "$geoNear":
			if near, err = pointNear(it.Value()); near != nil {
				near.Named = name == "$nearSphere"
				maximum = near.Max
			}
		case "$minDistance":
			minimum, err = distanceOf(name, it.Value(), codes[name])
		case "$maxDistance":
			maximum, err = distanceOf(name, it.Value(), codes[name])
		case "$uniqueDocs": // has had no meaning since MongoDB 2.6
		default:
			return nil, mongoerr.New(34413, "invalid argument in geo near query: %s", name)
		}
		if err != nil {
			return nil, err
		}
	}
	if near == nil {
		return nil, nil
	}
	near.Min, near.Max = minimum, maximum
	if near.Named && !near.Sphere {
		if !near.ToSphere() {
			return nil, badValue("Legacy point is out of bounds for spherical query")
		}
	}
	return near, nil
}

// pointNear returns a search around a point, be it GeoJSON or two numbers and perhaps a distance; nil if it is none.
func pointNear(v document.Value) (*Near, error) {
	if v.Type == document.TypeDocument && !v.Doc().First().IsNumber() {
		origin, err := geo.ParseOrigin(v)
		if err != nil {
			return nil, nil
		}
		return &Near{Origin: origin, Meters: true, Max: math.MaxFloat64}, nil
	}
	near := &Near{Max: math.MaxFloat64}
	it := v.Doc().Iter()
	var numbers []float64
	for it.Next() {
		f, ok := it.Value().AsFloat64()
		if !ok || len(numbers) == 3 {
			return nil, nil
		}
		numbers = append(numbers, f)
	}
	if len(numbers) < 2 || !finite(numbers[0]) || !finite(numbers[1]) {
		return nil, nil
	}
	if len(numbers) == 3 {
		if near.Max = numbers[2]; !(near.Max >= 0) {
			return nil, mongoerr.New(18522, "max distance must be non-negative")
		}
	}
	near.Origin = geo.FlatOrigin(numbers[0], numbers[1])
	return near, nil
}

func finite(f float64) bool { return f == f && !math.IsInf(f, 0) }

// parseNewNear reads {$near: {$geometry: ..., $minDistance: ..., $maxDistance: ...}}.
func parseNewNear(operators document.Doc) (*Near, error) {
	all := operators.Iter()
	all.Next()
	operand := all.Value()
	if all.Next() {
		return nil, badValue("geo near accepts just one argument when querying for a GeoJSON point. Extra field found: %s", elementText(all.Key(), all.Value()))
	}
	near := &Near{Meters: true, Max: math.MaxFloat64}
	found := false
	for it := operand.Doc().Iter(); it.Next(); {
		var err error
		switch name := it.Key(); name {
		case "$geometry":
			if it.Value().Doc() == nil {
				continue
			}
			if near.Origin, err = geo.ParseOrigin(it.Value()); err != nil {
				err = badValue("invalid point in geo near query $geometry argument: %s  %s", valueText(it.Value()), err.Error())
			}
			found = true
		case "$minDistance":
			near.Min, err = distanceOf(name, it.Value(), badDistance)
		case "$maxDistance":
			near.Max, err = distanceOf(name, it.Value(), badDistance)
		default:
			err = badValue("invalid argument in geo near query: %s", name)
		}
		if err != nil {
			return nil, err
		}
	}
	switch {
	case !found:
		return nil, badValue("$geometry is required for geo near query")
	case !near.Sphere:
		return nil, badValue("$near requires geojson point, given %s", valueText(operand.Doc().Lookup("$geometry")))
	}
	return near, nil
}

// badDistance is the codes of what is no number, and of what is no distance.
var badDistance = [2]mongoerr.Code{mongoerr.BadValue, mongoerr.BadValue}

func distanceOf(name string, v document.Value, codes [2]mongoerr.Code) (float64, error) {
	f, ok := v.AsFloat64()
	switch {
	case !ok:
		return 0, mongoerr.New(codes[0], "%s must be a number", name)
	case !(f >= 0) || !finite(f):
		return 0, mongoerr.New(codes[1], "%s must be non-negative", name)
	}
	return f, nil
}

// checkNear refuses a $near that is not one of the conditions that all must hold, and more than one.
func checkNear(root *Node) error {
	switch n := countNear(root); {
	case n > 1:
		return badValue("Too many geoNear expressions")
	case n == 1 && nearOf(root) == nil:
		return badValue("geo $near must be top-level expr")
	}
	return nil
}

func countNear(n *Node) (count int) {
	if n.Op == OpNear {
		count = 1
	}
	for _, c := range n.Children {
		count += countNear(c)
	}
	return count
}

// nearOf returns the $near among the conditions that all must hold; nil if there is none.
func nearOf(root *Node) *Node {
	if root.Op == OpNear {
		return root
	}
	for _, n := range root.Children {
		if root.Op == OpAnd && n.Op == OpNear {
			return n
		}
	}
	return nil
}
