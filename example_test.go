package morton_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/test/inside"
)

// Person is what the examples keep.
type Person struct {
	ID   int    `bson:"_id"`
	Name string `bson:"name"`
	Age  int    `bson:"age"`
}

// check ends an example that went wrong.
func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// endExamples ends what exampleClient began.
var endExamples = func() {}

// exampleClient is connected with a set of one member in this process. Both last until all examples have run.
var exampleClient = sync.OnceValue(func() *morton.Client {
	address, end, err := inside.Start("rs")
	check(err)
	ctx := context.Background()
	direct, err := morton.Connect(ctx, "mongodb://"+address+"/?directConnection=true")
	check(err)
	_, err = direct.Database("admin").Run(ctx, bson.M{"replSetInitiate": bson.D{}})
	check(err)
	check(direct.Close(ctx))
	client, err := morton.Connect(ctx, "mongodb://"+address+"/?replicaSet=rs")
	check(err)
	endExamples = func() {
		check(client.Close(ctx))
		check(end())
	}
	return client
})

// people returns an example's collection with three people in it.
func people(name string) (context.Context, *morton.Collection[Person]) {
	ctx := context.Background()
	people := morton.CollectionOf[Person](exampleClient().Database("examples"), name)
	_, err := people.InsertMany(ctx, []Person{{1, "Ada", 36}, {2, "Grace", 85}, {3, "Alan", 41}})
	check(err)
	return ctx, people
}

func ExampleConnect() {
	ctx := context.Background()
	client, err := morton.Connect(ctx, "db1,db2:27018") // or "mongodb://user:password@db1,db2:27018/?replicaSet=rs"
	if err != nil {
		log.Fatal(err)
	}
	defer client.Close(ctx)
	fmt.Println("the primary is", client.Host(), client.Port())
}

func ExampleParseConfig() {
	config, err := morton.ParseConfig("db1", "db2:27018")
	check(err)
	fmt.Println(config.Hosts, config.RetryWrites)
	// Output: [db1:27017 db2:27018] true
}

func ExampleNew() {
	config, err := morton.ParseConfig("db1,db2")
	check(err)
	config.MaxPoolSize = 10
	config.WriteConcern = &morton.WriteConcern{W: "majority"}
	client, err := morton.New(config)
	check(err)
	defer client.Close(context.Background())
}

func ExampleConfig() {
	config, err := morton.ParseConfig("mongodb://db1,db2/?tls=true")
	check(err)
	config.TLS.MinVersion = tls.VersionTLS13
	config.Credential = &morton.Credential{Username: "app", Password: os.Getenv("PASSWORD")}
	config.Logger = slog.Default()
	client, err := morton.New(config)
	check(err)
	defer client.Close(context.Background())
}

func ExampleMonitor() {
	config, err := morton.ParseConfig("db1,db2")
	check(err)
	config.Monitor.Command = func(e *morton.CommandEvent) {
		if e.Duration > time.Second {
			fmt.Println(e.Name, "took", e.Duration, "on", e.Address)
		}
	}
	config.Monitor.Topology = func(e *morton.TopologyEvent) {
		if e.Kind == "TopologyDescriptionChanged" {
			fmt.Println(e.OldKind, "is now", e.NewKind)
		}
	}
	client, err := morton.New(config)
	check(err)
	defer client.Close(context.Background())
}

func ExampleClient_Members() {
	for _, m := range exampleClient().Members() {
		fmt.Println(m.Kind, m.SetName, m.Err)
	}
	// Output: RSPrimary rs <nil>
}

func ExampleClient_DatabaseNames() {
	ctx, _ := people("databaseNames")
	names, err := exampleClient().DatabaseNames(ctx, bson.M{"name": bson.M{"$regex": "^exam"}})
	check(err)
	fmt.Println(names)
	// Output: [examples]
}

func ExampleCollection_InsertOne() {
	ctx := context.Background()
	people := morton.CollectionOf[Person](exampleClient().Database("examples"), "insertOne")
	id, err := people.InsertOne(ctx, Person{1, "Ada", 36})
	check(err)
	fmt.Println(id)
	_, err = people.InsertOne(ctx, Person{1, "Eve", 20})
	fmt.Println(morton.IsDuplicateKey(err))
	// Output:
	// 1
	// true
}

func ExampleCollection_InsertMany() {
	ctx := context.Background()
	people := morton.CollectionOf[Person](exampleClient().Database("examples"), "insertMany")
	_, err := people.InsertMany(ctx, []Person{{1, "Ada", 36}, {1, "Eve", 20}, {2, "Grace", 85}}, morton.InsertOptions{Unordered: true})
	var failed *morton.WriteError
	if errors.As(err, &failed) {
		fmt.Println("failed:", failed.Failures[0].Index, "inserted:", failed.Result.Inserted)
	}
	// Output: failed: 1 inserted: 2
}

