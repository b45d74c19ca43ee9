package query

import (
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/decimal"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// maxSchemaDepth is how deep schemas may be nested.
const maxSchemaDepth = maxFilterDepth

// schemaParser turns a schema's document into rules.
type schemaParser struct{ depth int }

// schemaOrder are the keywords with rules, in the order in which mongod checks them.
var schemaOrder = []string{"type", "bsonType", "pattern", "maxLength", "minLength", "maximum", "minimum", "multipleOf", "maxItems", "minItems", "uniqueItems",
	"items", "additionalItems", "allOf", "anyOf", "oneOf", "not", "enum", "properties", "patternProperties", "additionalProperties", "required",
	"minProperties", "maxProperties", "dependencies"}

// schemaOthers are the keywords that others look at, or nobody.
var schemaOthers = []string{"title", "description", "exclusiveMaximum", "exclusiveMinimum"}

// schemaUnsupported are the keywords of JSON Schema that MongoDB refuses.
var schemaUnsupported = []string{"$ref", "$schema", "default", "definitions", "format", "id"}

func parseJSONSchema(c *filterCompiler, operand document.Value) (*Node, error) {
	if c.inElemMatch > 0 {
		return nil, badValue("$jsonSchema can only be applied to the top-level document")
	}
	if operand.Type != document.TypeDocument {
		return nil, mongoerr.New(mongoerr.TypeMismatch, "$jsonSchema must be an object")
	}
	s, err := (&schemaParser{}).schema(operand.Doc())
	if err != nil {
		return nil, err
	}
	return &Node{Op: OpJSONSchema, Value: operand, doc: s, mayFail: true}, nil
}

func keywordType(keyword, what string) error {
	return mongoerr.New(mongoerr.TypeMismatch, "$jsonSchema keyword '%s' must be %s", keyword, what)
}

func failedToParse(format string, args ...any) error {
	return mongoerr.New(mongoerr.FailedToParse, format, args...)
}

func (p *schemaParser) schema(d document.Doc) (*schema, error) {
	if p.depth++; p.depth > maxSchemaDepth {
		return nil, failedToParse("$jsonSchema is nested deeper than %d levels", maxSchemaDepth)
	}
	defer func() { p.depth-- }()
	given := map[string]document.Value{}
	for it := d.Iter(); it.Next(); {
		name := it.Key()
		_, twice := given[name]
		switch {
		case twice:
			return nil, failedToParse("Duplicate $jsonSchema keyword: %s", name)
		case slices.Contains(schemaUnsupported, name):
			return nil, failedToParse("$jsonSchema keyword '%s' is not currently supported", name)
		case name == "encrypt" || name == "encryptMetadata":
			return nil, mongoerr.New(mongoerr.QueryFeatureNotAllowed, "Encryption-related validator keywords are not allowed in this context")
		case !slices.Contains(schemaOrder, name) && !slices.Contains(schemaOthers, name):
			return nil, failedToParse("Unknown $jsonSchema keyword: %s", name)
		}
		given[name] = it.Value()
	}
	s := &schema{title: given["title"], description: given["description"]}
	if err := s.checkTexts(); err != nil {
		return nil, err
	}
	if !given["type"].IsMissing() && !given["bsonType"].IsMissing() {
		return nil, failedToParse("Cannot specify both $jsonSchema keywords 'type' and 'bsonType'")
	}
	for _, name := range []string{"exclusiveMinimum", "exclusiveMaximum"} {
		if v, limits := given[name], strings.ToLower(name[9:]); !v.IsMissing() && given[limits].IsMissing() {
			if v.Type != document.TypeBool {
				return nil, keywordType(name, "a boolean")
			}
			return nil, failedToParse("$jsonSchema keyword '%s' must be a present if %s is present", limits, name)
		}
	}
	for _, name := range schemaOrder {
		v := given[name]
		if v.IsMissing() {
			continue
		}
		r := schemaRule{keyword: name, spec: v}
		if err := p.rule(&r, s, given); err != nil {
			return nil, err
		}
		if r.rule != nil {
			s.rules = append(s.rules, r)
		}
	}
	return s, nil
}

func (s *schema) checkTexts() error {
	if v := s.title; !v.IsMissing() && v.Type != document.TypeString {
		return mongoerr.New(mongoerr.TypeMismatch, "$jsonSchema keyword 'title' must be of type string")
	}
	if v := s.description; !v.IsMissing() && v.Type != document.TypeString {
		return mongoerr.New(mongoerr.TypeMismatch, "$jsonSchema keyword 'description' must be of type string")
	}
	return nil
}

// rule parses the rule of a keyword. One without effect stays nil.
func (p *schemaParser) rule(r *schemaRule, s *schema, given map[string]document.Value) (err error) {
	name, v := r.keyword, r.spec
	switch name {
	case "type", "bsonType":
		r.rule, err = parseTypes(name, v)
	case "pattern":
		r.about = isText
		if !isText(v) {
			return keywordType(name, "a string")
		}
		var re *pattern
		if re, err = compilePattern(v.Str(), ""); err == nil {
			r.rule = patternRule{re}
		}
	case "minLength", "maxLength":
		r.about = isText
		r.rule, err = parseCount(name, v, countRunes, "specified string length was not satisfied")
	case "minItems", "maxItems":
		r.about = isArray
		r.rule, err = parseCount(name, v, countFields, "array did not match specified length")
	case "minProperties", "maxProperties":
		r.about = isObject
		r.rule, err = parseCount(name, v, countFields, "specified number of properties was not satisfied")
	case "minimum", "maximum":
		r.about = isNumber
		r.rule, err = parseBound(name, v, given["exclusive"+strings.ToUpper(name[:1])+name[1:]])
	case "multipleOf":
		r.about = isNumber
		r.rule, err = parseMultiple(v)
	case "uniqueItems":
		r.about = isArray
		if v.Type != document.TypeBool {
			return keywordType(name, "a boolean")
		}
		if v.Bool() {
			r.rule = uniqueRule{}
		}
	case "items":
		r.about = isArray
		r.rule, err = p.items(v)
	case "additionalItems":
		r.about = isArray
		r.rule, err = p.additionalItems(v, given["items"])
	case "allOf", "anyOf", "oneOf":
		r.rule, err = p.several(name, v)
	case "not":
		if !isObject(v) {
			return mongoerr.New(mongoerr.TypeMismatch, "$jsonSchema keyword 'not' must be an object, but found an element of type %s", v.Type)
		}
		var sub *schema
		if sub, err = p.schema(v.Doc()); err == nil {
			r.rule = notRule{sub}
		}
	case "enum":
		r.rule, err = parseEnum(v)
	case "required":
		r.about = isObject
		var names requiredRule
		if names, err = parseNames(name, v); err == nil {
			r.rule = names
		}
	case "properties":
		r.about = isObject
		r.rule, err = p.properties(v)
	case "patternProperties":
		r.about = isObject
		r.rule, err = p.patterns(v)
	case "additionalProperties":
		r.about = isObject
		r.rule, err = p.additionalProperties(v, s)
	case "dependencies":
		r.about = isObject
		r.rule, err = p.dependencies(v)
	}
	return err
}

// jsonTypes are the names that the keyword type knows.
var jsonTypes = []string{"string", "object", "array", "number", "boolean", "null"}

func parseTypes(name string, v document.Value) (rule, error) {
	set := &ofType{}
	add := func(v document.Value) error {
		if v.Type != document.TypeString {
			return mongoerr.New(mongoerr.TypeMismatch, "$jsonSchema keyword '%s' must be either a string or an array of strings", name)
		}
		alias := v.Str()
		if name == "type" {
			switch {
			case alias == "integer":
				return failedToParse("$jsonSchema type 'integer' is not currently supported.")
			case !slices.Contains(jsonTypes, alias):
				return badValue("Unknown type name alias: %s", alias)
			case alias == "boolean":
				alias = "bool"
			}
		}
		return set.addAlias(alias)
	}
	if v.Type != document.TypeArray {
		return typeRule{set}, add(v)
	}
	if v.Doc().IsEmpty() {
		return nil, failedToParse("$jsonSchema keyword '%s' must name at least one type", name)
	}
	seen := map[string]bool{}
	for it := v.Doc().Iter(); it.Next(); {
		if err := add(it.Value()); err != nil {
			return nil, err
		}
		if seen[it.Value().Str()] {
			return nil, failedToParse("$jsonSchema keyword '%s' has duplicate value: %s", name, it.Value().Str())
		}
		seen[it.Value().Str()] = true
	}
	return typeRule{set}, nil
}

// wholeNumber reads a number that is not negative.
func wholeNumber(name string, v document.Value) (int64, error) {
	n, problem := bitNumber(name, v)
	if problem != "" {
		return 0, failedToParse("%s", problem)
	}
	return n, nil
}

func parseCount(name string, v document.Value, count func(document.Value) int64, reason string) (rule, error) {
	n, err := wholeNumber(name, v)
	return &countRule{bound: n, most: strings.HasPrefix(name, "max"), count: count, reason: reason}, err
}

func parseBound(name string, v, exclusive document.Value) (rule, error) {
	if !v.IsNumber() {
		return nil, keywordType(name, "a number")
	}
	if !exclusive.IsMissing() && exclusive.Type != document.TypeBool {
		return nil, keywordType("exclusive"+strings.ToUpper(name[:1])+name[1:], "a boolean")
	}
	return &boundRule{bound: v, most: name == "maximum", exclusive: exclusive.Bool()}, nil
}

func parseMultiple(v document.Value) (rule, error) {
	if !v.IsNumber() {
		return nil, keywordType("multipleOf", "a number")
	}
	d := decimal.Of(v)
	if !d.IsFinite() || d.Negative() || d.IsZero() {
		return nil, failedToParse("$jsonSchema keyword 'multipleOf' must have a positive value")
	}
	return multipleRule{d}, nil
}

func parseEnum(v document.Value) (rule, error) {
	if v.Type != document.TypeArray {
		return nil, keywordType("enum", "an array, but found an element of type "+v.Type.String())
	}
	list := arrayValues(v)
	if len(list) == 0 {
		return nil, failedToParse("$jsonSchema keyword 'enum' cannot be an empty array")
	}
	if !firstDuplicate(v).IsMissing() {
		return nil, failedToParse("$jsonSchema keyword 'enum' array cannot contain duplicate values.")
	}
	return enumRule(list), nil
}

// parseNames reads an array of different strings.
func parseNames(name string, v document.Value) (requiredRule, error) {
	if v.Type != document.TypeArray {
		return nil, keywordType(name, "an array, but found an element of type "+v.Type.String())
	}
	var names requiredRule
	for it := v.Doc().Iter(); it.Next(); {
		if !isText(it.Value()) {
			return nil, mongoerr.New(mongoerr.TypeMismatch, "$jsonSchema keyword '%s' must be an array of strings, but found an element of type: %s", name, it.Value().Type)
		}
		if slices.Contains(names, it.Value().Str()) {
			return nil, failedToParse("$jsonSchema keyword '%s' array cannot contain duplicate values", name)
		}
		names = append(names, it.Value().Str())
	}
	if len(names) == 0 {
		return nil, failedToParse("$jsonSchema keyword '%s' cannot be an empty array", name)
	}
	return names, nil
}

func (p *schemaParser) items(v document.Value) (rule, error) {
	switch v.Type {
	case document.TypeDocument:
		s, err := p.schema(v.Doc())
		return &itemsRule{schema: s}, err
	case document.TypeArray:
		list, err := p.schemas("items", v)
		return tupleRule(list), err
	}
	return nil, mongoerr.New(mongoerr.TypeMismatch, "$jsonSchema keyword 'items' must be an array or an object, not %s", v.Type)
}

func (p *schemaParser) schemas(name string, v document.Value) ([]*schema, error) {
	var list []*schema
	for it := v.Doc().Iter(); it.Next(); {
		if !isObject(it.Value()) {
			return nil, mongoerr.New(mongoerr.TypeMismatch, "$jsonSchema keyword '%s' must be an array of objects, but found an element of type %s", name, it.Value().Type)
		}
		s, err := p.schema(it.Value().Doc())
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

// additionalItems has no effect unless items has a schema for each position.
func (p *schemaParser) additionalItems(v, items document.Value) (rule, error) {
	r := &itemsRule{from: items.Doc().Len()}
	switch v.Type {
	case document.TypeBool:
		if v.Bool() {
			return nil, nil
		}
	case document.TypeDocument:
		var err error
		if r.schema, err = p.schema(v.Doc()); err != nil {
			return nil, err
		}
	default:
		return nil, keywordType("additionalItems", "either an object or a boolean, but got a "+v.Type.String())
	}
	if items.Type != document.TypeArray {
		return nil, nil
	}
	return r, nil
}

func (p *schemaParser) several(name string, v document.Value) (rule, error) {
	switch {
	case v.Type != document.TypeArray:
		return nil, keywordType(name, "an array")
	case v.Doc().IsEmpty():
		return nil, badValue("$jsonSchema keyword '%s' must be a non-empty array", name)
	}
	list, err := p.schemas(name, v)
	if err != nil {
		return nil, err
	}
	r := &severalRule{schemas: list, least: 1, most: len(list)}
	switch name {
	case "allOf":
		r.least = len(list)
	case "oneOf":
		r.most = 1
	}
	return r, nil
}

func (p *schemaParser) properties(v document.Value) (rule, error) {
	if !isObject(v) {
		return nil, keywordType("properties", "an object")
	}
	r := propertiesRule{}
	for it := v.Doc().Iter(); it.Next(); {
		if !isObject(it.Value()) {
			return nil, mongoerr.New(mongoerr.TypeMismatch, "Nested schema for $jsonSchema property '%s' must be an object", it.Key())
		}
		s, err := p.schema(it.Value().Doc())
		if err != nil {
			return nil, err
		}
		r = append(r, property{it.Key(), s})
	}
	return r, nil
}

func (p *schemaParser) patterns(v document.Value) (rule, error) {
	if !isObject(v) {
		return nil, keywordType("patternProperties", "an object")
	}
	r := patternsRule{}
	for it := v.Doc().Iter(); it.Next(); {
		if !isObject(it.Value()) {
			return nil, mongoerr.New(mongoerr.TypeMismatch, "$jsonSchema keyword 'patternProperties' must be an object where each value is a schema, but found an element of type %s", it.Value().Type)
		}
		re, err := compilePattern(it.Key(), "")
		if err != nil {
			return nil, badValue("Invalid regular expression: %s", strings.TrimPrefix(err.Error(), "Regular expression is invalid: "))
		}
		s, err := p.schema(it.Value().Doc())
		if err != nil {
			return nil, err
		}
		r = append(r, patternProperty{re, s})
	}
	return r, nil
}

func (p *schemaParser) additionalProperties(v document.Value, s *schema) (rule, error) {
	r := &additionalRule{}
	switch v.Type {
	case document.TypeBool:
		if v.Bool() {
			return nil, nil
		}
	case document.TypeDocument:
		var err error
		if r.schema, err = p.schema(v.Doc()); err != nil {
			return nil, err
		}
	default:
		return nil, keywordType("additionalProperties", "an object or a boolean")
	}
	for i := range s.rules { // parsed before this keyword
		switch named := s.rules[i].rule.(type) {
		case propertiesRule:
			r.properties = named
		case patternsRule:
			r.patterns = named
		}
	}
	return r, nil
}

func (p *schemaParser) dependencies(v document.Value) (rule, error) {
	if !isObject(v) {
		return nil, keywordType("dependencies", "an object")
	}
	r := dependenciesRule{}
	for it := v.Doc().Iter(); it.Next(); {
		d := dependency{name: it.Key()}
		var err error
		switch it.Value().Type {
		case document.TypeDocument:
			d.schema, err = p.schema(it.Value().Doc())
		case document.TypeArray:
			d.needs, err = parseDependencyNames(it.Key(), it.Value())
		default:
			err = mongoerr.New(mongoerr.TypeMismatch, "property '%s' in $jsonSchema keyword 'dependencies' must be either an object or an array", it.Key())
		}
		if err != nil {
			return nil, err
		}
		r = append(r, d)
	}
	return r, nil
}

func parseDependencyNames(property string, v document.Value) (requiredRule, error) {
	var names requiredRule
	for it := v.Doc().Iter(); it.Next(); {
		if !isText(it.Value()) {
			return nil, mongoerr.New(mongoerr.TypeMismatch, "property '%s' in $jsonSchema keyword 'dependencies' must be an array of strings", property)
		}
		if slices.Contains(names, it.Value().Str()) {
			return nil, failedToParse("property '%s' in $jsonSchema keyword 'dependencies' array cannot contain duplicate values", property)
		}
		names = append(names, it.Value().Str())
	}
	if len(names) == 0 {
		return nil, failedToParse("property '%s' in $jsonSchema keyword 'dependencies' cannot be an empty array", property)
	}
	return names, nil
}
