package query

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// The o field of an oplog entry that updates a document in part, version 2 (mongod's doc_diff):
//
//	{$v: 2, diff: {d: {gone: false}, u: {changed: value}, i: {new: value}, s<name>: diff of a document or array}}
//
// The sections come in this order and only if they are not empty. What i holds goes to the end, also if a field of that name was
// elsewhere before. The diff of an array is {a: true, l: new length if shorter, u<index>: value, s<index>: diff}; positions
// beyond the end are filled up with null.

// Diff returns the change from old to updated, which comes from this update, as mongod logs it: values that operators have set are
// whole, and only paths on the way to them are taken apart. Nil if the change has to be logged as the whole updated document:
// for a replacement, and if a field that changes is there more than once.
func (u *Update) Diff(old, updated document.Doc) document.Doc {
	switch {
	case u.replacement != nil:
		return nil
	case u.isPipeline:
		return Diff(old, updated)
	}
	return newDiff(old, updated, u.root)
}

// Diff returns the smallest change from old to updated that can be described; nil if it cannot (a field that changes is there more
// than once) or is not smaller than updated itself.
func Diff(old, updated document.Doc) document.Doc {
	d := newDiff(old, updated, nil)
	if len(d) >= len(updated) {
		return nil
	}
	return d
}

func newDiff(old, updated document.Doc, n *updateNode) document.Doc {
	dst := appendElement(make([]byte, 4, 128), "$v", document.Int32(2))
	dst, ok := appendDiff(appendKey(dst, document.TypeDocument, "diff"), old, updated, n)
	if !ok {
		return nil
	}
	return endDoc(dst, 0)
}

type changeKind uint8

const (
	fieldGone changeKind = iota
	fieldChanged
	fieldNew
	fieldInside // changed in part
	fieldMoved  // gone from its place, but new at the end
)

// change is what became of one field.
type change struct {
	kind  changeKind
	name  string
	value document.Value // new value
	diff  []byte         // of fieldInside
}

