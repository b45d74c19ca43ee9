package keys

import (
	"encoding/binary"
	"math"
	"math/big"
	"math/bits"
	"strconv"

	"github.com/mortondb/morton/internal/document"
)

// Tags of numbers, in the order of what they stand for. A negative class mirrors its positive one around zero.
const (
	tagNaN         = tagNumber + iota
	tagMinusInf    // -inf
	tagNegBig      // -2^63 and below
	tagNegInt      // to -1: tagNegInt holds 8 bytes, ... tagNegInt+7 holds 1
	tagNegSmall    = tagNegInt + 8
	tagZero        = tagNegSmall + 1
	tagPosSmall    = tagZero + 1       // between 0 and 1
	tagPosInt      = tagPosSmall + 1   // from 1: tagPosInt holds 1 byte, ... tagPosInt+7 holds 8
	tagPosBig      = tagPosInt + 8     // 2^63 and above
	tagPlusInf     = tagPosBig + 1     // +inf
	tagNumberAfter = tagPlusInf + 1    // first tag that is no number
	fractionBits   = 52                // binary digits kept of the fraction of a number between 1 and 2^63
	exponentBias   = 1 << 15           // added to the exponent of a decimal
	mirror         = tagZero + tagZero // mirror-tag is the tag of the negated number
)

func appendInt(dst []byte, n int64) []byte {
	switch {
	case n > 0:
		return appendInteger(dst, uint64(n)<<1)
	case n == 0:
		return append(dst, tagZero)
	}
	start := len(dst)
	if n == math.MinInt64 {
		dst = appendTruncated(dst, tagPosBig, 1<<63, false)
	} else {
		dst = appendInteger(dst, uint64(-n)<<1)
	}
	return negate(dst, start)
}

// appendInteger appends an integer part, shifted left by one, with the mark of a fraction in its lowest bit.
func appendInteger(dst []byte, x uint64) []byte {
	n := (bits.Len64(x) + 7) / 8
	dst = append(dst, byte(tagPosInt+n-1))
	for i := n - 1; i >= 0; i-- {
		dst = append(dst, byte(x>>(8*i)))
	}
	return dst
}

// appendFraction appends the first binary digits of a fraction; more says that they are not all.
func appendFraction(dst []byte, digits uint64, more bool) []byte {
	x := digits << 4
	if more {
		x |= 1
	}
	return append(dst, byte(x>>48), byte(x>>40), byte(x>>32), byte(x>>24), byte(x>>16), byte(x>>8), byte(x))
}

// appendTruncated appends a magnitude by the largest double not above it; more says that it is above.
func appendTruncated(dst []byte, tag byte, f float64, more bool) []byte {
	x := math.Float64bits(f) << 1
	if more {
		x |= 1
	}
	return binary.BigEndian.AppendUint64(append(dst, tag), x)
}

// negate turns the number that was appended from start on into its negative.
func negate(dst []byte, start int) []byte {
	dst[start] = mirror - dst[start]
	invert(dst[start+1:])
	return dst
}

func appendDouble(dst []byte, f float64) []byte {
	start := len(dst)
	m := math.Abs(f)
	switch {
	case f != f:
		return append(dst, tagNaN)
	case m == 0:
		return append(dst, tagZero)
	case m < 1:
		dst = appendTruncated(dst, tagPosSmall, m, false)
	case m < 1<<63:
		whole := uint64(m)
		fraction := m - float64(whole) // exact: whole has at most the 53 bits of m
		if fraction == 0 {
			dst = appendInteger(dst, whole<<1)
		} else {
			dst = appendInteger(dst, whole<<1|1)
			dst = appendFraction(dst, uint64(fraction*(1<<fractionBits)), false)
		}
	case math.IsInf(m, 0):
		dst = append(dst, tagPlusInf)
	default:
		dst = appendTruncated(dst, tagPosBig, m, false)
	}
	if f < 0 {
		return negate(dst, start)
	}
	return dst
}

