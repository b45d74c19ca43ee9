package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Transform makes one document of one: what $project, $addFields, $set, $unset, $replaceRoot and $replaceWith do, in pipelines and
// in updates. Immutable.
type Transform struct {
	projection *Projection
	computed   *Computed
	root       *expr.Expression
	rootName   string // what errors call the new root
}

// transforms are the stages that are transforms. What a compiler's error is prefixed with depends on the stage.
var transforms map[string]func(name string, v document.Value, opts expr.Options) (*Transform, error)

func init() {
	transforms = map[string]func(string, document.Value, expr.Options) (*Transform, error){
		"$project":     compileProject,
		"$addFields":   compileAddFields,
		"$set":         compileAddFields,
		"$unset":       compileUnset,
		"$replaceRoot": compileReplaceRoot,
		"$replaceWith": func(_ string, v document.Value, opts expr.Options) (*Transform, error) {
			root, err := expr.Compile(v, opts)
			return &Transform{root: root, rootName: "'replacement document' "}, err
		},
	}
}

// IsTransform reports whether a stage is a transform.
func IsTransform(stage string) bool { return transforms[stage] != nil }

// CompileTransform compiles a stage that is a transform.
func CompileTransform(stage string, v document.Value, opts expr.Options) (*Transform, error) {
	return transforms[stage](stage, v, opts)
}

// Apply appends what becomes of doc.
func (t *Transform) Apply(dst []byte, doc document.Doc, x *expr.Evaluator) ([]byte, error) {
	switch {
	case t.projection != nil:
		return t.projection.Apply(dst, doc, x)
	case t.computed != nil:
		x.Begin(doc)
		return t.computed.Apply(dst, doc, x)
	}
	x.Begin(doc)
	v, err := t.root.Eval(x)
	if err != nil {
		return nil, err
	}
	if v.Type != document.TypeDocument {
		return nil, mongoerr.New(40228, "%s must evaluate to an object, but resulting value was: %s. Type of resulting value: '%s'. Input document: %s",
			t.rootName, expr.Text(v), v.Type, expr.Text(doc.AsValue()))
	}
	return append(dst, v.Data...), nil
}

// invalidStage puts the stage in front of an error.
func invalidStage(stage string, err error) error {
	if err == nil {
		return nil
	}
	e := mongoerr.From(err)
	if strings.HasPrefix(e.Message, "Failed to optimize") || e.Code == noMeta {
		return e
	}
	return e.WithContext("Invalid %s", stage)
}

func compileProject(name string, v document.Value, opts expr.Options) (*Transform, error) {
	if v.Type != document.TypeDocument {
		return nil, mongoerr.New(15969, "$project specification must be an object")
	}
	if v.Doc().IsEmpty() {
		return nil, invalidStage(name, mongoerr.New(51272, "projection specification must have at least one field"))
	}
	p, err := CompileProjection(v.Doc(), nil, ProjectionOptions{Expr: opts, Stage: true})
	return &Transform{projection: p}, invalidStage(name, err)
}

func compileUnset(name string, v document.Value, opts expr.Options) (*Transform, error) {
	var b document.Builder
	add := func(v document.Value, code mongoerr.Code) error {
		if v.Type != document.TypeString {
			return mongoerr.New(code, "$unset specification must be a string or an array containing only string fields")
		}
		if strings.HasPrefix(v.Str(), "$") {
			return mongoerr.New(16410, "FieldPath field names may not start with '$'. Consider using $getField or $setField.")
		}
		b.AppendBool(v.Str(), false)
		return nil
	}
	switch v.Type {
	case document.TypeString:
		if err := add(v, 31120); err != nil {
			return nil, invalidStage(name, err)
		}
	case document.TypeArray:
		if v.Doc().IsEmpty() {
			return nil, mongoerr.New(31119, "$unset specification must be a string or an array with at least one field")
		}
		for it := v.Doc().Iter(); it.Next(); {
			if err := add(it.Value(), 31120); err != nil {
				return nil, invalidStage(name, err)
			}
		}
	default:
		return nil, mongoerr.New(31002, "$unset specification must be a string or an array")
	}
	p, err := CompileProjection(b.Finish(), nil, ProjectionOptions{Expr: opts, Stage: true})
	return &Transform{projection: p}, invalidStage(name, err)
}

func compileAddFields(name string, v document.Value, opts expr.Options) (*Transform, error) {
	if v.Type != document.TypeDocument {
		return nil, mongoerr.New(40272, "%s specification stage must be an object, got %s", name, v.Type)
	}
	if v.Doc().IsEmpty() {
		return nil, invalidStage(name, mongoerr.New(40177, "an empty object is not a valid value. Found empty object at path"))
	}
	p := addFieldsParser{opts: opts, computed: &Computed{}}
	err := p.fields("", v.Doc())
	return &Transform{computed: p.computed}, invalidStage(name, err)
}

// addFieldsParser reads the argument of $addFields: a tree of fields, whose leaves are expressions.
type addFieldsParser struct {
	opts     expr.Options
	computed *Computed
	paths    []string
}

func (p *addFieldsParser) fields(prefix string, spec document.Doc) error {
	for it := spec.Iter(); it.Next(); {
		path := prefix + it.Key()
		if err := checkFieldPath(it.Key()); err != nil {
			return err
		}
		v := it.Value()
		if v.Type == document.TypeDocument && !strings.HasPrefix(v.Doc().First().Key, "$") {
			if v.Doc().IsEmpty() { // an empty document is a value
				if err := p.leaf(path, v); err != nil {
					return err
				}
				continue
			}
			if err := p.fields(path+".", v.Doc()); err != nil {
				return err
			}
			continue
		}
		if err := p.leaf(path, v); err != nil {
			return err
		}
	}
	return nil
}

func (p *addFieldsParser) leaf(path string, v document.Value) error {
	for _, other := range p.paths {
		switch {
		case other == path:
			return mongoerr.New(31250, "Path collision at %s", path)
		case strings.HasPrefix(path, other+"."):
			return mongoerr.New(31249, "Path collision at %s remaining portion %s", path, path[len(other)+1:])
		case strings.HasPrefix(other, path+"."):
			return mongoerr.New(31250, "Path collision at %s", path)
		}
	}
	p.paths = append(p.paths, path)
	value, err := expr.Compile(v, p.opts)
	if err != nil {
		return err
	}
	p.computed.add(path, value)
	return nil
}

func compileReplaceRoot(_ string, v document.Value, opts expr.Options) (*Transform, error) {
	if v.Type != document.TypeDocument {
		return nil, mongoerr.New(40229, "expected an object as specification for $replaceRoot stage, got %s", v.Type)
	}
	var root document.Value
	for it := v.Doc().Iter(); it.Next(); {
		if it.Key() != "newRoot" {
			return nil, mongoerr.New(40230, "unrecognized option to $replaceRoot stage: %s, only valid option is 'newRoot'.", it.Key())
		}
		root = it.Value()
	}
	if root.IsMissing() {
		return nil, mongoerr.New(40231, "no newRoot specified for the $replaceRoot stage")
	}
	e, err := expr.Compile(root, opts)
	return &Transform{root: e, rootName: "'newRoot' expression "}, err
}