// appendDiff appends the diff of two documents. n is the part of the update that made the change; nil if that is not known.
func appendDiff(dst []byte, old, updated document.Doc, n *updateNode) ([]byte, bool) {
	changes, ok := compareFields(old, updated, n)
	if !ok || !describable(old, changes) {
		return nil, false
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	dst = appendSection(dst, "d", changes, fieldGone)
	dst = appendSection(dst, "u", changes, fieldChanged)
	dst = appendSection(dst, "i", changes, fieldNew)
	for _, c := range changes {
		if c.kind == fieldInside {
			dst = append(appendKey(dst, document.TypeDocument, "s"+c.name), c.diff...)
		}
	}
	return endDoc(dst, at), true
}

// compareFields goes through both documents together. Where the names differ, the old field is gone; what is left of the updated
// document at the end is new, even if some of it was there before, in another place.
func compareFields(old, updated document.Doc, n *updateNode) (changes []change, ok bool) {
	o, u := old.Iter(), updated.Iter()
	hasOld, hasUpdated := o.Next(), u.Next()
	for ; hasOld && hasUpdated; hasOld = o.Next() {
		if o.Key() != u.Key() {
			changes = append(changes, change{kind: fieldGone, name: o.Key()})
			continue
		}
		if !document.Identical(o.Value(), u.Value()) {
			c, ok := changed(o.Key(), o.Value(), u.Value(), n.below(o.Key()))
			if !ok {
				return nil, false
			}
			changes = append(changes, c)
		}
		hasUpdated = u.Next()
	}
	for ; hasOld; hasOld = o.Next() {
		changes = append(changes, change{kind: fieldGone, name: o.Key()})
	}
	for ; hasUpdated; hasUpdated = u.Next() {
		changes = append(changes, change{kind: fieldNew, name: u.Key(), value: u.Value()})
	}
	return changes, true
}

// below returns the part of the update that concerns a field; nil if that cannot be told.
func (n *updateNode) below(name string) *updateNode {
	if n == nil || n.positional != nil || len(n.elements) > 0 {
		return nil
	}
	return n.child(name)
}

// changed describes the change of one value.
func changed(name string, old, updated document.Value, n *updateNode) (change, bool) {
	whole := change{kind: fieldChanged, name: name, value: updated}
	var diff []byte
	ok := true
	switch {
	case old.Type != updated.Type || old.Doc() == nil:
		return whole, true
	case n != nil && n.leaf != nil && !n.leaf.appends():
		return whole, true
	case old.Type == document.TypeArray:
		if n != nil && len(n.elements) > 0 && countChanged(old.Doc(), updated.Doc()) > 1 {
			return whole, true
		}
		diff, ok = appendArrayDiff(nil, old.Doc(), updated.Doc(), n)
	default:
		diff, ok = appendDiff(nil, old.Doc(), updated.Doc(), n)
	}
	if !ok {
		return whole, true // a name that comes twice inside
	}
	if n == nil && len(diff) >= len(updated.Data) {
		return whole, true
	}
	return change{kind: fieldInside, name: name, diff: diff}, true
}

// appends reports whether the operator only adds elements to the end of an array, which is logged as such.
func (l *updateLeaf) appends() bool {
	op, isPush := l.op.(*push)
	return isPush && op.appends()
}

func countChanged(old, updated document.Doc) int {
	n := 0
	o, u := old.Iter(), updated.Iter()
	for o.Next() && u.Next() {
		if !document.Identical(o.Value(), u.Value()) {
			n++
		}
	}
	return n
}

// appendArrayDiff appends the diff of two arrays.
func appendArrayDiff(dst []byte, old, updated document.Doc, n *updateNode) ([]byte, bool) {
	at := len(dst)
	dst = appendElement(append(dst, 0, 0, 0, 0), "a", document.Bool(true))
	size := updated.Len()
	if size < old.Len() {
		dst = appendElement(dst, "l", document.Int32(int32(size)))
	}
	o, u := old.Iter(), updated.Iter()
	for i := 0; u.Next(); i++ {
		name := document.Index(i)
		if u.Key() != name {
			return nil, false
		}
		switch {
		case !o.Next():
			if n == nil || u.Value().Type != document.TypeNull || i == size-1 { // the rest is filled up by itself
				dst = appendElement(dst, "u"+name, u.Value())
			}
		case !document.Identical(o.Value(), u.Value()):
			c, ok := changed(name, o.Value(), u.Value(), n.below(name))
			if !ok {
				return nil, false
			}
			if c.kind == fieldInside {
				dst = append(appendKey(dst, document.TypeDocument, "s"+name), c.diff...)
			} else {
				dst = appendElement(dst, "u"+name, c.value)
			}
		}
	}
	return endDoc(dst, at), true
}

func appendSection(dst []byte, name string, changes []change, kind changeKind) []byte {
	if !slices.ContainsFunc(changes, func(c change) bool { return c.kind == kind }) {
		return dst
	}
	dst = appendKey(dst, document.TypeDocument, name)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for _, c := range changes {
		switch {
		case c.kind != kind:
		case kind == fieldGone:
			dst = appendElement(dst, c.name, document.Value{Type: document.TypeBool, Data: falseByte})
		default:
			dst = appendElement(dst, c.name, c.value)
		}
	}
	return endDoc(dst, at)
}

var falseByte = []byte{0}

// describable marks the fields that have moved, and reports whether their names tell the fields that change from all others.
func describable(old document.Doc, changes []change) bool {
	var space [8]changedName
	names := changedNames(space[:0], changes)
	for _, n := range names {
		if n.inPlace+n.gone > 1 || n.inPlace > 0 && n.isNew {
			return false
		}
	}
	for it := old.Iter(); it.Next(); {
		if n := findChanged(names, it.Key()); n != nil {
			n.inOld++
		}
	}
	for _, n := range names {
		if n.inOld != n.inPlace+n.gone {
			return false
		}
	}
	for i := range changes {
		if c := &changes[i]; c.kind == fieldGone && findChanged(names, c.name).isNew {
			c.kind = fieldMoved
		}
	}
	return true
}

// changedName is what happens to the fields of one name.
type changedName struct {
	name                 string
	inPlace, gone, inOld int
	isNew                bool
}

func changedNames(names []changedName, changes []change) []changedName {
	for _, c := range changes {
		names = append(names, changedName{name: c.name})
	}
	slices.SortFunc(names, func(a, b changedName) int { return strings.Compare(a.name, b.name) })
	names = slices.CompactFunc(names, func(a, b changedName) bool { return a.name == b.name })
	for _, c := range changes {
		n := findChanged(names, c.name)
		switch c.kind {
		case fieldGone:
			n.gone++
		case fieldNew:
			n.isNew = true
		default:
			n.inPlace++
		}
	}
	return names
}

func findChanged(names []changedName, name string) *changedName {
	if len(names) == 1 { // most updates
		if names[0].name == name {
			return &names[0]
		}
		return nil
	}
	i, found := slices.BinarySearchFunc(names, name, func(n changedName, name string) int { return strings.Compare(n.name, name) })
	if !found {
		return nil
	}
	return &names[i]
}
