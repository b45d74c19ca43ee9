package pipeline

import (
	"context"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/query"
)

// sent is a stage as it was sent, and how many compiled stages there are up to its last one.
type sent struct {
	spec
	end int
}

// Run is what the stages of a pipeline did that an explain ran.
type Run struct {
	counts []count // of the source, then of each stage
}

type count struct {
	returned int64
	took     time.Duration // with what is before it
}

// RunCounting is [Pipeline.Run] that notes what each stage returns, and by a clock how long it takes.
func (p *Pipeline) RunCounting(src Source, now func() time.Time) (Source, *Run) {
	r := &Run{counts: make([]count, len(p.stages)+1)}
	src = counted(src, &r.counts[0], now)
	for i, s := range p.stages {
		src = counted(s.over(src), &r.counts[i+1], now)
	}
	return src, r
}

func counted(src Source, c *count, now func() time.Time) Source {
	return countedSource{src, c, now}
}

type countedSource struct {
	src Source
	c   *count
	now func() time.Time
}

func (s countedSource) Next(ctx context.Context) (document.Doc, error) {
	began := s.now()
	doc, err := s.src.Next(ctx)
	s.c.took += s.now().Sub(began)
	if err == nil {
		s.c.returned++
	}
	return doc, err
}

func (s countedSource) Meta() *expr.Meta { return metaOf(s.src) }

// AppendSource appends what the source returned to its stage in an explain; nothing if r is nil.
func (r *Run) AppendSource(b *document.Builder) { r.append(b, 0) }

func (r *Run) append(b *document.Builder, stage int) {
	if r == nil {
		return
	}
	b.AppendInt64("nReturned", r.counts[stage].returned)
	b.AppendInt64("executionTimeMillisEstimate", r.counts[stage].took.Milliseconds())
}

// AppendStages appends the stages behind the front to the array "stages" of an explain, from position at on, as mongod shows them; with what they did,
// unless r is nil.
func (p *Pipeline) AppendStages(b *document.Builder, at int, r *Run) {
	for i, s := range p.sent {
		if s.name == geoNearStage {
			continue // the cursor shows it
		}
		if i > 0 && s.name == "$limit" && p.boundBefore(i) > 0 {
			continue // the sort before it shows it
		}
		for _, d := range s.shown(p.boundBefore(i + 1)) {
			b.OpenDoc(document.Index(at))
			b.AppendValue(d.First().Key, d.First().Value)
			if first := d.First().Key; r != nil && (first == "$sort" || first == "$group") {
				b.AppendBool("usedDisk", false)
				b.AppendInt64("spills", 0)
			}
			r.append(b, s.end)
			b.Close()
			at++
		}
	}
}

// boundBefore returns the limit that the sort before stage i was told; 0 if there is none.
func (p *Pipeline) boundBefore(i int) int64 {
	if sort, ok := p.stages[p.sent[i-1].end-1].(*sorting); ok && p.sent[i-1].name == "$sort" {
		return sort.bound
	}
	return 0
}

// shown returns the stages that a stage is shown as. bound is the limit of a sort.
func (s spec) shown(bound int64) []document.Doc {
	field := func(name string, v document.Value) document.Value {
		var b document.Builder
		b.AppendValue(name, v)
		return b.Finish().AsValue()
	}
	stage := func(name string, v document.Value) document.Doc { return field(name, v).Doc() }
	one := document.Int32(1)
	switch s.name {
	case "$match":
		if f, err := query.CompileFilter(s.arg.Doc(), query.FilterOptions{}); err == nil {
			return []document.Doc{stage("$match", f.Parsed().AsValue())}
		}
	case "$sort":
		return []document.Doc{stage("$sort", sortShown(s.arg, bound))}
	case "$skip", "$limit":
		n, _ := s.arg.ToInt64()
		return []document.Doc{stage(s.name, document.Int64(n))}
	case "$sample":
		n, _ := s.arg.Doc().Lookup("size").ToInt64()
		return []document.Doc{stage(s.name, field("size", document.Int64(n)))}
	case "$group":
		return []document.Doc{stage("$group", groupShown(s.arg.Doc()).AsValue())}
	case "$count":
		group := groupOf(document.Null, s.arg.Str())
		return []document.Doc{stage("$group", group.AsValue()), stage("$project", query.ShownProjection(projectionOf(s.arg.Str(), one)).AsValue())}
	case "$sortByCount":
		return []document.Doc{stage("$group", groupOf(s.arg, "count").AsValue()), stage("$sort", sortShown(field("count", document.Int32(-1)), 0))}
	case "$unwind":
		return []document.Doc{stage("$unwind", unwindShown(s.arg).AsValue())}
	case "$project":
		return []document.Doc{stage("$project", query.ShownProjection(s.arg.Doc()).AsValue())}
	case "$unset":
		return []document.Doc{stage("$project", query.ShownProjection(unsetProjection(s.arg)).AsValue())}
	case "$addFields", "$set":
		return []document.Doc{stage(s.name, query.ShownFields(s.arg.Doc()).AsValue())}
	case "$replaceWith":
		return []document.Doc{stage("$replaceRoot", field("newRoot", expr.Shown(s.arg)))}
	case "$replaceRoot":
		return []document.Doc{stage("$replaceRoot", field("newRoot", expr.Shown(s.arg.Doc().Lookup("newRoot"))))}
	}
	return []document.Doc{stage(s.name, s.arg)}
}

func sortShown(key document.Value, bound int64) document.Value {
	var b document.Builder
	b.AppendValue("sortKey", key)
	if bound > 0 {
		b.AppendInt64("limit", bound)
	}
	return b.Finish().AsValue()
}

// groupShown shows a $group: _id is an expression, and each other field an accumulator with one.
func groupShown(d document.Doc) document.Doc {
	var b document.Builder
	for it := d.Iter(); it.Next(); {
		v := it.Value()
		first := v.Doc().First()
		switch {
		case it.Key() == "_id":
			b.AppendValue("_id", expr.Shown(v))
		case first.Type == document.TypeDocument && !strings.HasPrefix(first.Value.Doc().First().Key, "$"):
			b.AppendValue(it.Key(), v) // with named arguments
		default:
			b.OpenDoc(it.Key())
			b.AppendValue(first.Key, expr.Shown(first.Value))
			b.Close()
		}
	}
	return b.Finish()
}

// groupOf shows the $group that counts by id.
func groupOf(id document.Value, name string) document.Doc {
	var b document.Builder
	b.AppendValue("_id", id)
	b.OpenDoc(name)
	b.AppendInt32("$sum", 1)
	b.Close()
	return groupShown(b.Finish())
}

// projectionOf is the projection of one field without _id.
func projectionOf(name string, v document.Value) document.Doc {
	var b document.Builder
	b.AppendValue(name, v)
	b.AppendInt32("_id", 0)
	return b.Finish()
}

func unsetProjection(v document.Value) document.Doc {
	var b document.Builder
	if v.Type == document.TypeString {
		b.AppendInt32(v.Str(), 0)
	}
	if v.Type == document.TypeArray {
		for it := v.Doc().Iter(); it.Next(); {
			b.AppendInt32(it.Value().Str(), 0)
		}
	}
	return b.Finish()
}

func unwindShown(v document.Value) document.Doc {
	var b document.Builder
	if v.Type == document.TypeString {
		b.AppendValue("path", v)
		return b.Finish()
	}
	for _, name := range []string{"path", "preserveNullAndEmptyArrays", "includeArrayIndex"} {
		b.AppendValue(name, v.Doc().Lookup(name))
	}
	return b.Finish()
}
