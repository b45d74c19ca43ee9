package pipeline

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/keys"
)

// group is $group.
type group struct {
	id       *expr.Expression
	names    []string
	fields   []*expr.Accumulator
	collator document.Collator
	max      int
}

func compileGroup(v document.Value, opts *Options) ([]stage, error) {
	if v.Type != document.TypeDocument {
		return nil, fail(15947, "a group's fields must be specified in an object")
	}
	g := &group{collator: opts.Expr.Collator, max: opts.MaxBytes}
	for it := v.Doc().Iter(); it.Next(); {
		if it.Key() == "_id" {
			if g.id != nil {
				return nil, fail(15948, "a group's _id may only be specified once")
			}
			if err := checkGroupID(it.Value()); err != nil {
				return nil, err
			}
			var err error
			if g.id, err = expr.Compile(it.Value(), opts.Expr); err != nil {
				return nil, err
			}
			continue
		}
		a, err := compileField(it.Key(), it.Value(), opts)
		if err != nil {
			return nil, err
		}
		for _, name := range g.names {
			if name == it.Key() {
				return nil, fail(16406, "duplicate field name specified in object literal: %s", v)
			}
		}
		g.names, g.fields = append(g.names, strings.Clone(it.Key())), append(g.fields, a)
	}
	if g.id == nil {
		return nil, fail(15955, "a group specification must include an _id")
	}
	return []stage{g}, nil
}

func checkGroupID(v document.Value) error {
	if v.Type != document.TypeDocument || strings.HasPrefix(v.Doc().First().Key, "$") {
		return nil
	}
	for it := v.Doc().Iter(); it.Next(); {
		if f := it.Value(); f.IsNumber() || f.Type == document.TypeBool {
			return fail(17390, "$group does not support inclusion-style expressions")
		}
	}
	return nil
}

// compileField compiles {name: {$accumulator: argument}}.
func compileField(name string, v document.Value, opts *Options) (*expr.Accumulator, error) {
	switch {
	case strings.Contains(name, "."):
		return nil, fail(40235, "The field name '%s' cannot contain '.'", name)
	case strings.HasPrefix(name, "$"):
		return nil, fail(40236, "The field name '%s' cannot be an operator name", name)
	case v.Type != document.TypeDocument || v.Doc().IsEmpty():
		return nil, fail(40234, "The field '%s' must be an accumulator object", name)
	case v.Doc().Len() != 1:
		return nil, fail(40238, "The field '%s' must specify one accumulator", name)
	}
	e := v.Doc().First()
	if !expr.KnownAccumulator(e.Key) {
		return nil, fail(15952, "unknown group operator '%s'", e.Key)
	}
	return expr.CompileAccumulator(e.Key, e.Value, opts.Expr, compileSorter(opts.Expr.Collator))
}

func (g *group) readsDocument() bool {
	return g.id.ReadsDocument() || slices.ContainsFunc(g.fields, (*expr.Accumulator).ReadsDocument)
}

// bucket is one group.
type bucket struct {
	id     document.Value
	states []expr.State
	bytes  int
}

func (g *group) over(src Source) Source {
	var buckets []*bucket
	ready := false
	var buf []byte
	return sourceFunc(func(ctx context.Context) (document.Doc, error) {
		if !ready {
			var err error
			if buckets, err = g.collect(ctx, src); err != nil {
				return nil, err
			}
			ready = true
		}
		if len(buckets) == 0 {
			return nil, io.EOF
		}
		b := document.NewBuilder(buf[:0])
		b.AppendValue("_id", buckets[0].id)
		for i, s := range buckets[0].states {
			b.AppendValue(g.names[i], s.Value())
		}
		buckets[0] = nil
		buckets = buckets[1:]
		d := b.Finish()
		buf = d
		return d, nil
	})
}

