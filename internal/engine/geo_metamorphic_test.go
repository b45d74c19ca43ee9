package engine

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/plan"
	"github.com/mortondb/morton/internal/query"
)

// TestGeoIndexesChangeCostNotAnswers runs random queries about places on a collection without indexes and on the same documents with
// random indexes of places, of all versions and options, and compares the answers: with cursors that are suspended and resumed, and after updates and deletions.
// Places are on a grid, so that they meet borders, or anywhere.
func TestGeoIndexesChangeCostNotAnswers(t *testing.T) {
	used := map[string]int{}
	for seed := range uint64(24) {
		g := &geoMetamorphic{metamorphic: metamorphic{t: t, Rand: rand.New(rand.NewPCG(seed, 11)), seed: seed, used: used}}
		g.flat = seed%2 == 1
		g.run()
		if t.Failed() {
			return
		}
	}
	t.Log(used)
	for _, what := range []string{"2d", "2dsphere", "prefixed", "near"} {
		if used[what] < 8 {
			t.Errorf("only %d plans with %q", used[what], what)
		}
	}
}

type geoMetamorphic struct {
	metamorphic
	flat bool // points in the plane, and a 2d index
}

func (g *geoMetamorphic) run() {
	g.m = newPrimary(g.t)
	defer g.m.close()
	var docs []string
	for i := range 30 + g.IntN(200) {
		docs = append(docs, g.doc(i))
	}
	g.m.insert(plainNS, docs...)
	before := g.IntN(len(docs))
	g.m.insert(indexedNS, docs[:before]...)
	for n := range 1 + g.IntN(2) {
		spec := g.index(n)
		if _, err := g.m.CreateIndexes(context.Background(), indexedNS, []document.Doc{doc(g.t, "%s", spec)}); err != nil {
			if !strings.Contains(err.Error(), "equivalent index") && !strings.Contains(err.Error(), "already exists") {
				g.t.Fatalf("seed %d: %s: %v", g.seed, spec, err)
			}
		}
	}
	if before < len(docs) {
		g.m.insert(indexedNS, docs[before:]...)
	}
	if g.IntN(2) == 0 {
		g.m.commit()
	}
	for range 40 {
		g.compare()
		g.near()
		if g.t.Failed() {
			return
		}
		if g.IntN(8) == 0 {
			g.change()
		}
	}
}

// at returns a longitude and a latitude.
func (g *geoMetamorphic) at() string {
	if g.IntN(3) > 0 {
		return fmt.Sprintf("[%d, %d]", g.IntN(13)-6, g.IntN(13)-6)
	}
	if g.IntN(10) == 0 {
		return g.pick("[180, 0]", "[-180, 0]", "[0, 90]", "[0, -90]", "[179.9, 0.1]", "[-179.9, 0.1]", "[45, 45]", "[45, 35.264389682754654]")
	}
	return fmt.Sprintf("[%v, %v]", g.Float64()*20-10, g.Float64()*20-10)
}

// around returns a ring around some place.
func (g *geoMetamorphic) around() string {
	x, y, a, b := g.IntN(11)-5, g.IntN(11)-5, 1+g.IntN(4), 1+g.IntN(4)
	if g.IntN(3) == 0 {
		return fmt.Sprintf("[[%d, %d], [%d, %d], [%d, %d], [%d, %d]]", x, y, x+a, y, x, y+b, x, y)
	}
	return fmt.Sprintf("[[%d, %d], [%d, %d], [%d, %d], [%d, %d], [%d, %d]]", x, y, x+a, y, x+a, y+b, x, y+b, x, y)
}

func (g *geoMetamorphic) geometry() string {
	switch g.IntN(9) {
	case 0:
		return fmt.Sprintf(`{"type": "LineString", "coordinates": [%s, %s]}`, g.at(), fmt.Sprintf("[%d, %v]", g.IntN(5), 10+g.Float64()))
	case 1, 2:
		return fmt.Sprintf(`{"type": "Polygon", "coordinates": [%s]}`, g.around())
	case 3:
		return fmt.Sprintf(`{"type": "MultiPoint", "coordinates": [%s, %s]}`, g.at(), g.at())
	case 4:
		return fmt.Sprintf(`{"type": "MultiPolygon", "coordinates": [[%s], [%s]]}`, g.around(), g.around())
	case 5:
		return fmt.Sprintf(`{"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": %s}, {"type": "Polygon", "coordinates": [%s]}]}`, g.at(), g.around())
	}
	return fmt.Sprintf(`{"type": "Point", "coordinates": %s}`, g.at())
}

// place returns what a document may have.
func (g *geoMetamorphic) place() string {
	switch {
	case g.flat && g.IntN(4) == 0:
		return "[" + g.at() + ", " + g.at() + "]"
	case g.flat:
		return g.at()
	case g.IntN(2) == 0:
		return g.pick(g.at(), g.at(), "null")
	}
	return g.geometry()
}