func ExampleCollection_Save() {
	ctx, people := people("save")
	_, err := people.Save(ctx, Person{1, "Ada", 37})
	check(err)
	ada, err := people.FindOne(ctx, bson.M{"_id": 1})
	check(err)
	fmt.Println(ada.Age)
	// Output: 37
}

func ExampleCollection_FindOne() {
	ctx, people := people("findOne")
	ada, err := people.FindOne(ctx, bson.M{"name": "Ada"})
	check(err)
	fmt.Println(ada.Age)
	_, err = people.FindOne(ctx, bson.M{"name": "Eve"})
	fmt.Println(errors.Is(err, morton.ErrNotFound))
	// Output:
	// 36
	// true
}

func ExampleCollection_Find() {
	ctx, people := people("find")
	for p, err := range people.Find(ctx, bson.M{"age": bson.M{"$gt": 40}}, morton.FindOptions{Sort: bson.M{"name": 1}}).All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(p.Name)
	}
	// Output:
	// Alan
	// Grace
}

func ExampleCursor_Slice() {
	ctx, people := people("slice")
	all, err := people.Find(ctx, nil, morton.FindOptions{Limit: 2}).Slice()
	check(err)
	fmt.Println(len(all), all[0].Name)
	// Output: 2 Ada
}

func ExampleCursor_Next() {
	ctx, people := people("next")
	cursor := people.Find(ctx, nil, morton.FindOptions{BatchSize: 2})
	defer cursor.Close()
	for cursor.Next() {
		fmt.Println(cursor.Value().Name)
	}
	check(cursor.Err())
	// Output:
	// Ada
	// Grace
	// Alan
}

func ExampleCollection_With() {
	ctx, people := people("with")
	careful := people.With(morton.Settings{
		WriteConcern: &morton.WriteConcern{W: "majority", Timeout: 5 * time.Second},
		ReadConcern:  "majority",
	})
	_, err := careful.Save(ctx, Person{1, "Ada", 37})
	check(err)
	nearby := people.With(morton.Settings{ReadPreference: &morton.ReadPreference{Mode: "nearest"}})
	n, err := nearby.Count(ctx, nil)
	check(err)
	fmt.Println(n)
	// Output: 3
}

func ExampleCollection_UpdateMany() {
	ctx, people := people("updateMany")
	result, err := people.UpdateMany(ctx, bson.M{"age": bson.M{"$lt": 50}}, bson.M{"$inc": bson.M{"age": 1}})
	check(err)
	fmt.Println(result.Matched, result.Modified)
	// Output: 2 2
}

func ExampleCollection_UpdateOne_upsert() {
	ctx, people := people("upsert")
	result, err := people.UpdateOne(ctx, bson.M{"_id": 4}, bson.M{"$set": bson.M{"name": "Edsger"}}, morton.UpdateOptions{Upsert: true})
	check(err)
	fmt.Println(result.UpsertedID)
	// Output: 4
}

func ExampleCollection_ReplaceOne() {
	ctx, people := people("replaceOne")
	result, err := people.ReplaceOne(ctx, bson.M{"name": "Alan"}, Person{3, "Alan Turing", 41})
	check(err)
	fmt.Println(result.Modified)
	// Output: 1
}

func ExampleCollection_DeleteMany() {
	ctx, people := people("deleteMany")
	n, err := people.DeleteMany(ctx, bson.M{"age": bson.M{"$gt": 40}})
	check(err)
	fmt.Println(n)
	// Output: 2
}

func ExampleCollection_FindOneAndUpdate() {
	ctx, people := people("findOneAndUpdate")
	before, err := people.FindOneAndUpdate(ctx, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"age": 1}})
	check(err)
	fmt.Println(before.Age)
	// Output: 36
}

func ExampleCollection_FindOneAndUpdate_upsert() {
	type counter struct{ Next int }
	ctx := context.Background()
	counters := morton.CollectionOf[counter](exampleClient().Database("examples"), "counters")
	for range 2 {
		c, err := counters.FindOneAndUpdate(ctx, bson.M{"_id": "invoices"}, bson.M{"$inc": bson.M{"next": 1}},
			morton.FindAndModifyOptions{Upsert: true, ReturnNew: true})
		check(err)
		fmt.Println(c.Next)
	}
	// Output:
	// 1
	// 2
}

