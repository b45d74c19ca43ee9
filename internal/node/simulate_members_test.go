package node

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/mortondb/morton/internal/peer/memnet"
)

// What several faults do at a time to one member, or to the network, is put together here: a member runs when no fault holds it down, and a link is what all
// faults that concern it make of it.

// hold keeps a member from being started, once its process is dead, and says what is kept of its disk. It returns the number of the process.
func (s *simulation) hold(host string, f *fault) (life int) {
	s.state.Lock()
	s.state.held[host]++
	s.state.Unlock()
	s.disks[host].set(func(d *disk) {
		d.kept, d.rng = []int{0, 0, 100, f.n}[f.seed%4], rand.New(rand.NewPCG(f.seed, 1))
		life = d.life
	})
	return life
}

func (s *simulation) release(hosts ...string) {
	for _, h := range hosts {
		s.state.Lock()
		s.state.held[h]--
		s.state.Unlock()
		s.ensure(h)
	}
}

// ensure starts a member if it does not run and nothing holds it.
func (s *simulation) ensure(host string) {
	s.mu.Lock()
	up := s.nodes[host] != nil
	s.mu.Unlock()
	s.state.Lock()
	defer s.state.Unlock()
	if !up && s.state.held[host] == 0 && !s.state.starting[host] {
		s.state.starting[host] = true
		s.work.Go(func() { s.startUntilItRuns(host) })
	}
}

func (s *simulation) startUntilItRuns(host string) {
	for tries := 0; ; tries++ {
		_, err := s.tryStart(host)
		s.state.Lock()
		done := err == nil || s.state.held[host] > 0 || tries > 200
		if done {
			s.state.starting[host] = false
		}
		s.state.Unlock()
		switch {
		case err == nil:
			s.note("%s: started", host)
		case tries > 200:
			s.violate("%s does not start: %v", host, err)
		default:
			s.note("%s: start: %v", host, err)
		}
		if done {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// diskFailed ends the process of a member that cannot go on, as the program around it does.
func (s *simulation) diskFailed(host string, err error) {
	broken := false
	s.disks[host].set(func(d *disk) { broken = d.full || d.failSyncs || d.syncFails > 0 })
	if !broken {
		s.violate("%s cannot go on, though nothing is wrong with its disk: %v", host, err)
	}
	s.note("%s: cannot go on: %v", host, err)
	s.die(host)
}

// links changes the network, and back after the fault's time.
func (s *simulation) links(f *fault, change func(from, to string, l *memnet.Link)) {
	lf := &linkFault{change}
	s.state.Lock()
	s.state.links = append(s.state.links, lf)
	s.state.Unlock()
	s.shapeLinks()
	time.Sleep(f.lasts)
	s.state.Lock()
	for i, other := range s.state.links {
		if other == lf {
			s.state.links = slices.Delete(s.state.links, i, i+1)
			break
		}
	}
	s.state.Unlock()
	s.shapeLinks()
}

func (s *simulation) shapeLinks() {
	s.state.Lock()
	defer s.state.Unlock()
	s.network.Change(s.everybody(), func(from, to string, l *memnet.Link) {
		*l = s.c.link
		for _, f := range s.state.links {
			f.change(from, to, l)
		}
	})
}
