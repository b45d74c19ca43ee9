package bench

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// What an initial sync costs the clients: a set of three is loaded, a secondary loses its data and gets it anew while writers go on. In the middle it is
// killed once and started again. A mongod starts its sync from the beginning then, so only the first server is measured.

const (
	syncWriters = 8
	syncBefore  = 20 * time.Second // how long the writers are measured without a sync
	syncMax     = 10 * time.Minute
)

func measureSync(ctx context.Context, r *run, servers []*server) error {
	srv := servers[0]
	if err := load(srv, loadedInsert, int(r.DataGB*(1<<30)/loadedSize), batchDocuments, appendLoaded); err != nil {
		return err
	}
	victim := 0
	for srv.addresses[victim] == srv.primary {
		victim++
	}
	if err := srv.killMember(victim); err != nil {
		return err
	}
	if err := os.RemoveAll(srv.dbpath(victim)); err != nil {
		return err
	}
	w := workload{op: ask(1, insert("majority", false))}
	before, err := measure(ctx, srv, w, syncWriters, syncBefore)
	if err != nil {
		return err
	}
	r.read(fmt.Sprintf("%d writers, no sync: p99", syncWriters), "ms", before.P99us/1000)

	var during Figures
	var wg sync.WaitGroup
	var done atomic.Bool
	wg.Go(func() {
		during, err = measureWhile(ctx, srv, w, syncWriters, func(time.Duration) bool { return !done.Load() })
	})
	took, syncErr := srv.syncWithInterruption(ctx, victim)
	done.Store(true)
	wg.Wait()
	if syncErr != nil || err != nil {
		return errors.Join(syncErr, err)
	}
	r.read(fmt.Sprintf("%d writers, during the sync: p99", syncWriters), "ms", during.P99us/1000)
	r.read(fmt.Sprintf("sync of %g GB, killed once half-way", r.DataGB), "s", took.Seconds())
	return nil
}

// syncWithInterruption starts a member without data, kills it in the middle, starts it again, and waits until it is a secondary.
func (srv *server) syncWithInterruption(ctx context.Context, number int) (time.Duration, error) {
	started := time.Now()
	if err := srv.startMember(number); err != nil {
		return 0, err
	}
	if err := srv.awaitSync(ctx, number, 0.5); err != nil {
		return 0, err
	}
	if err := srv.killMember(number); err != nil {
		return 0, err
	}
	if err := srv.startMember(number); err != nil {
		return 0, err
	}
	err := srv.awaitSync(ctx, number, 1)
	return time.Since(started), err
}

// awaitSync waits until part of the data has been received; for 1, until the member is a secondary.
func (srv *server) awaitSync(ctx context.Context, number int, part float64) error {
	for deadline := time.Now().Add(syncMax); time.Now().Before(deadline) && sleep(ctx, 50*time.Millisecond) == nil; {
		status, err := once(srv.addresses[number], "admin", startTimeout, func(b *document.Builder) { b.AppendInt32("replSetGetStatus", 1) })
		if err != nil {
			continue // not there yet
		}
		if state, _ := status.Lookup("myState").ToInt64(); state == 2 {
			if part == 1 {
				return nil
			}
			return fmt.Errorf("the sync ended before %.0f %% were seen: take more data", part*100)
		}
		got, ok := status.LookupPath("initialSyncStatus.approxTotalBytesCopied").ToInt64()
		all, _ := status.LookupPath("initialSyncStatus.approxTotalDataSize").ToInt64()
		if ok && part < 1 && float64(got) >= part*float64(all) {
			return nil
		}
	}
	return errors.Join(ctx.Err(), fmt.Errorf("no sync in %v", syncMax))
}
