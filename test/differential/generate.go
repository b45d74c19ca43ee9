package main

import (
	"math"
	"math/rand/v2"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// generator makes up documents and commands. Few names and few values, so that they meet.
type generator struct{ *rand.Rand }

func pick[T any](g generator, list []T) T { return list[g.IntN(len(list))] }

func e(key string, value any) bson.E { return bson.E{Key: key, Value: value} }

func decimal(s string) bson.Decimal128 {
	d, err := bson.ParseDecimal128(s)
	if err != nil {
		panic(err)
	}
	return d
}

var (
	numbers = []any{int32(0), int32(1), int32(2), int32(-1), int32(5), int32(math.MaxInt32), int32(math.MinInt32), int64(1), int64(3), int64(1<<53 + 1), int64(math.MaxInt64), int64(math.MinInt64),
		0.5, 1.0, 2.0, -1.5, 1e300, float64(1 << 53), math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1),
		decimal("1"), decimal("1.0"), decimal("2.5"), decimal("-0"), decimal("NaN"), decimal("Infinity"), decimal("1E+400"), decimal("9007199254740993")}
	scalars = []any{"", "a", "A", "ab", "abc", "1", "é", nil, true, false, bson.DateTime(0), bson.DateTime(-1), bson.DateTime(1700000000000), bson.Timestamp{T: 1, I: 2}, bson.ObjectID{1}, bson.ObjectID{2},
		bson.Binary{Data: []byte("x")}, bson.Binary{Data: []byte("xy")}, bson.Binary{Subtype: 5, Data: []byte("x")}, bson.Regex{Pattern: "a", Options: ""}, bson.Regex{Pattern: "a", Options: "i"}, bson.MinKey{}, bson.MaxKey{},
		bson.JavaScript("f"), bson.Symbol("a"), bson.Undefined{}}
	small  = []any{int32(0), int32(1), int32(2), int32(3), 1.0, int64(2), "a", "b", nil}
	fields = []string{"a", "b", "c"}
	inner  = []string{"x", "y"}
	paths  = []string{"a", "b", "c", "a.x", "a.y", "b.x", "c.x", "a.0", "b.1", "a.x.y", "b.x.0", "a.0.x", "_id"}
)

// value makes up a value, nested no deeper than depth.
func (g generator) value(depth int) any {
	switch n := g.IntN(20); {
	case n < 6:
		return pick(g, small)
	case n < 10:
		return pick(g, numbers)
	case n < 12 || depth == 0:
		return pick(g, scalars)
	case n < 13:
		return g.text()
	case n < 17:
		return g.array(depth)
	default:
		return g.object(depth)
	}
}

func (g generator) array(depth int) bson.A {
	a := bson.A{}
	for range g.IntN(4) {
		a = append(a, g.value(depth-1))
	}
	return a
}

func (g generator) object(depth int) bson.D {
	d := bson.D{}
	for _, name := range inner {
		if g.IntN(3) > 0 {
			d = append(d, e(name, g.value(depth-1)))
		}
	}
	return d
}

func (g generator) document(id any) bson.D {
	d := bson.D{e("_id", id)}
	for _, name := range fields {
		if g.IntN(5) > 0 {
			d = append(d, e(name, g.value(2)))
		}
	}
	return d
}

// filter makes up a filter document. No name comes twice: drivers hardly send that, and of several _id mongod then looks for one.
func (g generator) filter(depth int) bson.D {
	var d bson.D
	for range 1 + g.IntN(2) {
		if c := g.conjunct(depth); !hasField(d, c.Key) {
			d = append(d, c)
		}
	}
	return d
}

// conjunct makes up a field of a filter.
func (g generator) conjunct(depth int) bson.E {
	switch n := g.IntN(12); {
	case n < 9 || depth == 0:
		return e(pick(g, paths), g.condition(depth))
	case n < 11:
		list := bson.A{}
		for range 1 + g.IntN(3) {
			list = append(list, g.filter(depth-1))
		}
		return e(pick(g, []string{"$and", "$or", "$nor"}), list)
	default:
		return e("$expr", bson.D{e(pick(g, []string{"$eq", "$lt", "$gte", "$ne"}), bson.A{"$" + pick(g, fields), bson.D{e("$literal", g.value(1))}})})
	}
}

