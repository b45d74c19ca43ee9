package query

import (
	"github.com/mortondb/morton/internal/document"
)

// Why a value does not meet a schema, in the form of a validation error's details (recorded from mongod 6.0.5).

// appendUnmet appends, under a name, an array with an element for each rule that v does not meet.
func (s *schema) appendUnmet(b *document.Builder, name string, v document.Value) {
	b.OpenArray(name)
	n := 0
	run := &matching{}
	for i := range s.rules {
		r := &s.rules[i]
		if r.match(v, run) {
			continue
		}
		b.OpenDoc(document.Index(n))
		b.AppendString("operatorName", r.keyword)
		r.rule.explain(b, r, v)
		b.Close()
		n++
	}
	b.Close()
}

// appendTexts appends the title and the description.
func (s *schema) appendTexts(b *document.Builder) {
	b.AppendValue("title", s.title)
	b.AppendValue("description", s.description)
}

// simple appends what most rules do: what was specified, a reason, and the value.
func (r *schemaRule) simple(b *document.Builder, reason string, v document.Value) {
	r.specified(b)
	b.AppendString("reason", reason)
	b.AppendValue("consideredValue", v)
}

func (r *schemaRule) specified(b *document.Builder) {
	b.OpenDoc("specifiedAs")
	b.AppendValue(r.keyword, r.spec)
	b.Close()
}

func (r typeRule) explain(b *document.Builder, k *schemaRule, v document.Value) {
	k.simple(b, "type did not match", v)
	b.AppendString("consideredType", v.Type.String())
}

func (r requiredRule) explain(b *document.Builder, k *schemaRule, v document.Value) {
	k.specified(b)
	r.appendMissing(b, v)
}

func (r requiredRule) appendMissing(b *document.Builder, v document.Value) {
	b.OpenArray("missingProperties")
	for i, name := range r.missing(v) {
		b.AppendString(document.Index(i), name)
	}
	b.Close()
}

func (r propertiesRule) explain(b *document.Builder, _ *schemaRule, v document.Value) {
	b.OpenArray("propertiesNotSatisfied")
	n := 0
	for _, p := range r {
		value := v.Doc().Lookup(p.name)
		if value.IsMissing() || p.schema.match(value, &matching{}) {
			continue
		}
		b.OpenDoc(document.Index(n))
		b.AppendString("propertyName", p.name)
		p.schema.appendTexts(b)
		p.schema.appendUnmet(b, "details", value)
		b.Close()
		n++
	}
	b.Close()
}

func (r patternsRule) explain(b *document.Builder, _ *schemaRule, v document.Value) {
	b.OpenArray("details")
	n := 0
	for i := range r { // of each pattern the first property
		p := &r[i]
		for it := v.Doc().Iter(); it.Next(); {
			if !p.names(it.Key(), &matching{}) || p.schema.match(it.Value(), &matching{}) {
				continue
			}
			b.OpenDoc(document.Index(n))
			b.AppendString("propertyName", it.Key())
			b.AppendString("regexMatched", p.pattern.text)
			p.schema.appendUnmet(b, "details", it.Value())
			b.Close()
			n++
			break
		}
	}
	b.Close()
}

func (r *additionalRule) explain(b *document.Builder, k *schemaRule, v document.Value) {
	if r.schema == nil {
		k.specified(b)
		b.OpenArray("additionalProperties")
		n := 0
		for it := v.Doc().Iter(); it.Next(); {
			if r.additional(it.Key(), &matching{}) {
				b.AppendString(document.Index(n), it.Key())
				n++
			}
		}
		b.Close()
		return
	}
	b.AppendString("reason", "at least one additional property did not match the subschema")
	for it := v.Doc().Iter(); it.Next(); {
		if r.additional(it.Key(), &matching{}) && !r.schema.match(it.Value(), &matching{}) {
			b.AppendString("failingProperty", it.Key())
			r.schema.appendUnmet(b, "details", it.Value())
			return
		}
	}
}

