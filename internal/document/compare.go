package document

import (
	"bytes"
	"cmp"
	"math"
)

// Compare orders two values as MongoDB does (mongod's BSONElement::compareElements without collation): first by
// [Type.Order], then by what they hold. Numbers compare across types by their exact mathematical value; NaN is less than
// every other number and equal to itself. A missing value compares as undefined, before null.
func Compare(a, b Value) int {
	if c := cmp.Compare(a.Type.Order(), b.Type.Order()); c != 0 {
		return c
	}
	switch a.Type {
	case TypeInt32, TypeInt64, TypeDouble, TypeDecimal128:
		return compareNumbers(a, b)
	case TypeString, TypeSymbol:
		return cmp.Compare(a.Str(), b.Str())
	case TypeDocument:
		return CompareDocs(Doc(a.Data), Doc(b.Data))
	case TypeArray:
		return compareArrays(Doc(a.Data), Doc(b.Data))
	case TypeBinary:
		return compareBinary(a, b)
	case TypeObjectID, TypeBool:
		return bytes.Compare(a.Data, b.Data)
	case TypeDate:
		return cmp.Compare(a.Int64(), b.Int64())
	case TypeTimestamp:
		return cmp.Compare(a.Timestamp(), b.Timestamp())
	case TypeRegex:
		ap, ao := a.Regex()
		bp, bo := b.Regex()
		return cmp.Or(cmp.Compare(ap, bp), cmp.Compare(ao, bo))
	case TypeDBPointer:
		return cmp.Or(cmp.Compare(len(a.Data), len(b.Data)), bytes.Compare(a.Data, b.Data))
	case TypeCode:
		return cmp.Compare(a.Str(), b.Str())
	case TypeCodeWithScope:
		ac, as := a.CodeWithScope()
		bc, bs := b.CodeWithScope()
		return cmp.Or(cmp.Compare(ac, bc), CompareDocs(as, bs))
	}
	return 0
}

// Equal reports whether a and b are equal in MongoDB's order: 1 and 1.0 are.
func Equal(a, b Value) bool { return Compare(a, b) == 0 }

// Identical reports whether a and b have the same type and bytes.
func Identical(a, b Value) bool { return a.Type == b.Type && bytes.Equal(a.Data, b.Data) }

// CompareDocs orders two documents field by field: type order, then field name, then value; a document that ends first is less.
func CompareDocs(a, b Doc) int {
	ia, ib := a.Iter(), b.Iter()
	for {
		na, nb := ia.Next(), ib.Next()
		if !na || !nb {
			return boolCompare(na, nb)
		}
		if c := cmp.Compare(ia.val.Type.Order(), ib.val.Type.Order()); c != 0 {
			return c
		}
		if c := bytes.Compare(ia.key, ib.key); c != 0 {
			return c
		}
		if c := Compare(ia.val, ib.val); c != 0 {
			return c
		}
	}
}

func compareArrays(a, b Doc) int {
	ia, ib := a.Iter(), b.Iter()
	for {
		na, nb := ia.Next(), ib.Next()
		if !na || !nb {
			return boolCompare(na, nb)
		}
		if c := Compare(ia.val, ib.val); c != 0 {
			return c
		}
	}
}

func compareBinary(a, b Value) int {
	if len(a.Data) < 5 || len(b.Data) < 5 {
		return bytes.Compare(a.Data, b.Data)
	}
	return cmp.Or(cmp.Compare(len(a.Data), len(b.Data)), bytes.Compare(a.Data[4:], b.Data[4:]))
}

func boolCompare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

func compareNumbers(a, b Value) int {
	switch {
	case a.Type == TypeDecimal128 || b.Type == TypeDecimal128:
		return compareDecimal(a, b)
	case a.Type == TypeDouble && b.Type == TypeDouble:
		return cmp.Compare(a.Double(), b.Double()) // NaN first, -0 equal to 0
	case a.Type == TypeDouble:
		return -compareIntDouble(b.integer(), a.Double())
	case b.Type == TypeDouble:
		return compareIntDouble(a.integer(), b.Double())
	}
	return cmp.Compare(a.integer(), b.integer())
}

// integer returns the number of an int32 or int64.
func (v Value) integer() int64 {
	if v.Type == TypeInt32 {
		return int64(v.Int32())
	}
	return v.Int64()
}

// compareIntDouble compares without rounding either side: a double beyond the int64 range decides by its sign, within it
// its integer part is exact as an int64 and the fraction breaks the tie.
func compareIntDouble(n int64, f float64) int {
	switch {
	case f != f:
		return 1
	case f >= 1<<63:
		return -1
	case f < -(1 << 63):
		return 1
	}
	whole := math.Trunc(f)
	if c := cmp.Compare(n, int64(whole)); c != 0 {
		return c
	}
	return cmp.Compare(0, f-whole)
}

// compareDecimal compares where at least one side is a decimal: exactly, by fractions. NaN, then -inf, ..., +inf.
func compareDecimal(a, b Value) int {
	if ca, cb := a.numberClass(), b.numberClass(); ca != cb || ca != finite {
		return cmp.Compare(ca, cb)
	}
	ra, _ := a.rat()
	rb, _ := b.rat()
	return ra.Cmp(rb)
}

const (
	isNaN = iota
	negativeInfinity
	finite
	positiveInfinity
)

func (v Value) numberClass() int {
	inf, nan := 0, false
	switch v.Type {
	case TypeDouble:
		f := v.Double()
		nan = f != f
		if math.IsInf(f, 0) {
			inf = int(math.Copysign(1, f))
		}
	case TypeDecimal128:
		d := v.Decimal128()
		nan, inf = d.IsNaN(), d.IsInf()
	}
	switch {
	case nan:
		return isNaN
	case inf < 0:
		return negativeInfinity
	case inf > 0:
		return positiveInfinity
	}
	return finite
}
