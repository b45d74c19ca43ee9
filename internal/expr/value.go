package expr

import (
	"encoding/binary"
	"math"

	"github.com/mortondb/morton/internal/document"
)

// Results in the evaluator's memory.

func (x *Evaluator) int32(n int32) document.Value {
	b := x.alloc(4)
	binary.LittleEndian.PutUint32(b, uint32(n))
	return document.Value{Type: document.TypeInt32, Data: b}
}

func (x *Evaluator) eight(t document.Type, n uint64) document.Value {
	b := x.alloc(8)
	binary.LittleEndian.PutUint64(b, n)
	return document.Value{Type: t, Data: b}
}

func (x *Evaluator) int64(n int64) document.Value { return x.eight(document.TypeInt64, uint64(n)) }
func (x *Evaluator) date(ms int64) document.Value { return x.eight(document.TypeDate, uint64(ms)) }

func (x *Evaluator) double(f float64) document.Value {
	return x.eight(document.TypeDouble, math.Float64bits(f))
}

// intOrLong returns n as an int32 if it fits.
func (x *Evaluator) intOrLong(n int64) document.Value {
	if int64(int32(n)) == n {
		return x.int32(int32(n))
	}
	return x.int64(n)
}

var (
	trueValue  = document.Value{Type: document.TypeBool, Data: []byte{1}}
	falseValue = document.Value{Type: document.TypeBool, Data: []byte{0}}
	missing    = document.Value{}
	emptyArray = document.Value{Type: document.TypeArray, Data: document.Empty}
)

func boolean(t bool) document.Value {
	if t {
		return trueValue
	}
	return falseValue
}

func (x *Evaluator) string(s string) document.Value {
	b := x.alloc(len(s) + 5)
	binary.LittleEndian.PutUint32(b, uint32(len(s)+1))
	copy(b[4:], s)
	b[len(b)-1] = 0
	return document.Value{Type: document.TypeString, Data: b}
}

// array returns values as an array; missing ones become null, as in every array that mongod makes.
func array(values []document.Value) document.Value {
	size := 0
	for _, v := range values {
		size += len(v.Data) + 8
	}
	var a document.ArrayBuilder
	a.Grow(size)
	for _, v := range values {
		a.Append(orNull(v))
	}
	return a.FinishValue()
}

func orNull(v document.Value) document.Value {
	if v.IsMissing() {
		return document.Null
	}
	return v
}

// elements returns the elements of an array.
func elements(v document.Value) []document.Value {
	var list []document.Value
	for it := v.Doc().Iter(); it.Next(); {
		list = append(list, it.Value())
	}
	return list
}

// nullish reports whether one of the values is missing, null or undefined.
func nullish(values ...document.Value) bool {
	for _, v := range values {
		if v.IsNullish() {
			return true
		}
	}
	return false
}

// integer returns a number that is a whole int32, as mongod's Value::integral has it.
func integer(v document.Value) (n int64, ok bool) {
	n, exact := v.AsInt64()
	if !v.IsNumber() || !exact || n < math.MinInt32 || n > math.MaxInt32 {
		return 0, false
	}
	return n, true
}
