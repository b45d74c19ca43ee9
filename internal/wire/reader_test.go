package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/mortondb/morton/internal/document"
)

// TestReaderEnds shows the error for each way in which a stream can end or go wrong, after one good message.
func TestReaderEnds(t *testing.T) {
	good := (&Msg{Body: doc(`{"ping": 1}`)}).Append(nil, 1, 0)
	header := func(length uint32) []byte {
		b := bytes.Clone(good[:HeaderSize])
		binary.LittleEndian.PutUint32(b, length)
		return b
	}
	tests := []struct {
		name string
		next []byte
		want error // nil: an *Error that is fatal
	}{
		{"clean end", nil, io.EOF},
		{"end inside the header", good[:3], io.ErrUnexpectedEOF},
		{"end after the header", good[:HeaderSize], io.ErrUnexpectedEOF},
		{"end inside the message", good[:len(good)-1], io.ErrUnexpectedEOF},
		{"length 15", header(15), nil},
		{"length 0", header(0), nil},
		{"length -1", header(1<<32 - 1), nil},
		{"length 48 MB + 1", header(MaxMessageSize + 1), nil},
		{"length 2 GB", header(1<<31 - 1), nil},
		{"length 48 MB, nothing comes", header(MaxMessageSize), io.ErrUnexpectedEOF},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := NewReader(bytes.NewReader(append(bytes.Clone(good), tt.next...)))
			if b, err := r.Next(); err != nil || !bytes.Equal(b, good) {
				t.Fatalf("first message: %x, %v", b, err)
			}
			_, err := r.Next()
			var e *Error
			if tt.want != nil && !errors.Is(err, tt.want) || tt.want == nil && (!errors.As(err, &e) || !e.Fatal) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

// TestReaderPieces shows that messages of all sizes come out whole however the bytes arrive, and that the buffer is
// small again after a large one.
func TestReaderPieces(t *testing.T) {
	var stream []byte
	var want [][]byte
	for _, size := range []int{5, 100, 4080, 4100, 16_000, 17_000, 70_000, 5, 300_000, 5_000_000, 5, 6} {
		b := raw(OpMsg, bytes.Repeat([]byte{byte(size)}, size))
		want = append(want, b)
		stream = append(stream, b...)
	}
	sources := map[string]func() io.Reader{
		"at once":     func() io.Reader { return bytes.NewReader(stream) },
		"halves":      func() io.Reader { return iotest.HalfReader(bytes.NewReader(stream)) },
		"single":      func() io.Reader { return iotest.OneByteReader(bytes.NewReader(stream)) },
		"with err":    func() io.Reader { return iotest.DataErrReader(bytes.NewReader(stream)) },
		"waiter":      func() io.Reader { return &testWaiter{src: bytes.NewReader(stream)} },
		"slow waiter": func() io.Reader { return &testWaiter{src: iotest.HalfReader(bytes.NewReader(stream)), dropFirst: true} },
	}
	for name, source := range sources {
		t.Run(name, func(t *testing.T) {
			r := NewReader(source())
			for i, b := range want {
				got, err := r.Next()
				if err != nil || !bytes.Equal(got, b) {
					t.Fatalf("message %d: %d bytes, %v; want %d bytes", i, len(got), err, len(b))
				}
			}
			if _, err := r.Next(); err != io.EOF {
				t.Errorf("at the end: %v", err)
			}
			if r.buf != nil && cap(r.buf.B) > readSize {
				t.Errorf("keeps a buffer of %d bytes", cap(r.buf.B))
			}
		})
	}
}

// testWaiter is a source that gives the buffer back before each read when dropFirst is set.
type testWaiter struct {
	src       io.Reader
	dropFirst bool
}

func (w *testWaiter) Read(p []byte) (int, error) { return w.src.Read(p) }

func (w *testWaiter) ReadInto(get func() []byte, drop func()) (int, error) {
	p := get()
	if w.dropFirst {
		drop()
		p = get()
	}
	return w.src.Read(p)
}

// TestReaderWaitsWithoutBuffer shows that a connection without traffic costs no buffer where the source can wait.
func TestReaderWaitsWithoutBuffer(t *testing.T) {
	w := &idleWaiter{message: (&Msg{Body: doc(`{"ping": 1}`)}).Append(nil, 1, 0)}
	r := NewReader(w)
	w.check = func() {
		if r.buf != nil {
			t.Error("there is a buffer while the source waits")
		}
	}
	for range 3 {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
}

// idleWaiter has nothing to read at first each time, and calls check while it waits.
type idleWaiter struct {
	message []byte
	check   func()
}

func (w *idleWaiter) Read([]byte) (int, error) { panic("the message has come whole") }

func (w *idleWaiter) ReadInto(get func() []byte, drop func()) (int, error) {
	get()
	drop()
	w.check()
	return copy(get(), w.message), nil
}

// TestReaderTakesNoMemoryForPromises shows that a header which announces 48 MB costs no more than what has come.
func TestReaderTakesNoMemoryForPromises(t *testing.T) {
	b := make([]byte, 100_000)
	binary.LittleEndian.PutUint32(b, MaxMessageSize)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := NewReader(bytes.NewReader(b)).Next(); err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("took %d bytes for %d", took, len(b))
	}
}

// TestReaderBuffered shows that what has been read beyond the last message can be handed to somebody else.
func TestReaderBuffered(t *testing.T) {
	message := raw(OpMsg, []byte("hello"))
	r := NewReader(bytes.NewReader(append(bytes.Clone(message), "stream"...)))
	if _, err := r.Next(); err != nil {
		t.Fatal(err)
	}
	if got := string(r.Buffered()); got != "stream" {
		t.Errorf("got %q", got)
	}
}

// TestBuffersAreLargeEnough shows that whatever is given back, what is borrowed has the capacity asked for.
func TestBuffersAreLargeEnough(t *testing.T) {
	for _, n := range []int{0, 1, 4095, 4096, 4097, 16384, 16385, 65536, 65537, 1 << 20, 1<<20 + 1, 4 << 20, 4<<20 + 1} {
		for _, back := range []int{0, 1, 4096, 5000, 16384, 60_000, 65536, 1 << 20, 4 << 20, 5 << 20} {
			(&Buffer{B: make([]byte, back)}).Free()
			b := GetBuffer(n)
			if cap(b.B) < n || len(b.B) != 0 {
				t.Fatalf("GetBuffer(%d) has %d of %d", n, len(b.B), cap(b.B))
			}
		}
	}
	(*Buffer)(nil).Free()
}

func BenchmarkReadAndParseMsg(b *testing.B) {
	message := (&Msg{Body: doc(`{"insert": "c", "lsid": {"id": {"$binary": {"base64": "AAAAAAAAAAAAAAAAAAAAAA==", "subType": "04"}}}, "$db": "test"}`),
		Sequences: []Sequence{{"documents", []document.Doc{doc(`{"_id": {"$oid": "5f1f7d3b2c9d440000000001"}, "x": 1, "name": "somebody"}`)}}}}).Append(nil, 1, 0)
	r := NewReader(&endless{message})
	var m Msg
	b.SetBytes(int64(len(message)))
	b.ReportAllocs()
	for b.Loop() {
		got, err := r.Next()
		if err == nil {
			err = m.Parse(got)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// endless is the same message again and again, one per read.
type endless struct{ message []byte }

func (e *endless) Read(p []byte) (int, error) { return copy(p, e.message), nil }
