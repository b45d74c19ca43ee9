package collation

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Version is that of the weights, in mongod's words. Indexes remember it: their keys are good for this version only.
const Version = "57.1"

// Spec is a collation as its document says it, with everything that it does not say filled in.
type Spec struct {
	Locale          string
	CaseLevel       bool
	CaseFirst       string // "upper", "lower" or "off"
	Strength        int    // 1 to 5
	NumericOrdering bool
	Alternate       string // "non-ignorable" or "shifted"
	MaxVariable     string // "punct" or "space"
	Normalization   bool
	Backwards       bool
}

// IsSimple reports whether a collation document asks for the simple collation, or for none.
func IsSimple(d document.Doc) bool {
	return len(d) <= len(document.Empty) || d.Lookup("locale").Str() == simple
}

const simple = "simple"

// Parse returns the collation that a document asks for; nil if that is the simple one. Types have been checked before; errors are in mongod's words.
func Parse(d document.Doc) (*Collation, error) {
	if IsSimple(d) {
		return nil, nil
	}
	s := defaultsOf(d.Lookup("locale").Str())
	for it := d.Iter(); it.Next(); {
		v := it.Value()
		if v.IsNullish() {
			continue
		}
		switch it.Key() {
		case "locale":
			s.Locale = strings.Clone(v.Str())
		case "caseLevel":
			s.CaseLevel = v.Bool()
		case "caseFirst":
			s.CaseFirst = strings.Clone(v.Str())
		case "strength":
			n, _ := v.ToInt64()
			s.Strength = int(n)
		case "numericOrdering":
			s.NumericOrdering = v.Bool()
		case "alternate":
			s.Alternate = strings.Clone(v.Str())
		case "maxVariable":
			s.MaxVariable = strings.Clone(v.Str())
		case "normalization":
			s.Normalization = v.Bool()
		case "backwards":
			s.Backwards = v.Bool()
		}
	}
	t := tableOf(s.Locale)
	if err := s.check(d, t); err != nil {
		return nil, err
	}
	return newCollation(s, t), nil
}

const (
	nonIgnorable = "non-ignorable"
	shifted      = "shifted"
)

// normalizing are the languages for which text is normalized unless the collation says otherwise; it is for searching in every language, too.
var normalizing = strings.Fields("as bn el fa fa_AF gu he hi ig km kn kok mr my or pa ps si ta te th vi yi yo")

// defaultsOf returns what a locale's collation is if nothing is said.
func defaultsOf(locale string) Spec {
	language, kind, _ := strings.Cut(locale, "@collation=")
	s := Spec{CaseFirst: "off", Strength: 3, Alternate: nonIgnorable, MaxVariable: "punct"}
	switch kind {
	case "search":
		s.Normalization = true
		return s
	case "searchjl":
		s.Normalization = true
	case "eor", "emoji":
		return s
	}
	s.Normalization = s.Normalization || slices.Contains(normalizing, language)
	switch language {
	case "da", "mt":
		s.CaseFirst = "upper"
	case "fr_CA": // the last accent counts first
		s.Backwards = true
	case "th":
		s.Alternate = shifted
	}
	return s
}

func (s *Spec) check(d document.Doc, t *table) error {
	bad := func(format string, args ...any) error { return mongoerr.New(mongoerr.BadValue, format, args...) }
	switch {
	case s.Locale == "":
		return bad("Field 'locale' cannot be the empty string in: %s", d.Shell())
	case strings.ContainsRune(s.Locale, 0):
		return bad("Field 'locale' cannot contain null byte. Collation spec: %s", d.Shell())
	case t == nil:
		return bad("Field 'locale' is invalid in: %s%s", d.Shell(), suggestion(s.Locale))
	}
	if v := d.Lookup("version"); v.Type == document.TypeString && v.Str() != Version {
		return mongoerr.New(mongoerr.IncompatibleCollationVersion,
			"Requested collation version %s but the only available collator version was %s. Requested collation spec: %s", v.Str(), Version, d.Shell())
	}
	switch {
	case s.Strength < 1 || s.Strength > 5:
		return bad("Enumeration value '%d' for field 'collation.strength' is not a valid value.", s.Strength)
	case s.Backwards && s.Strength == 1:
		return bad("'backwards' is invalid with 'strength' of 1 in: %s", d.Shell())
	case s.CaseFirst != "off" && !s.CaseLevel && s.Strength < 3:
		return bad("'caseFirst' is invalid unless 'caseLevel' is on or 'strength' is greater than 2 in: %s", d.Shell())
	}
	return nil
}

// suggestion names the locale that ICU would take for one that is not known: the same without what is too much.
func suggestion(locale string) string {
	language, region, _ := strings.Cut(strings.NewReplacer("-", "_").Replace(before(locale, "@")), "_")
	language = strings.ToLower(language)
	for _, name := range []string{language + "_" + strings.ToUpper(region), language} {
		if name != locale && tableOf(name) != nil {
			return ". Did you mean '" + name + "'?"
		}
	}
	return ""
}

func before(s, sep string) string {
	s, _, _ = strings.Cut(s, sep)
	return s
}

func newCollation(s Spec, t *table) *Collation {
	c := &Collation{
		spec: s, table: t, strength: s.Strength, caseLevel: s.CaseLevel, caseFirst: s.CaseFirst != "off", upperFirst: s.CaseFirst == "upper",
		numeric: s.NumericOrdering, backwards: s.Backwards, normalize: s.Normalization,
	}
	if s.Alternate == shifted {
		c.variableTop = t.punctTop
		if s.MaxVariable == "space" {
			c.variableTop = t.spaceTop
		}
	}
	return c
}

// Complete returns a collation document with every field but the version: what messages of create show.
func Complete(d document.Doc) document.Doc {
	var b document.Builder
	field := func(name string, otherwise document.Value) {
		if v := d.Lookup(name); !v.IsNullish() {
			otherwise = v
		}
		b.AppendValue(name, otherwise)
	}
	field("locale", document.Value{})
	field("caseLevel", document.Bool(false))
	field("caseFirst", document.String("off"))
	strength := document.Int32(3)
	if n, ok := d.Lookup("strength").ToInt64(); ok {
		strength = document.Int32(int32(n))
	}
	b.AppendValue("strength", strength)
	field("numericOrdering", document.Bool(false))
	field("alternate", document.String(nonIgnorable))
	field("maxVariable", document.String("punct"))
	field("normalization", document.Bool(false))
	field("backwards", document.Value{})
	field("version", document.Value{})
	return b.Finish()
}

// Document returns the collation with every field, as listIndexes and listCollections show it.
func (c *Collation) Document() document.Doc {
	s := &c.spec
	var b document.Builder
	b.AppendString("locale", s.Locale)
	b.AppendBool("caseLevel", s.CaseLevel)
	b.AppendString("caseFirst", s.CaseFirst)
	b.AppendInt32("strength", int32(s.Strength))
	b.AppendBool("numericOrdering", s.NumericOrdering)
	b.AppendString("alternate", s.Alternate)
	b.AppendString("maxVariable", s.MaxVariable)
	b.AppendBool("normalization", s.Normalization)
	b.AppendBool("backwards", s.Backwards)
	b.AppendString("version", Version)
	return b.Finish()
}

// Collator returns c for those who compare: nil for the simple collation.
func (c *Collation) Collator() document.Collator {
	if c == nil {
		return nil
	}
	return c
}

// Same reports whether another collator is the same collation.
func (c *Collation) Same(other document.Collator) bool {
	o, ok := other.(*Collation)
	return ok && c.spec == o.spec
}
