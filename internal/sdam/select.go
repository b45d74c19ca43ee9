package sdam

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"
)

// A Request is what an operation asks of the server that is chosen for it.
type Request struct {
	Write bool            // it writes, or is part of a transaction: only a server that takes writes will do, whatever Read says
	Read  *ReadPreference // for reads; nil: the primary
	// Output says that a read ends in $out or $merge. Secondaries run that since MongoDB 5.0; while any server is older, it
	// goes to the primary.
	Output bool
	// Avoid has servers that failed the operation before: they are chosen only if nothing else suits.
	Avoid []string
}

// outputWire is the wire version of MongoDB 5.0, whose secondaries run $out and $merge.
const outputWire = 13

// Select returns a server for an operation, or nil if none suits now: then the caller waits for the next topology. An error
// is one that waiting does not mend. Of several servers two are drawn by random, 64 random bits, and the one is taken that
// runs fewer operations by busy's account. Select allocates nothing (while no more than sixteen servers suit), and where
// only one server takes writes, which is then known beforehand, it is one comparison.
func (t *Topology) Select(r Request, random uint64, busy func(*Server) int) (*Server, error) {
	if t.writer != nil && (r.Write || r.Read == nil) {
		return t.writer, nil // even if it is to be avoided: there is no other
	}
	if t.Incompatible != nil {
		return nil, t.Incompatible
	}
	if err := t.validate(r); err != nil {
		return nil, err
	}
	var room [16]*Server
	return draw(inWindow(t.suitable(room[:0], r), t.config.LocalThreshold), random, busy), nil
}

// validate returns why the request's read preference can never be met.
func (t *Topology) validate(r Request) error {
	if r.Write || r.Read == nil {
		return nil
	}
	if err := r.Read.Validate(); err != nil {
		return err
	}
	if staleness := r.Read.MaxStaleness; staleness > 0 && t.Kind.ReplicaSet() {
		if least := max(minStaleness, t.config.Heartbeat+idleWritePeriod); staleness < least {
			return fmt.Errorf("maxStalenessSeconds is %d: it must be at least %d", staleness/time.Second, least/time.Second)
		}
	}
	return nil
}

// Suitable returns all servers that the request allows, round trips not considered.
func (t *Topology) Suitable(r Request) []*Server { return t.suitable(nil, r) }

// suitable appends to room.
func (t *Topology) suitable(room []*Server, r Request) []*Server {
	if len(r.Avoid) > 0 {
		if found := t.matching(room, r, r.Avoid); len(found) > 0 {
			return found
		}
	}
	return t.matching(room, r, nil)
}

// matching appends the servers that the kind of the topology and the request allow, without those to avoid.
func (t *Topology) matching(room []*Server, r Request, avoid []string) []*Server {
	switch t.Kind {
	case Single, LoadBalanced, Sharded:
		return t.filter(room, avoid, func(s *Server) bool { return s.Kind.Known() })
	case ReplicaSetNoPrimary, ReplicaSetWithPrimary:
		return t.members(room, t.effective(r), avoid)
	}
	return room
}

// effective returns the preference that holds for a request to a set.
func (t *Topology) effective(r Request) *ReadPreference {
	if r.Write || r.Output && t.olderThan(outputWire) {
		return nil
	}
	return r.Read
}

func (t *Topology) olderThan(wire int32) bool {
	return slices.ContainsFunc(t.Servers, func(s *Server) bool { return s.Kind.DataBearing() && s.MaxWire < wire })
}

// members is Server Selection, "Topology types: ReplicaSetWithPrimary or ReplicaSetNoPrimary".
func (t *Topology) members(room []*Server, p *ReadPreference, avoid []string) []*Server {
	primary := func() []*Server {
		return t.filter(room, avoid, func(s *Server) bool { return s == t.primary })
	}
	readable := func(withPrimary bool) []*Server {
		found := t.filter(room, avoid, func(s *Server) bool {
			return (s.Kind == RSSecondary || withPrimary && s == t.primary) && t.fresh(s, p.MaxStaleness)
		})
		return tagged(found, p.TagSets)
	}
	var found []*Server
	switch p.mode() {
	case Primary:
		return primary()
	case Secondary:
		return readable(false)
	case Nearest:
		return readable(true)
	case PrimaryPreferred:
		if found = primary(); len(found) == 0 {
			found = readable(false)
		}
	case SecondaryPreferred:
		if found = readable(false); len(found) == 0 {
			found = primary()
		}
	}
	return found
}

func (t *Topology) filter(room []*Server, avoid []string, keep func(*Server) bool) []*Server {
	for _, s := range t.Servers {
		if keep(s) && !slices.Contains(avoid, s.Address) {
			room = append(room, s)
		}
	}
	return room
}

// tagged returns the servers that match the first tag set which any of them matches.
func tagged(servers []*Server, sets []TagSet) []*Server {
	if len(sets) == 0 {
		return servers
	}
	for _, set := range sets {
		if slices.ContainsFunc(servers, func(s *Server) bool { return s.Tags.Match(set) }) {
			return slices.DeleteFunc(servers, func(s *Server) bool { return !s.Tags.Match(set) })
		}
	}
	return servers[:0]
}

// fresh reports whether the member is not further behind than most; 0 is no limit.
func (t *Topology) fresh(s *Server, most time.Duration) bool {
	return most == 0 || s.Kind == RSPrimary || t.staleness(s) <= most
}

// staleness estimates how far a secondary is behind the primary, or while there is none, behind the secondary that wrote
// last (Server Selection, "Algorithm for filtering by staleness"). Two differences of times by one clock each are added, so
// that neither the client's clock nor a member's need be right.
func (t *Topology) staleness(s *Server) time.Duration {
	if s.LastWrite.IsZero() {
		return math.MaxInt64
	}
	if t.primary != nil {
		return s.LastUpdate.Sub(t.primary.LastUpdate) + t.primary.LastWrite.Sub(s.LastWrite) + t.config.Heartbeat
	}
	last := s.LastWrite
	for _, o := range t.Servers {
		if o.Kind == RSSecondary && o.LastWrite.After(last) {
			last = o.LastWrite
		}
	}
	return last.Sub(s.LastWrite) + t.config.Heartbeat
}

// inWindow returns the servers whose average round trip is at most threshold longer than the shortest.
func inWindow(servers []*Server, threshold time.Duration) []*Server {
	if len(servers) < 2 {
		return servers
	}
	nearest := slices.MinFunc(servers, func(a, b *Server) int { return cmp.Compare(a.RTT.Average, b.RTT.Average) }).RTT.Average
	return slices.DeleteFunc(servers, func(s *Server) bool { return s.RTT.Average > nearest+threshold })
}

// draw takes the less busy of two servers drawn by chance.
func draw(servers []*Server, random uint64, busy func(*Server) int) *Server {
	switch n := uint64(len(servers)); n {
	case 0:
		return nil
	case 1:
		return servers[0]
	default:
		first := random >> 32 % n
		second := random & math.MaxUint32 % (n - 1)
		if second >= first {
			second++
		}
		if busy(servers[second]) < busy(servers[first]) {
			return servers[second]
		}
		return servers[first]
	}
}
