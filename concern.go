package morton

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/sdam"
)

// Settings say how operations read and write. Those of a client hold for its databases, those of a database for its
// collections, unless they have their own: what is nil or empty is inherited.
type Settings struct {
	ReadPreference *ReadPreference
	ReadConcern    string // "local", "majority", "linearizable", "available", "snapshot"
	WriteConcern   *WriteConcern
	// Timeout is how long an operation may take whose context has no deadline; zero: as long as it takes. Where there is one, MaxTime and MaxCommitTime of options
	// do not count (specification "Client Side Operations Timeout").
	Timeout *time.Duration
}

// ReadPreference says which members of a set may answer a read.
type ReadPreference struct {
	Mode         string              // "primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"
	Tags         []map[string]string // the first that any member matches decides
	MaxStaleness time.Duration       // how far a secondary may be behind; zero: any; else at least 90 s
}

// WriteConcern says how many members have a write when it is acknowledged. What is nil or zero is left to the server.
type WriteConcern struct {
	W       any // a number of members, or a mode such as "majority"
	Journal *bool
	Timeout time.Duration
}

// concerns are Settings that were looked at once, in the form that operations need.
type concerns struct {
	read         *sdam.ReadPreference // nil: the primary
	readConcern  string
	writeConcern document.Doc // nil: the server's default
	acknowledged bool
	timeout      time.Duration // negative: none was given
	err          error         // what was wrong with the settings; operations return it
}

var defaultConcerns = concerns{acknowledged: true, timeout: -1}

// with returns the concerns that settings make of those that they inherit.
func (c concerns) with(s Settings) concerns {
	wrong := func(err error) {
		if c.err == nil {
			c.err = err
		}
	}
	if s.ReadPreference != nil {
		read, err := s.ReadPreference.compile()
		c.read = read
		wrong(err)
	}
	if s.ReadConcern != "" {
		c.readConcern = s.ReadConcern
	}
	if s.WriteConcern != nil {
		d, ack, err := s.WriteConcern.compile()
		c.writeConcern, c.acknowledged = d, ack
		wrong(err)
	}
	if s.Timeout != nil {
		if *s.Timeout < 0 {
			wrong(fmt.Errorf("morton: Timeout %v: zero is as long as it takes", *s.Timeout))
		}
		c.timeout = *s.Timeout
	}
	return c
}

// unanswered reports whether the server is not to answer a write. In a transaction the concern of the commit holds.
func (c *concerns) unanswered(ctx context.Context) bool {
	s := sessionOf(ctx)
	return !c.acknowledged && !(s != nil && s.transaction.running())
}

func (p *ReadPreference) compile() (*sdam.ReadPreference, error) {
	mode, ok := sdam.Primary, true
	if p.Mode != "" {
		mode, ok = sdam.ParseMode(p.Mode)
	}
	if !ok {
		return nil, fmt.Errorf("morton: %q is no read preference: use primary, primaryPreferred, secondary, secondaryPreferred or nearest", p.Mode)
	}
	if p.MaxStaleness < 0 {
		return nil, fmt.Errorf("morton: MaxStaleness %v: zero is any", p.MaxStaleness)
	}
	r := &sdam.ReadPreference{Mode: mode, MaxStaleness: p.MaxStaleness}
	for _, tags := range p.Tags {
		set := sdam.TagSet{}
		for name, value := range tags {
			set = append(set, sdam.Tag{Name: name, Value: value})
		}
		r.TagSets = append(r.TagSets, set)
	}
	if err := r.Validate(); err != nil {
		return nil, fmt.Errorf("morton: %w", err)
	}
	if mode == sdam.Primary {
		return nil, nil
	}
	return r, nil
}

// compile returns the document for commands, which is nil if there is nothing to say, and whether the server answers.
func (w *WriteConcern) compile() (d document.Doc, acknowledged bool, err error) {
	b := document.NewBuilder(nil)
	acknowledged = true
	switch v := w.W.(type) {
	case nil:
	case string:
		b.AppendString("w", v)
	case int:
		if v < 0 || v > math.MaxInt32 {
			return nil, true, fmt.Errorf("morton: write concern w: %d is no number of members", v)
		}
		b.AppendInt32("w", int32(v))
		acknowledged = v != 0
	default:
		return nil, true, fmt.Errorf("morton: write concern w: %v: use a number of members or the name of a mode", v)
	}
	if w.Journal != nil {
		b.AppendBool("j", *w.Journal)
		if !acknowledged && *w.Journal {
			return nil, true, fmt.Errorf("morton: write concern w: 0 with journal: true contradicts itself")
		}
	}
	switch {
	case w.Timeout < 0:
		return nil, true, fmt.Errorf("morton: write concern timeout %v: zero is as long as it takes", w.Timeout)
	case w.Timeout > 0:
		b.AppendInt64("wtimeout", milliseconds(w.Timeout))
	}
	if d = b.Finish(); d.IsEmpty() {
		d = nil
	}
	return d, acknowledged, nil
}

// milliseconds returns a time as servers are told of it. It is not made zero, which to them is for ever.
func milliseconds(d time.Duration) int64 { return (d + time.Millisecond - 1).Milliseconds() }
