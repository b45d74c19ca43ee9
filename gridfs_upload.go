package morton

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// UploadOptions are options of uploads.
type UploadOptions struct {
	ID        any // the file's; nil: an ObjectID that is made here
	ChunkSize int // 0: that of the GridFS
	Metadata  any // a document of the program's own
}

// FileWriter writes a file. It is used by one goroutine at a time. The file is there once Close has returned nil.
type FileWriter struct {
	ctx    context.Context
	cancel context.CancelFunc
	g      *GridFS
	file   File
	buf    []byte // what was not sent yet: whole chunks and the beginning of another
	sent   int32  // chunks
	err    error  // why nothing can be written any more
}

// uploadMax is how many bytes wait to be sent together.
const uploadMax = 4 << 20

var errUploadOver = errors.New("morton: the upload is over")

// Upload makes a file of what r has, and returns its id. If it fails nothing is left of the file.
func (g *GridFS) Upload(ctx context.Context, name string, r io.Reader, options ...UploadOptions) (id any, err error) {
	w, err := g.OpenUpload(ctx, name, options...)
	if err != nil {
		return nil, err
	}
	if _, err = w.ReadFrom(r); err == nil {
		err = w.Close()
	}
	if err != nil {
		_ = w.Abort() // the first error says more
		return nil, err
	}
	return w.ID(), nil
}

// OpenUpload begins a file. Its caller ends it with Close or Abort; the context is that of all writes. Files with one name are revisions:
// see [GridFS.DownloadByName].
func (g *GridFS) OpenUpload(ctx context.Context, name string, options ...UploadOptions) (*FileWriter, error) {
	o := one(options)
	if o.ID == nil {
		o.ID = bson.NewObjectID()
	}
	if o.ChunkSize == 0 {
		o.ChunkSize = g.chunkSize
	}
	if o.ChunkSize < 0 || o.ChunkSize >= documentMax {
		return nil, fmt.Errorf("morton: a chunk of %d bytes: use less than %d, so that it fits into a document", o.ChunkSize, documentMax)
	}
	w := &FileWriter{g: g, file: File{ID: o.ID, ChunkSize: int32(o.ChunkSize), Name: name}}
	if o.Metadata != nil {
		metadata, err := g.db.client.codec.marshal(o.Metadata)
		if err != nil {
			return nil, err
		}
		w.file.Metadata = bson.Raw(metadata.Clone())
	}
	w.ctx, w.cancel = g.db.concerns.limit(ctx)
	if err := g.prepare(w.ctx); err != nil {
		w.cancel()
		return nil, err
	}
	return w, nil
}

// ID returns the file's id.
func (w *FileWriter) ID() any { return w.file.ID }

// Write adds p to the file's end.
func (w *FileWriter) Write(p []byte) (n int, err error) {
	for len(p) > 0 && w.err == nil {
		room := w.room()
		k := min(len(p), len(room))
		w.took(copy(room, p[:k]))
		p, n = p[k:], n+k
	}
	return n, w.err
}

// ReadFrom adds all that r has.
func (w *FileWriter) ReadFrom(r io.Reader) (n int64, err error) {
	for w.err == nil {
		k, err := r.Read(w.room())
		n += int64(k)
		w.took(k)
		switch {
		case err == io.EOF:
			return n, w.err
		case err != nil:
			return n, err
		}
	}
	return n, w.err
}

// room returns where the next bytes go; it is never empty.
func (w *FileWriter) room() []byte {
	if w.buf == nil {
		size := int(w.file.ChunkSize)
		w.buf = make([]byte, 0, max(1, uploadMax/size)*size)
	}
	return w.buf[len(w.buf):cap(w.buf)]
}

// took notes that k bytes were put into room, and sends chunks if it is full.
func (w *FileWriter) took(k int) {
	w.buf = w.buf[:len(w.buf)+k]
	w.file.Length += int64(k)
	if len(w.buf) == cap(w.buf) {
		w.err = w.send()
	}
}

// send sends all that waits; only the file's end is no whole chunk.
func (w *FileWriter) send() error {
	size := int(w.file.ChunkSize)
	var chunks []chunk
	for rest := w.buf; len(rest) > 0; {
		k := min(size, len(rest))
		if w.sent == math.MaxInt32 {
			return fmt.Errorf("morton: %s has more chunks than can be counted: use a greater chunk size", w.file.Name)
		}
		chunks = append(chunks, chunk{ID: bson.NewObjectID(), File: w.file.ID, N: w.sent, Data: rest[:k]})
		rest = rest[k:]
		w.sent++
	}
	w.buf = w.buf[:0]
	if len(chunks) == 0 {
		return nil
	}
	_, err := w.g.chunks.InsertMany(w.ctx, chunks)
	return err
}

// Close sends the rest and makes the file one that is found.
func (w *FileWriter) Close() error {
	if w.err != nil {
		return w.err
	}
	if w.err = w.send(); w.err != nil {
		return w.err
	}
	w.file.UploadDate = time.Now().UTC().Truncate(time.Millisecond)
	if _, w.err = w.g.files.InsertOne(w.ctx, w.file); w.err != nil {
		return w.err
	}
	w.end()
	return nil
}

func (w *FileWriter) end() {
	w.err, w.buf = errUploadOver, nil
	w.cancel()
}

// Abort gives the file up and deletes what was sent of it, also when the context is over. After Close it does nothing but return an error.
func (w *FileWriter) Abort() error {
	if w.err == errUploadOver {
		return w.err
	}
	w.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(w.ctx), killTime)
	defer cancel()
	_, err := w.g.chunks.DeleteMany(ctx, bson.D{{Key: "files_id", Value: w.file.ID}})
	return err
}
