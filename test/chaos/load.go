//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

const (
	database      = "chaos"
	inserters     = 3
	counters      = 3
	registerUsers = 4
	registerKeys  = 3 // at a time
	epochLength   = 10 * time.Second
	opTimeout     = 8 * time.Second
	pause         = 3 * time.Millisecond  // between a client's operations
	requestEvery  = 10 * time.Millisecond // how often the service has a request
)

// load is the clients.
type load struct {
	set     *set
	h       *history
	cancel  context.CancelFunc
	clients sync.WaitGroup
	opened  []*mongo.Client

	inserted [inserters + 1]insertedBy // the last one is the service
	counted  [counters]countedBy
}

// insertedBy is what one client inserted: documents {_id: "client-number"}.
type insertedBy struct {
	mu      sync.Mutex
	acked   []int
	unknown map[int]bool
}

// countedBy is how often one client incremented its counter.
type countedBy struct{ acked, unknown int64 }

// startLoad makes the documents that are there from the beginning, and starts the clients.
func startLoad(ctx context.Context, set *set, h *history, epochs int) (*load, error) {
	ctx, cancel := context.WithCancel(ctx)
	l := &load{set: set, h: h, cancel: cancel}
	db, err := l.connect()
	if err != nil {
		return nil, err
	}
	for i := range counters {
		if _, err := db.Collection("counters").InsertOne(ctx, bson.D{{Key: "_id", Value: i}, {Key: "n", Value: int64(0)}}); err != nil {
			return nil, err
		}
	}
	var registers []any
	for e := range epochs {
		for k := range registerKeys {
			registers = append(registers, bson.D{{Key: "_id", Value: registerName(e, k)}, {Key: "v", Value: int64(0)}})
		}
	}
	if _, err := db.Collection("registers").InsertMany(ctx, registers); err != nil {
		return nil, err
	}
	run := func(f func(ctx context.Context, db *mongo.Database, client int), client int) error {
		db, err := l.connect()
		if err == nil {
			l.clients.Go(func() { f(ctx, db, client) })
		}
		return err
	}
	for i := range l.inserted {
		l.inserted[i].unknown = map[int]bool{}
	}
	for i := range inserters {
		err = errors.Join(err, run(l.insert, i))
	}
	err = errors.Join(err, run(l.serve, inserters))
	for i := range counters {
		err = errors.Join(err, run(l.count, i))
	}
	for i := range registerUsers {
		err = errors.Join(err, run(l.useRegisters, i))
	}
	return l, err
}

func registerName(epoch, key int) string { return fmt.Sprintf("%d/%d", epoch, key) }

// connect makes a client with the driver's defaults, but for a bound on each operation.
func (l *load) connect() (*mongo.Database, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(l.set.uri()).SetTimeout(opTimeout).SetWriteConcern(writeconcern.Majority()))
	if err != nil {
		return nil, err
	}
	l.opened = append(l.opened, client)
	return client.Database(database), nil
}

// stop ends the clients once their operations have ended.
func (l *load) stop() {
	l.cancel()
	l.clients.Wait()
}

func (l *load) close() {
	for _, c := range l.opened {
		_ = c.Disconnect(context.Background())
	}
}

// each runs op with a context of its own until ctx ends, so that an operation which has begun also ends.
func each(ctx context.Context, op func(ctx context.Context)) {
	for ctx.Err() == nil {
		op(context.WithoutCancel(ctx))
		wait(ctx, pause)
	}
}

// insert inserts documents, one after the other.
func (l *load) insert(ctx context.Context, db *mongo.Database, client int) {
	n := 0
	each(ctx, func(ctx context.Context) {
		l.insertOne(ctx, db, client, n, &l.h.acked)
		n++
	})
}

// serve is a service with one client: requests come regularly, and each inserts a document, however long those before it have waited.
func (l *load) serve(ctx context.Context, db *mongo.Database, client int) {
	var requests sync.WaitGroup
	defer requests.Wait()
	tick := time.NewTicker(requestEvery)
	defer tick.Stop()
	for n := 0; ; n++ {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
		requests.Go(func() { l.insertOne(context.WithoutCancel(ctx), db, client, n, &l.h.requests) })
	}
}

