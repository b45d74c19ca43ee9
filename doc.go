// Package morton is a client for Morton and for MongoDB: any member of a replica set is a seed, the primary is found and
// followed.
//
//	client, err := morton.Connect(ctx, "db1,db2,db3")
//	users := morton.CollectionOf[User](client.Database("app"), "users")
//	id, err := users.InsertOne(ctx, User{Name: "Ada"})
//	ada, err := users.FindOne(ctx, bson.D{{"name", "Ada"}})
//	for user, err := range users.Find(ctx, nil, morton.FindOptions{Sort: bson.D{{"name", 1}}}).All() { … }
//
// # Values
//
// A [Collection] has a type: what is put in and what comes out. [CollectionOf] makes one for a struct, for bson.Raw, or for
// whatever else the official bson package encodes as a document; [Database.Collection] is the one of bson.D. Filters,
// updates, sorts and pipelines are any such documents: bson.D, bson.M, bson.Raw, structs. A filter that is nil matches
// everything. Where the result of an aggregation is another type than the collection's, make a collection of that type.
//
// # Options
//
// Each operation takes at most one struct of options after its arguments. Read preference and concerns belong to the
// client, a database or a collection: see [Settings].
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
// # Files
//
// [Database.GridFS] keeps files of any size: Upload takes an io.Reader, Download an io.Writer.
//
// # Changes
//
// [Collection.Watch] listens to what changes, and goes on behind the last event where a server is lost. [ChangeStream.Token] is where
// another run of the program can go on.
//
// # Sessions and transactions
//
// A session travels in the context: [Client.Transaction] calls a function with one in which a transaction runs, and again if
// the server says that it is worth it.
package morton
