package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
)

// Mismatch returns why doc does not match a filter, as a validation error tells it in errInfo.details. The filter must compile with
// the options. It is slow: it takes the filter apart as it was sent and tries each of its conditions.
func Mismatch(filter, doc document.Doc, opts FilterOptions) document.Doc {
	m := mismatch{doc, opts}
	var b document.Builder
	m.appendAll(&b, clauses(filter), false)
	return b.Finish()
}

type mismatch struct {
	doc  document.Doc
	opts FilterOptions
}

// clause is one condition as it was sent: {name: value}, or {path: {name: value}}.
type clause struct {
	path  string // "" for $and, $expr and the like
	name  string // "" for an equality that is not spelled out
	value document.Value
	whole document.Doc // {path: {name: value}}
}

// clauses takes a filter apart.
func clauses(filter document.Doc) (list []clause) {
	for it := filter.Iter(); it.Next(); {
		key, v := it.Key(), it.Value()
		switch {
		case strings.HasPrefix(key, "$"):
			list = append(list, clause{name: key, value: v, whole: single(key, v)})
		case isOperatorDoc(v):
			list = append(list, operatorClauses(key, v.Doc())...)
		default:
			list = append(list, clause{path: key, value: v, whole: single(key, v)})
		}
	}
	return list
}

// operatorClauses takes {$gt: 1, $lt: 5} apart; $options stays with its $regex.
func operatorClauses(path string, operators document.Doc) (list []clause) {
	for it := operators.Iter(); it.Next(); {
		if it.Key() == "$options" {
			continue
		}
		var inner document.Builder
		inner.AppendValue(it.Key(), it.Value())
		if it.Key() == "$regex" {
			inner.AppendValue("$options", operators.Lookup("$options"))
		}
		list = append(list, clause{path: path, name: it.Key(), value: it.Value(), whole: single(path, inner.Finish().AsValue())})
	}
	return list
}

func single(name string, v document.Value) document.Doc {
	var b document.Builder
	b.AppendValue(name, v)
	return b.Finish()
}

func (m *mismatch) matches(filter document.Doc) bool {
	f, err := CompileFilter(filter, m.opts)
	if err != nil {
		return false
	}
	ok, err := f.Match(m.doc)
	return ok && err == nil
}

// appendAll appends why not all clauses hold; inverted: why they do.
func (m *mismatch) appendAll(b *document.Builder, list []clause, inverted bool) {
	if len(list) == 1 {
		m.append(b, list[0], inverted)
		return
	}
	b.AppendString("operatorName", "$and")
	docs := make([]document.Doc, len(list))
	for i, c := range list {
		docs[i] = c.whole
	}
	m.appendClauses(b, docs, inverted)
}

// appendClauses appends those of several filters that do not hold; satisfied: those that do.
func (m *mismatch) appendClauses(b *document.Builder, filters []document.Doc, satisfied bool) {
	b.OpenArray(map[bool]string{true: "clausesSatisfied", false: "clausesNotSatisfied"}[satisfied])
	n := 0
	for i, f := range filters {
		if m.matches(f) != satisfied {
			continue
		}
		b.OpenDoc(document.Index(n))
		b.AppendInt32("index", int32(i))
		b.OpenDoc("details")
		m.appendAll(b, clauses(f), satisfied)
		b.Close()
		b.Close()
		n++
	}
	b.Close()
}

// append appends the fields of one clause's details.
func (m *mismatch) append(b *document.Builder, c clause, inverted bool) {
	switch c.name {
	case "$and", "$or", "$nor":
		b.AppendString("operatorName", c.name)
		var filters []document.Doc
		for it := c.value.Doc().Iter(); it.Next(); {
			filters = append(filters, it.Value().Doc())
		}
		m.appendClauses(b, filters, inverted != (c.name == "$nor"))
		return
	case "$not":
		b.AppendString("operatorName", "$not")
		b.OpenDoc("details")
		inner := []clause{{path: c.path, name: "$regex", value: c.value, whole: single(c.path, c.value)}}
		if c.value.Type == document.TypeDocument {
			inner = operatorClauses(c.path, c.value.Doc())
		}
		m.appendAll(b, inner, !inverted)
		b.Close()
		return
	case "$jsonSchema":
		m.appendSchema(b, c, inverted)
		return
	}
	name := c.name
	switch {
	case name == "" && c.value.Type == document.TypeRegex:
		name = "$regex"
	case name == "":
		name = "$eq"
	}
	b.AppendString("operatorName", name)
	b.AppendDoc("specifiedAs", c.whole)
	m.appendReason(b, c, name, inverted)
}

