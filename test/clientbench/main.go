// Command clientbench compares the module's client with the official Go driver: the same operations on the same server, in slices
// that alternate between the two.
//
//	go run ./test/clientbench -binary ./morton [-slice 1s] [-rounds 5] [-only REGEXP]
//	go run ./test/clientbench -binary ./morton -failovers 20 [-against minPoolSize=0]
//
// Printed are medians of this module's client, and its ratios to the official driver's: above 1 is better in operations per second,
// below 1 in latency and in allocations per operation.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/test/process"
)

// record is what is read and written.
type record struct {
	ID    int64  `bson:"_id"`
	Name  string `bson:"name"`
	Email string `bson:"email"`
	Age   int32  `bson:"age"`
	Score float64
}

const records = 1000

// driver is one of the two clients with the operations that are measured. i is different in each call of a goroutine's.
type driver struct {
	read, insert, find, raw func(ctx context.Context, i int64) error
	close                   func()
}

func main() {
	binary := flag.String("binary", "", "the server to start: morton or mongod")
	slice := flag.Duration("slice", time.Second, "length of one slice")
	rounds := flag.Int("rounds", 5, "slices of each client per workload")
	only := flag.String("only", "", "run the workloads whose name matches this regular expression")
	times := flag.Int("failovers", 0, "kill the primary of a set of three so many times instead")
	against := flag.String("against", "", "with -failovers: options of a connection string, with which a second client of this module takes the official driver's place")
	flag.Parse()
	if *times > 0 {
		runtime.LockOSThread()
		if err := failovers(*binary, *times, *against); err != nil {
			fmt.Fprintln(os.Stderr, "clientbench:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(*binary, *slice, *rounds, regexp.MustCompile(*only)); err != nil {
		fmt.Fprintln(os.Stderr, "clientbench:", err)
		os.Exit(1)
	}
}

func run(binary string, slice time.Duration, rounds int, only *regexp.Regexp) error {
	runtime.LockOSThread() // the server dies with the thread that started it
	m, err := process.StartMember(binary)
	if err != nil {
		return err
	}
	defer m.Close()
	uri := "mongodb://" + m.Address + "/?replicaSet=rs0&w=1"
	ours, err := openOurs(uri)
	if err != nil {
		return err
	}
	defer ours.close()
	theirs, err := openTheirs(uri)
	if err != nil {
		return err
	}
	defer theirs.close()
	fmt.Printf("%d slices of %s each, medians\n\n%-28s %5s %12s %8s %18s %18s %16s\n", rounds, slice, "", "gor.", "ops/s", "ratio", "p50 us (ratio)", "p99 us (ratio)", "allocs (ratio)")
	for _, w := range []struct {
		name string
		pick func(driver) func(context.Context, int64) error
	}{
		{"point read", func(d driver) func(context.Context, int64) error { return d.read }},
		{"insert", func(d driver) func(context.Context, int64) error { return d.insert }},
		{"find of 1,000, structs", func(d driver) func(context.Context, int64) error { return d.find }},
		{"find of 1,000, raw", func(d driver) func(context.Context, int64) error { return d.raw }},
	} {
		if !only.MatchString(w.name) {
			continue
		}
		for _, goroutines := range []int{1, 64} {
			var a, b []result
			for range rounds {
				for _, side := range []struct {
					op   func(context.Context, int64) error
					list *[]result
				}{{w.pick(ours), &a}, {w.pick(theirs), &b}} {
					r, err := measure(side.op, goroutines, slice)
					if err != nil {
						return fmt.Errorf("%s: %w", w.name, err)
					}
					*side.list = append(*side.list, r)
				}
			}
			x, y := median(a), median(b)
			fmt.Printf("%-28s %5d %12.0f %8.2f %10.1f (%.2f) %10.1f (%.2f) %9.1f (%.2f)\n", w.name, goroutines,
				x.ops, x.ops/y.ops, x.p50, x.p50/y.p50, x.p99, x.p99/y.p99, x.allocs, x.allocs/y.allocs)
		}
	}
	return nil
}

// result is of one slice.
type result struct{ ops, p50, p99, allocs float64 }

func median(list []result) result {
	middle := func(f func(result) float64) float64 {
		var v []float64
		for _, r := range list {
			v = append(v, f(r))
		}
		slices.Sort(v)
		return v[len(v)/2]
	}
	return result{
		middle(func(r result) float64 { return r.ops }), middle(func(r result) float64 { return r.p50 }),
		middle(func(r result) float64 { return r.p99 }), middle(func(r result) float64 { return r.allocs }),
	}
}

var next int64 = records // of inserted documents' _ids

func measure(op func(context.Context, int64) error, goroutines int, slice time.Duration) (result, error) {
	ctx := context.Background()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	begun := time.Now()
	var work sync.WaitGroup
	var mu sync.Mutex
	var all []time.Duration
	var failure error
	first := next
	for g := range goroutines {
		work.Go(func() {
			times := make([]time.Duration, 0, 1<<16)
			for i := first + int64(g); time.Since(begun) < slice; i += int64(goroutines) {
				t := time.Now()
				if err := op(ctx, i); err != nil {
					mu.Lock()
					failure = err
					mu.Unlock()
					return
				}
				times = append(times, time.Since(t))
			}
			mu.Lock()
			all = append(all, times...)
			mu.Unlock()
		})
	}
	work.Wait()
	took := time.Since(begun)
	runtime.ReadMemStats(&after)
	if failure != nil {
		return result{}, failure
	}
	next += int64(len(all)+1) * int64(goroutines)
	slices.Sort(all)
	at := func(p float64) float64 { return float64(all[int(p*float64(len(all)-1))].Nanoseconds()) / 1000 }
	return result{float64(len(all)) / took.Seconds(), at(0.5), at(0.99), float64(after.Mallocs-before.Mallocs) / float64(len(all))}, nil
}

func make1(i int64) record {
	return record{i, "somebody", "somebody@example.org", int32(i % 100), 0.5}
}

func openOurs(uri string) (d driver, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	client, err := morton.Connect(ctx, uri)
	if err != nil {
		return d, err
	}
	db := client.Database("bench")
	c := morton.CollectionOf[record](db, "records")
	w := morton.CollectionOf[record](db, "ours")
	rawC := morton.CollectionOf[bson.Raw](db, "records")
	all := make([]record, records)
	for i := range all {
		all[i] = make1(int64(i))
	}
	if _, err := c.InsertMany(ctx, all); err != nil {
		return d, err
	}
	return driver{
		read: func(ctx context.Context, i int64) error {
			_, err := c.FindOne(ctx, bson.D{{Key: "_id", Value: i % records}})
			return err
		},
		insert: func(ctx context.Context, i int64) error {
			_, err := w.InsertOne(ctx, make1(i))
			return err
		},
		find: func(ctx context.Context, _ int64) error {
			docs, err := c.Find(ctx, nil, morton.FindOptions{BatchSize: records + 1}).Slice()
			return check(len(docs), err)
		},
		raw: func(ctx context.Context, _ int64) error {
			docs, err := rawC.Find(ctx, nil, morton.FindOptions{BatchSize: records + 1}).Slice()
			return check(len(docs), err)
		},
		close: func() { _ = client.Close(context.Background()) },
	}, nil
}

func check(n int, err error) error {
	if err == nil && n != records {
		err = fmt.Errorf("%d documents", n)
	}
	return err
}

func openTheirs(uri string) (d driver, err error) {
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		return d, err
	}
	db := client.Database("bench")
	c, w := db.Collection("records"), db.Collection("theirs")
	return driver{
		read: func(ctx context.Context, i int64) error {
			var r record
			return c.FindOne(ctx, bson.D{{Key: "_id", Value: i % records}}).Decode(&r)
		},
		insert: func(ctx context.Context, i int64) error {
			_, err := w.InsertOne(ctx, make1(i))
			return err
		},
		find: func(ctx context.Context, _ int64) error {
			cursor, err := c.Find(ctx, bson.D{}, options.Find().SetBatchSize(records+1))
			if err != nil {
				return err
			}
			var docs []record
			err = cursor.All(ctx, &docs)
			return check(len(docs), err)
		},
		raw: func(ctx context.Context, _ int64) error {
			cursor, err := c.Find(ctx, bson.D{}, options.Find().SetBatchSize(records+1))
			if err != nil {
				return err
			}
			var docs []bson.Raw
			err = cursor.All(ctx, &docs)
			return check(len(docs), err)
		},
		close: func() { _ = client.Disconnect(context.Background()) },
	}, nil
}
