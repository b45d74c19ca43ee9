package morton

import (
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
)

// Event is a change. What an event of its kind does not have is nil or zero.
type Event[T any] struct {
	// Token is the event's _id, behind which another stream can begin.
	Token bson.Raw
	// Operation is "insert", "update", "replace", "delete", "drop", "rename", "dropDatabase", "invalidate", or with
	// [WatchOptions.ExpandedEvents] more.
	Operation string
	// Document is what was inserted or replaced, and with [WatchOptions.FullDocument] what was updated, unless it was deleted meanwhile.
	Document *T
	// Before is the document before the change, with [WatchOptions.Before].
	Before *T
	// Key has the document's _id, and its shard key.
	Key       bson.Raw
	Namespace Namespace
	To        Namespace // where a rename led
	Update    *UpdateDescription
	Time      bson.Timestamp // in the oplog (clusterTime)
	WallTime  time.Time      // of the primary's clock
	// Split says which part of an event this is that was too large for one document ($changeStreamSplitLargeEvent).
	Split Split
	// Raw is the whole event, with what has no field here.
	Raw bson.Raw
}

// Namespace is a collection, or with an empty Collection a database.
type Namespace struct {
	Database   string `bson:"db"`
	Collection string `bson:"coll"`
}

// UpdateDescription says what an update changed.
type UpdateDescription struct {
	Updated   bson.Raw         `bson:"updatedFields"` // by path
	Removed   []string         `bson:"removedFields"`
	Truncated []TruncatedArray `bson:"truncatedArrays"`
	// Paths are the paths in the other fields that could be read in two ways, in parts (with [WatchOptions.ExpandedEvents]).
	Paths bson.Raw `bson:"disambiguatedPaths"`
}

// TruncatedArray is an array that an update made shorter.
type TruncatedArray struct {
	Field string `bson:"field"`
	Size  int32  `bson:"newSize"`
}

// Split is a part of an event: the first is Fragment 1. Of is zero for whole events.
type Split struct {
	Fragment int32 `bson:"fragment"`
	Of       int32 `bson:"of"`
}

// readEvent decodes an event whose bytes belong to somebody else.
func readEvent[T any](c codec, d document.Doc) (e Event[T], err error) {
	own := codec{} // the registry is for the program's documents
	e.Raw = bson.Raw(d.Clone())
	for it := document.Doc(e.Raw).Iter(); it.Next() && err == nil; {
		v := it.Value()
		switch key := it.Key(); {
		case key == "operationType":
			e.Operation = text(v)
		case key == "clusterTime" && v.Type == document.TypeTimestamp:
			e.Time = bson.Timestamp{T: uint32(v.Timestamp() >> 32), I: uint32(v.Timestamp())}
		case key == "wallTime" && v.Type == document.TypeDate:
			e.WallTime = bson.DateTime(v.Int64()).Time().UTC()
		case v.Type != document.TypeDocument:
		case key == "_id":
			e.Token = bson.Raw(v.Data)
		case key == "documentKey":
			e.Key = bson.Raw(v.Data)
		case key == "fullDocument":
			e.Document = new(T)
			err = c.decode(v.Doc(), e.Document)
		case key == "fullDocumentBeforeChange":
			e.Before = new(T)
			err = c.decode(v.Doc(), e.Before)
		case key == "ns":
			err = own.decode(v.Doc(), &e.Namespace)
		case key == "to":
			err = own.decode(v.Doc(), &e.To)
		case key == "updateDescription":
			e.Update = new(UpdateDescription)
			err = own.decode(v.Doc(), e.Update)
		case key == "splitEvent":
			err = own.decode(v.Doc(), &e.Split)
		}
	}
	return e, err
}
