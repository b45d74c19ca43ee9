package document

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"unsafe"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// Limits of MongoDB on documents from outside.
const (
	// MaxSize is the largest document a client may store, in bytes.
	MaxSize = 16 * 1024 * 1024
	// MaxInternalSize is the largest document that may be made from one of MaxSize, in bytes (commands, oplog entries, replies).
	MaxInternalSize = MaxSize + 16*1024
	// MaxDepth is the deepest nesting accepted from outside (mongod's BSONDepth default).
	MaxDepth = 200
	// MaxStoredDepth is the deepest nesting of a document that is stored (mongod's BSONDepth::getMaxDepthForUserStorage).
	MaxStoredDepth = MaxDepth - 20
)

// Doc is the bytes of one BSON document: int32 length, elements, zero. The zero value is no document.
type Doc []byte

// Empty is a document without fields. It must not be written to.
var Empty = Doc{5, 0, 0, 0, 0}

// Element is a field of a document. Key aliases the document's bytes.
type Element struct {
	Key string
	Value
}

// Iter walks the fields of a document in order:
//
//	for it := d.Iter(); it.Next(); {
//		use(it.Key(), it.Value())
//	}
type Iter struct {
	rest []byte
	key  []byte
	val  Value
	err  error
}

// ErrCorrupt is wrapped by every error about bytes that are not BSON.
var ErrCorrupt = errors.New("invalid BSON")

// Iter returns an iterator before the first field.
func (d Doc) Iter() Iter {
	if len(d) < 5 {
		if len(d) == 0 {
			return Iter{}
		}
		return Iter{err: fmt.Errorf("%w: %d bytes are too few", ErrCorrupt, len(d))}
	}
	n := int(binary.LittleEndian.Uint32(d))
	if n < 5 || n > len(d) {
		return Iter{err: fmt.Errorf("%w: length %d of %d bytes", ErrCorrupt, n, len(d))}
	}
	return Iter{rest: d[4:n]}
}

// Next moves to the next field and reports whether there is one.
func (it *Iter) Next() bool {
	end, n := it.measure(it.rest)
	if end < 0 {
		return false
	}
	it.enter(it.rest, end, n)
	return true
}

// NextOf moves to the next field that has one of the names and returns which, or -1 when there is none. It costs half of looking at each
// field.
func (it *Iter) NextOf(names []string) int {
	for rest := it.rest; ; {
		end, n := it.measure(rest)
		if end < 0 {
			return -1
		}
		name := rest[1 : 1+end]
		for i, s := range names {
			if string(name) == s {
				it.enter(rest, end, n)
				return i
			}
		}
		rest = rest[end+2+n:]
	}
}

// measure returns how long the name and the value are of the field that rest begins with. A name of less than 0 bytes: the walk ends.
func (it *Iter) measure(rest []byte) (name, value int) {
	if len(rest) < 2 || rest[0] == 0 {
		it.rest = nil
		return -1, 0
	}
	end := nameEnd(rest[1:])
	if end < 0 {
		it.fail("field name without end")
		return -1, 0
	}
	t, body := Type(rest[0]), rest[end+2:]
	n := int(fixedLens[t])
	if n == 0 {
		n = valueLen(t, body)
	}
	if n < 0 || n > len(body) {
		it.fail("value runs past its document")
		return -1, 0
	}
	return end, n
}

// enter makes the field that rest begins with the current one.
func (it *Iter) enter(rest []byte, end, n int) {
	body := rest[end+2:]
	it.key = rest[1 : 1+end]
	it.val = Value{Type: Type(rest[0]), Data: body[:n:n]}
	it.rest = body[n:]
}

// fixedLens are the lengths of values whose type tells them, unless it is 0.
var fixedLens = func() (list [256]uint8) {
	for t := range list {
		if n := valueLen(Type(t), nil); n > 0 {
			list[t] = uint8(n)
		}
	}
	return list
}()

// nameEnd returns how long the name is that b begins with, or -1.
func nameEnd(b []byte) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	if len(b) < 8 {
		return bytes.IndexByte(b, 0)
	}
	word := binary.LittleEndian.Uint64(b)
	if zeros := (word - ones) &^ word & tops; zeros != 0 { // the lowest bit is that of the first zero byte
		return bits.TrailingZeros64(zeros) / 8
	}
	if i := bytes.IndexByte(b[8:], 0); i >= 0 {
		return 8 + i
	}
	return -1
}

func (it *Iter) fail(why string) {
	it.err = fmt.Errorf("%w: %s", ErrCorrupt, why)
	it.rest = nil
}

// Key returns the current field's name. It aliases the document.
func (it *Iter) Key() string { return unsafe.String(unsafe.SliceData(it.key), len(it.key)) }

