package query

import (
	"strconv"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// operator computes the value at one path.
type operator interface {
	// apply returns what comes in place of old, which is missing if the path does not exist. The value may alias a's
	// buffers; it is copied before the next operator is applied.
	apply(a *applier, old document.Value) (document.Value, effect, error)
}

type effect uint8

const (
	unchanged effect = iota
	stored           // the value takes old's place, or is created
	removed
)

// applier is the state of one update of one document.
type applier struct {
	filter    *Filter
	collator  document.Collator
	doc       document.Doc // as it was
	env       Env
	inserting bool
	anyName   bool     // top-level names may start with $
	path      []string // to where the walk is

	index     string // what `$` stands for
	indexSeen bool

	number [16]byte // of an operator's result
	buf    []byte   // of an operator's result
}

func (a *applier) pathText() string { return strings.Join(a.path, ".") }

// idText describes the document in messages.
func (a *applier) idText() string {
	if id := a.doc.Lookup("_id"); !id.IsMissing() {
		return elementText("_id", id)
	}
	return "no id"
}

// object appends doc with the operators of n applied. Fields keep their order; new ones come last, in the order of n's children.
func (a *applier) object(dst []byte, doc document.Doc, n *updateNode) ([]byte, error) {
	n, err := a.resolve(n)
	if err != nil {
		return dst, err
	}
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	var small [32]bool
	seen := small[:]
	if len(n.children) > len(small) {
		seen = make([]bool, len(n.children))
	}
	var first firstError
	for it := doc.Iter(); it.Next(); {
		i, found := n.find(it.Key())
		if !found || seen[i] {
			dst = appendElement(dst, it.Key(), it.Value())
			continue
		}
		seen[i] = true
		dst, err = a.existing(dst, it.Key(), it.Value(), n.children[i], false)
		first.note(i, err)
	}
	for i, c := range n.children {
		if !seen[i] {
			dst, err = a.missing(dst, c.name, c)
			first.note(i, err)
		}
	}
	return endDoc(dst, at), first.err
}

// find is search for names that come from a document; updates have few paths.
func (n *updateNode) find(name string) (int, bool) {
	if len(n.children) > manyChildren {
		return n.search(name)
	}
	for i, c := range n.children {
		if c.name == name {
			return i, true
		}
	}
	return 0, false
}

// firstError keeps the error that mongod would meet first: it goes by the order of the update's paths, not by that of the document's fields.
type firstError struct {
	err   error
	child int
}

func (f *firstError) note(child int, err error) {
	if err != nil && (f.err == nil || child < f.child) {
		f.err, f.child = err, child
	}
}

// existing appends the field called key, which has the value v, with n applied.
func (a *applier) existing(dst []byte, key string, v document.Value, n *updateNode, inArray bool) ([]byte, error) {
	a.path = append(a.path, key)
	defer func() { a.path = a.path[:len(a.path)-1] }()
	switch {
	case n.leaf != nil:
		return a.leafExisting(dst, key, v, n.leaf, inArray)
	case len(n.elements) > 0:
		if v.Type != document.TypeArray {
			return dst, badValue("Cannot apply array updates to non-array element %s", elementText(key, v))
		}
		return a.elements(appendKey(dst, v.Type, key), v.Doc(), n)
	case v.Type == document.TypeDocument:
		return a.object(appendKey(dst, v.Type, key), v.Doc(), n)
	case v.Type == document.TypeArray:
		return a.array(appendKey(dst, v.Type, key), key, v.Doc(), n)
	}
	n, err := a.resolve(n)
	if err != nil {
		return dst, err
	}
	for _, c := range n.children {
		if err := a.blocked(key, v, c); err != nil {
			return dst, err
		}
	}
	return appendElement(dst, key, v), nil
}

func (a *applier) leafExisting(dst []byte, key string, v document.Value, leaf *updateLeaf, inArray bool) ([]byte, error) {
	if leaf.insertOnly && !a.inserting {
		return appendElement(dst, key, v), nil
	}
	result, effect, err := leaf.op.apply(a, v)
	switch {
	case err != nil:
		return dst, err
	case effect == stored:
		return appendElement(dst, key, result), a.checkName(key)
	case effect == unchanged:
		return appendElement(dst, key, v), nil
	case inArray:
		return appendElement(dst, key, document.Null), nil
	}
	return dst, nil
}

// checkName refuses top-level names that start with $.
func (a *applier) checkName(key string) error {
	if len(a.path) == 1 && !a.anyName && strings.HasPrefix(key, "$") {
		return dollarNameError(key)
	}
	return nil
}

// missing appends what n creates at key, where nothing is. It appends nothing if n creates nothing.
func (a *applier) missing(dst []byte, key string, n *updateNode) ([]byte, error) {
	a.path = append(a.path, key)
	defer func() { a.path = a.path[:len(a.path)-1] }()
	switch {
	case n.leaf != nil:
		return a.leafMissing(dst, key, n.leaf)
	case len(n.elements) > 0:
		return dst, badValue("The path '%s' must exist in the document in order to apply array updates.", a.pathText())
	}
	n, err := a.resolve(n)
	if err != nil {
		return dst, err
	}
	before := len(dst)
	dst = appendKey(dst, document.TypeDocument, key)
	at := len(dst)
	dst = append(dst, 0, 0, 0, 0)
	for _, c := range n.children {
		if dst, err = a.missing(dst, c.name, c); err != nil {
			return dst, err
		}
	}
	if len(dst) == at+4 {
		return dst[:before], nil
	}
	return endDoc(dst, at), a.checkName(key)
}

func (a *applier) leafMissing(dst []byte, key string, leaf *updateLeaf) ([]byte, error) {
	if leaf.insertOnly && !a.inserting {
		return dst, nil
	}
	result, effect, err := leaf.op.apply(a, document.Value{})
	if err != nil || effect != stored {
		return dst, err
	}
	return appendElement(dst, key, result), a.checkName(key)
}

// blocked is for paths that cannot be: n would stand below v, the value of the field called key, which is a scalar or (for
// a name that is no number) an array.
func (a *applier) blocked(key string, v document.Value, n *updateNode) error {
	return a.blockedAt(n, n.name, func() string { return bracedText(key, v) })
}

// blockedAt goes through the operators at and below n. part is the first part of the path that does not fit.
func (a *applier) blockedAt(n *updateNode, part string, element func() string) error {
	a.path = append(a.path, n.name)
	defer func() { a.path = a.path[:len(a.path)-1] }()
	switch {
	case n.leaf != nil:
		return a.leafBlocked(n.leaf, part, element)
	case len(n.elements) > 0:
		return badValue("The path '%s' must exist in the document in order to apply array updates.", a.pathText())
	}
	n, err := a.resolve(n)
	if err != nil {
		return err
	}
	for _, c := range n.children {
		if err := a.blockedAt(c, part, element); err != nil {
			return err
		}
	}
	return nil
}

func (a *applier) leafBlocked(leaf *updateLeaf, part string, element func() string) error {
	switch {
	case leaf.absent == absentIgnored, leaf.insertOnly && !a.inserting:
		return nil
	case leaf.absent == absentMustFit:
		return mongoerr.New(mongoerr.PathNotViable, "Cannot use the part (%s) of (%s) to traverse the element (%s)", part, a.pathText(), element())
	}
	if _, effect, err := leaf.op.apply(a, document.Value{}); err != nil || effect != stored {
		return err
	}
	return mongoerr.New(mongoerr.PathNotViable, "Cannot create field '%s' in element %s", part, element())
}

// maxBackfill is how many nulls an update may put before a new element of an array.
const maxBackfill = 1500000

// array appends an array with the operators of n, whose children are positions, applied.
func (a *applier) array(dst []byte, key string, array document.Doc, n *updateNode) ([]byte, error) {
	n, err := a.resolve(n)
	if err != nil {
		return dst, err
	}
	positions, others, err := a.positions(n)
	if err != nil {
		return dst, err
	}
	at, i := len(dst), 0
	dst = append(dst, 0, 0, 0, 0)
	for it := array.Iter(); it.Next(); i++ {
		if len(positions) == 0 || positions[0].index != i {
			dst = appendElement(dst, document.Index(i), it.Value())
			continue
		}
		dst, err = a.existing(dst, document.Index(i), it.Value(), positions[0].node, true)
		if err != nil {
			return dst, err
		}
		positions = positions[1:]
	}
	for _, p := range positions {
		if dst, i, err = a.newElement(dst, i, p); err != nil {
			return dst, err
		}
	}
	for _, c := range others {
		if err := a.blocked(key, document.Value{Type: document.TypeArray, Data: array}, c); err != nil {
			return dst, err
		}
	}
	return endDoc(dst, at), nil
}

type arrayPosition struct {
	index int
	node  *updateNode
}

// positions returns n's children with their positions, which ascend as the children do, and those whose names are none.
func (a *applier) positions(n *updateNode) (list []arrayPosition, others []*updateNode, err error) {
	list = make([]arrayPosition, 0, len(n.children))
	for _, c := range n.children {
		i, err := strconv.Atoi(c.name)
		if err != nil || !isIndex(c.name) {
			others = append(others, c)
			continue
		}
		if last := len(list) - 1; last >= 0 && list[last].index == i { // "1" and "01"
			if list[last].node, err = merge(list[last].node, c, a.pathText()+"."+c.name); err != nil {
				return nil, nil, err
			}
			continue
		}
		list = append(list, arrayPosition{i, c})
	}
	return list, others, nil
}

// newElement appends what p creates beyond the end of an array, which now has size elements.
func (a *applier) newElement(dst []byte, size int, p arrayPosition) ([]byte, int, error) {
	before := len(dst)
	if p.index-size > maxBackfill {
		if out, err := a.missing(dst, "", p.node); err != nil || len(out) == before {
			return out[:before], size, err
		}
		return dst, size, mongoerr.New(mongoerr.CannotBackfillArray, "can't backfill more than %d elements", maxBackfill)
	}
	for i := size; i < p.index; i++ {
		dst = appendElement(dst, document.Index(i), document.Null)
	}
	filled := len(dst)
	dst, err := a.missing(dst, document.Index(p.index), p.node)
	if err != nil || len(dst) == filled {
		return dst[:before], size, err
	}
	return dst, p.index + 1, nil
}

// elements appends an array with `$[]` and `$[name]` applied.
func (a *applier) elements(dst []byte, array document.Doc, n *updateNode) ([]byte, error) {
	at, i := len(dst), 0
	dst = append(dst, 0, 0, 0, 0)
	for it := array.Iter(); it.Next(); i++ {
		v := it.Value()
		var node *updateNode
		for _, e := range n.elements {
			matched, err := n.filters.match(e.name, v)
			switch {
			case err != nil:
				return dst, err
			case !matched:
			case node == nil:
				node = e
			default:
				if node, err = merge(node, e, a.pathText()+"."+document.Index(i)); err != nil {
					return dst, err
				}
			}
		}
		if node == nil {
			dst = appendElement(dst, document.Index(i), v)
			continue
		}
		var err error
		if dst, err = a.existing(dst, document.Index(i), v, node, true); err != nil {
			return dst, err
		}
	}
	return endDoc(dst, at), nil
}

// resolve returns n with `$` replaced by the position that the filter's match found.
func (a *applier) resolve(n *updateNode) (*updateNode, error) {
	if n.positional == nil {
		return n, nil
	}
	if !a.indexSeen && a.filter != nil && !a.inserting {
		var err error
		if a.index, _, err = a.filter.MatchPosition(a.doc); err != nil {
			return nil, err
		}
		a.indexSeen = true
	}
	if a.index == "" {
		return nil, badValue("The positional operator did not find the match needed from the query.")
	}
	return n.withPositional(a.index, a.pathText())
}
