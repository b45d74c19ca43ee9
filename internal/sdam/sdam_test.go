package sdam

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// TestAnyNewsKeepsTheLaws throws news of all kinds from a few servers at topologies, in any order, and shows what is always
// true: see checkLaws. A seed makes a run again.
func TestAnyNewsKeepsTheLaws(t *testing.T) {
	configs := []Config{
		{Seeds: []string{"a", "b"}},
		{Seeds: []string{"a"}},
		{Seeds: []string{"a", "b", "c"}, ReplicaSet: "rs0"},
		{Seeds: []string{"a"}, Direct: true},
		{Seeds: []string{"a"}, Direct: true, ReplicaSet: "rs0"},
		{Seeds: []string{"a", "b"}, SRVMaxHosts: 2},
	}
	for seed := range uint64(120) {
		random := rand.New(rand.NewPCG(seed, 0))
		u := New(configs[random.IntN(len(configs))])
		watched := map[string]bool{}
		watch(watched, u.Events)
		for step := range 60 {
			before := u.Topology
			shown := fmt.Sprintf("%+v", dump(before))
			if random.IntN(20) == 0 {
				u = before.SetHosts([]string{"a", "b", "c", "d"}[:1+random.IntN(4)])
			} else {
				u = anyNews(random, before)
			}
			watch(watched, u.Events)
			if why := checkLaws(before, u, watched); why != "" {
				t.Fatalf("seed %d, step %d: %s\nbefore %s\nafter %s", seed, step, why, printTopology(before), printTopology(u.Topology))
			}
			if now := fmt.Sprintf("%+v", dump(before)); now != shown {
				t.Fatalf("seed %d, step %d: the old topology changed from\n%s\nto\n%s", seed, step, shown, now)
			}
		}
	}
}

// dump shows a topology with its servers' contents.
func dump(t *Topology) (list []any) {
	n := *t
	n.Servers, n.removed, n.primary = nil, nil, nil
	list = append(list, n, *t.config, len(t.removed))
	for _, s := range t.Servers {
		list = append(list, *s)
	}
	return list
}

func watch(watched map[string]bool, events []Event) {
	for _, e := range events {
		switch e := e.(type) {
		case ServerOpened:
			watched[e.Address] = true
		case ServerClosed:
			delete(watched, e.Address)
		}
	}
}

// anyNews applies a random outcome of a check, or failure of an operation.
func anyNews(random *rand.Rand, t *Topology) Update {
	address := string(rune('a' + random.IntN(4)))
	switch random.IntN(5) {
	case 0:
		return t.Apply(Failed(address, io.EOF, TopologyVersion{}, time.Time{}))
	case 1:
		f := Failure{Err: mongoerr.New(mongoerr.NotWritablePrimary, "no"), Established: true, TopologyVersion: anyVersion(random)}
		if v := t.Judge(address, f, 0, time.Time{}); v.Server != nil {
			return t.Apply(v.Server)
		}
		return Update{Topology: t}
	}
	kinds := strings.Fields("primary primary primary secondary secondary secondary other ghost arbiter standalone mongos hidden")
	v := anyVersion(random)
	hosts := "a,b,c,d"[:1+2*random.IntN(4)]
	line := fmt.Sprintf("%s %s set=rs%d hosts=%s primary=%c version=%d election=%d wire=%d", address, kinds[random.IntN(len(kinds))],
		random.IntN(8)/7, hosts, 'a'+rune(random.IntN(4)), random.IntN(3), random.IntN(4), 16+random.IntN(2))
	if random.IntN(8) > 0 {
		line += " me=" + address
	}
	if strings.Contains(line, "standalone") || strings.Contains(line, "mongos") || strings.Contains(line, "ghost") {
		line = strings.Join(strings.Fields(line)[:2], " ")
	}
	s := parseArguments(line).hello()
	s.TopologyVersion = v
	return t.Apply(s)
}

func anyVersion(random *rand.Rand) TopologyVersion {
	return TopologyVersion{document.ObjectID{byte(random.IntN(2))}, int64(random.IntN(3))}
}

