package keys

import (
	"crypto/md5"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// KindHashed is the kind of a field whose entries have a hash in the place of the value, so that they are spread evenly.
const KindHashed = "hashed"

// Hash returns mongod's hash of a value, which is the key that a hashed index has for it, and by which data is spread over shards: the
// first 8 bytes of an MD5 over a seed of zero and the value. A number is hashed as the whole number that is left when its fraction is cut off.
// A missing value is hashed as null.
func Hash(v document.Value) int64 {
	if v.IsMissing() {
		v = document.Null
	}
	h := hasher{md5: md5.New()}
	h.int32(0) // the seed
	h.value(v)
	return int64(binary.LittleEndian.Uint64(h.md5.Sum(h.space[:0])))
}

type hasher struct {
	md5   hash.Hash
	space [md5.Size]byte
}

func (h *hasher) int32(n int32) {
	binary.LittleEndian.PutUint32(h.space[:], uint32(n))
	h.md5.Write(h.space[:4])
}

func (h *hasher) int64(n int64) {
	binary.LittleEndian.PutUint64(h.space[:], uint64(n))
	h.md5.Write(h.space[:8])
}

// field hashes a field of a document or an element of an array, with its name.
func (h *hasher) field(e document.Element) {
	h.int32(int32(e.Type.Order()))
	h.md5.Write([]byte(e.Key))
	h.md5.Write([]byte{0})
	h.body(e.Value)
}

func (h *hasher) value(v document.Value) {
	h.int32(int32(v.Type.Order()))
	h.body(v)
}

func (h *hasher) body(v document.Value) {
	switch {
	case v.IsNumber():
		h.int64(hashedNumber(v))
	case v.Type == document.TypeDocument || v.Type == document.TypeArray:
		h.members(document.Doc(v.Data))
	case v.Type == document.TypeCodeWithScope:
		code, scope := v.CodeWithScope()
		h.md5.Write([]byte(code))
		h.md5.Write([]byte{0})
		h.members(scope)
	default:
		h.md5.Write(v.Data)
	}
}

// members hashes the fields of a document, and its end as if it were a field without name and value.
func (h *hasher) members(d document.Doc) {
	for it := d.Iter(); it.Next(); {
		h.field(it.Element())
	}
	h.int32(0)
}

// hashedNumber returns a number without its fraction, as near as an int64 comes. 2^63 as a double is the lowest int64: mongod once
// left it to the processor, and hashes must stay.
func hashedNumber(v document.Value) int64 {
	if v.Type == document.TypeDouble && v.Double() == -math.MinInt64 {
		return math.MinInt64
	}
	n, _ := v.ToInt64()
	return n
}

// checkHashed refuses what cannot be together with hashed fields.
func (p *Pattern) checkHashed(key document.Doc) error {
	n := 0
	for _, f := range p.Fields {
		if f.Kind == KindHashed {
			n++
		}
	}
	p.hashed = n > 0
	if n > 1 {
		return &Error{Code: CodeTooManyHashed, Message: fmt.Sprintf("A maximum of one index field is allowed to be hashed but found %d for 'key' %s", n, key.Shell())}
	}
	return nil
}

// Hashed reports whether a field of the index is hashed.
func (p *Pattern) Hashed() bool { return p.hashed }

// arrayInHashed returns the error for an index with a hashed field that met an array, in whichever field.
func (p *Pattern) arrayInHashed(doc document.Doc) error {
	i := slices.IndexFunc(p.Fields, func(f Field) bool {
		v, _ := lookup(doc, f.Path)
		return v.Type == document.TypeArray
	})
	path := p.Fields[i].Path
	_, rest := lookup(doc, path)
	path = strings.TrimSuffix(path[:len(path)-len(rest)], ".")
	return &Error{Code: CodeArrayInHashed, Message: "Error: hashed indexes do not currently support array values. Found array at path: " + path}
}
