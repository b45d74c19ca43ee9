package specification

import (
	"bytes"
	"context"
	"encoding/hex"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// createBucket makes a GridFS. The concerns that a bucket may have are those of the database here.
func (r *run) createBucket(id string, spec bson.D) error {
	db := r.entities[textAt(spec, "database")].(*morton.Database)
	var o morton.GridFSOptions
	var concerns bson.D
	for _, e := range documentAt(spec, "bucketOptions") {
		switch e.Key {
		case "bucketName":
			o.Name = e.Value.(string)
		case "chunkSizeBytes":
			o.ChunkSize = int(integer(e.Value))
		default:
			concerns = append(concerns, e)
		}
	}
	s, err := settings(concerns)
	if err != nil {
		return err
	}
	r.entities[id] = &bucket{db.With(s), o}
	return nil
}

// bucket is a GridFS and what it was made of.
type bucket struct {
	db      *morton.Database
	options morton.GridFSOptions
}

func (r *run) onBucket(ctx context.Context, b *bucket, name string, args bson.D) (any, error) {
	g := b.db.GridFS(b.options)
	id, _ := field(args, "id")
	switch name {
	case "upload", "uploadWithId":
		return upload(ctx, g, id, args)
	case "download":
		var w bytes.Buffer
		_, err := g.Download(ctx, id, &w)
		return w.Bytes(), err
	case "downloadByName":
		revision := morton.LastRevision
		if v, has := field(args, "revision"); has {
			revision = int(integer(v))
		}
		var w bytes.Buffer
		_, err := g.DownloadByName(ctx, textAt(args, "filename"), revision, &w)
		return w.Bytes(), err
	case "find":
		o, err := findOptions(args)
		if err != nil {
			return nil, err
		}
		files, err := g.Find(ctx, filterOf(args), o).Slice()
		list := bson.A{}
		for _, f := range files {
			raw, err := bson.Marshal(f)
			if err != nil {
				return nil, err
			}
			list = append(list, bson.Raw(raw))
		}
		return list, err
	case "delete":
		return nil, g.Delete(ctx, id)
	case "rename":
		return nil, g.Rename(ctx, id, textAt(args, "newFilename"))
	case "drop":
		return nil, g.Drop(ctx)
	}
	return nil, broken("operation " + name + " of buckets")
}

func upload(ctx context.Context, g *morton.GridFS, id any, args bson.D) (any, error) {
	o := morton.UploadOptions{ID: id}
	deprecated := false
	if err := each(without(args, "id", "filename", "source"), func(e bson.E) bool {
		switch e.Key {
		case "chunkSizeBytes":
			o.ChunkSize = int(integer(e.Value))
		case "metadata":
			o.Metadata = e.Value
		case "disableMD5": // there are none
			return e.Value.(bool)
		case "contentType":
			deprecated = true
		default:
			return false
		}
		return true
	}); err != nil {
		return nil, err
	}
	if deprecated {
		return nil, skip("the specification deprecates contentType: it belongs to the metadata")
	}
	source, err := hex.DecodeString(textAt(documentAt(args, "source"), "$$hexBytes"))
	if err != nil {
		return nil, broken(fmt.Sprint("the source: ", err))
	}
	return g.Upload(ctx, textAt(args, "filename"), bytes.NewReader(source), o)
}
