package document

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/big"
	"unsafe"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Value is one BSON value: its type and its bytes. The zero Value is missing.
type Value struct {
	Type Type
	Data []byte
}

// ObjectID is BSON's 12-byte identifier.
type ObjectID = bson.ObjectID

// Null is the null value.
var Null = Value{Type: TypeNull}

// IsMissing reports whether the value was not found.
func (v Value) IsMissing() bool { return v.Type == TypeMissing }

// IsNumber reports whether v is an int32, int64, double or decimal128.
func (v Value) IsNumber() bool { return v.Type.IsNumber() }

// IsNullish reports whether v is missing, null or undefined.
func (v Value) IsNullish() bool {
	return v.Type == TypeMissing || v.Type == TypeNull || v.Type == TypeUndefined
}

// Clone returns a copy that owns its bytes.
func (v Value) Clone() Value { return Value{Type: v.Type, Data: bytes.Clone(v.Data)} }

// Doc returns the embedded document or array as a Doc; nil if v is neither.
func (v Value) Doc() Doc {
	if v.Type == TypeDocument || v.Type == TypeArray {
		return Doc(v.Data)
	}
	return nil
}

// Str returns the text of a string, symbol or code value, "" for others. It aliases v's bytes.
func (v Value) Str() string {
	switch v.Type {
	case TypeString, TypeSymbol, TypeCode:
		if len(v.Data) >= 5 {
			return unsafe.String(&v.Data[4], len(v.Data)-5)
		}
	}
	return ""
}

// Int32 returns the number of an int32 value, 0 for others.
func (v Value) Int32() int32 {
	if v.Type == TypeInt32 && len(v.Data) >= 4 {
		return int32(binary.LittleEndian.Uint32(v.Data))
	}
	return 0
}

// Int64 returns the 64 bits of an int64, date (milliseconds since 1970) or timestamp value, 0 for others.
func (v Value) Int64() int64 {
	switch v.Type {
	case TypeInt64, TypeDate, TypeTimestamp:
		if len(v.Data) >= 8 {
			return int64(binary.LittleEndian.Uint64(v.Data))
		}
	}
	return 0
}

// Double returns the number of a double value, 0 for others.
func (v Value) Double() float64 {
	if v.Type == TypeDouble && len(v.Data) >= 8 {
		return math.Float64frombits(binary.LittleEndian.Uint64(v.Data))
	}
	return 0
}

// Bool returns the truth of a boolean value, false for others. [Value.Truthy] converts.
func (v Value) Bool() bool { return v.Type == TypeBool && len(v.Data) == 1 && v.Data[0] != 0 }

// Truthy reports what MongoDB takes v for where it wants a boolean: false, zero, null, undefined and missing are
// false, everything else is true.
func (v Value) Truthy() bool {
	switch v.Type {
	case TypeMissing, TypeNull, TypeUndefined:
		return false
	case TypeBool:
		return v.Bool()
	case TypeInt32, TypeInt64, TypeDouble:
		f, _ := v.AsFloat64()
		return f != 0
	case TypeDecimal128:
		d := v.Decimal128()
		return d.IsNaN() || d.IsInf() != 0 || !isZeroDecimal(d)
	}
	return true
}

// Timestamp returns a timestamp's 64 bits: seconds in the upper, increment in the lower half.
func (v Value) Timestamp() uint64 {
	if v.Type != TypeTimestamp {
		return 0
	}
	return uint64(v.Int64())
}

// ObjectID returns the identifier of an objectId value, zero for others.
func (v Value) ObjectID() (id ObjectID) {
	if v.Type == TypeObjectID {
		copy(id[:], v.Data)
	}
	return id
}

// Binary returns subtype and bytes of a binData value. Subtype 2's inner length is taken off.
func (v Value) Binary() (subtype byte, data []byte) {
	if v.Type != TypeBinary || len(v.Data) < 5 {
		return 0, nil
	}
	subtype, data = v.Data[4], v.Data[5:]
	if subtype == 2 && len(data) >= 4 {
		data = data[4:]
	}
	return subtype, data
}

// Regex returns pattern and options of a regular expression.
func (v Value) Regex() (pattern, options string) {
	if v.Type != TypeRegex {
		return "", ""
	}
	p, rest, _ := bytes.Cut(v.Data, []byte{0})
	o, _, _ := bytes.Cut(rest, []byte{0})
	return string(p), string(o)
}

