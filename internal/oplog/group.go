package oplog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/mortondb/morton/internal/document"
)

// Version is the format that this program writes.
const Version = 1

const (
	headerSize  = 64
	flagSession = 1
	hasO        = 1
	hasO2       = 2
)

// MaxNamespace is the longest namespace in bytes (mongod: 255 for the whole, Morton's format allows more).
const MaxNamespace = math.MaxUint16

// Kind is what an operation did, in the letters of MongoDB's oplog.
type Kind byte

// The kinds of operations.
const (
	Noop    Kind = 'n'
	Insert  Kind = 'i'
	Update  Kind = 'u'
	Delete  Kind = 'd'
	Command Kind = 'c'
	// Internal operations change the stores without being visible in local.oplog.rs: chunks of an index build, records of sessions.
	Internal Kind = 'm'
)

// MutationKind says what happens to a key.
type MutationKind byte

// The kinds of mutations.
const (
	Put         MutationKind = 1
	PutO        MutationKind = 2 // the value is the operation's o
	Remove      MutationKind = 3
	RemoveRange MutationKind = 4 // from Key up to, not including, Value
)

// Mutation is one change of a store. The key's first byte tells which store.
type Mutation struct {
	Kind  MutationKind
	Key   []byte
	Value []byte
}

// Session names the logical session and the retryable write that a group belongs to.
type Session struct {
	LSID      document.Doc
	TxnNumber int64
}

// Header is what a group says of all its operations.
type Header struct {
	First      Timestamp
	Wall       int64 // milliseconds since 1970
	Count      int
	Collection uint32
	Documents  int64
	Bytes      int64
	UUID       [16]byte
	Namespace  string
	Session    *Session
}

// Last returns the timestamp of the last operation.
func (h *Header) Last() Timestamp { return h.First + Timestamp(max(h.Count, 1)) - 1 }

// Op is one operation of a group.
type Op struct {
	Kind      Kind
	Statement int32 // statement id of a retryable write, -1 if none
	O, O2     document.Doc
	Mutations []Mutation
}

// Writer encodes one group:
//
//	w := oplog.NewWriter(&header)
//	w.Begin(oplog.Insert, 0, doc, nil); w.PutO(recordKey); w.Put(indexKey, rid)
//	group := w.Finish()
//
// Everything but the first timestamp is known before the primary's lock is taken; [SetFirst] fills that in.
type Writer struct {
	buf       []byte
	ops       int
	mutations int // of the current operation
	countAt   int // where their number stands, patched at the end of the operation
	documents int64
	bytes     int64
}

// NewWriter starts a group. First, Count, Documents and Bytes of h are not read.
func NewWriter(h *Header, sizeHint int) *Writer {
	w := &Writer{buf: make([]byte, headerSize, headerSize+len(h.Namespace)+64+sizeHint)}
	b := w.buf
	b[4] = Version
	binary.LittleEndian.PutUint16(b[6:], uint16(len(h.Namespace)))
	binary.LittleEndian.PutUint64(b[16:], uint64(h.Wall))
	binary.LittleEndian.PutUint32(b[28:], h.Collection)
	copy(b[48:], h.UUID[:])
	w.buf = append(w.buf, h.Namespace...)
	if h.Session != nil {
		w.buf[5] = flagSession
		w.buf = append(w.buf, h.Session.LSID...)
		w.buf = binary.LittleEndian.AppendUint64(w.buf, uint64(h.Session.TxnNumber))
	}
	return w
}

// Begin starts the next operation. A nil o or o2 is absent; statement is -1 for none.
func (w *Writer) Begin(kind Kind, statement int32, o, o2 document.Doc) {
	w.end()
	w.ops++
	w.buf = append(w.buf, byte(kind))
	w.buf = binary.AppendUvarint(w.buf, uint64(statement+1))
	parts := byte(0)
	if o != nil {
		parts |= hasO
	}
	if o2 != nil {
		parts |= hasO2
	}
	w.buf = append(w.buf, parts)
	w.buf = append(w.buf, o...)
	w.buf = append(w.buf, o2...)
	w.countAt = len(w.buf)
	w.buf = append(w.buf, 0, 0) // a uvarint of two bytes, for up to 16,383 mutations; more get two more
	w.mutations = 0
}

// MaxMutations is the largest number of mutations of one operation.
const MaxMutations = 1<<28 - 1

const fewMutations = 1<<14 - 1

