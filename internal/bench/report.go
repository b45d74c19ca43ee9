package bench

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"
)

// Report is everything that a run has measured.
type Report struct {
	Begun    time.Time `json:"begun"`
	Machine  string    `json:"machine"`
	Settings string    `json:"settings"`
	Servers  []Server  `json:"servers"`
	Results  []Result  `json:"results"`
	Readings []Reading `json:"readings"`
	Series   []Series  `json:"series"`

	titles map[string]string // of the groups
}

// Result is the outcome of one workload with one number of connections: the medians of each server's slices.
type Result struct {
	Group    string    `json:"group"`
	Workload string    `json:"workload"`
	Members  int       `json:"members"`
	Conns    int       `json:"conns"`
	Sides    []Figures `json:"sides"`
}

// Reading is one number for each server, the median of what was seen: less is better.
type Reading struct {
	Group string    `json:"group"`
	Name  string    `json:"name"`
	Unit  string    `json:"unit"`
	Sides []float64 `json:"sides"`
}

// Series is how something goes, for each server.
type Series struct {
	Group string    `json:"group"`
	Name  string    `json:"name"`
	X     string    `json:"x"`
	Y     string    `json:"y"`
	Log   bool      `json:"log"` // both axes
	Sides [][]Point `json:"sides"`
}

// Point is one of a Series.
type Point struct{ X, Y float64 }

func newReport(o Options) *Report {
	r := &Report{Begun: time.Now().UTC().Truncate(time.Second), Machine: fmt.Sprintf("%d processors, %s/%s", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH),
		Settings: fmt.Sprintf("%d slices of %s for each server, alternating; cache %g GB", o.Rounds, o.Slice, o.CacheGB),
		Servers:  o.Servers, titles: map[string]string{}}
	for i, s := range r.Servers {
		r.Servers[i].Durability = durability(s)
	}
	for _, g := range groups(o) {
		r.titles[g.name] = g.title
	}
	return r
}

// durability says what stands behind a server's acknowledgements. None of it is weakened by the benchmark.
func durability(s Server) string {
	switch {
	case s.running():
		return "as the set was started"
	case s.isMongod():
		return "journal on, flushed every 100 ms; w:1 answers from memory, j:true after the journal's fsync, w:majority after the fsync of a majority (writeConcernMajorityJournalDefault)"
	}
	return "w:1 answers from memory while the log is being written and synced, without waiting for a period; j:true after the log's fdatasync, w:majority after the fdatasync of a majority"
}

// ratio is of the first side to the second; 0: there is none.
func ratio(sides []Figures, of func(Figures) float64) float64 {
	if len(sides) < 2 || of(sides[1]) == 0 {
		return 0
	}
	return of(sides[0]) / of(sides[1])
}

func opsOf(f Figures) float64      { return f.OpsPerSecond }
func p50Of(f Figures) float64      { return f.P50us }
func p99Of(f Figures) float64      { return f.P99us }
func cpuOf(f Figures) float64      { return f.CPUus }
func residentOf(f Figures) float64 { return f.ResidentMB }

func (r *run) printHead() {
	fmt.Fprintf(r.Out, "%-44s %5s %10s %6s %9s %6s %9s %6s %8s %6s %6s %6s\n", "", "conns", "ops/s", "", "p50 us", "", "p99 us", "", "CPU us", "", "RSS MB", "")
}

// print writes the first server's figures, each with its ratio to the second's.
func (s Result) print(out io.Writer) {
	a := s.Sides[0]
	fmt.Fprintf(out, "%-44s %5d %10.0f %6s %9.0f %6s %9.0f %6s %8.1f %6s %6.0f %6s\n", s.Workload, s.Conns, a.OpsPerSecond, shown(ratio(s.Sides, opsOf)),
		a.P50us, shown(ratio(s.Sides, p50Of)), a.P99us, shown(ratio(s.Sides, p99Of)), a.CPUus, shown(ratio(s.Sides, cpuOf)), a.ResidentMB, shown(ratio(s.Sides, residentOf)))
}

func shown(ratio float64) string {
	if ratio == 0 {
		return ""
	}
	return fmt.Sprintf("%.2f", ratio)
}

// read notes a number and prints it.
func (r *run) read(name, unit string, sides ...float64) {
	r.report.Readings = append(r.report.Readings, Reading{Group: r.group.name, Name: name, Unit: unit, Sides: sides})
	var b strings.Builder
	for i, v := range sides {
		fmt.Fprintf(&b, "  %s %.4g %s", r.Servers[i].Name, v, unit)
	}
	fmt.Fprintf(r.Out, "%-60s%s\n", name, &b)
}

// JSON is the report for programs.
func (r *Report) JSON() ([]byte, error) {
	text, err := json.MarshalIndent(r, "", "  ")
	return append(text, '\n'), err
}
