package sdam

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// A Mode says which members of a set may answer a read.
type Mode uint8

// The modes, with MongoDB's meaning.
const (
	Primary Mode = iota
	PrimaryPreferred
	Secondary
	SecondaryPreferred
	Nearest
)

var modes = [...]string{"primary", "primaryPreferred", "secondary", "secondaryPreferred", "nearest"}

// String returns MongoDB's name.
func (m Mode) String() string { return modes[m] }

// ParseMode returns the mode that MongoDB's name stands for, in any case.
func ParseMode(name string) (Mode, bool) {
	for m, known := range modes {
		if strings.EqualFold(name, known) {
			return Mode(m), true
		}
	}
	return Primary, false
}

// A ReadPreference says which servers may answer a read. The zero value, and nil, is the primary alone.
type ReadPreference struct {
	Mode         Mode
	TagSets      []TagSet      // the first that any server matches decides; none: all match
	MaxStaleness time.Duration // how far a secondary may be behind; 0: any
}

// Limits of maxStaleness (Max Staleness, "Smallest allowed value for maxStalenessSeconds").
const (
	minStaleness    = 90 * time.Second
	idleWritePeriod = 10 * time.Second // how often an idle primary writes, so that secondaries can be seen to keep up
)

// Staleness returns the maxStaleness that maxStalenessSeconds stands for. -1 is none.
func Staleness(seconds int64) (time.Duration, error) {
	if seconds == -1 {
		return 0, nil
	}
	if seconds <= 0 || seconds > 1<<31-1 {
		return 0, fmt.Errorf("maxStalenessSeconds is %d: it must be positive, or -1 for none", seconds)
	}
	return time.Duration(seconds) * time.Second, nil
}

// Validate reports whether the preference makes sense by itself. Whether a staleness can be kept depends on the topology
// too: Select tells.
func (p *ReadPreference) Validate() error {
	if p == nil || p.Mode != Primary {
		return nil
	}
	if p.MaxStaleness != 0 {
		return errors.New("read preference primary cannot have maxStalenessSeconds")
	}
	for _, set := range p.TagSets {
		if len(set) > 0 {
			return errors.New("read preference primary cannot have tags")
		}
	}
	return nil
}

// String returns the mode's name; a preference that is nil is for the primary.
func (p *ReadPreference) String() string { return p.mode().String() }

func (p *ReadPreference) mode() Mode {
	if p == nil {
		return Primary
	}
	return p.Mode
}

// Append appends the preference as a command's $readPreference.
func (p *ReadPreference) Append(b *document.Builder) {
	b.OpenDoc("$readPreference")
	b.AppendString("mode", p.mode().String())
	if p.mode() != Primary {
		p.appendTags(b)
		if p.MaxStaleness > 0 {
			b.AppendInt64("maxStalenessSeconds", int64(p.MaxStaleness/time.Second))
		}
	}
	b.Close()
}

func (p *ReadPreference) appendTags(b *document.Builder) {
	if len(p.TagSets) == 0 {
		return
	}
	b.OpenArray("tags")
	for i, set := range p.TagSets {
		b.OpenDoc(document.Index(i))
		for _, tag := range set {
			b.AppendString(tag.Name, tag.Value)
		}
		b.Close()
	}
	b.Close()
}

var primaryPreferred = ReadPreference{Mode: PrimaryPreferred}

// Preference returns what an operation with the request r tells the server s, which was chosen for it; nil if nothing. It is
// Server Selection, "Passing read preference to mongos and load balancers", and for direct connections "Topology type:
// Single": there any member must answer.
func (t *Topology) Preference(s *Server, r Request) *ReadPreference {
	p := r.Read
	if t.Kind.ReplicaSet() {
		p = t.effective(r)
	}
	switch {
	case r.Write, s.Kind == Standalone:
		return nil
	case p.mode() != Primary:
		return p
	case t.Kind == Single && s.Kind != Mongos:
		return &primaryPreferred
	}
	return nil
}
