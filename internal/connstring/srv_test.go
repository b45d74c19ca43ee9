package connstring

import (
	stdcmp "cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mortondb/morton/internal/spectest"
)

var _ Resolver = (*net.Resolver)(nil)

// zone answers look-ups from a list of records, as a name server would.
type zone struct {
	srv    map[string][]string // "_service._tcp.name" to "host:port"
	txt    map[string][]string
	broken string // the look-up of this name's TXT record fails
}

func (z zone) LookupSRV(_ context.Context, service, proto, name string) (string, []*net.SRV, error) {
	full := "_" + service + "._" + proto + "." + name
	var records []*net.SRV
	for _, target := range z.srv[full] {
		host, port, _ := strings.Cut(target, ":")
		var n uint16
		fmt.Sscan(port, &n)
		records = append(records, &net.SRV{Target: host + ".", Port: n})
	}
	if records == nil {
		return "", nil, &net.DNSError{Err: "no such host", Name: full, IsNotFound: true}
	}
	return full, records, nil
}

func (z zone) LookupTXT(_ context.Context, name string) ([]string, error) {
	switch records, ok := z.txt[name]; {
	case name == z.broken:
		return nil, &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	case ok:
		return records, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
}

// specZone has the records that the specification's tests want of their name server, by the part of the name before ".test.build.10gen.cc".
func specZone() zone {
	z := zone{srv: map[string][]string{}, txt: map[string][]string{}}
	const base = "test.build.10gen.cc"
	for name, targets := range map[string]string{
		"test1":  "localhost.test.build.10gen.cc:27017 localhost.test.build.10gen.cc:27018",
		"test2":  "localhost.test.build.10gen.cc:27018 localhost.test.build.10gen.cc:27019",
		"test12": "localhost.build.10gen.cc:27017",
		"test13": "test.build.10gen.cc:27017",
		"test14": "localhost.not-test.build.10gen.cc:27017",
		"test15": "localhost.test.not-build.10gen.cc:27017",
		"test16": "localhost.test.build.not-10gen.cc:27017",
		"test17": "localhost.test.build.10gen.not-cc:27017",
		"test18": "localhost.sub.test.build.10gen.cc:27017",
		"test19": "localhost.evil.build.10gen.cc:27017 localhost.test.build.10gen.cc:27017",
		"test23": "localhost.test.build.10gen.cc:8000",
		"test24": "localhost.test.build.10gen.cc:8000",
	} {
		z.srv["_mongodb._tcp."+name+"."+base] = strings.Fields(targets)
	}
	for _, n := range []int{3, 5, 6, 7, 8, 10, 11, 20, 21} {
		z.srv[fmt.Sprintf("_mongodb._tcp.test%d.%s", n, base)] = []string{"localhost.test.build.10gen.cc:27017"}
	}
	// The tests expect two hosts of the record with another service name; the list of records in the specification has one of them.
	z.srv["_customname._tcp.test22."+base] = []string{"localhost.test.build.10gen.cc:27017", "localhost.test.build.10gen.cc:27018"}
	for name, records := range map[string][]string{
		"test5":  {"replicaSet=repl0&authSource=thisDB"},
		"test6":  {"replicaSet=repl0", "authSource=otherDB"},
		"test7":  {"ssl=false"},
		"test8":  {"authSource"},
		"test10": {"socketTimeoutMS=500"},
		"test11": {"replicaS" + "et=rep" + "l0"}, // the strings of one record, which the resolver joins
		"test20": {"loadBalanced=true"},
		"test21": {"loadBalanced=false"},
		"test24": {"loadBalanced=true"},
	} {
		z.txt[name+"."+base] = records
	}
	return z
}

// TestSeedlistSpec runs the tests as far as the client has not connected: seeds, options, errors. What the hosts then say of each other
// (hosts, numHosts, ping) needs a server.
func TestSeedlistSpec(t *testing.T) {
	const count = 51
	ran := 0
	spectest.Run(t, "initial-dns-seedlist-discovery", nil, func(t *testing.T, f spectest.File) {
		ran++
		var c struct {
			URI           string `bson:"uri"`
			Seeds         []string
			NumSeeds      int `bson:"numSeeds"`
			Options       map[string]any
			ParsedOptions map[string]string `bson:"parsed_options"`
			Error         bool
		}
		f.Decode(t, &c)
		o, err := Parse(c.URI)
		if err == nil {
			if !o.NeedsResolution() {
				t.Error("the options need no resolution")
			}
			err = o.Resolve(t.Context(), specZone(), rand.Shuffle)
		}
		if c.Error {
			if err == nil {
				t.Errorf("%s: no error, hosts %q", c.URI, o.Hosts)
			}
			return
		}
		if err != nil {
			t.Fatalf("%s: %v", c.URI, err)
		}
		if o.NeedsResolution() || len(o.Warnings) > 0 {
			t.Errorf("needs resolution: %t, warnings: %q", o.NeedsResolution(), o.Warnings)
		}
		if want, got := slices.Sorted(slices.Values(c.Seeds)), slices.Sorted(slices.Values(o.Hosts)); c.Seeds != nil && !slices.Equal(want, got) {
			t.Errorf("seeds are %q, want %q", got, want)
		}
		if c.NumSeeds > 0 && len(o.Hosts) != c.NumSeeds {
			t.Errorf("seeds are %q, want %d", o.Hosts, c.NumSeeds)
		}
		compareOptions(t, c.Options, o)
		for name, want := range c.ParsedOptions {
			got := map[string]string{"user": o.Username, "password": o.Password, "db": o.Database, "auth_database": o.Database}[name]
			if got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	})
	if ran != count {
		t.Errorf("%d tests, not %d", ran, count)
	}
}

func srvZone(name string, targets ...string) zone {
	return zone{srv: map[string][]string{"_mongodb._tcp." + name: targets}}
}

// TestSRVDomain is the specification's list of names, and of what they must not resolve to.
func TestSRVDomain(t *testing.T) {
	for _, c := range []struct {
		name, target string
		ok           bool
	}{
		{"localhost", "db.localhost", true},
		{"mongo.local", "db.mongo.local", true},
		{"blogs.mongodb.com", "cluster.mongodb.com", true},
		{"blogs.mongodb.com", "BLOGS.MongoDB.com", true},
		{"localhost", "localhost.mongodb", false},
		{"mongo.local", "test_1.evil.local", false},
		{"blogs.mongodb.com", "blogs.evil.com", false},
		{"localhost", "localhost", false},
		{"mongo.local", "mongo.local", false},
		{"blogs.mongodb.com", "mongodb.com", false},
		{"localhost", "test_1.cluster_1localhost", false},
		{"mongo.local", "test_1.my_hostmongo.local", false},
		{"blogs.mongodb.com", "cluster.testmongodb.com", false},
	} {
		o := mustParse(t, "mongodb+srv://"+c.name)
		err := o.Resolve(t.Context(), srvZone(c.name, c.target+":27017"), rand.Shuffle)
		if (err == nil) != c.ok {
			t.Errorf("%s to %s: %v", c.name, c.target, err)
		}
		if want := strings.ToLower(c.target) + ":27017"; c.ok && !slices.Equal(o.Hosts, []string{want}) {
			t.Errorf("%s: hosts are %q, want %q", c.name, o.Hosts, want)
		}
	}
}

// TestResolveChangesNothingOnErrors shows that a failed look-up can be repeated, and that its error has the cause.
func TestResolveChangesNothingOnErrors(t *testing.T) {
	z := specZone()
	z.broken = "test3.test.build.10gen.cc"
	for _, text := range []string{
		"mongodb+srv://u:p@test3.test.build.10gen.cc/?readPreference=nearest", // TXT fails
		"mongodb+srv://test4.test.build.10gen.cc",                             // no SRV
		"mongodb+srv://test5.test.build.10gen.cc/?srvMaxHosts=1",              // the TXT record contradicts
	} {
		o := mustParse(t, text)
		err := o.Resolve(t.Context(), z, rand.Shuffle)
		if err == nil {
			t.Fatalf("%s: no error", text)
		}
		var dns *net.DNSError
		if !errors.As(err, &dns) && !strings.Contains(text, "test5") {
			t.Errorf("%s: %v has no DNS error", text, err)
		}
		if diff := cmp.Diff(mustParse(t, text), o, cmp.AllowUnexported(Options{})); diff != "" {
			t.Errorf("%s changed (-before +after):\n%s", text, diff)
		}
	}
}

// TestTXTRecordsAreChecked shows that a wrong value in a TXT record warns, as in a text, and that no authSource is no authSource.
func TestTXTRecordsAreChecked(t *testing.T) {
	z := srvZone("a.b.c", "d.b.c:1")
	for record, want := range map[string]string{
		"loadBalanced=maybe": `[the option loadBalanced of the TXT record was ignored: "maybe" is neither true nor false]`,
		"authSource=":        "authSource is empty; give the database that has the user, or leave the option out",
		"replicaSet=%zz":     "is not percent-encoded",
		"":                   "[]",
	} {
		z.txt = map[string][]string{"a.b.c": {record}}
		o := mustParse(t, "mongodb+srv://a.b.c")
		err := o.Resolve(t.Context(), z, rand.Shuffle)
		got := fmt.Sprint(o.Warnings)
		if err != nil {
			got = err.Error()
		}
		if !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", record, got, want)
		}
	}
}

// TestSRVMaxHosts shows that the shuffle decides which hosts are taken.
func TestSRVMaxHosts(t *testing.T) {
	reverse := func(n int, swap func(i, j int)) {
		for i := range n / 2 {
			swap(i, n-1-i)
		}
	}
	o := mustParse(t, "mongodb+srv://a.b.c/?srvMaxHosts=2")
	if err := o.Resolve(t.Context(), srvZone("a.b.c", "h1.b.c:1", "h2.b.c:1", "h2.b.c:1", "h3.b.c:1"), reverse); err != nil {
		t.Fatal(err)
	}
	if want := []string{"h3.b.c:1", "h2.b.c:1"}; !slices.Equal(o.Hosts, want) {
		t.Errorf("hosts are %q, want %q", o.Hosts, want)
	}
}

// TestPoll shows which hosts a client has after the SRV records changed: known ones stay, and no more than srvMaxHosts come.
func TestPoll(t *testing.T) {
	last := func(n int, swap func(i, j int)) { swap(0, n-1) }
	known := []string{"h1.b.c:1", "h2.b.c:1"}
	for _, c := range []struct {
		name, options  string
		records        []string
		hosts, refused []string
		fails          bool
	}{
		{name: "added", records: []string{"h1.b.c:1", "h2.b.c:1", "h3.b.c:1"}, hosts: []string{"h1.b.c:1", "h2.b.c:1", "h3.b.c:1"}},
		{name: "removed", records: []string{"h2.b.c:1"}, hosts: []string{"h2.b.c:1"}},
		{name: "replaced", records: []string{"h4.b.c:1", "h3.b.c:1"}, hosts: []string{"h4.b.c:1", "h3.b.c:1"}},
		{name: "none left", fails: true},
		{name: "none of the domain", records: []string{"h1.b.d:1"}, refused: []string{"h1.b.d:1"}, fails: true},
		{name: "one of another domain", records: []string{"h1.b.d:1", "h1.b.c:1"}, refused: []string{"h1.b.d:1"}, hosts: []string{"h1.b.c:1"}},
		{name: "limit, nothing gone", options: "2", records: []string{"h1.b.c:1", "h2.b.c:1", "h3.b.c:1"}, hosts: known},
		{name: "limit, one gone", options: "2", records: []string{"h2.b.c:1", "h3.b.c:1", "h4.b.c:1"}, hosts: []string{"h2.b.c:1", "h4.b.c:1"}},
		{name: "limit below what is known", options: "1", records: []string{"h1.b.c:1", "h2.b.c:1", "h3.b.c:1"}, hosts: known},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := mustParse(t, "mongodb+srv://a.b.c/?srvMaxHosts="+stdcmp.Or(c.options, "0"))
			hosts, refused, err := o.Poll(t.Context(), srvZone("a.b.c", c.records...), last, known)
			if (err != nil) != c.fails || !slices.Equal(hosts, c.hosts) || !slices.Equal(refused, c.refused) {
				t.Errorf("hosts %q, refused %q, error %v; want %q, %q, %t", hosts, refused, err, c.hosts, c.refused, c.fails)
			}
		})
	}
	if PollInterval(0) != time.Minute || PollInterval(time.Second) != time.Minute || PollInterval(time.Hour) != time.Hour {
		t.Error("hosts are believed for a minute at least, and as long as the records say")
	}
}
