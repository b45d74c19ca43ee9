package keys

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// A wildcard index has an entry for each value that stands at the end of a path, with the path in front: of {a: {b: 5, c: [1, {d: 2}]}} they are
// (a.b, 5), (a.c, 1) and (a.c.d, 2). Elements of an array have the array's path. An array directly in an array is a value as it is; an empty
// document is one, too, and an empty array is an undefined value, as in an ordered index.
//
// Paths cannot tell a dot in a field's name from one between names, and no filter asks for such a field. Where a document has one, there is an entry
// with no name behind the last dot, (a., undefined), so that it is seen that there is something within a. mongod has none, and does not find the document
// by {a: {$exists: true}}.

// PathField is the name of the field of a wildcard index that has the path.
const PathField = "$_path"

// KindWildcard is the kind of the value's field: what is at the path, and not the path's value, as documents and arrays have more entries.
const KindWildcard = "wildcard"

// everyPath is how the last part of the key of a wildcard index reads.
const everyPath = "$**"

// IsWildcardPath reports whether a field of a key document stands for all paths, or for all below one.
func IsWildcardPath(path string) bool {
	return path == everyPath || strings.HasSuffix(path, "."+everyPath)
}

// IsWildcard reports whether this is the key document of a wildcard index.
func IsWildcard(key document.Doc) bool {
	first := key.First()
	return first.IsNumber() && IsWildcardPath(first.Key) && key.Len() == 1
}

// CompileWildcard compiles the key document of a wildcard index, {"$**": 1} or {"a.b.$**": 1}, with its wildcardProjection, which is empty for none. The
// error is an [*Error].
func CompileWildcard(key, projection document.Doc) (*Pattern, error) {
	path := strings.Clone(key.First().Key)
	below, deep := strings.CutSuffix(path, "."+everyPath)
	if deep {
		if err := checkPath(below); err != nil {
			return nil, err
		}
	}
	w := &Wildcard{}
	switch {
	case deep:
		w.root.set(below, true)
	case len(projection) == 0 || projection.IsEmpty():
		w.root = pathSet{others: true}
		w.root.set("_id", false)
	default:
		w.root = compileProjection(projection)
	}
	return &Pattern{Fields: []Field{{Path: PathField}, {Path: path}}, Wildcard: w}, nil
}

// Wildcard is which paths a wildcard index has.
type Wildcard struct{ root pathSet }

// pathSet is a set of paths below one: those of the fields that are named, and all others or none of them.
type pathSet struct {
	others bool
	fields map[string]*pathSet // nil: all are others
}

// compileProjection makes the set of a wildcardProjection, which has been checked: it names what is in it, or what is not. The field _id is in it only if
// it is named so.
func compileProjection(projection document.Doc) pathSet {
	root := pathSet{}
	id, inclusion, onlyID := false, false, true
	eachProjected("", projection, func(path string, on bool) {
		if path == "_id" {
			id = on
			return
		}
		inclusion, onlyID = on, false
		root.set(path, on)
	})
	inclusion = inclusion || onlyID && id
	root.others = !inclusion
	root.widen(!inclusion)
	if root.fields["_id"] == nil {
		root.set("_id", id)
	}
	return root
}

// eachProjected calls visit with each path that a projection names.
func eachProjected(prefix string, projection document.Doc, visit func(path string, on bool)) {
	for it := projection.Iter(); it.Next(); {
		if inside := it.Value().Doc(); inside != nil {
			eachProjected(prefix+it.Key()+".", inside, visit)
		} else {
			visit(strings.Clone(prefix+it.Key()), it.Value().Truthy())
		}
	}
}

// set takes a path and all below it in or out.
func (s *pathSet) set(path string, in bool) {
	for part := range strings.SplitSeq(path, ".") {
		if s.fields == nil {
			s.fields = map[string]*pathSet{}
		}
		next := s.fields[part]
		if next == nil {
			next = &pathSet{others: s.others}
			s.fields[part] = next
		}
		s = next
	}
	s.others = in
}

// widen makes others of whatever is not at the end of a path that was set.
func (s *pathSet) widen(others bool) {
	if s.fields == nil {
		return
	}
	s.others = others
	for _, next := range s.fields {
		next.widen(others)
	}
}

