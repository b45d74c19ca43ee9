package bench

import (
	"context"
	"errors"
	"fmt"
	"time"
)

var errNotWritten = errors.New("the write was not acknowledged by a majority")

const (
	afterKill    = time.Millisecond // between two attempts to write
	beforeKill   = time.Second      // of bulk load, so that the log has something to replay
	writableMax  = 2 * time.Minute
	loadedSize   = 1 << 10 // of a document
	loadedInsert = "loaded"
)

// measureColdStarts kills a member that has data and is being written to, and waits for the first write after its start.
func measureColdStarts(ctx context.Context, r *run, servers []*server) error {
	documents := int(r.DataGB * (1 << 30) / loadedSize)
	var sides []float64
	for _, srv := range servers {
		if err := load(srv, loadedInsert, documents, batchDocuments, appendLoaded); err != nil {
			return err
		}
		fmt.Fprintf(r.Out, "  %s has %.2f GB on disk\n", srv.spec.Name, float64(srv.diskBytes())/1e9)
		var times []float64
		for range r.Rounds {
			took, err := coldStart(ctx, srv)
			if err != nil {
				return err
			}
			times = append(times, milliseconds(took))
		}
		fmt.Fprintf(r.Out, "  %s %.0f ms\n", srv.spec.Name, times)
		sides = append(sides, median(times))
	}
	r.read(fmt.Sprintf("kill -9 with %g GB and bulk load, start to first write", r.DataGB), "ms", sides...)
	return nil
}

func coldStart(ctx context.Context, srv *server) (time.Duration, error) {
	w := workload{op: ask(batchDocuments, insertManyInto(loadedInsert, "majority", 980))}
	if _, err := measure(ctx, srv, w, loaders, beforeKill); err != nil {
		return 0, err
	}
	if err := srv.killMember(0); err != nil {
		return 0, err
	}
	started := time.Now()
	if err := srv.startMember(0); err != nil {
		return 0, err
	}
	if err := awaitWritable(ctx, srv.addresses[0]); err != nil {
		return 0, err
	}
	took := time.Since(started)
	return took, srv.findPrimary()
}

// awaitWritable returns when one of the addresses has taken a majority write.
func awaitWritable(ctx context.Context, addresses ...string) error {
	for begun := time.Now(); ; {
		for _, address := range addresses {
			if err := majorityWrite(address); err == nil {
				return nil
			} else if time.Since(begun) > writableMax {
				return err
			}
		}
		if err := sleep(ctx, afterKill); err != nil {
			return err
		}
	}
}

// measureFailovers kills the primary again and again, and waits for the first write that another member takes.
func measureFailovers(ctx context.Context, r *run, servers []*server) error {
	var sides []float64
	for _, srv := range servers {
		var times []float64
		for range r.Rounds {
			took, err := failover(ctx, srv)
			if err != nil {
				return err
			}
			times = append(times, milliseconds(took))
		}
		fmt.Fprintf(r.Out, "  %s %.0f ms\n", srv.spec.Name, times)
		sides = append(sides, median(times))
	}
	r.read("kill -9 of the primary to the first majority write elsewhere", "ms", sides...)
	return nil
}

func failover(ctx context.Context, srv *server) (time.Duration, error) {
	if err := majorityWrite(srv.primary); err != nil {
		return 0, err
	}
	victim := srv.primaryNumber()
	var others []string
	for i, address := range srv.addresses {
		if i != victim {
			others = append(others, address)
		}
	}
	started := time.Now()
	if err := srv.killMember(victim); err != nil {
		return 0, err
	}
	if err := awaitWritable(ctx, others...); err != nil {
		return 0, err
	}
	took := time.Since(started)
	if err := srv.startMember(victim); err != nil {
		return 0, err
	}
	srv.primary = ""
	return took, srv.findPrimary()
}

func milliseconds(d time.Duration) float64 { return microseconds(d) / 1000 }
