package morton_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"os"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2/vfs"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/internal/node"
	"github.com/mortondb/morton/internal/replset"
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

// exampleClient is connected with a set of one member in this process, which lasts as long as the process does.
var exampleClient = sync.OnceValue(func() *morton.Client {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fs := vfs.NewMem()
	check(fs.MkdirAll("db", 0o755))
	_, err = node.Start(node.Options{
		FS: fs, DBPath: "db", Listeners: []net.Listener{l}, Set: replset.SetOption{Name: "rs"},
		Naming: replset.Naming{Bind: []string{"127.0.0.1"}, Port: l.Addr().(*net.TCPAddr).Port},
		Dial: func(ctx context.Context, host string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, "tcp", host)
		},
	})
	check(err)
	ctx := context.Background()
	direct, err := morton.Connect(ctx, "mongodb://"+l.Addr().String()+"/?directConnection=true")
	check(err)
	_, err = direct.Database("admin").Run(ctx, bson.M{"replSetInitiate": bson.D{}})
	check(err)
	check(direct.Close(ctx))
	client, err := morton.Connect(ctx, "mongodb://"+l.Addr().String()+"/?replicaSet=rs")
	check(err)
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

func ExampleNew() {
	config, err := morton.ParseConfig("db1,db2")
	check(err)
	config.MaxPoolSize = 10
	config.WriteConcern = &morton.WriteConcern{W: "majority"}
	client, err := morton.New(config)
	check(err)
	defer client.Close(context.Background())
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

func ExampleDatabase_Run() {
	ctx, people := people("run")
	reply, err := people.Database().Run(ctx, bson.M{"collStats": people.Name()})
	check(err)
	fmt.Println(reply.Lookup("count").AsInt64())
	// Output: 3
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
