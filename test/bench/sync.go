//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// What an initial sync costs the clients: a set of three is loaded, a secondary loses its data and gets it anew while writers go on. In the middle it is
// killed once and started again.

const (
	syncWriters  = 8
	syncBefore   = 20 * time.Second // how long the writers are measured without a sync
	syncMax      = 10 * time.Minute
	loadConns    = 4
	loadBatch    = 1000 // documents of 1 KB
	documentSize = 1 << 10
)

func runSync(binary string, gigabytes float64, s settings) error {
	s.members = 3
	srv, err := openServer(binary, s)
	if err != nil {
		return err
	}
	defer srv.close()
	started := time.Now()
	if err := fillForSync(srv, int64(gigabytes*float64(1<<30))); err != nil {
		return fmt.Errorf("load the documents: %w", err)
	}
	fmt.Printf("loaded %.1f GB in %.0f s\n", gigabytes, time.Since(started).Seconds())
	victim := 0
	for srv.addresses[victim] == srv.primary {
		victim++
	}
	if err := srv.stopMember(victim); err != nil {
		return err
	}
	if err := os.RemoveAll(srv.dbpath(victim)); err != nil {
		return err
	}
	w := workload{"insert w:majority", insertOne("majority"), 1}
	before, err := measure(srv, w, syncWriters, syncBefore)
	if err != nil {
		return err
	}
	fmt.Printf("%d writers, no sync:     %6.0f inserts/s, p50 %6.1f ms, p99 %6.1f ms\n", syncWriters, before.OpsPerSecond, before.P50us/1000, before.P99us/1000)

	var during figures
	var wg sync.WaitGroup
	var done atomic.Bool
	wg.Go(func() {
		during, err = measureWhile(srv, w, syncWriters, func(time.Duration) bool { return !done.Load() })
	})
	syncErr := srv.syncWithInterruption(binary, victim, s)
	done.Store(true)
	wg.Wait()
	if syncErr != nil || err != nil {
		return errors.Join(syncErr, err)
	}
	fmt.Printf("%d writers, during sync: %6.0f inserts/s, p50 %6.1f ms, p99 %6.1f ms (%.1f times)\n", syncWriters, during.OpsPerSecond, during.P50us/1000, during.P99us/1000,
		during.P99us/before.P99us)
	return nil
}

// syncWithInterruption starts a member without data, kills it in the middle, starts it again, and waits until it is a secondary.
func (srv *server) syncWithInterruption(binary string, number int, s settings) error {
	started := time.Now()
	if err := srv.restartMember(binary, number, s.cacheGB); err != nil {
		return err
	}
	half, total, err := srv.awaitSync(number, 0.5)
	if err != nil {
		return err
	}
	fmt.Printf("after %.1f s %.2f of %.2f GB were there: killed and started again\n", time.Since(started).Seconds(), half/(1<<30), total/(1<<30))
	if err := srv.stopMember(number); err != nil {
		return err
	}
	again := time.Now()
	if err := srv.restartMember(binary, number, s.cacheGB); err != nil {
		return err
	}
	if _, _, err := srv.awaitSync(number, 1); err != nil {
		return err
	}
	fmt.Printf("complete %.1f s after that, %.1f s in all\n", time.Since(again).Seconds(), time.Since(started).Seconds())
	return nil
}

// awaitSync waits until part of the data has been received; for 1, until the member is a secondary.
func (srv *server) awaitSync(number int, part float64) (received, total float64, err error) {
	for deadline := time.Now().Add(syncMax); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		status, err := once(srv.addresses[number], "admin", bson.D{{Key: "replSetGetStatus", Value: 1}})
		if err != nil {
			continue // not there yet
		}
		if state, _ := status.Lookup("myState").AsInt64OK(); state == 2 {
			if part == 1 {
				return received, total, nil
			}
			return received, total, fmt.Errorf("the sync ended before %.0f %% were seen: take more data", part*100)
		}
		got, ok := status.Lookup("initialSyncStatus", "approxTotalBytesCopied").AsInt64OK()
		if !ok {
			continue
		}
		all, _ := status.Lookup("initialSyncStatus", "approxTotalDataSize").AsInt64OK()
		if received, total = float64(got), float64(all); part < 1 && received >= part*total {
			return received, total, nil
		}
	}
	return received, total, fmt.Errorf("no sync in %v", syncMax)
}

func (srv *server) stopMember(number int) error {
	cmd := srv.processes[number]
	if err := cmd.Process.Signal(syscall.SIGKILL); err != nil {
		return err
	}
	_ = cmd.Wait()
	return nil
}

// fillForSync inserts documents of 1 KB that do not compress away.
func fillForSync(srv *server, bytes int64) error {
	var wg sync.WaitGroup
	errs := make([]error, loadConns)
	for i := range loadConns {
		wg.Go(func() {
			c, err := dial(srv.primary)
			if err != nil {
				errs[i] = err
				return
			}
			defer c.close()
			wk := newWorker(c, i)
			for range bytes / loadConns / loadBatch / documentSize {
				docs := make(bson.A, loadBatch)
				for j := range docs {
					text := make([]byte, documentSize-40)
					for k := range text {
						text[k] = byte(wk.random.Uint32())
					}
					docs[j] = bson.D{{Key: "b", Value: text}}
				}
				if _, err := c.command(database, bson.D{{Key: "insert", Value: "loaded"}, {Key: "documents", Value: docs}}); err != nil {
					errs[i] = err
					return
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
