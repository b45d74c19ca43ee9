package specification

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// modern translates a file of the formats before the unified one, each test to a file of its own, as each has options of its own for the
// client. What those formats say in prose ("the value 42 matches any") is said with operators.
func modern(name string, file bson.D) []*testFile {
	var files []*testFile
	for _, v := range arrayAt(file, "tests") {
		l := legacy{file: file, test: v.(bson.D), database: textAt(file, "database_name"), collection: textAt(file, "collection_name")}
		if l.database == "" {
			l.database = "specification"
		}
		if l.collection == "" {
			l.collection = path.Base(name)
		}
		files = append(files, l.translate())
	}
	return files
}

// sessions are those that each test has.
var sessions = []string{"session0", "session1"}

// legacy is one test of a file.
type legacy struct {
	file, test           bson.D
	database, collection string
	entities             []bson.D
}

func (l *legacy) translate() *testFile {
	t := test{Description: textAt(l.test, "description"), SkipReason: textAt(l.test, "skipReason")}
	l.createEntities()
	if point := documentAt(l.test, "failPoint"); point != nil {
		t.Operations = append(t.Operations, bson.D{
			{Key: "name", Value: "targetedFailPoint"}, {Key: "object", Value: "testRunner"}, {Key: "arguments", Value: bson.D{{Key: "failPoint", Value: point}}},
		})
	}
	for _, v := range arrayAt(l.test, "operations") {
		t.Operations = append(t.Operations, l.operation(v.(bson.D)))
	}
	outcome := documentAt(l.test, "outcome")
	if single := documentAt(l.test, "operation"); single != nil {
		for _, e := range outcome {
			if e.Key == "result" || e.Key == "error" {
				single = append(slices.Clone(single), e)
			}
		}
		t.Operations = append(t.Operations, l.operation(single))
	}
	for _, id := range sessions {
		t.Operations = append(t.Operations, bson.D{{Key: "name", Value: "endSession"}, {Key: "object", Value: id}})
	}
	if expected, has := field(l.test, "expectations"); has && expected != nil {
		t.ExpectEvents = []bson.D{{{Key: "client", Value: "client0"}, {Key: "events", Value: events(expected.(bson.A))}}}
	}
	if after := documentAt(outcome, "collection"); after != nil {
		t.Outcome = []bson.D{l.contents(textAt(after, "name"), arrayAt(after, "data"))}
	}
	return &testFile{
		SchemaVersion: "1.0", RunOnRequirements: requirements(l.file), CreateEntities: l.entities, InitialData: l.data(), Tests: []test{t},
	}
}

// requirements returns what servers a file is for.
func requirements(file bson.D) (list []bson.D) {
	for _, v := range arrayAt(file, "runOn") {
		var q bson.D
		for _, e := range v.(bson.D) {
			if e.Key == "topology" {
				e.Key = "topologies"
			}
			q = append(q, e)
		}
		list = append(list, q)
	}
	var q bson.D
	for _, e := range file {
		if e.Key == "minServerVersion" || e.Key == "maxServerVersion" {
			q = append(q, e)
		}
	}
	if q != nil {
		list = append(list, q)
	}
	return list
}

// entity adds one and returns its id.
func (l *legacy) entity(kind, id string, fields ...bson.E) string {
	l.entities = append(l.entities, bson.D{{Key: kind, Value: append(bson.D{{Key: "id", Value: id}}, fields...)}})
	return id
}

func (l *legacy) createEntities() {
	l.entity("client", "client0", bson.E{Key: "uriOptions", Value: documentAt(l.test, "clientOptions")}, bson.E{Key: "observeEvents", Value: bson.A{"commandStartedEvent"}})
	l.entity("database", "database", bson.E{Key: "client", Value: "client0"}, bson.E{Key: "databaseName", Value: l.database})
	l.entity("collection", "collection", bson.E{Key: "database", Value: "database"}, bson.E{Key: "collectionName", Value: l.collection})
	if bucket := textAt(l.file, "bucket_name"); bucket != "" {
		l.entity("bucket", "gridfsbucket", bson.E{Key: "database", Value: "database"}, bson.E{Key: "bucketOptions", Value: bson.D{{Key: "bucketName", Value: bucket}}})
	}
	for _, id := range sessions {
		l.entity("session", id, bson.E{Key: "client", Value: "client0"}, bson.E{Key: "sessionOptions", Value: documentAt(documentAt(l.test, "sessionOptions"), id)})
	}
}

// data returns what the collections hold in the beginning: of one collection, or of several by their names.
func (l *legacy) data() (list []bson.D) {
	for _, e := range documentAt(l.file, "data") {
		list = append(list, l.contents(e.Key, e.Value.(bson.A)))
	}
	if list == nil {
		list = append(list, l.contents("", arrayAt(l.file, "data")))
	}
	return list
}

func (l *legacy) contents(collection string, documents bson.A) bson.D {
	if collection == "" {
		collection = l.collection
	}
	return bson.D{{Key: "databaseName", Value: l.database}, {Key: "collectionName", Value: collection}, {Key: "documents", Value: documents}}
}

// renamed has the names of operations and arguments that the unified format calls otherwise.
var renamed = map[string]string{
	"watch": "createChangeStream", "download_by_name": "downloadByName",
	"listCollectionObjects": "listCollections", "listDatabaseObjects": "listDatabases",
	"database": "databaseName", "index": "indexName",
}