func ExampleCollection_FindOneAndDelete() {
	ctx, people := people("findOneAndDelete")
	for { // each is taken once, however many programs do this
		next, err := people.FindOneAndDelete(ctx, nil, morton.FindAndModifyOptions{Sort: bson.M{"age": 1}})
		if errors.Is(err, morton.ErrNotFound) {
			break
		}
		check(err)
		fmt.Println(next.Name)
	}
	// Output:
	// Ada
	// Alan
	// Grace
}

func ExampleCollection_BulkWrite() {
	ctx, people := people("bulkWrite")
	result, err := people.BulkWrite(ctx, []morton.Write{
		morton.Insert{Document: Person{4, "Edsger", 72}},
		morton.Update{Filter: bson.M{"name": "Ada"}, Update: bson.M{"$set": bson.M{"age": 37}}},
		morton.Delete{Filter: bson.M{"age": bson.M{"$gt": 50}}, Many: true},
	})
	check(err)
	fmt.Println(result.Inserted, result.Modified, result.Deleted)
	// Output: 1 1 2
}

func ExampleCollection_Aggregate() {
	type total struct{ Sum int }
	ctx, people := people("aggregate")
	totals, err := morton.CollectionOf[total](people.Database(), people.Name()).Aggregate(ctx, bson.A{
		bson.M{"$group": bson.M{"_id": nil, "sum": bson.M{"$sum": "$age"}}},
	}).Slice()
	check(err)
	fmt.Println(totals)
	// Output: [{162}]
}

func ExampleCollection_Count() {
	ctx, people := people("count")
	n, err := people.Count(ctx, bson.M{"age": bson.M{"$gt": 40}})
	check(err)
	fmt.Println(n)
	// Output: 2
}

func ExampleCollection_Distinct() {
	ctx, people := people("distinct")
	names, err := people.Distinct(ctx, "name", bson.M{"age": bson.M{"$gt": 40}})
	check(err)
	fmt.Println(names)
	// Output: [Alan Grace]
}

func ExampleCollection_CreateIndex() {
	ctx, people := people("createIndex")
	name, err := people.CreateIndex(ctx, bson.D{{Key: "name", Value: 1}, {Key: "age", Value: -1}}, morton.IndexOptions{Unique: true})
	check(err)
	fmt.Println(name)
	// Output: name_1_age_-1
}

func ExampleCollection_CreateIndexes() {
	ctx, people := people("createIndexes")
	day := 24 * time.Hour
	_, err := people.CreateIndexes(ctx, []morton.Index{
		{Keys: bson.M{"seen": 1}, Options: morton.IndexOptions{ExpireAfter: &day}},
		{Keys: bson.M{"email": 1}, Options: morton.IndexOptions{Unique: true, Partial: bson.M{"email": bson.M{"$exists": true}}}},
	})
	check(err)
	for index, err := range people.Indexes(ctx).All() {
		check(err)
		fmt.Println(index.Lookup("name").StringValue())
	}
	// Output:
	// _id_
	// seen_1
	// email_1
}

func ExampleDatabase_Create() {
	ctx, db := context.Background(), exampleClient().Database("examples")
	check(db.Create(ctx, "log", bson.D{{Key: "capped", Value: true}, {Key: "size", Value: 1 << 20}}))
	lines := morton.CollectionOf[bson.M](db, "log")
	_, err := lines.InsertOne(ctx, bson.M{"_id": 1})
	check(err)
	tail := lines.Find(ctx, nil, morton.FindOptions{Tailable: true})
	defer tail.Close()
	fmt.Println(tail.TryNext(), tail.TryNext()) // Next would wait for the second
	_, err = lines.InsertOne(ctx, bson.M{"_id": 2})
	check(err)
	fmt.Println(tail.TryNext(), tail.Value())
	// Output:
	// true false
	// true {"_id":{"$numberInt":"2"}}
}

func ExampleDatabase_Run() {
	ctx, people := people("run")
	reply, err := people.Database().Run(ctx, bson.M{"collStats": people.Name()})
	check(err)
	fmt.Println(reply.Lookup("count").AsInt64())
	// Output: 3
}

func ExampleDatabase_RunCursor() {
	ctx, people := people("runCursor")
	for index, err := range people.Database().RunCursor(ctx, bson.M{"listIndexes": people.Name()}).All() {
		check(err)
		fmt.Println(index.Lookup("name").StringValue())
	}
	// Output: _id_
}

func ExampleCommandError() {
	ctx, people := people("commandError")
	_, err := people.Find(ctx, bson.M{"$size": 1}).Slice()
	var refused *morton.CommandError
	if errors.As(err, &refused) {
		fmt.Println(refused.Code, refused.Name)
	}
	// Output: 2 BadValue
}

