//go:build linux

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// cost is what one kind of fault cost, each time that it came alone.
type cost struct {
	Name    string
	Times   int
	Served  spread // the longest time in which no member took a majority write from a client that had just come
	Service spread // in which the service, to which new requests come all the time, was told of none
	Clients spread // in which no client was told of one, of those that begin an operation when the one before has ended: all may wait for a member that is cut off
}

// spread is a median and the worst case.
type spread struct{ Median, Worst time.Duration }

func (s spread) String() string {
	return fmt.Sprintf("%d ms (%d)", s.Median.Milliseconds(), s.Worst.Milliseconds())
}

func (t *trouble) costs(h *history) []cost {
	var list []cost
	for _, f := range faults {
		var served, service, clients []time.Duration
		for _, w := range t.windows {
			if len(w.Names) == 1 && w.Names[0] == f.name {
				served = append(served, h.served.longestGap(w.From, w.To))
				service = append(service, h.requests.longestGap(w.From, w.To))
				clients = append(clients, h.acked.longestGap(w.From, w.To))
			}
		}
		if n := len(served); n > 0 {
			list = append(list, cost{f.name, n, spreadOf(served), spreadOf(service), spreadOf(clients)})
		}
	}
	return list
}

func spreadOf(list []time.Duration) spread {
	list = slices.Sorted(slices.Values(list))
	return spread{(list[(len(list)-1)/2] + list[len(list)/2]) / 2, list[len(list)-1]}
}

// numbers are the figures of the whole run.
func (t *trouble) numbers(h *history) string {
	together := 0
	for _, w := range t.windows {
		together += len(w.Names)
	}
	return fmt.Sprintf("%.0f s: %d operations (%d acknowledged writes), %d errors seen by the application (%d of unknown outcome), %d faults, %d primaries elected, %d violations",
		time.Since(t.started).Seconds(), h.done.Load()+h.failed.Load(), len(h.acked.at)+len(h.requests.at), h.failed.Load(), h.unknown.Load(), together, len(t.set.terms), len(h.violations))
}

func (t *trouble) printTable(h *history) {
	fmt.Printf("\n%s\n\nlongest time without a write: median (worst)\n%-60s %5s %20s %20s %20s\n", t.numbers(h), "", "times", "nobody took one", "the service", "clients that wait")
	for _, c := range t.costs(h) {
		fmt.Printf("%-60s %5d %20v %20v %20v\n", c.Name, c.Times, c.Served, c.Service, c.Clients)
	}
	fmt.Printf("\nreport: %s\nagain:  %s\n", filepath.Join(t.report, "index.html"), t.command())
}

// writeReport writes the page, the history and the members' logs.
func writeReport(t *trouble, h *history) error {
	if err := os.MkdirAll(t.report, 0o755); err != nil {
		return err
	}
	text, err := json.MarshalIndent(map[string]any{"seed": t.seed, "command": t.command(), "violations": h.violations, "events": t.set.events, "roles": t.set.roles,
		"windows": t.windows, "failures": h.failures, "registers": h.registers, "oplog": h.oplog}, "", " ")
	if err != nil {
		return err
	}
	f, err := os.Create(filepath.Join(t.report, "index.html"))
	if err != nil {
		return err
	}
	err = page.Execute(f, map[string]any{"Numbers": t.numbers(h), "Costs": t.costs(h), "Violations": h.violations, "Command": t.command(), "Members": len(t.set.members),
		"Strips": t.strips(h), "Events": t.set.events, "Failures": h.failures[:min(len(h.failures), 200)]})
	return errors.Join(err, f.Close(), os.WriteFile(filepath.Join(t.report, "history.json"), text, 0o644), t.set.keepLogs(t.report))
}

// The time line is cut into strips, each a picture of its own.
const (
	stripLength = 60 * time.Second
	stripWidth  = 1100
	labelWidth  = 90
	laneHeight  = 16
	barHeight   = 40
)

// strip is one of them.
type strip struct {
	From, To time.Duration
	Height   int
	Labels   []label
	Bars     []bar
}

type label struct {
	Y    int
	Text string
}

// bar is a rectangle with a class that says its colour, and a text.
type bar struct {
	X, W  float64
	Y, H  int
	Class string
	Text  string
}

func (t *trouble) strips(h *history) []strip {
	end := h.now()
	n := len(t.set.members)
	var list []strip
	for from := time.Duration(0); from < end; from += stripLength {
		s := strip{From: from, To: from + stripLength, Height: (n+2)*laneHeight + barHeight}
		x := func(at time.Duration) float64 {
			return labelWidth + float64(stripWidth-labelWidth)*float64(min(max(at-from, 0), stripLength))/float64(stripLength)
		}
		span := func(a, b time.Duration, y int, class, text string) {
			if b > from && a < s.To {
				s.Bars = append(s.Bars, bar{x(a), max(x(b)-x(a), 1), y, laneHeight - 3, class, text})
			}
		}
		for i := range n {
			s.Labels = append(s.Labels, label{i*laneHeight + 11, fmt.Sprint("member ", i)})
		}
		s.Labels = append(s.Labels, label{n*laneHeight + 11, "faults"}, label{(n+1)*laneHeight + 11, "errors"}, label{(n+2)*laneHeight + barHeight/2 + 4, "writes"})
		last := map[int]roleChange{}
		for _, r := range t.set.roles {
			if before, ok := last[r.Member]; ok {
				span(before.At, r.At, r.Member*laneHeight, before.Role, before.Role)
			}
			last[r.Member] = r
		}
		for _, r := range last {
			span(r.At, end, r.Member*laneHeight, r.Role, r.Role)
		}
		for _, w := range t.windows {
			span(w.From, w.Over, n*laneHeight, "fault", strings.Join(w.Names, " and "))
			span(w.Over, w.To, n*laneHeight, "after", "after "+strings.Join(w.Names, " and "))
		}
		for _, f := range h.failures {
			if f.At >= from && f.At < s.To {
				s.Bars = append(s.Bars, bar{x(f.At), 1.5, (n + 1) * laneHeight, laneHeight - 3, "error", f.What + ": " + f.Err})
			}
		}
		s.Bars = append(s.Bars, t.throughput(h, from, x, (n+2)*laneHeight)...)
		list = append(list, s)
	}
	return list
}

