package wire

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mortondb/morton/internal/document"
)

// seeds are one message of each kind, the starting points of fuzzing.
func seeds() [][]byte {
	d := doc(`{"find": "c", "filter": {"x": {"$gt": 1.5}, "y": ["a", null, true]}, "$db": "test"}`)
	messages := []message{
		&Msg{Body: d},
		&Msg{Flags: ChecksumPresent | ExhaustAllowed, Body: d, Sequences: []Sequence{{"documents", []document.Doc{d, document.Empty}}}},
		&Query{Flags: SlaveOK, Namespace: "admin.$cmd", Return: -1, Query: doc(`{"ismaster": 1}`)},
		&Query{Namespace: "test.c", Query: d, Fields: doc(`{"x": 1}`)},
		&GetMore{Namespace: "test.c", Return: 10, CursorID: 1234567890123},
		&Insert{Flags: ContinueOnError, Namespace: "test.c", Docs: []document.Doc{d, d}},
		&Update{Flags: Upsert, Namespace: "test.c", Selector: d, Update: d},
		&Delete{Namespace: "test.c", Selector: d},
		&KillCursors{CursorIDs: []int64{1, 2}},
		&Reply{Flags: AwaitCapable, CursorID: 5, Docs: []document.Doc{d}},
	}
	var all [][]byte
	for _, m := range messages {
		b := m.append(nil, 1, 2)
		all = append(all, b)
		for c := Noop; c <= Zstd; c++ {
			packed, err := AppendCompressed(nil, b, c)
			if err != nil {
				panic(err)
			}
			all = append(all, packed)
		}
	}
	return all
}

// FuzzReadMessage feeds a stream of arbitrary bytes through everything that reads. Nothing may panic, every document
// that comes out is valid, and a message that was understood is, written again, understood as the same.
func FuzzReadMessage(f *testing.F) {
	var stream []byte
	for _, b := range seeds() {
		f.Add(b)
		stream = append(stream, b...)
	}
	f.Add(stream)
	f.Fuzz(func(t *testing.T, b []byte) {
		r := NewReader(bytes.NewReader(b))
		for {
			got, err := r.Next()
			if err != nil {
				var e *Error
				if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.As(err, &e) {
					t.Fatalf("unexpected error %v", err)
				}
				return
			}
			understand(t, got)
		}
	})
}

// FuzzDecompress feeds arbitrary bytes to each compressor, so that the fuzzer need not find the header by itself.
func FuzzDecompress(f *testing.F) {
	for _, b := range seeds() {
		if ParseHeader(b).OpCode == OpCompressed {
			f.Add(b[compressedPrefix-1], uint32(len(b)), b[compressedPrefix:])
		}
	}
	f.Fuzz(func(t *testing.T, c byte, size uint32, data []byte) {
		b := compressed(OpMsg, size%(1<<20), c, data)
		buf, err := Decompress(b)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || !e.Fatal {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		if len(buf.B) != HeaderSize+int(size%(1<<20)) {
			t.Fatalf("%d bytes instead of %d", len(buf.B), size)
		}
		understand(t, buf.B)
		buf.Free()
	})
}

func understand(t *testing.T, b []byte) {
	h := ParseHeader(b)
	if h.OpCode == OpCompressed {
		if buf, err := Decompress(b); err == nil {
			understand(t, buf.B)
			buf.Free()
		}
		return
	}
	m, err := parse(b)
	if err != nil {
		return
	}
	for _, d := range documents(m) {
		if err := document.Validate(d, document.MaxDepth+1); err != nil {
			t.Fatalf("%T with an invalid document: %v", m, err)
		}
	}
	again, err := parse(m.append(nil, h.RequestID, h.ResponseTo))
	if err != nil {
		t.Fatalf("%T written again is not understood: %v", m, err)
	}
	if diff := cmp.Diff(m, again, equalDocs); diff != "" {
		t.Fatalf("%T written again differs:\n%s", m, diff)
	}
}

// documents returns all documents of a message.
func documents(m message) (docs []document.Doc) {
	switch m := m.(type) {
	case *Msg:
		docs = append(docs, m.Body)
		for _, s := range m.Sequences {
			docs = append(docs, s.Docs...)
		}
	case *Query:
		docs = append(docs, m.Query)
		if m.Fields != nil {
			docs = append(docs, m.Fields)
		}
	case *Insert:
		docs = m.Docs
	case *Update:
		docs = append(docs, m.Selector, m.Update)
	case *Delete:
		docs = append(docs, m.Selector)
	case *Reply:
		docs = m.Docs
	}
	return docs
}
