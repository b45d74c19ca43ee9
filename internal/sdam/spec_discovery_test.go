package sdam

import (
	"io"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/spectest"
)

// A discovery is a file of the specification's tests of discovery, errors and monitoring.
type discovery struct {
	URI    string `bson:"uri"`
	Phases []struct {
		Description       string             `bson:"description"`
		Responses         []bson.RawValue    `bson:"responses"`
		ApplicationErrors []applicationError `bson:"applicationErrors"`
		Outcome           bson.Raw           `bson:"outcome"`
	} `bson:"phases"`
}

type applicationError struct {
	Address    string   `bson:"address"`
	Generation *uint64  `bson:"generation"`
	MaxWire    int32    `bson:"maxWireVersion"`
	When       string   `bson:"when"`
	Type       string   `bson:"type"`
	Response   bson.Raw `bson:"response"`
}

// TestDiscovery runs the specification's tests of Server Discovery and Monitoring: hello replies and errors go in, what the
// client believes and the events come out. Those of the directories unified and integration need a server: the client's own
// tests run them.
func TestDiscovery(t *testing.T) {
	for _, dir := range []string{"rs", "single", "sharded", "errors", "monitoring", "load-balanced"} {
		t.Run(dir, func(t *testing.T) {
			spectest.Run(t, "server-discovery-and-monitoring/"+dir, nil, func(t *testing.T, f spectest.File) {
				var test discovery
				f.Decode(t, &test)
				runDiscovery(t, test)
			})
		})
	}
}

// A client is a topology and its pools' generations, as a client holds them.
type client struct {
	t      *Topology
	pools  map[string]uint64
	events []Event
}

func (c *client) apply(u Update) {
	c.t = u.Topology
	c.events = append(c.events, u.Events...)
	for _, address := range u.ClearPool {
		c.pools[address]++
	}
}

func (c *client) judged(address string, v Verdict) {
	if v.Server != nil {
		c.apply(c.t.Apply(v.Server))
	}
	if v.ClearPool {
		c.pools[address]++
	}
}

func runDiscovery(t *testing.T, test discovery) {
	c := &client{pools: map[string]uint64{}}
	c.apply(New(configOf(t, test.URI)))
	for i, phase := range test.Phases {
		for _, r := range phase.Responses {
			parts, err := r.Array().Values()
			if err != nil {
				t.Fatal(err)
			}
			c.reply(parts[0].StringValue(), document.Doc(parts[1].Document()))
		}
		for _, e := range phase.ApplicationErrors {
			c.fail(e)
		}
		checkOutcome(t, c, phase.Outcome)
		if t.Failed() {
			t.Fatalf("phase %d: %s", i, phase.Description)
		}
	}
}

// reply is the outcome of a check. An empty reply stands for a network error.
func (c *client) reply(address string, reply document.Doc) {
	s := ParseHello(address, reply, RTT{}, time.Time{})
	if reply.IsEmpty() {
		s = Failed(address, io.EOF, TopologyVersion{}, time.Time{})
	}
	c.judged(address, c.t.JudgeCheck(s))
}

func (c *client) fail(e applicationError) {
	var f Failure
	switch e.Type {
	case "network":
		f.Err = io.EOF
	case "timeout":
		f.Err = os.ErrDeadlineExceeded
	case "command":
		f, _ = ParseFailure(document.Doc(e.Response))
		if f.Err == nil {
			return
		}
	}
	f.Established = e.When == "afterHandshakeCompletes"
	f.MaxWire = e.MaxWire
	f.Generation = c.pools[e.Address]
	if e.Generation != nil {
		f.Generation = *e.Generation
	}
	c.judged(e.Address, c.t.Judge(e.Address, f, c.pools[e.Address], time.Time{}))
}

// configOf reads the few options that these tests have. The connection string is read by another package.
func configOf(t *testing.T, text string) Config {
	uri, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	q := uri.Query()
	c := Config{ReplicaSet: q.Get("replicaSet"), Direct: q.Get("directConnection") == "true", LoadBalanced: q.Get("loadBalanced") == "true"}
	for _, host := range strings.Split(uri.Host, ",") {
		if !strings.Contains(host, ":") {
			host += ":27017"
		}
		c.Seeds = append(c.Seeds, host)
	}
	return c
}

func checkOutcome(t *testing.T, c *client, outcome bson.Raw) {
	want := document.Doc(outcome)
	if events := want.Lookup("events"); !events.IsMissing() {
		checkEvents(t, c.events, events.Doc())
		c.events = nil
		return
	}
	var got document.Builder
	for it := want.Iter(); it.Next(); {
		switch it.Key() {
		case "servers":
			got.OpenDoc("servers")
			for _, s := range inOrder(c.t.Servers, it.Value().Doc()) {
				got.OpenDoc(s.Address)
				appendServer(&got, s, c.pools[s.Address], it.Value().Doc().Lookup(s.Address).Doc())
				got.Close()
			}
			got.Close()
		case "topologyType":
			got.AppendString("topologyType", c.t.Kind.String())
		case "setName":
			appendText(&got, "setName", c.t.SetName)
		case "logicalSessionTimeoutMinutes":
			appendNumber(&got, "logicalSessionTimeoutMinutes", int64(c.t.SessionTimeout/time.Minute))
		case "maxSetVersion":
			appendNumber(&got, "maxSetVersion", c.t.MaxSetVersion)
		case "maxElectionId":
			appendID(&got, "maxElectionId", c.t.MaxElectionID)
		case "compatible":
			_, err := c.t.Select(Request{}, 0, idle)
			got.AppendBool("compatible", err == nil)
		default:
			t.Fatalf("the outcome has %s, which is not compared", it.Key())
		}
	}
	compare(t, got.Finish().String(), want.String())
}

