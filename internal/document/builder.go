package document

import (
	"encoding/binary"
	"math"
	"strconv"
)

// Builder appends one document, with any documents and arrays inside it, to a buffer.
//
//	var b document.Builder            // or NewBuilder(buf) to append to a buffer of the caller's
//	b.AppendInt32("x", 1)
//	b.OpenArray("tags"); b.AppendString("0", "a"); b.Close()
//	doc := b.Finish()
//
// Opened documents and arrays must be closed in order. [Builder.Finish] closes the outer document and returns it; it
// aliases the builder's buffer.
type Builder struct {
	buf   []byte
	begin int   // where the outer document starts in buf
	open  []int // starts of the documents not yet closed, innermost last
	space [8]int
	live  bool
}

// NewBuilder returns a builder that appends its document to buf.
func NewBuilder(buf []byte) Builder {
	var b Builder
	b.Reset(buf)
	return b
}

// Reset starts a new document that is appended to buf.
func (b *Builder) Reset(buf []byte) {
	b.buf, b.begin, b.live = append(buf, 0, 0, 0, 0), len(buf), true
	b.open = nil
}

func (b *Builder) start() {
	if !b.live {
		b.Reset(nil)
	}
}

func (b *Builder) key(t Type, key string) {
	b.start()
	b.buf = append(b.buf, byte(t))
	b.buf = append(b.buf, key...)
	b.buf = append(b.buf, 0)
}

// AppendValue appends any value; a missing one is left out.
func (b *Builder) AppendValue(key string, v Value) {
	if v.Type == TypeMissing {
		return
	}
	b.key(v.Type, key)
	b.buf = append(b.buf, v.Data...)
}

// AppendDoc appends an embedded document.
func (b *Builder) AppendDoc(key string, d Doc) {
	b.key(TypeDocument, key)
	b.buf = append(b.buf, d...)
}

// AppendArray appends an array given as the document of its elements.
func (b *Builder) AppendArray(key string, d Doc) {
	b.key(TypeArray, key)
	b.buf = append(b.buf, d...)
}

// AppendInt32 appends an int32.
func (b *Builder) AppendInt32(key string, n int32) {
	b.key(TypeInt32, key)
	b.buf = binary.LittleEndian.AppendUint32(b.buf, uint32(n))
}

// AppendInt64 appends an int64.
func (b *Builder) AppendInt64(key string, n int64) {
	b.key(TypeInt64, key)
	b.buf = binary.LittleEndian.AppendUint64(b.buf, uint64(n))
}

// AppendDouble appends a double.
func (b *Builder) AppendDouble(key string, f float64) {
	b.key(TypeDouble, key)
	b.buf = binary.LittleEndian.AppendUint64(b.buf, math.Float64bits(f))
}

// AppendBool appends a boolean.
func (b *Builder) AppendBool(key string, t bool) {
	b.key(TypeBool, key)
	if t {
		b.buf = append(b.buf, 1)
	} else {
		b.buf = append(b.buf, 0)
	}
}

// AppendString appends a string.
func (b *Builder) AppendString(key, s string) {
	b.key(TypeString, key)
	b.buf = appendString(b.buf, s)
}

// AppendNull appends null.
func (b *Builder) AppendNull(key string) { b.key(TypeNull, key) }

// AppendObjectID appends an objectId.
func (b *Builder) AppendObjectID(key string, id ObjectID) {
	b.key(TypeObjectID, key)
	b.buf = append(b.buf, id[:]...)
}

// AppendDate appends a date given in milliseconds since 1970.
func (b *Builder) AppendDate(key string, ms int64) {
	b.key(TypeDate, key)
	b.buf = binary.LittleEndian.AppendUint64(b.buf, uint64(ms))
}

// AppendTimestamp appends a timestamp: seconds in the upper, increment in the lower half.
func (b *Builder) AppendTimestamp(key string, ts uint64) {
	b.key(TypeTimestamp, key)
	b.buf = binary.LittleEndian.AppendUint64(b.buf, ts)
}

// AppendBinary appends binary data.
func (b *Builder) AppendBinary(key string, subtype byte, data []byte) {
	b.key(TypeBinary, key)
	b.buf = appendBinary(b.buf, subtype, data)
}

// OpenDoc starts an embedded document; [Builder.Close] ends it.
func (b *Builder) OpenDoc(key string) { b.openType(TypeDocument, key) }

// OpenArray starts an array; [Builder.Close] ends it. Element keys are the caller's ([Index]).
func (b *Builder) OpenArray(key string) { b.openType(TypeArray, key) }

func (b *Builder) openType(t Type, key string) {
	b.key(t, key)
	if b.open == nil {
		b.open = b.space[:0]
	}
	b.open = append(b.open, len(b.buf))
	b.buf = append(b.buf, 0, 0, 0, 0)
}

// Close ends the innermost open document or array.
func (b *Builder) Close() {
	at := b.open[len(b.open)-1]
	b.open = b.open[:len(b.open)-1]
	b.buf = append(b.buf, 0)
	binary.LittleEndian.PutUint32(b.buf[at:], uint32(len(b.buf)-at))
}

// Size returns the bytes of the document so far.
func (b *Builder) Size() int { return len(b.buf) - b.begin }

// Cut takes back what was appended since Size was size, when no inner document was open, and the end of a finished document:
// other fields may follow.
func (b *Builder) Cut(size int) {
	b.buf, b.open, b.live = b.buf[:b.begin+size], nil, true
}

// Finish closes the outer document and returns it. The builder must be Reset before it is used again.
func (b *Builder) Finish() Doc {
	d := b.FinishBuffer()
	return Doc(d[b.begin:])
}

// FinishBuffer closes the outer document and returns the whole buffer, with what stood before the document.
func (b *Builder) FinishBuffer() []byte {
	b.start()
	if len(b.open) != 0 {
		panic("document: Finish with an open document or array")
	}
	b.buf = append(b.buf, 0)
	binary.LittleEndian.PutUint32(b.buf[b.begin:], uint32(len(b.buf)-b.begin))
	b.live = false
	return b.buf
}

var indexNames = func() (names [1024]string) {
	for i := range names {
		names[i] = strconv.Itoa(i)
	}
	return names
}()

// Index returns the key of an array's element i.
func Index(i int) string {
	if i < len(indexNames) {
		return indexNames[i]
	}
	return strconv.Itoa(i)
}

// ArrayBuilder builds an array: a Builder that numbers the elements.
type ArrayBuilder struct {
	Builder
	n int
}

// Append appends one element.
func (a *ArrayBuilder) Append(v Value) {
	a.AppendValue(Index(a.n), v)
	a.n++
}

// Grow makes room for n bytes, so that what follows need not be moved.
func (a *ArrayBuilder) Grow(n int) {
	if !a.live {
		a.Reset(make([]byte, 0, n+5))
	}
}

// Count returns how many elements there are.
func (a *ArrayBuilder) Count() int { return a.n }

// FinishValue ends the array and returns it as a value.
func (a *ArrayBuilder) FinishValue() Value { return Value{Type: TypeArray, Data: a.Finish()} }
