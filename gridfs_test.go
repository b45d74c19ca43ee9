package morton_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// TestGridFS puts files in and gets them out, damages some, and looks at what the collections have.
func TestGridFS(t *testing.T) {
	eachServer(t, 1, func(t *testing.T, hosts []string) {
		db := connect(t, hosts, "").Database("files")
		t.Run("whole", func(t *testing.T) { testFilesWhole(t, db.GridFS(morton.GridFSOptions{Name: "whole", ChunkSize: 10})) })
		t.Run("large", func(t *testing.T) { testLargeFile(t, db.GridFS(morton.GridFSOptions{Name: "large"})) })
		t.Run("seek", func(t *testing.T) { testFileSeek(t, db.GridFS(morton.GridFSOptions{Name: "seek", ChunkSize: 7})) })
		t.Run("revisions", func(t *testing.T) { testFileRevisions(t, db) })
		t.Run("damaged", func(t *testing.T) { testFilesDamaged(t, db) })
		t.Run("given up", func(t *testing.T) { testFilesGivenUp(t, db) })
		t.Run("indexes", func(t *testing.T) { testFileIndexes(t, db) })
	})
}

func testFilesWhole(t *testing.T, g *morton.GridFS) {
	ctx := t.Context()
	for _, size := range []int{0, 1, 9, 10, 11, 20, 95} {
		content := bytes.Repeat([]byte{'x', byte(size)}, size)[:size]
		id, err := g.Upload(ctx, "f", iotest.OneByteReader(bytes.NewReader(content)), morton.UploadOptions{Metadata: d("size", size)})
		must(t, err)
		var got bytes.Buffer
		n, err := g.Download(ctx, id, &got)
		must(t, err)
		if n != int64(size) || !bytes.Equal(got.Bytes(), content) {
			t.Fatalf("%d bytes came back as %d: %q", size, n, got.Bytes())
		}
		r, err := g.OpenDownload(ctx, id)
		must(t, err)
		must(t, iotest.TestReader(r, content))
		must(t, r.Close())
		f := r.File()
		if f.ID != id || f.Length != int64(size) || f.ChunkSize != 10 || f.Name != "f" || f.Metadata.Lookup("size").Int32() != int32(size) {
			t.Fatalf("%+v", f)
		}
		must(t, g.Rename(ctx, id, "g"))
		files, err := g.Find(ctx, d("filename", "g")).Slice()
		must(t, err)
		same(t, len(files), 1)
		must(t, g.Delete(ctx, id))
	}
	for _, err := range []error{g.Delete(ctx, 1), g.Rename(ctx, 1, "x"), second(g.Download(ctx, 1, io.Discard))} {
		if !errors.Is(err, morton.ErrNotFound) {
			t.Errorf("file 1, which is not there: %v", err)
		}
	}
	must(t, g.Drop(ctx))
}

func second[T any](_ T, err error) error { return err }

func testLargeFile(t *testing.T, g *morton.GridFS) {
	ctx := t.Context()
	random := rand.NewChaCha8([32]byte{1})
	content := make([]byte, 9<<20+123) // more than is sent at once
	random.Read(content)
	id, err := g.Upload(ctx, "large", bytes.NewReader(content), morton.UploadOptions{ID: "large"})
	must(t, err)
	same(t, id, any("large"))
	var got bytes.Buffer
	_, err = g.Download(ctx, id, &got)
	must(t, err)
	if !bytes.Equal(got.Bytes(), content) {
		t.Fatal("other bytes came back")
	}
}

func testFileSeek(t *testing.T, g *morton.GridFS) {
	ctx := t.Context()
	content := []byte(strings.Repeat("0123456789", 10))
	id, err := g.Upload(ctx, "f", bytes.NewReader(content))
	must(t, err)
	r, err := g.OpenDownload(ctx, id)
	must(t, err)
	defer r.Close()
	like := bytes.NewReader(content)
	random := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		offset, size := random.Int64N(int64(len(content)+1)), random.IntN(20)
		at, err := r.Seek(offset, io.SeekStart)
		must(t, err)
		same(t, at, offset)
		like.Seek(offset, io.SeekStart)
		got, want := make([]byte, size), make([]byte, size)
		n, err := io.ReadFull(r, got)
		m, wanted := io.ReadFull(like, want)
		if n != m || err != wanted || !bytes.Equal(got, want) {
			t.Fatalf("%d bytes at %d: %q, %v; want %q, %v", size, offset, got[:n], err, want[:m], wanted)
		}
	}
	for _, offset := range []int64{-1, int64(len(content)) + 1} {
		if _, err := r.Seek(offset, io.SeekStart); err == nil {
			t.Errorf("seek to %d is possible", offset)
		}
	}
}

