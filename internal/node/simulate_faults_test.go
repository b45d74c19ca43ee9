package node

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/peer/memnet"
)

// The kinds of faults. Each is one function, which runs in a goroutine of its own: it breaks something, waits, and mends it.

// crash ends a process; of what it did not sync n percent survive.
func (s *simulation) crash(f *fault) { s.crashHosts(f, s.hosts[f.member]) }

// crashAll is a power failure.
func (s *simulation) crashAll(f *fault) { s.crashHosts(f, s.hosts...) }

func (s *simulation) crashHosts(f *fault, hosts ...string) {
	for _, h := range hosts {
		s.hold(h, f)
		s.die(h)
	}
	time.Sleep(f.lasts)
	s.release(hosts...)
}

// crashAtWrite ends a process before one of the next changes to its disk, or after a while if it does not make so many.
func (s *simulation) crashAtWrite(f *fault) {
	h := s.hosts[f.member]
	d := s.disks[h]
	life := s.hold(h, f)
	r := rand.New(rand.NewPCG(f.seed, 0))
	d.set(func(d *disk) {
		if d.life == life {
			d.dieIn = 1 + r.IntN([]int{4, 30, 200}[r.IntN(3)])
		}
	})
	for waited := time.Duration(0); d.lives(life) && waited < 2*time.Second; waited += 10 * time.Millisecond {
		time.Sleep(10 * time.Millisecond)
	}
	if d.lives(life) {
		s.die(h)
	}
	time.Sleep(f.lasts)
	s.release(h)
}

// restart stops a member as an operator does, and starts it again.
func (s *simulation) restart(f *fault) {
	h := s.hosts[f.member]
	life := s.hold(h, f)
	s.mu.Lock()
	n := s.nodes[h]
	s.mu.Unlock()
	if n != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		err := n.Shutdown(ctx)
		cancel()
		if err != nil && s.disks[h].lives(life) {
			s.note("%s: shutdown: %v", h, err)
		}
		s.mu.Lock()
		if s.nodes[h] == n {
			delete(s.nodes, h)
		}
		s.mu.Unlock()
	}
	time.Sleep(f.lasts)
	s.release(h)
}

// isolate cuts a member off from the others; clients reach it.
func (s *simulation) isolate(f *fault) {
	h := s.hosts[f.member]
	s.links(f, func(from, to string, l *memnet.Link) { l.Cut = l.Cut || s.isMember(from, to) && (from == h || to == h) })
}

func (s *simulation) isolateFromAll(f *fault) {
	h := s.hosts[f.member]
	s.links(f, func(from, to string, l *memnet.Link) { l.Cut = l.Cut || from == h || to == h })
}

// deaf: nothing arrives at a member.
func (s *simulation) deaf(f *fault) {
	h := s.hosts[f.member]
	s.links(f, func(from, to string, l *memnet.Link) { l.Cut = l.Cut || to == h })
}

// mute: nothing that a member sends arrives.
func (s *simulation) mute(f *fault) {
	h := s.hosts[f.member]
	s.links(f, func(from, to string, l *memnet.Link) { l.Cut = l.Cut || from == h })
}

// bridge cuts the members into two halves, which only one member reaches both.
func (s *simulation) bridge(f *fault) {
	side, h := s.halves(f), s.hosts[f.member]
	s.links(f, func(from, to string, l *memnet.Link) {
		l.Cut = l.Cut || s.isMember(from, to) && from != h && to != h && side[from] != side[to]
	})
}

// split cuts members and clients into two halves.
func (s *simulation) split(f *fault) {
	side := s.halves(f)
	s.links(f, func(from, to string, l *memnet.Link) { l.Cut = l.Cut || side[from] != side[to] })
}

func (s *simulation) halves(f *fault) map[string]bool {
	r := rand.New(rand.NewPCG(f.seed, 0))
	side := map[string]bool{}
	for _, h := range s.everybody() {
		side[h] = r.IntN(2) == 0
	}
	return side
}

// flaky: connections break, of one member or of all. What was sent on them may have arrived.
func (s *simulation) flaky(f *fault) {
	h := s.hosts[f.member]
	s.links(f, func(from, to string, l *memnet.Link) {
		if f.n < 50 || from == h || to == h {
			l.Break = float64(f.n%50) / 200
		}
	})
}

// slowNetwork: what is sent arrives late.
func (s *simulation) slowNetwork(f *fault) {
	h := s.hosts[f.member]
	s.links(f, func(from, to string, l *memnet.Link) {
		if f.n < 30 || from == h || to == h {
			l.Delay += time.Duration(f.n) * time.Millisecond
			l.Jitter += time.Duration(2*f.n) * time.Millisecond
		}
	})
}

func (s *simulation) slowSync(f *fault) {
	d := s.disks[s.hosts[f.member]]
	d.set(func(d *disk) { d.syncTime = time.Duration(1+4*f.n) * time.Millisecond })
	time.Sleep(f.lasts)
	d.set(func(d *disk) { d.syncTime = 0 })
}

// failingSync: a member whose disk fails to sync must stop.
func (s *simulation) failingSync(f *fault) {
	s.failDisk(f, func(d *disk, on bool) { d.failSyncs = on })
}

