package engine

import (
	"encoding/binary"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// annotated is a source that knows more of a document than its fields.
type annotated interface {
	// known returns what is known of the document that next returned last.
	known() *expr.Meta
}

// metaOf returns what a source knows of its current document; nil for nothing.
func metaOf(src source) *expr.Meta {
	if a, ok := src.(annotated); ok {
		return a.known()
	}
	return nil
}

// keyed is a source that reads an index.
type keyed interface {
	// entryKey returns the key of the entry that led to doc, which next returned last, as a document; missing if none did.
	entryKey(doc document.Doc) document.Value
}

// Meta returns what is known, beside its fields, of the document that Next returned last.
func (it *Iterator) Meta() *expr.Meta {
	if it.sorted == nil {
		it.noted = it.note()
	}
	return &it.noted
}

// note returns what is known of the document that the source is at.
func (it *Iterator) note() (m expr.Meta) {
	if known := metaOf(it.src); known != nil {
		m = *known
	}
	if it.wants.record {
		m.Record = int64(it.rid)
	}
	if src, ok := it.src.(keyed); ok && it.wants.key {
		m.IndexKey = src.entryKey(it.at)
	}
	return m
}

// annotation returns what is to be kept with a document that is sorted; nil for nothing.
func (it *Iterator) annotation() *expr.Meta {
	if metaOf(it.src) == nil && !it.wants.record && !it.wants.key {
		return nil
	}
	return it.Meta()
}

// wanted is what is to be known of documents beside their fields.
type wanted struct{ record, key, sortKey bool }

// want notes that a $meta is about name. It refuses what is not known of what the filter finds.
func (it *Iterator) want(name string, filter *query.Filter) error {
	switch name {
	case expr.RecordID:
		it.wants.record = true
	case expr.IndexKey:
		it.wants.key = true
	case expr.SortKey:
		if it.order == nil || len(it.order.Fields()) == 0 {
			return mongoerr.New(mongoerr.BadValue, "cannot use sortKey $meta projection without a sort")
		}
		it.wants.sortKey = true
	}
	return query.CheckMeta(name, filter)
}

// metaValue returns what $meta calls name of the document that is projected.
func (it *Iterator) metaValue(name string) document.Value {
	if name == expr.SortKey {
		return it.sortKey()
	}
	return it.Meta().Value(name)
}

// sortKey returns the current document's sort key, as an array.
func (it *Iterator) sortKey() document.Value {
	key, err := it.order.AppendKeyOf(nil, it.current, it.Meta())
	if err != nil {
		return document.Value{}
	}
	var b document.ArrayBuilder
	for _, v := range key {
		b.Append(v)
	}
	return b.FinishValue()
}

// keyOnly makes what find with returnKey returns: the key of the index, and with it only the sort key, if the projection asks for it.
func (it *Iterator) keyOnly() document.Doc {
	b := document.NewBuilder(it.out[:0])
	if key := it.Meta().IndexKey.Doc(); key != nil {
		for f := key.Iter(); f.Next(); {
			b.AppendValue(f.Key(), f.Value())
		}
	}
	if it.wants.sortKey {
		for f := it.spec.Projection.Iter(); f.Next(); {
			if f.Value().Doc().Lookup("$meta").Str() == expr.SortKey {
				b.AppendValue(f.Key(), it.sortKey())
			}
		}
	}
	it.out = b.FinishBuffer()
	return it.out
}

// appendRecordID appends a document with its record's number as last field.
func appendRecordID(dst []byte, doc document.Doc, m *expr.Meta) document.Doc {
	dst = append(dst, doc[:len(doc)-1]...)
	dst = append(append(dst, byte(document.TypeInt64)), "$recordId\x00"...)
	dst = append(binary.LittleEndian.AppendUint64(dst, uint64(m.Record)), 0)
	binary.LittleEndian.PutUint32(dst, uint32(len(dst)))
	return dst
}

// Written behind a document that is sorted, what is known of it is a document, too, or nothing.

var metaNames = []string{expr.TextScore, expr.NearDistance, expr.NearPlace, expr.RecordID, expr.IndexKey}

func appendMeta(dst []byte, m *expr.Meta) []byte {
	if m == nil {
		return dst
	}
	b, any := document.NewBuilder(dst), false
	for _, name := range metaNames {
		if v := m.Value(name); !v.IsMissing() {
			b.AppendValue(name, v)
			any = true
		}
	}
	if !any {
		return dst
	}
	return b.Finish()
}

func readMeta(b []byte) (m expr.Meta) {
	if len(b) == 0 {
		return m
	}
	d := document.Doc(b)
	m.TextScore, m.HasText = d.Lookup(expr.TextScore).AsFloat64()
	m.Distance, _ = d.Lookup(expr.NearDistance).AsFloat64()
	m.Place, m.IndexKey = d.Lookup(expr.NearPlace), d.Lookup(expr.IndexKey)
	m.Record, _ = d.Lookup(expr.RecordID).AsInt64()
	return m
}

// entryKey implements keyed.
func (s *pointSource) entryKey(document.Doc) document.Value {
	if s.coll.Clustered {
		return document.Value{}
	}
	var b document.Builder
	b.AppendValue("_id", s.id)
	return b.Finish().AsValue()
}

// entryKey implements keyed.
func (s *indexSource) entryKey(doc document.Doc) document.Value {
	if s.scan == nil || s.entryScan.coll.Clustered && s.index == s.entryScan.coll.Indexes[0] {
		return document.Value{}
	}
	var b document.Builder
	var r keys.Reader
	r.Read(&s.index.Pattern, s.key(), s.scan.value())
	for _, path := range s.paths {
		v, known, err := r.Next()
		if err != nil {
			return document.Value{}
		}
		if !known && s.index.Ordered() { // the entry does not tell what kind of number it is
			v, _ = s.index.nextValue(doc, path, keys.AppendValue(nil, v))
		}
		if v.IsMissing() {
			v = document.Null
		}
		b.AppendValue(path, v)
	}
	return b.Finish().AsValue()
}

// entryKey implements keyed.
func (u *unionSource) entryKey(doc document.Doc) document.Value {
	return u.branches[u.at].entryKey(doc)
}

// entryKey implements keyed.
func (m *mergeSource) entryKey(doc document.Doc) document.Value { return m.last.entryKey(doc) }
