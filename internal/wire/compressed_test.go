package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/klauspost/compress/zlib"
	"github.com/klauspost/compress/zstd"
)

// compressed makes an OP_COMPRESSED by hand.
func compressed(op OpCode, size uint32, c byte, data []byte) []byte {
	return raw(OpCompressed, le32(uint32(op)), le32(size), []byte{c}, data)
}

// TestCompressRoundTrip shows that every compressor gives back the message as it was, header included.
func TestCompressRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := make([]byte, 300_000)
	for i := range random {
		random[i] = byte(r.Uint32())
	}
	bodies := map[string][]byte{
		"empty": nil, "small": []byte("hello"), "random": random,
		"zeros": make([]byte, 8<<20), "text": bytes.Repeat([]byte("somebody "), 100_000),
	}
	for name, body := range bodies {
		for c := Noop; c <= Zstd; c++ {
			t.Run(name+" "+c.String(), func(t *testing.T) {
				want := raw(OpMsg, body)
				b, err := AppendCompressed([]byte("before"), want, c)
				if err != nil {
					t.Fatal(err)
				}
				b = bytes.TrimPrefix(b, []byte("before"))
				if h := ParseHeader(b); int(h.Length) != len(b) || h.OpCode != OpCompressed || h.RequestID != 7 {
					t.Errorf("header %+v of %d bytes", h, len(b))
				}
				if got, err := CompressorOf(b); got != c || err != nil {
					t.Errorf("compressor %v, %v", got, err)
				}
				got, err := Decompress(b)
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.B, want) {
					t.Error("not the same message")
				}
				got.Free()
			})
		}
	}
}

// TestZlibLevels shows that each level is another trade, that all are understood, and that there are no others.
func TestZlibLevels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var text []byte
	for range 5000 {
		text = append(text, []string{"some", "body", "any", "thing ", "else ", "where "}[r.IntN(6)]...)
	}
	message := raw(OpMsg, text)
	sizes := map[int]int{}
	for level := -1; level <= 9; level++ {
		for range 2 { // the second time with the first one's writer
			b, err := AppendZlib(nil, message, level)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decompress(b)
			if err != nil || !bytes.Equal(got.B, message) {
				t.Errorf("level %d: not the same message, %v", level, err)
			}
			got.Free()
			sizes[level] = len(b)
		}
	}
	if sizes[0] < len(message) || sizes[-1] >= sizes[1] || sizes[9] >= sizes[-1] {
		t.Errorf("sizes %v", sizes)
	}
	for _, level := range []int{-2, 10} {
		if _, err := AppendZlib(nil, message, level); err == nil {
			t.Errorf("level %d is taken", level)
		}
	}
}

// TestDecompressRefusals holds broken OP_COMPRESSED: mongod closes the connection for all of them but one, zlib's too
// large size, for which it answers with uninitialised memory.
func TestDecompressRefusals(t *testing.T) {
	ping := (&Msg{Body: doc(`{"ping": 1, "$db": "admin"}`)}).Append(nil, 7, 0)[HeaderSize:]
	n := uint32(len(ping))
	pack := func(c Compressor) []byte {
		b, err := codecs[c].compress(nil, ping)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	type test struct {
		name    string
		message []byte
	}
	tests := []test{
		{"header cut", raw(OpCompressed, make([]byte, 8))},
		{"compressor 4", compressed(OpMsg, n, 4, ping)},
		{"compressor 255", compressed(OpMsg, n, 255, ping)},
		{"nested", compressed(OpCompressed, n, 0, ping)},
	}
	for c := Noop; c <= Zstd; c++ {
		good := pack(c)
		for name, size := range map[string]uint32{"0": 0, "1 less": n - 1, "1 more": n + 1, "500": 500, "-1": 1<<32 - 1,
			"2 GB": 1<<31 - 1, "48 MB": MaxMessageSize, "48 MB less header": MaxMessageSize - HeaderSize} {
			tests = append(tests, test{c.String() + " size " + name, compressed(OpMsg, size, byte(c), good)})
		}
		tests = append(tests,
			test{c.String() + " nothing", compressed(OpMsg, n, byte(c), nil)},
			test{c.String() + " cut", compressed(OpMsg, n, byte(c), good[:len(good)-1])})
		if c != Noop {
			tests = append(tests, test{c.String() + " garbage", compressed(OpMsg, n, byte(c), bytes.Repeat([]byte{0xff}, int(n)))})
		}
	}
	damaged := pack(Zlib)
	damaged[len(damaged)-1] ^= 1
	tests = append(tests, test{"zlib wrong checksum", compressed(OpMsg, n, byte(Zlib), damaged)})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Decompress(tt.message)
			var e *Error
			if !errors.As(err, &e) || !e.Fatal {
				t.Errorf("got %v, want a fatal error", err)
			}
		})
	}
}

// TestDecompressBombs shows that a message which unpacks to more than it says, or promises much and has little, takes
// little memory.
func TestDecompressBombs(t *testing.T) {
	zeros := make([]byte, 64<<20)
	var z bytes.Buffer
	w := zlib.NewWriter(&z)
	w.Write(zeros)
	w.Close()
	e, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bombs := map[string][]byte{
		"zlib says 100":    compressed(OpMsg, 100, byte(Zlib), z.Bytes()),
		"zstd says 100":    compressed(OpMsg, 100, byte(Zstd), e.EncodeAll(zeros, nil)),
		"snappy says 48MB": compressed(OpMsg, MaxMessageSize-HeaderSize, byte(Snappy), binary.AppendUvarint(nil, MaxMessageSize-HeaderSize)),
		"zlib has nothing": compressed(OpMsg, MaxMessageSize-HeaderSize, byte(Zlib), z.Bytes()[:20]),
	}
	for name, b := range bombs {
		t.Run(name, func(t *testing.T) {
			Decompress(compressed(OpMsg, 1, b[compressedPrefix-1], b[compressedPrefix:])) // what is made once is made now
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := Decompress(b); err == nil {
				t.Fatal("no error")
			}
			runtime.ReadMemStats(&after)
			if took := after.TotalAlloc - before.TotalAlloc; took > bufferMax+1<<20 {
				t.Errorf("took %d bytes", took)
			}
		})
	}
}

func TestParseCompressor(t *testing.T) {
	for c := Noop; c <= Zstd; c++ {
		if got, ok := ParseCompressor(c.String()); got != c || !ok {
			t.Errorf("%v: got %v, %v", c, got, ok)
		}
	}
	if _, ok := ParseCompressor("lz4"); ok {
		t.Error("lz4 is known")
	}
}
