package bench

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"math"
	"strings"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"number": number, "bar": bar, "lines": lines,
}).Parse(page))

// HTML is the report for people: one page that needs nothing beside it.
func (r *Report) HTML() ([]byte, error) {
	var b bytes.Buffer
	err := pageTemplate.Execute(&b, map[string]any{"Report": r, "Groups": r.grouped(), "Both": len(r.Servers) > 1})
	return b.Bytes(), err
}

// grouped is a group with what was measured in it.
type grouped struct {
	Name, Title string
	Results     []Result
	Readings    []Reading
	Series      []Series
}

func (r *Report) grouped() (list []*grouped) {
	at := func(name string) *grouped {
		for _, g := range list {
			if g.Name == name {
				return g
			}
		}
		list = append(list, &grouped{Name: name, Title: r.titles[name]})
		return list[len(list)-1]
	}
	for _, x := range r.Results {
		g := at(x.Group)
		g.Results = append(g.Results, x)
	}
	for _, x := range r.Readings {
		g := at(x.Group)
		g.Readings = append(g.Readings, x)
	}
	for _, x := range r.Series {
		g := at(x.Group)
		g.Series = append(g.Series, x)
	}
	return list
}

// number shows three digits.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

const (
	barWidth, barHeight = 110.0, 14.0
	barTimes            = 10.0 // what is at the ends of a bar's scale: so many times as much, or as little
)

// bar draws the ratio of two numbers on a logarithmic scale with 1 in its middle, green where the first server is ahead.
func bar(a, b float64, moreIsBetter bool) template.HTML {
	if a <= 0 || b <= 0 {
		return ""
	}
	ratio := a / b
	color := "#2a7"
	if ratio != 1 && (ratio > 1) != moreIsBetter {
		color = "#c43"
	}
	x := barWidth / 2 * (1 + math.Max(-1, math.Min(1, math.Log(ratio)/math.Log(barTimes))))
	left, width := math.Min(x, barWidth/2), math.Abs(x-barWidth/2)
	return template.HTML(fmt.Sprintf(`<svg width="%.0f" height="%.0f" role="img" aria-label="%.2f"><rect x="%.1f" y="2" width="%.1f" height="%.0f" fill="%s"/><line x1="%.0f" x2="%.0f" y1="0" y2="%.0f" stroke="#555"/></svg> %.2f`,
		barWidth, barHeight, ratio, left, width, barHeight-4, color, barWidth/2, barWidth/2, barHeight, ratio))
}

const (
	plotWidth, plotHeight           = 650.0, 200.0
	plotLeft, plotRight, plotBottom = 60.0, 40.0, 30.0
)

var plotColors = []string{"#2a7", "#c43"}

// lines draws a series.
func lines(s Series, servers []Server) template.HTML {
	xs, ys := newAxis(s.Log), newAxis(s.Log)
	if !s.Log {
		ys.include(0)
	}
	for _, side := range s.Sides {
		for _, p := range side {
			xs.include(p.X)
			ys.include(p.Y)
		}
	}
	px := func(v float64) float64 { return plotLeft + xs.place(v)*(plotWidth-plotLeft-plotRight) }
	py := func(v float64) float64 { return 10 + (1-ys.place(v))*(plotHeight-plotBottom-10) }
	var b strings.Builder
	fmt.Fprintf(&b, `<svg width="%.0f" height="%.0f" role="img">`, plotWidth, plotHeight)
	for _, v := range ys.marks() {
		fmt.Fprintf(&b, `<line x1="%.0f" x2="%.0f" y1="%.1f" y2="%.1f" stroke="#ddd"/><text x="%.0f" y="%.1f" text-anchor="end">%s</text>`, plotLeft, plotWidth-plotRight, py(v), py(v), plotLeft-5, py(v)+4, number(v))
	}
	for _, v := range xs.marks() {
		fmt.Fprintf(&b, `<text x="%.1f" y="%.0f" text-anchor="middle">%s</text>`, px(v), plotHeight-12, number(v))
	}
	for i, side := range s.Sides {
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="1.5" points="`, plotColors[i])
		for _, p := range side {
			fmt.Fprintf(&b, "%.1f,%.1f ", px(p.X), py(p.Y))
		}
		fmt.Fprintf(&b, `"/><text x="%.0f" y="%.0f" style="fill:%s">%s</text>`, plotLeft+10+float64(i)*120, 12.0, plotColors[i], template.HTMLEscapeString(servers[i].Name))
	}
	b.WriteString("</svg>")
	return template.HTML(b.String())
}

// axis maps values to places from 0 to 1.
type axis struct {
	log      bool
	min, max float64
}

func newAxis(log bool) *axis { return &axis{log: log, min: math.Inf(1), max: math.Inf(-1)} }

func (a *axis) include(v float64) { a.min, a.max = math.Min(a.min, v), math.Max(a.max, v) }

func (a *axis) place(v float64) float64 {
	lo, hi := a.min, a.max
	if a.log {
		lo, hi, v = math.Log(lo), math.Log(hi), math.Log(v)
	}
	if hi <= lo {
		return 0.5
	}
	return (v - lo) / (hi - lo)
}

// marks are values to write beside the axis.
func (a *axis) marks() (list []float64) {
	const n = 4
	if a.max < a.min {
		return nil
	}
	for i := range n + 1 {
		part := float64(i) / n
		v := a.min + part*(a.max-a.min)
		if a.log {
			v = math.Exp(math.Log(a.min) + part*(math.Log(a.max)-math.Log(a.min)))
		}
		list = append(list, v)
	}
	return list
}
