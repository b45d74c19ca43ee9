package replset

import (
	"math"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// WriteConcern is how far a write must have come before it is acknowledged. The zero value acknowledges nothing; see
// [ImplicitWriteConcern] for the one of a command that names none.
type WriteConcern struct {
	Majority bool   // w: "majority"
	Mode     string // w is the name of a mode other than majority (HasMode)
	HasMode  bool
	Tags     document.Doc // w: {tag: number}; nil if it is not
	W        int          // else the number of members

	J, HasJ bool
	FSync   bool
	Timeout time.Duration // wtimeout; 0: none; negative: do not wait at all
	source  string        // provenance
}

// The places that a write concern can come from, as errInfo shows them.
const (
	clientSupplied  = "clientSupplied"
	implicitDefault = "implicitDefault"
	customDefault   = "customDefault"
)

// MaxW is the largest number that w may be, whatever the size of the set.
const MaxW = 50

// ImplicitWriteConcern is the write concern of a command without one: majority. mongod takes w: 1 where arbiters make up
// too much of a set, because there an arbiter cannot vouch for a write; here it can, since it keeps the log.
func ImplicitWriteConcern() WriteConcern {
	return WriteConcern{Majority: true, source: implicitDefault}
}

// ParseWriteConcern reads a writeConcern document, or with legacy set the getLastError command that carries the same
// options. A document that says nothing gives the implicit default; one that says something, but not w, means w: 1.
func ParseWriteConcern(d document.Doc, legacy bool) (WriteConcern, error) {
	p := writeConcernParser{WriteConcern: WriteConcern{W: 1, source: clientSupplied}}
	if err := p.fields(d, legacy).parse(d); err != nil {
		return WriteConcern{}, err
	}
	w := p.WriteConcern
	if w.J && w.FSync {
		return WriteConcern{}, mongoerr.New(mongoerr.FailedToParse, "fsync and j options cannot be used together")
	}
	if !p.hasW && !w.HasJ && !w.FSync && w.Timeout == 0 {
		return ImplicitWriteConcern(), nil
	}
	return w, nil
}

type writeConcernParser struct {
	WriteConcern
	hasW bool
}

func (p *writeConcernParser) fields(d document.Doc, legacy bool) fields {
	ignore := func(string, document.Value) error { return nil }
	known := map[string]fieldParser{
		"w":          p.parseW,
		"j":          p.parseJ,
		"fsync":      boolField(&p.FSync),
		"wtimeout":   p.parseTimeout,
		"provenance": p.parseProvenance,
		// What getLastError had and routers pass on; mongod takes and ignores it in every write concern.
		"getLastError": ignore, "wOpTime": ignore, "wElectionId": ignore,
	}
	if legacy {
		known[d.First().Key] = ignore
		known["$db"] = ignore
	}
	return fields{structure: "WriteConcernOptions", known: known}
}

func (p *writeConcernParser) parseW(_ string, v document.Value) error {
	p.hasW = true
	switch {
	case v.IsNumber():
		n, _ := v.ToInt64()
		if n < 0 || n > MaxW {
			return mongoerr.New(mongoerr.FailedToParse, "w has to be a non-negative number and not greater than %d; found: %d", MaxW, n)
		}
		p.W = int(n)
	case v.Type == document.TypeString && v.Str() == "majority":
		p.Majority, p.W = true, 0
	case v.Type == document.TypeString || v.IsNullish():
		p.Mode, p.HasMode, p.W = strings.Clone(v.Str()), true, 0
	case v.Type == document.TypeDocument:
		p.W = 0
		return p.parseTags(v.Doc())
	default:
		return mongoerr.New(mongoerr.FailedToParse, "w has to be a number, string, or object; found: %s", v.Type)
	}
	return nil
}

func (p *writeConcernParser) parseTags(d document.Doc) error {
	if d.IsEmpty() {
		return mongoerr.New(mongoerr.FailedToParse, "tagged write concern requires tags")
	}
	var b document.Builder
	for it := d.Iter(); it.Next(); {
		n, ok := it.Value().ToInt64()
		if !ok {
			return mongoerr.New(mongoerr.FailedToParse, "tags must be a single level document with only number values; found: %s: %s",
				it.Key(), it.Value().Shell())
		}
		b.AppendInt64(it.Key(), n)
	}
	p.Tags = b.Finish()
	return nil
}

func (p *writeConcernParser) parseJ(name string, v document.Value) error {
	p.HasJ = !v.IsNullish()
	return boolField(&p.J)(name, v)
}

// parseTimeout takes what is no number for no timeout, as mongod does.
func (p *writeConcernParser) parseTimeout(_ string, v document.Value) error {
	ms, _ := v.ToInt64()
	if ms < math.MinInt32 || ms > math.MaxInt32 {
		return mongoerr.New(mongoerr.FailedToParse, "wtimeout must be a 32-bit integer")
	}
	p.Timeout = time.Duration(ms) * time.Millisecond
	return nil
}

func (p *writeConcernParser) parseProvenance(name string, v document.Value) error {
	if err := stringField(&p.source)(name, v); err != nil {
		return err
	}
	switch p.source {
	case clientSupplied, implicitDefault, "customDefault", "getLastErrorDefaults", "internalWriteDefault":
		return nil
	}
	return mongoerr.New(mongoerr.BadValue, "Enumeration value '%s' for field '%s' is not a valid value.", p.source, name)
}

// Implicit reports whether the command named no write concern.
func (w WriteConcern) Implicit() bool { return w.source == implicitDefault }

// AsDefault returns w as the write concern of commands that name none.
func (w WriteConcern) AsDefault() WriteConcern {
	w.source = customDefault
	return w
}

// Unacknowledged reports whether nobody waits for the write.
func (w WriteConcern) Unacknowledged() bool {
	return w.W == 0 && !w.Majority && !w.HasMode && w.Tags == nil && !w.WaitsForDisk()
}

// WaitsForDisk reports whether the write must be on this member's disk. Majority writes always are on a majority's.
func (w WriteConcern) WaitsForDisk() bool { return w.J || w.FSync }

// Document returns w as errors show it in errInfo.writeConcern.
func (w WriteConcern) Document() document.Doc {
	var b document.Builder
	w.appendFields(&b)
	b.AppendString("provenance", w.source)
	return b.Finish()
}

// DefaultDocument returns w as the default write concern is stored and shown.
func (w WriteConcern) DefaultDocument() document.Doc {
	var b document.Builder
	w.appendFields(&b)
	return b.Finish()
}

func (w WriteConcern) appendFields(b *document.Builder) {
	switch {
	case w.Majority:
		b.AppendString("w", "majority")
	case w.HasMode:
		b.AppendString("w", w.Mode)
	case w.Tags != nil:
		b.AppendDoc("w", w.Tags)
	default:
		b.AppendInt32("w", int32(w.W))
	}
	if w.HasJ {
		b.AppendBool("j", w.J)
	}
	if w.FSync {
		b.AppendBool("fsync", true)
	}
	b.AppendInt32("wtimeout", int32(w.Timeout.Milliseconds()))
}

// CheckStandalone returns why a standalone must refuse a command with this write concern, before it writes anything.
func (w WriteConcern) CheckStandalone() error {
	switch {
	case w.W > 1:
		return mongoerr.New(mongoerr.BadValue, "cannot use 'w' > 1 when a host is not replicated")
	case w.HasMode:
		return mongoerr.New(mongoerr.BadValue, "cannot use non-majority 'w' mode %q when a host is not a member of a replica set", w.Mode)
	case w.Tags != nil:
		return mongoerr.New(mongoerr.BadValue, "cannot use a tagged 'w' when a host is not a member of a replica set")
	}
	return nil
}

// Unsatisfiable returns why no waiting could ever satisfy w in the set; nil if it could. As in mongod this does not
// keep the command from writing: the error goes into writeConcernError.
func (w WriteConcern) Unsatisfiable(c *Config) *mongoerr.Error {
	switch {
	case w.W > c.DataMembers():
		return w.fail(mongoerr.UnsatisfiableWriteConcern, "Not enough data-bearing nodes")
	case w.HasMode:
		mode := c.Settings.Mode(w.Mode)
		switch {
		case mode == nil:
			return w.fail(mongoerr.UnknownReplWriteConcern, "No write concern mode named '%s' found in replica set configuration", w.Mode)
		case !mode.Tags.possible(c):
			return w.fail(mongoerr.UnsatisfiableWriteConcern, "Not enough nodes match write concern mode \"\"%s\"\"", w.Mode)
		}
	case w.Tags != nil:
		for it := w.Tags.Iter(); it.Next(); {
			if !c.hasTag(it.Key()) {
				return w.fail(mongoerr.NoSuchKey, "No replica set tag key %s in config", it.Key())
			}
		}
		if tags := w.tagCounts(); !tags.possible(c) {
			return w.fail(mongoerr.UnsatisfiableWriteConcern, "Not enough nodes match write concern mode \"%s\"", tags)
		}
	}
	return nil
}

// Tagged reports whether w demands something of the members' tags.
func (w WriteConcern) Tagged() bool { return w.HasMode || w.Tags != nil }

// TagCounts returns what w demands of the tags of c's members; nil if nothing.
func (w WriteConcern) TagCounts(c *Config) TagCounts {
	if mode := c.Settings.Mode(w.Mode); w.HasMode && mode != nil {
		return mode.Tags
	}
	return w.tagCounts()
}

func (w WriteConcern) tagCounts() TagCounts {
	var list TagCounts
	for it := w.Tags.Iter(); it.Next(); {
		list = append(list, TagCount{it.Key(), it.Value().Int64()})
	}
	return list
}

func (c *Config) hasTag(key string) bool {
	for i := range c.Members {
		if !c.Members[i].Tags.Lookup(key).IsMissing() {
			return true
		}
	}
	return false
}

// TimedOut returns the writeConcernError of a wait that wtimeout ended.
func (w WriteConcern) TimedOut() *mongoerr.Error {
	e := mongoerr.New(mongoerr.WriteConcernFailed, "waiting for replication timed out")
	var b document.Builder
	b.OpenDoc("errInfo")
	b.AppendBool("wtimeout", true)
	b.AppendDoc("writeConcern", w.Document())
	b.Close()
	return e.WithExtra(b.Finish())
}

// Interrupted returns the writeConcernError of a wait that err ended, such as a step-down.
func (w WriteConcern) Interrupted(err error) *mongoerr.Error {
	e := mongoerr.From(err)
	return w.fail(e.Code, "%s", e.Message)
}

func (w WriteConcern) fail(code mongoerr.Code, format string, args ...any) *mongoerr.Error {
	var b document.Builder
	b.OpenDoc("errInfo")
	b.AppendDoc("writeConcern", w.Document())
	b.Close()
	return mongoerr.New(code, format, args...).WithExtra(b.Finish())
}
