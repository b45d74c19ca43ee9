package query

import (
	"slices"
	"unicode/utf8"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
)

// $jsonSchema: draft 4 of JSON Schema as MongoDB has it. A schema is a list of rules, in the order in which failures are reported.

// schema is a compiled schema.
type schema struct {
	rules       []schemaRule
	description document.Value // missing: there is none
	title       document.Value
}

// schemaRule is one keyword. A rule about values of one type is met by all others.
type schemaRule struct {
	keyword string
	spec    document.Value // as given
	about   func(v document.Value) bool
	rule    rule
}

// rule is what a keyword demands of a value that it is about.
type rule interface {
	match(v document.Value, run *matching) bool
	// explain appends why v does not match, behind the keyword's name and, if it wants that, what was specified.
	explain(b *document.Builder, r *schemaRule, v document.Value)
}

func (s *schema) match(v document.Value, run *matching) bool {
	for i := range s.rules {
		if !s.rules[i].match(v, run) {
			return false
		}
	}
	return true
}

func (r *schemaRule) match(v document.Value, run *matching) bool {
	return r.about != nil && !r.about(v) || r.rule.match(v, run)
}

// matchDoc makes a schema a condition on documents.
func (s *schema) matchDoc(doc document.Doc, run *matching) bool { return s.match(doc.AsValue(), run) }

func isObject(v document.Value) bool { return v.Type == document.TypeDocument }
func isArray(v document.Value) bool  { return v.Type == document.TypeArray }
func isText(v document.Value) bool   { return v.Type == document.TypeString }
func isNumber(v document.Value) bool { return v.IsNumber() }

// typeRule is type and bsonType.
type typeRule struct{ types *ofType }

func (r typeRule) match(v document.Value, _ *matching) bool { return r.types.matchValue(v, nil) }

// requiredRule is required.
type requiredRule []string

func (r requiredRule) match(v document.Value, _ *matching) bool { return len(r.missing(v)) == 0 }

func (r requiredRule) missing(v document.Value) (names []string) {
	for _, name := range r {
		if v.Doc().Lookup(name).IsMissing() {
			names = append(names, name)
		}
	}
	return names
}

// propertiesRule is properties.
type propertiesRule []property

type property struct {
	name   string
	schema *schema
}

func (r propertiesRule) match(v document.Value, run *matching) bool {
	for i := range r {
		if p := v.Doc().Lookup(r[i].name); !p.IsMissing() && !r[i].schema.match(p, run) {
			return false
		}
	}
	return true
}

func (r propertiesRule) has(name string) bool {
	return slices.ContainsFunc(r, func(p property) bool { return p.name == name })
}

// patternsRule is patternProperties.
type patternsRule []patternProperty

type patternProperty struct {
	pattern *pattern
	schema  *schema
}

func (r patternsRule) match(v document.Value, run *matching) bool {
	for it := v.Doc().Iter(); it.Next(); {
		for i := range r {
			if r[i].names(it.Key(), run) && !r[i].schema.match(it.Value(), run) {
				return false
			}
		}
	}
	return true
}

func (p *patternProperty) names(name string, run *matching) bool {
	ok, err := p.pattern.re.Match(name)
	if err != nil {
		run.fail(err)
	}
	return ok
}

// additionalRule is additionalProperties: what holds for those that neither properties nor patternProperties name.
type additionalRule struct {
	properties propertiesRule
	patterns   patternsRule
	schema     *schema // nil: there may be none
}

func (r *additionalRule) match(v document.Value, run *matching) bool {
	for it := v.Doc().Iter(); it.Next(); {
		if r.additional(it.Key(), run) && (r.schema == nil || !r.schema.match(it.Value(), run)) {
			return false
		}
	}
	return true
}

func (r *additionalRule) additional(name string, run *matching) bool {
	return !r.properties.has(name) && !slices.ContainsFunc(r.patterns, func(p patternProperty) bool { return p.names(name, run) })
}

// dependenciesRule is dependencies: what the presence of a property demands.
type dependenciesRule []dependency

type dependency struct {
	name   string
	needs  requiredRule // other properties, or
	schema *schema      // that the whole object meets a schema
}

