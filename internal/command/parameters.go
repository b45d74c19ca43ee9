package command

import (
	"context"
	"math"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// DefaultSlowMS is mongod's threshold of slow operations.
const DefaultSlowMS = 100

// parameters are the settings that getParameter and setParameter know.
type parameters struct {
	noDisk        atomic.Bool // allowDiskUseByDefault is false
	slowMS        atomic.Int64
	level         atomic.Int64
	quiesceMillis atomic.Int64
	list          []parameter
}

// parameter is one setting. set is nil if it cannot be changed while the server runs.
type parameter struct {
	name    string
	hidden  bool // not in the list of all: its value has a form of its own
	startup bool // it can be set when the server starts
	atStart bool // and is set here then
	get     func() document.Value
	set     func(document.Value) error
}

func newParameters(d *Dispatcher) *parameters {
	p := new(parameters)
	p.slowMS.Store(d.opts.SlowMS)
	p.quiesceMillis.Store(defaultQuiesceMillis)
	fixed := func(name string, v document.Value) parameter {
		return parameter{name: name, get: func() document.Value { return v }}
	}
	p.list = []parameter{
		{name: "allowDiskUseByDefault", startup: true, atStart: true, get: func() document.Value { return document.Bool(!p.noDisk.Load()) },
			set: func(v document.Value) error {
				p.noDisk.Store(!v.Truthy())
				return nil
			}},
		{name: "authenticationMechanisms", startup: true, get: func() document.Value { return document.Value{Type: document.TypeArray, Data: document.Empty} }},
		{name: "cursorTimeoutMillis", startup: true,
			get: func() document.Value { return document.Int64(d.cursors.IdleTimeout().Milliseconds()) },
			set: func(v document.Value) error {
				ms, err := wholeParameter("cursorTimeoutMillis", v, 1, math.MaxInt64/int64(time.Millisecond))
				if err == nil {
					d.cursors.SetIdleTimeout(time.Duration(ms) * time.Millisecond)
				}
				return err
			}},
		{name: "enableTestCommands", startup: true, get: func() document.Value { return document.Bool(d.opts.TestCommands) }},
		fixed("featureCompatibilityVersion", featureCompatibility()),
		{name: "logLevel", startup: true, get: func() document.Value { return document.Int32(int32(p.level.Load())) },
			set: func(v document.Value) error {
				n, ok := v.ToInt64()
				if !ok || n < 0 || n > 5 {
					return mongoerr.New(mongoerr.BadValue, "Invalid value for logLevel: logLevel: %s", v.Shell())
				}
				if d.opts.SetLogLevel == nil {
					return mongoerr.New(mongoerr.IllegalOperation, "the log level cannot be changed here")
				}
				p.level.Store(n)
				d.opts.SetLogLevel(int(n))
				return nil
			}},
		{name: "internalQueryMaxBlockingSortMemoryUsageBytes", startup: true, atStart: true,
			get: func() document.Value {
				if n := d.engine.SortBytes(); n > math.MaxInt32 {
					return document.Int64(n)
				}
				return document.Int32(int32(d.engine.SortBytes()))
			},
			set: func(v document.Value) error {
				n, ok := v.ToInt64()
				switch {
				case !ok:
					return mongoerr.New(mongoerr.BadValue, "Failed validating internalQueryMaxBlockingSortMemoryUsageBytes: Unable to coerce value to integral type")
				case n < 0:
					return mongoerr.New(mongoerr.BadValue, "Invalid value for parameter internalQueryMaxBlockingSortMemoryUsageBytes: %d is not greater than or equal to 0", n)
				}
				d.engine.SetSortBytes(max(n, 1))
				return nil
			}},
		fixed("localLogicalSessionTimeoutMinutes", document.Int32(30)),
		fixed("maxSessions", document.Int32(1_000_000)),
		ttlEnabledParameter(d), ttlSleepParameter(d),
		{name: "quiet", startup: true, get: func() document.Value { return document.Bool(false) }},
		p.quiesceParameter(),
		{name: "slowOpThresholdMs", startup: true, hidden: true, get: func() document.Value { return document.Int32(clampInt32(p.slowMS.Load())) }},
		{name: "storageEngineName", hidden: true, get: func() document.Value { return document.String(storageEngineName) }},
		{name: "failpoint." + failCommandName, hidden: true, get: func() document.Value {
			if !d.opts.TestCommands {
				return document.Value{}
			}
			return d.faults.describe()
		}},
	}
	return p
}

// quiesceParameter is the limit of a shutdown that a signal began; see [Dispatcher.Quiesce].
func (p *parameters) quiesceParameter() parameter {
	return parameter{
		name: quiesceParameter, startup: true, atStart: true,
		get: func() document.Value { return document.Int32(int32(p.quiesceMillis.Load())) },
		set: func(v document.Value) error {
			n, ok := v.ToInt64()
			switch {
			case !ok:
				return mongoerr.New(mongoerr.BadValue, "Failed validating %s: Unable to coerce value to integral type", quiesceParameter)
			case n < math.MinInt32 || n > math.MaxInt32:
				return mongoerr.New(mongoerr.BadValue, "Failed validating %s: Out of bounds coercing to integral value", quiesceParameter)
			case n < 0:
				return mongoerr.New(mongoerr.BadValue, "Invalid value for parameter %s: %d is not greater than or equal to 0", quiesceParameter, n)
			}
			p.quiesceMillis.Store(n)
			return nil
		},
	}
}

func wholeParameter(name string, v document.Value, least, most int64) (int64, error) {
	n, ok := v.ToInt64()
	switch {
	case !ok:
		return 0, mongoerr.New(mongoerr.BadValue, "Failed validating %s: Unable to coerce value to integral type", name)
	case n < least || n > most:
		return 0, mongoerr.New(mongoerr.BadValue, "Invalid value for parameter %s: %d is not between %d and %d", name, n, least, most)
	}
	return n, nil
}

func featureCompatibility() document.Value {
	var b document.Builder
	b.AppendString("version", featureVersion)
	return b.Finish().AsValue()
}

// describe returns the fail point's setting as getParameter shows it.
func (f *faults) describe() document.Value {
	f.mu.Lock()
	defer f.mu.Unlock()
	modes := map[string]int32{"": 0, "off": 0, "alwaysOn": 1, "activationProbability": 2, "times": 3, "skip": 4}
	data := f.failCommand.data
	if data == nil {
		data = document.Empty
	}
	var b document.Builder
	b.AppendInt32("mode", modes[f.failCommand.mode])
	b.AppendDoc("data", data)
	b.AppendInt64("timesEntered", f.failCommand.entered)
	return b.Finish().AsValue()
}

func (p *parameters) named(name string) *parameter {
	for i := range p.list {
		if p.list[i].name == name {
			return &p.list[i]
		}
	}
	return nil
}

// runGetParameter tells the settings named by the command's other fields, or all of them ("*", allParameters).
func runGetParameter(_ context.Context, o *operation) error {
	how := o.first.Value
	all := how.Type == document.TypeString && how.Str() == "*" || how.Doc().Lookup("allParameters").Truthy()
	details := how.Doc().Lookup("showDetails").Truthy()
	found := false
	for i := range o.d.params.list {
		p := &o.d.params.list[i]
		if all && p.hidden || !all && o.argument(p.name).IsMissing() {
			continue
		}
		v := p.get()
		if v.IsMissing() {
			continue
		}
		found = true
		if !details {
			o.out.AppendValue(p.name, v)
			continue
		}
		o.out.OpenDoc(p.name)
		o.out.AppendValue("value", v)
		o.out.AppendBool("settableAtRuntime", p.set != nil)
		o.out.AppendBool("settableAtStartup", p.startup)
		o.out.Close()
	}
	if !found {
		return mongoerr.New(0, "no option found to get")
	}
	return nil
}

// runSetParameter changes settings. All names are checked before anything is changed; was is the first one's old value.
func runSetParameter(_ context.Context, o *operation) error {
	if len(o.args) == 0 {
		return mongoerr.New(0, "no option found to set, use help:true to see options ")
	}
	for _, e := range o.args {
		p := o.d.params.named(e.Key)
		switch {
		case p == nil:
			return mongoerr.New(0, "attempted to set unrecognized parameter [%s], use help:true to see options ", e.Key)
		case p.set == nil:
			return mongoerr.New(0, "not allowed to change [%s] at runtime", e.Key)
		}
	}
	for i, e := range o.args {
		p := o.d.params.named(e.Key)
		was := p.get()
		if err := p.set(e.Value); err != nil {
			return err
		}
		if i == 0 {
			o.out.AppendValue("was", was)
		}
	}
	return nil
}
