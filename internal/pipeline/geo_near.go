package pipeline

import (
	"math"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
)

const geoNearStage = "$geoNear"

// GeoNear is $geoNear: the documents that have a place, from near to far, and in each how far it is. A find with a $near finds them ([GeoNear.Filter]), which must
// tell what it knows of them ([Annotated]).
type GeoNear struct {
	Key string // the path of the place; "": that of the only index of places

	near       document.Value
	spherical  bool
	min, max   float64
	query      document.Doc // nil: none
	distance   []string     // where the distance goes
	place      []string     // where the place goes; nil: nowhere
	multiplier float64
}

// skipEmpty leaves out empty $match stages in front of a $geoNear.
func skipEmpty(list []spec) []spec {
	for i, s := range list {
		switch {
		case s.name == geoNearStage:
			return list[i:]
		case s.name != "$match" || s.arg.Type != document.TypeDocument || !s.arg.Doc().IsEmpty():
			return list
		}
	}
	return list
}

func parseGeoNear(v document.Value, opts *Options) (*GeoNear, error) {
	if v.Doc() == nil {
		return nil, fail(10065, "invalid parameter: expected an object (%s)", geoNearStage)
	}
	s := &GeoNear{max: math.MaxFloat64, multiplier: 1}
	for it := v.Doc().Iter(); it.Next(); {
		if err := s.option(it.Key(), it.Value()); err != nil {
			return nil, err
		}
	}
	near := v.Doc().Lookup("near")
	switch {
	case near.IsMissing():
		return nil, fail(5860400, "$geoNear requires a 'near' argument")
	case s.distance == nil:
		return nil, errDistanceField
	}
	return s, s.evaluate(near, opts)
}

var errDistanceField = mongoerr.New(16606, "$geoNear requires a 'distanceField' option as a String")

// evaluate finds the point, which is an expression.
func (s *GeoNear) evaluate(near document.Value, opts *Options) error {
	e, err := expr.Compile(near, opts.Expr)
	if err != nil {
		return err
	}
	if e.ReadsDocument() {
		return fail(5860402, "$geoNear requires a constant near argument")
	}
	var x expr.Evaluator
	x.Begin(document.Empty)
	point, err := e.Eval(&x)
	if err != nil {
		return err
	}
	if s.near = point.Clone(); point.Doc() == nil {
		return fail(5860401, "$geoNear requires near argument to be a GeoJSON object or a legacy point(array)")
	}
	return nil
}

func (s *GeoNear) option(name string, v document.Value) (err error) {
	switch name {
	case "distanceField":
		if v.Type != document.TypeString {
			return errDistanceField
		}
		s.distance, err = fieldPath(v)
	case "includeLocs":
		if v.Type != document.TypeString {
			return fail(16607, "$geoNear requires that 'includeLocs' option is a String")
		}
		s.place, err = fieldPath(v)
	case "minDistance":
		s.min, err = distanceOption(name, v)
	case "maxDistance":
		s.max, err = distanceOption(name, v)
	case "distanceMultiplier":
		s.multiplier, err = distanceOption(name, v)
	case "spherical":
		s.spherical = v.Truthy()
	case "query":
		if v.Type != document.TypeDocument {
			return mongoerr.New(mongoerr.TypeMismatch, "query must be an object")
		}
		s.query = v.Doc()
	case "key":
		switch {
		case v.Type != document.TypeString:
			return mongoerr.New(mongoerr.TypeMismatch, "$geoNear parameter 'key' must be of type string but found type: %s", v.Type)
		case v.Str() == "":
			return mongoerr.New(mongoerr.BadValue, "$geoNear parameter 'key' cannot be the empty string")
		}
		s.Key = strings.Clone(v.Str())
		return expr.CheckPath(s.Key)
	case "limit":
		return fail(50858, "$geoNear no longer supports the 'limit' parameter. Use a $limit stage instead.")
	case "num":
		return fail(50857, "$geoNear no longer supports the 'num' parameter. Use a $limit stage instead.")
	case "start":
		return fail(50856, "$geoNear no longer supports the 'start' argument.")
	}
	return err
}

func fieldPath(v document.Value) ([]string, error) {
	if v.Str() == "" {
		return nil, fail(40352, "FieldPath cannot be constructed with empty string")
	}
	return strings.Split(v.Str(), "."), expr.CheckPath(v.Str())
}

func distanceOption(name string, v document.Value) (float64, error) {
	f, ok := v.AsFloat64()
	switch {
	case !ok:
		return 0, mongoerr.New(mongoerr.TypeMismatch, "%s must be a number", name)
	case !(f >= 0):
		return 0, mongoerr.New(mongoerr.BadValue, "%s must be nonnegative", name)
	}
	return f, nil
}

// Filter returns the filter of the find, with a $near of the place at key.
func (s *GeoNear) Filter(key string) document.Doc {
	operator := "$near"
	if s.spherical {
		operator = "$nearSphere"
	}
	var near document.Builder
	near.OpenDoc(key)
	near.AppendValue(operator, s.near)
	if s.min > 0 {
		near.AppendDouble("$minDistance", min(s.min, math.MaxFloat64))
	}
	if s.max < math.MaxFloat64 {
		near.AppendDouble("$maxDistance", s.max)
	}
	near.Close()
	if s.query == nil || s.query.IsEmpty() {
		return near.Finish()
	}
	return allOf([]document.Doc{near.Finish(), s.query})
}

// over puts the distance, and the place, into each document.
func (s *GeoNear) over(src Source) Source {
	var buf, other []byte
	return each(src, func(doc document.Doc) (document.Doc, bool, error) {
		m := metaOf(src)
		d, _ := m.Value(expr.NearDistance).AsFloat64()
		buf = setPath(buf[:0], doc, s.distance, document.Double(d*s.multiplier))
		if s.place == nil {
			return buf, true, nil
		}
		other = setPath(other[:0], buf, s.place, m.Value(expr.NearPlace))
		return other, true, nil
	})
}
