package query

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Insert returns the document that an upsert inserts when nothing matched: the filter's equalities, then the update, _id first.
func (u *Update) Insert(env Env) (document.Doc, error) {
	equalities, err := u.equalities()
	if err != nil {
		return nil, err
	}
	doc, err := u.run(equalities, env, true)
	if err != nil {
		return nil, err
	}
	doc, err = withIDFirst(doc, env.ID)
	if err == nil && len(doc) > document.MaxSize {
		err = mongoerr.New(17420, "Document to upsert is larger than %d", document.MaxSize)
	}
	return doc, err
}

// withIDFirst returns doc with its _id in front, and with a new one if it has none.
func withIDFirst(doc document.Doc, newID document.ObjectID) (document.Doc, error) {
	id := doc.Lookup("_id")
	switch id.Type {
	case document.TypeMissing:
		id = document.OID(newID)
	case document.TypeArray, document.TypeRegex, document.TypeUndefined:
		return nil, mongoerr.New(mongoerr.InvalidIdField, "The '_id' value cannot be of type %v", id.Type)
	}
	if doc.First().Key == "_id" {
		return doc, nil
	}
	dst := appendElement(make([]byte, 4, len(doc)+24), "_id", id)
	for it := doc.Iter(); it.Next(); {
		if it.Key() != "_id" {
			dst = appendElement(dst, it.Key(), it.Value())
		}
	}
	return endDoc(dst, 0), nil
}

// equalities returns the document that the filter's equalities describe, in the order of their paths; for a replacement, only _id's.
func (u *Update) equalities() (document.Doc, error) {
	var list []*Node
	if u.filter != nil {
		list = u.filter.root.equalities(nil)
	}
	if u.replacement != nil {
		list = slices.DeleteFunc(list, func(n *Node) bool { return n.Path != "_id" && !strings.HasPrefix(n.Path, "_id.") })
		if len(list) > 0 && list[0].Path != "_id" {
			return nil, mongoerr.New(mongoerr.NotExactValueField, "field at '_id' must be exactly specified, field at sub-path '%s'found", list[0].Path)
		}
	}
	slices.SortStableFunc(list, func(a, b *Node) int { return strings.Compare(a.Path, b.Path) })
	root := &updateNode{}
	for i, n := range list {
		if n.Path == "" {
			return nil, mongoerr.New(mongoerr.IllegalOperation, "Cannot call setValue on the root object")
		}
		if err := root.add(n.Path, &updateLeaf{op: &set{n.Value}}, nil); err != nil {
			return nil, inferredTwice(list[:i], n.Path)
		}
	}
	root.finish()
	a := &applier{doc: document.Empty, inserting: true, anyName: true}
	return a.object(nil, document.Empty, root)
}

// inferredTwice says with which of the equalities before it the one at path is in conflict.
func inferredTwice(before []*Node, path string) error {
	for _, n := range before {
		if strings.HasPrefix(path, n.Path+".") {
			return mongoerr.New(mongoerr.NotSingleValueField, "cannot infer query fields to set, both paths '%s' and '%s' are matched", path, n.Path)
		}
	}
	return mongoerr.New(mongoerr.NotSingleValueField, "cannot infer query fields to set, path '%s' is matched twice", path)
}

// equalities appends the equalities that every document that matches n has.
func (n *Node) equalities(list []*Node) []*Node {
	switch n.Op {
	case OpEq:
		return append(list, n)
	case OpAnd:
		for _, c := range n.Children {
			if c.Op == OpAlwaysFalse {
				return nil
			}
			list = c.equalities(list)
		}
	}
	return list
}