// diskFull: a member that cannot write must stop; it starts again when there is space.
func (s *simulation) diskFull(f *fault) { s.failDisk(f, func(d *disk, on bool) { d.full = on }) }

// stopsWithin is how long a member may go on after its disk failed to sync.
const stopsWithin = time.Second

func (s *simulation) failDisk(f *fault, fail func(d *disk, on bool)) {
	h := s.hosts[f.member]
	d := s.disks[h]
	var life, before int
	d.set(func(d *disk) { fail(d, true); life, before = d.life, d.syncFails })
	failed := func() (is bool) {
		d.set(func(d *disk) { is = d.syncFails > before })
		return is
	}
	for waited := time.Duration(0); d.lives(life) && !failed() && waited < f.lasts; waited += 10 * time.Millisecond {
		time.Sleep(10 * time.Millisecond)
	}
	if failed() {
		time.Sleep(stopsWithin)
		s.mu.Lock()
		up := s.nodes[h] != nil
		s.mu.Unlock()
		if up && d.lives(life) {
			s.violate("%s went on for %v after its disk failed to sync", h, stopsWithin)
		}
	}
	d.set(func(d *disk) { fail(d, false) })
	s.ensure(h)
}

// clockJump moves a member's clock by seconds to days, for good.
func (s *simulation) clockJump(f *fault) {
	r := rand.New(rand.NewPCG(f.seed, 0))
	by := time.Duration(r.Int64N(int64([]time.Duration{2 * time.Second, time.Hour, 72 * time.Hour}[r.IntN(3)])))
	if r.IntN(2) == 0 {
		by = -by
	}
	s.note("%s: the clock jumps by %v", s.hosts[f.member], by)
	s.clocks[f.member].Add(int64(by))
}

// stepDown asks the primary to make room.
func (s *simulation) stepDown(f *fault) {
	p, err := s.askPrimary(fmt.Sprintf(`{"replSetStepDown": %d, "secondaryCatchUpPeriodSecs": 1, "force": %v, "$db": "admin"}`, 2+f.n%3, f.n%2 == 0))
	s.note("step down of %s: %v", p, err)
}

// configMember is a member in a configuration's document.
type configMember struct {
	ID       int     `json:"_id"`
	Host     string  `json:"host"`
	Arbiter  bool    `json:"arbiterOnly"`
	Votes    int     `json:"votes"`
	Priority float64 `json:"priority"`
}

// reconfiguration brings a member, removes one, or gives one another vote or priority.
func (s *simulation) reconfiguration(f *fault) {
	p, members, version, err := s.config()
	if err == nil {
		what := changeMembers(&members, s.hosts, p, rand.New(rand.NewPCG(f.seed, 0)))
		var list []byte
		if list, err = json.Marshal(members); err == nil {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			defer cancel()
			_, err = s.ask(ctx, "admin", p, fmt.Sprintf(`{"replSetReconfig": {"_id": "foo", "version": %d, "members": %s}, "$db": "admin"}`, version+1, list))
			s.note("reconfiguration at %s: %s: %v", p, what, err)
		}
	}
}

// config returns the configuration, and who is primary.
func (s *simulation) config() (primary string, members []configMember, version int32, err error) {
	for _, h := range s.hosts {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		d, err := s.ask(ctx, "admin", h, `{"hello": 1, "$db": "admin"}`)
		if err == nil && d.Lookup("isWritablePrimary").Bool() {
			if d, err = s.ask(ctx, "admin", h, `{"replSetGetConfig": 1, "$db": "admin"}`); err == nil {
				err = json.Unmarshal([]byte(d.LookupPath("config.members").String()), &members)
				cancel()
				return h, members, d.LookupPath("config.version").Int32(), err
			}
		}
		cancel()
	}
	return "", nil, 0, errNoPrimary
}

func changeMembers(members *[]configMember, hosts []string, primary string, r *rand.Rand) (what string) {
	var absent []string
	for _, h := range hosts {
		if !slices.ContainsFunc(*members, func(m configMember) bool { return m.Host == h }) {
			absent = append(absent, h)
		}
	}
	m := &(*members)[r.IntN(len(*members))]
	switch {
	case len(absent) > 0 && r.IntN(2) == 0:
		id := 0
		for _, m := range *members {
			id = max(id, m.ID+1)
		}
		*members = append(*members, configMember{ID: id, Host: absent[r.IntN(len(absent))], Votes: 1, Priority: 1})
		return "add " + (*members)[len(*members)-1].Host
	case m.Arbiter:
		return "nothing but another version" // its directory can hold no data, should it come back
	case m.Host == primary || r.IntN(3) == 0:
		m.Priority = float64(1 + r.IntN(3))
		m.Votes = 1
		return fmt.Sprintf("%s has priority %v", m.Host, m.Priority)
	case r.IntN(2) == 0:
		m.Votes, m.Priority = 1-m.Votes, float64(1-m.Votes)
		return fmt.Sprintf("%s has %d votes", m.Host, m.Votes)
	}
	what = "remove " + m.Host
	*members = slices.DeleteFunc(*members, func(o configMember) bool { return o.ID == m.ID })
	return what
}

// isMember reports whether both are members, not clients.
func (s *simulation) isMember(from, to string) bool {
	return strings.Contains(from, ":") && strings.Contains(to, ":")
}
