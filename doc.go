// Package morton is a client for Morton and for MongoDB: any member of a replica set is a seed, the primary is found and
// followed.
//
//	import (
//		"github.com/mortondb/morton"
//		"go.mongodb.org/mongo-driver/v2/bson" // the official library's types
//	)
//
//	type User struct {
//		ID   bson.ObjectID `bson:"_id,omitempty"`
//		Name string
//	}
//
//	client, err := morton.Connect(ctx, "db1,db2,db3") // or "db1", "db1:27018", "mongodb://user:password@db1/?tls=true"
//	defer client.Close(ctx)
//	users := morton.CollectionOf[User](client.Database("app"), "users")
//	id, err := users.InsertOne(ctx, User{Name: "Ada"})
//	ada, err := users.FindOne(ctx, bson.M{"name": "Ada"}) // morton.ErrNotFound if there is none
//	for user, err := range users.Find(ctx, nil, morton.FindOptions{Sort: bson.M{"name": 1}}).All() { … }
//	result, err := users.UpdateOne(ctx, bson.M{"_id": id}, bson.M{"$set": bson.M{"name": "Ada L."}}, morton.UpdateOptions{Upsert: true})
//
// # Values
//
// A [Collection] has a type: what is put in and what comes out. [CollectionOf] makes one for a struct, for bson.Raw, or for
// whatever else the official bson package encodes as a document; [Database.Collection] is the one of bson.D. Filters,
// updates, sorts and pipelines are any such documents: bson.D, bson.M, bson.Raw, structs; bson.D where the order of several
// fields matters. A filter that is nil matches everything. Where the result of an aggregation is another type than the
// collection's, make a collection of that type.
//
// A document without _id gets a bson.ObjectID. A struct has none if it has no such field, or if the field has omitempty and
// is zero: without omitempty the zero value is the _id.
//
// # Options
//
// Each operation takes at most one struct of options after its arguments. Read preference and concerns belong to the
// client, a database or a collection: see [Settings]. What a connection string cannot say is in [Config]: [ParseConfig]
// makes one, [New] takes it.
//
// # Deadlines
//
// Every operation ends when its context does. [Config.Timeout], or timeoutMS in the connection string, is the time for an
// operation whose context has no deadline; the server is told, and gives up too.
//
// # When the primary is lost
//
// Reads and writes are sent again, once, where that is safe (retryable reads and writes, on by default): an operation that
// loses its primary waits for the next one and goes on there. Where that was not allowed or did not help the error is an
// [AutoReconnect], which says whether the operation was sent and whether it is safe to repeat. The next operation finds the
// new primary. [Retry] repeats a function that is safe to repeat.
//
//	_, err := users.InsertOne(ctx, user)
//	var lost *morton.AutoReconnect
//	switch {
//	case morton.IsDuplicateKey(err): // there is one with its _id, or with its key in another unique index
//	case errors.As(err, &lost): // lost.Sent: it may have been inserted; lost.SafeToRetry: it has not
//	}
//
// # Many writes
//
// [Collection.BulkWrite] sends writes of all kinds, in few commands.
//
//	result, err := users.BulkWrite(ctx, []morton.Write{
//		morton.Insert{Document: User{Name: "Grace"}},
//		morton.Update{Filter: bson.M{"name": "Ada"}, Update: bson.M{"$inc": bson.M{"visits": 1}}, Upsert: true},
//		morton.Delete{Filter: bson.M{"visits": 0}, Many: true},
//	})
//
// # Files
//
// [Database.GridFS] keeps files of any size: Upload takes an io.Reader, Download an io.Writer.
//
//	files := client.Database("app").GridFS()
//	id, err := files.Upload(ctx, "photo.jpg", reader)
//	n, err := files.Download(ctx, id, writer)
//
// # Changes
//
// [Collection.Watch] listens to what changes, and goes on behind the last event where a server is lost. [ChangeStream.Token] is where
// another run of the program can go on.
//
//	for event, err := range users.Watch(ctx, nil).All() { // until ctx ends; event.Document is a *User
//		…
//	}
//
// # Sessions and transactions
//
// A session travels in the context: [Client.Transaction] calls a function with one in which a transaction runs, and again if
// the server says that it is worth it.
//
//	err := client.Transaction(ctx, func(ctx context.Context) error { // this ctx is the transaction
//		if _, err := users.DeleteOne(ctx, bson.M{"_id": id}); err != nil {
//			return err // aborts it
//		}
//		_, err := former.InsertOne(ctx, user)
//		return err // nil commits it
//	})
//
// Change streams and transactions are MongoDB's: Morton's own server has neither yet, and says so.
package morton
