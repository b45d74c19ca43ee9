package plan

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/query"
)

// A wildcard index is planned with as if it were one index for each path that the filter is about: {$_path: 1, a: 1}, of whose entries only those
// with that path are looked at. It is sparse: there is no entry where there is nothing.

// Wildcard is what is known of a wildcard index.
type Wildcard struct {
	Paths     *keys.Wildcard
	Arrays    []string // where some document has an array, sorted
	AnyArrays bool     // there may be one anywhere: there were too many to note
}

// onPath is a wildcard index seen as one on a path.
type onPath struct {
	path      string
	arrays    []string // beginnings of the path at which there are arrays
	spellings []string // of the path in entries: with and without the positions of elements of arrays that it may have
	through   []string // arrays of which the path names an element to go on inside it: if that is an array again, it is an entry as it is
}

// maxPositions is how many parts of a path may be positions of elements, each of which doubles the spellings.
const maxPositions = 8

// expanded returns the indexes with those on each path of a filter in the place of wildcard indexes.
func expanded(indexes []Index, root *query.Node) []Index {
	if !slices.ContainsFunc(indexes, func(ix Index) bool { return ix.Wildcard != nil }) {
		return indexes
	}
	paths := appendPaths(nil, root, "")
	slices.Sort(paths)
	paths = slices.Compact(paths)
	var list []Index
	for i := range indexes {
		if indexes[i].Wildcard == nil {
			list = append(list, indexes[i])
			continue
		}
		for _, path := range paths {
			if ix, ok := indexes[i].on(path); ok {
				list = append(list, ix)
			}
		}
	}
	return list
}

// appendPaths appends the paths of conditions in a tree.
func appendPaths(list []string, n *query.Node, prefix string) []string {
	switch {
	case n.Path == "":
	case n.Op == query.OpElemMatch:
		list = append(list, prefix+n.Path)
		prefix += n.Path + "."
	default:
		return append(list, prefix+n.Path)
	}
	for _, c := range n.Children {
		list = appendPaths(list, c, prefix)
	}
	return list
}

// on returns a wildcard index as one on a path, if it has all entries of it.
func (ix *Index) on(path string) (Index, bool) {
	p := &onPath{path: path, spellings: []string{""}}
	parts := strings.Split(path, ".")
	array, positions := false, 0 // the part before is one
	for i, part := range parts {
		longer := make([]string, len(p.spellings))
		for k, s := range p.spellings {
			longer[k] = joined(s, part)
		}
		position := array && isPosition(part)
		if array = ix.Wildcard.arrayAt(longer); array {
			p.arrays = append(p.arrays, strings.Join(parts[:i+1], "."))
		}
		if !position {
			p.spellings = longer
			continue
		}
		if positions++; positions > maxPositions || i+1 < len(parts) && isPosition(parts[i+1]) {
			return Index{}, false // arrays in arrays have no entries of their elements
		}
		if i+1 < len(parts) {
			p.through = append(p.through, p.spellings...)
		}
		p.spellings = append(p.spellings, longer...)
	}
	if slices.ContainsFunc(p.spellings, func(s string) bool { return !ix.Wildcard.Paths.Has(s) }) {
		return Index{}, false
	}
	v := *ix
	v.onPath, v.Sparse = p, true
	v.Key = []KeyField{{Path: keys.PathField}, {Path: path, Kind: keys.KindWildcard}}
	if len(p.arrays) > 0 {
		v.Multikey, v.Covers = 1<<1, false
	}
	return v, true
}

func joined(path, part string) string {
	if path == "" {
		return part
	}
	return path + "." + part
}

func (w *Wildcard) arrayAt(spellings []string) bool {
	return w.AnyArrays || slices.ContainsFunc(spellings, func(s string) bool {
		_, found := slices.BinarySearch(w.Arrays, s)
		return found
	})
}

// isPosition reports whether a part of a path can name an element of an array.
func isPosition(part string) bool {
	digits := strings.Trim(part, "0123456789") == ""
	return part != "" && digits && (part == "0" || part[0] != '0')
}

// pathAccess is newAccess for an index on a path. Where the bounds have documents or arrays with something in them, which have no entries of
// their own, all entries of longer paths are looked at, too.
func (ix *Index) pathAccess(conjuncts []*query.Node) *access {
	a := &access{index: ix}
	list := conditionsOn(ix, conjuncts)
	value, met, ok := a.field(1, list)
	if !ok {
		return a
	}
	a.fields = []fieldAccess{value}
	if !a.complete(conjuncts) {
		return &access{index: ix}
	}
	a.entire = true
	whole := len(value.set.intersect(nested)) > 0
	paths := nothing
	for _, s := range ix.onPath.spellings {
		paths = paths.union(pointOf(document.String(s)))
		if whole {
			paths = paths.union(between(pathKey(s+"."), pathKey(s+"/"))) // a slash comes after a dot
		}
	}
	if whole {
		value.set, met, a.deep = everything, nil, true
	}
	a.fields = []fieldAccess{{set: paths}, value}
	a.makeRanges()
	if len(ix.onPath.spellings) > 1 {
		a.addArrays()
		return a
	}
	a.met = appendExists(met, list)
	return a
}

