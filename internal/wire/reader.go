package wire

import (
	"errors"
	"io"
)

// Sizes of the buffer for reading when nothing is known of the next message.
const (
	readSize = 16 << 10  // holds nearly every message whole, so that it takes one read
	idleSize = bufferMin // where the buffer is there while the connection is idle
	moveMax  = bufferMin // so little of a message is moved to where there is room for the rest
)

// Waiter is a source that can wait for bytes without holding memory for them. Connections that are idle then cost no
// buffer.
type Waiter interface {
	io.Reader
	// ReadInto waits until there is something to read and reads into the buffer that get returns. It may call drop and
	// later get again when it finds that it has to wait after all.
	ReadInto(get func() []byte, drop func()) (int, error)
}

// Reader cuts a stream into messages. It is used by one goroutine at a time.
type Reader struct {
	src    io.Reader
	waiter Waiter // src, if it is one
	buf    *Buffer
	pos    int // where the next message begins in buf; the bytes before it belong to the last one
	last   int // the last message's length
	get    func() []byte
	drop   func()
}

// NewReader returns a reader of src. If src is a [Waiter] it holds no buffer while it waits.
func NewReader(src io.Reader) *Reader {
	r := &Reader{src: src}
	if w, ok := src.(Waiter); ok {
		r.waiter = w
		r.get = func() []byte {
			r.grow(readSize)
			return r.buf.B[:cap(r.buf.B)]
		}
		r.drop = r.release
	}
	return r
}

// Next returns the next message, header included. Its bytes stay as they are until the next call.
//
// The error is io.EOF when the stream ends between two messages, io.ErrUnexpectedEOF when it ends inside one, an *Error
// when the header cannot be one, and else the source's own. There is nothing more to read after an error.
func (r *Reader) Next() ([]byte, error) {
	r.rewind()
	if err := r.fill(HeaderSize); err != nil {
		return nil, err
	}
	n := ParseHeader(r.buf.B[r.pos:]).Length
	if n < HeaderSize || n > MaxMessageSize {
		return nil, fatal("message length %d is not between %d and %d", n, HeaderSize, MaxMessageSize)
	}
	if err := r.fill(int(n)); err != nil {
		return nil, err
	}
	begin := r.pos
	r.pos += int(n)
	r.last = int(n)
	return r.buf.B[begin:r.pos:r.pos], nil
}

// Buffered returns what has been read and not been returned by Next: the beginning of what follows the last message.
func (r *Reader) Buffered() []byte {
	if r.buf == nil {
		return nil
	}
	return r.buf.B[r.pos:]
}

// Close gives the reader's memory back. The last message must not be used any more.
func (r *Reader) Close() { r.release() }

func (r *Reader) release() {
	r.buf.Free()
	r.buf, r.pos = nil, 0
}

// rewind forgets the last message. The next one starts at the front if nothing of it is there yet, and a buffer that
// was needed for one large message goes back.
func (r *Reader) rewind() {
	if r.buf == nil {
		return
	}
	rest := r.buf.B[r.pos:]
	switch {
	case cap(r.buf.B) > readSize && len(rest) <= readSize/4:
		large := r.buf
		r.buf, r.pos = nil, 0
		if len(rest) > 0 {
			r.buf = GetBuffer(readSize)
			r.buf.B = append(r.buf.B, rest...)
		}
		large.Free()
	case len(rest) == 0:
		r.pos, r.buf.B = 0, r.buf.B[:0]
	}
}

// fill reads until n bytes of the next message are there.
func (r *Reader) fill(n int) error {
	for {
		have := 0
		if r.buf != nil {
			have = len(r.buf.B) - r.pos
		}
		if have >= n {
			return nil
		}
		if err := r.read(have, n); err != nil {
			if errors.Is(err, io.EOF) && have > 0 {
				return io.ErrUnexpectedEOF
			}
			return err
		}
	}
}

// read reads once. have bytes of the next message are there, want are needed.
func (r *Reader) read(have, want int) error {
	if have == 0 && r.waiter != nil {
		n, err := r.waiter.ReadInto(r.get, r.drop)
		return r.took(n, err)
	}
	if r.buf == nil || len(r.buf.B) == cap(r.buf.B) || cap(r.buf.B)-r.pos < want && have <= moveMax {
		r.grow(r.roomFor(have, want))
	}
	n, err := r.src.Read(r.buf.B[len(r.buf.B):cap(r.buf.B)])
	return r.took(n, err)
}

func (r *Reader) took(n int, err error) error {
	if n > 0 {
		r.buf.B = r.buf.B[:len(r.buf.B)+n]
		return nil // an error will come again
	}
	if err == nil {
		return io.ErrNoProgress
	}
	return err
}

// roomFor returns how large the buffer is to be. A large message gets its room as its bytes come, four times as much
// as there are, because what its length says may never come; but at once as much as the last message had, since
// large messages come one after the other.
func (r *Reader) roomFor(have, want int) int {
	switch {
	case want <= idleSize && r.waiter == nil:
		return idleSize
	case want <= readSize:
		return readSize
	}
	return min(want, max(4*have, 4*readSize, r.last))
}

// grow makes the buffer hold room bytes of the next message, which it moves to the front if need be.
func (r *Reader) grow(room int) {
	switch {
	case r.buf == nil:
		r.buf = GetBuffer(room)
	case cap(r.buf.B)-r.pos >= room:
		return
	case cap(r.buf.B) >= room:
		n := copy(r.buf.B, r.buf.B[r.pos:])
		r.buf.B = r.buf.B[:n]
	default:
		larger := GetBuffer(room)
		larger.B = append(larger.B, r.buf.B[r.pos:]...)
		r.buf.Free()
		r.buf = larger
	}
	r.pos = 0
}
