//go:build unix

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

const (
	database  = "failovers"
	opTimeout = 40 * time.Second
	pauseMax  = 600 * time.Millisecond // between a goroutine's operations
)

// workers are goroutines that use one client, each with documents of its own.
type workers struct {
	client *morton.Client
	all    []*worker
	cancel context.CancelFunc
	work   sync.WaitGroup

	done, undone, unknown atomic.Int64

	mu   sync.Mutex
	list []string // what was wrong
}

// worker is one of them.
type worker struct {
	*workers
	id     int
	random *rand.Rand
	loop   atomic.Int64 // how many operations have ended

	inserts map[int]outcome // of documents {_id: "id-number"}
	count   tally           // of its counter
}

// outcome is what the client said of a write.
type outcome uint8

const (
	done    outcome = iota + 1 // it succeeded
	undone                     // it took no effect
	unknown                    // it may have taken effect
)

// tally is how often a counter was incremented.
type tally struct{ done, unknown int64 }

func (t *tally) add(o outcome) {
	switch o {
	case done:
		t.done++
	case unknown:
		t.unknown++
	}
}

// allows reports whether a counter can have the value.
func (t *tally) allows(n int64) bool { return n >= t.done && n <= t.done+t.unknown }

func startWorkers(client *morton.Client, n int, seed uint64) *workers {
	ctx, cancel := context.WithCancel(context.Background())
	w := &workers{client: client, cancel: cancel}
	kinds := []func(*worker, context.Context){(*worker).insert, (*worker).increment, (*worker).findAndModify, (*worker).bulk, (*worker).readOwnWrites}
	for id := range n {
		x := &worker{workers: w, id: id, random: rand.New(rand.NewPCG(seed, uint64(id))), inserts: map[int]outcome{}}
		w.all = append(w.all, x)
		w.work.Go(func() { x.run(ctx, kinds[id%len(kinds)]) })
	}
	return w
}

// stop ends the workers when their operations have ended.
func (w *workers) stop() {
	w.cancel()
	w.work.Wait()
}

func (w *workers) wrong(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, fmt.Sprintf(format, args...))
}

func (w *workers) summary() string {
	return fmt.Sprintf("%d operations succeeded, %d took no effect, %d may have", w.done.Load(), w.undone.Load(), w.unknown.Load())
}

// allWork waits until each worker has ended another operation.
func (w *workers) allWork(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, failTimeout)
	defer cancel()
	var before []int64
	for _, x := range w.all {
		before = append(before, x.loop.Load())
	}
	for i, x := range w.all {
		for x.loop.Load() < before[i]+2 { // one may have been on its way
			if ctx.Err() != nil {
				return fmt.Errorf("worker %d does nothing any more", i)
			}
			wait(ctx, 10*time.Millisecond)
		}
	}
	return nil
}

func (x *worker) run(ctx context.Context, op func(*worker, context.Context)) {
	for ctx.Err() == nil {
		inside, cancel := context.WithTimeout(context.WithoutCancel(ctx), opTimeout)
		op(x, inside)
		cancel()
		x.loop.Add(1)
		wait(ctx, time.Duration(x.random.Int64N(int64(pauseMax))))
	}
}

// outcome says what an error means, and counts it.
func (x *worker) outcome(what string, err error) outcome {
	var lost *morton.AutoReconnect
	var selection *morton.SelectionError
	switch {
	case err == nil:
		x.done.Add(1)
		return done
	case errors.As(err, &lost) && (!lost.Sent || lost.SafeToRetry), errors.As(err, &selection):
		x.undone.Add(1)
		fmt.Printf("     %s: %v\n", what, err)
		return undone
	case errors.As(err, &lost), morton.IsTimeout(err):
	default:
		x.wrong("worker %d, %s: an error of no kind that a failover gives: %v", x.id, what, err)
	}
	x.unknown.Add(1)
	fmt.Printf("     %s: %v\n", what, err)
	return unknown
}

func (x *worker) documents() *morton.Collection[bson.D] {
	return x.client.Database(database).Collection("documents")
}

// counter is a worker's counter.
type counter struct {
	ID int   `bson:"_id"`
	N  int64 `bson:"n"`
}

func (x *worker) counters() *morton.Collection[counter] {
	return morton.CollectionOf[counter](x.client.Database(database), "counters")
}

func (x *worker) name(n int) string { return fmt.Sprintf("%d-%d", x.id, n) }

var increment = bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}

func (x *worker) insert(ctx context.Context) {
	n := len(x.inserts)
	_, err := x.documents().InsertOne(ctx, bson.D{{Key: "_id", Value: x.name(n)}})
	if morton.IsDuplicateKey(err) {
		x.wrong("insert %s is a duplicate: a repetition took effect twice", x.name(n))
	}
	x.inserts[n] = x.outcome("insert", err)
}

