package keys

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
)

// Plugin makes the entries of an index that has more, or other, entries for a document than the values of its fields: words of a text, cells of the
// earth, paths. It is a pure function of the document and of what it was compiled from.
type Plugin interface {
	// Tuples calls add with the values of each entry of doc: one for each field of the pattern, missing standing for null. The slice and what its values
	// point to may be used again after add returns. Tuples may repeat; entries do not. Multikey is as in [Entries]; the error is an [*Error].
	Tuples(doc document.Doc, add func(values []document.Value)) (multikey uint32, err error)
}

// KindOf returns the kind of an index with this key document: its first field's that names one, or "" if all are ordered.
func KindOf(key document.Doc) string {
	for it := key.Iter(); it.Next(); {
		if v := it.Value(); v.Type == document.TypeString {
			return v.Str()
		}
	}
	return ""
}

// appendTuples adds the entries that the plugin makes.
func (ix *Index) appendTuples(dst *Entries, doc document.Doc, rid uint64) error {
	multikey, err := ix.Plugin.Tuples(doc, func(values []document.Value) {
		dst.buf = AppendIndexPrefix(dst.buf, ix.Number)
		for i, v := range values {
			if v.IsMissing() {
				v = document.Null
			}
			dst.buf = ix.AppendValue(dst.buf, i, v)
		}
		dst.notes = append(dst.notes, slices.Repeat([]byte{noteLost}, len(values))...)
		ix.endEntry(dst, rid)
	})
	dst.Multikey |= multikey
	return err
}
