package morton

import (
	"context"
	"net"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// clientOf returns a client of a standalone that answers everything but hello with answer, over connections in memory.
func clientOf(t *testing.T, answer document.Doc) *Client {
	t.Helper()
	hello, err := document.FromJSON(`{"isWritablePrimary": true, "maxBsonObjectSize": 16777216, "maxMessageSizeBytes": 48000000, "maxWriteBatchSize": 100000, "minWireVersion": 0, "maxWireVersion": 17, "ok": 1}`)
	if err != nil {
		t.Fatal(err)
	}
	serve := func(nc net.Conn) {
		defer nc.Close()
		for r := wire.NewReader(nc); ; {
			message, err := r.Next()
			if err != nil {
				return
			}
			h := wire.ParseHeader(message)
			var m wire.Msg
			reply := wire.Msg{Body: answer}
			if h.OpCode == wire.OpMsg && m.Parse(message) == nil && m.Body.First().Key == "hello" {
				reply.Body = hello
			}
			out := reply.Append(nil, 1, h.RequestID)
			if h.OpCode == wire.OpQuery {
				out = (&wire.Reply{Docs: []document.Doc{hello}}).Append(nil, 1, h.RequestID)
			}
			if _, err := nc.Write(out); err != nil {
				return
			}
		}
	}
	client, err := New(&Config{Hosts: []string{"db1"}, Dial: func(context.Context, string, string) (net.Conn, error) {
		near, far := net.Pipe()
		go serve(far)
		return near, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close(context.Background()) })
	return client
}

// TestStrangeAnswers has every operation answered with what no server should say: none ends the program, and what is told of nothing is an error.
func TestStrangeAnswers(t *testing.T) {
	of := func(_ any, err error) error { return err }
	for _, answer := range []string{
		`{"ok": 1}`, `{"ok": 0}`, `{"ok": 0, "code": "x", "errmsg": 1, "codeName": 2, "errorLabels": 5}`, `{"ok": 1, "writeConcernError": 5}`, `{"ok": 1, "cursor": 5}`,
		`{"ok": 1, "cursor": {"id": "x", "ns": 1, "firstBatch": 5}}`, `{"ok": 1, "cursor": {"id": 0, "ns": "app.c", "firstBatch": [5]}}`,
		`{"ok": 1, "cursor": {"id": 0, "ns": "app.c", "firstBatch": [{"n": "x", "name": 5, "_id": 5}]}}`, `{"ok": 1, "value": 5, "values": 5, "databases": [5, {"name": 5}, {}]}`,
		`{"ok": 1, "n": "x", "nModified": {}, "upserted": [5, {"index": -1, "_id": 1}, {"index": 7, "_id": 1}]}`,
		`{"ok": 1, "n": 1, "writeErrors": [5, {"index": -1, "code": "x", "errmsg": 5, "errInfo": 5}, {"index": 7}]}`, `{"ok": 1, "$clusterTime": 5, "operationTime": 5, "recoveryToken": 5}`,
	} {
		t.Run(answer, func(t *testing.T) {
			body, err := document.FromJSON(answer)
			if err != nil {
				t.Fatal(err)
			}
			client := clientOf(t, body)
			db, ctx := client.Database("app"), t.Context()
			c := db.Collection("c")
			set := bson.D{{Key: "$set", Value: bson.D{{Key: "a", Value: 1}}}}
			for name, err := range map[string]error{
				"Find": of(c.Find(ctx, nil).Slice()), "FindOne": of(c.FindOne(ctx, nil)), "Count": of(c.Count(ctx, nil)), "EstimatedCount": of(c.EstimatedCount(ctx)),
				"Distinct": of(c.Distinct(ctx, "a", nil)), "Aggregate": of(c.Aggregate(ctx, nil).Slice()), "FindOneAndUpdate": of(c.FindOneAndUpdate(ctx, nil, set)),
				"DatabaseNames": of(client.DatabaseNames(ctx, nil)), "CollectionNames": of(db.CollectionNames(ctx, nil)), "Indexes": of(c.Indexes(ctx).Slice()),
				"Watch": c.Watch(ctx, nil).Err(),
			} {
				if err == nil && (answer == `{"ok": 1}` || name == "Count" || name == "EstimatedCount" && body.Lookup("n").Type != document.TypeInt32) {
					t.Errorf("%s is told nothing, and has no error", name)
				}
			}
			_, _ = c.InsertOne(ctx, bson.D{})
			_, _ = c.UpdateMany(ctx, nil, set)
			_, _ = c.DeleteOne(ctx, nil)
			_, _ = db.Run(ctx, bson.D{{Key: "ping", Value: 1}})
			_ = c.Drop(ctx)
			_ = client.Transaction(ctx, func(ctx context.Context) error { return of(c.InsertOne(ctx, bson.D{})) })
		})
	}
}