// CodeWithScope returns the parts of a javascriptWithScope value.
func (v Value) CodeWithScope() (code string, scope Doc) {
	if v.Type != TypeCodeWithScope || len(v.Data) < 14 {
		return "", nil
	}
	n := length(v.Data[4:])
	if n < 1 || 8+n > len(v.Data) {
		return "", nil
	}
	return string(v.Data[8 : 8+n-1]), Doc(v.Data[8+n:])
}

// Decimal128 returns the number of a decimal value. The bytes can hold coefficients that have too many digits; such a number
// is zero (IEEE 754-2008 §3.5.2, and mongod's arithmetic).
func (v Value) Decimal128() bson.Decimal128 {
	if v.Type != TypeDecimal128 || len(v.Data) < 16 {
		return bson.Decimal128{}
	}
	high, low := binary.LittleEndian.Uint64(v.Data[8:]), binary.LittleEndian.Uint64(v.Data)
	coefficient := high & decimalHighMask
	if high>>61&3 != 3 && (coefficient > decimalMaxHigh || coefficient == decimalMaxHigh && low > decimalMaxLow) {
		high, low = high&^decimalHighMask, 0
	}
	return bson.NewDecimal128(high, low)
}

const (
	decimalHighMask = 1<<49 - 1       // the coefficient's part in the upper half, unless two bits say that it is too large
	decimalMaxHigh  = 0x1ed09bead87c0 // 10^34-1, the largest coefficient
	decimalMaxLow   = 0x378d8e63ffffffff
)

// ParseDecimal128 returns the decimal value that a text stands for; ok is false if it stands for none.
func ParseDecimal128(text string) (v Value, ok bool) {
	d, err := bson.ParseDecimal128(text)
	if err != nil {
		return Value{}, false
	}
	high, low := d.GetBytes()
	data := binary.LittleEndian.AppendUint64(nil, low)
	return Value{TypeDecimal128, binary.LittleEndian.AppendUint64(data, high)}, true
}

// isZeroDecimal reports whether a finite d is zero.
func isZeroDecimal(d bson.Decimal128) bool {
	high, low := d.GetBytes()
	return high>>61&3 == 3 || high&decimalHighMask == 0 && low == 0
}

// AsInt64 returns a number as an int64 and whether it is one exactly (a double or decimal with a fraction, out of
// range, or NaN is not; nor is a value that is no number).
func (v Value) AsInt64() (n int64, exact bool) {
	switch v.Type {
	case TypeInt32:
		return int64(v.Int32()), true
	case TypeInt64:
		return v.Int64(), true
	case TypeDouble:
		f := v.Double()
		if f != math.Trunc(f) || f < -(1<<63) || f >= 1<<63 {
			return 0, false
		}
		return int64(f), true
	case TypeDecimal128:
		r, ok := v.rat()
		if !ok || !r.IsInt() || !r.Num().IsInt64() {
			return 0, false
		}
		return r.Num().Int64(), true
	}
	return 0, false
}

// ToInt64 returns a number as mongod's safeNumberLong does: a double's fraction is cut off, a decimal is rounded, half to even; what is out
// of range becomes the nearest int64, NaN becomes 0; ok is false if v is no number.
func (v Value) ToInt64() (n int64, ok bool) {
	switch v.Type {
	case TypeInt32:
		return int64(v.Int32()), true
	case TypeInt64:
		return v.Int64(), true
	case TypeDouble:
		return truncate(v.Double()), true
	case TypeDecimal128:
		if r, finite := v.rat(); finite {
			return round(r), true
		}
		return truncate(v.infinity()), true
	}
	return 0, false
}

// truncate cuts off f's fraction; what is out of range becomes the nearest int64, NaN 0.
func truncate(f float64) int64 {
	switch {
	case f != f:
		return 0
	case f >= 1<<63:
		return math.MaxInt64
	case f < -(1 << 63):
		return math.MinInt64
	}
	return int64(f)
}