// checkLaws returns which law the update breaks.
func checkLaws(before *Topology, u Update, watched map[string]bool) string {
	t := u.Topology
	primaries := 0
	for i, s := range t.Servers {
		if slices.IndexFunc(t.Servers, func(o *Server) bool { return o.Address == s.Address }) != i {
			return s.Address + " is there twice"
		}
		if !watched[s.Address] {
			return s.Address + " is there without ServerOpened"
		}
		if s.Kind == RSPrimary {
			primaries++
		}
		if t.Kind.ReplicaSet() && s.SetName != "" && s.SetName != t.SetName {
			return s.Address + " is of another set"
		}
		if t.Kind == Sharded && s.Kind.Known() && s.Kind != Mongos {
			return s.Address + " is no mongos"
		}
	}
	changed := slices.ContainsFunc(u.Events, func(e Event) bool { _, ok := e.(TopologyChanged); return ok })
	switch {
	case len(watched) != len(t.Servers):
		return fmt.Sprintf("%d servers are watched, %d there", len(watched), len(t.Servers))
	case t.Kind.ReplicaSet() && primaries > 1:
		return "two primaries"
	case t.Kind.ReplicaSet() && (t.Kind == ReplicaSetWithPrimary) != (primaries == 1), (t.Kind == ReplicaSetWithPrimary) != (t.Primary() != nil):
		return "the kind does not tell whether there is a primary"
	case (before.Kind == Single || before.Kind == Sharded) && t.Kind != before.Kind:
		return "the kind changed"
	case before.Kind.ReplicaSet() && !t.Kind.ReplicaSet():
		return "a set became something else"
	case before.SetName != "" && t.SetName != before.SetName:
		return "the name of the set changed"
	case changed == before.equal(t):
		return "TopologyChanged without a change, or a change without it"
	}
	for _, r := range []Request{{Write: true}, {Read: &ReadPreference{Mode: SecondaryPreferred}}, {Read: &ReadPreference{Mode: Nearest}}} {
		if s, err := t.Select(r, 1<<40|7, idle); err == nil && s != nil && !slices.Contains(t.Servers, s) {
			return s.Address + " was selected and is not there"
		}
		if t.Explain(r) == "" {
			return "no explanation"
		}
	}
	return ""
}

// TestRemovedServersAreForgotten shows that a member which names ever new servers of another set does not make the client
// remember them all.
func TestRemovedServersAreForgotten(t *testing.T) {
	top := New(Config{Seeds: []string{"a"}, ReplicaSet: "rs0"}).Topology
	for i := range 3 * removedMax {
		top = top.Apply(parseArguments(fmt.Sprintf("a secondary set=rs0 hosts=a,h%d me=a", i)).hello()).Topology
		top = top.Apply(parseArguments(fmt.Sprintf("h%d secondary set=rs1 hosts=x", i)).hello()).Topology
	}
	last := fmt.Sprintf("h%d is a member of rs1", 3*removedMax-1)
	if text := top.Explain(Request{Write: true}); strings.Count(text, "is a member of rs1") != removedMax || !strings.Contains(text, last) {
		t.Error(text)
	}
}

// TestSelectDoesNotAllocate shows that choosing a server costs no memory: for the primary's operations, and for reads from
// up to 16 servers.
func TestSelectDoesNotAllocate(t *testing.T) {
	top := threeMembers()
	nearest, secondary := &ReadPreference{Mode: Nearest, TagSets: []TagSet{{{"dc", "ny"}}}}, &ReadPreference{Mode: Secondary, MaxStaleness: 2 * time.Minute}
	for name, r := range map[string]Request{"write": {Write: true}, "primary": {}, "nearest": {Read: nearest}, "secondary": {Read: secondary}, "retry": {Read: nearest, Avoid: []string{"a"}}} {
		var s *Server
		allocations := testing.AllocsPerRun(100, func() { s, _ = top.Select(r, 12345, idle) })
		if allocations != 0 || s == nil {
			t.Errorf("%s: %v allocations, chose %v", name, allocations, s)
		}
	}
}

