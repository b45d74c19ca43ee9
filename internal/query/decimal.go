package query

import (
	"encoding/binary"
	"math"
	"math/big"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Arithmetic on decimal128: exact on unbounded integers, then rounded once to 34 digits, half to even, as IEEE 754-2008 demands.

const (
	decimalDigits = 34
	decimalMinExp = -6176
	decimalMaxExp = 6111
)

// decimal is a number coef * 10^exp, an infinity, or NaN.
type decimal struct {
	neg  bool
	coef *big.Int // not negative; nil for infinity and NaN
	exp  int
	nan  bool
}

var (
	bigTen       = big.NewInt(10)
	decimalLimit = pow10(decimalDigits) // first coefficient that is too large
)

func pow10(n int) *big.Int { return new(big.Int).Exp(bigTen, big.NewInt(int64(n)), nil) }

// decimalOf returns a number as decimal. A double is taken with its first 15 digits, as mongod does.
func decimalOf(v document.Value) decimal {
	switch v.Type {
	case document.TypeDecimal128:
		d := v.Decimal128()
		neg := len(v.Data) == 16 && v.Data[15]&0x80 != 0
		switch {
		case d.IsNaN():
			return decimal{nan: true}
		case d.IsInf() != 0:
			return decimal{neg: neg}
		}
		n, exp, err := d.BigInt()
		if err != nil {
			return decimal{nan: true}
		}
		return decimal{neg: neg, coef: new(big.Int).Abs(n), exp: exp}
	case document.TypeDouble:
		return decimalOfDouble(v.Double())
	}
	n, _ := v.AsInt64()
	b := big.NewInt(n)
	return decimal{neg: n < 0, coef: b.Abs(b)}
}

func decimalOfDouble(f float64) decimal {
	neg := math.Signbit(f)
	switch {
	case f != f:
		return decimal{nan: true}
	case math.IsInf(f, 0):
		return decimal{neg: neg}
	case f == 0:
		return decimal{neg: neg, coef: new(big.Int)}
	}
	mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(math.Abs(f), 'e', 14, 64), "e")
	coef, _ := new(big.Int).SetString(strings.Replace(mantissa, ".", "", 1), 10)
	exp, _ := strconv.Atoi(exponent)
	return decimal{neg: neg, coef: coef, exp: exp - 14}
}

func (d decimal) infinite() bool { return !d.nan && d.coef == nil }

func (d decimal) signed() *big.Int {
	if d.neg {
		return new(big.Int).Neg(d.coef)
	}
	return d.coef
}

// add returns d + e.
func (d decimal) add(e decimal) decimal {
	switch {
	case d.nan || e.nan || d.infinite() && e.infinite() && d.neg != e.neg:
		return decimal{nan: true}
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
	return decimal{neg: neg, coef: sum.Abs(sum), exp: exp}.rounded()
}

// mul returns d * e.
func (d decimal) mul(e decimal) decimal {
	neg := d.neg != e.neg
	switch {
	case d.nan || e.nan:
		return decimal{nan: true}
	case d.infinite() || e.infinite():
		if d.coef != nil && d.coef.Sign() == 0 || e.coef != nil && e.coef.Sign() == 0 {
			return decimal{nan: true}
		}
		return decimal{neg: neg}
	}
	return decimal{neg: neg, coef: new(big.Int).Mul(d.coef, e.coef), exp: d.exp + e.exp}.rounded()
}

// rounded brings a finite number into the range and precision of decimal128.
func (d decimal) rounded() decimal {
	drop := max(len(d.coef.String())-decimalDigits, decimalMinExp-d.exp)
	if drop > 0 {
		d.coef, d.exp = divideHalfEven(d.coef, pow10(drop)), d.exp+drop
		if d.coef.Cmp(decimalLimit) >= 0 { // 9...95 rounded up
			d.coef, d.exp = divideHalfEven(d.coef, bigTen), d.exp+1
		}
	}
	if d.exp > decimalMaxExp {
		if d.coef.Sign() == 0 {
			d.exp = decimalMaxExp
			return d
		}
		scaled := new(big.Int)
		if d.exp-decimalMaxExp <= decimalDigits {
			scaled.Mul(d.coef, pow10(d.exp-decimalMaxExp))
		}
		if scaled.Sign() == 0 || scaled.Cmp(decimalLimit) >= 0 {
			return decimal{neg: d.neg} // overflow to infinity
		}
		d.coef, d.exp = scaled, decimalMaxExp
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

// value encodes d, which must be rounded.
func (d decimal) value() document.Value {
	var high, low uint64
	switch {
	case d.nan:
		high = 0x7c << 56
	case d.coef == nil:
		high = 0x78 << 56
	default:
		low = new(big.Int).And(d.coef, new(big.Int).SetUint64(math.MaxUint64)).Uint64()
		high = new(big.Int).Rsh(d.coef, 64).Uint64() | uint64(d.exp-decimalMinExp)<<49
	}
	if d.neg {
		high |= 1 << 63
	}
	data := binary.LittleEndian.AppendUint64(nil, low)
	return document.Value{Type: document.TypeDecimal128, Data: binary.LittleEndian.AppendUint64(data, high)}
}

// truncateDecimal returns a finite decimal without its fraction, if that is an int64.
func truncateDecimal(v document.Value) (n int64, ok bool) {
	d := decimalOf(v)
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