// collect puts all documents into groups, which are returned in the order in which their first documents came.
func (g *group) collect(ctx context.Context, src Source) ([]*bucket, error) {
	var list []*bucket
	byKey := map[string]*bucket{}
	x := evaluatorOver(src)
	var key []byte
	bytes := 0
	for {
		doc, err := src.Next(ctx)
		if err == io.EOF {
			return list, nil
		}
		if err != nil {
			return nil, err
		}
		x.Begin(doc)
		id, err := g.id.Eval(&x)
		if err != nil {
			return nil, err
		}
		if id.IsMissing() {
			id = document.Null
		}
		key = g.appendKey(key[:0], id)
		b := byKey[string(key)]
		if b == nil {
			if b, err = g.newBucket(id); err != nil {
				return nil, err
			}
			byKey[string(key)] = b
			list = append(list, b)
			bytes += len(key) + len(id.Data) + 128
		}
		bytes -= b.bytes
		b.bytes = 0
		for i, a := range g.fields {
			if err := a.Add(&x, b.states[i]); err != nil {
				return nil, err
			}
			b.bytes += b.states[i].Size()
		}
		if bytes += b.bytes; bytes > g.max {
			return nil, tooMuchMemory("$group", g.max)
		}
	}
}

// appendKey appends bytes that are the same for _ids that are equal.
func (g *group) appendKey(dst []byte, id document.Value) []byte {
	if g.collator != nil {
		id = document.Collated(g.collator, id)
	}
	return keys.AppendValue(dst, id)
}

func (g *group) newBucket(id document.Value) (*bucket, error) {
	b := &bucket{id: id.Clone(), states: make([]expr.State, len(g.fields))}
	doc := document.Empty
	if b.id.Type == document.TypeDocument {
		doc = b.id.Doc()
	}
	var x expr.Evaluator
	x.Begin(doc)
	for i, a := range g.fields {
		var err error
		if b.states[i], err = a.New(&x); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// compileCount is {$count: name}: a $group of everything, without its _id.
func compileCount(v document.Value, opts *Options) ([]stage, error) {
	name := v.Str()
	switch {
	case v.Type != document.TypeString:
		return nil, fail(40156, "the count field must be a non-empty string")
	case name == "":
		return nil, fail(40157, "the count field must be a non-empty string")
	case name[0] == '$':
		return nil, fail(40158, "the count field cannot be a $-prefixed path")
	case strings.Contains(name, "\x00"):
		return nil, fail(40159, "the count field cannot contain a null byte")
	case strings.Contains(name, "."):
		return nil, fail(40160, "the count field cannot contain '.'")
	}
	var spec, project document.Builder
	spec.AppendNull("_id")
	spec.OpenDoc(name)
	spec.AppendInt32("$sum", 1)
	spec.Close()
	project.AppendBool("_id", false)
	return compileList(opts, spec1{"$group", spec.Finish()}, spec1{"$project", project.Finish()})
}

// spec1 is a stage whose argument is a document.
type spec1 struct {
	name string
	arg  document.Doc
}

func compileList(opts *Options, list ...spec1) ([]stage, error) {
	var stages []stage
	for _, s := range list {
		more, err := compilers[s.name](s.arg.AsValue(), opts)
		if err != nil {
			return nil, err
		}
		stages = append(stages, more...)
	}
	return stages, nil
}

// compileSortByCount is {$sortByCount: expression}: the groups by it, the largest first.
func compileSortByCount(v document.Value, opts *Options) ([]stage, error) {
	switch {
	case v.Type == document.TypeDocument:
		if !strings.HasPrefix(v.Doc().First().Key, "$") {
			return nil, fail(40147, "the sortByCount field must be defined as a $-prefixed path or an expression inside an object")
		}
	case v.Type != document.TypeString:
		return nil, fail(40149, "the sortByCount field must be specified as a string or as an object")
	case !strings.HasPrefix(v.Str(), "$"):
		return nil, fail(40148, "the sortByCount field must be defined as a $-prefixed path or an expression inside an object")
	}
	var g, s document.Builder
	g.AppendValue("_id", v)
	g.OpenDoc("count")
	g.AppendInt32("$sum", 1)
	g.Close()
	s.AppendInt32("count", -1)
	return compileList(opts, spec1{"$group", g.Finish()}, spec1{"$sort", s.Finish()})
}
