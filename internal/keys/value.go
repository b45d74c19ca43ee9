package keys

import (
	"bytes"
	"encoding/binary"

	"github.com/mortondb/morton/internal/document"
)

// Tags of encoded values: the order of types, [document.Type.Order]. The tags of numbers are in number.go.
const (
	tagMinKey     = 0x10
	tagUndefined  = 0x14
	tagNull       = 0x18
	tagNumber     = 0x20 // to 0x37
	tagString     = 0x40
	tagDocument   = 0x44
	tagArray      = 0x48
	tagBinary     = 0x4c
	tagObjectID   = 0x50
	tagFalse      = 0x54
	tagTrue       = 0x55
	tagDate       = 0x58
	tagTimestamp  = 0x5c
	tagRegex      = 0x60
	tagDBPointer  = 0x64
	tagCode       = 0x68
	tagCodeScope  = 0x6c
	tagUnknown    = 0x74
	tagMaxKey     = 0x78
	tagEnd        = 0x00 // ends a document's fields, an array's values and escaped text
	tagDescending = 0x80 // set in the tag of an inverted value
)

// AppendValue appends the encoding of v, whose byte order is that of [document.Compare]. A missing value is encoded as
// undefined, with which it compares equal; an index entry for a missing field holds null instead ([Index.AppendEntries]).
func AppendValue(dst []byte, v document.Value) []byte {
	switch v.Type {
	case document.TypeDocument, document.TypeArray, document.TypeCodeWithScope:
		return appendNested(dst, v)
	}
	return appendScalar(dst, v)
}

func appendScalar(dst []byte, v document.Value) []byte {
	switch v.Type {
	case document.TypeInt32:
		return appendInt(dst, int64(v.Int32()))
	case document.TypeInt64:
		return appendInt(dst, v.Int64())
	case document.TypeObjectID:
		return append(append(dst, tagObjectID), v.Data...)
	case document.TypeString, document.TypeSymbol:
		return appendEscaped(append(dst, tagString), body(v))
	case document.TypeDouble:
		return appendDouble(dst, v.Double())
	case document.TypeDate:
		return binary.BigEndian.AppendUint64(append(dst, tagDate), uint64(v.Int64())^(1<<63))
	case document.TypeDecimal128:
		return appendDecimal128(dst, v)
	case document.TypeBinary:
		return appendBinary(append(dst, tagBinary), v.Data)
	case document.TypeBool:
		if v.Bool() {
			return append(dst, tagTrue)
		}
		return append(dst, tagFalse)
	case document.TypeTimestamp:
		return binary.BigEndian.AppendUint64(append(dst, tagTimestamp), v.Timestamp())
	case document.TypeRegex:
		return appendRegex(append(dst, tagRegex), v.Data)
	case document.TypeDBPointer:
		return append(appendLength(append(dst, tagDBPointer), len(v.Data)), v.Data...)
	case document.TypeCode:
		return appendEscaped(append(dst, tagCode), body(v))
	}
	return append(dst, typeTag(v.Type))
}

// frame is a document or an array that is being encoded.
type frame struct {
	it    document.Iter
	named bool // its fields have names
}

// appendNested keeps its own stack. Recursion would make the compiler move every caller's buffer to the heap.
func appendNested(dst []byte, v document.Value) []byte {
	var space [4]frame
	dst, top := openFrame(dst, v)
	stack := append(space[:0], top)
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if !top.it.Next() {
			dst = append(dst, tagEnd)
			stack = stack[:len(stack)-1]
			continue
		}
		v := top.it.Value()
		if top.named {
			dst = append(dst, typeTag(v.Type))
			dst = appendEscapedString(dst, top.it.Key())
		}
		switch v.Type {
		case document.TypeDocument, document.TypeArray, document.TypeCodeWithScope:
			var inner frame
			dst, inner = openFrame(dst, v)
			stack = append(stack, inner)
		default:
			dst = appendScalar(dst, v)
		}
	}
	return dst
}

func openFrame(dst []byte, v document.Value) ([]byte, frame) {
	switch v.Type {
	case document.TypeDocument:
		return append(dst, tagDocument), frame{it: document.Doc(v.Data).Iter(), named: true}
	case document.TypeArray:
		return append(dst, tagArray), frame{it: document.Doc(v.Data).Iter()}
	}
	code, scope := v.CodeWithScope()
	return appendEscapedString(append(dst, tagCodeScope), code), frame{it: scope.Iter(), named: true}
}

// AppendDescending appends the encoding of v for a descending field: larger values first.
func AppendDescending(dst []byte, v document.Value) []byte {
	start := len(dst)
	dst = AppendValue(dst, v)
	invert(dst[start:])
	return dst
}

func invert(b []byte) {
	for i := range b {
		b[i] = ^b[i]
	}
}

// typeTag returns the first tag of t's values: one for all types that compare with each other.
func typeTag(t document.Type) byte {
	switch t {
	case document.TypeMinKey:
		return tagMinKey
	case document.TypeMissing, document.TypeUndefined:
		return tagUndefined
	case document.TypeNull:
		return tagNull
	case document.TypeDouble, document.TypeInt32, document.TypeInt64, document.TypeDecimal128:
		return tagNumber
	case document.TypeString, document.TypeSymbol:
		return tagString
	case document.TypeDocument:
		return tagDocument
	case document.TypeArray:
		return tagArray
	case document.TypeBinary:
		return tagBinary
	case document.TypeObjectID:
		return tagObjectID
	case document.TypeBool:
		return tagFalse
	case document.TypeDate:
		return tagDate
	case document.TypeTimestamp:
		return tagTimestamp
	case document.TypeRegex:
		return tagRegex
	case document.TypeDBPointer:
		return tagDBPointer
	case document.TypeCode:
		return tagCode
	case document.TypeCodeWithScope:
		return tagCodeScope
	case document.TypeMaxKey:
		return tagMaxKey
	}
	return tagUnknown
}

// body returns the text of a string-like value without its length and zero.
func body(v document.Value) []byte {
	if len(v.Data) < 5 {
		return nil
	}
	return v.Data[4 : len(v.Data)-1]
}

// appendBinary encodes shorter data first, as MongoDB orders them, and the subtype before the bytes.
func appendBinary(dst, data []byte) []byte {
	if len(data) < 5 {
		return appendLength(dst, 0)
	}
	return append(appendLength(dst, len(data)-4), data[4:]...)
}

func appendRegex(dst, data []byte) []byte {
	pattern, rest, _ := bytes.Cut(data, []byte{0})
	options, _, _ := bytes.Cut(rest, []byte{0})
	return appendEscaped(appendEscaped(dst, pattern), options)
}

// appendEscaped appends text so that no encoding is a prefix of another and the order of bytes stays.
func appendEscaped(dst, text []byte) []byte {
	if bytes.IndexByte(text, 0) < 0 && bytes.IndexByte(text, 1) < 0 {
		return append(append(dst, text...), tagEnd)
	}
	for _, c := range text {
		if c <= 1 {
			dst = append(dst, 1)
			c++
		}
		dst = append(dst, c)
	}
	return append(dst, tagEnd)
}

func appendEscapedString(dst []byte, text string) []byte {
	for i := range len(text) {
		c := text[i]
		if c <= 1 {
			dst = append(dst, 1)
			c++
		}
		dst = append(dst, c)
	}
	return append(dst, tagEnd)
}

func appendLength(dst []byte, n int) []byte {
	if n < 0xff {
		return append(dst, byte(n))
	}
	return binary.BigEndian.AppendUint32(append(dst, 0xff), uint32(n))
}
