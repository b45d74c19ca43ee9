package morton

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/sdam"
)

// kept is a value that takes the bytes it is given, as a program's own type may.
type kept struct{ Bytes []byte }

func (k *kept) UnmarshalBSONValue(_ byte, data []byte) error {
	k.Bytes = data
	return nil
}

// keptDocument is a document that does.
type keptDocument struct{ Bytes []byte }

func (k *keptDocument) UnmarshalBSON(data []byte) error {
	k.Bytes = data
	return nil
}

// TestWhatIsDecodedKeepsNoReply: a reply's memory is used again, so nothing that was decoded from it may be part of it.
func TestWhatIsDecodedKeepsNoReply(t *testing.T) {
	type all struct {
		Text      string
		Symbol    bson.Symbol
		Code      bson.JavaScript
		Scope     bson.CodeWithScope
		Bytes     []byte
		Array     [3]byte
		Binary    bson.Binary
		Regex     bson.Regex
		Pointer   bson.DBPointer
		Nested    bson.Raw
		Value     bson.RawValue
		ID        bson.ObjectID
		Decimal   bson.Decimal128
		Any       any
		AnyDoc    any
		AnyBytes  any
		Map       map[string]any
		Raws      map[string]bson.Raw
		M         bson.M
		D         bson.D
		A         bson.A
		Strings   []string
		Documents []bson.Raw
		Values    []bson.RawValue
		Kept      kept
		Doc       keptDocument
		Inline    struct{ Text []byte }
		Optional  *bson.Raw
	}
	binary := bson.Binary{Subtype: 5, Data: []byte("binary")}
	doc := bson.D{{Key: "some key", Value: "some text"}, {Key: "b", Value: binary}, {Key: "d", Value: bson.D{{Key: "x", Value: bson.A{"y", binary}}}}}
	array := bson.A{"first", doc}
	encoded, err := bson.Marshal(bson.D{
		{Key: "text", Value: "some text"}, {Key: "symbol", Value: bson.Symbol("symbol")}, {Key: "code", Value: bson.JavaScript("code()")},
		{Key: "scope", Value: bson.CodeWithScope{Code: "code()", Scope: doc}}, {Key: "bytes", Value: []byte("bytes")}, {Key: "array", Value: []byte("abc")}, {Key: "binary", Value: binary},
		{Key: "regex", Value: bson.Regex{Pattern: "pattern", Options: "im"}}, {Key: "pointer", Value: bson.DBPointer{DB: "db.c", Pointer: bson.NewObjectID()}},
		{Key: "nested", Value: doc}, {Key: "value", Value: doc}, {Key: "id", Value: bson.NewObjectID()},
		{Key: "decimal", Value: bson.NewDecimal128(1, 2)}, {Key: "any", Value: "some text"}, {Key: "anydoc", Value: doc}, {Key: "anybytes", Value: binary}, {Key: "map", Value: doc},
		{Key: "raws", Value: bson.D{{Key: "a", Value: doc}}}, {Key: "m", Value: doc}, {Key: "d", Value: doc}, {Key: "a", Value: array}, {Key: "strings", Value: bson.A{"one", "two"}},
		{Key: "documents", Value: bson.A{doc, doc}}, {Key: "values", Value: array}, {Key: "kept", Value: "some text"}, {Key: "doc", Value: doc},
		{Key: "inline", Value: bson.D{{Key: "text", Value: []byte("bytes")}}}, {Key: "optional", Value: doc},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]codec{"without a registry": {}, "with one": {registry: bson.NewRegistry()}} {
		for _, into := range []func() any{
			func() any { return new(all) }, func() any { return new(bson.M) }, func() any { return new(bson.D) }, func() any { return new(bson.Raw) }, func() any { return new(any) },
			func() any { return new(map[string]any) }, func() any { return new(map[string]bson.RawValue) }, func() any { return new(keptDocument) },
		} {
			want, got := into(), into()
			if err := c.decode(document.Doc(encoded), want); err != nil {
				t.Errorf("%s, %T: %v", name, want, err)
				continue
			}
			reply := append([]byte(nil), encoded...)
			if err := c.decode(document.Doc(reply), got); err != nil {
				t.Fatal(err)
			}
			for i := range reply {
				reply[i] = 0xdb
			}
			if reflect.ValueOf(got).Elem().IsZero() {
				t.Errorf("%s, %T: nothing was decoded", name, got)
			}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) }), cmp.AllowUnexported(bson.Decimal128{})); diff != "" {
				t.Errorf("%s: a %T changed with the reply (-want +got)\n%s", name, got, diff)
			}
		}
	}
}

