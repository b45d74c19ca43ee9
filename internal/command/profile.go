package command

import (
	"context"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// profiling is which operations of each database are noted in its system.profile. Sampling and slowms are the member's as a whole.
type profiling struct {
	mu         sync.Mutex
	databases  map[string]databaseProfiling // those that differ from the default
	sampleRate atomic.Pointer[float64]      // nil: 1
	active     atomic.Bool                  // some database has a level or a filter
}

type databaseProfiling struct {
	level  int32
	filter *query.Filter
	shown  document.Doc // the filter as it was understood
}

// maxProfiled bounds the databases with a setting of their own.
const maxProfiled = 10_000

func (p *profiling) of(db string) databaseProfiling {
	if !p.active.Load() {
		return databaseProfiling{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.databases[db]
}

func (p *profiling) set(db string, s databaseProfiling) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.databases == nil {
		p.databases = map[string]databaseProfiling{}
	}
	if s.level == 0 && s.filter == nil {
		delete(p.databases, db)
	} else if len(p.databases) >= maxProfiled {
		return mongoerr.New(mongoerr.ExceededMemoryLimit, "too many databases are profiled: %d", len(p.databases))
	} else {
		p.databases[strings.Clone(db)] = s
	}
	p.active.Store(len(p.databases) > 0)
	return nil
}

func (p *profiling) rate() float64 {
	if r := p.sampleRate.Load(); r != nil {
		return *r
	}
	return 1
}

func (p *profiling) sampled() bool {
	r := p.rate()
	return r >= 1 || rand.Float64() < r
}

type profileArgs struct {
	level      int64
	slowMS     *int64
	sampleRate *float64
	filter     document.Value
}

var profileFields = newSchema("profile",
	safeLong("profile", func(a *profileArgs) *int64 { return &a.level }).require(),
	safeLong("slowms", func(a *profileArgs) *int64 {
		a.slowMS = new(int64)
		return a.slowMS
	}),
	field[profileArgs]{name: "sampleRate", set: func(a *profileArgs, v document.Value) error {
		f, ok := v.AsFloat64()
		if !ok {
			return wrongType(v.Type, "decimal", "double", "long", "int")
		}
		a.sampleRate = &f
		return nil
	}},
	anything("filter", func(a *profileArgs) *document.Value { return &a.filter }),
).loose()

const filterNote = "When a filter expression is set, slowms and sampleRate are not used for profiling and slow-query log lines."

// runProfile tells and changes which operations of a database are noted. Levels that there are not only tell.
func runProfile(_ context.Context, o *operation, a *profileArgs) error {
	p := &o.d.profiling
	was := p.of(o.req.DB)
	next, err := a.next(was)
	if err != nil {
		return err
	}
	o.out.AppendInt32("was", was.level)
	o.out.AppendInt32("slowms", clampInt32(o.d.params.slowMS.Load()))
	o.out.AppendDouble("sampleRate", p.rate())
	if was.filter != nil {
		o.out.AppendDoc("filter", was.shown)
	}
	if was.filter != nil || next.filter != nil {
		o.out.AppendString("note", filterNote)
	}
	if a.slowMS != nil {
		o.d.params.slowMS.Store(*a.slowMS)
	}
	if a.sampleRate != nil {
		p.sampleRate.Store(a.sampleRate)
	}
	return p.set(o.req.DB, next)
}

// next returns what the database's profiling becomes.
func (a *profileArgs) next(was databaseProfiling) (databaseProfiling, error) {
	if a.sampleRate != nil && !(*a.sampleRate >= 0 && *a.sampleRate <= 1) {
		return was, mongoerr.New(mongoerr.BadValue, "'sampleRate' must be between 0.0 and 1.0 inclusive")
	}
	if a.level >= 0 && a.level <= 2 {
		was.level = int32(a.level)
	}
	switch {
	case a.filter.IsNullish():
	case a.filter.Type == document.TypeString && a.filter.Str() == "unset":
		was.filter, was.shown = nil, nil
	case a.filter.Type == document.TypeDocument:
		shown := a.filter.Doc().Clone()
		f, err := query.CompileFilter(shown, query.FilterOptions{})
		if err != nil {
			return was, err
		}
		was.filter, was.shown = f, f.Parsed()
	default:
		return was, mongoerr.New(mongoerr.BadValue, "Expected an object, or the string 'unset'.")
	}
	return was, nil
}

// profile notes an operation that has ended in the profile of its database, if it is to be, and reports whether the slow log is to have it.
func (d *Dispatcher) profile(o *operation, took time.Duration, e *mongoerr.Error) (slow bool) {
	slow = (took - o.waiting).Milliseconds() >= d.params.slowMS.Load()
	p := d.profiling.of(o.req.DB)
	var doc document.Doc
	if p.level > 0 && o.ns != "" || p.filter != nil {
		doc = d.describeEnded(o, took, e)
	}
	if p.filter != nil {
		match, err := p.filter.Match(doc)
		slow = err == nil && match
	} else if slow {
		slow = d.profiling.sampled()
	}
	if o.ns != "" && (p.level == 2 || p.level == 1 && slow) {
		d.engine.Profile(o.req.DB, doc)
	}
	return slow
}

// describeEnded is an operation's document in system.profile.
func (d *Dispatcher) describeEnded(o *operation, took time.Duration, e *mongoerr.Error) document.Doc {
	var b document.Builder
	b.AppendString("op", o.typeName())
	b.AppendString("ns", o.namespace())
	b.AppendDoc("command", o.shownCommand())
	if o.detail.cursorID != 0 {
		b.AppendInt64("cursorid", o.detail.cursorID)
	}
	switch o.row.kind {
	case kindInsert:
		appendCount(&b, "ninserted", o.detail.matched)
	case kindDelete:
		appendCount(&b, "ndeleted", o.detail.matched)
	case kindUpdate:
		appendCount(&b, "nMatched", o.detail.matched)
		appendCount(&b, "nModified", o.detail.modified)
	case kindQuery, kindGetMore:
		appendCount(&b, "nreturned", int64(o.detail.returned))
	}
	b.AppendInt32("numYield", 0)
	if e != nil {
		b.AppendString("errMsg", e.Message)
		b.AppendString("errName", e.Code.Name())
		b.AppendInt32("errCode", int32(e.Code))
	}
	b.AppendDoc("locks", document.Empty)
	b.AppendInt32("responseLength", int32(len(o.reply.Doc)))
	protocol := "op_msg"
	if o.req.Legacy {
		protocol = "op_query"
	}
	b.AppendString("protocol", protocol)
	appendCount(&b, "millis", took.Milliseconds())
	b.AppendDate("ts", time.Now().UnixMilli())
	host, _, _ := strings.Cut(o.req.Conn.Remote, ":")
	b.AppendString("client", host)
	if name := o.req.Conn.AppName(); name != "" {
		b.AppendString("appName", name)
	}
	b.AppendArray("allUsers", document.Empty)
	b.AppendString("user", "")
	return b.Finish()
}
