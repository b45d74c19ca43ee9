package bench

import (
	"encoding/binary"
	"math/rand/v2"

	"github.com/mortondb/morton/internal/document"
)

const (
	opMsg      = 2013
	headerSize = 16
	database   = "bench"
)

// message is an OP_MSG under construction; its buffer is used again for the next one.
type message struct{ buf []byte }

func (m *message) reset() {
	m.buf = append(m.buf[:0], make([]byte, headerSize+4)...) // header, flag bits
	binary.LittleEndian.PutUint32(m.buf[12:], opMsg)
}

// body adds section 0, whose fields come from build; $db is added here.
func (m *message) body(build func(*document.Builder)) { m.bodyFor(database, build) }

func (m *message) bodyFor(db string, build func(*document.Builder)) {
	b := document.NewBuilder(append(m.buf, 0))
	build(&b)
	b.AppendString("$db", db)
	m.buf = b.FinishBuffer()
}

// sequence adds section 1 with n documents.
func (m *message) sequence(name string, n int, build func(*document.Builder)) {
	m.buf = append(m.buf, 1)
	start := len(m.buf)
	m.buf = append(append(append(m.buf, 0, 0, 0, 0), name...), 0)
	for range n {
		b := document.NewBuilder(m.buf)
		build(&b)
		m.buf = b.FinishBuffer()
	}
	binary.LittleEndian.PutUint32(m.buf[start:], uint32(len(m.buf)-start))
}

// finish completes the header and returns the message.
func (m *message) finish() []byte {
	binary.LittleEndian.PutUint32(m.buf, uint32(len(m.buf)))
	return m.buf
}

// appendDoc appends an embedded document that build fills.
func appendDoc(b *document.Builder, name string, build func(*document.Builder)) {
	b.OpenDoc(name)
	build(b)
	b.Close()
}

// appendText appends a string of n letters that a compressor cannot make much smaller.
func appendText(b *document.Builder, name string, n int, r *rand.Rand) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"
	text := make([]byte, n)
	for i := 0; i < n; i += 10 {
		for j, bits := i, r.Uint64(); j < min(i+10, n); j, bits = j+1, bits>>6 {
			text[j] = letters[bits&63]
		}
	}
	b.AppendString(name, string(text))
}