func (m *mismatch) appendSchema(b *document.Builder, c clause, inverted bool) {
	b.AppendString("operatorName", "$jsonSchema")
	s, err := (&schemaParser{}).schema(c.value.Doc())
	if err != nil {
		return
	}
	s.appendTexts(b)
	if inverted {
		b.AppendDoc("specifiedAs", c.whole)
		b.AppendString("reason", "schema matched")
		return
	}
	s.appendUnmet(b, "schemaRulesNotSatisfied", m.doc.AsValue())
}

// mismatchReasons are the reasons that a condition does not hold, and that it does. Those of conditions on whole arrays show the array.
var mismatchReasons = map[string]struct {
	failed, succeeded string
	array             bool
}{
	"$in":           {"no matching value found in array", "matching value found in array", false},
	"$type":         {"type did not match", "type did match", false},
	"$size":         {"array length was not equal to given size", "array length was equal to given size", true},
	"$all":          {"array did not contain all specified values", "array did contain all specified values", true},
	"$elemMatch":    {"array did not satisfy the child predicate", "array did satisfy the child predicate", true},
	"$mod":          {"$mod did not evaluate to expected remainder", "$mod did evaluate to expected remainder", false},
	"$regex":        {"regular expression did not match", "regular expression did match", false},
	"$bitsAllSet":   {"bitwise operator failed to match", "bitwise operator matched successfully", false},
	"$bitsAllClear": {"bitwise operator failed to match", "bitwise operator matched successfully", false},
	"$bitsAnySet":   {"bitwise operator failed to match", "bitwise operator matched successfully", false},
	"$bitsAnyClear": {"bitwise operator failed to match", "bitwise operator matched successfully", false},
	"$geoWithin": {"none of the considered geometries were contained within the expression’s geometry",
		"at least one of the considered geometries was contained within the expression’s geometry", false},
	"$geoIntersects": {"none of the considered geometries intersected the expression’s geometry",
		"at least one of the considered geometries intersected the expression’s geometry", false},
}

func (m *mismatch) appendReason(b *document.Builder, c clause, name string, inverted bool) {
	switch name {
	case "$expr":
		m.appendExpr(b, c, inverted)
		return
	case "$exists":
		if c.value.Truthy() != inverted {
			b.AppendString("reason", "path does not exist")
		} else {
			b.AppendString("reason", "path does exist")
		}
		return
	case "$ne":
		name, inverted = "$eq", !inverted
	case "$nin":
		name, inverted = "$in", !inverted
	}
	r, ok := mismatchReasons[name]
	if !ok {
		r.failed, r.succeeded = "comparison failed", "comparison succeeded"
	}
	values := m.considered(c.path, r.array)
	switch {
	case len(values) == 0:
		b.AppendString("reason", "field was missing")
		return
	case inverted:
		b.AppendString("reason", r.succeeded)
	default:
		b.AppendString("reason", r.failed)
	}
	if len(values) == 1 {
		b.AppendValue("consideredValue", values[0])
	} else {
		b.OpenArray("consideredValues")
		for i, v := range values {
			b.AppendValue(document.Index(i), v)
		}
		b.Close()
	}
	if name == "$type" {
		appendConsideredTypes(b, values)
	}
}

func appendConsideredTypes(b *document.Builder, values []document.Value) {
	if len(values) == 1 {
		b.AppendString("consideredType", values[0].Type.String())
		return
	}
	b.OpenArray("consideredTypes")
	seen := map[document.Type]bool{}
	for _, v := range values {
		if !seen[v.Type] {
			b.AppendString(document.Index(len(seen)), v.Type.String())
			seen[v.Type] = true
		}
	}
	b.Close()
}

// considered returns the values that a condition on a path looks at: the elements of an array, unless it is about the array itself.
func (m *mismatch) considered(path string, array bool) []document.Value {
	if !array {
		return AppendDistinct(nil, m.doc, path)
	}
	parent, last := "", path
	if i := strings.LastIndexByte(path, '.'); i >= 0 {
		parent, last = path[:i], path[i+1:]
	}
	if parent == "" {
		if v := m.doc.Lookup(last); !v.IsMissing() {
			return []document.Value{v}
		}
		return nil
	}
	var list []document.Value
	for _, p := range AppendDistinct(nil, m.doc, parent) {
		if v := p.Doc().Lookup(last); p.Doc() != nil && !v.IsMissing() {
			list = append(list, v)
		}
	}
	return list
}

func (m *mismatch) appendExpr(b *document.Builder, c clause, inverted bool) {
	if inverted {
		b.AppendString("reason", "expression did match")
	} else {
		b.AppendString("reason", "expression did not match")
	}
	opts := m.opts.Expr
	opts.Collator = m.opts.Collator
	e, err := expr.Compile(c.value, opts)
	if err != nil {
		return
	}
	var x expr.Evaluator
	x.Begin(m.doc)
	if v, err := e.Eval(&x); err == nil {
		b.AppendValue("expressionResult", v)
	}
}
