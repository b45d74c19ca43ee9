package engine

import (
	"math"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/geo"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
)

// newGeoPattern compiles the key of an index of places.
func newGeoPattern(key document.Doc, kind string, spec document.Doc) (*keys.Pattern, error) {
	p, err := keys.CompileKind(key, kind)
	if err != nil {
		return nil, err
	}
	if kind == geo.KindSphere {
		p.Plugin, err = newSphereIndex(p, spec)
	} else {
		p.Plugin, err = newFlatIndex(p, spec)
	}
	return p, err
}

// OnlyPlace returns the path of the only index of places of a collection: of the 2d index if there is one, else of the 2dsphere index, whose first place it is.
func (c *Collection) OnlyPlace() (path string, err error) {
	for _, kind := range []string{geo.KindFlat, geo.KindSphere} {
		for _, ix := range c.Indexes {
			i := slices.IndexFunc(ix.Fields, func(f keys.Field) bool { return f.Kind == kind })
			switch {
			case i < 0 || !ix.Ready || ix.Hidden:
			case path != "":
				return "", mongoerr.New(mongoerr.IndexNotFound, "There is more than one %s index on %s; unsure which to use for $geoNear", kind, c.NS)
			default:
				path = ix.Fields[i].Path
			}
		}
		if path != "" {
			return path, nil
		}
	}
	return "", mongoerr.New(mongoerr.IndexNotFound, "$geoNear requires a 2d or 2dsphere index, but none were found")
}

// mistaken returns the error of an option, in mongod's words.
func mistaken(code int32, message string) error { return &keys.Error{Code: code, Message: message} }

func newSphereIndex(p *keys.Pattern, spec document.Doc) (keys.Plugin, error) {
	version := 1
	if n, ok := spec.Lookup("2dsphereIndexVersion").ToInt64(); ok {
		version = int(n)
	}
	x := &geo.SphereIndex{SphereCells: geo.DefaultSphereCells(version)}
	for _, f := range p.Fields {
		x.Fields = append(x.Fields, geo.SphereField{Path: f.Path, Geo: f.Kind == geo.KindSphere})
	}
	for name, level := range map[string]*int{"coarsestIndexedLevel": &x.Coarsest, "finestIndexedLevel": &x.Finest} {
		if n, ok := spec.Lookup(name).ToInt64(); ok {
			*level = int(max(min(n, math.MaxInt32), math.MinInt32))
		}
	}
	switch {
	case x.Coarsest < 0:
		return nil, mistaken(16747, "coarsestIndexedLevel must be >= 0")
	case x.Finest > 30:
		return nil, mistaken(16748, "finestIndexedLevel must be <= 30")
	case x.Finest < x.Coarsest:
		return nil, mistaken(16749, "finestIndexedLevel must be >= coarsestIndexedLevel")
	}
	return x, nil
}

// The square of a 2d index and how often it is quartered, if the index does not say.
const (
	flatMin, flatMax = -180, 180
	flatBits         = 26
)

func newFlatIndex(p *keys.Pattern, spec document.Doc) (keys.Plugin, error) {
	x := &geo.FlatIndex{Bits: flatBits, Min: flatMin, Max: flatMax}
	for i, f := range p.Fields {
		switch {
		case f.Kind != geo.KindFlat && x.Path == "":
			return nil, mistaken(16801, "2d has to be first in index")
		case f.Kind == geo.KindFlat && i > 0:
			return nil, mistaken(16800, "can't have 2 geo fields")
		case i == 0:
			x.Path = strings.Clone(f.Path)
		default:
			x.Others = append(x.Others, f.Path)
		}
	}
	if n, ok := spec.Lookup("bits").ToInt64(); ok {
		x.Bits = int(n)
	}
	for name, limit := range map[string]*float64{"min": &x.Min, "max": &x.Max} {
		if f, ok := spec.Lookup(name).AsFloat64(); ok {
			*limit = f
		}
	}
	return x, x.Check()
}