// field returns the set below a field.
func (s *pathSet) field(name string) *pathSet {
	if next := s.fields[name]; next != nil {
		return next
	}
	return &pathSet{others: s.others}
}

// Has reports whether the index has entries of all that a document has at a path.
func (w *Wildcard) Has(path string) bool {
	s := &w.root
	for part := range strings.SplitSeq(path, ".") {
		if part == "" {
			return false
		}
		s = s.field(part)
	}
	return s.others
}

// Same reports whether two indexes have the same paths.
func (w *Wildcard) Same(other *Wildcard) bool {
	return w.root.same(&other.root) && other.root.same(&w.root)
}

// same reports whether the sets are the same as far as s names fields.
func (s *pathSet) same(t *pathSet) bool {
	if s.others != t.others {
		return false
	}
	for name, field := range s.fields {
		if !field.same(t.field(name)) {
			return false
		}
	}
	return true
}

// Whole reports whether the index leaves nothing out of what is at a path that it has.
func (w *Wildcard) Whole(path string) bool {
	s := &w.root
	for part := range strings.SplitSeq(path, ".") {
		s = s.field(part)
	}
	return s.others && s.fields == nil
}

// appendPaths adds the entries of a document in a wildcard index.
func (ix *Index) appendPaths(dst *Entries, doc document.Doc, rid uint64) {
	walk := pathWalk{ix: ix, dst: dst, rid: rid}
	walk.document(doc, &ix.Wildcard.root)
}

// pathWalk goes through the paths of a document.
type pathWalk struct {
	ix   *Index
	dst  *Entries
	rid  uint64
	path []byte
	deep bool // the path has names
}

// document goes through the fields, and returns how many of them belong to the set.
func (w *pathWalk) document(d document.Doc, s *pathSet) (n int) {
	length, deep := len(w.path), w.deep
	for it := d.Iter(); it.Next(); {
		field := s.field(it.Key())
		if field.fields == nil && !field.others {
			continue
		}
		if deep {
			w.path = append(w.path, '.')
		}
		w.deep = true
		switch dotted := strings.Contains(it.Key(), "."); {
		case !dotted:
			w.path = append(w.path, it.Key()...)
			n += w.value(it.Value(), field)
		case deep:
			w.add(undefined)
			fallthrough
		default:
			n++
		}
		w.path, w.deep = w.path[:length], deep
	}
	return n
}

// value adds what is at the current path, and returns 1 if something of it belongs to the set.
func (w *pathWalk) value(v document.Value, s *pathSet) int {
	switch {
	case v.Type == document.TypeDocument:
		if w.document(document.Doc(v.Data), s) == 0 {
			w.add(emptyDocument)
		}
		return 1
	case v.Type == document.TypeArray:
		w.dst.noteArray(w.path)
		if w.elements(document.Doc(v.Data), s) == 0 {
			w.add(undefined)
		}
		return 1
	case s.others:
		w.add(v)
		return 1
	}
	return 0
}

func (w *pathWalk) elements(array document.Doc, s *pathSet) (n int) {
	for it := array.Iter(); it.Next(); {
		switch v := it.Value(); {
		case v.Type != document.TypeArray:
			n += w.value(v, s)
		case s.others:
			w.add(v)
			n++
		}
	}
	return n
}

var (
	undefined     = document.Value{Type: document.TypeUndefined}
	emptyDocument = document.Empty.AsValue()
)

// add adds the entry of a value at the current path. A path is never compared by a collation.
func (w *pathWalk) add(v document.Value) {
	buf := AppendIndexPrefix(w.dst.buf, w.ix.Number)
	buf = appendEscaped(append(buf, tagString), w.path)
	w.dst.buf = w.ix.AppendValue(buf, 1, v)
	w.dst.notes = append(w.dst.notes, noteNothing, w.ix.noteOn(v))
	w.ix.endEntry(w.dst, w.rid)
}

// noteArray notes that there is an array at a path.
func (e *Entries) noteArray(path []byte) {
	if i, found := slices.BinarySearch(e.Arrays, string(path)); !found {
		e.Arrays = slices.Insert(e.Arrays, i, string(path))
	}
}