// appendDecimal128 goes through decimal digits and allocates.
func appendDecimal128(dst []byte, v document.Value) []byte {
	d := v.Decimal128()
	switch {
	case d.IsNaN():
		return append(dst, tagNaN)
	case d.IsInf() > 0:
		return append(dst, tagPlusInf)
	case d.IsInf() < 0:
		return append(dst, tagMinusInf)
	}
	n, exp, err := d.BigInt()
	if err != nil || n.Sign() == 0 {
		return append(dst, tagZero)
	}
	start, negative := len(dst), n.Sign() < 0
	dst = newDecimal(n.Abs(n), exp).append(dst)
	if negative {
		return negate(dst, start)
	}
	return dst
}

// decimal is a positive decimal number 0.DIGITS * 10^exp. Its digits start and end with one that is not 0.
type decimal struct {
	digits string
	exp    int
}

func newDecimal(n *big.Int, exp int) decimal {
	digits := n.Text(10)
	d := decimal{digits: digits, exp: len(digits) + exp}
	for d.digits[len(d.digits)-1] == '0' {
		d.digits = d.digits[:len(d.digits)-1]
	}
	return d
}

func (d decimal) append(dst []byte) []byte {
	if d.exp <= 0 {
		return d.appendTruncated(dst, tagPosSmall)
	}
	if d.exp > 19 { // 10^19 > 2^63
		return d.appendTruncated(dst, tagPosBig)
	}
	wholeDigits, fraction := d.split()
	whole, err := strconv.ParseUint(wholeDigits, 10, 64)
	if err != nil {
		panic("keys: digits of a decimal: " + err.Error())
	}
	if whole >= 1<<63 {
		return d.appendTruncated(dst, tagPosBig)
	}
	if fraction == "" {
		return appendInteger(dst, whole<<1)
	}
	n, _ := new(big.Int).SetString(fraction, 10)
	n.Lsh(n, fractionBits)
	n, rest := n.QuoRem(n, pow10(len(fraction)), new(big.Int))
	dst = appendInteger(dst, whole<<1|1)
	dst = appendFraction(dst, n.Uint64(), rest.Sign() != 0)
	if rest.Sign() != 0 {
		return d.appendDigits(dst)
	}
	return dst
}

// split returns the digits before and after the point of a decimal from 1 to below 10^19.
func (d decimal) split() (whole, fraction string) {
	if d.exp < len(d.digits) {
		return d.digits[:d.exp], d.digits[d.exp:]
	}
	const zeros = "0000000000000000000"
	return d.digits + zeros[:d.exp-len(d.digits)], ""
}

func (d decimal) appendTruncated(dst []byte, tag byte) []byte {
	f, exact := d.truncate()
	dst = appendTruncated(dst, tag, f, !exact)
	if !exact {
		return d.appendDigits(dst)
	}
	return dst
}

// truncate returns the largest finite double that is not above d, and whether it is d.
func (d decimal) truncate() (f float64, exact bool) {
	switch { // far outside the range of doubles: spare the arithmetic on thousands of digits
	case d.exp > 310:
		return math.MaxFloat64, false
	case d.exp < -330:
		return 0, false
	}
	r := d.rat()
	f, exact = r.Float64()
	if exact {
		return f, true
	}
	if math.IsInf(f, 0) {
		return math.MaxFloat64, false
	}
	if new(big.Rat).SetFloat64(f).Cmp(r) > 0 {
		f = math.Nextafter(f, 0)
	}
	return f, false
}

func (d decimal) rat() *big.Rat {
	n, _ := new(big.Int).SetString(d.digits, 10)
	r := new(big.Rat).SetInt(n)
	if e := d.exp - len(d.digits); e >= 0 {
		return r.Mul(r, new(big.Rat).SetInt(pow10(e)))
	} else {
		return r.Quo(r, new(big.Rat).SetInt(pow10(-e)))
	}
}

func pow10(n int) *big.Int {
	return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil)
}

// appendDigits appends the exact decimal: exponent, then two digits a byte, then 00.
func (d decimal) appendDigits(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint16(dst, uint16(d.exp+exponentBias))
	for i := 0; i < len(d.digits); i += 2 {
		pair := (d.digits[i] - '0') * 10
		if i+1 < len(d.digits) {
			pair += d.digits[i+1] - '0'
		}
		dst = append(dst, pair+1)
	}
	return append(dst, tagEnd)
}
