package morton_test

import (
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// TestTransactionIsOverWithTheNextOperation shows that what comes after a transaction in its session has it forgotten: it is not committed
// or aborted once more.
func TestTransactionIsOverWithTheNextOperation(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "")
		c := client.Database("app").Collection("c")
		s := client.Session()
		defer s.Close(t.Context())
		ctx := s.Context(t.Context())
		for name, end := range map[string]func() error{"commit": func() error { return s.Commit(ctx) }, "abort": func() error { return s.Abort(ctx) }} {
			must(t, s.Start())
			must(t, end())
			_, err := c.Count(ctx, nil)
			must(t, err)
			if err := end(); err == nil || !strings.Contains(err.Error(), "no transaction started") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestTransactionReadsFromThePrimary shows that a command's own read preference is refused in a transaction, and not ignored.
func TestTransactionReadsFromThePrimary(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "")
		s := client.Session()
		defer s.Close(t.Context())
		must(t, s.Start())
		secondary := morton.RunOptions{ReadPreference: &morton.ReadPreference{Mode: "secondary"}}
		_, err := client.Database("app").Run(s.Context(t.Context()), d("find", "c"), secondary)
		if err == nil || !strings.Contains(err.Error(), "must be primary") {
			t.Error(err)
		}
	})
}

// TestSessionRefusesUnacknowledgedWrites shows that w: 0 in a session is an error for every kind of write: nobody would hear whether the session
// has it. A transaction's write concern is its own, so that it takes the collection's for nothing.
func TestSessionRefusesUnacknowledgedWrites(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "")
		c := client.Database("app").Collection("c").With(morton.Settings{WriteConcern: &morton.WriteConcern{W: 0}})
		s := client.Session()
		defer s.Close(t.Context())
		ctx := s.Context(t.Context())
		_, insert := c.InsertOne(ctx, d("_id", 1))
		_, find := c.FindOneAndDelete(ctx, d("_id", 1))
		for name, err := range map[string]error{"insert": insert, "findAndModify": find, "drop": c.Drop(ctx)} {
			if err == nil || !strings.Contains(err.Error(), "unacknowledged writes are not possible in a session") {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}

// TestBulkWriteNamesWhatWasInserted shows that the ids of documents that were not inserted are not among the result's.
func TestBulkWriteNamesWhatWasInserted(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		client := connect(t, hosts, "")
		for name, c := range map[string]struct {
			options morton.BulkOptions
			want    map[int]any
		}{
			"ordered":   {morton.BulkOptions{}, map[int]any{0: int32(1)}},
			"unordered": {morton.BulkOptions{Unordered: true}, map[int]any{0: int32(1), 2: int32(2)}},
		} {
			insert := func(id int) morton.Write { return morton.Insert{Document: d("_id", id)} }
			result, err := client.Database("app").Collection(name).BulkWrite(t.Context(), []morton.Write{insert(1), insert(1), insert(2)}, c.options)
			var failed *morton.WriteError
			if !errors.As(err, &failed) {
				t.Fatal(err)
			}
			same(t, result.InsertedIDs, c.want)
			same(t, failed.Result.InsertedIDs, c.want)
		}
	})
}

// TestNilPipelineIsEmpty shows that a slice of stages that is nil is one without stages.
func TestNilPipelineIsEmpty(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		c := connect(t, hosts, "").Database("app").Collection("c")
		_, err := c.InsertOne(t.Context(), d("_id", 1))
		must(t, err)
		for _, none := range []any{[]bson.D(nil), bson.A(nil)} {
			docs, err := c.Aggregate(t.Context(), none).Slice()
			must(t, err)
			same(t, len(docs), 1)
		}
	})
}