// condition is what stands behind a path.
func (g generator) condition(depth int) any {
	if g.IntN(4) == 0 {
		return g.value(1)
	}
	d := g.operator(depth)
	if more := g.operator(depth); g.IntN(5) == 0 && more[0].Key != d[0].Key {
		d = append(d, more...)
	}
	return d
}

func (g generator) operator(depth int) bson.D {
	one := func(name string, v any) bson.D { return bson.D{e(name, v)} }
	switch g.IntN(16) {
	case 0, 1, 2, 3:
		return one(pick(g, []string{"$gt", "$gte", "$lt", "$lte"}), g.value(1))
	case 4:
		return one("$eq", g.value(1))
	case 5:
		return one("$ne", g.value(1))
	case 6, 7:
		list := bson.A{}
		for range g.IntN(4) {
			list = append(list, g.value(1))
		}
		return one(pick(g, []string{"$in", "$nin", "$all"}), list)
	case 8:
		return one("$exists", g.IntN(2) == 0)
	case 9:
		return one("$type", pick(g, []any{"number", "string", "array", "object", "null", "int", "double", "bool", "undefined", "regex", int32(2), int32(-1)}))
	case 10:
		return one("$size", int32(g.IntN(4)))
	case 11:
		return one("$mod", bson.A{int32(1 + g.IntN(3)), int32(g.IntN(2))})
	case 12:
		if depth == 0 {
			return one("$exists", true)
		}
		return one("$not", g.operator(depth-1))
	case 13:
		if depth == 0 || g.IntN(2) == 0 {
			return one("$elemMatch", g.operator(max(0, depth-1)))
		}
		return one("$elemMatch", bson.D{e(pick(g, inner), g.condition(depth-1))})
	case 14:
		return one("$regex", pick(g, []any{"a", "^a", "b$", bson.Regex{Pattern: "A", Options: "i"}}))
	}
	return one(pick(g, []string{"$bitsAllSet", "$bitsAnySet", "$bitsAllClear", "$bitsAnyClear"}), pick(g, []any{int32(1), int32(5), bson.A{int32(0), int32(2)}}))
}

// sort makes up a total order.
func (g generator) sort() bson.D {
	d, seen := bson.D{}, map[string]bool{"_id": true}
	for range g.IntN(3) {
		if p := pick(g, paths); !seen[p] {
			seen[p] = true
			d = append(d, e(p, pick(g, []int32{1, -1})))
		}
	}
	return append(d, e("_id", pick(g, []int32{1, -1})))
}

func (g generator) projection() bson.D {
	d, in, seen := bson.D{}, int32(g.IntN(2)), map[string]bool{}
	for range 1 + g.IntN(2) {
		p := pick(g, paths)
		root, _, _ := strings.Cut(p, ".")
		if seen[root] { // one mistake at a time: which of two is told says nothing
			continue
		}
		seen[root] = true
		switch n := g.IntN(10); {
		case n < 7:
			d = append(d, e(p, in))
		case n < 8:
			d = append(d, e(p, bson.D{e("$slice", pick(g, []any{int32(1), int32(-1), bson.A{int32(1), int32(1)}}))}))
		case n < 9:
			d = append(d, e(p, bson.D{e("$elemMatch", g.operator(0))}))
		default:
			d = append(d, e(p, bson.D{e("$add", bson.A{"$" + pick(g, fields), int32(1)})}))
		}
	}
	if g.IntN(4) == 0 {
		d = append(d, e("_id", int32(0)))
	}
	return d
}

// update makes up an update: operators, a replacement, or a pipeline.
func (g generator) update() any {
	switch n := g.IntN(14); n {
	case 0:
		return g.document(int32(1))[1:]
	case 1:
		return bson.A{bson.D{e("$set", bson.D{e(pick(g, fields), bson.D{e(pick(g, []string{"$add", "$concatArrays", "$ifNull"}), bson.A{"$" + pick(g, paths[:6]), pick(g, small)})})})}}
	}
	d, used := bson.D{}, map[string]bool{}
	for range 1 + g.IntN(2) {
		op := g.updateOperator()
		if !used[op.Key] {
			used[op.Key] = true
			d = append(d, op)
		}
	}
	return d
}

