package query

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Values as mongod prints them in messages about filters and updates (BSONElement::toString): `a: "x"`, `{ b: [ 1, 2.0 ] }`.
// Other messages, those on duplicate keys among them, escape strings and do not cut them: that is document.Value.Shell.

// elementText prints a field: name and value.
func elementText(name string, v document.Value) string {
	return name + ": " + valueText(v)
}

// bracedText prints a field as a document of its own, the way update errors do: {a: 1}.
func bracedText(name string, v document.Value) string {
	return "{" + elementText(name, v) + "}"
}

func docText(d document.Doc) string { return valueText(d.AsValue()) }

func valueText(v document.Value) string {
	var b strings.Builder
	appendText(&b, v)
	return b.String()
}

func appendText(b *strings.Builder, v document.Value) {
	switch v.Type {
	case document.TypeMissing:
		b.WriteString("EOO")
	case document.TypeDocument:
		appendMembers(b, v.Doc(), '{', '}', true)
	case document.TypeArray:
		appendMembers(b, v.Doc(), '[', ']', false)
	case document.TypeString, document.TypeSymbol:
		b.WriteString(quoted(v.Str()))
	case document.TypeCode:
		b.WriteString(v.Str())
	case document.TypeInt32:
		b.WriteString(strconv.Itoa(int(v.Int32())))
	case document.TypeInt64:
		b.WriteString(strconv.FormatInt(v.Int64(), 10))
	case document.TypeDouble:
		b.WriteString(doubleText(v.Double()))
	case document.TypeDecimal128:
		b.WriteString(v.Decimal128().String())
	case document.TypeBool:
		b.WriteString(strconv.FormatBool(v.Bool()))
	case document.TypeDate:
		fmt.Fprintf(b, "new Date(%d)", v.Int64())
	case document.TypeTimestamp:
		ts := v.Timestamp()
		fmt.Fprintf(b, "Timestamp(%d, %d)", ts>>32, uint32(ts))
	case document.TypeObjectID:
		fmt.Fprintf(b, "ObjectId('%s')", v.ObjectID().Hex())
	case document.TypeRegex:
		pattern, options := v.Regex()
		fmt.Fprintf(b, "/%s/%s", pattern, options)
	case document.TypeBinary:
		appendBinaryText(b, v)
	case document.TypeCodeWithScope:
		code, scope := v.CodeWithScope()
		fmt.Fprintf(b, "CodeWScope( %s, %s)", code, docText(scope))
	case document.TypeMinKey:
		b.WriteString("MinKey")
	case document.TypeMaxKey:
		b.WriteString("MaxKey")
	default: // null, undefined, dbPointer
		b.WriteString(v.Type.String())
	}
}

func appendMembers(b *strings.Builder, d document.Doc, open, end byte, names bool) {
	b.WriteByte(open)
	any := false
	for it := d.Iter(); it.Next(); any = true {
		if any {
			b.WriteByte(',')
		}
		b.WriteByte(' ')
		if names {
			b.WriteString(it.Key())
			b.WriteString(": ")
		}
		appendText(b, it.Value())
	}
	if any {
		b.WriteByte(' ')
	}
	b.WriteByte(end)
}

func appendBinaryText(b *strings.Builder, v document.Value) {
	subtype, data := v.Binary()
	switch {
	case subtype == 4 && len(data) == 16:
		fmt.Fprintf(b, `UUID("%x-%x-%x-%x-%x")`, data[:4], data[4:6], data[6:8], data[8:10], data[10:])
	case len(data) > 80:
		fmt.Fprintf(b, "BinData(%d, %s...)", subtype, strings.ToUpper(hex.EncodeToString(data[:70])))
	default:
		fmt.Fprintf(b, "BinData(%d, %s)", subtype, strings.ToUpper(hex.EncodeToString(data)))
	}
}

// quoted cuts long strings, as mongod does in messages.
func quoted(s string) string {
	if len(s) > 160 {
		return `"` + s[:150] + `..."`
	}
	return `"` + s + `"`
}

func doubleText(f float64) string {
	switch {
	case f != f && math.Signbit(f):
		return "-nan.0"
	case f != f:
		return "nan.0"
	case math.IsInf(f, 1):
		return "inf.0"
	case math.IsInf(f, -1):
		return "-inf.0"
	}
	s := strconv.FormatFloat(f, 'g', 16, 64)
	if !strings.ContainsAny(s, ".e") {
		s += ".0"
	}
	return s
}
