package geo

import (
	"errors"
	"slices"

	"github.com/golang/geo/s2"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
)

// The kinds of indexes, as key patterns name them.
const (
	KindSphere = "2dsphere"
	KindFlat   = "2d"
)

// codeExtract is the code of mongod's error about a value that has no place in an index on the sphere.
const codeExtract = 16755

// maxTuples is how many combinations of values a document may have in an index; mongod's indexMaxNumGeneratedKeysPerDocument.
const maxTuples = 100000

// SphereIndex makes the entries of a 2dsphere index, as mongod's S2 key generator does: for each combination of values of the fields one, in which a
// geometry's value is a cell. Immutable.
type SphereIndex struct {
	SphereCells
	Fields []SphereField
}

// SphereField is one field of a 2dsphere index.
type SphereField struct {
	Path string
	Geo  bool // it holds geometries; else any values
}

// Tuples implements keys.Plugin. Since the second version, a document without any geometry has no entry.
func (x *SphereIndex) Tuples(doc document.Doc, add func([]document.Value)) (multikey uint32, err error) {
	lists := make([][]document.Value, len(x.Fields))
	found := false
	total := 1
	for i, f := range x.Fields {
		var elements []document.Value
		var through, several bool
		if elements, through = appendAlong(nil, doc, f.Path); f.Geo {
			if x.Version > 1 && len(elements) == 1 && nowhere(elements[0]) {
				elements = nil
			}
			found = found || len(elements) > 0
			lists[i], err = x.cells(doc, f.Path, elements)
			several = len(lists[i]) > 1
		} else {
			lists[i], several = literals(elements)
		}
		if err != nil {
			return 0, err
		}
		if through || several {
			multikey |= 1 << i
		}
		if total *= len(lists[i]); total > maxTuples {
			return 0, &keys.Error{Code: keys.CodeCannotBuildIndexKeys, Message: "Insert of geo object exceeded maximum number of generated keys"}
		}
	}
	if !found && x.Version > 1 {
		return 0, nil
	}
	combine(lists, add)
	return multikey, nil
}

// nowhere reports whether a value says that there is no place.
func nowhere(v document.Value) bool {
	return v.IsNullish() || v.Doc() != nil && v.Doc().IsEmpty()
}

// cells returns the cells of geometries; missing if there is none.
func (x *SphereIndex) cells(doc document.Doc, path string, elements []document.Value) (list []document.Value, err error) {
	for _, v := range elements {
		g, err := x.stored(path, v)
		if err != nil {
			return nil, &keys.Error{Code: codeExtract, Message: "Can't extract geo keys: " + doc.Shell() + "  " + err.Error()}
		}
		for _, id := range x.of(g) {
			list = append(list, x.value(id))
		}
	}
	if len(list) == 0 {
		list = []document.Value{{}}
	}
	return list, nil
}

// stored reads a geometry that is to be in the index.
func (x *SphereIndex) stored(path string, v document.Value) (*Geometry, error) {
	if v.Doc() == nil {
		return nil, errors.New("geo element must be an array or object: " + lastPart(path) + ": " + v.Shell())
	}
	if v.Type == document.TypeArray || v.Doc().First().IsNumber() {
		p, err := parseLegacy(v)
		switch {
		case err != nil:
			return nil, err
		case !onSphere(p):
			return nil, errors.New("can't project geometry into spherical CRS: " + v.Shell())
		}
		return &Geometry{single: true, flat: p, points: []s2.Point{sphere(p)}}, nil
	}
	g, err := ParseGeoJSON(v.Doc())
	if err == nil && x.Version < 2 && !slices.Contains([]string{"Point", "LineString", "Polygon"}, v.Doc().Lookup("type").Str()) {
		err = errors.New("given geometry can't be indexed in the old index format")
	}
	return g, err
}

// literals returns the values of a field that holds no geometries, those of arrays one by one; missing if there is none.
func literals(elements []document.Value) (list []document.Value, array bool) {
	for _, v := range elements {
		if v.Type != document.TypeArray {
			list = append(list, v)
			continue
		}
		if array = true; v.Doc().IsEmpty() {
			list = append(list, document.Value{Type: document.TypeUndefined})
		}
		for it := v.Doc().Iter(); it.Next(); {
			list = append(list, it.Value())
		}
	}
	if len(list) == 0 {
		list = []document.Value{{}}
	}
	return list, array
}

// combine calls add with each combination of values of the lists.
func combine(lists [][]document.Value, add func([]document.Value)) {
	at, tuple := make([]int, len(lists)), make([]document.Value, len(lists))
	for {
		for i, list := range lists {
			tuple[i] = list[at[i]]
		}
		add(tuple)
		i := len(lists) - 1
		for ; i >= 0; i-- {
			if at[i]++; at[i] < len(lists[i]) {
				break
			}
			at[i] = 0
		}
		if i < 0 {
			return
		}
	}
}