func ExampleGridFS() {
	ctx := context.Background()
	files := exampleClient().Database("examples").GridFS()
	id, err := files.Upload(ctx, "greeting.txt", strings.NewReader("good morning\n"), morton.UploadOptions{Metadata: bson.M{"language": "en"}})
	check(err)
	_, err = files.Download(ctx, id, os.Stdout)
	check(err)
	_, err = files.DownloadByName(ctx, "greeting.txt", morton.LastRevision, os.Stdout)
	check(err)
	// Output:
	// good morning
	// good morning
}

func ExampleGridFS_OpenUpload() {
	ctx := context.Background()
	files := exampleClient().Database("examples").GridFS(morton.GridFSOptions{Name: "reports"})
	w, err := files.OpenUpload(ctx, "report.csv")
	check(err)
	if _, err := fmt.Fprintln(w, "name,age"); err != nil {
		check(w.Abort())
		return
	}
	check(w.Close())
	for file, err := range files.Find(ctx, bson.M{"filename": "report.csv"}).All() {
		check(err)
		fmt.Println(file.Name, file.Length)
	}
	// Output: report.csv 9
}

func ExampleGridFS_OpenDownload() {
	ctx := context.Background()
	files := exampleClient().Database("examples").GridFS(morton.GridFSOptions{Name: "songs"})
	id, err := files.Upload(ctx, "song.txt", strings.NewReader("la la la di da"))
	check(err)
	r, err := files.OpenDownload(ctx, id)
	check(err)
	defer r.Close()
	_, err = r.Seek(-5, io.SeekEnd) // only what is read is fetched
	check(err)
	end, err := io.ReadAll(r)
	check(err)
	fmt.Printf("%s of %d bytes\n", end, r.File().Length)
	// Output: di da of 14 bytes
}

func ExampleClient_Session() {
	ctx, people := people("session")
	session := exampleClient().Session()
	defer session.Close(ctx)
	inside := session.Context(ctx) // what runs with it sees what ran before, on any member
	_, err := people.InsertOne(inside, Person{4, "Edsger", 72})
	check(err)
	edsger, err := people.FindOne(inside, bson.M{"_id": 4})
	check(err)
	fmt.Println(edsger.Name)
	// Output: Edsger
}

func ExampleClient_Transaction() {
	ctx, people := people("transaction")
	err := exampleClient().Transaction(ctx, func(ctx context.Context) error {
		if _, err := people.UpdateOne(ctx, bson.M{"_id": 1}, bson.M{"$inc": bson.M{"age": 1}}); err != nil {
			return err
		}
		_, err := people.UpdateOne(ctx, bson.M{"_id": 2}, bson.M{"$inc": bson.M{"age": -1}})
		return err
	})
	fmt.Println(err)
}

func ExampleSession_Start() {
	ctx, people := people("start")
	session := exampleClient().Session()
	defer session.Close(ctx) // aborts what was not committed
	check(session.Start())
	_, err := people.DeleteOne(session.Context(ctx), bson.M{"_id": 1})
	check(err)
	check(session.Commit(ctx))
}

func ExampleCollection_Watch() {
	ctx, people := people("watch")
	for event, err := range people.Watch(ctx, nil, morton.WatchOptions{FullDocument: "updateLookup"}).All() {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(event.Operation, event.Key)
		if event.Document != nil { // none of deletions
			fmt.Println(event.Document.Name)
		}
	}
}

func ExampleChangeStream_Token() {
	ctx, people := people("token")
	token, _ := os.ReadFile("token") // none at first
	stream := people.Watch(ctx, nil, morton.WatchOptions{ResumeAfter: token})
	defer stream.Close()
	for stream.Next() {
		fmt.Println(stream.Value().Operation)
		check(os.WriteFile("token", stream.Token(), 0o600)) // the next run goes on here
	}
	check(stream.Err())
}

func ExampleAutoReconnect() {
	ctx, people := people("autoReconnect")
	_, err := people.InsertOne(ctx, Person{4, "Edsger", 72})
	var lost *morton.AutoReconnect
	switch {
	case err == nil:
	case errors.As(err, &lost) && lost.SafeToRetry:
		_, err = people.InsertOne(ctx, Person{4, "Edsger", 72})
	case errors.As(err, &lost):
		fmt.Println("it may have been inserted:", lost)
	}
	fmt.Println(err)
	// Output: <nil>
}

func ExampleRetry() {
	ctx, people := people("retry")
	err := morton.Retry(ctx, func(ctx context.Context) error {
		_, err := people.Save(ctx, Person{1, "Ada", 37}) // twice is as good as once
		return err
	})
	fmt.Println(err)
	// Output: <nil>
}