// Value returns the current field's value. It aliases the document.
func (it *Iter) Value() Value { return it.val }

// Element returns the current field.
func (it *Iter) Element() Element { return Element{Key: it.Key(), Value: it.val} }

// Err returns why the walk ended early, or nil.
func (it *Iter) Err() error { return it.err }

// valueLen returns how many bytes a value of type t takes at the start of b, or -1 if b does not hold one.
func valueLen(t Type, b []byte) int {
	switch t {
	case TypeDouble, TypeDate, TypeTimestamp, TypeInt64:
		return 8
	case TypeString, TypeCode, TypeSymbol:
		if n := length(b); n >= 1 {
			return 4 + n
		}
	case TypeDocument, TypeArray, TypeCodeWithScope:
		if n := length(b); n >= 5 {
			return n
		}
	case TypeBinary:
		if n := length(b); n >= 0 {
			return 5 + n
		}
	case TypeObjectID:
		return 12
	case TypeBool:
		return 1
	case TypeUndefined, TypeNull, TypeMinKey, TypeMaxKey:
		return 0
	case TypeRegex:
		p := bytes.IndexByte(b, 0)
		if p < 0 {
			return -1
		}
		o := bytes.IndexByte(b[p+1:], 0)
		if o < 0 {
			return -1
		}
		return p + o + 2
	case TypeDBPointer:
		if n := length(b); n >= 1 {
			return 4 + n + 12
		}
	case TypeInt32:
		return 4
	case TypeDecimal128:
		return 16
	}
	return -1
}

// length reads a little-endian int32 length at the start of b; -1 if it is not there or makes no sense.
func length(b []byte) int {
	if len(b) < 4 {
		return -1
	}
	n := int32(binary.LittleEndian.Uint32(b))
	if n < 0 || int(n) > len(b) {
		return -1
	}
	return int(n)
}

// Depth returns how many documents are nested in d, itself included.
func (d Doc) Depth() int {
	deepest := 0
	for it := d.Iter(); it.Next(); {
		if inner := it.Value().Doc(); inner != nil {
			deepest = max(deepest, inner.Depth())
		}
	}
	return deepest + 1
}

// Len returns the number of fields.
func (d Doc) Len() int {
	n := 0
	for it := d.Iter(); it.Next(); {
		n++
	}
	return n
}

// IsEmpty reports whether d has no fields.
func (d Doc) IsEmpty() bool { return len(d) <= 5 }

// Lookup returns the value of the field called key, or a missing value.
func (d Doc) Lookup(key string) Value {
	it := d.Iter()
	names := [1]string{key}
	if it.NextOf(names[:]) < 0 {
		return Value{}
	}
	return it.val
}

// First returns the first field; its value is missing if d is empty.
func (d Doc) First() Element {
	it := d.Iter()
	if it.Next() {
		return it.Element()
	}
	return Element{}
}

// LookupPath follows a dotted path through documents and, where a part is a number, array positions. It does not
// spread over arrays as a query does; that is package query's business.
func (d Doc) LookupPath(path string) Value {
	v := Value{Type: TypeDocument, Data: d}
	for path != "" {
		part := path
		if i := strings.IndexByte(path, '.'); i >= 0 {
			part, path = path[:i], path[i+1:]
		} else {
			path = ""
		}
		if v.Type != TypeDocument && v.Type != TypeArray {
			return Value{}
		}
		v = Doc(v.Data).Lookup(part)
	}
	return v
}

// Clone returns a copy that owns its bytes.
func (d Doc) Clone() Doc { return bytes.Clone(d) }

// AsValue returns d as a value of type document.
func (d Doc) AsValue() Value { return Value{Type: TypeDocument, Data: d} }

// String returns d as relaxed Extended JSON, for messages and tests.
func (d Doc) String() string {
	if len(d) == 0 {
		return "(none)"
	}
	out, err := bson.MarshalExtJSON(bson.Raw(d), false, false)
	if err != nil {
		return fmt.Sprintf("(%v: %x)", err, []byte(d))
	}
	return string(out)
}

// FromJSON parses Extended JSON. For tests and tools.
func FromJSON(text string) (Doc, error) {
	var raw bson.Raw
	if err := bson.UnmarshalExtJSON([]byte(text), false, &raw); err != nil {
		return nil, err
	}
	return Doc(raw), nil
}

// Marshal encodes a Go value (bson.D, a struct, ...) with the official library. It is for the edges of the program,
// tests and start-up, not for work done per operation.
func Marshal(v any) (Doc, error) {
	b, err := bson.Marshal(v)
	return Doc(b), err
}

// Unmarshal decodes d into a Go value with the official library. It is for the edges, like [Marshal].
func Unmarshal(d Doc, v any) error { return bson.Unmarshal(d, v) }
