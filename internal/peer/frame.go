package peer

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net"
)

// frameType says what a frame carries.
type frameType byte

const (
	frameRaft   frameType = 1
	frameStatus frameType = 2

	frameBegin  frameType = 16
	frameFile   frameType = 17
	frameData   frameType = 18
	frameEnd    frameType = 19
	frameDone   frameType = 20
	frameResult frameType = 21
	frameHave   frameType = 22
	frameAsk    frameType = 23
	frameKeep   frameType = 24
)

const (
	frameHeader = 8
	// maxFrame is the largest frame accepted. It has room for an entry of the largest group that a primary makes.
	maxFrame = 128 << 20
	// growFrame is how much memory is set aside before the bytes of a large frame have arrived.
	growFrame = 1 << 20
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errFrame is wrapped by every error about bytes that are no frame, or not the right one.
var errFrame = errors.New("peer: invalid frame")

func badFrame(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errFrame, fmt.Sprintf(format, args...))
}

// frameWriter gathers frames and writes them with one call. Large pieces are not copied: they must not change until
// flush has returned.
type frameWriter struct {
	buf    []byte  // headers and small pieces
	pieces []piece // in order; together with buf the bytes to be written
	begin  int     // where in buf the open frame's header is
	first  int     // the first piece of the open frame
	net    net.Buffers
	size   int
}

// piece is a part of the output: data, or if that is nil a range of buf.
type piece struct {
	data     []byte
	from, to int
}

// copyBelow is the size from which a piece is passed on rather than copied.
const copyBelow = 4 << 10

// open starts a frame. What is appended to w.buf, or passed to ref, until close belongs to it.
func (w *frameWriter) open(t frameType) {
	w.begin, w.first = len(w.buf), len(w.pieces)
	w.pieces = append(w.pieces, piece{from: w.begin})
	w.buf = append(w.buf, make([]byte, frameHeader)...)
	w.buf = append(w.buf, byte(t))
}

// ref adds bytes of the caller's.
func (w *frameWriter) ref(data []byte) {
	if len(data) < copyBelow {
		w.buf = append(w.buf, data...)
		return
	}
	w.pieces[len(w.pieces)-1].to = len(w.buf)
	w.pieces = append(w.pieces, piece{data: data}, piece{from: len(w.buf)})
}

// close ends the frame.
func (w *frameWriter) close() {
	w.pieces[len(w.pieces)-1].to = len(w.buf)
	length, sum := 0, uint32(0)
	for i, p := range w.pieces[w.first:] {
		data := p.data
		if data == nil {
			data = w.buf[p.from:p.to]
		}
		if i == 0 {
			data = data[frameHeader:]
		}
		length += len(data)
		sum = crc32.Update(sum, castagnoli, data)
	}
	binary.LittleEndian.PutUint32(w.buf[w.begin:], uint32(length))
	binary.LittleEndian.PutUint32(w.buf[w.begin+4:], sum)
	w.size += frameHeader + length
}

// flush writes all frames.
func (w *frameWriter) flush(out io.Writer) error {
	buffers := w.net[:0]
	for _, p := range w.pieces {
		data := p.data
		if data == nil {
			data = w.buf[p.from:p.to]
		}
		if len(data) > 0 {
			buffers = append(buffers, data)
		}
	}
	w.net = buffers
	_, err := w.net.WriteTo(out)
	clear(buffers)
	w.net = buffers[:0]
	clear(w.pieces)
	w.pieces, w.buf, w.size = w.pieces[:0], w.buf[:0], 0
	if cap(w.buf) > 1<<20 {
		w.buf = nil
	}
	return err
}

// readFrame reads one frame. The bytes are the caller's to keep.
func readFrame(r *bufio.Reader) (frameType, []byte, error) {
	var header [frameHeader]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return 0, nil, err
	}
	length := binary.LittleEndian.Uint32(header[:])
	if length < 1 || length > maxFrame {
		return 0, nil, badFrame("length %d is not between 1 and %d", length, maxFrame)
	}
	body, err := readBody(r, int(length))
	if err != nil {
		return 0, nil, err
	}
	if sum := crc32.Checksum(body, castagnoli); sum != binary.LittleEndian.Uint32(header[4:]) {
		return 0, nil, badFrame("checksum differs")
	}
	return frameType(body[0]), body[1:], nil
}

// readBody reads n bytes, taking memory only as they arrive.
func readBody(r io.Reader, n int) ([]byte, error) {
	body := make([]byte, min(n, growFrame))
	read := 0
	for {
		k, err := io.ReadFull(r, body[read:])
		read += k
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil || read == n {
			return body, err
		}
		grown := make([]byte, min(n, 2*len(body)))
		copy(grown, body)
		body = grown
	}
}

// decoder takes fields off the front of a frame. After the first one that is not there it gives zeros, and err is set.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.rest)
	if n <= 0 {
		d.fail("number missing")
		return 0
	}
	d.rest = d.rest[n:]
	return v
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail("byte missing")
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

func (d *decoder) bytes(n uint64) []byte {
	if n > uint64(len(d.rest)) {
		d.fail("%d bytes missing", n-uint64(len(d.rest)))
		return nil
	}
	b := d.rest[:n:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = badFrame(format, args...)
	}
	d.rest = nil
}

// end returns the first error, or one if something is left.
func (d *decoder) end() error {
	if d.err == nil && len(d.rest) > 0 {
		d.fail("%d bytes too many", len(d.rest))
	}
	return d.err
}
