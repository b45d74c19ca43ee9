package expr

import (
	"math"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func init() {
	register(map[string]operator{"$convert": {parse: parseConvert}})
	for name, to := range map[string]document.Type{"$toBool": document.TypeBool, "$toDate": document.TypeDate, "$toDecimal": document.TypeDecimal128,
		"$toDouble": document.TypeDouble, "$toInt": document.TypeInt32, "$toLong": document.TypeInt64, "$toObjectId": document.TypeObjectID, "$toString": document.TypeString} {
		operators[name] = &operator{min: 1, max: 1, eval: one(func(x *Evaluator, _ *call, v document.Value) (document.Value, error) {
			if v.IsNullish() {
				return document.Null, nil
			}
			return convert(x, v, to)
		})}
	}
}

// convertNode is $convert.
type convertNode struct{ input, to, onError, onNull node }

func parseConvert(c *compiler, _ string, v document.Value) (node, error) {
	if v.Type != document.TypeDocument {
		return nil, mongoerr.New(mongoerr.FailedToParse, "$convert expects an object of named arguments but found: %s", v.Type)
	}
	n := &convertNode{}
	err := c.named(v.Doc(), func(name string) *node {
		return map[string]*node{"input": &n.input, "to": &n.to, "onError": &n.onError, "onNull": &n.onNull}[name]
	}, func(name string) error {
		return mongoerr.New(mongoerr.FailedToParse, "$convert found an unknown argument: %s", name)
	})
	switch {
	case err != nil:
		return nil, err
	case n.input == nil:
		return nil, mongoerr.New(mongoerr.FailedToParse, "Missing 'input' parameter to $convert")
	case n.to == nil:
		return nil, mongoerr.New(mongoerr.FailedToParse, "Missing 'to' parameter to $convert")
	}
	return c.folded(n, n.input, n.to, n.onError, n.onNull)
}

func (n *convertNode) eval(x *Evaluator) (document.Value, error) {
	to, err := n.to.eval(x)
	if err != nil {
		return to, err
	}
	v, err := n.input.eval(x)
	switch {
	case err != nil:
		return v, err
	case v.IsNullish() && n.onNull != nil:
		return n.onNull.eval(x)
	case v.IsNullish(), to.IsNullish():
		return document.Null, nil
	}
	t, err := targetType(to)
	if err != nil {
		return missing, err
	}
	result, err := convert(x, v, t)
	if err != nil && n.onError != nil && mongoerr.From(err).Code == mongoerr.ConversionFailure {
		return n.onError.eval(x)
	}
	return result, err
}

// typeNames are the names that a type can be called by.
var typeNames = func() map[string]document.Type {
	names := map[string]document.Type{}
	for t := range 256 {
		if name := document.Type(t).String(); name != "" && t != 0 && knownType(document.Type(t)) {
			names[name] = document.Type(t)
		}
	}
	return names
}()

func knownType(t document.Type) bool {
	return t >= document.TypeDouble && t <= document.TypeDecimal128 || t == document.TypeMaxKey || t == document.TypeMinKey
}

func targetType(to document.Value) (document.Type, error) {
	switch {
	case to.Type == document.TypeString:
		t, ok := typeNames[to.Str()]
		if !ok {
			return 0, mongoerr.New(mongoerr.BadValue, "Unknown type name: %s", to.Str())
		}
		return t, nil
	case to.IsNumber():
		n, ok := integer(to)
		if !ok {
			return 0, mongoerr.New(mongoerr.FailedToParse, "In $convert, numeric 'to' argument is not an integer")
		}
		t := document.Type(n)
		if n != int64(int8(n)) || !(knownType(t) || n == 0) {
			return 0, mongoerr.New(mongoerr.FailedToParse, "In $convert, numeric value for 'to' does not correspond to a BSON type: %d", n)
		}
		return t, nil
	}
	return 0, mongoerr.New(mongoerr.FailedToParse, "$convert's 'to' argument must be a string or number, but is %s", to.Type)
}

func conversion(format string, args ...any) error {
	return fail(mongoerr.ConversionFailure, format+" in $convert with no onError value", args...)
}

func overflow(v document.Value) error {
	return fail(mongoerr.ConversionFailure, "Conversion would overflow target type in $convert with no onError value: %s", v)
}

// convert converts a value that is not nullish.
func convert(x *Evaluator, v document.Value, to document.Type) (document.Value, error) {
	if to == document.TypeBool {
		return boolean(v.Truthy()), nil
	}
	if v.Type == to && convertible(to) {
		return v, nil
	}
	result, err := missing, error(nil)
	switch to {
	case document.TypeDouble:
		result, err = toDouble(x, v)
	case document.TypeString:
		result, err = toString(x, v)
	case document.TypeObjectID:
		result, err = toObjectID(v)
	case document.TypeDate:
		result, err = toDate(x, v)
	case document.TypeInt32:
		result, err = toInteger(x, v, math.MinInt32, math.MaxInt32)
	case document.TypeInt64:
		result, err = toInteger(x, v, math.MinInt64, math.MaxInt64)
	case document.TypeDecimal128:
		result, err = toDecimal(v)
	}
	if err == nil && result.IsMissing() {
		err = conversion("Unsupported conversion from %s to %s", v.Type, to)
	}
	return result, err
}

func convertible(t document.Type) bool {
	switch t {
	case document.TypeDouble, document.TypeString, document.TypeObjectID, document.TypeDate, document.TypeInt32, document.TypeInt64, document.TypeDecimal128:
		return true
	}
	return false
}

// The functions toX return a missing value for what has no conversion.

func toDouble(x *Evaluator, v document.Value) (document.Value, error) {
	switch v.Type {
	case document.TypeString:
		s := v.Str()
		if err := checkNumberText(s); err != nil {
			return missing, err
		}
		f, err := strconv.ParseFloat(s, 64)
		if err != nil && !math.IsInf(f, 0) || strings.ContainsAny(s, "_xXpP") {
			return missing, unparsable(s)
		}
		if err != nil {
			return missing, fail(mongoerr.ConversionFailure, "Failed to parse number '%s' in $convert with no onError value: Out of range", s)
		}
		return x.double(f), nil
	case document.TypeBool:
		if v.Bool() {
			return x.double(1), nil
		}
		return x.double(0), nil
	case document.TypeDate:
		return x.double(float64(v.Int64())), nil
	case document.TypeInt32, document.TypeInt64:
		f, _ := v.AsFloat64()
		return x.double(f), nil
	case document.TypeDecimal128:
		d := decimal.Of(v)
		f := d.Float64()
		if math.IsInf(f, 0) && d.IsFinite() {
			return missing, overflow(v)
		}
		return x.double(f), nil
	}
	return missing, nil
}

func unparsable(s string) error {
	return fail(mongoerr.ConversionFailure, "Failed to parse number '%s' in $convert with no onError value: %s", s, parseProblem(s))
}

func parseProblem(s string) string {
	switch {
	case s == "":
		return "Empty string"
	case strings.Trim(s, "0123456789") == s && !strings.ContainsAny(s[:1], "0123456789-+."):
		return "Did not consume any digits"
	}
	return "Did not consume whole string."
}

// checkNumberText refuses what Go would parse and mongod does not.
func checkNumberText(s string) error {
	if strings.HasPrefix(strings.TrimLeft(s, "+-"), "0x") {
		return fail(mongoerr.ConversionFailure, "Illegal hexadecimal input in $convert with no onError value: %s", s)
	}
	if s != strings.TrimSpace(s) || strings.Contains(s, "\x00") {
		return unparsable(s)
	}
	return nil
}

// numberText prints a number as mongod does when it becomes a string.
func numberText(v document.Value) string {
	switch v.Type {
	case document.TypeDouble:
		f := v.Double()
		switch {
		case f != f:
			return "NaN"
		case math.IsInf(f, 1):
			return "Infinity"
		case math.IsInf(f, -1):
			return "-Infinity"
		}
		return doubleText(f)
	case document.TypeDecimal128:
		return v.Decimal128().String()
	}
	n, _ := v.AsInt64()
	return strconv.FormatInt(n, 10)
}

func toString(x *Evaluator, v document.Value) (document.Value, error) {
	switch v.Type {
	case document.TypeDouble, document.TypeInt32, document.TypeInt64, document.TypeDecimal128:
		return x.string(numberText(v)), nil
	case document.TypeBool:
		return x.string(strconv.FormatBool(v.Bool())), nil
	case document.TypeObjectID:
		return x.string(v.ObjectID().Hex()), nil
	case document.TypeDate:
		if err := checkYear(v.Int64()); err != nil {
			return missing, err
		}
		return x.string(formatISO(v.Int64())), nil
	}
	return missing, nil
}

func toObjectID(v document.Value) (document.Value, error) {
	if v.Type != document.TypeString {
		return missing, nil
	}
	s := v.Str()
	if len(s) != 24 {
		return missing, fail(mongoerr.ConversionFailure, "Failed to parse objectId '%s' in $convert with no onError value: Invalid string length for parsing to OID, expected 24 but found %d", s, len(s))
	}
	for i := range len(s) {
		if !strings.ContainsRune("0123456789abcdefABCDEF", rune(s[i])) {
			return missing, fail(mongoerr.ConversionFailure, "Failed to parse objectId '%s' in $convert with no onError value: Invalid character found in hex string: '%c'", s, s[i])
		}
	}
	var id document.ObjectID
	_ = id.UnmarshalText([]byte(s))
	return document.OID(id), nil
}

func toDate(x *Evaluator, v document.Value) (document.Value, error) {
	switch v.Type {
	case document.TypeString:
		ms, err := parseDate(v.Str(), utc)
		if err != nil {
			return missing, err
		}
		return x.date(ms), nil
	case document.TypeObjectID:
		return x.date(objectIDMillis(v)), nil
	case document.TypeTimestamp:
		return x.date(int64(v.Timestamp()>>32) * 1000), nil
	case document.TypeInt64:
		return x.date(v.Int64()), nil
	case document.TypeDouble, document.TypeDecimal128:
		n, err := truncated(v, math.MinInt64, math.MaxInt64)
		if err != nil {
			return missing, err
		}
		return x.date(n), nil
	}
	return missing, nil
}

func objectIDMillis(v document.Value) int64 {
	id := v.ObjectID()
	return int64(uint32(id[0])<<24|uint32(id[1])<<16|uint32(id[2])<<8|uint32(id[3])) * 1000
}

func toInteger(x *Evaluator, v document.Value, low, high int64) (document.Value, error) {
	n, err := int64(0), error(nil)
	switch v.Type {
	case document.TypeString:
		s := v.Str()
		if err := checkNumberText(s); err != nil {
			return missing, err
		}
		n, err = strconv.ParseInt(s, 10, 64)
		switch {
		case err != nil && err.(*strconv.NumError).Err == strconv.ErrRange, n < low, n > high:
			return missing, fail(mongoerr.ConversionFailure, "Failed to parse number '%s' in $convert with no onError value: Overflow", s)
		case err != nil:
			return missing, unparsable(s)
		}
	case document.TypeBool:
		if v.Bool() {
			n = 1
		}
	case document.TypeDate:
		if high == math.MaxInt32 {
			return missing, nil
		}
		n = v.Int64()
	case document.TypeInt32, document.TypeInt64, document.TypeDouble, document.TypeDecimal128:
		if n, err = truncated(v, low, high); err != nil {
			return missing, err
		}
	default:
		return missing, nil
	}
	if high == math.MaxInt32 {
		return x.int32(int32(n)), nil
	}
	return x.int64(n), nil
}

// truncated returns a number without its fraction, which must lie between low and high.
func truncated(v document.Value, low, high int64) (int64, error) {
	f, _ := v.AsFloat64()
	switch {
	case f != f:
		return 0, fail(mongoerr.ConversionFailure, "Attempt to convert NaN value to integer type in $convert with no onError value")
	case math.IsInf(f, 0) && (v.Type == document.TypeDouble || decimal.Of(v).IsInf()):
		return 0, fail(mongoerr.ConversionFailure, "Attempt to convert infinity value to integer type in $convert with no onError value")
	}
	n, ok := int64(f), f >= -(1<<63) && f < 1<<63 && f >= float64(low) && f <= float64(high)
	switch v.Type {
	case document.TypeInt32, document.TypeInt64:
		n, ok = v.AsInt64()
	case document.TypeDecimal128:
		n, ok = decimal.Of(v).Truncated()
	}
	if !ok || n < low || n > high {
		return 0, overflow(v)
	}
	return n, nil
}

func toDecimal(v document.Value) (document.Value, error) {
	switch v.Type {
	case document.TypeString:
		s := v.Str()
		if err := checkNumberText(s); err != nil {
			return missing, err
		}
		d, ok := decimal.Parse(s)
		if !ok {
			return missing, unparsable(s)
		}
		return d.Value(), nil
	case document.TypeBool:
		if v.Bool() {
			return decimal.OfInt(1).Value(), nil
		}
		return decimal.Zero.Value(), nil
	case document.TypeDate:
		return decimal.OfInt(v.Int64()).Value(), nil
	case document.TypeDouble, document.TypeInt32, document.TypeInt64:
		return decimal.Of(v).Value(), nil
	}
	return missing, nil
}