func (w *Writer) end() {
	if w.ops == 0 {
		return
	}
	if w.mutations > MaxMutations {
		panic("oplog: too many mutations in one operation")
	}
	w.buf[w.countAt] = byte(w.mutations) | 0x80
	w.buf[w.countAt+1] = byte(w.mutations>>7) &^ 0x80
	if w.mutations > fewMutations {
		w.buf[w.countAt+1] |= 0x80
		w.buf = slices.Insert(w.buf, w.countAt+2, byte(w.mutations>>14)|0x80, byte(w.mutations>>21))
	}
}

// Put adds a mutation to the current operation.
func (w *Writer) Put(key, value []byte) { w.add(Put, key); w.value(value) }

// PutO adds a put of the operation's o.
func (w *Writer) PutO(key []byte) { w.add(PutO, key) }

// Remove adds a removal of a key.
func (w *Writer) Remove(key []byte) { w.add(Remove, key) }

// RemoveRange adds a removal of all keys from lo up to, not including, hi.
func (w *Writer) RemoveRange(lo, hi []byte) { w.add(RemoveRange, lo); w.value(hi) }

func (w *Writer) add(kind MutationKind, key []byte) {
	w.mutations++
	w.buf = append(w.buf, byte(kind))
	w.buf = binary.AppendUvarint(w.buf, uint64(len(key)))
	w.buf = append(w.buf, key...)
}

func (w *Writer) value(v []byte) {
	w.buf = binary.AppendUvarint(w.buf, uint64(len(v)))
	w.buf = append(w.buf, v...)
}

// Account adds to what the group changes in the collection's number of documents and their bytes.
func (w *Writer) Account(documents, bytes int64) {
	w.documents += documents
	w.bytes += bytes
}

// Ops returns the number of operations begun.
func (w *Writer) Ops() int { return w.ops }

// Size returns the bytes written so far.
func (w *Writer) Size() int { return len(w.buf) }

// Finish ends the group and returns its bytes, which the writer no longer touches.
func (w *Writer) Finish() []byte {
	w.end()
	binary.LittleEndian.PutUint32(w.buf, uint32(len(w.buf)))
	binary.LittleEndian.PutUint32(w.buf[24:], uint32(w.ops))
	binary.LittleEndian.PutUint64(w.buf[32:], uint64(w.documents))
	binary.LittleEndian.PutUint64(w.buf[40:], uint64(w.bytes))
	return w.buf
}

// SetFirst writes the group's first timestamp.
func SetFirst(group []byte, ts Timestamp) { binary.LittleEndian.PutUint64(group[8:], uint64(ts)) }

// ErrCorrupt is wrapped by every error about bytes that are no entry.
var ErrCorrupt = errors.New("invalid log entry")

// UnknownVersionError says that an entry was written by a newer program.
type UnknownVersionError struct{ Version byte }

func (e *UnknownVersionError) Error() string {
	return fmt.Sprintf("log entry has format version %d, this program knows up to %d: start the newer program that wrote it", e.Version, Version)
}

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrCorrupt, fmt.Sprintf(format, args...))
}

// NextGroup splits the first group off an entry's data. Of empty data it returns a nil group.
func NextGroup(data []byte) (group, rest []byte, err error) {
	if len(data) == 0 {
		return nil, nil, nil
	}
	if len(data) < headerSize {
		return nil, nil, corrupt("%d bytes are too few for a group", len(data))
	}
	if data[4] != Version {
		return nil, nil, &UnknownVersionError{Version: data[4]}
	}
	n := int(binary.LittleEndian.Uint32(data))
	if n < headerSize || n > len(data) {
		return nil, nil, corrupt("group length %d of %d bytes", n, len(data))
	}
	return data[:n:n], data[n:], nil
}

// Span returns the first and last timestamp of an entry's data without decoding its operations; zeros if it is empty.
func Span(data []byte) (first, last Timestamp, err error) {
	for len(data) > 0 {
		var group []byte
		if group, data, err = NextGroup(data); err != nil {
			return 0, 0, err
		}
		h := Header{
			First: Timestamp(binary.LittleEndian.Uint64(group[8:])),
			Count: int(binary.LittleEndian.Uint32(group[24:])),
		}
		if first == 0 {
			first = h.First
		}
		last = h.Last()
	}
	return first, last, nil
}

// Namespace returns a group's namespace without decoding the rest. It aliases the group.
func Namespace(group []byte) ([]byte, error) {
	if len(group) < headerSize {
		return nil, corrupt("%d bytes are too few for a group", len(group))
	}
	end := headerSize + int(binary.LittleEndian.Uint16(group[6:]))
	if end > len(group) {
		return nil, corrupt("namespace runs past its group")
	}
	return group[headerSize:end], nil
}

