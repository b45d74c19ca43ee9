package bench

import (
	"context"
	"fmt"
	"math/rand/v2"

	"github.com/mortondb/morton/internal/document"
)

const (
	growthBegin = 10_000
	growthConns = 16
)

// measureGrowth measures a point read and an insert while the collection grows tenfold again and again.
func measureGrowth(ctx context.Context, r *run, servers []*server) error {
	reads := Series{Group: r.group.name, Name: "point read by _id, 16 connections", X: "documents", Y: "us of the server's processors for each", Log: true, Sides: make([][]Point, len(servers))}
	inserts := reads
	inserts.Name, inserts.Sides = "insert w:1, 16 connections", make([][]Point, len(servers))
	r.printHead()
	loaded := 0
	for size := growthBegin; size <= r.Growth; size *= 10 {
		for _, srv := range servers {
			if err := loadMore(srv, "grown", loaded, size, batchDocuments, appendGrown); err != nil {
				return err
			}
		}
		for _, m := range []struct {
			w      workload
			series *Series
		}{
			{workload{name: fmt.Sprintf("point read of %d", size), op: ask(1, findGrown(size))}, &reads},
			{workload{name: fmt.Sprintf("insert into %d", size), op: ask(1, insertInto("grown", "1", false))}, &inserts},
		} {
			result, err := r.alternate(ctx, servers, m.w, growthConns)
			if err != nil {
				return err
			}
			r.report.Results = append(r.report.Results, result)
			result.print(r.Out)
			for i, side := range result.Sides {
				m.series.Sides[i] = append(m.series.Sides[i], Point{float64(size), side.CPUus})
			}
		}
		loaded = size
	}
	r.report.Series = append(r.report.Series, reads, inserts)
	return nil
}

func appendGrown(n int, b *document.Builder, _ *rand.Rand) {
	b.AppendInt32("_id", int32(n))
	appendOrdinary(b, n)
}

func findGrown(size int) func(*message, *rand.Rand) {
	return func(m *message, r *rand.Rand) {
		m.body(func(b *document.Builder) {
			b.AppendString("find", "grown")
			appendDoc(b, "filter", func(b *document.Builder) { b.AppendInt32("_id", r.Int32N(int32(size))) })
			b.AppendInt32("limit", 1)
			b.AppendBool("singleBatch", true)
		})
	}
}
