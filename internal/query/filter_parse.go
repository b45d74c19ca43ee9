package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/text"
)

// maxFilterDepth is how deep conditions may be nested (mongod's MatchExpressionParser::kMaximumTreeDepth).
const maxFilterDepth = 100

// filterCompiler turns filter documents into nodes.
type filterCompiler struct {
	depth       int
	inElemMatch int
	collator    document.Collator
	expr        expr.Options // of $expr
	upsert      bool
	near        bool
	text        func(TextSearch) (*text.Search, error)
	texts       []*Node
}

// The operators, by the place where they may stand. A family's file has the functions of its rows.
var (
	documentOperators map[string]func(c *filterCompiler, operand document.Value) (*Node, error)              // {$and: ...}
	pathOperators     map[string]func(c *filterCompiler, path string, operand document.Value) (*Node, error) // {a: {$gt: ...}}
)

func init() { // not initializers: the functions refer back to the tables
	documentOperators = map[string]func(*filterCompiler, document.Value) (*Node, error){
		"$and":         parseAnd,
		"$or":          parseOr,
		"$nor":         parseNor,
		"$alwaysTrue":  parseAlwaysTrue,
		"$alwaysFalse": parseAlwaysFalse,
		"$comment":     parseComment,
		"$ref":         parseReferenceField("$ref"),
		"$id":          parseReferenceField("$id"),
		"$db":          parseReferenceField("$db"),
		"$where":       parseWhere,
		"$text":        parseText,
		"$expr":        parseExpr,
		"$jsonSchema":  parseJSONSchema,
		"$sampleRate":  parseSampleRate,
	}
	pathOperators = map[string]func(*filterCompiler, string, document.Value) (*Node, error){
		"$eq":           parseEq,
		"$ne":           parseNe,
		"$gt":           parseOrder(OpGt),
		"$gte":          parseOrder(OpGte),
		"$lt":           parseOrder(OpLt),
		"$lte":          parseOrder(OpLte),
		"$in":           parseIn,
		"$nin":          parseNin,
		"$not":          parseNot,
		"$exists":       parseExists,
		"$type":         parseType,
		"$size":         parseSize,
		"$all":          parseAll,
		"$elemMatch":    parseElemMatch,
		"$mod":          parseMod,
		"$bitsAllSet":   parseBits("$bitsAllSet", true, true),
		"$bitsAllClear": parseBits("$bitsAllClear", false, true),
		"$bitsAnySet":   parseBits("$bitsAnySet", true, false),
		"$bitsAnyClear": parseBits("$bitsAnyClear", false, false),
		"$where":        parseWhereOnField,
	}
	pathOperators["$geoWithin"], pathOperators["$within"] = parseGeoWithin("$geoWithin"), parseGeoWithin("$within")
	pathOperators["$geoIntersects"] = parseGeoIntersects
}

// document compiles a filter document to one node, an $and unless it has a single condition.
func (c *filterCompiler) document(filter document.Doc) (*Node, error) {
	if c.depth++; c.depth > maxFilterDepth {
		return nil, badValue("exceeded maximum query tree depth of %d at %s", maxFilterDepth, docText(filter))
	}
	defer func() { c.depth-- }()

	var list []*Node
	for it := filter.Iter(); it.Next(); {
		nodes, err := c.element(it.Key(), it.Value())
		if err != nil {
			return nil, err
		}
		list = append(list, nodes...)
	}
	if len(list) == 1 {
		return list[0], nil
	}
	return and(list), nil
}

// element compiles one field of a filter document.
func (c *filterCompiler) element(name string, v document.Value) ([]*Node, error) {
	switch {
	case len(name) > 0 && name[0] == '$':
		n, err := c.documentOperator(name, v)
		if n == nil || err != nil {
			return nil, err
		}
		return []*Node{n}, nil
	case isOperatorDoc(v):
		return c.operators(name, v.Doc())
	}
	if err := checkFilterPath(name); err != nil {
		return nil, err
	}
	n, err := parseValue(c, name, v)
	if err != nil {
		return nil, err
	}
	return []*Node{n}, nil
}

