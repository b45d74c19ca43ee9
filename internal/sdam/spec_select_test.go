package sdam

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/spectest"
)

// A selection is a file of the specification's tests of server selection and staleness.
type selection struct {
	HeartbeatMS int64 `bson:"heartbeatFrequencyMS"`
	Topology    struct {
		Kind    string           `bson:"type"`
		Servers []selectedServer `bson:"servers"`
	} `bson:"topology_description"`
	Operation  string `bson:"operation"`
	Preference struct {
		Mode         string     `bson:"mode"`
		TagSets      []bson.Raw `bson:"tag_sets"`
		MaxStaleness *int64     `bson:"maxStalenessSeconds"`
	} `bson:"read_preference"`
	Suitable []selectedServer `bson:"suitable_servers"`
	InWindow []selectedServer `bson:"in_latency_window"`
	Error    bool             `bson:"error"`
}

type selectedServer struct {
	Address    string   `bson:"address"`
	RTT        int64    `bson:"avg_rtt_ms"`
	Kind       string   `bson:"type"`
	Tags       bson.Raw `bson:"tags"`
	LastUpdate int64    `bson:"lastUpdateTime"`
	MaxWire    int32    `bson:"maxWireVersion"`
	LastWrite  struct {
		Date int64 `bson:"lastWriteDate"`
	} `bson:"lastWrite"`
}

// TestSelection runs the specification's tests of Server Selection and Max Staleness: which servers suit a read or a write,
// which of them are near enough, and which preferences are refused.
func TestSelection(t *testing.T) {
	for _, dir := range []string{"server-selection/server_selection", "max-staleness"} {
		t.Run(dir, func(t *testing.T) {
			spectest.Run(t, dir, nil, func(t *testing.T, f spectest.File) {
				var test selection
				f.Decode(t, &test)
				runSelection(t, test)
			})
		})
	}
}

func runSelection(t *testing.T, test selection) {
	top := topologyOf(test)
	r, err := requestOf(test)
	if err == nil {
		_, err = top.Select(r, 0, idle)
	}
	if (err != nil) != test.Error {
		t.Fatalf("error %v, expected one: %v", err, test.Error)
	}
	if test.Error {
		return
	}
	suitable := top.Suitable(r)
	compare(t, addressesOf(suitable), expected(test.Suitable))
	window := inWindow(suitable, top.config.LocalThreshold)
	compare(t, addressesOf(window), expected(test.InWindow))
	for random := range uint64(len(window) * 3) { // whatever the random number, Select's choice is in the window
		s, err := top.Select(r, random<<32|random, idle)
		if err != nil || !slices.Contains(window, s) {
			t.Errorf("chose %v, %v", s, err)
		}
	}
}

func topologyOf(test selection) *Topology {
	top := &Topology{config: &Config{LocalThreshold: 15 * time.Millisecond, Heartbeat: time.Duration(test.HeartbeatMS) * time.Millisecond}}
	if test.HeartbeatMS == 0 {
		top.config.Heartbeat = 10 * time.Second
	}
	top.Kind = TopologyKind(slices.Index(topologyKinds[:], test.Topology.Kind))
	for _, d := range test.Topology.Servers {
		s := &Server{Address: d.Address, Kind: ServerKind(slices.Index(serverKinds[:], d.Kind)), MaxWire: max(d.MaxWire, MinWire)}
		s.RTT = RTT{}.Add(time.Duration(d.RTT) * time.Millisecond)
		s.LastUpdate = time.UnixMilli(d.LastUpdate)
		s.LastWrite = time.UnixMilli(d.LastWrite.Date)
		s.Tags = tagsOf(d.Tags)
		top.Servers = append(top.Servers, s)
	}
	top.settle()
	return top
}

func tagsOf(d bson.Raw) (set TagSet) {
	elements, _ := d.Elements()
	for _, e := range elements {
		set = append(set, Tag{e.Key(), e.Value().StringValue()})
	}
	return set
}

func requestOf(test selection) (r Request, err error) {
	r.Write = test.Operation == "write"
	p := &ReadPreference{}
	if test.Preference.Mode != "" {
		p.Mode, _ = ParseMode(test.Preference.Mode)
	}
	for _, set := range test.Preference.TagSets {
		p.TagSets = append(p.TagSets, tagsOf(set))
	}
	if seconds := test.Preference.MaxStaleness; seconds != nil {
		p.MaxStaleness, err = Staleness(*seconds)
	}
	r.Read = p
	return r, err
}

func addressesOf(servers []*Server) string {
	var list []string
	for _, s := range servers {
		list = append(list, s.Address)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

func expected(servers []selectedServer) string {
	var list []string
	for _, s := range servers {
		list = append(list, s.Address)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// TestRoundTrips runs the specification's tests of the average of round trips.
func TestRoundTrips(t *testing.T) {
	spectest.Run(t, "server-selection/rtt", nil, func(t *testing.T, f spectest.File) {
		var test struct {
			Before any     `bson:"avg_rtt_ms"`
			Sample float64 `bson:"new_rtt_ms"`
			After  float64 `bson:"new_avg_rtt"`
		}
		f.Decode(t, &test)
		var r RTT
		switch before := test.Before.(type) { // "NULL" is none
		case float64:
			r = r.Add(milliseconds(before))
		case int32:
			r = r.Add(milliseconds(float64(before)))
		}
		if got := r.Add(milliseconds(test.Sample)).Average; (got - milliseconds(test.After)).Abs() > time.Nanosecond {
			t.Errorf("the average is %v, expected %v ms", got, test.After)
		}
	})
}

func milliseconds(f float64) time.Duration { return time.Duration(f * float64(time.Millisecond)) }

// TestInWindow runs the specification's tests of balancing by the number of operations: how often each server is chosen.
func TestInWindow(t *testing.T) {
	spectest.Run(t, "server-selection/in_window", nil, func(t *testing.T, f spectest.File) {
		var choice selection
		f.Decode(t, &choice)
		var test struct {
			State []struct {
				Address string `bson:"address"`
				Count   int    `bson:"operation_count"`
			} `bson:"mocked_topology_state"`
			Iterations int `bson:"iterations"`
			Outcome    struct {
				Tolerance float64            `bson:"tolerance"`
				Expected  map[string]float64 `bson:"expected_frequencies"`
			} `bson:"outcome"`
		}
		f.Decode(t, &test)
		top := topologyOf(choice)
		busy := func(s *Server) int {
			for _, state := range test.State {
				if state.Address == s.Address {
					return state.Count
				}
			}
			t.Fatalf("%s is not in the test", s.Address)
			return 0
		}
		random := rand.New(rand.NewPCG(1, 2))
		chosen := map[string]float64{}
		for range test.Iterations {
			s, err := top.Select(Request{Read: &ReadPreference{Mode: Nearest}}, random.Uint64(), busy)
			if err != nil {
				t.Fatal(err)
			}
			chosen[s.Address] += 1 / float64(test.Iterations)
		}
		for address, want := range test.Outcome.Expected {
			if got := chosen[address]; math.Abs(got-want) > test.Outcome.Tolerance+1e-9 {
				t.Errorf("%s is chosen in %.3f of all cases, expected %.3f ± %.3f", address, got, want, test.Outcome.Tolerance)
			}
		}
	})
}