func (g *geoMetamorphic) doc(id int) string {
	parts := []string{fmt.Sprintf(`"_id": %d`, id)}
	if g.IntN(8) > 0 {
		place := g.place()
		for g.flat && place == "null" {
			place = g.place()
		}
		parts = append(parts, `"p": `+place)
	}
	if g.IntN(5) > 0 {
		parts = append(parts, fmt.Sprintf(`"k": %s`, g.pick("1", "2", "3", "[1, 3]", `"x"`, "null")))
	}
	if g.IntN(4) == 0 {
		parts = append(parts, fmt.Sprintf(`"q": [{"p": %s, "k": 1}, {"p": %s}]`, g.at(), g.at()))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (g *geoMetamorphic) index(n int) string {
	if g.flat {
		key := g.pick(`"p": "2d"`, `"p": "2d", "k": 1`, `"q.p": "2d", "q.k": 1`)
		return fmt.Sprintf(`{"v": 2, "key": {%s}, "name": "ix%d"%s}`, key, n, g.pick("", `, "bits": 5`, `, "bits": 32`, `, "min": -1000, "max": 777.5`))
	}
	key := g.pick(`"p": "2dsphere"`, `"p": "2dsphere", "k": 1`, `"k": 1, "p": "2dsphere"`, `"k": -1, "p": "2dsphere"`, `"q.p": "2dsphere"`, `"q.k": 1, "q.p": "2dsphere"`, `"p": "2dsphere", "q.p": "2dsphere"`)
	option := g.pick("", "", `, "finestIndexedLevel": 9`, `, "coarsestIndexedLevel": 6`, `, "sparse": true`, `, "collation": {"locale": "en", "strength": 2}`,
		`, "partialFilterExpression": {"k": {"$gt": 1}}`)
	return fmt.Sprintf(`{"v": 2, "key": {%s}, "name": "ix%d", "2dsphereIndexVersion": %s%s}`, key, n, g.pick("2", "3", "3"), option)
}

func (g *geoMetamorphic) path() string { return g.pick("p", "p", "p", "q.p") }

func (g *geoMetamorphic) condition() string {
	switch g.IntN(8) {
	case 0:
		return fmt.Sprintf(`"k": %s`, g.pick("1", "3", "null", `{"$gt": 1}`, `{"$in": [1, 2]}`))
	case 1:
		return fmt.Sprintf(`"%s": {"$geoWithin": {"$centerSphere": [%s, %v]}}`, g.path(), g.at(), g.Float64()/10)
	case 2:
		return fmt.Sprintf(`"%s": {"$geoWithin": {"$centerSphere": [%s, %v]}}`, g.path(), g.at(), g.Float64()*3)
	case 3:
		return fmt.Sprintf(`"%s": {"$geoWithin": {"$geometry": {"type": "Polygon", "coordinates": [%s]}}}`, g.path(), g.around())
	case 4:
		return fmt.Sprintf(`"%s": {"$geoWithin": {"$box": [%s, %s]}}`, g.path(), g.at(), g.at())
	case 5:
		return fmt.Sprintf(`"%s": {"$geoWithin": {"$center": [%s, %d]}}`, g.path(), g.at(), g.IntN(6))
	case 6:
		return fmt.Sprintf(`"%s": {"$geoWithin": {"$polygon": %s}}`, g.path(), g.around())
	}
	return fmt.Sprintf(`"%s": {"$geoIntersects": {"$geometry": %s}}`, g.path(), g.geometry())
}

func (g *geoMetamorphic) filter() string {
	var parts []string
	for range 1 + g.IntN(3) {
		parts = append(parts, fmt.Sprintf("{%s}", g.condition()))
	}
	if g.IntN(6) == 0 {
		parts = append(parts, `{"q": {"$elemMatch": {"k": 1, `+strings.Replace(g.condition(), `"q.p"`, `"p"`, 1)+`}}}`)
	}
	return fmt.Sprintf(`{"%s": [%s]}`, g.pick("$and", "$and", "$or"), strings.Join(parts, ", "))
}

func (g *geoMetamorphic) compare() {
	spec := FindSpec{NS: plainNS, Filter: doc(g.t, "%s", g.filter())}
	if g.IntN(3) == 0 {
		spec.Sort = doc(g.t, `{"k": 1, "_id": 1}`)
	}
	want, wantErr := g.all(spec, false)
	spec.NS = indexedNS
	got, gotErr := g.all(spec, false)
	if wantErr != nil || gotErr != nil {
		g.t.Fatalf("seed %d: %v: %v without indexes, %v with", g.seed, spec.Filter, wantErr, gotErr)
	}
	if spec.Sort == nil {
		slices.Sort(want)
		slices.Sort(got)
	}
	g.notePlan(g.planOf(spec))
	if !slices.Equal(want, got) {
		g.t.Errorf("seed %d: %s\nsort %v\nplan %v\nwithout %v\nwith    %v\n%v", g.seed, spec.Filter, spec.Sort, g.planOf(spec), want, got, g.indexes())
	}
}

func (g *geoMetamorphic) notePlan(p *plan.Plan) {
	if p == nil || p.Index == "" {
		return
	}
	switch key := g.keyOf(p.Index); {
	case strings.Contains(key, `"2d"`):
		g.used["2d"]++
	case strings.HasPrefix(key, `{"k"`) || strings.HasPrefix(key, `{"q.k"`):
		g.used["prefixed"]++
	default:
		g.used["2dsphere"]++
	}
}

func (g *geoMetamorphic) keyOf(index string) string {
	v := g.m.Local()
	defer v.Close()
	return v.Catalog.Collection(indexedNS).Index(index).Spec.Lookup("key").String()
}

// near compares what a $near finds with all documents, sorted by their distance.
func (g *geoMetamorphic) near() {
	path := g.path()
	point := g.at()
	near := fmt.Sprintf(`"$near": {"$geometry": {"type": "Point", "coordinates": %s}`, point)
	unit, end := 100000.0, "}"
	switch {
	case g.flat && g.IntN(3) > 0:
		near, unit, end = fmt.Sprintf(`"$near": %s`, point), 1, ""
	case g.flat || g.IntN(3) == 0:
		near, unit, end = fmt.Sprintf(`"$nearSphere": %s`, point), 0.02, ""
	}
	if g.IntN(2) == 0 {
		near += fmt.Sprintf(`, "$maxDistance": %v`, g.Float64()*15*unit)
	}
	if g.IntN(3) == 0 {
		near += fmt.Sprintf(`, "$minDistance": %v`, g.Float64()*8*unit)
	}
	condition := "{}"
	if g.IntN(2) == 0 {
		condition = fmt.Sprintf("{%s}", g.condition())
	}
	filter := doc(g.t, `{"$and": [%s, {"%s": {%s}}]}`, condition, path, near+end)
	spec := FindSpec{NS: indexedNS, Filter: filter, Projection: doc(g.t, `{"_id": 1, "d": {"$meta": "geoNearDistance"}}`), Limit: int64(g.IntN(2) * (1 + g.IntN(30)))}
	got, err := g.all(spec, false)
	if err != nil {
		if strings.Contains(err.Error(), "unable to find index") {
			return
		}
		g.t.Fatalf("seed %d: %v: %v", g.seed, filter, err)
	}
	g.used["near"]++
	want := g.nearest(filter, doc(g.t, "%s", condition), spec.Limit)
	if !slices.Equal(got, want) {
		g.t.Errorf("seed %d: %v limit %d\nplan %v\nwant %v\ngot  %v\n%v", g.seed, filter, spec.Limit, g.planOf(spec), want, got, g.indexes())
	}
}

// nearest finds without an index, and sorts.
func (g *geoMetamorphic) nearest(filter, condition document.Doc, limit int64) (list []string) {
	f, err := query.CompileFilter(filter, query.FilterOptions{Near: true})
	if err != nil {
		g.t.Fatal(err)
	}
	n := f.Near()
	it, err := g.m.find(FindSpec{NS: plainNS, Filter: condition})
	if err != nil {
		g.t.Fatal(err)
	}
	defer it.Close()
	type found struct {
		id       int32
		distance float64
	}
	var all []found
	for {
		d, err := it.Next(context.Background())
		if err != nil {
			break
		}
		_, distance, ok := n.Near.Nearest(d, n.Path)
		distance = n.Near.Measure(distance)
		if ok && distance >= n.Near.Min && distance <= n.Near.Max {
			all = append(all, found{d.Lookup("_id").Int32(), distance})
		}
	}
	slices.SortFunc(all, func(a, b found) int { return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.id, b.id)) })
	if limit > 0 && int(limit) < len(all) {
		all = all[:limit]
	}
	for _, f := range all {
		list = append(list, fmt.Sprintf("{_id: %d, d: %v}", f.id, document.Double(f.distance)))
	}
	return list
}

// change changes both collections alike.
func (g *geoMetamorphic) change() {
	filter := doc(g.t, "%s", g.filter())
	place := g.place()
	if g.IntN(3) == 0 {
		for _, ns := range []string{plainNS, indexedNS} {
			if _, err := g.m.Delete(context.Background(), &DeleteSpec{NS: ns, Filter: filter, Multi: true}, Statement{}); err != nil {
				g.t.Fatal(err)
			}
		}
		return
	}
	for _, ns := range []string{plainNS, indexedNS} {
		update := doc(g.t, `{"$set": {"p": %s}}`, place)
		if _, err := g.m.Update(context.Background(), &UpdateSpec{NS: ns, Filter: filter, Update: update.AsValue(), Multi: true}, Statement{}); err != nil {
			g.t.Fatalf("seed %d: %v: %v", g.seed, update, err)
		}
	}
}
