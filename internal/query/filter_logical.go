package query

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// $and, $or, $nor, $not, $alwaysTrue, $alwaysFalse.

// all is a conjunction. Its conditions on fields are grouped by top-level field and answered in one walk over the document,
// which ends with the first that does not hold.
type all struct {
	names  []string     // of the fields that the groups are about; at most maxGroups
	groups []fieldGroup // by the same numbers
	others []docMatcher
}

// fieldGroup is the conditions on one field.
type fieldGroup []fieldMatcher

// maxGroups is how many fields one walk can look for: one bit of a word for each. More make a second walk.
const maxGroups = 64

func newAll(nodes []*Node) docMatcher {
	a := &all{}
	var more []*Node
	for _, n := range nodes {
		f := n.field()
		switch {
		case f == nil:
			a.others = append(a.others, n.compile())
		case !a.add(f):
			more = append(more, n)
		}
	}
	if more != nil {
		a.others = append(a.others, newAll(more))
	}
	return a
}

func (a *all) add(f fieldMatcher) bool {
	if i := slices.Index(a.names, f.first()); i >= 0 {
		a.groups[i] = append(a.groups[i], f)
		return true
	}
	if len(a.groups) == maxGroups {
		return false
	}
	a.names, a.groups = append(a.names, f.first()), append(a.groups, fieldGroup{f})
	return true
}

func (a *all) matchDoc(doc document.Doc, run *matching) bool {
	return a.matchFields(doc, run) && a.matchOthers(doc, run)
}

func (a *all) matchFields(doc document.Doc, run *matching) bool {
	missing := ^uint64(0) >> (maxGroups - len(a.groups)) // the groups whose field has not come yet
	for it := doc.Iter(); missing != 0; {
		i := it.NextOf(a.names)
		if i < 0 {
			break
		}
		if missing&(1<<i) == 0 {
			continue // a second field of the name
		}
		missing &^= 1 << i
		if !a.groups[i].match(it.Value(), run) {
			return false
		}
	}
	for i := 0; missing != 0; i++ {
		if missing&(1<<i) != 0 {
			missing &^= 1 << i
			if !a.groups[i].match(document.Value{}, run) {
				return false
			}
		}
	}
	return true
}

func (a *all) matchOthers(doc document.Doc, run *matching) bool {
	for _, m := range a.others {
		if !m.matchDoc(doc, run) {
			return false
		}
	}
	return true
}

func (g fieldGroup) match(v document.Value, run *matching) bool {
	for _, c := range g {
		if !c.matchField(v, run) {
			return false
		}
	}
	return true
}

type anyOf []docMatcher

func (list anyOf) matchDoc(doc document.Doc, run *matching) bool {
	for _, m := range list {
		if m.matchDoc(doc, run) {
			return true
		}
	}
	return false
}

type noneOf []docMatcher

func (list noneOf) matchDoc(doc document.Doc, run *matching) bool {
	noted := run.mute()
	matched := anyOf(list).matchDoc(doc, run)
	run.unmute(noted)
	return !matched
}

type always bool

func (t always) matchDoc(document.Doc, *matching) bool { return bool(t) }

// notField is the negation of the conjunction of conditions on one path.
type notField []fieldMatcher

func (n notField) first() string { return n[0].first() }

func (n notField) matchField(v document.Value, run *matching) bool {
	noted := run.mute()
	defer run.unmute(noted)
	for _, c := range n {
		if !c.matchField(v, run) {
			return true
		}
	}
	return false
}

// notValue is notField inside a $elemMatch on values.
type notValue []predicate

func (n notValue) matchValue(v document.Value, run *matching) bool {
	noted := run.mute()
	defer run.unmute(noted)
	for _, p := range n {
		if !p.matchValue(v, run) {
			return true
		}
	}
	return false
}

// branches parses the operand of $and, $or and $nor.
func (c *filterCompiler) branches(op Op, operand document.Value) ([]*Node, error) {
	if operand.Type != document.TypeArray {
		return nil, badValue("%s must be an array", op)
	}
	var list []*Node
	for it := operand.Doc().Iter(); it.Next(); {
		v := it.Value()
		if v.Type != document.TypeDocument {
			return nil, badValue("$or/$and/$nor entries need to be full objects")
		}
		n, err := c.document(v.Doc())
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	if len(list) == 0 {
		return nil, badValue("$and/$or/$nor must be a nonempty array")
	}
	return list, nil
}

func parseAnd(c *filterCompiler, operand document.Value) (*Node, error) {
	list, err := c.branches(OpAnd, operand)
	if err != nil {
		return nil, err
	}
	return and(list), nil
}

func parseOr(c *filterCompiler, operand document.Value) (*Node, error) {
	list, err := c.branches(OpOr, operand)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, (*Node).MatchesNothing)
	switch len(list) {
	case 0:
		return &Node{Op: OpAlwaysFalse}, nil
	case 1:
		return list[0], nil
	}
	if n := c.orAsIn(list); n != nil {
		return n, nil
	}
	return &Node{Op: OpOr, Children: list}, nil
}

// orAsIn turns an $or of equalities on one path into $in, which plans and matches better. Nil if it is not one.
func (c *filterCompiler) orAsIn(list []*Node) *Node {
	var values []document.Value
	path := list[0].single().Path
	for _, n := range list {
		n = n.single()
		switch {
		case n.Path != path:
			return nil
		case n.Op == OpEq:
			values = append(values, n.Value)
		case n.Op == OpIn:
			values = append(values, n.Values...)
		default:
			return nil
		}
	}
	return c.in(path, values)
}

func parseNor(c *filterCompiler, operand document.Value) (*Node, error) {
	list, err := c.branches(OpNor, operand)
	if err != nil {
		return nil, err
	}
	return &Node{Op: OpNor, Children: list}, nil
}

func parseNot(c *filterCompiler, path string, operand document.Value) (*Node, error) {
	if operand.Type == document.TypeRegex {
		n, err := parseRegexValue(path, operand)
		if err != nil {
			return nil, err
		}
		return not(path, n), nil
	}
	if operand.Type != document.TypeDocument {
		return nil, badValue("$not needs a regex or a document")
	}
	if operand.Doc().IsEmpty() {
		return nil, badValue("$not cannot be empty")
	}
	list, err := c.operators(path, operand.Doc())
	if err != nil {
		return nil, err
	}
	return not(path, list...), nil
}

// not negates the conjunction of conditions on path.
func not(path string, list ...*Node) *Node {
	return &Node{Op: OpNot, Path: path, Children: and(list).Children}
}

func parseAlwaysTrue(_ *filterCompiler, operand document.Value) (*Node, error) {
	return parseAlways(OpAlwaysTrue, operand)
}

func parseAlwaysFalse(_ *filterCompiler, operand document.Value) (*Node, error) {
	return parseAlways(OpAlwaysFalse, operand)
}

func parseAlways(op Op, operand document.Value) (*Node, error) {
	if !operand.IsNumber() {
		return nil, mongoerr.New(mongoerr.FailedToParse, "Expected a number in: %s", elementText(string(op), operand))
	}
	if n, exact := operand.AsInt64(); !exact || n != 1 {
		return nil, mongoerr.New(mongoerr.FailedToParse, "%s must be an integer value of 1", op)
	}
	return &Node{Op: op}, nil
}
