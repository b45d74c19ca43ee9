package specification

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

func (r *run) onCollection(ctx context.Context, c *morton.Collection[bson.D], name string, args bson.D) (any, error) {
	filter := filterOf(args)
	switch name {
	case "find", "findOne", "createFindCursor":
		if filter == nil {
			return nil, broken("no filter")
		}
		o, err := findOptions(args)
		if err != nil {
			return nil, err
		}
		switch name {
		case "findOne":
			return found(c.FindOne(ctx, filter, o))
		case "createFindCursor":
			return prime(c.Find(ctx, filter, o))
		}
		return slice(c.Find(ctx, filter, o))
	case "insertOne":
		o, err := insertOptions(args)
		if err != nil {
			return nil, err
		}
		id, err := c.InsertOne(ctx, documentAt(args, "document"), o)
		return bson.D{{Key: "insertedId", Value: id}}, err
	case "insertMany":
		return insertMany(ctx, c, args)
	case "updateOne", "updateMany", "replaceOne":
		return update(ctx, c, name, args)
	case "deleteOne", "deleteMany":
		return remove(ctx, c, name, args)
	case "findOneAndUpdate", "findOneAndReplace", "findOneAndDelete":
		return findAndModify(ctx, c, name, args)
	case "bulkWrite":
		return bulkWrite(ctx, c, args)
	case "aggregate":
		o, err := aggregateOptions(args)
		if err != nil {
			return nil, err
		}
		return slice(c.Aggregate(ctx, arrayAt(args, "pipeline"), o))
	case "distinct":
		o := morton.DistinctOptions{}
		if err := each(without(args, "fieldName", "filter"), func(e bson.E) bool {
			switch e.Key {
			case "collation":
				o.Collation = e.Value
			case "comment":
				o.Comment = e.Value
			case "maxTimeMS":
				o.MaxTime = milliseconds(e.Value)
			default:
				return false
			}
			return true
		}); err != nil {
			return nil, err
		}
		values, err := c.Distinct(ctx, textAt(args, "fieldName"), filter, o)
		return bson.A(values), err
	case "countDocuments", "estimatedDocumentCount":
		o := morton.CountOptions{}
		if err := each(without(args, "filter"), func(e bson.E) bool {
			switch e.Key {
			case "collation":
				o.Collation = e.Value
			case "comment":
				o.Comment = e.Value
			case "hint":
				o.Hint = e.Value
			case "skip":
				o.Skip = integer(e.Value)
			case "limit":
				o.Limit = integer(e.Value)
			case "maxTimeMS":
				o.MaxTime = milliseconds(e.Value)
			default:
				return false
			}
			return true
		}); err != nil {
			return nil, err
		}
		if name == "countDocuments" {
			return both(c.Count(ctx, filter, o))
		}
		return both(c.EstimatedCount(ctx, o))
	case "createIndex":
		o := morton.IndexOptions{}
		if err := each(without(args, "keys"), func(e bson.E) bool {
			switch e.Key {
			case "name":
				o.Name = e.Value.(string)
			case "unique":
				o.Unique = e.Value.(bool)
			default:
				return false
			}
			return true
		}); err != nil {
			return nil, err
		}
		return both(c.CreateIndex(ctx, documentAt(args, "keys"), o))
	case "dropIndex":
		return nil, c.DropIndex(ctx, textAt(args, "name"))
	case "dropIndexes":
		return nil, c.DropIndex(ctx, "*")
	case "listIndexes":
		return slice(c.Indexes(ctx))
	case "listIndexNames":
		names := bson.A{}
		for index, err := range c.Indexes(ctx).All() {
			if err != nil {
				return nil, err
			}
			names = append(names, index.Lookup("name").StringValue())
		}
		return names, nil
	case "rename":
		from, to := c.Name(), textAt(args, "to")
		command := bson.D{{Key: "renameCollection", Value: c.Database().Name() + "." + from}, {Key: "to", Value: c.Database().Name() + "." + to}}
		if drop, has := field(args, "dropTarget"); has {
			command = append(command, bson.E{Key: "dropTarget", Value: drop})
		}
		_, err := r.server.client.Database("admin").Run(ctx, command)
		return nil, err
	case "drop":
		return nil, c.Drop(ctx)
	}
	if why, without := noMethod[name]; without {
		return nil, skip(why)
	}
	return nil, broken("operation " + name + " of collections")
}

// noMethod has the operations that the client leaves out on purpose, and why.
var noMethod = map[string]string{
	"count":     "the specification deprecates the command count: Count aggregates, EstimatedCount is for all documents",
	"mapReduce": "MongoDB deprecates mapReduce: pipelines do it, and Run sends it",
}

// each reads options; set returns false for one that it does not know.
func each(args bson.D, set func(bson.E) bool) error {
	for _, e := range args {
		if !set(e) {
			return broken("option " + e.Key)
		}
	}
	return nil
}

func integer(v any) int64 {
	n, _ := number(v)
	return int64(n)
}

func both[T any](v T, err error) (any, error) { return v, err }

