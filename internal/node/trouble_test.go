package node

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/peer/memnet"
)

// client writes as an application with a driver does: it finds the primary, and retries a write that failed under its transaction number.
type client struct {
	s         *set
	session   string
	txn       int64
	acked     []int64 // _ids whose insertion was acknowledged
	increased int64   // acknowledged increments of the client's counter
}

func newClient(s *set, n int) *client {
	return &client{s: s, session: fmt.Sprintf(`{"id": {"$binary": {"base64": "%02dAAAAAAAAAAAAAAAAAAAA==", "subType": "04"}}}`, n)}
}

// write sends a retryable write until some primary acknowledges it, and returns the reply.
func (c *client) write(cmd string) (document.Doc, error) {
	c.txn++
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, h := range c.s.hosts {
			var d document.Doc
			d, err = c.s.command(h, `%s, "lsid": %s, "txnNumber": {"$numberLong": "%d"}, "writeConcern": {"w": "majority", "wtimeout": 2000}, "$db": "test"}`, cmd, c.session, c.txn)
			if err == nil && d.Lookup("writeConcernError").IsMissing() {
				return d, nil
			}
		}
	}
	return nil, fmt.Errorf("no primary took %s within 30 s: %v", cmd, err)
}

func (c *client) run(n int, stop <-chan struct{}) {
	for i := int64(0); ; i++ {
		select {
		case <-stop:
			return
		default:
		}
		time.Sleep(20 * time.Millisecond) // in virtual time work takes none, and time would stand still
		id := int64(n)*1_000_000 + i
		d, err := c.write(fmt.Sprintf(`{"insert": "c", "documents": [{"_id": %d}]`, id))
		if err == nil && d.Lookup("n").Int32() != 1 {
			err = fmt.Errorf("insert of %d: %v", id, d)
		}
		if err != nil {
			c.s.t.Error(err)
			return
		}
		c.acked = append(c.acked, id)
		d, err = c.write(fmt.Sprintf(`{"update": "counters", "updates": [{"q": {"_id": %d}, "u": {"$inc": {"n": 1}}, "upsert": true}]`, n))
		if err == nil && d.Lookup("n").Int32() != 1 {
			err = fmt.Errorf("increment: %v", d)
		}
		if err != nil {
			c.s.t.Error(err)
			return
		}
		c.increased++
	}
}

// TestSetUnderTrouble runs seeded schedules of kills, power failures, partitions and wiped disks against three members while clients
// write, and checks that every acknowledged write is there, every retried one took effect once, and all members hold the same.
func TestSetUnderTrouble(t *testing.T) {
	seeds := 6
	if testing.Short() {
		seeds = 2
	}
	for seed := range uint64(seeds) {
		t.Run(fmt.Sprintf("seed%d", seed), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { trouble(t, rand.New(rand.NewPCG(seed, 7))) })
		})
	}
}

func trouble(t *testing.T, rng *rand.Rand) {
	s := newSet(t, "a:27017", "b:27017", "c:27017")
	s.network.Change(append(s.hosts, "client"), func(_, _ string, l *memnet.Link) { l.Delay, l.Jitter = 100*time.Microsecond, 500*time.Microsecond })
	s.startAll()
	defer s.stopAll()
	s.must("a:27017", `{"replSetInitiate": 1, "$db": "admin"}`)
	s.primary()
	stop := make(chan struct{})
	var clients []*client
	var running sync.WaitGroup
	for n := range 3 {
		c := newClient(s, n)
		clients = append(clients, c)
		running.Go(func() { c.run(n, stop) })
	}
	for range 8 {
		time.Sleep(time.Duration(rng.IntN(1500)) * time.Millisecond)
		s.oneTrouble(rng)
	}
	time.Sleep(time.Second)
	close(stop)
	running.Wait()
	s.settle()
	s.checkClients(clients)
}

// oneTrouble does something bad to one member, or to all, and mends it after a while.
func (s *set) oneTrouble(rng *rand.Rand) {
	victim := s.hosts[rng.IntN(len(s.hosts))]
	pause := time.Duration(rng.IntN(3000)) * time.Millisecond
	kind := rng.IntN(5)
	s.t.Logf("%s trouble %d for %s, %v", time.Now().Format("05.000"), kind, victim, pause)
	switch kind {
	case 0, 1: // power failure
		s.kill(victim)
		time.Sleep(pause)
		s.start(victim)
	case 2: // cut off
		s.network.Change(append(s.hosts, "client"), func(from, to string, l *memnet.Link) { l.Cut = from == victim || to == victim })
		time.Sleep(pause)
		s.network.Change(append(s.hosts, "client"), func(_, _ string, l *memnet.Link) { l.Cut = false })
	case 3: // power failure of all
		for _, h := range s.hosts {
			s.kill(h)
		}
		time.Sleep(pause)
		s.startAll()
	case 4: // a new disk
		s.kill(victim)
		s.fs[victim] = vfs.NewCrashableMem()
		time.Sleep(pause)
		s.start(victim)
		s.waitFor(victim, "SECONDARY", "PRIMARY")
		s.waitVoters(3)
	}
}

// waitFor waits until a member is in one of the states.
func (s *set) waitFor(host string, states ...string) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		d, err := s.command(host, `{"replSetGetStatus": 1, "$db": "admin"}`)
		if err != nil {
			continue
		}
		for it := d.Lookup("members").Doc().Iter(); it.Next(); {
			m := it.Value().Doc()
			if m.Lookup("self").Truthy() && slices.Contains(states, m.Lookup("stateStr").Str()) {
				return
			}
		}
	}
	s.t.Fatalf("%s is not %v within a minute", host, states)
}

// waitVoters waits until so many members vote: one with a new disk votes when it has caught up.
func (s *set) waitVoters(n int) {
	s.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		for _, node := range s.nodes {
			if st := node.raft.Load(); st != nil {
				if st := st.Status(); st.Primary && len(st.ConfState.Voters) == n && !st.ConfState.Joint() {
					return
				}
			}
		}
	}
	s.t.Fatalf("not %d voters within a minute", n)
}

func (s *set) checkClients(clients []*client) {
	p := s.primary()
	for n, c := range clients {
		d := s.must(p, `{"find": "c", "filter": {"_id": {"$gte": %d, "$lt": %d}}, "sort": {"_id": 1}, "batchSize": 100000, "readConcern": {"level": "majority"}, "$db": "test"}`, n*1_000_000, (n+1)*1_000_000)
		var have []int64
		for it := d.LookupPath("cursor.firstBatch").Doc().Iter(); it.Next(); {
			id, _ := it.Value().Doc().Lookup("_id").AsInt64()
			have = append(have, id)
		}
		if missing := slices.DeleteFunc(slices.Clone(c.acked), func(id int64) bool { _, ok := slices.BinarySearch(have, id); return ok }); len(missing) > 0 {
			s.t.Errorf("client %d: %d of %d acknowledged inserts are missing, the first is %d", n, len(missing), len(c.acked), missing[0])
		}
		d = s.must(p, `{"find": "counters", "filter": {"_id": %d}, "$db": "test"}`, n)
		var batch []struct{ N int64 }
		if err := json.Unmarshal([]byte(d.LookupPath("cursor.firstBatch").String()), &batch); err != nil || len(batch) != 1 || batch[0].N != c.increased {
			s.t.Errorf("client %d: the counter is %v, %d increments were acknowledged (%v)", n, batch, c.increased, err)
		}
		s.t.Logf("client %d: %d inserts, %d increments", n, len(c.acked), c.increased)
	}
}
