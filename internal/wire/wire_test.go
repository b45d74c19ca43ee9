package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/mortondb/morton/internal/document"
)

// doc makes a document of Extended JSON.
func doc(text string) document.Doc {
	d, err := document.FromJSON(text)
	if err != nil {
		panic(err)
	}
	return d
}

// raw makes a message of an opcode and what follows the header.
func raw(op OpCode, parts ...[]byte) []byte {
	b := appendHeader(nil, 7, 0, op)
	for _, p := range parts {
		b = append(b, p...)
	}
	return finish(b, 0)
}

func le32(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }

func body(d document.Doc) []byte { return append([]byte{sectionBody}, d...) }

// sequence makes a section of kind 1 that says it has the given size; 0 means the true one.
func sequence(name string, size uint32, docs ...document.Doc) []byte {
	b := (&Sequence{Name: name, Docs: docs}).append(nil)
	if size != 0 {
		binary.LittleEndian.PutUint32(b[1:], size)
	}
	return b
}

// nested returns a document with depth documents inside each other below it.
func nested(depth int) document.Doc {
	d := document.Doc{5, 0, 0, 0, 0}
	for range depth {
		b := le32(uint32(len(d) + 8))
		b = append(b, byte(document.TypeDocument), 'a', 0)
		b = append(b, d...)
		d = append(b, 0)
	}
	return d
}

// badType is a document with a field of a type that does not exist.
var badType = document.Doc("\x0c\x00\x00\x00\x55a\x00\x01\x00\x00\x00\x00")

func checkError(t *testing.T, err error, fatal bool, code int32, text string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want an *Error", err)
	}
	if e.Fatal != fatal || e.Code != code || !strings.Contains(e.Message, text) {
		t.Errorf("got %+v, want fatal %v, code %d, a message with %q", *e, fatal, code, text)
	}
}

func manySequences(n int) (b []byte) {
	for i := range n {
		b = append(b, sequence(document.Index(i), 0)...)
	}
	return b
}

func manyDocs(n int) []document.Doc {
	docs := make([]document.Doc, n)
	for i := range docs {
		docs[i] = document.Empty
	}
	return docs
}

func docOfSize(n int) document.Doc {
	var b document.Builder
	b.AppendInt32("_id", 1)
	b.AppendString("s", strings.Repeat("x", n-b.Size()-len("\x02s\x00\x00\x00\x00\x00\x00")-1))
	return b.Finish()
}

// equalDocs compares documents by their bytes at once, and takes an empty slice for a nil one.
var equalDocs = cmp.Options{
	cmpopts.EquateEmpty(),
	cmp.FilterValues(func(a, b document.Doc) bool { return len(a) > 0 || len(b) > 0 },
		cmp.Comparer(func(a, b document.Doc) bool { return bytes.Equal(a, b) })),
}
