package morton

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
)

// GridFS keeps files of any size in two collections: what is known of each file, and its bytes in chunks. It is used from all goroutines.
type GridFS struct {
	db        *Database
	name      string
	chunkSize int
	files     *Collection[File]
	chunks    *Collection[chunk]

	mu      sync.Mutex
	indexed bool // the indexes are there
}

// GridFSOptions are options of [Database.GridFS].
type GridFSOptions struct {
	Name      string // of the collections, before ".files" and ".chunks"; empty: "fs"
	ChunkSize int    // bytes in a chunk of a new file; 0: 255 KiB
}

// chunkSizeDefault leaves room in 256 KiB for what is in a chunk's document beside its bytes (specification "GridFS").
const chunkSizeDefault = 255 << 10

// File is what is known of a file.
type File struct {
	ID         any       `bson:"_id"`
	Length     int64     `bson:"length"`
	ChunkSize  int32     `bson:"chunkSize"`
	UploadDate time.Time `bson:"uploadDate"`
	Name       string    `bson:"filename"`
	Metadata   bson.Raw  `bson:"metadata,omitempty"`
}

// chunk is a piece of a file.
type chunk struct {
	ID   bson.ObjectID `bson:"_id"`
	File any           `bson:"files_id"`
	N    int32         `bson:"n"`
	Data []byte        `bson:"data"`
}

// ErrFileDamaged: a file's chunks are not those that its length and chunk size demand.
var ErrFileDamaged = errors.New("morton: the file is damaged")

// GridFS returns the database's files. Nothing is sent: the collections and their indexes come into being with the first file.
func (d *Database) GridFS(options ...GridFSOptions) *GridFS {
	o := one(options)
	if o.Name == "" {
		o.Name = "fs"
	}
	if o.ChunkSize == 0 {
		o.ChunkSize = chunkSizeDefault
	}
	return &GridFS{
		db: d, name: o.Name, chunkSize: o.ChunkSize,
		files: CollectionOf[File](d, o.Name+".files"), chunks: CollectionOf[chunk](d, o.Name+".chunks"),
	}
}

// Find returns what is known of the files that match filter, such as bson.D{{"filename", "a.txt"}}.
func (g *GridFS) Find(ctx context.Context, filter any, options ...FindOptions) *Cursor[File] {
	return g.files.Find(ctx, filter, options...)
}

// Rename gives the file another name, or returns [ErrNotFound].
func (g *GridFS) Rename(ctx context.Context, id any, name string) error {
	r, err := g.files.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}}, bson.D{{Key: "$set", Value: bson.D{{Key: "filename", Value: name}}}})
	if err == nil && r.Matched == 0 && g.files.concerns.acknowledged {
		return g.missing(id)
	}
	return err
}

// Delete deletes the file, or returns [ErrNotFound]. Chunks that a deletion left over which was interrupted are deleted in either case.
func (g *GridFS) Delete(ctx context.Context, id any) error {
	ctx, cancel := g.db.concerns.limit(ctx)
	defer cancel()
	n, err := g.files.DeleteOne(ctx, bson.D{{Key: "_id", Value: id}})
	if err != nil {
		return err
	}
	if _, err := g.chunks.DeleteMany(ctx, bson.D{{Key: "files_id", Value: id}}); err != nil {
		return err
	}
	if n == 0 && g.files.concerns.acknowledged {
		return g.missing(id)
	}
	return nil
}

// Drop drops all files.
func (g *GridFS) Drop(ctx context.Context) error {
	ctx, cancel := g.db.concerns.limit(ctx)
	defer cancel()
	g.mu.Lock()
	g.indexed = false
	g.mu.Unlock()
	if err := g.files.Drop(ctx); err != nil {
		return err
	}
	return g.chunks.Drop(ctx)
}

func (g *GridFS) missing(what any) error {
	return fmt.Errorf("morton: no file %v in %s: %w", what, g.name, ErrNotFound)
}

// prepare makes the indexes before the first file. Where there are files somebody has decided about indexes, and building them would take
// long.
func (g *GridFS) prepare(ctx context.Context) error {
	g.mu.Lock()
	indexed := g.indexed
	g.mu.Unlock()
	if indexed { // two goroutines may both find that it is not: the same index twice is one
		return nil
	}
	primary := g.files.With(Settings{ReadPreference: &ReadPreference{}})
	_, err := primary.FindOne(ctx, nil, FindOptions{Projection: bson.D{{Key: "_id", Value: 1}}})
	if errors.Is(err, ErrNotFound) {
		err = ensureIndex(ctx, g.files, bson.D{{Key: "filename", Value: 1}, {Key: "uploadDate", Value: 1}}, IndexOptions{})
		if err == nil {
			err = ensureIndex(ctx, g.chunks, bson.D{{Key: "files_id", Value: 1}, {Key: "n", Value: 1}}, IndexOptions{Unique: true})
		}
	}
	if err != nil {
		return err
	}
	g.mu.Lock()
	g.indexed = true
	g.mu.Unlock()
	return nil
}

// ensureIndex makes an index unless there is one with the keys, whatever its name and the type of its numbers: the shell once made doubles.
func ensureIndex[T any](ctx context.Context, c *Collection[T], keys bson.D, o IndexOptions) error {
	wanted, err := c.codec().marshal(keys)
	if err != nil {
		return err
	}
	for index, err := range c.Indexes(ctx).All() {
		if err != nil {
			return err
		}
		if document.Compare(document.Doc(index).Lookup("key"), wanted.AsValue()) == 0 {
			return nil
		}
	}
	_, err = c.CreateIndex(ctx, keys, o)
	return err
}