func pathKey(path string) []byte { return keys.AppendValue(nil, document.String(path)) }

// addArrays adds the ranges of arrays in arrays that the path goes through.
func (a *access) addArrays() {
	lo, hi := keys.AppendTypeRange(nil, nil, document.TypeArray.Order())
	for _, s := range a.index.onPath.through {
		a.ranges = append(a.ranges, Range{Start: append(pathKey(s), lo...), End: append(pathKey(s), hi...)})
	}
	a.mergeRanges()
}

// appendExists adds the conditions that there is something at the path, of which any entry is proof.
func appendExists(met []*query.Node, list []condition) []*query.Node {
	for _, c := range list {
		if c.node.Op == query.OpExists && c.element == nil && !slices.Contains(met, c.node) {
			met = append(met, c.node)
		}
	}
	return met
}

// nested is the values that have no entry: what they consist of has.
var nested = func() intervals {
	empty, none := pointOf(document.Empty.AsValue()), pointOf(emptyArray)
	_, end := keys.AppendTypeRange(nil, nil, document.TypeArray.Order())
	return between(empty[0].hi, end).intersect(none.complement())
}()

var emptyArray = document.Value{Type: document.TypeArray, Data: document.Empty}

// wildcardBounds returns the bounds of a condition on the value at a path.
func (ix *Index) wildcardBounds(n *query.Node) (b bounds, ok bool) {
	switch n.Op {
	case query.OpElemMatch:
		return ix.wildcardElement(n)
	case query.OpNot:
		if !isNotNull(n) {
			return bounds{}, false // mongod reads what is equal to null through such an index, and nothing else that is negated
		}
	case query.OpEq, query.OpIn:
		if slices.ContainsFunc(operands(n), func(v document.Value) bool { return v.Type == document.TypeNull || !ix.hasEntry(v) }) {
			return bounds{}, false
		}
	case query.OpLt, query.OpLte, query.OpGt, query.OpGte:
		if n.Value.Doc() != nil {
			return bounds{}, false
		}
	}
	return ix.boundsOf(n, ix.multikey(1))
}

// wildcardElement is elemMatchBounds for the value at a path.
func (ix *Index) wildcardElement(n *query.Node) (b bounds, ok bool) {
	b.set = everything
	for _, c := range n.Children {
		switch {
		case c.Path != "" || c.Op == query.OpAnd || c.Op == query.OpNot || c.Op == query.OpElemMatch:
			continue
		case slices.ContainsFunc(operands(c), func(v document.Value) bool { return !ix.hasEntry(v) }):
			continue
		}
		if inner, has := ix.boundsOf(c, true); has {
			b.set, ok = b.set.intersect(inner.set), true
		}
	}
	return b, ok
}

// hasEntry reports whether what is equal to v has an entry: documents and arrays only if there is nothing in them, and also not of that in v of which the index
// may leave something out.
func (ix *Index) hasEntry(v document.Value) bool {
	d := v.Doc()
	return d == nil || d.IsEmpty() && ix.Wildcard.Paths.Whole(ix.onPath.path)
}

// operands returns the values that a condition compares with.
func operands(n *query.Node) []document.Value {
	switch n.Op {
	case query.OpEq, query.OpLt, query.OpLte, query.OpGt, query.OpGte:
		return []document.Value{n.Value}
	case query.OpIn:
		return n.Values
	}
	return nil
}

// isNotNull reports whether a condition is {$ne: null}.
func isNotNull(n *query.Node) bool {
	if len(n.Children) != 1 {
		return false
	}
	list := operands(n.Children[0])
	return len(list) == 1 && list[0].Type == document.TypeNull && (n.Children[0].Op == query.OpEq || n.Children[0].Op == query.OpIn)
}

// hintedWildcard returns the plans with a wildcard index that is hinted at: there is no scan of it without bounds.
func (p *planner) hintedWildcard(ix *Index) ([]*Plan, error) {
	req := *p.req
	req.Indexes = expanded([]Index{*ix}, p.req.Filter.Root())
	own := planner{req: &req, conjuncts: p.conjuncts}
	list := append(own.indexes(), own.unions()...)
	switch {
	case len(req.Indexes) == 0:
		return nil, query.ErrNoSolutions
	case len(list) == 0:
		return nil, query.ErrWholeWildcard
	}
	return undominated(list), nil
}
