package decimal

import (
	"math"
	"math/big"
	"strconv"

	"github.com/mortondb/morton/internal/document"
)

// NaN is not a number.
var NaN = Number{nan: true}

// Inf returns an infinity.
func Inf(negative bool) Number { return Number{neg: negative} }

// Exact returns a double with up to 34 digits, and no zeros behind the last one.
func Exact(f float64) Number {
	n := ofDouble(f, digits)
	if n.coef == nil {
		return n
	}
	return n.trimmed()
}

// Parse reads a number as MongoDB writes it: digits, a point, an exponent; Infinity, Inf and NaN in any case. ok is false for
// any other text.
func Parse(text string) (n Number, ok bool) {
	v, ok := document.ParseDecimal128(text)
	if !ok {
		return NaN, false
	}
	return Of(v), true
}

// IsNaN reports whether d is no number.
func (d Number) IsNaN() bool { return d.nan }

// IsInf reports whether d is an infinity.
func (d Number) IsInf() bool { return d.infinite() }

// IsFinite reports whether d is neither.
func (d Number) IsFinite() bool { return d.coef != nil }

// IsZero reports whether d is 0 or -0.
func (d Number) IsZero() bool { return d.coef != nil && d.coef.Sign() == 0 }

// Negative reports whether d has a minus, as -0 may.
func (d Number) Negative() bool { return d.neg }

// Neg returns -d.
func (d Number) Neg() Number {
	d.neg = !d.neg
	return d
}

// Abs returns d without its minus.
func (d Number) Abs() Number {
	d.neg = false
	return d
}

// Sub returns d - e.
func (d Number) Sub(e Number) Number {
	if e.nan {
		return e
	}
	return d.Add(e.Neg())
}

// Quo returns d / e.
func (d Number) Quo(e Number) Number {
	neg := d.neg != e.neg
	switch {
	case d.nan || e.nan, d.infinite() && e.infinite(), d.IsZero() && e.IsZero():
		return NaN
	case d.infinite(), e.IsZero():
		return Inf(neg)
	case e.infinite():
		return Number{neg: neg, coef: new(big.Int), exp: minExp}
	}
	ideal := d.exp - e.exp
	extra := max(digits+3+len(e.coef.String())-len(d.coef.String()), 0)
	q, r := new(big.Int).QuoRem(new(big.Int).Mul(d.coef, pow10(extra)), e.coef, new(big.Int))
	exp := ideal - extra
	if r.Sign() != 0 { // a digit that keeps a half from looking like one
		q.Add(q.Mul(q, bigTen), big.NewInt(1))
		return Number{neg: neg, coef: q, exp: exp - 1}.rounded()
	}
	for exp < ideal { // the exponent nearest to the ideal one
		next, rest := new(big.Int).QuoRem(q, bigTen, new(big.Int))
		if rest.Sign() != 0 {
			break
		}
		q, exp = next, exp+1
	}
	return Number{neg: neg, coef: q, exp: exp}.rounded()
}

// Rem returns what is left of d after taking e from it as often as possible, with the sign of d.
func (d Number) Rem(e Number) Number {
	switch {
	case d.nan || e.nan || d.infinite() || e.IsZero():
		return NaN
	case e.infinite():
		return d
	}
	exp := min(d.exp, e.exp)
	b := new(big.Int).Mul(e.coef, pow10(e.exp-exp))
	var r *big.Int
	if d.exp-exp > 2*digits { // 10^n mod b without the power
		r = new(big.Int).Exp(bigTen, big.NewInt(int64(d.exp-exp)), b)
		r.Mod(r.Mul(r, d.coef), b)
	} else {
		r = new(big.Int).Mul(d.coef, pow10(d.exp-exp))
		r.Rem(r, b)
	}
	return Number{neg: d.neg, coef: r, exp: exp}.rounded()
}

// Rounding is what becomes of digits that are dropped.
type Rounding int

// The ways to round.
const (
	HalfEven Rounding = iota
	TowardZero
	Floor
	Ceiling
)

// Round returns d with at most place digits behind the point; a negative place makes zeros before it.
func (d Number) Round(place int, how Rounding) Number {
	if d.coef == nil || -d.exp <= place {
		return d
	}
	drop := -d.exp - place
	if drop > len(d.coef.String())+1 {
		drop = len(d.coef.String()) + 1 // nothing is left however far
	}
	by := pow10(drop)
	q, r := new(big.Int).QuoRem(d.coef, by, new(big.Int))
	up := false
	switch how {
	case HalfEven:
		c := new(big.Int).Lsh(r, 1).Cmp(by)
		up = c > 0 || c == 0 && q.Bit(0) == 1
	case Floor:
		up = r.Sign() != 0 && d.neg
	case Ceiling:
		up = r.Sign() != 0 && !d.neg
	}
	if up {
		q.Add(q, big.NewInt(1))
	}
	return Number{neg: d.neg, coef: q, exp: -place}.rounded()
}

// Cmp compares two numbers that are not NaN.
func (d Number) Cmp(e Number) int { return document.Compare(d.Value(), e.Value()) }

// Float64 returns the nearest double.
func (d Number) Float64() float64 {
	switch {
	case d.nan:
		return math.NaN()
	case d.coef == nil && d.neg:
		return math.Inf(-1)
	case d.coef == nil:
		return math.Inf(1)
	}
	text := d.coef.String() + "e" + strconv.Itoa(d.exp)
	f, _ := strconv.ParseFloat(text, 64) // out of range: an infinity, which is what is wanted
	if d.neg {
		f = -f
	}
	return f
}

// Int64 returns d rounded to an integer, if that is an int64.
func (d Number) Int64(how Rounding) (n int64, ok bool) {
	if d.coef == nil {
		return 0, false
	}
	return d.Round(0, how).Truncated()
}

// IsInteger reports whether d is finite and has no fraction.
func (d Number) IsInteger() bool {
	return d.coef != nil && (d.exp >= 0 || d.Round(0, TowardZero).Cmp(d) == 0)
}

// String returns d as MongoDB writes it.
func (d Number) String() string { return d.Value().Decimal128().String() }
