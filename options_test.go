package morton_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// TestOptionsThatDoNotApplyAreRefused: they would be passed over, and the program would not know.
func TestOptionsThatDoNotApplyAreRefused(t *testing.T) {
	client, err := morton.New(&morton.Config{Hosts: []string{"localhost:1"}})
	must(t, err)
	defer client.Close(t.Context())
	db := client.Database("app")
	c := db.Collection("c")
	ctx := t.Context()
	of := func(_ any, err error) error { return err }
	no, long, part := -time.Second, 3*time.Second, 1500*time.Millisecond
	yes := true
	set := bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}
	inSession := func(o morton.SessionOptions) context.Context {
		s := client.Session(o)
		t.Cleanup(func() { s.Close(context.Background()) })
		return s.Context(ctx)
	}
	for name, err := range map[string]error{
		"EstimatedCount counts the whole collection: Skip":   of(c.EstimatedCount(ctx, morton.CountOptions{Skip: 1})),
		"EstimatedCount counts the whole collection: Skip,":  of(c.EstimatedCount(ctx, morton.CountOptions{Hint: "x"})),
		"a replacement takes no ArrayFilters":                of(c.ReplaceOne(ctx, bson.D{}, bson.D{}, morton.UpdateOptions{ArrayFilters: bson.A{}})),
		"Run has no cursor: BatchSize":                       of(db.Run(ctx, d("ping", 1), morton.RunOptions{BatchSize: 2})),
		"Run has no cursor: BatchSize,":                      of(db.Run(ctx, d("ping", 1), morton.RunOptions{Comment: "x"})),
		"FindOne finds one document: Limit":                  of(c.FindOne(ctx, bson.D{}, morton.FindOptions{Limit: 2})),
		"FindOne finds one document: Limit,":                 of(c.FindOne(ctx, bson.D{}, morton.FindOptions{Tailable: true})),
		"Await is for cursors that are Tailable":             of(c.Find(ctx, nil, morton.FindOptions{Await: true}).Slice()),
		"and MaxAwait for those that Await":                  of(c.Find(ctx, nil, morton.FindOptions{Tailable: true, MaxAwait: time.Second}).Slice()),
		"BatchSize -1":                                       of(db.RunCursor(ctx, d("find", "c"), morton.RunOptions{BatchSize: -1}).Slice()),
		"MaxAwait -1s":                                       of(db.RunCursor(ctx, d("find", "c"), morton.RunOptions{MaxAwait: no}).Slice()),
		"MaxAwait 3s: use less than the 3s":                  of(db.With(morton.Settings{Timeout: &long}).RunCursor(ctx, d("find", "c"), morton.RunOptions{MaxAwait: long}).Slice()),
		"MaxAwait is for pipelines that begin":               of(c.Aggregate(ctx, bson.A{bson.D{{Key: "$match", Value: bson.D{}}}}, morton.AggregateOptions{MaxAwait: time.Second}).Slice()),
		"MaxAwait is for pipelines":                          of(c.Aggregate(ctx, nil, morton.AggregateOptions{MaxAwait: time.Second}).Slice()),
		"MaxTime -1s":                                        of(c.Distinct(ctx, "x", nil, morton.DistinctOptions{MaxTime: no})),
		"Timeout -1s":                                        of(c.With(morton.Settings{Timeout: &no}).Count(ctx, nil)),
		"MaxStaleness -1s":                                   of(c.With(morton.Settings{ReadPreference: &morton.ReadPreference{Mode: "nearest", MaxStaleness: no}}).Count(ctx, nil)),
		"write concern timeout -1s":                          of(c.With(morton.Settings{WriteConcern: &morton.WriteConcern{Timeout: no}}).DeleteOne(ctx, nil)),
		"w: 4294967297 is no number":                         of(c.With(morton.Settings{WriteConcern: &morton.WriteConcern{W: 1<<32 + 1}}).DeleteOne(ctx, nil)),
		"a session is of CausalConsistency or of a Snapshot": of(c.Count(inSession(morton.SessionOptions{Snapshot: true, CausalConsistency: &yes}), nil)),
		"ExpireAfter 1.5s":                                   of(c.CreateIndex(ctx, d("a", 1), morton.IndexOptions{ExpireAfter: &part})),
		"ExpireAfter -1s":                                    of(c.CreateIndex(ctx, d("a", 1), morton.IndexOptions{ExpireAfter: &no})),
		"a replacement takes no ArrayFilters: ":              of(c.FindOneAndReplace(ctx, nil, bson.D{}, morton.FindAndModifyOptions{ArrayFilters: bson.A{}})),
		"FindOneAndDelete changes nothing: ReturnNew":        of(c.FindOneAndDelete(ctx, nil, morton.FindAndModifyOptions{ReturnNew: true})),
		"FindOneAndDelete changes nothing: ReturnNew,":       of(c.FindOneAndDelete(ctx, nil, morton.FindAndModifyOptions{BypassDocumentValidation: true})),
		"Sort says which of several documents":               of(c.UpdateMany(ctx, nil, set, morton.UpdateOptions{Sort: d("a", 1)})),
		"Let is for updates, replacements and deletions":     of(c.BulkWrite(ctx, []morton.Write{morton.Insert{Document: d("a", 1)}}, morton.BulkOptions{Let: d("x", 1)})),
		"BypassDocumentValidation is for insertions":         of(c.BulkWrite(ctx, []morton.Write{morton.Delete{}}, morton.BulkOptions{BypassDocumentValidation: true})),
		"the order of an index's keys matters":               of(c.CreateIndex(ctx, bson.M{"a": 1, "b": 1})),
		"the order of an index's keys matters, and":          of(c.Count(ctx, nil, morton.CountOptions{Hint: bson.M{"a": 1, "b": 1}})),
		"the order of an index's keys matters, and a bson.M": of(c.DeleteOne(ctx, nil, morton.DeleteOptions{Hint: bson.M{"a": 1, "b": 1}})),
		"the order of an index's keys matters, ":             of(c.Find(ctx, nil, morton.FindOptions{Hint: "x", Min: bson.M{"a": 1, "b": 1}}).Slice()),
		"the order of a sort's fields matters":               of(c.Find(ctx, nil, morton.FindOptions{Sort: map[string]int{"a": 1, "b": 1}}).Slice()),
		"the order of a sort's fields matters, and":          of(c.FindOneAndUpdate(ctx, nil, set, morton.FindAndModifyOptions{Sort: bson.M{"a": 1, "b": 1}})),
		"the order of a sort's fields matters, ":             of(c.UpdateOne(ctx, nil, set, morton.UpdateOptions{Sort: bson.M{"a": 1, "b": 1}})),
		"the order of a command's fields matters":            of(db.Run(ctx, bson.M{"find": "c", "limit": 1})),
		"a string is no document":                            of(c.Find(ctx, "x").Slice()),
		"a []int is no document":                             of(c.CreateIndex(ctx, []int{1})),
		"write 1 is a *morton.Insert":                        of(c.BulkWrite(ctx, []morton.Write{morton.Insert{}, &morton.Insert{}})),
		"write 0 is a <nil>":                                 of(c.BulkWrite(ctx, []morton.Write{nil})),
		"the command is empty":                               of(db.Run(ctx, bson.D{})),
	} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSessionsRefuseWhatTheyCannot: writes that nobody answers, and transactions once they are closed, when their number at the server is somebody else's.
