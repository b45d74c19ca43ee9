package query

import (
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/text"
)

// ErrTextIndexRequired answers a $text where there is no text index.
var ErrTextIndexRequired = mongoerr.New(mongoerr.IndexNotFound, "text index required for $text query")

// Errors of the planner about a $text.
var (
	ErrNoTextIndex = mongoerr.New(mongoerr.NoQueryExecutionPlans, "need exactly one text index for $text query")
	ErrTextPrefix  = mongoerr.New(mongoerr.NoQueryExecutionPlans, "failed to use text index to satisfy $text query (if text index is compound, "+
		"are equality predicates given for all prefix fields?)")
	ErrTextBesideUnindexed = mongoerr.New(mongoerr.NoQueryExecutionPlans, "Failed to produce a solution for TEXT under OR - other non-TEXT clauses under OR have to be indexed as well.")
)

// CheckText refuses what cannot be beside a $text in a query: a hint, natural order, waiting for more.
func CheckText(f *Filter, hint document.Value, sort *Sort, tailable bool) error {
	if f.text == nil {
		return nil
	}
	_, hinted, err := CompileHint(hint)
	switch {
	case err != nil:
		return err
	case sort != nil && sort.natural != 0:
		return badValue("text expression not allowed with $natural sort order")
	case hinted:
		return badValue("text and hint not allowed in same query")
	case tailable:
		return badValue("text and tailable cursor not allowed in same query")
	}
	return nil
}

// TextSearch is what a $text says.
type TextSearch struct {
	Search, Language string // of a language "": the index's
	Exact            text.Exact
}

// textFields are the fields of $text in the order in which mongod looks at them.
var textFields = []struct {
	name string
	is   document.Type
}{
	{"$search", document.TypeString}, {"$language", document.TypeString}, {"$caseSensitive", document.TypeBool}, {"$diacriticSensitive", document.TypeBool},
}

// parseText checks a $text, and compiles it for the collection's text index.
func parseText(c *filterCompiler, operand document.Value) (*Node, error) {
	switch {
	case c.inElemMatch > 0:
		return nil, badValue("$text can only be applied to the top-level document")
	case operand.Type != document.TypeDocument:
		return nil, badValue("$text expects an object")
	}
	doc, known := operand.Doc(), 0
	for _, f := range textFields {
		switch v := doc.Lookup(f.name); {
		case v.IsMissing() && f.name == "$search":
			return nil, mongoerr.New(mongoerr.NoSuchKey, `Missing expected field "$search"`)
		case v.IsMissing():
		case v.Type != f.is:
			return nil, mongoerr.New(mongoerr.TypeMismatch, `"%s" had the wrong type. Expected %s, found %s`, f.name, f.is, v.Type)
		default:
			known++
		}
	}
	if doc.Len() != known {
		return nil, badValue("extra fields in $text")
	}
	if c.text == nil {
		return nil, ErrTextIndexRequired
	}
	search, err := c.text(TextSearch{doc.Lookup("$search").Str(), doc.Lookup("$language").Str(),
		text.Exact{Case: doc.Lookup("$caseSensitive").Bool(), Diacritics: doc.Lookup("$diacriticSensitive").Bool()}})
	if err != nil {
		return nil, err
	}
	n := &Node{Op: OpText, Value: shownText(search).AsValue(), Text: search, doc: matchesText{search}}
	c.texts = append(c.texts, n)
	return n, nil
}

// matchesText matches documents that a text index would find.
type matchesText struct{ search *text.Search }

func (m matchesText) matchDoc(doc document.Doc, _ *matching) bool { return m.search.Finds(doc) }

// shownText is a $text as explain shows it: with what it did not say.
func shownText(s *text.Search) document.Doc {
	var b document.Builder
	b.AppendString("$search", s.Text)
	b.AppendString("$language", s.Language)
	b.AppendBool("$caseSensitive", s.Exact.Case)
	b.AppendBool("$diacriticSensitive", s.Exact.Diacritics)
	return b.Finish()
}

// checkTexts refuses a $text where no index could be asked: beside another one, under a $nor, beside a $near.
func (c *filterCompiler) checkTexts(f *Filter) error {
	switch {
	case len(c.texts) == 0:
		return nil
	case len(c.texts) > 1:
		return badValue("Too many text expressions")
	case f.root.negatesText(false):
		return badValue("text expression not allowed in nor")
	case f.Near() != nil:
		return badValue("text and geoNear not allowed in same query")
	}
	f.text = c.texts[0]
	return nil
}

func (n *Node) negatesText(negated bool) bool {
	if n.Op == OpText {
		return negated
	}
	for _, child := range n.Children {
		if child.negatesText(negated || n.Op == OpNor) {
			return true
		}
	}
	return false
}

// Searches reports whether a condition is a $text or has one among its parts.
func (n *Node) Searches() bool {
	if n.Op == OpText {
		return true
	}
	for _, child := range n.Children {
		if child.Searches() {
			return true
		}
	}
	return false
}

// NeedsSearch reports whether documents that a condition holds for cannot be told without asking the text index.
func (n *Node) NeedsSearch() bool {
	switch {
	case n.Op == OpText:
		return true
	case n.Op == OpOr && slices.ContainsFunc(n.Children, (*Node).alwaysHolds):
		return false
	}
	return slices.ContainsFunc(n.Children, (*Node).NeedsSearch)
}

// alwaysHolds reports whether a look at the condition tells that everything meets it.
func (n *Node) alwaysHolds() bool {
	switch n.Op {
	case OpAlwaysTrue:
		return true
	case OpAnd:
		return !slices.ContainsFunc(n.Children, func(c *Node) bool { return !c.alwaysHolds() })
	case OpOr:
		return slices.ContainsFunc(n.Children, (*Node).alwaysHolds)
	}
	return false
}

// LooksAt reports whether this is a condition on a path, or the negation of one.
func (n *Node) LooksAt(path string) bool {
	return n.Path == path || n.Op == OpNor && len(n.Children) == 1 && n.Children[0].Path == path
}

// Text returns the $text of a filter as it was compiled; nil if it has none.
func (f *Filter) Text() *Node { return f.text }
