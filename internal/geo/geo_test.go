package geo

import (
	"strings"
	"testing"

	"github.com/golang/geo/s2"

	"github.com/mortondb/morton/internal/document"
)

func value(t testing.TB, text string) document.Value {
	t.Helper()
	d, err := document.FromJSON(`{"v":` + text + `}`)
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return d.First().Value
}

const square = `{"type": "Polygon", "coordinates": [[[0, 0], [0, 4], [4, 4], [4, 0], [0, 0]]]}`

func TestIntersects(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{square, `{"type": "Point", "coordinates": [1, 1]}`, true},
		{square, `{"type": "Point", "coordinates": [0, 0]}`, true},
		{square, `[5, 5]`, false},
		{square, `{"type": "LineString", "coordinates": [[-1, 2], [5, 2]]}`, true},
		{square, `{"type": "LineString", "coordinates": [[-1, 5], [5, 5]]}`, false},
		{square, `{"type": "Polygon", "coordinates": [[[3, 3], [3, 9], [9, 9], [9, 3], [3, 3]]]}`, true},
		{`{"type": "LineString", "coordinates": [[0, 0], [2, 2]]}`, `{"type": "LineString", "coordinates": [[0, 2], [2, 0]]}`, true},
		{`{"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [7, 7]}, ` + square + `]}`, `{"type": "MultiPoint", "coordinates": [[9, 9], [2, 2]]}`, true},
		{`{"type": "Polygon", "coordinates": [[[0, 0], [0, 8], [8, 8], [8, 0], [0, 0]], [[2, 2], [2, 6], [6, 6], [6, 2], [2, 2]]]}`, `[4, 4]`, false},
	} {
		a, err := Parse(value(t, c.a))
		if err != nil {
			t.Fatal(err)
		}
		b, err := Parse(value(t, c.b))
		if err != nil {
			t.Fatal(err)
		}
		if a.Intersects(b) != c.want || b.Intersects(a) != c.want {
			t.Errorf("%s and %s: %v %v, want %v", c.a, c.b, a.Intersects(b), b.Intersects(a), c.want)
		}
	}
}

func TestRegions(t *testing.T) {
	for _, c := range []struct {
		region, geometry string
		want             bool
	}{
		{`{"$box": [[0, 0], [3, 3]]}`, `[3, 3]`, true},
		{`{"$box": [[3, 3], [0, 0]]}`, `{"x": 1, "y": 2}`, true},
		{`{"$center": [[0, 0], 3]}`, `[0, 3]`, true},
		{`{"$center": [[0, 0], 3]}`, `[3, 3]`, false},
		{`{"$polygon": [[0, 0], [0, 6], [6, 6]]}`, `[3, 3]`, true},
		{`{"$polygon": [[0, 0], [0, 6], [6, 6]]}`, `[4, 3]`, false},
		{`{"$box": [[0, 0], [3, 3]]}`, `{"type": "LineString", "coordinates": [[1, 1], [2, 2]]}`, false},
		{`{"$centerSphere": [[0, 0], 0.05]}`, `{"type": "LineString", "coordinates": [[1, 1], [2, 2]]}`, true},
		{`{"$geometry": ` + square + `}`, `{"type": "Polygon", "coordinates": [[[1, 1], [1, 2], [2, 2], [2, 1], [1, 1]]]}`, true},
		{`{"$geometry": ` + square + `}`, `{"type": "LineString", "coordinates": [[1, 1], [5, 2]]}`, false},
	} {
		r := region(t, value(t, c.region).Doc())
		g, err := Parse(value(t, c.geometry))
		if err != nil {
			t.Fatal(err)
		}
		if r.Holds(g) != c.want {
			t.Errorf("%s and %s: %v, want %v", c.region, c.geometry, !c.want, c.want)
		}
	}
}

func region(t testing.TB, d document.Doc) *Region {
	t.Helper()
	e := d.First()
	if e.Key == "$geometry" {
		g, err := ParseAsked(e.Value)
		if err != nil {
			t.Fatal(err)
		}
		return g.Region()
	}
	r, err := ParseRegion(e.Key, e.Value)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestMistakesAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		`{"type": "Point", "coordinates": [200, 0]}`:                                     "longitude/latitude is out of bounds, lng: 200 lat: 0",
		`{"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1]]]}`:                 "Loop is not closed: [ [ 0, 0 ], [ 1, 1 ], [ 0, 1 ] ]",
		`{"type": "Polygon", "coordinates": [[[0, 0], [1, 1], [0, 1], [1, 0], [0, 0]]]}`: "Edges 0 and 2 cross",
		`{"type": "LineString", "coordinates": [[0, 0]]}`:                                "GeoJSON LineString must have at least 2 vertices: [ [ 0, 0 ] ]",
		`{"type": "Nothing"}`: "unknown GeoJSON type",
		`{"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection"}]}`: "cannot be nested",
		`"x"`: "Point must only contain numeric elements",
	} {
		if _, err := Parse(value(t, text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

func TestDistance(t *testing.T) {
	g, err := Parse(value(t, `{"type": "LineString", "coordinates": [[0, 0], [10, 0]]}`))
	if err != nil {
		t.Fatal(err)
	}
	if d := g.Distance(s2.PointFromLatLng(s2.LatLngFromDegrees(1, 5))) * 180 / 3.141592653589793; d < 0.999 || d > 1.001 {
		t.Errorf("%v degrees", d)
	}
}

// FuzzGeometry: no value makes parsing or comparing panic.
func FuzzGeometry(f *testing.F) {
	f.Add(square, `[1, 1]`)
	f.Add(`{"type": "MultiPolygon", "coordinates": [[[[0, 0], [0, 4], [4, 4], [0, 0]]]]}`, `{"$centerSphere": [[0, 0], 2]}`)
	f.Add(`{"type": "Polygon", "coordinates": [[[0, 90], [180, 0], [0, -90], [0, 90]]]}`, `{"$geometry": `+square+`}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		parse := func(text string) document.Value {
			d, err := document.FromJSON(`{"v":` + text + `}`)
			if err != nil || len(text) > 1000 {
				return document.Value{}
			}
			return d.First().Value
		}
		va, vb := parse(a), parse(b)
		ga, errA := Parse(va)
		gb, errB := Parse(vb)
		if errA == nil && errB == nil {
			ga.Intersects(gb)
		}
		if vb.Type == document.TypeDocument {
			e := vb.Doc().First()
			if r, err := ParseRegion(e.Key, e.Value); err == nil && errA == nil {
				r.Holds(ga)
			}
			if g, err := ParseAsked(vb); err == nil && errA == nil && g.Region() != nil {
				g.Region().Holds(ga)
			}
		}
		if errA == nil {
			ga.Distance(s2.PointFromLatLng(s2.LatLngFromDegrees(1, 1)))
		}
	})
}
