//go:build linux

package main

import (
	"context"
	"fmt"
	"time"

	"github.com/anishathalye/porcupine"
	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
)

const linearizabilityTimeout = 30 * time.Second // per register

// check compares what the clients saw with what there is.
func check(ctx context.Context, set *set, l *load, h *history) error {
	defer l.close()
	if err := set.eventually(ctx, set.healthy); err != nil {
		h.violation("at the end the set is not whole: %v", err)
		return nil
	}
	db, err := l.connect()
	if err != nil {
		return err
	}
	found := map[string]int{}
	cursor, err := db.Collection("inserted", options.Collection().SetReadConcern(readconcern.Majority())).Find(ctx, bson.D{})
	if err != nil {
		return fmt.Errorf("read what was inserted: %w", err)
	}
	for cursor.Next(ctx) {
		var doc struct {
			ID string `bson:"_id"`
		}
		if err := cursor.Decode(&doc); err != nil {
			return err
		}
		found[doc.ID]++
	}
	if err := cursor.Err(); err != nil {
		return fmt.Errorf("read what was inserted: %w", err)
	}
	for client := range l.inserted {
		mine := &l.inserted[client]
		lost := 0
		for _, n := range mine.acked {
			id := fmt.Sprintf("%d-%d", client, n)
			if found[id] != 1 {
				if lost++; lost <= 3 {
					h.violation("insert %s was acknowledged and is there %d times", id, found[id])
				}
			}
			delete(found, id)
		}
		if lost > 3 {
			h.violation("%d acknowledged inserts of client %d are lost", lost, client)
		}
		for n := range mine.unknown {
			delete(found, fmt.Sprintf("%d-%d", client, n))
		}
	}
	for id := range found {
		h.violation("insert %s is there, and nobody sent it or it was refused", id)
	}
	for client, mine := range l.counted {
		var doc struct{ N int64 }
		if err := db.Collection("counters", options.Collection().SetReadConcern(readconcern.Linearizable())).FindOne(ctx, bson.D{{Key: "_id", Value: client}}).Decode(&doc); err != nil {
			return err
		}
		if doc.N < mine.acked || doc.N > mine.acked+mine.unknown {
			h.violation("counter %d is %d at the end, after %d acknowledged and %d unknown increments", client, doc.N, mine.acked, mine.unknown)
		}
	}
	if err := set.compare(ctx); err != nil {
		h.violation("the members differ: %v", err)
	}
	h.checkRegisters()
	if h.evidence != "" {
		h.oplog = oplogOf(ctx, db.Client(), h.evidence)
	}
	return nil
}

// oplogOf returns what the primary's oplog says of a register.
func oplogOf(ctx context.Context, c *mongo.Client, key string) (list []string) {
	cursor, err := c.Database("local").Collection("oplog.rs").Find(ctx, bson.D{{Key: "ns", Value: database + ".registers"}, {Key: "o2._id", Value: key}})
	if err != nil {
		return []string{err.Error()}
	}
	for cursor.Next(ctx) {
		list = append(list, cursor.Current.String())
	}
	return list
}

// registerInput is what porcupine's model is given: an operation's kind and arguments.
type registerInput struct {
	kind     string
	old, new int64
}

// registerOutput is what it answered; unknown if nobody knows.
type registerOutput struct {
	value   int64
	swapped bool
	unknown bool
}

// registerModel is a register that holds a number, 0 at first.
var registerModel = porcupine.Model{
	Init: func() any { return int64(0) },
	Step: func(state, input, output any) (bool, any) {
		v, in, out := state.(int64), input.(registerInput), output.(registerOutput)
		switch {
		case in.kind == "read":
			return out.value == v, v
		case in.kind == "write":
			return true, in.new
		case v == in.old:
			return out.unknown || out.swapped, in.new
		}
		return out.unknown || !out.swapped, v
	},
	DescribeOperation: func(input, output any) string {
		in, out := input.(registerInput), output.(registerOutput)
		switch {
		case in.kind == "read":
			return fmt.Sprintf("read %d", out.value)
		case in.kind == "write":
			return fmt.Sprintf("write %d", in.new)
		}
		return fmt.Sprintf("cas %d to %d: %v", in.old, in.new, out.swapped)
	},
}

// checkRegisters asks of every register whether there is an order in which its operations make sense.
func (h *history) checkRegisters() {
	undecided := 0
	for key, ops := range h.registers {
		list := make([]porcupine.Operation, len(ops))
		for i, op := range ops {
			list[i] = porcupine.Operation{ClientId: op.Client, Call: int64(op.Call), Return: int64(op.End), Input: registerInput{op.Kind, op.Old, op.New},
				Output: registerOutput{op.Old, op.Swapped, op.End == forever}}
		}
		switch porcupine.CheckOperationsTimeout(registerModel, list, linearizabilityTimeout) {
		case porcupine.Illegal:
			h.violation("register %s is not linearizable: see history.json", key)
		case porcupine.Unknown:
			undecided++
		}
	}
	if undecided > 0 {
		fmt.Printf("of %d of %d registers it could not be decided in %v whether they are linearizable\n", undecided, len(h.registers), linearizabilityTimeout)
	}
}
