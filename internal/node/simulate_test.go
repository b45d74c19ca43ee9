package node

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/invariant"
	"github.com/mortondb/morton/internal/peer/memnet"
)

var (
	simulateSeed   = flag.Uint64("simulate.seed", 1, "the first seed of TestSimulation")
	simulateCount  = flag.Int("simulate.count", 4, "how many seeds TestSimulation runs")
	simulateMutant = flag.String("simulate.mutant", "", "a deliberate bug to switch on, in a program built with the tag mutants")
	simulateTell   = flag.Bool("simulate.tell", false, "print each seed before and after it is run, for test/simulate")
)

// TestSimulation runs whole sets of one to seven members in virtual time through what seeds make up: crashes before any operation of the file system, lost data that was not
// synced, slow and failing disks, partitions and broken connections, jumping clocks, changing members. Clients write and read all the time; what they saw must be
// linearizable, causally consistent and as often as they asked for it, and in the end all members hold the same. `make simulate` runs thousands.
//
// The seed decides what happens when. It does not decide how the Go scheduler interleaves goroutines, so that a rare failure may take several runs
// to come again.
func TestSimulation(t *testing.T) {
	if *simulateMutant != "" {
		t.Cleanup(invariant.Arm("mutant."+*simulateMutant, func() error { return invariant.ErrInjected }))
	}
	for seed := *simulateSeed; seed < *simulateSeed+uint64(*simulateCount); seed++ {
		if *simulateTell {
			fmt.Fprintf(os.Stderr, "seed %d\n", seed)
		}
		watchdog := time.AfterFunc(5*time.Minute, func() { panic(fmt.Sprintf("seed %d does not end", seed)) })
		t.Run(fmt.Sprint(seed), func(t *testing.T) { simulate(t, newSchedule(seed)) })
		watchdog.Stop()
	}
}

func simulate(t *testing.T, c *schedule) {
	var s *simulation
	defer func() {
		if s != nil && (t.Failed() || len(s.violations) > 0) {
			s.report(t)
		}
	}()
	synctest.Test(t, func(t *testing.T) {
		s = newSimulation(t, c)
		defer s.stopAll()
		s.run()
	})
	s.checkRegisters()
	if *simulateTell && len(s.violations) == 0 && !t.Failed() {
		fmt.Fprintf(os.Stderr, "passed %d: %d operations, %d faults\n", c.seed, s.history.len(), len(c.faults))
	}
}

// simulation is a set to which a schedule happens.
type simulation struct {
	*set
	c       *schedule
	begun   time.Time
	clocks  []atomic.Int64 // by how much each member's clock is wrong
	clients []*simClient
	stop    atomic.Bool // of the clients
	history history
	work    sync.WaitGroup // what goes wrong, and who starts members again

	state struct {
		sync.Mutex
		held      map[string]int  // why a member must not be started
		starting  map[string]bool // it is being started
		links     []*linkFault
		primaries map[uint64]string // of each term
	}
	notes      notes
	violations []string // guarded by state
}

type linkFault struct {
	change func(from, to string, l *memnet.Link)
}

func newSimulation(t *testing.T, c *schedule) *simulation {
	s := &simulation{set: newSet(t, c.hosts...), c: c, begun: time.Now(), clocks: make([]atomic.Int64, len(c.hosts))}
	s.network = memnet.New(c.seed)
	s.state.held, s.state.starting, s.state.primaries = map[string]int{}, map[string]bool{}, map[uint64]string{}
	s.logger = func(host string, life int) slog.Handler { return &listener{s, host, life} }
	s.clock = func(host string) func() time.Time {
		offset := &s.clocks[s.index(host)]
		return func() time.Time { return time.Now().Add(time.Duration(offset.Load())) }
	}
	s.onFatal = s.diskFailed
	for i := range 3 {
		s.clients = append(s.clients, newSimClient(s, i))
	}
	s.shapeLinks()
	return s
}

func (s *simulation) index(host string) int {
	for i, h := range s.hosts {
		if h == host {
			return i
		}
	}
	panic(host)
}

// everybody returns all hosts of the network.
func (s *simulation) everybody() []string {
	all := append([]string{"client", "admin"}, s.hosts...)
	for _, c := range s.clients {
		all = append(all, c.from)
	}
	return all
}

func (s *simulation) run() {
	s.startAll()
	s.initiateWith("", s.c.configuration()...)
	s.prepare()
	s.begun = time.Now()
	var writing sync.WaitGroup
	for _, c := range s.clients {
		writing.Go(c.run)
	}
	for i := range s.c.faults {
		f := &s.c.faults[i]
		s.work.Go(func() {
			time.Sleep(f.at)
			s.note("%s: %s for %v", s.hosts[f.member], f.kind.name, f.lasts)
			f.kind.run(s, f)
			s.note("%s: end of %s", s.hosts[f.member], f.kind.name)
		})
	}
	s.work.Wait()
	s.heal()
	if s.c.loseDisk >= 0 {
		s.newDisk(s.hosts[s.c.loseDisk])
	}
	time.Sleep(time.Second)
	s.stop.Store(true)
	writing.Wait()
	s.checkEnd()
}

// heal mends everything that is still broken, and waits until all members run.
func (s *simulation) heal() {
	for _, h := range s.hosts {
		s.disks[h].heal()
		s.ensure(h)
	}
	s.work.Wait()
	s.note("all is mended")
}

// newDisk gives a member an empty disk.
func (s *simulation) newDisk(host string) {
	if _, ok := s.awaitPrimary(); !ok {
		return
	}
	s.note("%s: a new disk", host)
	s.die(host)
	s.disks[host].wipe()
	s.ensure(host)
	s.work.Wait()
}

var errNoPrimary = errors.New("no member is primary")

// askPrimary runs a command on whoever is primary.
func (s *simulation) askPrimary(command string) (host string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, h := range s.hosts {
		if d, err := s.ask(ctx, "admin", h, `{"hello": 1, "$db": "admin"}`); err == nil && d.Lookup("isWritablePrimary").Bool() {
			_, err = s.ask(ctx, "admin", h, command)
			return h, err
		}
	}
	return "", errNoPrimary
}

// awaitPrimary waits for a primary, which must come when nothing is wrong.
func (s *simulation) awaitPrimary() (host string, ok bool) {
	for range 600 {
		for _, h := range s.hosts {
			if d, err := s.command(h, `{"hello": 1, "$db": "admin"}`); err == nil && d.Lookup("isWritablePrimary").Bool() {
				return h, true
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	s.violate("no primary within a minute, though nothing is wrong")
	return "", false
}

// elected hears that a member became primary: a term has one.
func (s *simulation) elected(host string, life int, term uint64) {
	who := fmt.Sprintf("%s (process %d)", host, life)
	s.state.Lock()
	other, known := s.state.primaries[term]
	s.state.primaries[term] = who
	s.state.Unlock()
	if known && other != who {
		s.violate("term %d has two primaries: %s and %s", term, other, who)
	}
}

// documents returns those of a reply's first batch.
func documents(d document.Doc) (list []document.Doc) {
	for it := d.LookupPath("cursor.firstBatch").Doc().Iter(); it.Next(); {
		list = append(list, it.Value().Doc())
	}
	return list
}
