package pipeline

import (
	"context"
	"io"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
	"github.com/mortondb/morton/internal/timeseries"
)

// Source gives documents one by one, each valid until the call after it, and io.EOF after the last.
type Source interface {
	Next(ctx context.Context) (document.Doc, error)
}

// Annotated is a source that knows more of a document than its fields. Stages that pass documents on, or make one of one, pass on what is known of them.
type Annotated interface {
	Source
	// Meta returns what is known of the document that Next returned last.
	Meta() *expr.Meta
}

// metaOf returns what a source knows of its current document; nil for nothing.
func metaOf(src Source) *expr.Meta {
	if a, ok := src.(Annotated); ok {
		return a.Meta()
	}
	return nil
}

// Options are what a pipeline means besides its stages.
type Options struct {
	Expr     expr.Options
	Natural  bool // the source is asked for nothing: there is no collection whose indexes could help
	MaxBytes int  // of memory of a stage that must see all documents; 0: DefaultMaxBytes
}

// DefaultMaxBytes is mongod's limit of the memory of one stage.
const DefaultMaxBytes = 100 << 20

// Pipeline is compiled stages. It is immutable; each Run has its own state.
type Pipeline struct {
	front  Front
	stages []stage
	sent   []sent // behind the front
	first  string // the name of the first stage behind the front; "" if there is none

	searches bool // the first stage has a $text
	scores   bool // what documents score in it is wanted
	metas    bool // something that is not in documents is wanted
}

// Front is what the stages at the beginning ask for that a find can do.
type Front struct {
	Filter, Sort document.Doc // nil: none
	Skip, Limit  int64        // of a limit 0: none
	Near         *GeoNear     // a $geoNear, which a find with a $near does; nil: none
	Scores       bool         // what documents score in a text search is wanted with them
}

// stage is one compiled stage.
type stage interface {
	// over returns what the stage makes of the documents of src.
	over(src Source) Source
}

// spec is a stage as it was sent.
type spec struct {
	name string
	arg  document.Value
}

// compilers are the stages that are run here. Those that make the first documents belong to who has them.
var compilers map[string]func(arg document.Value, opts *Options) ([]stage, error)

func init() {
	compilers = map[string]func(document.Value, *Options) ([]stage, error){
		"$match":       compileMatch,
		"$sort":        compileSort,
		"$skip":        compileSkip,
		"$limit":       compileLimit,
		"$count":       compileCount,
		"$group":       compileGroup,
		"$unwind":      compileUnwind,
		"$sortByCount": compileSortByCount,
		"$sample":      compileSample,

		timeseries.Unpack: compileUnpack,
	}
	for _, name := range []string{"$project", "$addFields", "$set", "$unset", "$replaceRoot", "$replaceWith"} {
		compilers[name] = func(arg document.Value, opts *Options) ([]stage, error) {
			t, err := query.CompileTransform(name, arg, opts.Expr)
			return []stage{transform{t}}, err
		}
	}
}

// Runs reports whether a stage is one of those that are run here.
func Runs(name string) bool { return compilers[name] != nil || name == geoNearStage }

// Compile compiles the stages of a pipeline. Each must have one field, and a name that Runs.
func Compile(stages []document.Doc, opts Options) (*Pipeline, error) {
	if opts.MaxBytes == 0 {
		opts.MaxBytes = DefaultMaxBytes
	}
	p := &Pipeline{}
	opts.Expr.Failed = "Failed to optimize pipeline"
	opts.Expr.Meta = p.checkMeta
	rest := specs(stages)
	var err error
	if p.searches, err = checkSearches(rest, opts.Natural); err != nil {
		return nil, err
	}
	if !opts.Natural {
		if rest, err = p.front.take(rest, &opts); err != nil {
			return nil, err
		}
	}
	if len(rest) == len(stages) && len(rest) > 0 && rest[0].name == timeseries.Unpack && !opts.Natural {
		if err := p.front.takeUnpacked(rest); err != nil {
			return nil, err
		}
	}
	if len(rest) > 0 {
		p.first = rest[0].name
	}
	for i, s := range rest {
		if s.name == geoNearStage {
			if i > 0 || p.front.Near == nil {
				return nil, fail(40603, "%s is only valid as the first stage in an optimized pipeline", geoNearStage)
			}
			p.stages = append(p.stages, p.front.Near)
			p.sent = append(p.sent, sent{s, len(p.stages)})
			continue
		}
		list, err := compilers[s.name](s.arg, &opts)
		if err != nil {
			return nil, err
		}
		if s.name == "$limit" && i > 0 && rest[i-1].name == "$sort" {
			p.boundSort(list[0].(limit))
		}
		p.stages = append(p.stages, list...)
		p.sent = append(p.sent, sent{s, len(p.stages)})
	}
	p.front.Scores = p.scores
	return p, p.checkOrder()
}

// checkMeta refuses what no stage at the beginning knows.
func (p *Pipeline) checkMeta(name string) error {
	p.metas, p.scores = true, p.scores || name == expr.TextScore
	if p.front.Near != nil && (name == expr.NearDistance || name == expr.NearPlace) || p.searches && name == expr.TextScore {
		return nil
	}
	return query.CheckMeta(name, nil)
}

func specs(stages []document.Doc) []spec {
	list := make([]spec, len(stages))
	for i, d := range stages {
		e := d.First()
		list[i] = spec{e.Key, e.Value}
	}
	return list
}

