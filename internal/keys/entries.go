package keys

import (
	"bytes"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Index is what the entries of an index are made from.
type Index struct {
	Number uint32
	Pattern
	Unique bool // entries do not carry the record id, so that two documents with equal values meet at one key
	Sparse bool // documents that have none of the fields have no entry
}

// Entries holds the keys of the entries of a document, in one buffer that is used again after [Entries.Reset].
// The zero value is ready to use.
type Entries struct {
	// Multikey has bit i set if field i of the index met an array. Bounds on such a field must not be intersected.
	Multikey uint32
	Arrays   []string // of a wildcard index: the paths at which there are arrays, sorted

	buf   []byte
	ends  []int
	state []fieldState // stack of expand

	notes    []byte
	noteEnds []int
}

// Reset forgets the entries and keeps the memory.
func (e *Entries) Reset() {
	e.buf, e.ends, e.Multikey, e.Arrays = e.buf[:0], e.ends[:0], 0, nil
	e.notes, e.noteEnds = e.notes[:0], e.noteEnds[:0]
}

// Len returns the number of entries.
func (e *Entries) Len() int { return len(e.ends) }

// At returns entry i's key. It is valid until the next Reset.
func (e *Entries) At(i int) []byte {
	start := 0
	if i > 0 {
		start = e.ends[i-1]
	}
	return e.buf[start:e.ends[i]:e.ends[i]]
}

// AppendEntries adds the keys of doc's entries in the index to dst, as MongoDB makes them: a missing field is null; an
// array makes one entry for each different element, an empty one a single undefined; dotted paths go through documents and
// through the documents in arrays, and a number in a path also names an array's element. The entries are different from each
// other; those of an index that met an array are also sorted.
//
// A plugin's entries are what it says. The error is an [*Error], for fields that meet different arrays, or any if one is hashed. Dst then has no entries of the document.
func (ix *Index) AppendEntries(dst *Entries, doc document.Doc, rid uint64) error {
	first := len(dst.ends)
	if ix.Wildcard != nil {
		ix.appendPaths(dst, doc, rid)
		dst.compact(first)
		return nil
	}
	if ix.Plugin == nil && ix.appendSimple(dst, doc, rid) {
		return nil
	}
	if ix.hashed {
		return ix.arrayInHashed(doc)
	}
	expand := ix.appendExpanded
	if ix.Plugin != nil {
		expand = ix.appendTuples
	}
	if err := expand(dst, doc, rid); err != nil {
		dst.truncate(first)
		return err
	}
	dst.compact(first)
	return nil
}

// appendSimple adds the one entry of a document in which no path meets an array. If one does, it adds nothing and returns false.
func (ix *Index) appendSimple(dst *Entries, doc document.Doc, rid uint64) bool {
	start, notes, missing := len(dst.buf), len(dst.notes), 0
	buf := AppendIndexPrefix(dst.buf, ix.Number)
	for i := range ix.Fields {
		v, _ := lookup(doc, ix.Fields[i].Path)
		dst.notes = append(dst.notes, ix.noteOn(v))
		switch v.Type {
		case document.TypeArray:
			dst.buf, dst.notes = buf[:start], dst.notes[:notes]
			return false
		case document.TypeMissing:
			missing++
			v = document.Null
		}
		buf = ix.AppendValue(buf, i, v)
	}
	if ix.Sparse && missing == len(ix.Fields) {
		dst.buf, dst.notes = buf[:start], dst.notes[:notes]
		return true
	}
	dst.buf = buf
	dst.endNotes(notes)
	ix.endEntry(dst, rid)
	return true
}

// endEntry makes an entry of what was appended to dst.buf since the last one.
func (ix *Index) endEntry(dst *Entries, rid uint64) {
	if !ix.Unique {
		dst.buf = AppendRecordID(dst.buf, rid)
	}
	dst.ends = append(dst.ends, len(dst.buf))
	dst.noteEnds = append(dst.noteEnds, len(dst.notes))
}

// lookup follows path through documents up to its end or the first array, and returns what it found and what of the path is
// left.
func lookup(doc document.Doc, path string) (v document.Value, rest string) {
	for {
		part, rest, dotted := strings.Cut(path, ".")
		v := doc.Lookup(part)
		switch {
		case v.Type == document.TypeArray || !dotted:
			return v, rest
		case v.Type != document.TypeDocument:
			return document.Value{}, rest
		}
		doc, path = document.Doc(v.Data), rest
	}
}

func (e *Entries) truncate(n int) {
	end := 0
	if n > 0 {
		end = e.ends[n-1]
	}
	e.buf, e.ends = e.buf[:end], e.ends[:n]
	end = 0
	if n > 0 {
		end = e.noteEnds[n-1]
	}
	e.notes, e.noteEnds = e.notes[:end], e.noteEnds[:n]
}

// compact sorts the entries from first on and removes repeated ones.
func (e *Entries) compact(first int) {
	if len(e.ends)-first < 2 {
		return
	}
	type entry struct{ key, notes []byte }
	old := Entries{buf: bytes.Clone(e.buf), ends: e.ends, notes: bytes.Clone(e.notes), noteEnds: e.noteEnds}
	list := make([]entry, 0, len(e.ends)-first)
	for i := first; i < len(e.ends); i++ {
		list = append(list, entry{old.At(i), old.NotesAt(i)})
	}
	slices.SortStableFunc(list, func(a, b entry) int { return bytes.Compare(a.key, b.key) })
	list = slices.CompactFunc(list, func(a, b entry) bool { return bytes.Equal(a.key, b.key) })
	e.truncate(first)
	for _, n := range list {
		e.buf = append(e.buf, n.key...)
		e.ends = append(e.ends, len(e.buf))
		e.notes = append(e.notes, n.notes...)
		e.noteEnds = append(e.noteEnds, len(e.notes))
	}
}
