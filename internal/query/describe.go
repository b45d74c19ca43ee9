package query

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// How mongod's explain and its messages show a filter: in a normal form, in which the order of conditions is that of their kinds and
// their paths, and not the client's.

// shownOrder is the order of kinds, mongod's enumeration MatchType.
var shownOrder = func() map[Op]int {
	order := map[Op]int{}
	for i, op := range []Op{
		OpAnd, OpOr, "$elemMatch(object)", OpElemMatch, OpSize, OpEq, OpLte, OpLt, OpGt, OpGte, "$regex", OpMod, OpExists, OpIn,
		"$bitsAllSet", "$bitsAllClear", "$bitsAnySet", "$bitsAnyClear", OpNot, OpNor, OpType, "$geoWithin", "$geoIntersects", "$where",
		OpAlwaysFalse, OpAlwaysTrue, "$near", "$nearSphere", OpText, "$expr",
	} {
		order[op] = i
	}
	return order
}()

// shownOp is the operator as its place in the order is found by.
func (n *Node) shownOp() Op {
	if n.Op == OpElemMatch && n.matchesObjects() {
		return "$elemMatch(object)"
	}
	return n.Op
}

// matchesObjects reports whether a $elemMatch is about paths within its elements.
func (n *Node) matchesObjects() bool {
	return len(n.Children) == 1 && (n.Children[0].Path != "" || n.Children[0].Op == OpAnd || n.Children[0].Op == OpOr || n.Children[0].Op == OpNor)
}

