package query

import (
	"fmt"
	"math/rand/v2"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
)

// random makes values, documents, filters and updates that meet each other often: few names, few numbers, all types.
type random struct {
	*rand.Rand
	noRepeats bool // no name comes twice in a document
}

func newRandom(seed uint64) random { return random{Rand: rand.New(rand.NewPCG(seed, 0))} }

func pick[T any](r random, list ...T) T { return list[r.IntN(len(list))] }

func (r random) name() string { return pick(r, "a", "b", "c", "d", "0", "1") }

func (r random) path() string {
	p := r.name()
	for r.IntN(3) == 0 {
		p += "." + r.name()
	}
	return p
}

func (r random) value(depth int) document.Value {
	if depth > 0 {
		switch r.IntN(5) {
		case 0:
			return r.doc(depth - 1).AsValue()
		case 1, 2:
			return r.array(depth - 1)
		}
	}
	return pick(r,
		document.Int32(int32(r.IntN(4))), document.Int64(int64(r.IntN(4))), document.Double(float64(r.IntN(8))/2), document.Int32(int32(r.IntN(4))),
		document.String(pick(r, "", "a", "b")), document.Null, document.Bool(r.IntN(2) == 0), document.Date(int64(r.IntN(2))),
		decimal.Of(document.Double(float64(r.IntN(40))/10)).Value(), document.Double(nan()),
		document.Value{Type: pick(r, document.TypeMinKey, document.TypeMaxKey, document.TypeUndefined)},
	)
}

func nan() float64 { var zero float64; return zero / zero }

func (r random) array(depth int) document.Value {
	var b document.ArrayBuilder
	for range r.IntN(4) {
		b.Append(r.value(depth))
	}
	return b.FinishValue()
}

// doc makes a document; rarely a name comes twice.
func (r random) doc(depth int) document.Doc {
	var b document.Builder
	seen := map[string]bool{}
	for range r.IntN(5) {
		name := r.name()
		if seen[name] && (r.noRepeats || r.IntN(20) > 0) {
			continue
		}
		seen[name] = true
		b.AppendValue(name, r.value(depth))
	}
	return b.Finish()
}

// stored makes a document as it lies in a collection.
func (r random) stored() document.Doc {
	var b document.Builder
	b.AppendInt32("_id", int32(r.IntN(100)))
	seen := map[string]bool{}
	for range r.IntN(6) {
		if name := r.name(); !seen[name] {
			seen[name] = true
			b.AppendValue(name, r.value(3))
		}
	}
	return b.Finish()
}

// filter makes a filter, usually a valid one.
func (r random) filter(depth int) document.Doc {
	var b document.Builder
	for range 1 + r.IntN(2) {
		switch {
		case depth > 0 && r.IntN(4) == 0:
			b.OpenArray(pick(r, "$and", "$or", "$nor"))
			for i := range 1 + r.IntN(3) {
				b.AppendDoc(document.Index(i), r.filter(depth-1))
			}
			b.Close()
		case r.IntN(3) == 0:
			b.AppendValue(r.path(), r.value(1))
		default:
			b.AppendDoc(r.path(), r.operators(depth))
		}
	}
	return b.Finish()
}

func (r random) operators(depth int) document.Doc {
	var b document.Builder
	for range 1 + r.IntN(2) {
		switch op := pick(r, "$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$type", "$size", "$mod", "$all", "$elemMatch", "$not"); op {
		case "$in", "$nin", "$all":
			b.AppendValue(op, r.array(1))
		case "$exists":
			b.AppendBool(op, r.IntN(2) == 0)
		case "$type":
			b.AppendString(op, pick(r, "number", "array", "object", "null", "string"))
		case "$size":
			b.AppendInt32(op, int32(r.IntN(4)))
		case "$mod":
			b.AppendArray(op, document.Doc(r.pair()))
		case "$elemMatch":
			if depth > 0 && r.IntN(2) == 0 {
				b.AppendDoc(op, r.filter(depth-1))
			} else {
				b.AppendDoc(op, r.operators(0))
			}
		case "$not":
			b.AppendDoc(op, r.operators(0))
		default:
			b.AppendValue(op, r.value(1))
		}
	}
	return b.Finish()
}