// throughput draws the acknowledged writes of each 200 ms, against the most that there were in any.
func (t *trouble) throughput(h *history, from time.Duration, x func(time.Duration) float64, y int) []bar {
	const step = 200 * time.Millisecond
	counts, most := map[int]int{}, 1
	for _, at := range slices.Concat(h.acked.at, h.requests.at) {
		i := int(at / step)
		counts[i]++
		most = max(most, counts[i])
	}
	var bars []bar
	for at := from; at < from+stripLength; at += step {
		if c := counts[int(at/step)]; c > 0 {
			height := max(c*barHeight/most, 1)
			bars = append(bars, bar{x(at), x(at+step) - x(at), y + barHeight - height, height, "write", fmt.Sprintf("%d writes in %v", c, step)})
		}
	}
	return bars
}

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"seconds": func(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()) },
}).Parse(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Morton under trouble</title>
<style>
body { font: 14px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1140px; color: #1c2330; background: #fbfbfa }
h1 { font-size: 22px; margin: 0 0 .2em } h2 { font-size: 16px; margin: 1.6em 0 .4em }
code, pre { font: 12.5px/1.4 ui-monospace, monospace; background: #f0f0ec; padding: .15em .4em; border-radius: 3px }
table { border-collapse: collapse } td, th { padding: .2em .9em .2em 0; text-align: left; border-bottom: 1px solid #e6e6e0 } td.n, th.n { text-align: right }
.good { color: #1d7a46 } .bad { color: #b3261e; font-weight: 600 }
svg { display: block; margin: .1em 0 .8em } text { font: 11px system-ui, sans-serif; fill: #5b6472 }
.primary { fill: #1d7a46 } .secondary { fill: #b9dcc7 } .other { fill: #e9c46a } .down { fill: #d9d9d4 } .fault { fill: #e07a3f } .after { fill: #f3d9c8 } .error { fill: #b3261e } .write { fill: #5d8bc4 }
details { margin: .6em 0 }
</style>
<h1>A set of {{.Members}} under trouble</h1>
<p>{{.Numbers}}</p>
{{if .Violations}}<h2 class="bad">Violations</h2><ul>{{range .Violations}}<li class="bad">{{.}}</li>{{end}}</ul>{{else}}<p class="good">Nothing acknowledged was lost, no retried write took effect twice, linearizable reads were, causal sessions read their own writes, and the members are equal.</p>{{end}}
<p>The same again: <code>{{.Command}}</code></p>
<h2>What a fault cost</h2>
<p>The longest time without a majority write, median and worst, each time that the fault came alone: taken by no member from a client that had just come; told to a service with one client of the
Go driver, to which a request comes every 10 ms; told to clients of the Go driver that begin an operation when the one before has ended. When all of these wait for an answer of a member that is cut off, they wait longer than the set does.</p>
<table><tr><th>fault<th class="n">times<th class="n">nobody took one<th class="n">the service<th class="n">clients that wait</tr>
{{range .Costs}}<tr><td>{{.Name}}<td class="n">{{.Times}}<td class="n">{{.Served}}<td class="n">{{.Service}}<td class="n">{{.Clients}}</tr>{{end}}</table>
<h2>The time line</h2>
<p>Primary dark green, secondary light green, unreachable grey; a fault orange, and pale until the set is whole again and has rested. Point at anything to read what it is.</p>
{{range .Strips}}<svg width="1100" height="{{.Height}}" viewBox="0 0 1100 {{.Height}}" role="img" aria-label="from {{seconds .From}} s">
{{range .Labels}}<text x="0" y="{{.Y}}">{{.Text}}</text>{{end}}{{range .Bars}}<rect x="{{printf "%.1f" .X}}" y="{{.Y}}" width="{{printf "%.1f" .W}}" height="{{.H}}" class="{{.Class}}"><title>{{.Text}}</title></rect>{{end}}
<text x="1100" y="11" text-anchor="end">{{seconds .From}} s</text></svg>
{{end}}
<details><summary>What happened</summary><table>{{range .Events}}<tr><td class="n">{{seconds .At}} s<td>{{.What}}</tr>{{end}}</table></details>
<details><summary>The first errors that the application saw</summary><table>{{range .Failures}}<tr><td class="n">{{seconds .At}} s<td>{{.What}}<td>{{.Err}}</tr>{{end}}</table></details>
`))
