package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
)

// projectionKind is what a projection's fields have said so far.
type projectionKind int

const (
	kindOpen projectionKind = iota
	kindInclusion
	kindExclusion
)

// projectionParser builds a Projection, checking in the order that mongod does.
type projectionParser struct {
	filter    *Filter
	opts      ProjectionOptions
	kind      projectionKind // by fields other than _id
	id        projectionKind // by _id
	slice     bool
	elemMatch bool
	metas     []*projectionField // computed from what is known besides
	p         Projection
}

// ProjectionOptions are what a projection means besides its text.
type ProjectionOptions struct {
	Expr  expr.Options
	Plain bool // it is a wildcardProjection: fields are in or out, and nothing else
	Stage bool // it is the stage $project: there are no operators but expressions
}

// CompileProjection compiles a projection. filter is the command's, which positional projection refers to; it may be nil.
func CompileProjection(spec document.Doc, filter *Filter, opts ProjectionOptions) (*Projection, error) {
	ps := &projectionParser{filter: filter, opts: opts}
	if err := ps.fields("", spec); err != nil {
		return nil, err
	}
	p := &ps.p
	p.identity = spec.IsEmpty()
	if p.exclusion = ps.resolve() == kindExclusion; p.exclusion {
		for _, f := range ps.metas {
			f.drop = false // it is replaced where it stands
		}
	}
	if !p.exclusion && p.root.field("_id") == nil {
		p.root.add(&projectionField{name: "_id"})
	}
	return p, nil
}

// collator is the filter's: elements that a projection picks are compared as those are that a filter does.
func (ps *projectionParser) collator() document.Collator {
	if ps.filter == nil {
		return nil
	}
	return ps.filter.collator
}

// resolve decides for projections that do not say it with a field other than _id.
func (ps *projectionParser) resolve() projectionKind {
	switch {
	case ps.kind != kindOpen:
		return ps.kind
	case ps.id == kindInclusion:
		return kindInclusion
	case ps.slice:
		return kindExclusion
	case ps.elemMatch:
		return kindInclusion
	case ps.opts.Stage && len(ps.metas) > 0:
		return kindInclusion
	case ps.id != kindOpen:
		return ps.id
	}
	return kindExclusion
}

func (ps *projectionParser) fields(prefix string, spec document.Doc) error {
	for it := spec.Iter(); it.Next(); {
		if err := ps.field(prefix, it.Key(), it.Value()); err != nil {
			return err
		}
	}
	return nil
}

func (ps *projectionParser) field(prefix, name string, v document.Value) error {
	path, positional := strings.CutSuffix(name, ".$")
	if err := ps.checkName(path, positional, v); err != nil {
		return err
	}
	path = prefix + path
	switch {
	case v.Type == document.TypeDocument:
		return ps.document(path, prefix != "", v.Doc())
	case v.IsNumber(), v.Type == document.TypeBool:
		if v.Truthy() {
			return ps.include(path, name, positional)
		}
		return ps.exclude(path, name, positional)
	}
	return ps.expression(path, name, v)
}

func (ps *projectionParser) checkName(path string, positional bool, v document.Value) error {
	switch {
	case positional && ps.opts.Plain:
		return mongoerr.New(31324, "Cannot use positional projection in aggregation projection")
	case strings.Contains(path, ".$.") || strings.HasPrefix(path, "$."):
		return mongoerr.New(31394, "As of 4.4, it's illegal to specify positional operator in the middle of a path."+
			"Positional projection may only be used at the end, for example: a.b.$. If the query previously used a form like "+
			"a.b.$.d, remove the parts following the '$' and the results will be equivalent.")
	case positional && v.Type == document.TypeDocument:
		return mongoerr.New(31271, "positional projection cannot be used with an expression or sub object")
	}
	return checkFieldPath(path)
}

func (ps *projectionParser) include(path, name string, positional bool) error {
	if path == "_id" && !positional {
		ps.id = kindInclusion
		return ps.add(path, projectionField{})
	}
	if ps.kind == kindExclusion {
		return mongoerr.New(31253, "Cannot do inclusion on field %s in exclusion projection", name)
	}
	ps.kind = kindInclusion
	if positional {
		if err := ps.setPositional(path); err != nil {
			return err
		}
	}
	return ps.add(path, projectionField{})
}