func (r random) pair() document.Doc {
	var b document.ArrayBuilder
	b.Append(document.Int32(int32(1 + r.IntN(3))))
	b.Append(document.Int32(int32(r.IntN(3))))
	return b.Finish()
}

// update makes an update of operators, often a valid one.
func (r random) update() document.Doc {
	var b document.Builder
	for _, op := range []string{"$set", "$unset", "$inc", "$push", "$pull", "$pop", "$rename", "$addToSet", "$min", "$setOnInsert", "$currentDate", "$pullAll", "$mul", "$bit"} {
		if r.IntN(9) > 0 {
			continue
		}
		b.OpenDoc(op)
		for range 1 + r.IntN(2) {
			path := r.updatePath()
			switch op {
			case "$inc", "$mul":
				b.AppendInt32(path, int32(r.IntN(3)))
			case "$pop":
				b.AppendInt32(path, int32(pick(r, -1, 1)))
			case "$rename":
				b.AppendString(path, r.path())
			case "$currentDate":
				b.AppendBool(path, true)
			case "$pullAll":
				b.AppendValue(path, r.array(1))
			case "$bit":
				b.OpenDoc(path)
				b.AppendInt32(pick(r, "and", "or", "xor"), int32(r.IntN(9)))
				b.Close()
			case "$push", "$addToSet":
				r.appendPush(&b, op, path)
			case "$pull":
				b.AppendValue(path, pick(r, r.value(1), r.operators(0).AsValue()))
			default:
				b.AppendValue(path, r.value(2))
			}
		}
		b.Close()
	}
	return b.Finish()
}

func (r random) updatePath() string {
	p := r.name()
	for r.IntN(2) == 0 {
		p += "." + pick(r, "a", "b", "0", "1", "2", "$", "$[]", "$[f]")
	}
	return p
}

func (r random) appendPush(b *document.Builder, op, path string) {
	if r.IntN(2) == 0 {
		b.AppendValue(path, r.value(1))
		return
	}
	b.OpenDoc(path)
	b.AppendValue("$each", r.array(1))
	if op == "$push" {
		if r.IntN(2) == 0 {
			b.AppendInt32("$slice", int32(r.IntN(5)-2))
		}
		if r.IntN(2) == 0 {
			b.AppendInt32("$position", int32(r.IntN(5)-2))
		}
		if r.IntN(2) == 0 {
			b.AppendInt32("$sort", int32(pick(r, -1, 1)))
		}
	}
	b.Close()
}

// mutated makes a document that is near d.
func (r random) mutated(d document.Doc, depth int) document.Doc {
	var b document.Builder
	for it := d.Iter(); it.Next(); {
		v := it.Value()
		switch r.IntN(6) {
		case 0:
			continue
		case 1:
			v = r.value(2)
		case 2:
			if v.Type == document.TypeDocument {
				v = r.mutated(v.Doc(), depth-1).AsValue()
			} else if v.Type == document.TypeArray {
				v = r.mutatedArray(v.Doc())
			}
		case 3:
			if r.IntN(3) == 0 {
				b.AppendValue(r.name()+"x", r.value(1))
			}
		}
		b.AppendValue(it.Key(), v)
	}
	if r.IntN(2) == 0 {
		b.AppendValue(fmt.Sprint(r.name(), "y"), r.value(2))
	}
	return b.Finish()
}

func (r random) mutatedArray(d document.Doc) document.Value {
	var b document.ArrayBuilder
	for it := d.Iter(); it.Next(); {
		switch v := it.Value(); r.IntN(5) {
		case 0:
		case 1:
			b.Append(r.value(1))
		case 2:
			if v.Type == document.TypeDocument {
				v = r.mutated(v.Doc(), 1).AsValue()
			}
			b.Append(v)
		default:
			b.Append(v)
		}
	}
	return b.FinishValue()
}
