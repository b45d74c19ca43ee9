package specification

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// stream is a change stream as a cursor of events.
type stream struct {
	*morton.ChangeStream[bson.D]
}

func (s stream) document() any { return s.Value().Raw }

// watch begins a change stream on a client, a database or a collection.
func watch(ctx context.Context, entity any, args bson.D) (any, error) {
	var o morton.WatchOptions
	if err := each(without(args, "pipeline"), func(e bson.E) bool { return watchOption(&o, e) }); err != nil {
		return nil, err
	}
	pipeline := arrayAt(args, "pipeline")
	var s *morton.ChangeStream[bson.D]
	switch e := entity.(type) {
	case *clientEntity:
		s = e.Watch(ctx, pipeline, o)
	case *morton.Database:
		s = e.Watch(ctx, pipeline, o)
	case *morton.Collection[bson.D]:
		s = e.Watch(ctx, pipeline, o)
	default:
		return nil, broken(fmt.Sprintf("a change stream of %T", entity))
	}
	return stream{s}, s.Err()
}

func watchOption(o *morton.WatchOptions, e bson.E) bool {
	switch e.Key {
	case "fullDocument":
		o.FullDocument = e.Value.(string)
	case "fullDocumentBeforeChange":
		o.Before = e.Value.(string)
	case "showExpandedEvents":
		if !e.Value.(bool) {
			return false // the client does not send what is the default
		}
		o.ExpandedEvents = true
	case "batchSize":
		o.BatchSize = int32(integer(e.Value))
	case "maxAwaitTimeMS":
		o.MaxAwait = milliseconds(e.Value)
	case "comment":
		o.Comment = e.Value
	case "collation":
		o.Collation = e.Value
	default:
		return false
	}
	return true
}
