package document

import (
	"bytes"
	"cmp"
	"encoding/binary"
)

// Collator compares strings in another way than by their bytes. A nil Collator, wherever one is taken, stands for bytes.
type Collator interface {
	Compare(a, b string) int
	// AppendKey appends bytes that compare, as bytes, as the strings do.
	AppendKey(dst []byte, s string) []byte
	// Same reports whether another one, which is not nil, compares alike.
	Same(other Collator) bool
}

// SameCollator reports whether two collators, either of which may be nil, compare alike.
func SameCollator(a, b Collator) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Same(b)
}

// CompareWith is [Compare] with strings, also those in documents and arrays, compared by c. Names of fields are compared as ever.
func CompareWith(c Collator, a, b Value) int {
	if c == nil {
		return Compare(a, b)
	}
	if order := cmp.Compare(a.Type.Order(), b.Type.Order()); order != 0 {
		return order
	}
	switch a.Type {
	case TypeString, TypeSymbol:
		return c.Compare(a.Str(), b.Str())
	case TypeDocument:
		return compareDocsWith(c, Doc(a.Data), Doc(b.Data), true)
	case TypeArray:
		return compareDocsWith(c, Doc(a.Data), Doc(b.Data), false)
	}
	return Compare(a, b)
}

func compareDocsWith(c Collator, a, b Doc, named bool) int {
	ia, ib := a.Iter(), b.Iter()
	for {
		na, nb := ia.Next(), ib.Next()
		if !na || !nb {
			return boolCompare(na, nb)
		}
		if named {
			order := cmp.Or(cmp.Compare(ia.val.Type.Order(), ib.val.Type.Order()), bytes.Compare(ia.key, ib.key))
			if order != 0 {
				return order
			}
		}
		if order := CompareWith(c, ia.val, ib.val); order != 0 {
			return order
		}
	}
}

// EqualWith is [Equal] with strings compared by c.
func EqualWith(c Collator, a, b Value) bool { return CompareWith(c, a, b) == 0 }

// Collated returns v with each string in it replaced by its key: such values compare by [Compare] as the originals do by
// [CompareWith]. It is v itself if c is nil or there is no string.
func Collated(c Collator, v Value) Value {
	if c == nil || !Collatable(v) {
		return v
	}
	dst, _ := appendCollated(nil, c, v, 0)
	if v.Type == TypeSymbol {
		v.Type = TypeString
	}
	return Value{Type: v.Type, Data: dst}
}

// Collatable reports whether values of v's type compare differently by different collators.
func Collatable(v Value) bool {
	switch v.Type {
	case TypeString, TypeSymbol, TypeDocument, TypeArray:
		return true
	}
	return false
}

// appendCollated appends the bytes of v with its strings replaced.
func appendCollated(dst []byte, c Collator, v Value, depth int) ([]byte, Type) {
	at := len(dst)
	switch {
	case v.Type == TypeString || v.Type == TypeSymbol:
		dst = c.AppendKey(append(dst, 0, 0, 0, 0), v.Str())
		dst = append(dst, 0)
		binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at-4))
		return dst, TypeString
	case (v.Type == TypeDocument || v.Type == TypeArray) && depth < 2*MaxDepth:
		dst = append(dst, 0, 0, 0, 0)
		for it := Doc(v.Data).Iter(); it.Next(); {
			tag := len(dst)
			dst = append(append(append(dst, 0), it.key...), 0)
			var t Type
			dst, t = appendCollated(dst, c, it.val, depth+1)
			dst[tag] = byte(t)
		}
		dst = append(dst, 0)
		binary.LittleEndian.PutUint32(dst[at:], uint32(len(dst)-at))
		return dst, v.Type
	}
	return append(dst, v.Data...), v.Type
}