// inOrder returns the servers in the order of the fields of want, and those that it has not at the end.
func inOrder(servers []*Server, want document.Doc) []*Server {
	place := func(s *Server) int {
		i := 0
		for it := want.Iter(); it.Next() && it.Key() != s.Address; {
			i++
		}
		return i
	}
	return slices.SortedStableFunc(slices.Values(servers), func(a, b *Server) int { return place(a) - place(b) })
}

// appendServer appends what the server has for each field of want.
func appendServer(b *document.Builder, s *Server, generation uint64, want document.Doc) {
	for it := want.Iter(); it.Next(); {
		switch it.Key() {
		case "type":
			b.AppendString("type", s.Kind.String())
		case "setName":
			appendText(b, "setName", s.SetName)
		case "setVersion":
			appendNumber(b, "setVersion", s.SetVersion)
		case "electionId":
			appendID(b, "electionId", s.ElectionID)
		case "minWireVersion":
			appendNumber(b, "minWireVersion", int64(s.MinWire))
		case "maxWireVersion":
			appendNumber(b, "maxWireVersion", int64(s.MaxWire))
		case "logicalSessionTimeoutMinutes":
			appendNumber(b, "logicalSessionTimeoutMinutes", int64(s.SessionTimeout/time.Minute))
		case "topologyVersion":
			if s.TopologyVersion.IsZero() {
				b.AppendNull("topologyVersion")
			} else {
				b.AppendDoc("topologyVersion", s.TopologyVersion.Document())
			}
		case "pool":
			b.OpenDoc("pool")
			b.AppendInt32("generation", int32(generation))
			b.Close()
		case "address":
			b.AppendString("address", s.Address)
		case "hosts":
			appendList(b, "hosts", s.Hosts)
		case "passives":
			appendList(b, "passives", s.Passives)
		case "arbiters":
			appendList(b, "arbiters", s.Arbiters)
		case "primary":
			b.AppendString("primary", s.Primary)
		default:
			b.AppendString(it.Key(), "is not compared")
		}
	}
}

func appendText(b *document.Builder, key, text string) {
	if text == "" {
		b.AppendNull(key)
	} else {
		b.AppendString(key, text)
	}
}

func appendNumber(b *document.Builder, key string, n int64) {
	if n == 0 {
		b.AppendNull(key)
	} else {
		b.AppendInt32(key, int32(n))
	}
}

func appendID(b *document.Builder, key string, id document.ObjectID) {
	if id.IsZero() {
		b.AppendNull(key)
	} else {
		b.AppendObjectID(key, id)
	}
}

func appendList(b *document.Builder, key string, list []string) {
	b.OpenArray(key)
	for i, s := range list {
		b.AppendString(document.Index(i), s)
	}
	b.Close()
}

// checkEvents compares the events with those of an outcome.
func checkEvents(t *testing.T, got []Event, want document.Doc) {
	var b document.ArrayBuilder
	i := 0
	for it := want.Iter(); it.Next(); i++ {
		if i == len(got) {
			break
		}
		var e document.Builder
		appendEvent(&e, got[i], it.Value().Doc().First())
		b.Append(e.Finish().AsValue())
	}
	compare(t, b.FinishValue().Doc().String(), want.String())
	if len(got) > i {
		t.Errorf("more events: %#v", got[i:])
	}
}

func appendEvent(b *document.Builder, e Event, want document.Element) {
	name, address := "", ""
	server, topology := [2]*Server{}, [2]*Topology{}
	switch e := e.(type) {
	case TopologyOpened:
		name = "topology_opening_event"
	case TopologyClosed:
		name = "topology_closed_event"
	case ServerOpened:
		name, address = "server_opening_event", e.Address
	case ServerClosed:
		name, address = "server_closed_event", e.Address
	case ServerChanged:
		name, address, server = "server_description_changed_event", e.New.Address, [2]*Server{e.Old, e.New}
	case TopologyChanged:
		name, topology = "topology_description_changed_event", [2]*Topology{e.Old, e.New}
	}
	b.OpenDoc(name)
	b.AppendString("topologyId", "42")
	if address != "" {
		b.AppendString("address", address)
	}
	for i, field := range []string{"previousDescription", "newDescription"} {
		expected := want.Value.Doc().Lookup(field).Doc()
		if server[i] != nil {
			b.OpenDoc(field)
			appendServer(b, server[i], 0, expected)
			b.Close()
		}
		if topology[i] != nil {
			b.OpenDoc(field)
			appendTopology(b, topology[i], expected)
			b.Close()
		}
	}
	b.Close()
}

func appendTopology(b *document.Builder, t *Topology, want document.Doc) {
	b.AppendString("topologyType", t.Kind.String())
	if t.SetName != "" {
		b.AppendString("setName", t.SetName)
	}
	b.OpenArray("servers")
	it := want.Lookup("servers").Doc().Iter()
	for i, s := range t.Servers {
		it.Next()
		b.OpenDoc(document.Index(i))
		appendServer(b, s, 0, it.Value().Doc())
		b.Close()
	}
	b.Close()
}

func compare(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("\n got %s\nwant %s", got, want)
	}
}

func idle(*Server) int { return 0 }