func found(d bson.D, err error) (any, error) {
	if err == morton.ErrNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return d, nil
}

func findOptions(args bson.D) (o morton.FindOptions, err error) {
	err = each(without(args, "filter"), func(e bson.E) bool {
		switch e.Key {
		case "sort":
			o.Sort = e.Value
		case "projection":
			o.Projection = e.Value
		case "skip":
			o.Skip = integer(e.Value)
		case "limit":
			o.Limit = integer(e.Value)
		case "batchSize":
			o.BatchSize = int32(integer(e.Value))
		case "hint":
			o.Hint = e.Value
		case "collation":
			o.Collation = e.Value
		case "comment":
			o.Comment = e.Value
		case "let":
			o.Let = e.Value
		case "min":
			o.Min = e.Value
		case "max":
			o.Max = e.Value
		case "maxTimeMS":
			o.MaxTime = milliseconds(e.Value)
		case "allowDiskUse":
			b := e.Value.(bool)
			o.AllowDiskUse = &b
		case "returnKey":
			o.ReturnKey = e.Value.(bool)
		case "showRecordId":
			o.ShowRecordID = e.Value.(bool)
		case "noCursorTimeout":
			o.NoCursorTimeout = e.Value.(bool)
		case "cursorType":
			o.Tailable = e.Value != "nonTailable"
			o.Await = e.Value == "tailableAwait"
		case "maxAwaitTimeMS":
			o.MaxAwait = milliseconds(e.Value)
		default:
			return false
		}
		return true
	})
	return o, err
}

func aggregateOptions(args bson.D) (o morton.AggregateOptions, err error) {
	err = each(without(args, "pipeline"), func(e bson.E) bool {
		switch e.Key {
		case "allowDiskUse":
			b := e.Value.(bool)
			o.AllowDiskUse = &b
		case "batchSize":
			o.BatchSize = int32(integer(e.Value))
		case "bypassDocumentValidation":
			o.BypassDocumentValidation = e.Value.(bool)
		case "collation":
			o.Collation = e.Value
		case "comment":
			o.Comment = e.Value
		case "hint":
			o.Hint = e.Value
		case "let":
			o.Let = e.Value
		case "maxTimeMS":
			o.MaxTime = milliseconds(e.Value)
		default:
			return false
		}
		return true
	})
	return o, err
}

func insertOptions(args bson.D) (o morton.InsertOptions, err error) {
	err = each(without(args, "document", "documents"), func(e bson.E) bool {
		switch e.Key {
		case "ordered":
			o.Unordered = !e.Value.(bool)
		case "comment":
			o.Comment = e.Value
		case "bypassDocumentValidation":
			o.BypassDocumentValidation = e.Value.(bool)
		default:
			return false
		}
		return true
	})
	return o, err
}

func insertMany(ctx context.Context, c *morton.Collection[bson.D], args bson.D) (any, error) {
	o, err := insertOptions(args)
	if err != nil {
		return nil, err
	}
	var docs []bson.D
	for _, v := range arrayAt(args, "documents") {
		docs = append(docs, v.(bson.D))
	}
	ids, err := c.InsertMany(ctx, docs, o)
	m := bson.D{}
	for i, id := range ids {
		m = append(m, bson.E{Key: index(i), Value: id})
	}
	return bson.D{{Key: "insertedIds", Value: m}}, err
}

func update(ctx context.Context, c *morton.Collection[bson.D], name string, args bson.D) (any, error) {
	var o morton.UpdateOptions
	if err := each(without(args, "filter", "update", "replacement"), func(e bson.E) bool {
		switch e.Key {
		case "upsert":
			o.Upsert = e.Value.(bool)
		case "arrayFilters":
			o.ArrayFilters = e.Value
		case "hint":
			o.Hint = e.Value
		case "collation":
			o.Collation = e.Value
		case "comment":
			o.Comment = e.Value
		case "let":
			o.Let = e.Value
		case "sort":
			o.Sort = e.Value
		case "bypassDocumentValidation":
			o.BypassDocumentValidation = e.Value.(bool)
		default:
			return false
		}
		return true
	}); err != nil {
		return nil, err
	}
	filter := filterOf(args)
	change, _ := field(args, "update")
	var u morton.UpdateResult
	var err error
	switch name {
	case "updateOne":
		u, err = c.UpdateOne(ctx, filter, change, o)
	case "updateMany":
		u, err = c.UpdateMany(ctx, filter, change, o)
	default:
		u, err = c.ReplaceOne(ctx, filter, documentAt(args, "replacement"), o)
	}
	d := bson.D{{Key: "matchedCount", Value: u.Matched}, {Key: "modifiedCount", Value: u.Modified}, {Key: "upsertedCount", Value: u.Upserted}}
	if u.Upserted > 0 {
		d = append(d, bson.E{Key: "upsertedId", Value: u.UpsertedID})
	}
	return d, err
}