func rename(name string) string {
	if to, has := renamed[name]; has {
		return to
	}
	return name
}

func (l *legacy) operation(op bson.D) bson.D {
	name, object := textAt(op, "name"), textAt(op, "object")
	args := l.arguments(name, object, documentAt(op, "arguments"))
	if c := textAt(op, "command_name"); c != "" {
		args = append(args, bson.E{Key: "commandName", Value: c})
	}
	switch object {
	case "client":
		object = "client0"
	case "":
		object = "collection"
	}
	object = l.withOptions(object, documentAt(op, "databaseOptions"), documentAt(op, "collectionOptions"))
	d := bson.D{{Key: "name", Value: rename(name)}, {Key: "object", Value: object}, {Key: "arguments", Value: args}}
	if name == "watch" {
		d = append(d, bson.E{Key: "saveResultAsEntity", Value: "stream"}) // the runner closes it
	}
	result, has := field(op, "result")
	return append(d, expectation(result, has, flagAt(op, "error"))...)
}

// withOptions returns the entity that is object with options of its own.
func (l *legacy) withOptions(object string, database, collection bson.D) string {
	id := fmt.Sprint(object, len(l.entities))
	switch {
	case database != nil && object == "database":
		return l.entity("database", id, bson.E{Key: "client", Value: "client0"}, bson.E{Key: "databaseName", Value: l.database}, bson.E{Key: "databaseOptions", Value: database})
	case database != nil || collection != nil:
		in := l.withOptions("database", database, nil)
		return l.entity("collection", id, bson.E{Key: "database", Value: in}, bson.E{Key: "collectionName", Value: l.collection}, bson.E{Key: "collectionOptions", Value: collection})
	}
	return object
}

// arguments flattens options and callbacks.
func (l *legacy) arguments(name, object string, args bson.D) (flat bson.D) {
	for _, e := range args {
		switch {
		case e.Key == "options":
			flat = append(flat, e.Value.(bson.D)...)
		case e.Key == "callback":
			steps := bson.A{}
			for _, v := range arrayAt(e.Value.(bson.D), "operations") {
				steps = append(steps, l.operation(v.(bson.D)))
			}
			flat = append(flat, bson.E{Key: "callback", Value: steps})
		case e.Key == "requests":
			requests := bson.A{}
			for _, v := range e.Value.(bson.A) {
				r := v.(bson.D)
				requests = append(requests, bson.D{{Key: textAt(r, "name"), Value: documentAt(r, "arguments")}})
			}
			flat = append(flat, bson.E{Key: "requests", Value: requests})
		case object == "testRunner" && e.Key == "collection":
			flat = append(flat, bson.E{Key: "collectionName", Value: e.Value})
		default:
			flat = append(flat, bson.E{Key: rename(e.Key), Value: e.Value})
		}
	}
	if (name == "find" || name == "findOne") && documentAt(flat, "filter") == nil {
		flat = append(flat, bson.E{Key: "filter", Value: bson.D{}})
	}
	return flat
}

// expectation says which result or error is expected.
func expectation(result any, has, fails bool) bson.D {
	d, _ := result.(bson.D)
	var failure bson.D
	for _, e := range d {
		if strings.HasPrefix(e.Key, "error") {
			failure = append(failure, e)
		}
	}
	switch {
	case failure != nil:
		return bson.D{{Key: "expectError", Value: failure}}
	case fails && d != nil:
		return bson.D{{Key: "expectError", Value: bson.D{{Key: "expectResult", Value: d}}}}
	case fails:
		return bson.D{{Key: "expectError", Value: bson.D{{Key: "isError", Value: true}}}}
	case has:
		return bson.D{{Key: "expectResult", Value: result}}
	}
	return nil
}

// events translates the commands that are expected.
func events(expectations bson.A) bson.A {
	list := bson.A{}
	for _, v := range expectations {
		var fields bson.D
		for _, e := range documentAt(v.(bson.D), "command_started_event") {
			switch e.Key {
			case "command":
				fields = append(fields, bson.E{Key: "command", Value: command(e.Value.(bson.D))})
			case "command_name":
				fields = append(fields, bson.E{Key: "commandName", Value: e.Value})
			case "database_name":
				fields = append(fields, bson.E{Key: "databaseName", Value: e.Value})
			default:
				panic("the field " + e.Key + " of an event is not known")
			}
		}
		list = append(list, bson.D{{Key: "commandStartedEvent", Value: fields}})
	}
	return list
}

// command translates the values that stand for something: null for a field that is not there, 42 for any value, a session's name for its id.
func command(d bson.D) (out bson.D) {
	for _, e := range d {
		n, _ := number(e.Value)
		switch v := e.Value.(type) {
		case nil:
			e.Value = bson.D{{Key: "$$exists", Value: false}}
		case bson.D:
			e.Value = command(v)
		case string:
			if e.Key == "lsid" {
				e.Value = bson.D{{Key: "$$sessionLsid", Value: v}}
			} else if v == "42" {
				n = 42
			}
		}
		if n == 42 {
			e.Value = bson.D{{Key: "$$exists", Value: true}}
		}
		out = append(out, e)
	}
	return out
}
