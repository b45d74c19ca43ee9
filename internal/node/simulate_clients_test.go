package node

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// simClient does as an application with a driver: it looks for the primary, tries a write again under its transaction number until it is
// acknowledged, and sometimes gives up. It does one operation after the other.
type simClient struct {
	s       *simulation
	n       int
	from    string // its host in the network
	r       *rand.Rand
	primary string // its guess
	txn     int64

	inserted  []int64 // acknowledged
	increases int64   // of its counter that were acknowledged
	maybe     int64   // increases whose fate it does not know
	seen      int64   // the counter as it was read last
	after     string  // the time of its last acknowledged increase or read, for causal consistency
	times     string  // $clusterTime
	gaveUp    int
}

const registers = 2

func newSimClient(s *simulation, n int) *simClient {
	return &simClient{s: s, n: n, from: fmt.Sprintf("client%d", n), r: rand.New(rand.NewPCG(s.c.seed, 100+uint64(n))), primary: s.hosts[0]}
}

// prepare makes the documents that clients change.
func (s *simulation) prepare() {
	p, ok := s.awaitPrimary()
	if !ok {
		return
	}
	for i := range registers {
		s.must(p, `{"insert": "registers", "documents": [{"_id": %d, "v": 0}], "writeConcern": {"w": "majority"}, "$db": "test"}`, i)
	}
	for i := range s.clients {
		s.must(p, `{"insert": "counters", "documents": [{"_id": %d, "n": 0}], "writeConcern": {"w": "majority"}, "$db": "test"}`, i)
	}
}

func (c *simClient) run() {
	for i := int64(1); !c.s.stop.Load(); i++ {
		switch c.r.IntN(10) {
		case 0, 1, 2:
			c.swap(int64(c.n)*1_000_000 + i)
		case 3, 4, 5:
			c.read()
		case 6:
			c.insert(int64(c.n)*1_000_000 + i)
		case 7:
			c.increase()
		default:
			c.readCounter()
		}
		time.Sleep(time.Duration(1 + c.r.Int64N(int64(2*c.s.c.pause))))
	}
}

// swap puts a value into a register and gets the one before.
func (c *simClient) swap(value int64) {
	key := c.r.IntN(registers)
	op := c.s.history.begin(c.n, key, registerInput{write: true, value: value})
	d, ok := c.write(fmt.Sprintf(`"findAndModify": "registers", "query": {"_id": %d}, "update": {"$set": {"v": %d}}`, key, value))
	if !ok {
		return // it may happen yet, or never
	}
	old := d.LookupPath("value.v")
	if old.IsMissing() {
		c.s.violate("client %d: the answer to a swap of register %d has no value: %v", c.n, key, d)
		return
	}
	got, _ := old.AsInt64()
	c.s.history.end(op, got)
}

// read reads a register, often from a member that may not be primary any more.
func (c *simClient) read() {
	key, host := c.r.IntN(registers), c.primary
	if c.r.IntN(2) == 0 {
		host = c.anyHost()
	}
	c.readFrom(host, key)
}

func (c *simClient) readFrom(host string, key int) bool {
	op := c.s.history.begin(c.n, key, registerInput{})
	d, err := c.ask(host, fmt.Sprintf(`{"find": "registers", "filter": {"_id": %d}, "readConcern": {"level": "linearizable"}, "maxTimeMS": 1500, "$db": "test"}`, key))
	if err != nil {
		c.s.history.forget(op)
		return false
	}
	list := documents(d)
	if len(list) != 1 {
		c.s.violate("client %d: %s has %d documents of register %d", c.n, host, len(list), key)
		return false
	}
	got, _ := list[0].Lookup("v").AsInt64()
	c.s.history.end(op, got)
	return true
}