func (r dependenciesRule) match(v document.Value, run *matching) bool {
	return !slices.ContainsFunc(r, func(d dependency) bool { return !d.match(v, run) })
}

func (d *dependency) match(v document.Value, run *matching) bool {
	if v.Doc().Lookup(d.name).IsMissing() {
		return true
	}
	if d.schema != nil {
		return d.schema.match(v, run)
	}
	return d.needs.match(v, run)
}

// countRule bounds the number of properties, items or characters.
type countRule struct {
	bound  int64
	most   bool // at most, else at least
	count  func(v document.Value) int64
	reason string
}

func (r *countRule) match(v document.Value, _ *matching) bool {
	n := r.count(v)
	if r.most {
		return n <= r.bound
	}
	return n >= r.bound
}

func countFields(v document.Value) int64 { return int64(v.Doc().Len()) }
func countRunes(v document.Value) int64  { return int64(utf8.RuneCountInString(v.Str())) }

// uniqueRule is uniqueItems.
type uniqueRule struct{}

func (uniqueRule) match(v document.Value, _ *matching) bool { return firstDuplicate(v).IsMissing() }

// firstDuplicate returns an element of an array that is there twice; missing if there is none.
func firstDuplicate(v document.Value) document.Value {
	list := arrayValues(v)
	slices.SortStableFunc(list, document.Compare)
	for i := 1; i < len(list); i++ {
		if document.Equal(list[i-1], list[i]) {
			return list[i]
		}
	}
	return document.Value{}
}

// itemsRule is items with one schema, and additionalItems: it holds for items from a position on.
type itemsRule struct {
	from   int
	schema *schema // nil: there may be none
}

func (r *itemsRule) match(v document.Value, run *matching) bool { return r.firstWrong(v, run) < 0 }

// firstWrong returns the position of the first item that the rule forbids; -1 if there is none.
func (r *itemsRule) firstWrong(v document.Value, run *matching) int {
	i := 0
	for it := v.Doc().Iter(); it.Next(); i++ {
		if i >= r.from && (r.schema == nil || !r.schema.match(it.Value(), run)) {
			return i
		}
	}
	return -1
}

// tupleRule is items with a schema for each position.
type tupleRule []*schema

func (r tupleRule) match(v document.Value, run *matching) bool {
	i := 0
	for it := v.Doc().Iter(); it.Next() && i < len(r); i++ {
		if !r[i].match(it.Value(), run) {
			return false
		}
	}
	return true
}

// boundRule is minimum and maximum.
type boundRule struct {
	bound     document.Value
	most      bool
	exclusive bool
}

func (r *boundRule) match(v document.Value, _ *matching) bool {
	c := document.Compare(v, r.bound)
	if isNaN(v) != isNaN(r.bound) {
		return false
	}
	switch {
	case c == 0:
		return !r.exclusive
	case r.most:
		return c < 0
	}
	return c > 0
}

// multipleRule is multipleOf.
type multipleRule struct{ of decimal.Number }

func (r multipleRule) match(v document.Value, _ *matching) bool {
	return decimal.Of(v).Rem(r.of).IsZero()
}

// patternRule is pattern.
type patternRule struct{ pattern *pattern }

func (r patternRule) match(v document.Value, run *matching) bool { return r.pattern.matchValue(v, run) }

// enumRule is enum.
type enumRule []document.Value

func (r enumRule) match(v document.Value, _ *matching) bool {
	return slices.ContainsFunc(r, func(e document.Value) bool { return document.Equal(e, v) })
}

// severalRule is allOf, anyOf and oneOf.
type severalRule struct {
	schemas     []*schema
	least, most int // how many must be met
}

func (r *severalRule) match(v document.Value, run *matching) bool {
	n := len(r.met(v, run))
	return r.least <= n && n <= r.most
}

// met returns the positions of the schemas that v meets.
func (r *severalRule) met(v document.Value, run *matching) (list []int) {
	for i, s := range r.schemas {
		if s.match(v, run) {
			list = append(list, i)
		}
	}
	return list
}

// notRule is not.
type notRule struct{ schema *schema }

func (r notRule) match(v document.Value, run *matching) bool { return !r.schema.match(v, run) }
