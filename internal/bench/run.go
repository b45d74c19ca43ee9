package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Server is one side: a binary that is started here, or a set that runs.
type Server struct {
	Name    string `json:"name"`
	Where   string `json:"where"` // a path or a mongodb:// URI
	Version string `json:"version"`
	// Durability says what its acknowledgements promise, as it was run.
	Durability string `json:"durability"`
}

func (s Server) running() bool { return strings.HasPrefix(s.Where, "mongodb://") }

// isMongod tells from the file's name. Of a running server it is not asked.
func (s Server) isMongod() bool {
	return strings.TrimSuffix(filepath.Base(s.Where), ".exe") == "mongod"
}

// Options say what is measured, and how long.
type Options struct {
	Servers []Server       // one or two; ratios are of the first to the second
	Only    *regexp.Regexp // of groups, and of workloads as "group: workload"; nil: everything
	Conns   []int          // of workloads that do not say otherwise
	CacheGB float64
	Slice   time.Duration
	Rounds  int           // slices of each server for each workload, and repetitions of single events
	Steady  time.Duration // of bulk load
	DataGB  float64       // on disk for cold starts
	Growth  int           // documents that the curve ends at
	Profile string        // directory for processor profiles of a Morton that is started here; "": none
	Out     io.Writer
}

// Defaults are the options of a whole run.
func Defaults() Options {
	return Options{Conns: []int{1, 16, 128}, CacheGB: 0.25, Slice: 1500 * time.Millisecond, Rounds: 5, Steady: 10 * time.Minute, DataGB: 1, Growth: 10_000_000,
		Out: io.Discard}
}

// run is one run of the benchmark.
type run struct {
	Options
	report *Report
	group  group
	sizes  int // members of the servers of the group
}

// Run measures everything that the options ask for. What was measured before an error is in the report.
func Run(ctx context.Context, o Options) (*Report, error) {
	r := &run{Options: o, report: newReport(o)}
	for _, g := range groups(o) {
		sizes := g.members
		if o.Servers[0].running() {
			sizes = sizes[:1]
		}
		for _, members := range sizes {
			if err := r.runGroup(ctx, g, members); err != nil {
				return r.report, fmt.Errorf("%s: %w", g.name, err)
			}
		}
	}
	return r.report, nil
}

// Finds says whether the options ask for anything that there is.
func (o Options) Finds() bool {
	return slices.ContainsFunc(groups(o), func(g group) bool {
		return g.trial != nil && o.wants(g, "") || slices.ContainsFunc(g.workloads, func(w workload) bool { return o.wants(g, w.name) })
	})
}

// wants says whether a measurement of the group was asked for.
func (o Options) wants(g group, name string) bool {
	return o.Only == nil || o.Only.MatchString(g.name+": "+name)
}

func (r *run) runGroup(ctx context.Context, g group, members int) (err error) {
	wanted := slices.DeleteFunc(slices.Clone(g.workloads), func(w workload) bool { return !r.wants(g, w.name) })
	if g.trial == nil && len(wanted) == 0 || g.trial != nil && !r.wants(g, "") {
		return nil
	}
	if g.trial != nil && slices.ContainsFunc(r.Servers, Server.running) {
		fmt.Fprintf(r.Out, "\n%s: left out, for it starts and kills the servers itself\n", g.title)
		return nil
	}
	r.group, r.sizes = g, members
	fmt.Fprintf(r.Out, "\n%s\n", g.title)
	servers, err := r.open(members)
	defer func() {
		for _, srv := range servers {
			if err != nil && ctx.Err() == nil {
				srv.printLogs(r.Out)
			}
			srv.close()
		}
	}()
	if err != nil {
		return err
	}
	if g.trial != nil {
		return g.trial(ctx, r, servers)
	}
	r.printHead()
	for _, w := range wanted {
		if err := r.compare(ctx, servers, w); err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
	}
	return nil
}

// open starts or finds the servers, and loads their data.
func (r *run) open(members int) (servers []*server, err error) {
	cacheGB := r.CacheGB
	if r.group.cacheGB != 0 {
		cacheGB = r.group.cacheGB
	}
	for i, spec := range r.Servers {
		srv, err := openServer(spec, members, cacheGB, r.Profile != "")
		if err != nil {
			return servers, err
		}
		servers = append(servers, srv)
		r.report.Servers[i].Version = srv.spec.Version
		if r.group.load != nil {
			if err := r.group.load(srv); err != nil {
				return servers, fmt.Errorf("%s: %w", spec.Name, err)
			}
		}
	}
	return servers, nil
}

// compare runs the workload in slices that alternate between the servers, for each number of connections.
func (r *run) compare(ctx context.Context, servers []*server, w workload) error {
	conns := w.conns
	if conns == nil {
		conns = r.Conns
	}
	for _, n := range conns {
		if w.conns != nil && len(r.Conns) < len(w.conns) && !slices.Contains(r.Conns, n) {
			continue // only some were asked for
		}
		result, err := r.alternate(ctx, servers, w, n)
		if err != nil {
			return fmt.Errorf("%d connections: %w", n, err)
		}
		r.report.Results = append(r.report.Results, result)
		result.print(r.Out)
		if r.group.clean != nil {
			for _, srv := range servers {
				if err := r.group.clean(srv); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (r *run) alternate(ctx context.Context, servers []*server, w workload, conns int) (Result, error) {
	result := Result{Group: r.group.name, Workload: w.name, Members: r.sizes, Conns: conns}
	slicesOf := make([][]Figures, len(servers))
	for range r.Rounds {
		for i, srv := range servers {
			profile := r.startProfile(srv, w, conns)
			f, err := measure(ctx, srv, w, conns, r.Slice)
			if err := errors.Join(err, profile()); err != nil {
				return result, fmt.Errorf("%s: %w", srv.spec.Name, err)
			}
			slicesOf[i] = append(slicesOf[i], f)
		}
	}
	for _, all := range slicesOf {
		result.Sides = append(result.Sides, mediansOf(all))
	}
	return result, nil
}