func (x *worker) increment(ctx context.Context) {
	r, err := x.counters().UpdateOne(ctx, bson.D{{Key: "_id", Value: x.id}}, increment, morton.UpdateOptions{Upsert: true})
	if err == nil && r.Matched+r.Upserted != 1 {
		x.wrong("worker %d: an update with upsert matched %d and inserted %d", x.id, r.Matched, r.Upserted)
	}
	if err == nil && r.Upserted == 1 && x.count.done > 0 {
		x.wrong("worker %d: its counter was inserted again", x.id)
	}
	x.count.add(x.outcome("update", err))
}

func (x *worker) findAndModify(ctx context.Context) {
	c, err := x.counters().FindOneAndUpdate(ctx, bson.D{{Key: "_id", Value: x.id}}, increment, morton.FindAndModifyOptions{Upsert: true, ReturnNew: true})
	x.count.add(x.outcome("findAndModify", err))
	if err == nil && !x.count.allows(c.N) {
		x.wrong("worker %d: findAndModify answers %d after %d acknowledged and %d unknown", x.id, c.N, x.count.done, x.count.unknown)
	}
}

// bulk inserts two documents, deletes one of them and increments its counter, in order.
func (x *worker) bulk(ctx context.Context) {
	n := len(x.inserts)
	r, err := x.documents().BulkWrite(ctx, []morton.Write{
		morton.Insert{Document: bson.D{{Key: "_id", Value: x.name(n)}}},
		morton.Insert{Document: bson.D{{Key: "_id", Value: x.name(n + 1)}}},
		morton.Delete{Filter: bson.D{{Key: "_id", Value: x.name(n + 1)}}},
		morton.Update{Filter: bson.D{{Key: "_id", Value: fmt.Sprint("counter-", x.id)}}, Update: increment, Upsert: true},
	})
	o := x.outcome("bulk write", err)
	if err == nil && (r.Inserted != 2 || r.Deleted != 1 || r.Matched+r.Upserted != 1) {
		x.wrong("worker %d: a bulk write of 2 inserts, 1 deletion and 1 update answers %+v", x.id, r)
	}
	second := undone // it was deleted
	if o != done {
		o, second = unknown, unknown // some of the commands may have been done
	}
	x.inserts[n], x.inserts[n+1] = o, second
	x.count.add(o)
}

// readOwnWrites increments its counter and reads it on any member, in one session.
func (x *worker) readOwnWrites(ctx context.Context) {
	s := x.client.Session()
	defer s.Close(context.WithoutCancel(ctx))
	ctx = s.Context(ctx)
	_, err := x.counters().UpdateOne(ctx, bson.D{{Key: "_id", Value: x.id}}, increment, morton.UpdateOptions{Upsert: true})
	x.count.add(x.outcome("update in a session", err))
	if err != nil {
		return
	}
	nearest := x.counters().With(morton.Settings{ReadPreference: &morton.ReadPreference{Mode: "nearest"}, ReadConcern: "majority"})
	c, err := nearest.FindOne(ctx, bson.D{{Key: "_id", Value: x.id}})
	if errors.Is(err, morton.ErrNotFound) {
		x.wrong("worker %d: a session does not find what it wrote", x.id)
		return
	}
	if x.outcome("read in a session", err) == done && !x.count.allows(c.N) {
		x.wrong("worker %d: a session reads %d after %d acknowledged and %d unknown", x.id, c.N, x.count.done, x.count.unknown)
	}
}

// check compares what is there with what the workers were told.
func check(ctx context.Context, client *morton.Client, w *workers) error {
	db := client.Database(database).With(morton.Settings{ReadConcern: "majority"})
	there := map[string]bool{}
	for doc, err := range morton.CollectionOf[struct {
		ID string `bson:"_id"`
	}](db, "documents").Find(ctx, bson.D{{Key: "n", Value: bson.D{{Key: "$exists", Value: false}}}}).All() {
		if err != nil {
			return err
		}
		there[doc.ID] = true
	}
	values := map[string]int64{}
	for _, c := range []struct {
		from   *morton.Collection[bson.D]
		filter any
	}{{db.Collection("counters"), nil}, {db.Collection("documents"), bson.D{{Key: "n", Value: bson.D{{Key: "$exists", Value: true}}}}}} {
		for doc, err := range c.from.Find(ctx, c.filter).All() {
			if err != nil {
				return err
			}
			n, _ := doc[1].Value.(int64)
			values[fmt.Sprint(doc[0].Value)] = n
		}
	}
	for _, x := range w.all {
		for n, o := range x.inserts {
			switch id := x.name(n); {
			case o == done && !there[id]:
				x.wrong("insert %s was acknowledged and is not there", id)
			case o == undone && there[id]:
				x.wrong("insert %s was said not to have taken effect and is there", id)
			}
			delete(there, x.name(n))
		}
		n := values[fmt.Sprint(x.id)] + values[fmt.Sprint("counter-", x.id)]
		if !x.count.allows(n) {
			x.wrong("counter %d is %d after %d acknowledged and %d unknown increments", x.id, n, x.count.done, x.count.unknown)
		}
	}
	for id := range there {
		w.wrong("document %s is there, and nobody inserted it", id)
	}
	slices.Sort(w.list)
	return nil
}