// Reader decodes one group. Everything it returns aliases the group's bytes.
type Reader struct {
	Header Header
	rest   []byte
	left   int
	space  []Mutation
}

// NewReader decodes a group's header.
func NewReader(group []byte) (*Reader, error) {
	r := &Reader{}
	return r, r.Reset(group)
}

// Reset starts on another group.
func (r *Reader) Reset(group []byte) error {
	if len(group) < headerSize {
		return corrupt("%d bytes are too few for a group", len(group))
	}
	ns := int(binary.LittleEndian.Uint16(group[6:]))
	if headerSize+ns > len(group) {
		return corrupt("namespace runs past its group")
	}
	r.Header = Header{
		First:      Timestamp(binary.LittleEndian.Uint64(group[8:])),
		Wall:       int64(binary.LittleEndian.Uint64(group[16:])),
		Count:      int(binary.LittleEndian.Uint32(group[24:])),
		Collection: binary.LittleEndian.Uint32(group[28:]),
		Documents:  int64(binary.LittleEndian.Uint64(group[32:])),
		Bytes:      int64(binary.LittleEndian.Uint64(group[40:])),
		UUID:       [16]byte(group[48:64]),
		Namespace:  string(group[headerSize : headerSize+ns]),
	}
	r.rest = group[headerSize+ns:]
	r.left = r.Header.Count
	if group[5]&flagSession != 0 {
		lsid, ok := r.doc()
		if !ok || len(r.rest) < 8 {
			return corrupt("session runs past its group")
		}
		r.Header.Session = &Session{LSID: lsid, TxnNumber: int64(binary.LittleEndian.Uint64(r.rest))}
		r.rest = r.rest[8:]
	}
	return nil
}

// Next decodes the next operation into op and reports whether there is one. Op's mutations are valid until the next call.
func (r *Reader) Next(op *Op) (bool, error) {
	if r.left == 0 {
		if len(r.rest) != 0 {
			return false, corrupt("%d bytes behind the last operation", len(r.rest))
		}
		return false, nil
	}
	r.left--
	if len(r.rest) < 1 {
		return false, corrupt("operation missing")
	}
	*op = Op{Kind: Kind(r.rest[0])}
	r.rest = r.rest[1:]
	stmt, ok := r.uvarint()
	if !ok || stmt > math.MaxInt32 || len(r.rest) < 1 {
		return false, corrupt("statement id")
	}
	op.Statement = int32(stmt) - 1
	parts := r.rest[0]
	r.rest = r.rest[1:]
	if parts&hasO != 0 {
		if op.O, ok = r.doc(); !ok {
			return false, corrupt("o runs past its group")
		}
	}
	if parts&hasO2 != 0 {
		if op.O2, ok = r.doc(); !ok {
			return false, corrupt("o2 runs past its group")
		}
	}
	return r.mutations(op)
}

func (r *Reader) mutations(op *Op) (bool, error) {
	n, ok := r.uvarint()
	if !ok || n > MaxMutations {
		return false, corrupt("number of mutations")
	}
	r.space = r.space[:0]
	for range n {
		if len(r.rest) < 1 {
			return false, corrupt("mutation missing")
		}
		m := Mutation{Kind: MutationKind(r.rest[0])}
		r.rest = r.rest[1:]
		if m.Key, ok = r.bytes(); !ok || len(m.Key) == 0 {
			return false, corrupt("key runs past its group")
		}
		switch m.Kind {
		case Put, RemoveRange:
			if m.Value, ok = r.bytes(); !ok {
				return false, corrupt("value runs past its group")
			}
		case PutO:
			m.Value = op.O
		case Remove:
		default:
			return false, corrupt("mutation of kind %d", m.Kind)
		}
		r.space = append(r.space, m)
	}
	op.Mutations = r.space
	return true, nil
}

func (r *Reader) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		return 0, false
	}
	r.rest = r.rest[n:]
	return v, true
}

func (r *Reader) bytes() ([]byte, bool) {
	n, ok := r.uvarint()
	if !ok || n > uint64(len(r.rest)) {
		return nil, false
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b, true
}

func (r *Reader) doc() (document.Doc, bool) {
	if len(r.rest) < 5 {
		return nil, false
	}
	n := binary.LittleEndian.Uint32(r.rest)
	if n < 5 || uint64(n) > uint64(len(r.rest)) {
		return nil, false
	}
	d := document.Doc(r.rest[:n:n])
	r.rest = r.rest[n:]
	return d, true
}