func (g generator) updateOperator() bson.E {
	p := pick(g, paths[:12])
	one := func(name string, v any) bson.E { return e(name, bson.D{e(p, v)}) }
	switch g.IntN(13) {
	case 0, 1:
		d := bson.D{e(p, g.value(2))}
		if q := pick(g, paths[:12]); q != p {
			d = append(d, e(q, g.value(1)))
		}
		return e("$set", d)
	case 2:
		return one("$unset", "")
	case 3, 4:
		return one(pick(g, []string{"$inc", "$mul"}), pick(g, numbers))
	case 5, 6:
		return one(pick(g, []string{"$min", "$max"}), g.value(1))
	case 7:
		return one("$push", g.push())
	case 8:
		return one("$addToSet", pick(g, []any{g.value(1), bson.D{e("$each", g.array(1))}}))
	case 9:
		return one("$pull", pick(g, []any{g.value(1), g.operator(1), bson.D{e(pick(g, inner), g.condition(1))}}))
	case 10:
		return one(pick(g, []string{"$pullAll"}), g.array(1))
	case 11:
		return pick(g, []bson.E{one("$pop", pick(g, []int32{1, -1})), one("$rename", pick(g, []string{"d", "a", "b.z"}))})
	}
	return one("$bit", bson.D{e(pick(g, []string{"and", "or", "xor"}), pick(g, []any{int32(5), int64(1)}))})
}

func (g generator) push() any {
	if g.IntN(3) == 0 {
		return g.value(1)
	}
	d := bson.D{e("$each", g.array(2))}
	if g.IntN(2) == 0 {
		d = append(d, e("$slice", int32(g.IntN(7)-3)))
	}
	if g.IntN(2) == 0 {
		d = append(d, e("$sort", pick(g, []any{int32(1), int32(-1), bson.D{e("x", int32(1))}})))
	}
	if g.IntN(3) == 0 {
		d = append(d, e("$position", int32(g.IntN(5)-2)))
	}
	return d
}

// words are in the strings of documents, besides scalars.
var words = []string{"a", "ab", "abc", "1", "A", "é"}

// text makes up a string of words.
func (g generator) text() string {
	var list []string
	for range 1 + g.IntN(4) {
		list = append(list, pick(g, words))
	}
	return strings.Join(list, " ")
}

// search makes up a $text.
func (g generator) search() bson.E {
	search := g.text()
	switch g.IntN(6) {
	case 0:
		search += " -" + pick(g, words)
	case 1:
		search += " \"" + g.text() + "\""
	}
	d := bson.D{e("$search", search)}
	if g.IntN(4) == 0 {
		d = append(d, e(pick(g, []string{"$caseSensitive", "$diacriticSensitive"}), true))
	}
	return e("$text", d)
}

// textIndex makes up the specification of a text index, sometimes with fields before or behind the text.
func (g generator) textIndex() bson.D {
	key := bson.D{e(pick(g, []string{"a", "b", "c", "a.x", "c.x", "$**"}), "text")}
	switch g.IntN(4) {
	case 0:
		key = append(key, e("d", int32(1)))
	case 1:
		key = append(bson.D{e("d", int32(1))}, key...)
	}
	return bson.D{e("key", key), e("name", "text"), e("default_language", "none")}
}

// index makes up the specification of an index.
func (g generator) index() bson.D {
	if g.IntN(5) == 0 {
		return g.textIndex()
	}
	key, name, seen := bson.D{}, "", map[string]bool{}
	for range 1 + g.IntN(2) {
		if p := pick(g, paths[:12]); !seen[p] {
			seen[p] = true
			key, name = append(key, e(p, pick(g, []int32{1, -1}))), name+p+"_"
		}
	}
	spec := bson.D{e("key", key), e("name", name)}
	switch g.IntN(6) {
	case 0:
		spec = append(spec, e("sparse", true))
	case 1:
		spec = append(spec, e("partialFilterExpression", bson.D{e(pick(g, fields), bson.D{e(pick(g, []string{"$gt", "$exists"}), true)})}))
	}
	return spec
}