func threeMembers() *Topology {
	top := New(Config{Seeds: []string{"a", "b", "c"}, Heartbeat: 10 * time.Second}).Topology
	for _, line := range []string{
		"a primary set=rs0 hosts=a,b,c me=a version=1 election=1 tags=dc:ny write=100",
		"b secondary set=rs0 hosts=a,b,c me=b tags=dc:ny write=100",
		"c secondary set=rs0 hosts=a,b,c me=c tags=dc:sf write=100",
	} {
		top = top.Apply(parseArguments(line).hello()).Topology
	}
	return top
}

func BenchmarkSelect(b *testing.B) {
	top := threeMembers()
	for name, r := range map[string]Request{"write": {Write: true}, "nearest": {Read: &ReadPreference{Mode: Nearest}}} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				top.Select(r, 12345, idle)
			}
		})
	}
}

// TestRTTMin shows what the shortest round trip is taken of.
func TestRTTMin(t *testing.T) {
	var r RTT
	for i, x := range []struct{ sample, want time.Duration }{
		{20, 0}, {30, 20}, {10, 10}, {40, 10}, {50, 10}, {60, 10}, {70, 10}, {80, 10}, {90, 10}, {25, 10}, {99, 10}, {99, 10}, {99, 25},
	} {
		if r = r.Add(x.sample); r.Min() != x.want {
			t.Errorf("after %d samples the shortest is %d, expected %d", i+1, r.Min(), x.want)
		}
	}
}

// TestPreferenceTexts shows how the connection string's words for a read preference are read.
func TestPreferenceTexts(t *testing.T) {
	for name, want := range map[string]Mode{"primary": Primary, "PRIMARYPREFERRED": PrimaryPreferred, "secondary": Secondary, "secondaryPreferred": SecondaryPreferred, "Nearest": Nearest} {
		if m, ok := ParseMode(name); m != want || !ok {
			t.Errorf("%s: %v, %v", name, m, ok)
		}
	}
	if _, ok := ParseMode("tertiary"); ok {
		t.Error("there is no mode tertiary")
	}
	for seconds, want := range map[int64]time.Duration{-1: 0, 1: time.Second, 1<<31 - 1: (1<<31 - 1) * time.Second} {
		if d, err := Staleness(seconds); d != want || err != nil {
			t.Errorf("%d: %v, %v", seconds, d, err)
		}
	}
	for _, seconds := range []int64{0, -2, 1 << 31} {
		if d, err := Staleness(seconds); err == nil {
			t.Errorf("%d: %v", seconds, d)
		}
	}
}

// TestHelloLimits shows that what a server does not tell is taken to be what all servers have, and that bounds are kept.
func TestHelloLimits(t *testing.T) {
	plain := ParseHello("a", mustJSON(t, `{"ok": 1, "ismaster": true, "maxWriteBatchSize": -1, "maxWireVersion": {"$numberLong": "99999999999"}}`), RTT{}, time.Time{})
	if plain.Kind != Standalone || plain.MaxDocumentSize != 16<<20 || plain.MaxMessageSize != 48_000_000 || plain.MaxWriteBatch != 100_000 || plain.MaxWire != 0 {
		t.Errorf("%+v", plain)
	}
	far := ParseHello("a", mustJSON(t, `{"ok": 1, "logicalSessionTimeoutMinutes": 2147483647, "lastWrite": {"lastWriteDate": {"$date": {"$numberLong": "9223372036854775807"}}}}`), RTT{}, time.Time{})
	if far.SessionTimeout != maxSessionMinutes*time.Minute || !far.LastWrite.IsZero() {
		t.Errorf("%+v", far)
	}
	hosts := func(n int, name string) document.Doc {
		var b document.Builder
		b.AppendInt32("ok", 1)
		b.AppendString("setName", "rs0")
		b.AppendBool("secondary", true)
		b.OpenArray("hosts")
		for i := range n {
			b.AppendString(document.Index(i), fmt.Sprint(name, i))
		}
		b.Close()
		return b.Finish()
	}
	for _, x := range []struct {
		reply document.Doc
		kind  ServerKind
	}{
		{hosts(maxMembers, "h"), RSSecondary},
		{hosts(maxMembers+1, "h"), Unknown},
		{hosts(1, strings.Repeat("h", maxAddressLength-1)), RSSecondary},
		{hosts(1, strings.Repeat("h", maxAddressLength)), Unknown},
		{document.Doc("no BSON at all"), Unknown},
	} {
		if s := ParseHello("a", x.reply, RTT{}, time.Time{}); s.Kind != x.kind || (s.Err != nil) != (x.kind == Unknown) {
			t.Errorf("%d bytes: %v, %v", len(x.reply), s.Kind, s.Err)
		}
	}
}

