package wire

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/golang/snappy"
	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// Compressor is a way to compress messages. Its numbers are the protocol's.
type Compressor byte

// The compressors.
const (
	Noop   Compressor = 0
	Snappy Compressor = 1
	Zlib   Compressor = 2
	Zstd   Compressor = 3
)

// codec is what a compressor does. compress appends to dst. decompress appends size bytes, no more and no less, or
// fails; it takes no more memory than that.
type codec struct {
	name       string
	compress   func(dst, src []byte) ([]byte, error)
	decompress func(dst, src []byte, size int) ([]byte, error)
}

var codecs = [...]codec{
	Noop:   {"noop", noopCompress, noopDecompress},
	Snappy: {"snappy", snappyCompress, snappyDecompress},
	Zlib:   {"zlib", zlibCompress, zlibDecompress},
	Zstd:   {"zstd", zstdCompress, zstdDecompress},
}

// String returns the name that hello and --networkMessageCompressors have for c.
func (c Compressor) String() string {
	if int(c) < len(codecs) {
		return codecs[c].name
	}
	return "unknown compressor"
}

// ParseCompressor returns the compressor of that name.
func ParseCompressor(name string) (c Compressor, ok bool) {
	for i := range codecs {
		if codecs[i].name == name {
			return Compressor(i), true
		}
	}
	return 0, false
}

func noopCompress(dst, src []byte) ([]byte, error) { return append(dst, src...), nil }

func noopDecompress(dst, src []byte, size int) ([]byte, error) {
	if len(src) != size {
		return nil, errWrongSize
	}
	return append(dst, src...), nil
}

func snappyCompress(dst, src []byte) ([]byte, error) {
	begin := len(dst)
	dst = extend(dst, snappy.MaxEncodedLen(len(src)))
	return dst[:begin+len(snappy.Encode(dst[begin:], src))], nil
}

// snappyRatioMax is more than what snappy can ever make of one byte: its best is 64 bytes from 3.
const snappyRatioMax = 22

func snappyDecompress(dst, src []byte, size int) ([]byte, error) {
	switch n, err := snappy.DecodedLen(src); {
	case err != nil:
		return nil, err
	case n != size:
		return nil, errWrongSize
	case n > snappyRatioMax*len(src):
		return nil, snappy.ErrCorrupt
	}
	begin := len(dst)
	dst = extend(dst, size)
	_, err := snappy.Decode(dst[begin:], src)
	return dst, err
}

// zlibWriters are pools by level, the lowest of which, -1, is the default.
var zlibWriters [zlib.BestCompression - zlib.DefaultCompression + 1]sync.Pool

func zlibCompress(dst, src []byte) ([]byte, error) {
	return zlibCompressLevel(dst, src, zlib.DefaultCompression)
}

func zlibCompressLevel(dst, src []byte, level int) ([]byte, error) {
	if level < zlib.DefaultCompression || level > zlib.BestCompression {
		return nil, fmt.Errorf("zlib has no level %d", level)
	}
	out := bytes.NewBuffer(dst)
	pool := &zlibWriters[level-zlib.DefaultCompression]
	w, ok := pool.Get().(*zlib.Writer)
	if !ok {
		w, _ = zlib.NewWriterLevel(nil, level) // the level is right
	}
	defer pool.Put(w)
	w.Reset(out)
	if _, err := w.Write(src); err != nil {
		return nil, err
	}
	err := w.Close()
	w.Reset(nil) // do not keep dst alive in the pool
	return out.Bytes(), err
}

var zlibReaders sync.Pool

func zlibReader(src []byte) (io.ReadCloser, error) {
	if r, ok := zlibReaders.Get().(io.ReadCloser); ok {
		return r, r.(zlib.Resetter).Reset(bytes.NewReader(src), nil)
	}
	return zlib.NewReader(bytes.NewReader(src))
}

func zlibDecompress(dst, src []byte, size int) ([]byte, error) {
	r, err := zlibReader(src)
	if err != nil {
		return nil, err
	}
	defer zlibReaders.Put(r)
	end := len(dst) + size
	for len(dst) < end {
		// Memory follows the bytes that come, as in Reader.
		room := min(end-len(dst), max(len(dst), readSize))
		begin := len(dst)
		dst = extend(dst, room)
		n, err := io.ReadFull(r, dst[begin:])
		dst = dst[:begin+n]
		if err != nil {
			return nil, errWrongSize
		}
	}
	// The next read has to find the end, and with it that the checksum is right.
	var one [1]byte
	switch n, err := r.Read(one[:]); {
	case n != 0 || err == nil:
		return nil, errWrongSize
	case err != io.EOF:
		return nil, err
	}
	return dst, nil
}

// zstdEncoder is made when the first client wants it: it keeps about a megabyte. Its level is one that costs less CPU
// than mongod's default of 3 and compresses nearly as well.
var zstdEncoder = sync.OnceValues(func() (*zstd.Encoder, error) {
	return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithLowerEncoderMem(true))
})

func zstdCompress(dst, src []byte) ([]byte, error) {
	e, err := zstdEncoder()
	if err != nil {
		return nil, err
	}
	return e.EncodeAll(src, dst), nil
}

var zstdDecoder = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxMemory(MaxMessageSize), zstd.WithDecodeAllCapLimit(true))
})

func zstdDecompress(dst, src []byte, size int) ([]byte, error) {
	var h zstd.Header
	if err := h.Decode(src); err != nil {
		return nil, err
	}
	if h.HasFCS && h.FrameContentSize != uint64(size) {
		return nil, errWrongSize
	}
	d, err := zstdDecoder()
	if err != nil {
		return nil, err
	}
	begin := len(dst)
	dst = extend(dst, size)
	out, err := d.DecodeAll(src, dst[:begin:begin+size])
	if err != nil {
		return nil, err
	}
	if len(out) != begin+size {
		return nil, errWrongSize
	}
	return out, nil
}

// extend makes dst n bytes longer. What is in them does not matter.
func extend(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		larger := make([]byte, len(dst), len(dst)+n)
		copy(larger, dst)
		dst = larger
	}
	return dst[:len(dst)+n]
}
