package morton

import (
	"context"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
)

// Revisions of files with one name: 0 is the first, 1 the one after; -1 is the last, -2 the one before.
const (
	FirstRevision = 0
	LastRevision  = -1
)

// FileReader reads a file. It is used by one goroutine at a time.
type FileReader struct {
	ctx    context.Context
	cancel context.CancelFunc
	g      *GridFS
	file   File
	at     int64 // how many bytes are before the next
	cursor *Cursor[bson.Raw]
	next   int64  // the chunk that cursor comes to next
	data   []byte // what is left of the chunk before it; the cursor's memory
	err    error
}

var errDownloadOver = errors.New("morton: the download is over")

// Download writes the file to w and returns how many bytes it has. It returns [ErrNotFound] if there is none.
func (g *GridFS) Download(ctx context.Context, id any, w io.Writer) (int64, error) {
	return copyFile(w)(g.OpenDownload(ctx, id))
}

// DownloadByName is Download for a revision of the files with a name: [FirstRevision], [LastRevision] or another number.
func (g *GridFS) DownloadByName(ctx context.Context, name string, revision int, w io.Writer) (int64, error) {
	return copyFile(w)(g.OpenDownloadByName(ctx, name, revision))
}

func copyFile(w io.Writer) func(*FileReader, error) (int64, error) {
	return func(r *FileReader, err error) (int64, error) {
		if err != nil {
			return 0, err
		}
		defer r.Close()
		return r.WriteTo(w)
	}
}

// OpenDownload opens a file, or returns [ErrNotFound]. The context is that of all reads; the caller closes the reader.
func (g *GridFS) OpenDownload(ctx context.Context, id any) (*FileReader, error) {
	return g.open(ctx, bson.D{{Key: "_id", Value: id}}, FindOptions{}, id)
}

// OpenDownloadByName is OpenDownload for a revision of the files with a name.
func (g *GridFS) OpenDownloadByName(ctx context.Context, name string, revision int) (*FileReader, error) {
	o := FindOptions{Sort: bson.D{{Key: "uploadDate", Value: 1}}, Skip: int64(revision)}
	if revision < 0 {
		o = FindOptions{Sort: bson.D{{Key: "uploadDate", Value: -1}}, Skip: -int64(revision) - 1}
	}
	return g.open(ctx, bson.D{{Key: "filename", Value: name}}, o, fmt.Sprintf("%s, revision %d,", name, revision))
}

func (g *GridFS) open(ctx context.Context, filter bson.D, o FindOptions, what any) (*FileReader, error) {
	r := &FileReader{g: g}
	r.ctx, r.cancel = g.db.concerns.limit(ctx)
	var err error
	if r.file, err = g.files.FindOne(r.ctx, filter, o); err == nil {
		err = r.file.check()
	} else if errors.Is(err, ErrNotFound) {
		err = g.missing(what)
	}
	if err != nil {
		r.cancel()
		return nil, err
	}
	return r, nil
}

// check refuses numbers with which nothing can be read.
func (f *File) check() error {
	if f.Length < 0 || f.Length > 0 && f.ChunkSize <= 0 {
		return fmt.Errorf("%w: %v says that it has %d bytes in chunks of %d", ErrFileDamaged, f.ID, f.Length, f.ChunkSize)
	}
	return nil
}

// File returns what is known of the file.
func (r *FileReader) File() File { return r.file }

// Read reads the next bytes. The error at the end is io.EOF, after it was seen that there are no more chunks than there should be.
func (r *FileReader) Read(p []byte) (int, error) {
	if err := r.fill(); err != nil {
		return 0, err
	}
	n := copy(p, r.data)
	r.data, r.at = r.data[n:], r.at+int64(n)
	return n, nil
}

// WriteTo writes the rest of the file to w.
func (r *FileReader) WriteTo(w io.Writer) (n int64, err error) {
	for {
		if err := r.fill(); err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
		k, err := w.Write(r.data)
		r.data, r.at, n = r.data[k:], r.at+int64(k), n+int64(k)
		if err != nil {
			return n, err
		}
	}
}