// TestWhatWouldSpoilAMessageIsRefused: keys and values whose bytes a server would read as something else than they are.
func TestWhatWouldSpoilAMessageIsRefused(t *testing.T) {
	for want, v := range map[string]any{
		"zero byte":                     bson.D{{Key: "name\x00", Value: 1}},
		"zero byte, which":              bson.D{{Key: "$or", Value: bson.A{bson.D{{Key: "name\x00", Value: 1}}}}},
		"null bytes":                    bson.M{"name\x00": 1},
		"it has no type":                bson.D{{Key: "x", Value: bson.Raw(document.Empty).Lookup("missing")}},
		"bson.Raw: BSON size is larger": bson.Raw{9, 0, 0, 0, 2, 0, 0, 0, 0},
	} {
		for name, c := range map[string]codec{"without a registry": {}, "with one": {registry: bson.NewRegistry()}} {
			b := document.NewBuilder(nil)
			if err := c.appendDocument(&b, "filter", v); err == nil || c.registry == nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v gives the error %v, not %q", name, v, err, want)
			}
		}
	}
	b := document.NewBuilder(nil)
	err := codec{}.appendValue(&b, "x", bson.RawValue{Type: bson.TypeString, Value: []byte{50, 0, 0, 0, 'a', 0}})
	if err == nil || !strings.Contains(err.Error(), "bson.RawValue: BSON size is larger") {
		t.Errorf("a value that ends before its length: %v", err)
	}
}

// TestWhatIsToldOfAReplyKeepsNoReply: errors, their labels and details, events, tokens and the ids of what was inserted outlive the reply's memory, too.
func TestWhatIsToldOfAReplyKeepsNoReply(t *testing.T) {
	reply, err := document.FromJSON(`{
		"ok": 0, "code": 112, "codeName": "WriteConflict", "errmsg": "conflict", "errorLabels": ["TransientTransactionError", "other"],
		"writeConcernError": {"code": 64, "codeName": "WriteConcernTimeout", "errmsg": "too late", "errInfo": {"writeConcern": {"w": "majority"}}, "errorLabels": ["one"]},
		"n": 1, "upserted": [{"index": 0, "_id": {"a": "an id"}}],
		"writeErrors": [{"index": 0, "code": 121, "errmsg": "not valid", "errInfo": {"details": {"reason": "no name"}}}],
		"cursor": {"id": 7, "ns": "app.c", "firstBatch": [], "postBatchResumeToken": {"_data": "82"}},
		"_id": {"_data": "83"}, "operationType": "update", "ns": {"db": "app", "coll": "c"}, "documentKey": {"_id": "x"}, "fullDocument": {"_id": "x", "name": "Ada"},
		"updateDescription": {"updatedFields": {"name": "Ada"}, "removedFields": ["age"], "truncatedArrays": [{"field": "tags", "newSize": 2}]},
		"recoveryToken": {"shard": "one"}, "$clusterTime": {"clusterTime": {"$timestamp": {"t": 5, "i": 1}}, "signature": {"keyId": 1}}}`)
	if err != nil {
		t.Fatal(err)
	}
	told := func(reply document.Doc) []any {
		client := &Client{topology: new(topology)}
		client.topology.view.Store(&view{Topology: new(sdam.Topology)})
		r := &request{client: client, name: "update", desc: &sdam.Server{}, target: &server{address: "db1"}, inTxn: true, session: &Session{client: client}}
		r.reply.Body = reply
		r.look()
		c := cursor{request: r}
		c.learn(reply, true)
		var result BulkResult
		var failed WriteError
		r.addWrites(reply, []statement{{}}, &result, &failed)
		event, err := readEvent[bson.M](codec{}, reply)
		if err != nil {
			t.Fatal(err)
		}
		s := r.session
		return []any{
			commandError(mongoerr.FromReply(reply), "db1", reply), failed, result, event, c.token, c.ns, r.labels(17, 0), s.transaction.recovery, s.ClusterTime(), client.clusterTime.copy(),
			mongoerr.FromReply(reply).Error(),
		}
	}
	copied := reply.Clone()
	want, got := told(reply), told(copied)
	for i := range copied {
		copied[i] = 0xdb
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what was told changed with the reply (-want +got)\n%s", diff)
	}
	for i, v := range want {
		if reflect.ValueOf(v).IsZero() {
			t.Errorf("number %d was not told", i)
		}
	}
}