func (r dependenciesRule) explain(b *document.Builder, _ *schemaRule, v document.Value) {
	b.OpenArray("failingDependencies")
	n := 0
	for i := range r {
		d := &r[i]
		if d.match(v, &matching{}) {
			continue
		}
		b.OpenDoc(document.Index(n))
		b.AppendString("conditionalProperty", d.name)
		if d.schema != nil {
			d.schema.appendUnmet(b, "details", v)
		} else {
			d.needs.appendMissing(b, v)
		}
		b.Close()
		n++
	}
	b.Close()
}

func (r *countRule) explain(b *document.Builder, k *schemaRule, v document.Value) {
	switch v.Type {
	case document.TypeDocument:
		k.simple(b, r.reason, document.Value{})
		b.AppendInt32("numberOfProperties", int32(r.count(v)))
	case document.TypeArray:
		k.simple(b, r.reason, v)
		b.AppendInt32("numberOfItems", int32(r.count(v)))
	default:
		k.simple(b, r.reason, v)
	}
}

func (r uniqueRule) explain(b *document.Builder, k *schemaRule, v document.Value) {
	k.simple(b, "found a duplicate item", v)
	b.AppendValue("duplicatedValue", firstDuplicate(v))
}

func (r *itemsRule) explain(b *document.Builder, k *schemaRule, v document.Value) {
	if r.schema == nil {
		k.specified(b)
		b.AppendString("reason", "found additional items")
		b.OpenArray("additionalItems")
		for i, item := range arrayValues(v)[r.from:] {
			b.AppendValue(document.Index(i), item)
		}
		b.Close()
		return
	}
	reason := "At least one item did not match the sub-schema"
	if k.keyword == "additionalItems" {
		reason = "At least one additional item did not match the sub-schema"
	}
	b.AppendString("reason", reason)
	i := r.firstWrong(v, &matching{})
	b.AppendInt32("itemIndex", int32(i))
	r.schema.appendUnmet(b, "details", arrayValues(v)[i])
}

func (r tupleRule) explain(b *document.Builder, _ *schemaRule, v document.Value) {
	b.OpenArray("details")
	n := 0
	for i, item := range arrayValues(v) {
		if i >= len(r) || r[i].match(item, &matching{}) {
			continue
		}
		b.OpenDoc(document.Index(n))
		b.AppendInt64("itemIndex", int64(i))
		r[i].appendUnmet(b, "details", item)
		b.Close()
		n++
	}
	b.Close()
}

func (r *boundRule) explain(b *document.Builder, k *schemaRule, v document.Value) {
	b.OpenDoc("specifiedAs")
	b.AppendValue(k.keyword, k.spec)
	if r.exclusive {
		b.AppendBool(map[bool]string{true: "exclusiveMaximum", false: "exclusiveMinimum"}[r.most], true)
	}
	b.Close()
	b.AppendString("reason", "comparison failed")
	b.AppendValue("consideredValue", v)
}

func (r multipleRule) explain(b *document.Builder, k *schemaRule, v document.Value) {
	k.simple(b, "considered value is not a multiple of the specified value", v)
}

func (r patternRule) explain(b *document.Builder, k *schemaRule, v document.Value) {
	k.simple(b, "regular expression did not match", v)
}

func (r enumRule) explain(b *document.Builder, k *schemaRule, v document.Value) {
	k.simple(b, "value was not found in enum", v)
}

func (r *severalRule) explain(b *document.Builder, _ *schemaRule, v document.Value) {
	if met := r.met(v, &matching{}); len(met) > r.most {
		b.AppendString("reason", "more than one subschema matched")
		b.OpenArray("matchingSchemaIndexes")
		for i, at := range met {
			b.AppendInt32(document.Index(i), int32(at))
		}
		b.Close()
		return
	}
	b.OpenArray("schemasNotSatisfied")
	n := 0
	for i, s := range r.schemas {
		if s.match(v, &matching{}) {
			continue
		}
		b.OpenDoc(document.Index(n))
		b.AppendInt32("index", int32(i))
		s.appendUnmet(b, "details", v)
		b.Close()
		n++
	}
	b.Close()
}

func (r notRule) explain(b *document.Builder, _ *schemaRule, _ document.Value) {
	b.AppendString("reason", "child expression matched")
}
