package bench

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// TestZipfianFollowsItsLaw shows that the popular numbers are drawn as often as the law says, and that none is out of range.
func TestZipfianFollowsItsLaw(t *testing.T) {
	const n, draws = 1000, 400_000
	z, r := newZipfian(n), rand.New(rand.NewPCG(1, 2))
	seen := make([]float64, n)
	for range draws {
		seen[z.next(r)]++
	}
	zeta := 0.0
	for i := range n {
		zeta += math.Pow(1/float64(i+1), zipfTheta)
	}
	for _, rank := range []int{0, 1, 9, 99, 999} {
		upTo, want := 0.0, 0.0
		for i := range rank + 1 {
			upTo += seen[i] / draws
			want += math.Pow(1/float64(i+1), zipfTheta) / zeta
		}
		if math.Abs(upTo-want) > 0.05 { // the method interpolates between ranks
			t.Errorf("the first %d numbers are %.3f of the draws, want %.3f", rank+1, upTo, want)
		}
	}
}

// TestRequestsAreMessages shows that what every workload sends is a message that a server can read.
func TestRequestsAreMessages(t *testing.T) {
	for name, build := range map[string]func(*message, *rand.Rand){
		"find": findOne, "range": findRange, "insert": insert("1", true), "insertMany": insertMany("majority"), "increment": increment("1", 10),
		"$in": queryOf("k", inOf(100), 100), "sort": sorted("u", 10), "multi": multiUpdate, "hello": askHello,
	} {
		var m message
		m.reset()
		build(&m, rand.New(rand.NewPCG(1, 2)))
		var parsed wire.Msg
		if err := parsed.Parse(m.finish()); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if parsed.Body.Lookup("$db").Str() != database {
			t.Errorf("%s: %s is not for the database %q", name, parsed.Body, database)
		}
	}
}

// TestRecordsCountWhenAllBeforeThemAreThere is what those who read the latest records rely on.
func TestRecordsCountWhenAllBeforeThemAreThere(t *testing.T) {
	var srv server
	for _, step := range []struct{ inserted, want int64 }{{1, 0}, {2, 0}, {0, 3}, {3, 4}} {
		if srv.inserted(step.inserted); srv.records.Load() != step.want {
			t.Errorf("after %d: %d records, want %d", step.inserted, srv.records.Load(), step.want)
		}
	}
}

func TestFiguresOfASlice(t *testing.T) {
	var latencies []time.Duration
	for i := range 100 {
		latencies = append(latencies, time.Duration(100-i)*time.Microsecond)
	}
	got := summarize([]*worker{{latencies: latencies[:50]}, {latencies: latencies[50:]}}, time.Second)
	if want := (Figures{OpsPerSecond: 100, P50us: 51, P99us: 100}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	m := mediansOf([]Figures{{OpsPerSecond: 1, CPUus: 9}, {OpsPerSecond: 5, CPUus: 2}, {OpsPerSecond: 3, CPUus: 4}})
	if want := (Figures{OpsPerSecond: 3, CPUus: 4}); m != want {
		t.Errorf("medians %+v, want %+v", m, want)
	}
	if got := median([]float64{4, 1, 3, 2}); got != 2.5 {
		t.Errorf("the median of four is %v", got)
	}
}

func TestRepliesAreCounted(t *testing.T) {
	for text, want := range map[string]int{
		`{"n": 3, "ok": 1}`: 3,
		`{"cursor": {"firstBatch": [{}, {}], "id": 0}, "ok": 1}`:              2,
		`{"n": 0, "writeErrors": [{"index": 0}], "ok": 1}`:                    -1,
		`{"n": 1, "writeConcernError": {"code": 64}, "ok": 1}`:                -1,
		`{"isWritablePrimary": true, "ok": 1}`:                                -1,
		`{"cursor": {"firstBatch": [], "id": {"$numberLong": "0"}}, "ok": 1}`: 0,
	} {
		reply, err := document.FromJSON(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := counted(reply); got != want {
			t.Errorf("%s: %d, want %d", text, got, want)
		}
	}
}

// TestReports shows that both forms hold what was measured, and that the page needs nothing from elsewhere.
func TestReports(t *testing.T) {
	o := Defaults()
	o.Servers = []Server{{Name: "Morton", Where: "morton"}, {Name: "mongod", Where: "/bin/mongod"}}
	r := newReport(o)
	r.Results = []Result{{Group: "operations", Workload: "point <read>", Members: 1, Conns: 16,
		Sides: []Figures{{OpsPerSecond: 300, P50us: 10, P99us: 20, CPUus: 5}, {OpsPerSecond: 100, P50us: 20, P99us: 40, CPUus: 50}}}}
	r.Readings = []Reading{{Group: "cold", Name: "start", Unit: "ms", Sides: []float64{50, 500}}}
	r.Series = []Series{{Group: "growth", Name: "read", X: "documents", Y: "us", Log: true, Sides: [][]Point{{{1e4, 10}, {1e5, 12}}, {{1e4, 20}, {1e5, 40}}}}}
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := json.Unmarshal(text, &back); err != nil || back.Results[0].Sides[1].CPUus != 50 {
		t.Errorf("JSON %s: %v", text, err)
	}
	html, err := r.HTML()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"point &lt;read&gt;", `aria-label="3.00"`, "<polyline", "Operations on 200,000 documents", "writeConcernMajorityJournalDefault"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page has no %q", want)
		}
	}
	if bad := regexp.MustCompile(`(?i)https?://|<script|src=|NaN|Inf`).FindString(string(html)); bad != "" {
		t.Errorf("the page has %q", bad)
	}
}