func (ps *projectionParser) setPositional(path string) error {
	switch {
	case ps.p.positional != nil:
		return mongoerr.New(31276, "Cannot specify more than one positional projection per query.")
	case ps.elemMatch:
		return mongoerr.New(31255, "Cannot specify positional operator and $elemMatch.")
	case ps.filter == nil:
		return mongoerr.New(51050, "Projections with a positional operator require a matcher")
	}
	ps.p.positional = &positional{path: strings.Split(path, "."), filter: ps.filter}
	return nil
}

func (ps *projectionParser) exclude(path, name string, positional bool) error {
	switch {
	case positional:
		return mongoerr.New(31395, "positional projection cannot be used with exclusion")
	case path == "_id":
		ps.id = kindExclusion
	case ps.kind == kindInclusion:
		return mongoerr.New(31254, "Cannot do exclusion on field %s in inclusion projection", name)
	default:
		ps.kind = kindExclusion
	}
	return ps.add(path, projectionField{drop: true})
}

// document parses {$slice: 1}, {$elemMatch: ...} or a projection of the fields below path.
func (ps *projectionParser) document(path string, nested bool, spec document.Doc) error {
	e := spec.First()
	switch {
	case spec.IsEmpty():
		return mongoerr.New(51270, "An empty sub-projection is not a valid value. Found empty object at path")
	case spec.Len() == 1 && e.Key == "$elemMatch" && ps.opts.Plain:
		return mongoerr.New(mongoerr.InvalidPipelineOperator, "Cannot use $elemMatch in this context")
	case strings.HasPrefix(e.Key, "$") && ps.opts.Plain:
		return errComputed
	case spec.Len() == 1 && e.Key == "$slice" && !ps.opts.Stage:
		return ps.addSlice(path, spec, e.Value)
	case spec.Len() == 1 && e.Key == "$elemMatch" && !ps.opts.Stage:
		return ps.addElemMatch(path, nested, e.Value)
	case spec.Len() == 1 && strings.HasPrefix(e.Key, "$") && !isReferenceField(e.Key):
		if !expr.Known(e.Key) {
			return mongoerr.New(31325, "Unknown expression %s", e.Key)
		}
		return ps.compute(path, spec.AsValue(), e.Key == "$meta")
	}
	return ps.fields(path+".", spec)
}

var errComputed = mongoerr.New(51271, "Bad projection specification, cannot use computed fields when parsing a spec in kBanComputedFields mode")

// expression adds what is a literal or a path.
func (ps *projectionParser) expression(path, name string, v document.Value) error {
	switch {
	case ps.opts.Plain:
		return errComputed
	case ps.kind == kindExclusion:
		return mongoerr.New(31310, "Cannot use an expression %s in an exclusion projection", elementText(name, v))
	}
	return ps.compute(path, v, false)
}

// compute adds a computed field.
func (ps *projectionParser) compute(path string, v document.Value, isMeta bool) error {
	switch {
	case isMeta: // may stand in both kinds
	case ps.kind == kindExclusion:
		return mongoerr.New(31252, "Cannot use expression other than $meta in exclusion projection")
	default:
		ps.kind = kindInclusion
	}
	value, err := expr.Compile(v, ps.opts.Expr)
	if err != nil {
		return err
	}
	if err := ps.add(path, projectionField{drop: true}); err != nil {
		return err
	}
	ps.p.root.markComputed(path)
	if isMeta {
		ps.metas = append(ps.metas, ps.p.root.at(path))
	}
	ps.p.computed.add(path, value)
	return nil
}

// at returns the field of a path that is in the tree.
func (n *projectionNode) at(path string) *projectionField {
	for {
		part, rest, more := strings.Cut(path, ".")
		f := n.field(part)
		if !more {
			return f
		}
		n, path = f.sub, rest
	}
}

// markComputed notes at the fields on the way to a path that it is computed.
func (n *projectionNode) markComputed(path string) {
	for {
		part, rest, more := strings.Cut(path, ".")
		if !more {
			return
		}
		n, path = n.field(part).sub, rest
		n.computes = true
	}
}

// add puts a field into the tree.
func (ps *projectionParser) add(path string, f projectionField) error {
	level := &ps.p.root
	for rest := path; ; {
		part, next, more := strings.Cut(rest, ".")
		found := level.field(part)
		switch {
		case found == nil:
			if !more {
				f.name = part
				level.add(&f)
				return nil
			}
			found = &projectionField{name: part, sub: &projectionNode{}}
			level.add(found)
		case !more:
			return mongoerr.New(31250, "Path collision at %s", path)
		case found.sub == nil:
			_, remaining, _ := strings.Cut(path, ".")
			return mongoerr.New(31249, "Path collision at %s remaining portion %s", path, remaining)
		}
		level, rest = found.sub, next
	}
}
