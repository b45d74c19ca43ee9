package node

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/peer/memnet"
)

// schedule is everything that a seed decides: the set, its network, what goes wrong when, and the seeds of the clients.
type schedule struct {
	seed     uint64
	hosts    []string
	members  int         // the first ones are in the set from the beginning; reconfigurations bring the others
	arbiter  int         // the member that is one; -1: none
	link     memnet.Link // between any two hosts when nothing is wrong
	pause    time.Duration
	faults   []fault
	loseDisk int // the member that gets an empty disk after the faults; -1: none. More than one could lose what a majority had.
}

// fault is one thing that goes wrong.
type fault struct {
	at     time.Duration // since the clients began
	kind   faultKind
	member int           // whom it concerns
	lasts  time.Duration // until it is mended
	n      int           // what the kind makes of it
	seed   uint64        // of what the kind chooses
}

type faultKind struct {
	name  string
	often int // how often it is chosen, in relation to the others
	run   func(*simulation, *fault)
}

// faultKinds is a function because the kinds refer to what uses them.
func faultKinds() []faultKind {
	return []faultKind{
		{"crash", 4, (*simulation).crash},
		{"crash at a write", 6, (*simulation).crashAtWrite},
		{"crash of all", 3, (*simulation).crashAll},
		{"clean restart", 1, (*simulation).restart},
		{"isolated from members", 4, (*simulation).isolate},
		{"isolated from all", 1, (*simulation).isolateFromAll},
		{"deaf", 1, (*simulation).deaf},
		{"mute", 1, (*simulation).mute},
		{"bridge", 2, (*simulation).bridge},
		{"split", 2, (*simulation).split},
		{"connections break", 3, (*simulation).flaky},
		{"slow network", 2, (*simulation).slowNetwork},
		{"slow fsync", 2, (*simulation).slowSync},
		{"failing fsync", 2, (*simulation).failingSync},
		{"disk full", 1, (*simulation).diskFull},
		{"clock jump", 2, (*simulation).clockJump},
		{"reconfiguration", 3, (*simulation).reconfiguration},
		{"step down", 1, (*simulation).stepDown},
	}
}

func newSchedule(seed uint64) *schedule {
	r := rand.New(rand.NewPCG(seed, 1))
	n := []int{1, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4, 5, 5, 5, 7}[r.IntN(16)]
	if n == 7 {
		n = 6 + r.IntN(2)
	}
	c := &schedule{seed: seed, members: n, arbiter: -1, loseDisk: -1, pause: time.Duration(50+r.IntN(100)) * time.Millisecond}
	for i := range n {
		c.hosts = append(c.hosts, string(rune('a'+i))+":27017")
	}
	if n > 1 && r.IntN(4) == 0 {
		c.members -= 1 + r.IntN(min(n-1, 2))
	}
	c.link = memnet.Link{Delay: time.Duration(r.IntN(2000)) * time.Microsecond, Jitter: time.Duration(r.IntN(3000)) * time.Microsecond}
	reconfigures := c.chooseFaults(r)
	if c.members >= 3 && !reconfigures && r.IntN(4) == 0 {
		c.loseDisk = r.IntN(c.members)
	}
	if c.members >= 3 && r.IntN(6) == 0 {
		c.arbiter = c.members - 1
	}
	return c
}

// chooseFaults reports whether the members change.
func (c *schedule) chooseFaults(r *rand.Rand) (reconfigures bool) {
	kinds := faultKinds()
	sum := 0
	for _, k := range kinds {
		sum += k.often
	}
	at := time.Duration(0)
	for range 5 + r.IntN(5) {
		if r.IntN(3) > 0 { // else together with the one before
			at += time.Duration(r.IntN(1500)) * time.Millisecond
		}
		f := fault{at: at, kind: choose(kinds, r.IntN(sum)), member: r.IntN(len(c.hosts)), n: r.IntN(101), seed: r.Uint64()}
		f.lasts = time.Duration(r.IntN([]int{50, 500, 3000}[r.IntN(3)])) * time.Millisecond
		c.faults = append(c.faults, f)
		reconfigures = reconfigures || f.kind.name == "reconfiguration"
	}
	return reconfigures
}

func choose(kinds []faultKind, at int) faultKind {
	for _, k := range kinds {
		if at -= k.often; at < 0 {
			return k
		}
	}
	panic("more than all")
}

// configuration returns the members at the beginning.
func (c *schedule) configuration() (members []string) {
	for i, h := range c.hosts[:c.members] {
		members = append(members, fmt.Sprintf(`{"_id": %d, "host": %q, "arbiterOnly": %v}`, i, h, i == c.arbiter))
	}
	return members
}

func (c *schedule) String() string {
	var b strings.Builder
	if c.arbiter >= 0 {
		fmt.Fprintf(&b, "%s is an arbiter, ", c.hosts[c.arbiter])
	}
	fmt.Fprintf(&b, "%d members of %d, links %v + %v, clients pause %v\n", c.members, len(c.hosts), c.link.Delay, c.link.Jitter, c.pause)
	for _, f := range c.faults {
		fmt.Fprintf(&b, "  %6.3fs %s: %s for %v (%d)\n", f.at.Seconds(), c.hosts[f.member], f.kind.name, f.lasts, f.n)
	}
	if c.loseDisk >= 0 {
		fmt.Fprintf(&b, "  then %s gets a new disk\n", c.hosts[c.loseDisk])
	}
	return b.String()
}