func compareShown(a, b *Node) int {
	if c := cmp.Or(cmp.Compare(shownOrder[a.shownOp()], shownOrder[b.shownOp()]), strings.Compare(a.shownPath(), b.shownPath())); c != 0 {
		return c
	}
	for i := 0; i < len(a.Children) && i < len(b.Children); i++ {
		if c := compareShown(a.Children[i], b.Children[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(a.Children), len(b.Children))
}

// Ordered returns the children in the order of the normal form.
func (n *Node) Ordered() []*Node {
	list := slices.Clone(n.Children)
	slices.SortStableFunc(list, func(a, b *Node) int { return compareShown(a.normal(), b.normal()) })
	return list
}

// shownPath is the path by which a condition is sorted: a negation's is none, as in mongod.
func (n *Node) shownPath() string {
	if n.Op == OpNot {
		return ""
	}
	return n.Path
}

// normal returns the tree in normal form: children in order, no list of one condition.
func (n *Node) normal() *Node {
	m := *n
	m.Children = nil
	for _, c := range n.Children {
		m.Children = append(m.Children, c.normal())
	}
	if n.Op != OpElemMatch || n.matchesObjects() {
		slices.SortStableFunc(m.Children, compareShown)
	}
	switch {
	case (n.Op == OpAnd || n.Op == OpOr) && len(m.Children) == 1:
		return m.Children[0]
	case n.Op == OpIn && len(n.Values) == 1 && n.Values[0].Type != document.TypeRegex:
		m.Op, m.Value, m.Values = OpEq, n.Values[0], nil
	case n.Op == OpNor && len(m.Children) == 1 && m.Children[0].Path != "" && m.Children[0].Op != OpNot:
		m.Op, m.Path = OpNot, m.Children[0].Path
	case n.Op == OpOr:
		return m.asIn()
	}
	return &m
}

// asIn makes an $in of an $or whose branches all are equalities on one path.
func (n *Node) asIn() *Node {
	in := Node{Op: OpIn, Path: n.Children[0].Path}
	for _, c := range n.Children {
		if c.Op != OpEq || c.Path != in.Path || c.Value.Type == document.TypeArray {
			return n
		}
		in.Values = append(in.Values, c.Value)
	}
	slices.SortFunc(in.Values, document.Compare)
	in.Values = slices.CompactFunc(in.Values, document.Equal)
	return &in
}

// Parsed returns the filter as explain's parsedQuery shows it.
func (f *Filter) Parsed() document.Doc { return f.root.Parsed() }

// Parsed returns a condition as explain shows it.
func (n *Node) Parsed() document.Doc {
	var b document.Builder
	n.normal().appendParsed(&b)
	return b.Finish()
}

func (n *Node) appendParsed(b *document.Builder) {
	switch n.Op {
	case OpAnd, OpOr, OpNor:
		if n.Op == OpAnd && len(n.Children) == 0 {
			return
		}
		appendParsedList(b, string(n.Op), n.Children)
	case OpNot:
		if len(n.Children) != 1 { // mongod has no other way to say it
			b.OpenArray("$nor")
			b.OpenDoc("0")
			appendParsedList(b, "$and", n.Children)
			b.Close()
			b.Close()
			return
		}
		b.OpenDoc(n.Children[0].Path)
		b.OpenDoc("$not")
		n.Children[0].appendOperator(b)
		b.Close()
		b.Close()
	default:
		if n.Path == "" {
			n.appendOperator(b)
			return
		}
		b.OpenDoc(n.Path)
		n.appendOperator(b)
		b.Close()
	}
}

func appendParsedList(b *document.Builder, name string, list []*Node) {
	b.OpenArray(name)
	for i, c := range list {
		b.OpenDoc(document.Index(i))
		c.appendParsed(b)
		b.Close()
	}
	b.Close()
}

// appendOperator appends the condition without its path.
func (n *Node) appendOperator(b *document.Builder) {
	switch n.Op {
	case OpIn:
		b.OpenArray("$in")
		for i, v := range n.Values {
			b.AppendValue(document.Index(i), v)
		}
		b.Close()
	case OpAlwaysTrue, OpAlwaysFalse:
		b.AppendInt32(string(n.Op), 1)
	case OpType:
		b.OpenArray("$type")
		for i, code := range typeCodes(n.Value) {
			b.AppendInt32(document.Index(i), code)
		}
		b.Close()
	case OpElemMatch:
		b.OpenDoc("$elemMatch")
		for _, c := range n.Children {
			if n.matchesObjects() {
				c.appendParsed(b)
			} else {
				c.appendOperator(b)
			}
		}
		b.Close()
	case OpNear:
		for it := n.Value.Doc().Iter(); it.Next(); {
			b.AppendValue(it.Key(), it.Value())
		}
	case OpNot:
		b.OpenDoc("$not")
		for _, c := range n.Children {
			c.appendOperator(b)
		}
		b.Close()
	case "$regex":
		if n.Value.Type == document.TypeRegex {
			pattern, flags := n.Value.Regex()
			b.AppendString("$regex", pattern)
			if flags != "" {
				b.AppendString("$options", flags)
			}
			return
		}
		b.AppendValue("$regex", n.Value)
	default:
		b.AppendValue(string(n.Op), n.Value)
	}
}

// typeCodes returns the types that the operand of $type asks for, by number; "number" is not one of them and stands as mongod shows it, by its name.
func typeCodes(v document.Value) (codes []int32) {
	p := &ofType{}
	if v.Type == document.TypeArray {
		for it := v.Doc().Iter(); it.Next(); {
			_ = p.addOperand(it.Value()) // it has been compiled
		}
	} else {
		_ = p.addOperand(v)
	}
	for t := range 256 {
		if p[t>>6]&(1<<(t&63)) == 0 {
			continue
		}
		if document.Type(t) == document.TypeMinKey {
			codes = append([]int32{-1}, codes...)
			continue
		}
		codes = append(codes, int32(t))
	}
	return codes
}

// Types returns the types that a $type asks for.
func (n *Node) Types() (list []document.Type) {
	for _, code := range typeCodes(n.Value) {
		list = append(list, document.Type(code)) // MinKey, -1, is byte 255
	}
	return list
}

// DebugString returns the tree as mongod's messages show it, one condition to a line.
func (f *Filter) DebugString() string { return f.root.DebugString() }

// DebugString returns a condition as mongod's messages show it.
func (n *Node) DebugString() string {
	var b strings.Builder
	n.normal().debug(&b, 0)
	return b.String()
}

func (n *Node) debug(b *strings.Builder, level int) {
	b.WriteString(strings.Repeat("    ", level))
	if n.Op == OpNear {
		b.WriteString(n.Near.text(n.Path) + "\n")
		return
	}
	if n.Path != "" && n.Op != OpNot {
		b.WriteString(n.Path)
		b.WriteByte(' ')
	}
	switch n.Op {
	case OpAnd, OpOr, OpNor, OpNot:
		b.WriteString(string(n.Op) + "\n")
		if n.Op == OpNot && len(n.Children) > 1 {
			(&Node{Op: OpAnd, Children: n.Children}).debug(b, level+1)
			return
		}
		for _, c := range n.Children {
			c.debug(b, level+1)
		}
		return
	case OpElemMatch:
		n.debugElemMatch(b, level)
		return
	case OpExists:
		b.WriteString("exists")
	case OpIn:
		b.WriteString("$in [ ")
		for _, v := range n.Values {
			b.WriteString(v.Shell() + " ")
		}
		b.WriteString("]")
	case OpType:
		b.WriteString("$type: { ")
		for i, code := range typeCodes(n.Value) {
			if i > 0 {
				b.WriteString(", ")
			}
			fmt.Fprintf(b, "%d: %d", i, code)
		}
		b.WriteString(" }")
	case OpSize:
		b.WriteString("$size : " + n.Value.Shell())
	case OpMod:
		d := n.Value.Doc()
		fmt.Fprintf(b, "mod %s %% x == %s", d.Lookup("0").Shell(), d.Lookup("1").Shell())
	case OpAlwaysTrue, OpAlwaysFalse:
		b.WriteString(string(n.Op) + ": 1")
	case OpText:
		s := n.Text
		fmt.Fprintf(b, "TEXT : query=%s, language=%s, caseSensitive=%d, diacriticSensitive=%d, tag=NULL", s.Text, s.Language, digit(s.Exact.Case), digit(s.Exact.Diacritics))
	case "$regex":
		if n.Value.Type == document.TypeRegex {
			pattern, flags := n.Value.Regex()
			b.WriteString("regex /" + pattern + "/" + flags)
		} else {
			b.WriteString("regex /" + n.Value.Str() + "/")
		}
	default:
		b.WriteString(string(n.Op) + " " + n.Value.Shell())
	}
	b.WriteByte('\n')
}

func (n *Node) debugElemMatch(b *strings.Builder, level int) {
	if n.matchesObjects() {
		b.WriteString("$elemMatch (obj)\n")
		n.Children[0].debug(b, level+1)
		return
	}
	b.WriteString("$elemMatch (value)\n")
	for _, c := range n.Children {
		b.WriteString(strings.Repeat("    ", level+1) + " ")
		c.debug(b, 0)
	}
}

func digit(set bool) int {
	if set {
		return 1
	}
	return 0
}
