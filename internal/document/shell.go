package document

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Shell prints d as mongod does in error messages, such as { _id: 1, a: "x" }.
func (d Doc) Shell() string { return string(appendShellDoc(nil, d, false)) }

// Shell prints v as mongod does in error messages.
func (v Value) Shell() string { return string(appendShell(nil, v)) }

func appendShellDoc(dst []byte, d Doc, array bool) []byte {
	open, end := "{", "}"
	if array {
		open, end = "[", "]"
	}
	dst = append(dst, open...)
	n := 0
	for it := d.Iter(); it.Next(); n++ {
		if n > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, ' ')
		if !array {
			dst = append(append(dst, it.Key()...), ": "...)
		}
		dst = appendShell(dst, it.Value())
	}
	if n > 0 {
		dst = append(dst, ' ')
	}
	return append(dst, end...)
}

func appendShell(dst []byte, v Value) []byte {
	switch v.Type {
	case TypeDouble:
		return appendShellDouble(dst, v.Double())
	case TypeString, TypeSymbol:
		return append(append(append(dst, '"'), shellEscapes.Replace(v.Str())...), '"')
	case TypeDocument:
		return appendShellDoc(dst, Doc(v.Data), false)
	case TypeArray:
		return appendShellDoc(dst, Doc(v.Data), true)
	case TypeBinary:
		return appendShellBinary(dst, v)
	case TypeObjectID:
		return fmt.Appendf(dst, "ObjectId('%s')", hex.EncodeToString(v.Data))
	case TypeBool:
		return strconv.AppendBool(dst, v.Bool())
	case TypeDate:
		return fmt.Appendf(dst, "new Date(%d)", v.Int64())
	case TypeNull:
		return append(dst, "null"...)
	case TypeRegex:
		p, o := v.Regex()
		return fmt.Appendf(dst, "/%s/%s", p, o)
	case TypeCode:
		return append(dst, v.Str()...)
	case TypeCodeWithScope:
		code, scope := v.CodeWithScope()
		return fmt.Appendf(dst, "CodeWScope( %s, %s)", code, scope.Shell())
	case TypeDBPointer:
		return append(dst, "DBRef"...)
	case TypeInt32, TypeInt64:
		return strconv.AppendInt(dst, v.integer(), 10)
	case TypeTimestamp:
		return fmt.Appendf(dst, "Timestamp(%d, %d)", v.Timestamp()>>32, uint32(v.Timestamp()))
	case TypeDecimal128:
		return append(dst, v.Decimal128().String()...)
	case TypeMinKey:
		return append(dst, "MinKey"...)
	case TypeMaxKey:
		return append(dst, "MaxKey"...)
	case TypeUndefined:
		return append(dst, "undefined"...)
	}
	return append(dst, "MISSING"...)
}

var shellEscapes = strings.NewReplacer(`"`, `\"`, `\`, `\\`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "\b", `\b`, "\f", `\f`)

// appendShellDouble writes at least one digit behind the point and at most 16 significant ones.
func appendShellDouble(dst []byte, f float64) []byte {
	switch {
	case f != f:
		return append(dst, "nan.0"...)
	case math.IsInf(f, 0):
		return append(dst, strings.TrimPrefix(strings.ToLower(strconv.FormatFloat(f, 'g', -1, 64)), "+")+".0"...)
	}
	s := strconv.FormatFloat(f, 'g', 16, 64)
	if !strings.Contains(s, ".") { // 1e+20.0 as well, as mongod has it
		s += ".0"
	}
	return append(dst, s...)
}

func appendShellBinary(dst []byte, v Value) []byte {
	subtype, data := v.Binary()
	if subtype == 4 && len(data) == 16 {
		return fmt.Appendf(dst, "UUID(\"%x-%x-%x-%x-%x\")", data[:4], data[4:6], data[6:8], data[8:10], data[10:])
	}
	return fmt.Appendf(dst, "BinData(%d, %s)", subtype, strings.ToUpper(hex.EncodeToString(data)))
}
