package wire

import (
	"encoding/binary"
	"errors"
)

// compressedPrefix is what an OP_COMPRESSED has before the compressed bytes: header, original opcode, size of the
// original message without its header, compressor.
const compressedPrefix = HeaderSize + 4 + 4 + 1

// errWrongSize says that a message is not as large as it claims to be.
var errWrongSize = errors.New("the decompressed message has not the size that was said")

// CompressorOf returns the compressor of the OP_COMPRESSED b.
func CompressorOf(b []byte) (Compressor, error) {
	if len(b) < compressedPrefix {
		return 0, fatal("OP_COMPRESSED of %d bytes is too short", len(b))
	}
	c := Compressor(b[compressedPrefix-1])
	if int(c) >= len(codecs) {
		return 0, fatal("OP_COMPRESSED with unknown compressor %d", c)
	}
	return c, nil
}

// Decompress returns the message inside the OP_COMPRESSED b, with the header that it had before it was compressed. The
// caller frees the buffer. All errors are fatal.
func Decompress(b []byte) (*Buffer, error) {
	c, err := CompressorOf(b)
	if err != nil {
		return nil, err
	}
	op := OpCode(binary.LittleEndian.Uint32(b[HeaderSize:]))
	if op == OpCompressed {
		return nil, fatal("OP_COMPRESSED inside OP_COMPRESSED")
	}
	size := int32(binary.LittleEndian.Uint32(b[HeaderSize+4:]))
	if size < 0 || size > MaxMessageSize-HeaderSize {
		return nil, fatal("OP_COMPRESSED of a message of %d bytes", size)
	}
	// More than the largest buffer of the pool is not set aside because b says so; the codecs see to it.
	buf := GetBuffer(min(HeaderSize+int(size), bufferMax))
	h := ParseHeader(b)
	buf.B = appendHeader(buf.B, h.RequestID, h.ResponseTo, op)
	message, err := codecs[c].decompress(buf.B, b[compressedPrefix:], int(size))
	if err != nil {
		buf.Free()
		return nil, fatal("OP_COMPRESSED with %v: %v", c, err)
	}
	buf.B = finish(message, 0)
	return buf, nil
}

// AppendCompressed appends the message b as an OP_COMPRESSED to dst.
func AppendCompressed(dst []byte, b []byte, c Compressor) ([]byte, error) {
	return appendCompressed(dst, b, c, codecs[c].compress)
}

// AppendZlib is AppendCompressed by [Zlib] with a level from -1, zlib's default, to 9.
func AppendZlib(dst []byte, b []byte, level int) ([]byte, error) {
	return appendCompressed(dst, b, Zlib, func(dst, src []byte) ([]byte, error) { return zlibCompressLevel(dst, src, level) })
}

func appendCompressed(dst, b []byte, c Compressor, compress func(dst, src []byte) ([]byte, error)) ([]byte, error) {
	h := ParseHeader(b)
	begin := len(dst)
	dst = appendHeader(dst, h.RequestID, h.ResponseTo, OpCompressed)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(h.OpCode))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(b)-HeaderSize))
	dst = append(dst, byte(c))
	dst, err := compress(dst, b[HeaderSize:])
	if err != nil {
		return nil, err
	}
	return finish(dst, begin), nil
}
