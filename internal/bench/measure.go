package bench

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"
)

// Figures are what one slice shows, or the medians of several.
type Figures struct {
	OpsPerSecond float64 `json:"opsPerSecond"`
	P50us        float64 `json:"p50us"`
	P99us        float64 `json:"p99us"`
	CPUus        float64 `json:"cpuUs"` // the primary's user and system time per operation, with what it does afterwards
	ResidentMB   float64 `json:"residentMB"`
}

const (
	quietShare = 0.10                   // of one processor: a server that uses less is done with what it was given
	quietLook  = 100 * time.Millisecond // how often it is looked at
	quietMax   = 2 * time.Second
)

// measure runs the workload for one slice.
func measure(ctx context.Context, srv *server, w workload, conns int, slice time.Duration) (Figures, error) {
	return measureWhile(ctx, srv, w, conns, func(since time.Duration) bool { return since < slice })
}

// measureWhile runs the workload for as long as more says, on connections that are already open when the clock starts.
func measureWhile(ctx context.Context, srv *server, w workload, conns int, more func(since time.Duration) bool) (Figures, error) {
	workers, err := openWorkers(srv, w, conns)
	defer closeWorkers(workers)
	if err != nil {
		return Figures{}, err
	}
	before, err := usageOf(srv.pid)
	if err != nil {
		return Figures{}, err
	}
	started := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, conns)
	for i, wk := range workers {
		wg.Go(func() {
			errs[i] = wk.repeat(w, conns, func() bool { return more(time.Since(started)) && ctx.Err() == nil })
		})
	}
	wg.Wait()
	elapsed := time.Since(started)
	if err := errors.Join(append(errs, ctx.Err())...); err != nil {
		return Figures{}, err
	}
	after, err := awaitQuiet(srv.pid)
	if err != nil {
		return Figures{}, err
	}
	f := summarize(workers, elapsed)
	f.CPUus = microseconds(after.cpu-before.cpu) / (f.OpsPerSecond * elapsed.Seconds())
	f.ResidentMB = float64(after.resident) / 1e6
	return f, nil
}

// awaitQuiet waits until the process has done what it put off. What that cost belongs to the slice, and not to the other server's next one.
func awaitQuiet(pid int) (usage, error) {
	u, err := usageOf(pid)
	for deadline := time.Now().Add(quietMax); err == nil && pid != 0 && time.Now().Before(deadline); {
		time.Sleep(quietLook)
		last := u
		if u, err = usageOf(pid); u.cpu-last.cpu < time.Duration(quietShare*float64(quietLook)) {
			break
		}
	}
	return u, err
}

func openWorkers(srv *server, w workload, conns int) ([]*worker, error) {
	var workers []*worker
	for i := range conns {
		wk, err := newWorker(srv, i)
		if err != nil {
			return workers, err
		}
		workers = append(workers, wk)
		if err := w.op(wk); err != nil { // the connection's first operation is not measured
			return workers, err
		}
	}
	return workers, nil
}

func closeWorkers(workers []*worker) {
	for _, wk := range workers {
		wk.conn.close()
	}
}

func summarize(workers []*worker, elapsed time.Duration) Figures {
	var all []time.Duration
	for _, wk := range workers {
		all = append(all, wk.latencies...)
	}
	slices.Sort(all)
	n := len(all)
	return Figures{
		OpsPerSecond: float64(n) / elapsed.Seconds(),
		P50us:        microseconds(all[n/2]),
		P99us:        microseconds(all[n*99/100]),
	}
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// mediansOf takes the median of each figure by itself.
func mediansOf(all []Figures) Figures {
	of := func(figure func(Figures) float64) float64 {
		values := make([]float64, len(all))
		for i, f := range all {
			values[i] = figure(f)
		}
		return median(values)
	}
	return Figures{
		OpsPerSecond: of(func(f Figures) float64 { return f.OpsPerSecond }),
		P50us:        of(func(f Figures) float64 { return f.P50us }),
		P99us:        of(func(f Figures) float64 { return f.P99us }),
		CPUus:        of(func(f Figures) float64 { return f.CPUus }),
		ResidentMB:   of(func(f Figures) float64 { return f.ResidentMB }),
	}
}

// median returns 0 of no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	values = slices.Sorted(slices.Values(values))
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}