func TestSessionsRefuseWhatTheyCannot(t *testing.T) {
	client, err := morton.New(&morton.Config{Hosts: []string{"localhost:1"}})
	must(t, err)
	defer client.Close(t.Context())
	c := client.Database("app").Collection("c").With(morton.Settings{WriteConcern: &morton.WriteConcern{W: 0}})
	s := client.Session()
	ctx := s.Context(t.Context())
	_, insert := c.InsertOne(ctx, d("a", 1))
	_, change := c.FindOneAndDelete(ctx, nil)
	for _, err := range []error{insert, change, c.Drop(ctx)} {
		if err == nil || !strings.Contains(err.Error(), "unacknowledged writes are not possible in a session") {
			t.Errorf("w: 0 in a session: %v", err)
		}
	}
	s.Close(t.Context())
	if err := s.Start(); !errors.Is(err, morton.ErrClosed) {
		t.Errorf("a transaction in a session that was closed: %v", err)
	}
}

// TestSettingsThatAreWrongStayWrong: what is derived from them with others that are right does not hide it.
func TestSettingsThatAreWrongStayWrong(t *testing.T) {
	client, err := morton.New(&morton.Config{Hosts: []string{"localhost:1"}})
	must(t, err)
	defer client.Close(t.Context())
	wrong := client.Database("app").With(morton.Settings{ReadPreference: &morton.ReadPreference{Mode: "close by"}})
	right := wrong.With(morton.Settings{ReadPreference: &morton.ReadPreference{Mode: "nearest"}, WriteConcern: &morton.WriteConcern{W: 1}})
	if _, err := right.Collection("c").FindOne(t.Context(), bson.D{}); err == nil || !strings.Contains(err.Error(), "close by") {
		t.Errorf("%v", err)
	}
}

// TestKeptConnections: what the Config says holds, and ParseConfig says one unless the connection string says something.
func TestKeptConnections(t *testing.T) {
	for uri, want := range map[string]int{"localhost": 1, "mongodb://localhost/?minPoolSize=0": 0, "mongodb://localhost/?minPoolSize=3&maxPoolSize=3": 3} {
		c, err := morton.ParseConfig(uri)
		must(t, err)
		if c.MinPoolSize != want {
			t.Errorf("%s: %d", uri, c.MinPoolSize)
		}
	}
}
