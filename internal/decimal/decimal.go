package decimal

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

const (
	digits = 34
	minExp = -6176
	maxExp = 6111
)

// Number is coef * 10^exp, an infinity, or NaN. It does not change once it is made.
type Number struct {
	neg  bool
	coef *big.Int // not negative; nil for infinity and NaN
	exp  int
	nan  bool
}

// Zero is the number 0.
var Zero = Number{coef: new(big.Int)}

var (
	bigTen = big.NewInt(10)
	limit  = pow10(digits) // first coefficient that is too large
)

func pow10(n int) *big.Int { return new(big.Int).Exp(bigTen, big.NewInt(int64(n)), nil) }

// Of returns a number of any type. A double is taken with its first 15 digits, as mongod does.
func Of(v document.Value) Number {
	switch v.Type {
	case document.TypeDecimal128:
		d := v.Decimal128()
		neg := len(v.Data) == 16 && v.Data[15]&0x80 != 0
		switch {
		case d.IsNaN():
			return Number{nan: true}
		case d.IsInf() != 0:
			return Number{neg: neg}
		}
		n, exp, err := d.BigInt()
		if err != nil {
			return Number{nan: true}
		}
		return Number{neg: neg, coef: new(big.Int).Abs(n), exp: exp}
	case document.TypeDouble:
		return ofDouble(v.Double(), 15)
	}
	n, _ := v.AsInt64()
	return OfInt(n)
}

func ofDouble(f float64, precision int) Number {
	neg := math.Signbit(f)
	switch {
	case f != f:
		return Number{nan: true}
	case math.IsInf(f, 0):
		return Number{neg: neg}
	case f == 0:
		return Number{neg: neg, coef: new(big.Int)}
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(math.Abs(f), 'e', precision-1, 64), "e")
	coef, _ := new(big.Int).SetString(strings.Replace(mantissa, ".", "", 1), 10)
	exp, _ := strconv.Atoi(exponent)
	return Number{neg: neg, coef: coef, exp: exp - precision + 1}
}

// OfInt returns n.
func OfInt(n int64) Number {
	b := big.NewInt(n)
	return Number{neg: n < 0, coef: b.Abs(b)}
}

func (d Number) infinite() bool { return !d.nan && d.coef == nil }

func (d Number) signed() *big.Int {
	if d.neg {
		return new(big.Int).Neg(d.coef)
	}
	return d.coef
}

// Add returns d + e.
func (d Number) Add(e Number) Number {
	switch {
	case d.nan || e.nan || d.infinite() && e.infinite() && d.neg != e.neg:
		return Number{nan: true}
	case d.infinite():
		return d
	case e.infinite():
		return e
	}
	exp := min(d.exp, e.exp)
	a := new(big.Int).Mul(d.signed(), pow10(d.exp-exp))
	b := new(big.Int).Mul(e.signed(), pow10(e.exp-exp))
	sum := a.Add(a, b)
	neg := sum.Sign() < 0 || sum.Sign() == 0 && d.neg && e.neg
	return Number{neg: neg, coef: sum.Abs(sum), exp: exp}.rounded()
}

// Mul returns d * e.
func (d Number) Mul(e Number) Number {
	neg := d.neg != e.neg
	switch {
	case d.nan || e.nan:
		return Number{nan: true}
	case d.infinite() || e.infinite():
		if d.coef != nil && d.coef.Sign() == 0 || e.coef != nil && e.coef.Sign() == 0 {
			return Number{nan: true}
		}
		return Number{neg: neg}
	}
	return Number{neg: neg, coef: new(big.Int).Mul(d.coef, e.coef), exp: d.exp + e.exp}.rounded()
}

// rounded brings a finite number into the range and precision of decimal128.
func (d Number) rounded() Number {
	drop := max(len(d.coef.String())-digits, minExp-d.exp)
	if drop > 0 {
		d.coef, d.exp = divideHalfEven(d.coef, pow10(drop)), d.exp+drop
		if d.coef.Cmp(limit) >= 0 { // 9...95 rounded up
			d.coef, d.exp = divideHalfEven(d.coef, bigTen), d.exp+1
		}
	}
	if d.exp > maxExp {
		if d.coef.Sign() == 0 {
			d.exp = maxExp
			return d
		}
		scaled := new(big.Int)
		if d.exp-maxExp <= digits {
			scaled.Mul(d.coef, pow10(d.exp-maxExp))
		}
		if scaled.Sign() == 0 || scaled.Cmp(limit) >= 0 {
			return Number{neg: d.neg} // overflow to infinity
		}
		d.coef, d.exp = scaled, maxExp
	}
	return d
}

func divideHalfEven(n, by *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(n, by, new(big.Int))
	switch c := r.Lsh(r, 1).Cmp(by); {
	case c > 0, c == 0 && q.Bit(0) == 1:
		q.Add(q, big.NewInt(1))
	}
	return q
}

// Value encodes d.
func (d Number) Value() document.Value {
	var high, low uint64
	switch {
	case d.nan:
		high = 0x7c << 56
	case d.coef == nil:
		high = 0x78 << 56
	default:
		low = new(big.Int).And(d.coef, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
		high = new(big.Int).Rsh(d.coef, 64).Uint64() | uint64(d.exp-minExp)<<49
	}
	if d.neg {
		high |= 1 << 63
	}
	return fromBits(high, low)
}

func fromBits(high, low uint64) document.Value {
	data := binary.LittleEndian.AppendUint64(nil, low)
	return document.Value{Type: document.TypeDecimal128, Data: binary.LittleEndian.AppendUint64(data, high)}
}

// Truncated returns a finite number without its fraction, if that is an int64.
func (d Number) Truncated() (n int64, ok bool) {
	if d.coef == nil {
		return 0, false
	}
	whole := d.signed()
	switch {
	case d.exp > 19 && whole.Sign() != 0:
		return 0, false
	case whole.Sign() == 0:
		return 0, true
	case d.exp < 0:
		whole = new(big.Int).Quo(whole, pow10(-d.exp))
	default:
		whole = new(big.Int).Mul(whole, pow10(d.exp))
	}
	return whole.Int64(), whole.IsInt64()
}