// insert adds a document that must not get lost, and not be met by its own retry.
func (c *simClient) insert(id int64) {
	d, ok := c.write(fmt.Sprintf(`"insert": "documents", "documents": [{"_id": %d}]`, id))
	if !ok {
		return
	}
	if d.Lookup("n").Int32() != 1 {
		c.s.violate("client %d: the insert of %d did not take effect once: %v", c.n, id, d)
		return
	}
	c.inserted = append(c.inserted, id)
}

// increase adds one to the client's own counter.
func (c *simClient) increase() {
	d, ok := c.write(fmt.Sprintf(`"update": "counters", "updates": [{"q": {"_id": %d}, "u": {"$inc": {"n": 1}}}]`, c.n))
	if !ok {
		c.maybe++
		return
	}
	if d.Lookup("n").Int32() != 1 {
		c.s.violate("client %d: an increase did not take effect once: %v", c.n, d)
		return
	}
	c.increases++
	c.remember(d)
}

func (c *simClient) remember(d document.Doc) {
	c.after, c.times = d.Lookup("operationTime").String(), d.Lookup("$clusterTime").String()
}

// readCounter reads the client's own counter from any member, causally: it sees what it wrote, and never less than before.
func (c *simClient) readCounter() {
	if c.after == "" {
		return
	}
	host := c.anyHost()
	d, err := c.ask(host, fmt.Sprintf(`{"find": "counters", "filter": {"_id": %d}, "readConcern": {"level": "majority", "afterClusterTime": %s}, "$clusterTime": %s, "maxTimeMS": 1000, `+
		`"$readPreference": {"mode": "secondaryPreferred"}, "$db": "test"}`, c.n, c.after, c.times))
	if err != nil {
		return
	}
	list := documents(d)
	if len(list) != 1 {
		c.s.violate("client %d: %s has %d documents of its counter", c.n, host, len(list))
		return
	}
	n, _ := list[0].Lookup("n").AsInt64()
	if n < max(c.increases, c.seen) || n > c.increases+c.maybe {
		c.s.violate("client %d read %d from %s after %s, where it had increased %d times and perhaps %d more, and read %d", c.n, n, host, c.after, c.increases, c.maybe, c.seen)
	}
	c.seen = max(c.seen, n)
	c.remember(d)
}

func (c *simClient) anyHost() string { return c.s.hosts[c.r.IntN(len(c.s.hosts))] }

// patience is how long a write may take. What goes wrong is mended long before.
const patience = 90 * time.Second

// write sends a retryable write until it is acknowledged by a majority, and returns the reply. Not ok: the client gave up, and does not know.
func (c *simClient) write(body string) (reply document.Doc, ok bool) {
	c.txn++
	command := fmt.Sprintf(`{%s, "lsid": {"id": {"$binary": {"base64": "%02dAAAAAAAAAAAAAAAAAAAA==", "subType": "04"}}}, "txnNumber": {"$numberLong": "%d"}, `+
		`"writeConcern": {"w": "majority", "wtimeout": 2000}, "$db": "test"}`, body, c.n, c.txn)
	var last error
	for begin := time.Now(); time.Since(begin) < patience; {
		d, err := c.ask(c.primary, command)
		refused := mongoerr.Code(d.Lookup("code").Int32()) == mongoerr.NotWritablePrimary
		switch {
		case err == nil && d.Lookup("writeConcernError").IsMissing():
			return d, true
		case err == nil:
			last = fmt.Errorf("%v", d.Lookup("writeConcernError"))
		default:
			last = err
			c.primary = c.anyHost()
		}
		if !refused && c.gaveUp < 4 && c.r.IntN(12) == 0 {
			c.gaveUp++
			return nil, false
		}
		time.Sleep(time.Duration(c.r.IntN(40)) * time.Millisecond)
	}
	c.s.violate("client %d: no primary took %s within %v: %v", c.n, body, patience, last)
	return nil, false
}

func (c *simClient) ask(host, command string) (document.Doc, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return c.s.ask(ctx, c.from, host, command)
}