// TestHelloKeepsNoReply shows that nothing of a Server lies in the reply's bytes, which a connection overwrites with the
// next one.
func TestHelloKeepsNoReply(t *testing.T) {
	reply := mustJSON(t, `{"ok": 1, "isWritablePrimary": true, "setName": "rs0", "setVersion": 3, "me": "a:1", "primary": "a:1", "hosts": ["a:1"], "passives": ["b:1"], "arbiters": ["c:1"], "tags": {"dc": "ny"}}`)
	s := ParseHello("a:1", reply, RTT{}, time.Time{})
	before := fmt.Sprintf("%+v", *s)
	for i := range reply {
		reply[i] = 'x'
	}
	if after := fmt.Sprintf("%+v", *s); after != before {
		t.Errorf("before %s\nafter %s", before, after)
	}
	failed := mustJSON(t, `{"ok": 0, "code": 13, "errmsg": "go away", "errorLabels": ["L"]}`)
	f, _ := ParseFailure(failed)
	for i := range failed {
		failed[i] = 'x'
	}
	if e := f.Err.(*mongoerr.Error); e.Message != "go away" || e.Code != mongoerr.Unauthorized || !e.HasLabel("L") {
		t.Errorf("%+v", e)
	}
}

func mustJSON(t testing.TB, text string) document.Doc {
	d, err := document.FromJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// FuzzParseHello shows that no reply, whatever its bytes, does harm: not when it is read, nor when it is believed.
func FuzzParseHello(f *testing.F) {
	for _, text := range []string{
		`{"ok": 1, "isWritablePrimary": true, "setName": "rs0", "setVersion": 1, "electionId": {"$oid": "7fffffff0000000000000001"}, "hosts": ["a", "b"], "me": "a", "primary": "a", "maxWireVersion": 17, "tags": {"x": "y"}, "topologyVersion": {"processId": {"$oid": "000000000000000000000001"}, "counter": {"$numberLong": "1"}}, "lastWrite": {"lastWriteDate": {"$date": "2024-01-01T00:00:00Z"}}}`,
		`{"ok": 0, "errmsg": "no", "code": 91}`, `{"ok": 1, "writeConcernError": {"code": 91}}`, `{"ok": 1, "writeConcernError": {"ok": 1}}`, `{"ok": 1, "msg": "isdbgrid"}`, `{"ok": 1, "isreplicaset": true}`, `{"hosts": {"a": [1]}, "ok": {"$numberDecimal": "1"}}`,
	} {
		f.Add([]byte(mustJSON(f, text)))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		s := ParseHello("a", bytes.Clone(reply), RTT{}, time.Time{})
		if (s.Err != nil) != (s.Kind == Unknown) {
			t.Fatalf("%v, %v", s.Kind, s.Err)
		}
		watched := map[string]bool{}
		u := New(Config{Seeds: []string{"a", "b"}})
		watch(watched, u.Events)
		before := u.Topology
		u = before.Apply(s)
		watch(watched, u.Events)
		if why := checkLaws(before, u, watched); why != "" {
			t.Fatal(why)
		}
	})
}