// insertOne inserts a document once; s has those that were acknowledged.
func (l *load) insertOne(ctx context.Context, db *mongo.Database, client, n int, s *series) {
	mine := &l.inserted[client]
	_, err := db.Collection("inserted").InsertOne(ctx, bson.D{{Key: "_id", Value: fmt.Sprintf("%d-%d", client, n)}, {Key: "by", Value: client}, {Key: "n", Value: n}})
	mine.mu.Lock()
	defer mine.mu.Unlock()
	switch {
	case err == nil:
		mine.acked = append(mine.acked, n)
		l.h.acknowledge(s)
	case mongo.IsDuplicateKeyError(err):
		l.h.violation("insert %d-%d was sent once and is a duplicate: a retry took effect twice", client, n)
	default:
		mine.unknown[n] = true
		l.h.fail("insert", err, true)
	}
}

// count increments a counter and reads it on any member in the same causal session.
func (l *load) count(ctx context.Context, db *mongo.Database, client int) {
	mine := &l.counted[client]
	session, err := db.Client().StartSession()
	if err != nil {
		l.h.violation("no session: %v", err)
		return
	}
	defer session.EndSession(context.Background())
	write := db.Collection("counters")
	read := db.Collection("counters", options.Collection().SetReadPreference(readpref.Nearest()).SetReadConcern(readconcern.Majority()))
	byID := bson.D{{Key: "_id", Value: client}}
	increment := bson.D{{Key: "$inc", Value: bson.D{{Key: "n", Value: int64(1)}}}}
	each(ctx, func(ctx context.Context) {
		ctx = mongo.NewSessionContext(ctx, session)
		var doc struct{ N int64 }
		err := write.FindOneAndUpdate(ctx, byID, increment, options.FindOneAndUpdate().SetReturnDocument(options.After)).Decode(&doc)
		if err != nil {
			mine.unknown++
			l.h.fail("findAndModify", err, true)
			return
		}
		mine.acked++
		l.h.acknowledge(&l.h.acked)
		if doc.N < mine.acked || doc.N > mine.acked+mine.unknown {
			l.h.violation("counter %d is %d after %d acknowledged and %d unknown increments", client, doc.N, mine.acked, mine.unknown)
		}
		wrote := doc.N
		if err := read.FindOne(ctx, byID).Decode(&doc); errors.Is(err, mongo.ErrNoDocuments) {
			doc.N = -1
		} else if err != nil {
			l.h.fail("causal read", err, false)
			return
		}
		l.h.done.Add(1)
		if doc.N < wrote {
			l.h.violation("counter %d: a causal session wrote %d and read %d", client, wrote, doc.N)
		}
	})
}

// useRegisters reads linearizably, writes and compares-and-sets registers that several clients share.
func (l *load) useRegisters(ctx context.Context, db *mongo.Database, client int) {
	random := rand.New(rand.NewPCG(uint64(client), 1))
	write := db.Collection("registers")
	read := db.Collection("registers", options.Collection().SetReadConcern(readconcern.Linearizable()))
	next, seen := int64(client), map[string]int64{}
	each(ctx, func(ctx context.Context) {
		key := registerName(int(l.h.now()/epochLength), random.IntN(registerKeys))
		byID := bson.E{Key: "_id", Value: key}
		next += registerUsers // nobody else writes the same value
		set := bson.D{{Key: "$set", Value: bson.D{{Key: "v", Value: next}}}}
		op := registerOp{Client: client, Call: l.h.now(), New: next}
		var doc struct{ V int64 }
		var err error
		switch random.IntN(4) {
		case 0:
			op.Kind = "write"
			_, err = write.UpdateOne(ctx, bson.D{byID}, set)
		case 1:
			op.Kind, op.Old = "cas", seen[key]
			err = write.FindOneAndUpdate(ctx, bson.D{byID, {Key: "v", Value: op.Old}}, set).Err()
			if op.Swapped = err == nil; errors.Is(err, mongo.ErrNoDocuments) {
				err = nil
			}
		default:
			op.Kind = "read"
			if err = read.FindOne(ctx, bson.D{byID}).Decode(&doc); errors.Is(err, mongo.ErrNoDocuments) {
				doc.V = -1 // which nobody wrote
			} else if err != nil {
				l.h.fail("linearizable read", err, false)
				return // it saw nothing and did nothing
			}
			op.Old, seen[key] = doc.V, doc.V
		}
		switch op.End = l.h.now(); {
		case err != nil:
			op.End = forever
			l.h.fail(op.Kind, err, true)
		case op.Kind == "read" || op.Kind == "cas" && !op.Swapped:
			l.h.done.Add(1)
		default:
			seen[key] = next
			l.h.acknowledge(&l.h.acked)
		}
		l.h.register(key, op)
	})
}
