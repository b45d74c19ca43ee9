package collation

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// What the recorder asks a mongod.

// oracle asks a mongod for sort keys.
type oracle struct {
	t  *testing.T
	db *mongo.Database
	n  atomic.Int64

	narrow, narrowSecondary, usedInRoot map[byte]bool // see recorder
}

func newOracle(t *testing.T) *oracle {
	client, err := mongo.Connect(options.Client().ApplyURI(*mongod))
	if err != nil {
		t.Fatal(err)
	}
	return &oracle{t: t, db: client.Database(fmt.Sprintf("collation%d", time.Now().UnixNano()))}
}

// texts is strings that were sent to the mongod.
type texts struct {
	coll *mongo.Collection
	list []string
}

func (o *oracle) send(list []string) texts {
	coll := o.db.Collection(fmt.Sprintf("texts%d", o.n.Add(1)))
	for from := 0; from < len(list); from += 20000 {
		var docs []any
		for i, s := range list[from:min(from+20000, len(list))] {
			docs = append(docs, bson.D{{Key: "_id", Value: from + i}, {Key: "s", Value: s}})
		}
		if _, err := coll.InsertMany(context.Background(), docs); err != nil {
			o.t.Fatal(err)
		}
	}
	return texts{coll, list}
}

// keys returns the sort keys of texts.
func (o *oracle) keys(x texts, collation bson.D) [][]byte {
	out, err := o.tryKeys(x, collation)
	if err != nil {
		o.t.Fatal(collation, err)
	}
	return out
}

func (o *oracle) tryKeys(x texts, collation bson.D) ([][]byte, error) {
	ctx := context.Background()
	pipeline := bson.A{bson.D{{Key: "$sort", Value: bson.D{{Key: "s", Value: 1}}}}, bson.D{{Key: "$project", Value: bson.D{{Key: "k", Value: bson.D{{Key: "$meta", Value: "sortKey"}}}}}}}
	cur, err := o.db.RunCommandCursor(ctx, bson.D{{Key: "aggregate", Value: x.coll.Name()}, {Key: "pipeline", Value: pipeline}, {Key: "collation", Value: collation},
		{Key: "allowDiskUse", Value: true}, {Key: "cursor", Value: bson.D{{Key: "batchSize", Value: 1 << 30}}}})
	if err != nil {
		return nil, err
	}
	out := make([][]byte, len(x.list))
	for cur.Next(ctx) {
		v := cur.Current.Lookup("k", "0")
		out[cur.Current.Lookup("_id").AsInt64()] = bytes.Clone(v.Value[4 : len(v.Value)-1])
	}
	return out, cur.Err()
}

func (o *oracle) keysOf(list []string, collation bson.D) [][]byte {
	x := o.send(list)
	defer func() { _ = x.coll.Drop(context.Background()) }()
	return o.keys(x, collation)
}

// fullCollation shows all that elements hold.
func fullCollation(locale string, more ...bson.E) bson.D {
	return append(bson.D{{Key: "locale", Value: locale}, {Key: "strength", Value: 4}, {Key: "caseLevel", Value: true}, {Key: "caseFirst", Value: "off"},
		{Key: "alternate", Value: "non-ignorable"}, {Key: "normalization", Value: false}, {Key: "backwards", Value: false}}, more...)
}

func full(t *table) *Collation { return &Collation{table: t, strength: 4, caseLevel: true} }

// agrees reports whether a locale has the keys of a table, as far as a sample tells.
func (o *oracle) agrees(name string, t *table, sample texts) bool {
	for i, k := range o.keys(sample, fullCollation(name)) {
		if !bytes.Equal(k, full(t).AppendKey(nil, sample.list[i])) {
			return false
		}
	}
	return true
}

// locales returns what mongod takes for a locale.
func (o *oracle) locales() (list []string) {
	try := o.send([]string{"a"})
	wanted := regexp.MustCompile(*onlyLocales)
	for _, name := range localeCandidates() {
		if !wanted.MatchString(name) {
			continue
		}
		if _, err := o.tryKeys(try, bson.D{{Key: "locale", Value: name}}); err == nil {
			list = append(list, name)
		}
	}
	return list
}