// round returns the int64 nearest to r, the even one of two.
func round(r *big.Rat) int64 {
	n, rest := new(big.Int).DivMod(r.Num(), r.Denom(), new(big.Int)) // rounds down; 0 <= rest
	switch c := rest.Lsh(rest, 1).Cmp(r.Denom()); {
	case c > 0, c == 0 && n.Bit(0) == 1:
		n.Add(n, big.NewInt(1))
	}
	switch {
	case n.IsInt64():
		return n.Int64()
	case n.Sign() < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// AsFloat64 returns a number as the nearest double; ok is false if v is no number.
func (v Value) AsFloat64() (f float64, ok bool) {
	switch v.Type {
	case TypeInt32:
		return float64(v.Int32()), true
	case TypeInt64:
		return float64(v.Int64()), true
	case TypeDouble:
		return v.Double(), true
	case TypeDecimal128:
		r, finite := v.rat()
		if !finite {
			return v.infinity(), true
		}
		f, _ := r.Float64()
		if f == 0 && v.Data[15]&0x80 != 0 {
			f = math.Copysign(0, -1)
		}
		return f, true
	}
	return 0, false
}

// infinity returns a decimal that is not finite as a double.
func (v Value) infinity() float64 {
	if s := v.Decimal128().IsInf(); s != 0 {
		return math.Inf(s)
	}
	return math.NaN()
}

// rat returns a finite number as an exact fraction; ok is false for NaN, the infinities and what is no number.
func (v Value) rat() (r *big.Rat, ok bool) {
	switch v.Type {
	case TypeInt32:
		return new(big.Rat).SetInt64(int64(v.Int32())), true
	case TypeInt64:
		return new(big.Rat).SetInt64(v.Int64()), true
	case TypeDouble:
		r := new(big.Rat).SetFloat64(v.Double())
		return r, r != nil
	case TypeDecimal128:
		d := v.Decimal128()
		if d.IsNaN() || d.IsInf() != 0 {
			return nil, false
		}
		n, exp, err := d.BigInt()
		if err != nil {
			return nil, false
		}
		r := new(big.Rat).SetInt(n)
		pow := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(abs(exp))), nil)
		if exp < 0 {
			return r.Quo(r, new(big.Rat).SetInt(pow)), true
		}
		return r.Mul(r, new(big.Rat).SetInt(pow)), true
	}
	return nil, false
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}

// String prints v for messages and tests, as Extended JSON where that has a form.
func (v Value) String() string {
	switch v.Type {
	case TypeMissing:
		return "(missing)"
	case TypeDocument:
		return Doc(v.Data).String()
	}
	var b Builder
	b.AppendValue("v", v)
	s := b.Finish().String()
	if len(s) > 6 && s[:5] == `{"v":` {
		return s[5 : len(s)-1]
	}
	return fmt.Sprintf("%v(%s)", v.Type, hex.EncodeToString(v.Data))
}

// Values of Go types. They allocate; hot paths append to a [Builder] instead.

// Int32 returns n as a value.
func Int32(n int32) Value {
	return Value{TypeInt32, binary.LittleEndian.AppendUint32(nil, uint32(n))}
}

// Int64 returns n as a value.
func Int64(n int64) Value {
	return Value{TypeInt64, binary.LittleEndian.AppendUint64(nil, uint64(n))}
}

// Double returns f as a value.
func Double(f float64) Value {
	return Value{TypeDouble, binary.LittleEndian.AppendUint64(nil, math.Float64bits(f))}
}

// Bool returns t as a value.
func Bool(t bool) Value {
	if t {
		return Value{TypeBool, []byte{1}}
	}
	return Value{TypeBool, []byte{0}}
}

// String returns s as a value.
func String(s string) Value { return Value{TypeString, appendString(nil, s)} }

// OID returns id as a value.
func OID(id ObjectID) Value { return Value{TypeObjectID, bytes.Clone(id[:])} }

// Date returns milliseconds since 1970 as a value.
func Date(ms int64) Value {
	return Value{TypeDate, binary.LittleEndian.AppendUint64(nil, uint64(ms))}
}

// Timestamp returns seconds (upper half) and increment (lower half) as a value.
func Timestamp(ts uint64) Value {
	return Value{TypeTimestamp, binary.LittleEndian.AppendUint64(nil, ts)}
}

// Binary returns data with its subtype as a value.
func Binary(subtype byte, data []byte) Value {
	return Value{TypeBinary, appendBinary(nil, subtype, data)}
}

// Regex returns a regular expression as a value.
func Regex(pattern, options string) Value {
	data := append(append([]byte(pattern), 0), options...)
	return Value{TypeRegex, append(data, 0)}
}

func appendString(dst []byte, s string) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(s)+1))
	dst = append(dst, s...)
	return append(dst, 0)
}

func appendBinary(dst []byte, subtype byte, data []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(data)))
	dst = append(dst, subtype)
	return append(dst, data...)
}

// NewObjectID returns a new identifier: the time, what is this process's own, a counter.
func NewObjectID() ObjectID { return bson.NewObjectID() }
