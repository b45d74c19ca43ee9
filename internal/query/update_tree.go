package query

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/mongoerr"
)

// updateNode is one part of the paths of an update; the paths of all operators are one tree (mongod's UpdateNode). So a
// document is updated in one walk, and two operators on one path are noticed.
type updateNode struct {
	name       string
	leaf       *updateLeaf            // at the end of a path
	children   []*updateNode          // by name, sorted by compareFieldNames once the tree is complete
	building   map[string]*updateNode // the children, while there are many and they are not sorted
	positional *updateNode            // `$`
	elements   []*updateNode          // `$[]` and `$[name]`, whose names are "" and the filter's name; then there is nothing else
	filters    arrayFilters
}

// updateLeaf is an operator with its operand at the end of a path.
type updateLeaf struct {
	op         operator
	absent     absentRule
	insertOnly bool // $setOnInsert
}

// absentRule says what an operator does when its path cannot be: when it leads through a scalar.
type absentRule uint8

const (
	absentCreates absentRule = iota // it would create it: an error
	absentMustFit                   // it creates nothing, but the path must be possible
	absentIgnored                   // nothing
)

// compareFieldNames orders siblings: numbers first, by value, then other names by their bytes. New fields are created in this order.
func compareFieldNames(a, b string) int {
	switch na, nb := isIndex(a), isIndex(b); {
	case na && nb:
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	case na:
		return -1
	case nb:
		return 1
	}
	return cmp.Compare(a, b)
}

func (n *updateNode) search(name string) (int, bool) {
	return slices.BinarySearchFunc(n.children, name, func(c *updateNode, name string) int {
		return cmp.Or(compareFieldNames(c.name, name), cmp.Compare(c.name, name))
	})
}

func (n *updateNode) child(name string) *updateNode {
	if i, ok := n.search(name); ok {
		return n.children[i]
	}
	return nil
}

// add puts leaf into the tree at path.
func (n *updateNode) add(path string, leaf *updateLeaf, filters arrayFilters) error {
	parts := strings.Split(path, ".")
	for i, part := range parts {
		prefix := strings.Join(parts[:i], ".")
		next, err := n.step(path, prefix, part, filters)
		if err != nil {
			return err
		}
		n = next
	}
	if n.leaf != nil || !n.isEmpty() {
		return conflictAt(path, path)
	}
	n.leaf = leaf
	return nil
}

func (n *updateNode) isEmpty() bool {
	return len(n.children) == 0 && n.positional == nil && len(n.elements) == 0
}

// step returns the node below n for one part of a path, and makes it if need be. prefix is the path of n.
func (n *updateNode) step(path, prefix, part string, filters arrayFilters) (*updateNode, error) {
	identifier, isElements := arrayFilterIdentifier(part)
	if isElements {
		if err := filters.check(path, prefix, identifier); err != nil {
			return nil, err
		}
	}
	isOther := len(n.children) > 0 || n.positional != nil
	if n.leaf != nil || isElements && isOther || !isElements && len(n.elements) > 0 {
		return nil, conflictAt(path, prefix)
	}
	switch {
	case isElements:
		return n.element(identifier, filters), nil
	case part == "$":
		if n.positional == nil {
			n.positional = &updateNode{name: part}
		}
		return n.positional, nil
	}
	return n.ensureChild(part), nil
}

// manyChildren is from how many on children are looked up in a map or by binary search.
const manyChildren = 8

// ensureChild returns the child called name of a node that is not finished, and makes it if need be.
func (n *updateNode) ensureChild(name string) *updateNode {
	if n.building == nil {
		for _, c := range n.children {
			if c.name == name {
				return c
			}
		}
	} else if c := n.building[name]; c != nil {
		return c
	}
	c := &updateNode{name: name}
	n.children = append(n.children, c)
	if n.building != nil {
		n.building[name] = c
	} else if len(n.children) > manyChildren {
		n.building = map[string]*updateNode{}
		for _, c := range n.children {
			n.building[c.name] = c
		}
	}
	return c
}

// finish sorts the children of the whole tree.
func (n *updateNode) finish() {
	n.building = nil
	slices.SortFunc(n.children, (*updateNode).compare)
	for _, c := range n.children {
		c.finish()
	}
	for _, e := range n.elements {
		e.finish()
	}
	if n.positional != nil {
		n.positional.finish()
	}
}

func (n *updateNode) compare(m *updateNode) int {
	return cmp.Or(compareFieldNames(n.name, m.name), cmp.Compare(n.name, m.name))
}

func (n *updateNode) element(identifier string, filters arrayFilters) *updateNode {
	for _, e := range n.elements {
		if e.name == identifier {
			return e
		}
	}
	e := &updateNode{name: identifier}
	n.elements, n.filters = append(n.elements, e), filters
	return e
}

func conflictAt(path, at string) error {
	return mongoerr.New(mongoerr.ConflictingUpdateOperators, "Updating the path '%s' would create a conflict at '%s'", path, at)
}

// firstPath returns the path of the first operator at or below n, which is at path.
func (n *updateNode) firstPath(path string) string {
	switch {
	case n.leaf != nil:
		return path
	case len(n.children) > 0:
		return n.children[0].firstPath(path + "." + n.children[0].name)
	case n.positional != nil:
		return n.positional.firstPath(path + ".$")
	}
	return path
}

// merge returns a tree that does what a and b do. path is where it stands. It is for two nodes that turn out to mean the
// same place only when a document is there: `$` and a position, or two of `$[name]`.
func merge(a, b *updateNode, path string) (*updateNode, error) {
	conflict := mongoerr.New(mongoerr.ConflictingUpdateOperators, "Update created a conflict at '%s'", path)
	if a.leaf != nil || b.leaf != nil || (len(a.elements) > 0) != (len(b.elements) > 0) {
		return nil, conflict
	}
	out := &updateNode{name: a.name, filters: a.filters, elements: slices.Clone(a.elements), positional: a.positional}
	if out.filters == nil {
		out.filters = b.filters
	}
	var err error
	if out.children, err = mergeChildren(a.children, b.children, path); err != nil {
		return nil, err
	}
	for _, e := range b.elements {
		i := slices.IndexFunc(out.elements, func(o *updateNode) bool { return o.name == e.name })
		if i < 0 {
			out.elements = append(out.elements, e)
			continue
		}
		merged, err := merge(out.elements[i], e, path+".$["+e.name+"]")
		if err != nil {
			return nil, err
		}
		out.elements[i] = merged
	}
	switch {
	case b.positional == nil:
		return out, nil
	case out.positional == nil:
		out.positional = b.positional
		return out, nil
	}
	out.positional, err = merge(out.positional, b.positional, path+".$")
	return out, err
}

// mergeChildren merges two sorted lists.
func mergeChildren(a, b []*updateNode, path string) ([]*updateNode, error) {
	out := make([]*updateNode, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].compare(b[0]); {
		case c < 0:
			out, a = append(out, a[0]), a[1:]
		case c > 0:
			out, b = append(out, b[0]), b[1:]
		default:
			merged, err := merge(a[0], b[0], path+"."+a[0].name)
			if err != nil {
				return nil, err
			}
			out, a, b = append(out, merged), a[1:], b[1:]
		}
	}
	return append(append(out, a...), b...), nil
}

// withPositional returns n with `$` turned into index.
func (n *updateNode) withPositional(index, path string) (*updateNode, error) {
	named := *n.positional
	named.name = index
	children, err := mergeChildren(n.children, []*updateNode{&named}, path)
	return &updateNode{name: n.name, children: children}, err
}
