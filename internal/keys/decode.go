package keys

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// errKey is wrapped by every error about bytes that are not an encoded value.
var errKey = errors.New("keys: not an encoded value")

// maxDepth bounds the nesting of what is decoded.
const maxDepth = 2 * document.MaxDepth

// DecodeValue reads one encoded value, ascending or descending, off the front of key. It is for printing and checking: the
// type of a number is lost (equal numbers share an encoding), symbols come back as strings and undefined may have been missing.
// Encoding what it returns gives the same bytes again.
func DecodeValue(key []byte) (v document.Value, rest []byte, err error) {
	if len(key) == 0 || key[0]&tagDescending == 0 {
		d := decoder{rest: key}
		v, err = d.value(maxDepth)
		return v, d.rest, err
	}
	up := bytes.Clone(key)
	invert(up)
	d := decoder{rest: up}
	v, err = d.value(maxDepth)
	return v, key[len(key)-len(d.rest):], err
}

// decoder reads ascending values.
type decoder struct{ rest []byte }

func (d *decoder) take(n int) ([]byte, error) {
	if n < 0 || n > len(d.rest) {
		return nil, fmt.Errorf("%w: it ends early", errKey)
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b, nil
}

func (d *decoder) value(depth int) (document.Value, error) {
	if depth == 0 {
		return document.Value{}, fmt.Errorf("%w: nested too deep", errKey)
	}
	b, err := d.take(1)
	if err != nil {
		return document.Value{}, err
	}
	tag := b[0]
	if tag >= tagNumber && tag < tagNumberAfter {
		return d.number(tag)
	}
	var v document.Value
	switch tag {
	case tagMinKey:
		v.Type = document.TypeMinKey
	case tagUndefined:
		v.Type = document.TypeUndefined
	case tagNull:
		v.Type = document.TypeNull
	case tagMaxKey:
		v.Type = document.TypeMaxKey
	case tagFalse, tagTrue:
		v = document.Bool(tag == tagTrue)
	case tagString, tagCode:
		var text []byte
		text, err = d.escaped()
		v = document.String(string(text))
		if tag == tagCode {
			v.Type = document.TypeCode
		}
	case tagDocument:
		v, err = d.document(depth)
	case tagArray:
		v, err = d.array(depth)
	case tagBinary:
		b, err = d.lengthed()
		if err == nil && len(b) > 0 {
			v = document.Binary(b[0], b[1:])
		} else if err == nil {
			err = fmt.Errorf("%w: binary without a subtype", errKey)
		}
	case tagObjectID:
		b, err = d.take(12)
		v = document.Value{Type: document.TypeObjectID, Data: bytes.Clone(b)}
	case tagDate:
		if b, err = d.take(8); err == nil {
			v = document.Date(int64(binary.BigEndian.Uint64(b) ^ 1<<63))
		}
	case tagTimestamp:
		if b, err = d.take(8); err == nil {
			v = document.Timestamp(binary.BigEndian.Uint64(b))
		}
	case tagRegex:
		v, err = d.regex()
	case tagDBPointer:
		b, err = d.lengthed()
		v = document.Value{Type: document.TypeDBPointer, Data: bytes.Clone(b)}
	case tagCodeScope:
		v, err = d.codeWithScope(depth)
	default:
		err = fmt.Errorf("%w: tag %#x", errKey, tag)
	}
	return v, err
}

func (d *decoder) escaped() ([]byte, error) {
	var text []byte
	for {
		b, err := d.take(1)
		switch {
		case err != nil:
			return nil, err
		case b[0] == tagEnd:
			return text, nil
		case b[0] == 1:
			if b, err = d.take(1); err != nil {
				return nil, err
			}
			if b[0] != 1 && b[0] != 2 {
				return nil, fmt.Errorf("%w: escape %#x", errKey, b[0])
			}
			text = append(text, b[0]-1)
		default:
			text = append(text, b[0])
		}
	}
}

func (d *decoder) lengthed() ([]byte, error) {
	b, err := d.take(1)
	if err != nil {
		return nil, err
	}
	if b[0] < 0xff {
		return d.take(int(b[0]))
	}
	if b, err = d.take(4); err != nil {
		return nil, err
	}
	if n := binary.BigEndian.Uint32(b); n >= 0xff && n <= math.MaxInt32 {
		return d.take(int(n))
	}
	return nil, fmt.Errorf("%w: length", errKey)
}

// end consumes the end of a document or an array if it comes next.
func (d *decoder) end() bool {
	if len(d.rest) == 0 || d.rest[0] != tagEnd {
		return false
	}
	d.rest = d.rest[1:]
	return true
}

func (d *decoder) document(depth int) (document.Value, error) {
	var b document.Builder
	b.Reset(nil)
	for !d.end() {
		if _, err := d.take(1); err != nil {
			return document.Value{}, err
		}
		name, err := d.escaped()
		if err != nil {
			return document.Value{}, err
		}
		v, err := d.value(depth - 1)
		if err != nil {
			return document.Value{}, err
		}
		b.AppendValue(string(name), v)
	}
	return b.Finish().AsValue(), nil
}

func (d *decoder) array(depth int) (document.Value, error) {
	var a document.ArrayBuilder
	for !d.end() {
		v, err := d.value(depth - 1)
		if err != nil {
			return document.Value{}, err
		}
		a.Append(v)
	}
	return a.FinishValue(), nil
}

func (d *decoder) regex() (document.Value, error) {
	pattern, err := d.escaped()
	if err != nil {
		return document.Value{}, err
	}
	options, err := d.escaped()
	if err != nil {
		return document.Value{}, err
	}
	data := append(append(append(pattern, 0), options...), 0)
	return document.Value{Type: document.TypeRegex, Data: data}, nil
}

func (d *decoder) codeWithScope(depth int) (document.Value, error) {
	code, err := d.escaped()
	if err != nil {
		return document.Value{}, err
	}
	scope, err := d.document(depth)
	if err != nil {
		return document.Value{}, err
	}
	text := document.String(string(code))
	data := binary.LittleEndian.AppendUint32(nil, uint32(4+len(text.Data)+len(scope.Data)))
	data = append(append(data, text.Data...), scope.Data...)
	return document.Value{Type: document.TypeCodeWithScope, Data: data}, nil
}

func (d *decoder) number(tag byte) (document.Value, error) {
	switch tag {
	case tagNaN:
		return document.Double(math.NaN()), nil
	case tagMinusInf:
		return document.Double(math.Inf(-1)), nil
	case tagPlusInf:
		return document.Double(math.Inf(1)), nil
	case tagZero:
		return document.Int32(0), nil
	}
	if tag > tagZero {
		return d.magnitude(tag, false)
	}
	up := decoder{rest: bytes.Clone(d.rest)}
	invert(up.rest)
	v, err := up.magnitude(mirror-tag, true)
	d.rest = d.rest[len(d.rest)-len(up.rest):]
	return v, err
}

// magnitude reads a positive number and gives it its sign.
func (d *decoder) magnitude(tag byte, negative bool) (document.Value, error) {
	if tag == tagPosSmall || tag == tagPosBig {
		b, err := d.take(8)
		if err != nil {
			return document.Value{}, err
		}
		x := binary.BigEndian.Uint64(b)
		if x&1 == 1 {
			return d.decimal(negative)
		}
		return signedDouble(math.Float64frombits(x>>1), negative), nil
	}
	b, err := d.take(int(tag-tagPosInt) + 1)
	if err != nil {
		return document.Value{}, err
	}
	var x uint64
	for _, c := range b {
		x = x<<8 | uint64(c)
	}
	if x&1 == 0 {
		return signedInt(int64(x>>1), negative), nil
	}
	if b, err = d.take(7); err != nil {
		return document.Value{}, err
	}
	var fraction uint64
	for _, c := range b {
		fraction = fraction<<8 | uint64(c)
	}
	if fraction&1 == 1 {
		return d.decimal(negative)
	}
	return fractional(x>>1, fraction>>4, negative)
}

func signedInt(n int64, negative bool) document.Value {
	if negative {
		n = -n
	}
	if n == int64(int32(n)) {
		return document.Int32(int32(n))
	}
	return document.Int64(n)
}

func signedDouble(f float64, negative bool) document.Value {
	if negative {
		f = -f
	}
	return document.Double(f)
}

// fractional returns whole + fraction / 2^52: a double, or, if it has too many binary digits for that, a decimal.
func fractional(whole, fraction uint64, negative bool) (document.Value, error) {
	f := float64(fraction) / (1 << fractionBits)
	if sum := float64(whole) + f; uint64(sum) == whole && sum-float64(whole) == f {
		return signedDouble(sum, negative), nil
	}
	n := new(big.Int).SetUint64(whole)
	n.Lsh(n, fractionBits).Add(n, new(big.Int).SetUint64(fraction))
	// n / 2^52 = n * 5^52 / 10^52
	n.Mul(n, new(big.Int).Exp(big.NewInt(5), big.NewInt(fractionBits), nil))
	return newDecimal(n, -fractionBits).value(negative)
}

func (d *decoder) decimal(negative bool) (document.Value, error) {
	b, err := d.take(2)
	if err != nil {
		return document.Value{}, err
	}
	dec := decimal{exp: int(binary.BigEndian.Uint16(b)) - exponentBias}
	var digits []byte
	for !d.end() {
		if b, err = d.take(1); err != nil {
			return document.Value{}, err
		}
		if b[0] > 100 || len(digits) > 34 {
			return document.Value{}, fmt.Errorf("%w: digits", errKey)
		}
		digits = append(digits, (b[0]-1)/10+'0', (b[0]-1)%10+'0')
	}
	dec.digits = string(bytes.TrimRight(digits, "0"))
	return dec.value(negative)
}

// value returns d as a decimal128: 113 bits of coefficient below 14 bits of exponent and the sign.
func (d decimal) value(negative bool) (document.Value, error) {
	digits, exp := d.digits, d.exp-len(d.digits)
	if over := exp - maxDecimalExponent; over > 0 && over < decimalDigits {
		digits, exp = digits+strings.Repeat("0", over), maxDecimalExponent
	}
	n, ok := new(big.Int).SetString(digits, 10)
	if !ok || len(digits) > decimalDigits || exp < -decimalBias {
		return document.Value{}, fmt.Errorf("%w: no decimal128", errKey)
	}
	var data [16]byte
	n.FillBytes(data[:])
	slices.Reverse(data[:])
	high := binary.LittleEndian.Uint64(data[8:]) | uint64(exp+decimalBias)<<49
	if negative {
		high |= 1 << 63
	}
	binary.LittleEndian.PutUint64(data[8:], high)
	return document.Value{Type: document.TypeDecimal128, Data: data[:]}, nil
}

// Limits of decimal128: its value is a coefficient of so many digits times 10 to an exponent from -decimalBias on.
const (
	decimalDigits      = 34
	decimalBias        = 6176
	maxDecimalExponent = 6111
)
