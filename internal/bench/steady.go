package bench

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/mortondb/morton/internal/document"
)

const (
	steadyConns = 4
	steadyRest  = time.Minute // what the server still does in that time it had put off
)

func appendLoaded(_ int, b *document.Builder, r *rand.Rand) {
	b.AppendObjectID("_id", document.NewObjectID())
	appendText(b, "pad", loadedSize-50, r)
}

// measureSteady inserts as fast as each server can, one server after the other, and then watches what was put off.
func measureSteady(ctx context.Context, r *run, servers []*server) error {
	runs := make([]*steadyRun, len(servers))
	for i, srv := range servers {
		runs[i] = &steadyRun{srv: srv}
		if err := runs[i].load(ctx, r.Steady); err != nil {
			return err
		}
		if err := runs[i].rest(ctx); err != nil {
			return err
		}
		fmt.Fprintf(r.Out, "  %s: %d MB loaded\n", srv.spec.Name, runs[i].documents*loadedSize>>20)
	}
	for _, reading := range []struct {
		name, unit string
		of         func(*steadyRun) float64
	}{
		{"time for each 1,000 documents of 1 KB", "ms", func(s *steadyRun) float64 { return s.elapsed.Seconds() * 1e6 / float64(s.documents) }},
		{"insertMany p50", "ms", func(s *steadyRun) float64 { return s.quantile(0.5) }},
		{"insertMany p99", "ms", func(s *steadyRun) float64 { return s.quantile(0.99) }},
		{"longest insertMany", "ms", func(s *steadyRun) float64 { return s.quantile(1) }},
		{"most memory", "MB", func(s *steadyRun) float64 { return s.memoryMax / 1e6 }},
		{"written for each byte of documents", "bytes", func(s *steadyRun) float64 { return float64(s.written+s.debtBytes) / float64(s.documents*loadedSize) }},
		{"disk for each byte of documents", "bytes", func(s *steadyRun) float64 { return float64(s.disk) / float64(s.documents*loadedSize) }},
		{"processor time for each 1,000 documents", "ms", func(s *steadyRun) float64 { return milliseconds(s.cpu) * 1000 / float64(s.documents) }},
		{"put off: processor time in the minute afterwards", "s", func(s *steadyRun) float64 { return s.debtCPU.Seconds() }},
		{"put off: bytes written in the minute afterwards", "MB", func(s *steadyRun) float64 { return float64(s.debtBytes) / 1e6 }},
	} {
		var sides []float64
		for _, s := range runs {
			sides = append(sides, reading.of(s))
		}
		r.read(reading.name, reading.unit, sides...)
	}
	for _, series := range []struct {
		name, y string
		of      func(second) float64
	}{
		{"documents a second", "documents", func(s second) float64 { return float64(s.documents) }},
		{"longest insertMany of each second", "ms", func(s second) float64 { return milliseconds(s.slowest) }},
		{"resident memory", "MB", func(s second) float64 { return float64(s.resident) / 1e6 }},
	} {
		var sides [][]Point
		for _, s := range runs {
			sides = append(sides, s.points(series.of))
		}
		r.report.Series = append(r.report.Series, Series{Group: r.group.name, Name: series.name, X: "seconds", Y: series.y, Sides: sides})
	}
	return nil
}

// steadyRun is one server's part.
type steadyRun struct {
	srv       *server
	documents int
	elapsed   time.Duration
	cpu       time.Duration
	latencies []time.Duration
	seconds   []second
	memoryMax float64
	disk      int64
	written   int64
	debtCPU   time.Duration
	debtBytes int64

	mu sync.Mutex // guards seconds while the load runs
}

type second struct {
	documents int
	slowest   time.Duration
	resident  int64
}

func (s *steadyRun) load(ctx context.Context, length time.Duration) error {
	w := workload{op: ask(batchDocuments, insertManyInto(loadedInsert, "majority", 980))}
	before, err := usageOf(s.srv.pid)
	if err != nil {
		return err
	}
	workers, err := openWorkers(s.srv, w, steadyConns)
	defer closeWorkers(workers)
	if err != nil {
		return err
	}
	started := time.Now()
	var wg sync.WaitGroup
	errs := make([]error, len(workers))
	for i, wk := range workers {
		wg.Go(func() {
			errs[i] = wk.repeat(w, steadyConns, func() bool {
				if n := len(wk.latencies); n > 0 {
					s.note(time.Since(started), wk.latencies[n-1])
				}
				return time.Since(started) < length && ctx.Err() == nil
			})
		})
	}
	wg.Wait()
	s.elapsed = time.Since(started)
	for i, wk := range workers {
		s.latencies = append(s.latencies, wk.latencies...)
		if errs[i] != nil {
			return errs[i]
		}
	}
	slices.Sort(s.latencies)
	s.documents = len(s.latencies) * batchDocuments
	after, err := usageOf(s.srv.pid)
	s.cpu, s.written = after.cpu-before.cpu, after.written-before.written
	return err
}

// note counts a batch for the second in which it ended, and weighs the server once a second.
func (s *steadyRun) note(since, took time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := int(since.Seconds())
	for len(s.seconds) <= at {
		u, _ := usageOf(s.srv.pid)
		s.memoryMax = max(s.memoryMax, float64(u.resident))
		s.seconds = append(s.seconds, second{resident: u.resident})
	}
	s.seconds[at].documents += batchDocuments
	s.seconds[at].slowest = max(s.seconds[at].slowest, took)
}

// rest watches the server when nobody asks it for anything.
func (s *steadyRun) rest(ctx context.Context) error {
	before, err := usageOf(s.srv.pid)
	if err != nil {
		return err
	}
	if err := sleep(ctx, steadyRest); err != nil {
		return err
	}
	after, err := usageOf(s.srv.pid)
	s.debtCPU, s.debtBytes, s.disk = after.cpu-before.cpu, after.written-before.written, s.srv.diskBytes()
	return err
}

func (s *steadyRun) quantile(q float64) float64 {
	return milliseconds(s.latencies[min(int(q*float64(len(s.latencies))), len(s.latencies)-1)])
}

func (s *steadyRun) points(of func(second) float64) (list []Point) {
	for i, sec := range s.seconds[:max(len(s.seconds)-1, 0)] { // the last one is not whole
		list = append(list, Point{float64(i), of(sec)})
	}
	return list
}
