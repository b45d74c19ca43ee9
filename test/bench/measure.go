//go:build linux

package main

import (
	"errors"
	"slices"
	"sync"
	"time"
)

// figures are what one slice shows, or the medians of several.
type figures struct {
	OpsPerSecond, P50us, P99us float64
	CPUus                      float64 // the primary's user and system time per operation
}

// compare runs the workload in slices that alternate between the two servers.
func compare(servers [2]*server, w workload, conns int, s settings) (comparison, error) {
	var slicesOf [2][]figures
	for range s.rounds {
		for i, srv := range servers {
			f, err := measure(srv, w, conns, s.slice)
			if err != nil {
				return comparison{}, err
			}
			slicesOf[i] = append(slicesOf[i], f)
		}
	}
	for _, srv := range servers {
		if err := srv.dropInserted(); err != nil {
			return comparison{}, err
		}
	}
	return comparison{Workload: w.name, Conns: conns, A: medians(slicesOf[0]), B: medians(slicesOf[1])}, nil
}

// measure runs the workload for one slice.
func measure(srv *server, w workload, conns int, slice time.Duration) (figures, error) {
	return measureWhile(srv, w, conns, func(since time.Duration) bool { return since < slice })
}

// measureWhile runs the workload for as long as more says, on connections that are already open when the clock starts.
func measureWhile(srv *server, w workload, conns int, more func(since time.Duration) bool) (figures, error) {
	workers := make([]*worker, conns)
	for i := range workers {
		c, err := dial(srv.primary)
		if err != nil {
			return figures{}, err
		}
		defer c.close()
		workers[i] = newWorker(c, i)
		if err := workers[i].do(w); err != nil { // the connection's first operation is not measured
			return figures{}, err
		}
	}
	before, err := cpuTime(srv.primaryPID)
	if err != nil {
		return figures{}, err
	}
	started := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, conns)
	for i, wk := range workers {
		wg.Go(func() { errs[i] = wk.runWhile(w, func() bool { return more(time.Since(started)) }) })
	}
	wg.Wait()
	elapsed := time.Since(started)
	after, err := cpuTime(srv.primaryPID)
	if err := errors.Join(append(errs, err)...); err != nil {
		return figures{}, err
	}
	return summarize(workers, elapsed, after-before), nil
}

func summarize(workers []*worker, elapsed, cpu time.Duration) figures {
	var all []time.Duration
	for _, wk := range workers {
		all = append(all, wk.latencies...)
	}
	slices.Sort(all)
	n := len(all)
	return figures{
		OpsPerSecond: float64(n) / elapsed.Seconds(),
		P50us:        microseconds(all[n/2]),
		P99us:        microseconds(all[n*99/100]),
		CPUus:        microseconds(cpu) / float64(n),
	}
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// medians takes the median of each figure by itself.
func medians(all []figures) figures {
	median := func(of func(figures) float64) float64 {
		values := make([]float64, len(all))
		for i, f := range all {
			values[i] = of(f)
		}
		slices.Sort(values)
		return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
	}
	return figures{
		OpsPerSecond: median(func(f figures) float64 { return f.OpsPerSecond }),
		P50us:        median(func(f figures) float64 { return f.P50us }),
		P99us:        median(func(f figures) float64 { return f.P99us }),
		CPUus:        median(func(f figures) float64 { return f.CPUus }),
	}
}