// boundSort tells the $sort before a $limit that no more are wanted.
func (p *Pipeline) boundSort(l limit) {
	if s, ok := p.stages[len(p.stages)-1].(*sorting); ok {
		s.bound = int64(l)
	}
}

// Front returns what the source shall do before the documents come here.
func (p *Pipeline) Front() Front { return p.front }

// Empty reports whether the source does everything.
func (p *Pipeline) Empty() bool { return p.first == "" }

// FirstStage returns the name of the first stage that the source does not do; "" if it does everything.
func (p *Pipeline) FirstStage() string { return p.first }

// OnlyCounts reports whether it is of no interest what the documents of the source hold, only how many they are: they may all be empty.
func (p *Pipeline) OnlyCounts() bool {
	if p.first != "$group" && p.first != "$count" {
		return false
	}
	g, ok := p.stages[0].(*group)
	return ok && !g.readsDocument()
}

// Run returns what the pipeline makes of the documents of src.
func (p *Pipeline) Run(src Source) Source {
	for _, s := range p.stages {
		src = s.over(src)
	}
	return src
}

// take takes the stages at the beginning that a find can do: filters, an order, a number to skip, a limit, in this order. The
// arguments are checked; those of filters and orders where they are used.
func (f *Front) take(list []spec, opts *Options) (rest []spec, err error) {
	if list = skipEmpty(list); len(list) > 0 && list[0].name == geoNearStage {
		f.Near, err = parseGeoNear(list[0].arg, opts)
		return list, err
	}
	var filters []document.Doc
	step := 0
	order := map[string]int{"$match": 1, "$sort": 2, "$skip": 3, "$limit": 4}
	for len(list) > 0 {
		s := list[0]
		n := order[s.name]
		if n == 0 || n < step || n == step && n > 1 {
			break
		}
		switch s.name {
		case "$match":
			if err := checkMatch(s.arg); err != nil {
				return nil, err
			}
			filters = append(filters, s.arg.Doc())
		case "$sort":
			if err := checkSort(s.arg); err != nil {
				return nil, err
			}
			f.Sort = s.arg.Doc()
		case "$skip":
			f.Skip, err = bound("$skip", s.arg, 5107200)
		case "$limit":
			f.Limit, err = limitOf(s.arg)
		}
		if err != nil {
			return nil, err
		}
		step, list = n, list[1:]
	}
	f.Filter = allOf(filters)
	return list, nil
}

// allOf returns the filter that wants what all filters want.
func allOf(filters []document.Doc) document.Doc {
	switch len(filters) {
	case 0:
		return nil
	case 1:
		return filters[0]
	}
	var b document.Builder
	b.OpenArray("$and")
	for i, f := range filters {
		b.AppendDoc(document.Index(i), f)
	}
	b.Close()
	return b.Finish()
}

// Slice is a source of documents that are at hand.
type Slice struct{ Docs []document.Doc }

// Next implements Source.
func (s *Slice) Next(context.Context) (document.Doc, error) {
	if len(s.Docs) == 0 {
		return nil, io.EOF
	}
	d := s.Docs[0]
	s.Docs = s.Docs[1:]
	return d, nil
}

// sourceFunc is a function as a source.
type sourceFunc func(ctx context.Context) (document.Doc, error)

func (f sourceFunc) Next(ctx context.Context) (document.Doc, error) { return f(ctx) }

// passing is a function as a source that passes documents of another one on.
type passing struct {
	src Source
	f   sourceFunc
}

func (p passing) Next(ctx context.Context) (document.Doc, error) { return p.f(ctx) }

// Meta implements Annotated.
func (p passing) Meta() *expr.Meta { return metaOf(p.src) }

// each is a stage that makes of each document one, or none.
func each(src Source, f func(doc document.Doc) (out document.Doc, keep bool, err error)) Source {
	return eachSource{src, f}
}

type eachSource struct {
	src Source
	f   func(doc document.Doc) (out document.Doc, keep bool, err error)
}

func (s eachSource) Next(ctx context.Context) (document.Doc, error) {
	for n := 1; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		doc, err := s.src.Next(ctx)
		if err != nil {
			return nil, err
		}
		if out, keep, err := s.f(doc); keep || err != nil {
			return out, err
		}
	}
}

func (s eachSource) Meta() *expr.Meta { return metaOf(s.src) }

// checkEvery is after how many documents a stage looks whether it should stop.
const checkEvery = 128

func fail(code mongoerr.Code, format string, args ...any) error {
	for i, a := range args {
		if v, ok := a.(document.Value); ok {
			args[i] = expr.Text(v)
		}
	}
	return mongoerr.New(code, format, args...)
}

// evaluatorOver returns an evaluator for the documents of a source, with what is known of them.
func evaluatorOver(src Source) (x expr.Evaluator) {
	if a, ok := src.(Annotated); ok {
		x.Meta = func(name string) document.Value { return a.Meta().Value(name) }
	}
	return x
}

// transform is a stage that makes one document of each.
type transform struct{ t *query.Transform }

func (s transform) over(src Source) Source {
	x := evaluatorOver(src)
	var buf []byte
	return each(src, func(doc document.Doc) (document.Doc, bool, error) {
		out, err := s.t.Apply(buf[:0], doc, &x)
		if err != nil {
			return nil, false, err
		}
		if len(out) > document.MaxSize+16<<10 {
			return nil, false, mongoerr.New(mongoerr.BSONObjectTooLarge, "BSONObj size: %d (0x%X) is invalid. Size must be between 0 and 16793600(16MB)", len(out), len(out))
		}
		buf = out
		return document.Doc(out), true, nil
	})
}