// command makes up a command. Whatever it says does not depend on the order in which documents are found.
func (g generator) command() bson.D {
	switch n := g.IntN(20); {
	case n < 8:
		return g.find()
	case n < 9:
		return bson.D{e("count", collection), e("query", g.filter(2))}
	case n < 10:
		return bson.D{e("count", collection), e("query", bson.D{g.search()})}
	case n < 12:
		return bson.D{e("distinct", collection), e("key", pick(g, paths)), e("query", g.filter(1))}
	case n < 16:
		s := bson.D{e("q", g.filter(1)), e("u", g.update())}
		switch {
		case g.IntN(3) == 0:
			s[0].Value = bson.D{e("_id", int32(g.IntN(40))), e(pick(g, paths[:12]), g.condition(1))}
			s = append(s, e("upsert", g.IntN(2) == 0))
		case operators(s[1].Value):
			s = append(s, e("multi", true))
		default:
			s[0].Value = bson.D{e("_id", int32(g.IntN(30)))}
		}
		return bson.D{e("update", collection), e("updates", bson.A{s})}
	case n < 17:
		return bson.D{e("delete", collection), e("deletes", bson.A{bson.D{e("q", bson.D{e("$and", bson.A{g.filter(1), bson.D{e("b", g.condition(1))}})}), e("limit", int32(0))}})}
	case n < 19:
		d := bson.D{e("findAndModify", collection), e("query", g.filter(1)), e("sort", g.sort())}
		if g.IntN(5) == 0 {
			return append(d, e("remove", true))
		}
		return append(d, e("update", g.update()), e("new", g.IntN(2) == 0))
	}
	return bson.D{e("insert", collection), e("documents", bson.A{g.document(g.value(1)), g.document(int32(g.IntN(60)))}), e("ordered", g.IntN(2) == 0)}
}

// operators says whether an update may be of many documents.
func operators(u any) bool {
	d, ok := u.(bson.D)
	return !ok || len(d) > 0 && d[0].Key[0] == '$'
}

func (g generator) find() bson.D {
	d := bson.D{e("find", collection), e("filter", g.filter(2))}
	if g.IntN(8) == 0 {
		return g.findText()
	}
	if g.IntN(3) > 0 {
		d = append(d, e("sort", g.sort()))
		if g.IntN(3) == 0 {
			d = append(d, e("limit", int32(1+g.IntN(5))), e("skip", int32(g.IntN(3))))
		}
	}
	if g.IntN(3) == 0 && !numberedSort(d) { // mongod may sort what a projection has left: of paths with numbers that is something else
		d = append(d, e("projection", g.projection()))
	}
	return d
}

// findText makes up a find with a $text, by itself or beside something else, mostly with the scores.
func (g generator) findText() bson.D {
	filter := bson.D{g.search()}
	switch g.IntN(5) {
	case 0:
		filter = append(g.filter(1), filter...)
	case 1:
		filter = append(bson.D{e("d", nil)}, filter...)
	case 2:
		filter = bson.D{e("$or", bson.A{g.filter(1), filter})}
	}
	d, score := bson.D{e("find", collection), e("filter", filter)}, bson.D{e("$meta", "textScore")}
	if g.IntN(2) == 0 {
		d = append(d, e("sort", bson.D{e("score", score), e("_id", int32(1))}))
	}
	if g.IntN(3) > 0 {
		d = append(d, e("projection", bson.D{e("score", score)}))
	}
	return d
}

// numberedSort says whether a path of the sort has a number in it.
func numberedSort(find bson.D) bool {
	for _, f := range find {
		if sort, ok := f.Value.(bson.D); ok && f.Key == "sort" {
			for _, s := range sort {
				if strings.ContainsAny(s.Key, "01") {
					return true
				}
			}
		}
	}
	return false
}
