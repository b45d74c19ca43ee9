package wire

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/mortondb/morton/internal/document"
)

// TestRoundTrip shows that what Append writes, through a Reader that gets it in pieces, Parse reads back.
func TestRoundTrip(t *testing.T) {
	const seed = 1
	r := rand.New(rand.NewPCG(seed, seed))
	for i := range 500 {
		want := randomMessage(r)
		b := want.append(nil, int32(i), int32(i-1))
		var src io.Reader = bytes.NewReader(b)
		if i%2 == 0 {
			src = iotest.HalfReader(src)
		}
		got, err := NewReader(src).Next()
		if err != nil {
			t.Fatalf("seed %d, message %d: %v", seed, i, err)
		}
		h := ParseHeader(got)
		if int(h.Length) != len(b) || h.RequestID != int32(i) || h.OpCode != want.op() {
			t.Fatalf("seed %d, message %d: header %+v of %d bytes, want opcode %v", seed, i, h, len(b), want.op())
		}
		back, err := parse(got)
		if err != nil {
			t.Fatalf("seed %d, message %d: %v", seed, i, err)
		}
		if diff := cmp.Diff(want, back, equalDocs); diff != "" {
			t.Fatalf("seed %d, message %d (-want +got):\n%s", seed, i, diff)
		}
	}
}

// message is any of the messages, for the tests that treat them alike.
type message interface {
	op() OpCode
	append(dst []byte, requestID, responseTo int32) []byte
}

func (m *Msg) op() OpCode         { return OpMsg }
func (m *Query) op() OpCode       { return OpQuery }
func (m *GetMore) op() OpCode     { return OpGetMore }
func (m *Insert) op() OpCode      { return OpInsert }
func (m *Update) op() OpCode      { return OpUpdate }
func (m *Delete) op() OpCode      { return OpDelete }
func (m *KillCursors) op() OpCode { return OpKillCursors }
func (m *Reply) op() OpCode       { return OpReply }

func (m *Msg) append(dst []byte, id, to int32) []byte        { return m.Append(dst, id, to) }
func (m *Reply) append(dst []byte, id, to int32) []byte      { return m.Append(dst, id, to) }
func (m *Query) append(dst []byte, id, _ int32) []byte       { return m.Append(dst, id) }
func (m *GetMore) append(dst []byte, id, _ int32) []byte     { return m.Append(dst, id) }
func (m *Insert) append(dst []byte, id, _ int32) []byte      { return m.Append(dst, id) }
func (m *Update) append(dst []byte, id, _ int32) []byte      { return m.Append(dst, id) }
func (m *Delete) append(dst []byte, id, _ int32) []byte      { return m.Append(dst, id) }
func (m *KillCursors) append(dst []byte, id, _ int32) []byte { return m.Append(dst, id) }

// parse reads a message of any opcode but OP_COMPRESSED.
func parse(b []byte) (message, error) {
	switch op := ParseHeader(b).OpCode; op {
	case OpMsg:
		m := new(Msg)
		return m, m.Parse(b)
	case OpQuery:
		m := new(Query)
		return m, m.Parse(b)
	case OpGetMore:
		m := new(GetMore)
		return m, m.Parse(b)
	case OpInsert:
		m := new(Insert)
		return m, m.Parse(b)
	case OpUpdate:
		m := new(Update)
		return m, m.Parse(b)
	case OpDelete:
		m := new(Delete)
		return m, m.Parse(b)
	case OpKillCursors:
		m := new(KillCursors)
		return m, m.Parse(b)
	case OpReply:
		m := new(Reply)
		return m, m.Parse(b)
	default:
		return nil, fatal("unknown %v", op)
	}
}

func randomMessage(r *rand.Rand) message {
	ns := []string{"test.c", "admin.$cmd", ""}[r.IntN(3)]
	switch r.IntN(8) {
	case 0:
		m := &Msg{Flags: MsgFlags(r.IntN(4)) | ExhaustAllowed*MsgFlags(r.IntN(2)), Body: randomDoc(r)}
		for i := range r.IntN(3) {
			m.Sequences = append(m.Sequences, Sequence{Name: "seq" + document.Index(i), Docs: randomDocs(r)})
		}
		return m
	case 1:
		m := &Query{Flags: QueryFlags(r.Uint32()), Namespace: ns, Skip: int32(r.Uint32()), Return: int32(r.Uint32()), Query: randomDoc(r)}
		if r.IntN(2) == 0 {
			m.Fields = randomDoc(r)
		}
		return m
	case 2:
		return &GetMore{Namespace: ns, Return: int32(r.Uint32()), CursorID: int64(r.Uint64())}
	case 3:
		return &Insert{Flags: InsertFlags(r.Uint32()), Namespace: ns, Docs: randomDocs(r)}
	case 4:
		return &Update{Flags: UpdateFlags(r.Uint32()), Namespace: ns, Selector: randomDoc(r), Update: randomDoc(r)}
	case 5:
		return &Delete{Flags: DeleteFlags(r.Uint32()), Namespace: ns, Selector: randomDoc(r)}
	case 6:
		m := new(KillCursors)
		for range 1 + r.IntN(5) {
			m.CursorIDs = append(m.CursorIDs, int64(r.Uint64()))
		}
		return m
	default:
		return &Reply{Flags: ReplyFlags(r.Uint32()), CursorID: int64(r.Uint64()), StartingFrom: int32(r.Uint32()), Docs: randomDocs(r)}
	}
}

func randomDocs(r *rand.Rand) (docs []document.Doc) {
	for range r.IntN(4) {
		docs = append(docs, randomDoc(r))
	}
	return docs
}

func randomDoc(r *rand.Rand) document.Doc {
	var b document.Builder
	for i := range r.IntN(4) {
		switch key := "f" + document.Index(i); r.IntN(3) {
		case 0:
			b.AppendInt32(key, int32(r.Uint32()))
		case 1:
			b.AppendString(key, strings.Repeat("x", r.IntN(20_000)))
		case 2:
			b.AppendDoc(key, nested(r.IntN(5)))
		}
	}
	return b.Finish()
}