// maxPositions is how many parts of a filter's path may be numbers. Each may mean a field or a position, and all combinations
// are tried, so that their number grows exponentially in documents that are made for it.
const maxPositions = 20

// checkFilterPath refuses paths that could only do harm.
func checkFilterPath(path string) error {
	dots := strings.Count(path, ".")
	switch {
	case dots >= document.MaxDepth:
		return errPathTooLong
	case dots < maxPositions:
		return nil
	}
	positions := 0
	for part := range strings.SplitSeq(path, ".") {
		if isIndex(part) {
			positions++
		}
	}
	if positions > maxPositions {
		return badValue("more than %d parts of the path '%s' are numbers", maxPositions, path)
	}
	return nil
}

func (c *filterCompiler) documentOperator(name string, operand document.Value) (*Node, error) {
	if parse := documentOperators[name]; parse != nil {
		return parse(c, operand)
	}
	if name == "$not" {
		return nil, badValue("unknown top level operator: $not. If you are trying to negate an entire expression, use $nor.")
	}
	return nil, badValue("unknown top level operator: %s. If you have a field name that starts with a '$' symbol, consider using $getField or $setField.", name)
}

// operators compiles {$gt: 1, $lt: 5} on path.
func (c *filterCompiler) operators(path string, doc document.Doc) ([]*Node, error) {
	if err := checkFilterPath(path); err != nil {
		return nil, err
	}
	var list []*Node
	for it := doc.Iter(); it.Next(); {
		switch it.Key() {
		case "$regex":
			n, err := parseRegex(path, doc)
			if err != nil {
				return nil, err
			}
			list = append(list, n)
			continue
		case "$near", "$nearSphere", "$geoNear":
			n, err := c.parseNear(path, it.Key(), doc)
			if err != nil {
				return nil, err
			}
			return append(list, n), nil
		case "$minDistance", "$maxDistance":
			if first := doc.First().Key; first == "$near" || first == "$nearSphere" || first == "$geoNear" {
				continue
			}
		case "$options":
			if doc.Lookup("$regex").IsMissing() {
				return nil, badValue("$options needs a $regex")
			}
			continue
		}
		parse := pathOperators[it.Key()]
		if parse == nil {
			return nil, badValue("unknown operator: %s", it.Key())
		}
		n, err := parse(c, path, it.Value())
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}

// isPathOperator reports whether there is an operator of that name for what is at a path.
func isPathOperator(name string) bool {
	switch name {
	case "$regex", "$options", "$near", "$nearSphere", "$geoNear":
		return true
	}
	return pathOperators[name] != nil
}

// isOperatorDoc reports whether v is a document of operators: its first field starts with $ and it is no DBRef.
func isOperatorDoc(v document.Value) bool {
	if v.Type != document.TypeDocument {
		return false
	}
	e := v.Doc().First()
	if len(e.Key) == 0 || e.Key[0] != '$' {
		return false
	}
	return v.Doc().Lookup("$ref").IsMissing() || v.Doc().Lookup("$id").IsMissing()
}

func badValue(format string, args ...any) error {
	return mongoerr.New(mongoerr.BadValue, format, args...)
}

// notYet is the answer to what MongoDB has and Morton will have. what says the thing, with its verb.
func notYet(what string) error {
	return mongoerr.New(mongoerr.NotImplemented, "%s not supported yet", what)
}

func parseComment(*filterCompiler, document.Value) (*Node, error) { return nil, nil }

// parseReferenceField is for the fields of a DBRef, which may be matched like others in spite of their names.
func parseReferenceField(name string) func(*filterCompiler, document.Value) (*Node, error) {
	return func(c *filterCompiler, operand document.Value) (*Node, error) {
		if !isOperatorDoc(operand) {
			return parseValue(c, name, operand)
		}
		list, err := c.operators(name, operand.Doc())
		if err != nil {
			return nil, err
		}
		return and(list), nil
	}
}

func parseWhereOnField(*filterCompiler, string, document.Value) (*Node, error) {
	return nil, badValue("$where cannot be applied to a field")
}