func testFileRevisions(t *testing.T, db *morton.Database) {
	g, files := db.GridFS(), db.Collection("fs.files")
	ctx := t.Context()
	for i := range 3 {
		must(t, second(g.Upload(ctx, "f", strings.NewReader(fmt.Sprint(i)))))
		// Revisions are ordered by milliseconds: have them differ whatever the clock does.
		must(t, second(files.UpdateMany(ctx, d("filename", "f"), bson.A{d("$set", d("uploadDate", d("$subtract", bson.A{"$uploadDate", 1000})))})))
	}
	for revision, want := range map[int]string{0: "0", 1: "1", 2: "2", -1: "2", -2: "1", -3: "0"} {
		var got strings.Builder
		must(t, second(g.DownloadByName(ctx, "f", revision, &got)))
		same(t, got.String(), want)
	}
	for _, revision := range []int{3, -4} {
		if _, err := g.OpenDownloadByName(ctx, "f", revision); !errors.Is(err, morton.ErrNotFound) {
			t.Errorf("revision %d: %v", revision, err)
		}
	}
}

func testFilesDamaged(t *testing.T, db *morton.Database) {
	ctx := t.Context()
	g := db.GridFS(morton.GridFSOptions{Name: "damaged", ChunkSize: 4})
	chunks := db.Collection("damaged.chunks")
	damage := map[string]struct {
		do    func(id any) error
		whole bool
	}{
		"the first is missing": {do: func(id any) error { return second(chunks.DeleteOne(ctx, d("files_id", id, "n", 0))) }},
		"one is missing":       {do: func(id any) error { return second(chunks.DeleteOne(ctx, d("files_id", id, "n", 1))) }},
		"the last is missing":  {do: func(id any) error { return second(chunks.DeleteOne(ctx, d("files_id", id, "n", 2))) }},
		"one is short": {do: func(id any) error {
			return second(chunks.UpdateOne(ctx, d("files_id", id, "n", 1), d("$set", d("data", []byte("abc")))))
		}},
		"the last is long": {do: func(id any) error {
			return second(chunks.UpdateOne(ctx, d("files_id", id, "n", 2), d("$set", d("data", []byte("abc")))))
		}},
		"one is text": {do: func(id any) error {
			return second(chunks.UpdateOne(ctx, d("files_id", id, "n", 1), d("$set", d("data", "abcd"))))
		}},
		"one more": {do: func(id any) error {
			return second(chunks.InsertOne(ctx, d("files_id", id, "n", 3, "data", []byte("a"))))
		}},
		"one more, empty": {whole: true, do: func(id any) error {
			return second(chunks.InsertOne(ctx, d("files_id", id, "n", 3, "data", []byte{})))
		}},
	}
	for name, c := range damage {
		t.Run(name, func(t *testing.T) {
			id, err := g.Upload(ctx, name, strings.NewReader("0123456789"))
			must(t, err)
			must(t, c.do(id))
			_, err = g.Download(ctx, id, io.Discard)
			if c.whole && err != nil || !c.whole && !errors.Is(err, morton.ErrFileDamaged) {
				t.Error(err)
			}
		})
	}
}

func testFilesGivenUp(t *testing.T, db *morton.Database) {
	g := db.GridFS(morton.GridFSOptions{Name: "up", ChunkSize: 1 << 20})
	gone := errors.New("gone")
	content := io.MultiReader(bytes.NewReader(make([]byte, 6<<20)), iotest.ErrReader(gone))
	if _, err := g.Upload(t.Context(), "f", content); err != gone {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	w, err := g.OpenUpload(ctx, "f")
	must(t, err)
	must(t, second(w.Write(make([]byte, 6<<20))))
	chunks := db.Collection("up.chunks")
	n, err := chunks.Count(t.Context(), nil)
	must(t, err)
	same(t, n, int64(4))
	cancel()
	if err := w.Close(); !errors.Is(err, context.Canceled) {
		t.Errorf("close after the context's end: %v", err)
	}
	must(t, w.Abort())
	for _, c := range []string{"up.files", "up.chunks"} {
		n, err := db.Collection(c).Count(t.Context(), nil)
		must(t, err)
		if n != 0 {
			t.Errorf("%d documents are left in %s", n, c)
		}
	}
	if _, err := w.Write([]byte("x")); err == nil {
		t.Error("an upload that was given up takes bytes")
	}
}

func testFileIndexes(t *testing.T, db *morton.Database) {
	ctx := t.Context()
	names := func(collection string) (names []string) {
		for index, err := range db.Collection(collection).Indexes(ctx).All() {
			must(t, err)
			names = append(names, index.Lookup("name").StringValue())
		}
		return names
	}
	// An index of the shell, with numbers of another type and another name, is as good.
	_, err := db.Collection("ix.files").CreateIndex(ctx, d("filename", 1.0, "uploadDate", 1.0), morton.IndexOptions{Name: "mine"})
	must(t, err)
	must(t, second(db.GridFS(morton.GridFSOptions{Name: "ix"}).Upload(ctx, "f", strings.NewReader("x"))))
	same(t, names("ix.files"), []string{"_id_", "mine"})
	same(t, names("ix.chunks"), []string{"_id_", "files_id_1_n_1"})
	// Where there are files none is made.
	must(t, db.Collection("ix.chunks").DropIndex(ctx, "files_id_1_n_1"))
	must(t, second(db.GridFS(morton.GridFSOptions{Name: "ix"}).Upload(ctx, "f", strings.NewReader("x"))))
	same(t, names("ix.chunks"), []string{"_id_"})
}
