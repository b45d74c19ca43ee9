package command

import (
	"context"
	"encoding/binary"
	"math"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

type distinctArgs struct {
	key              string
	query, collation document.Doc
}

var distinctFields = newSchema("distinct",
	text("key", func(a *distinctArgs) *string { return &a.key }).require(),
	object("query", func(a *distinctArgs) *document.Doc { return &a.query }),
	collation(object("collation", func(a *distinctArgs) *document.Doc { return &a.collation }), func(a *distinctArgs) *document.Doc { return &a.collation }),
).on(mongoerr.InvalidNamespace)

func runDistinct(ctx context.Context, o *operation, a *distinctArgs) error {
	distinct := o.openDistinct
	c, err := o.collator(a.collation)
	if o.piped = o.d.engine.IsView(o.ns); o.piped {
		distinct, c, err = o.distinctInView, o.d.engine.ViewCollator(o.ns), nil
	}
	if err != nil {
		return err
	}
	set := distinctSet{seen: map[string]struct{}{}, collator: c}
	spec := engine.FindSpec{NS: o.ns, Filter: a.query, Collation: a.collation}
	err = distinct(ctx, spec, a.key, func(list []document.Value) error {
		if c != nil {
			slices.SortStableFunc(list, document.Compare) // of a document's values that the collation takes for equal, mongod keeps the least
		}
		for _, v := range list {
			if err := set.add(v); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.SortFunc(set.values, func(a, b document.Value) int { return document.CompareWith(c, a, b) })
	o.out.OpenArray("values")
	for i, v := range set.values {
		o.out.AppendValue(document.Index(i), v)
	}
	o.out.Close()
	o.appendSnapshotTime(o.generic.read.at)
	return nil
}

// openDistinct finds the values of a path in the documents of a collection.
func (o *operation) openDistinct(ctx context.Context, spec engine.FindSpec, path string, add func([]document.Value) error) error {
	return o.openView().Distinct(ctx, spec, path, add)
}

// distinctSet is the values found so far, each once: of equal ones the first.
type distinctSet struct {
	seen     map[string]struct{}
	values   []document.Value
	size     int
	key      []byte
	collator document.Collator
}

func (s *distinctSet) add(v document.Value) error {
	s.key = appendIdentity(s.key[:0], document.Collated(s.collator, v))
	if _, again := s.seen[string(s.key)]; again {
		return nil
	}
	s.seen[string(s.key)] = struct{}{}
	s.values = append(s.values, v.Clone())
	if s.size += len(v.Data) + 8; s.size > document.MaxSize {
		return mongoerr.New(17217, "distinct too big, 16mb cap")
	}
	return nil
}

// appendIdentity appends bytes that are the same for two values if and only if they are equal to MongoDB: numbers of
// different types are, and so are strings and symbols.
func appendIdentity(dst []byte, v document.Value) []byte {
	dst = append(dst, byte(v.Type.Order()))
	switch v.Type {
	case document.TypeInt32, document.TypeInt64, document.TypeDouble, document.TypeDecimal128:
		return appendNumberIdentity(dst, v)
	case document.TypeDocument, document.TypeArray:
		for it := v.Doc().Iter(); it.Next(); {
			if v.Type == document.TypeDocument {
				dst = append(dst, it.Key()...)
			}
			dst = append(dst, 0)
			dst = appendIdentity(dst, it.Value())
		}
		return append(dst, 0xff)
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(v.Data)))
	return append(dst, v.Data...)
}

func appendNumberIdentity(dst []byte, v document.Value) []byte {
	if n, exact := v.AsInt64(); exact {
		return binary.LittleEndian.AppendUint64(append(dst, 'i'), uint64(n))
	}
	f, _ := v.AsFloat64()
	if f != f {
		return append(dst, 'n')
	}
	if v.Type != document.TypeDecimal128 || document.Compare(v, document.Double(f)) == 0 {
		return binary.LittleEndian.AppendUint64(append(dst, 'd'), math.Float64bits(f))
	}
	digits, exp, _ := v.Decimal128().BigInt()
	text := digits.String()
	for len(text) > 1 && text[len(text)-1] == '0' { // 1.10 and 1.1 are the same
		text, exp = text[:len(text)-1], exp+1
	}
	return binary.LittleEndian.AppendUint32(append(append(dst, 'D'), text...), uint32(exp))
}
