package expr

import (
	"math"
	"math/big"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
)

// doubleDouble is a sum of doubles that keeps what each addition rounds away (Knuth's two-sum), so that integers are exact beyond
// 2^53 and the order of what is added hardly matters.
type doubleDouble struct {
	sum, rest float64
	special   float64 // the sum of infinities and NaN
	odd       bool    // there was one
}

func (d *doubleDouble) add(f float64) {
	if math.IsInf(f, 0) || f != f {
		d.special, d.odd = d.special+f, true
		return
	}
	s := d.sum + f
	c := s - d.sum
	d.rest += (d.sum - (s - c)) + (f - c)
	d.sum = s
}

// addInt adds an integer that may have more digits than a double.
func (d *doubleDouble) addInt(n int64) {
	high := int64(uint64(n) &^ (1<<32 - 1))
	d.add(float64(high))
	d.add(float64(n - high))
}

func (d *doubleDouble) double() float64 {
	if d.odd {
		return d.special
	}
	return d.sum + d.rest
}

// integer returns the sum, without fraction, if it is an int64.
func (d *doubleDouble) integer() (int64, bool) {
	if d.odd {
		return 0, false
	}
	if math.IsInf(d.sum, 0) || d.sum != d.sum {
		return 0, false
	}
	f := new(big.Float).SetPrec(2200).SetFloat64(d.sum)
	f.Add(f, new(big.Float).SetFloat64(d.rest))
	n, _ := f.Int(nil)
	if !n.IsInt64() {
		return 0, false
	}
	return n.Int64(), true
}

// decimal returns the sum with 34 digits.
func (d *doubleDouble) decimal() decimal.Number {
	if d.odd {
		return decimal.Exact(d.special)
	}
	return decimal.Exact(d.sum).Add(decimal.Exact(d.rest))
}

// total is a sum of numbers of any types. The result has the widest type, and is wider yet if it has to be.
type total struct {
	plain   doubleDouble
	decimal decimal.Number
	widest  document.Type // zero: int32
}

// add adds a number.
func (t *total) add(v document.Value) {
	switch v.Type {
	case document.TypeDecimal128:
		if t.widest != document.TypeDecimal128 {
			t.decimal = decimal.Zero
		}
		t.decimal = t.decimal.Add(decimal.Of(v))
	case document.TypeDouble:
		t.plain.add(v.Double())
	default:
		n, _ := v.AsInt64()
		t.plain.addInt(n)
	}
	t.widest = wider(t.widest, v.Type)
}

// wider returns the wider of two numeric types; the missing type counts as int32.
func wider(a, b document.Type) document.Type {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

func rank(t document.Type) int {
	switch t {
	case document.TypeInt64:
		return 1
	case document.TypeDouble:
		return 2
	case document.TypeDecimal128:
		return 3
	}
	return 0
}

// value returns the sum.
func (t *total) value(x *Evaluator) document.Value {
	switch t.widest {
	case document.TypeDecimal128:
		return t.decimal.Add(t.plain.decimal()).Value()
	case document.TypeDouble:
		return x.double(t.plain.double())
	}
	n, ok := t.plain.integer()
	switch {
	case !ok:
		return x.double(t.plain.double())
	case t.widest == document.TypeInt64:
		return x.int64(n)
	}
	return x.intOrLong(n)
}