func remove(ctx context.Context, c *morton.Collection[bson.D], name string, args bson.D) (any, error) {
	var o morton.DeleteOptions
	if err := each(without(args, "filter"), func(e bson.E) bool {
		switch e.Key {
		case "hint":
			o.Hint = e.Value
		case "collation":
			o.Collation = e.Value
		case "comment":
			o.Comment = e.Value
		case "let":
			o.Let = e.Value
		default:
			return false
		}
		return true
	}); err != nil {
		return nil, err
	}
	var n int64
	var err error
	if name == "deleteOne" {
		n, err = c.DeleteOne(ctx, filterOf(args), o)
	} else {
		n, err = c.DeleteMany(ctx, filterOf(args), o)
	}
	return bson.D{{Key: "deletedCount", Value: n}}, err
}

func findAndModify(ctx context.Context, c *morton.Collection[bson.D], name string, args bson.D) (any, error) {
	var o morton.FindAndModifyOptions
	if err := each(without(args, "filter", "update", "replacement"), func(e bson.E) bool {
		switch e.Key {
		case "sort":
			o.Sort = e.Value
		case "projection":
			o.Projection = e.Value
		case "returnDocument":
			o.ReturnNew = e.Value == "After"
			return o.ReturnNew || e.Value == "Before"
		case "upsert":
			o.Upsert = e.Value.(bool)
		case "arrayFilters":
			o.ArrayFilters = e.Value
		case "hint":
			o.Hint = e.Value
		case "collation":
			o.Collation = e.Value
		case "comment":
			o.Comment = e.Value
		case "let":
			o.Let = e.Value
		case "maxTimeMS":
			o.MaxTime = milliseconds(e.Value)
		case "bypassDocumentValidation":
			o.BypassDocumentValidation = e.Value.(bool)
		default:
			return false
		}
		return true
	}); err != nil {
		return nil, err
	}
	change, _ := field(args, "update")
	switch name {
	case "findOneAndUpdate":
		return found(c.FindOneAndUpdate(ctx, filterOf(args), change, o))
	case "findOneAndReplace":
		return found(c.FindOneAndReplace(ctx, filterOf(args), documentAt(args, "replacement"), o))
	}
	return found(c.FindOneAndDelete(ctx, filterOf(args), o))
}

func bulkWrite(ctx context.Context, c *morton.Collection[bson.D], args bson.D) (any, error) {
	var o morton.BulkOptions
	if err := each(without(args, "requests"), func(e bson.E) bool {
		switch e.Key {
		case "ordered":
			o.Unordered = !e.Value.(bool)
		case "comment":
			o.Comment = e.Value
		case "let":
			o.Let = e.Value
		case "bypassDocumentValidation":
			o.BypassDocumentValidation = e.Value.(bool)
		default:
			return false
		}
		return true
	}); err != nil {
		return nil, err
	}
	var writes []morton.Write
	for _, v := range arrayAt(args, "requests") {
		e := v.(bson.D)[0]
		w, err := writeOf(e.Key, e.Value.(bson.D))
		if err != nil {
			return nil, err
		}
		writes = append(writes, w)
	}
	result, err := c.BulkWrite(ctx, writes, o)
	return bulkResult(result), err
}

func writeOf(kind string, d bson.D) (morton.Write, error) {
	get := func(key string) any { v, _ := field(d, key); return v }
	known := map[string]bool{"filter": true, "update": true, "replacement": true, "document": true, "upsert": true, "arrayFilters": true, "hint": true, "collation": true, "sort": true}
	for _, e := range d {
		if !known[e.Key] {
			return nil, broken("option " + e.Key + " of " + kind)
		}
	}
	switch kind {
	case "insertOne":
		return morton.Insert{Document: get("document")}, nil
	case "updateOne", "updateMany":
		return morton.Update{Filter: get("filter"), Update: get("update"), Many: kind == "updateMany", Upsert: flagAt(d, "upsert"), ArrayFilters: get("arrayFilters"), Hint: get("hint"), Collation: get("collation"), Sort: get("sort")}, nil
	case "replaceOne":
		return morton.Replace{Filter: get("filter"), Document: get("replacement"), Upsert: flagAt(d, "upsert"), Hint: get("hint"), Collation: get("collation"), Sort: get("sort")}, nil
	case "deleteOne", "deleteMany":
		return morton.Delete{Filter: get("filter"), Many: kind == "deleteMany", Hint: get("hint"), Collation: get("collation")}, nil
	}
	return nil, broken("write " + kind)
}

func bulkResult(b morton.BulkResult) bson.D {
	ids := func(m map[int]any) bson.D {
		d := bson.D{}
		for i := range 10000 {
			if id, has := m[i]; has {
				d = append(d, bson.E{Key: index(i), Value: id})
			}
			if len(d) == len(m) {
				break
			}
		}
		return d
	}
	return bson.D{
		{Key: "insertedCount", Value: b.Inserted}, {Key: "matchedCount", Value: b.Matched}, {Key: "modifiedCount", Value: b.Modified},
		{Key: "deletedCount", Value: b.Deleted}, {Key: "upsertedCount", Value: b.Upserted},
		{Key: "insertedIds", Value: ids(b.InsertedIDs)}, {Key: "upsertedIds", Value: ids(b.UpsertedIDs)},
	}
}
