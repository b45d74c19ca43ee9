package bench

import (
	"context"
	"time"

	"github.com/mortondb/morton/internal/document"
)

const (
	memoryCacheGB = 0.0625
	memorySettle  = 5 * time.Second  // after a start
	memoryUse     = 10 * time.Second // of reads and updates
	memoryConns   = 16
)

// measureMemory weighs members that are empty, and the same ones with documents that are in use.
func measureMemory(ctx context.Context, r *run, servers []*server) error {
	weigh := func(name string, prepare func(*server) error) error {
		var sides []float64
		for _, srv := range servers {
			if err := prepare(srv); err != nil {
				return err
			}
			u, err := usageOf(srv.pid)
			if err != nil {
				return err
			}
			sides = append(sides, float64(u.resident)/1e6)
		}
		r.read(name, "MB", sides...)
		return ctx.Err()
	}
	if err := weigh("empty member", func(*server) error { return sleep(ctx, memorySettle) }); err != nil {
		return err
	}
	return weigh("200,000 documents, read and updated", func(srv *server) error {
		if err := loadStored(srv); err != nil {
			return err
		}
		for _, op := range []operation{ask(1, findOne), ask(4, findByKey), ask(1, increment("majority", storedDocuments))} {
			if _, err := measure(ctx, srv, workload{op: op}, memoryConns, memoryUse/3); err != nil {
				return err
			}
		}
		return nil
	})
}

// sleep waits, but not when the context ends.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
	return ctx.Err()
}

// majorityWrite is one acknowledged write, within a time that allows to ask again.
func majorityWrite(address string) error {
	reply, err := once(address, database, 2*time.Second, func(b *document.Builder) {
		b.AppendString("insert", "witness")
		b.OpenArray("documents")
		appendDoc(b, "0", func(b *document.Builder) { b.AppendObjectID("_id", document.NewObjectID()) })
		b.Close()
		appendWriteConcern(b, "majority", false)
	})
	if err == nil && counted(reply) != 1 {
		err = errNotWritten
	}
	return err
}