// Seek moves to a place in the file, as io.Seeker says. Places behind the end are refused.
func (r *FileReader) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekStart:
	case io.SeekCurrent:
		offset += r.at
	case io.SeekEnd:
		offset += r.file.Length
	default:
		return r.at, fmt.Errorf("morton: %d is no place to seek from", whence)
	}
	switch {
	case r.err == errDownloadOver:
		return r.at, r.err
	case offset < 0 || offset > r.file.Length:
		return r.at, fmt.Errorf("morton: seek to %d in a file of %d bytes", offset, r.file.Length)
	}
	if step := offset - r.at; step >= 0 && step <= int64(len(r.data)) {
		r.data = r.data[step:]
	} else {
		r.rewind()
	}
	r.at = offset
	return offset, nil
}

// rewind forgets the cursor: the next bytes are elsewhere.
func (r *FileReader) rewind() {
	if r.cursor != nil {
		r.cursor.Close()
	}
	r.cursor, r.data = nil, nil
}

// Close ends the reading.
func (r *FileReader) Close() error {
	if r.err == errDownloadOver {
		return r.err
	}
	r.rewind()
	r.err = errDownloadOver
	r.cancel()
	return nil
}

// fill has bytes in data, or returns why there are none.
func (r *FileReader) fill() error {
	switch {
	case r.err != nil:
		return r.err
	case len(r.data) > 0:
		return nil
	case r.at == r.file.Length:
		return r.atEnd()
	}
	size := int64(r.file.ChunkSize)
	if r.cursor == nil {
		r.next = r.at / size
		r.cursor = r.g.read(r.ctx, r.file.ID, r.next)
	}
	if r.data, r.err = r.chunk(min(size, r.file.Length-r.next*size)); r.err != nil {
		return r.err
	}
	r.data = r.data[r.at-r.next*size:]
	r.next++
	return nil
}

// read returns the chunks of a file from one on.
func (g *GridFS) read(ctx context.Context, id any, from int64) *Cursor[bson.Raw] {
	filter := bson.D{{Key: "files_id", Value: id}}
	if from > 0 {
		filter = append(filter, bson.E{Key: "n", Value: bson.D{{Key: "$gte", Value: from}}})
	}
	raw := CollectionOf[bson.Raw](g.db, g.chunks.name)
	return raw.Find(ctx, filter, FindOptions{Sort: bson.D{{Key: "n", Value: 1}}})
}

// chunk returns the data of chunk next, which has that many bytes.
func (r *FileReader) chunk(size int64) ([]byte, error) {
	d, ok := r.cursor.next()
	if !ok {
		if err := r.cursor.Err(); err != nil {
			return nil, err
		}
		return nil, r.damaged("chunk %d is missing", r.next)
	}
	if n, _ := d.Lookup("n").AsInt64(); n != r.next {
		return nil, r.damaged("chunk %d is where %d should be", n, r.next)
	}
	data := d.Lookup("data")
	if data.Type != document.TypeBinary {
		return nil, r.damaged("chunk %d has no data", r.next)
	}
	_, bytes := data.Binary()
	if int64(len(bytes)) != size {
		return nil, r.damaged("chunk %d has %d bytes and not %d", r.next, len(bytes), size)
	}
	return bytes, nil
}

// atEnd returns io.EOF, or that there is another chunk. An empty one was left there by drivers of old.
func (r *FileReader) atEnd() error {
	if r.cursor == nil {
		return io.EOF
	}
	for {
		d, more := r.cursor.next()
		if !more {
			break
		}
		if _, bytes := d.Lookup("data").Binary(); len(bytes) > 0 {
			r.err = r.damaged("there is a chunk behind the last")
			return r.err
		}
	}
	if r.err = r.cursor.Err(); r.err != nil {
		return r.err
	}
	return io.EOF
}

func (r *FileReader) damaged(format string, values ...any) error {
	return fmt.Errorf("%w: %v, %q: %s", ErrFileDamaged, r.file.ID, r.file.Name, fmt.Sprintf(format, values...))
}
