package wire

import (
	"math/bits"
	"sync"

	"github.com/mortondb/morton/internal/invariant"
)

// Buffers come in classes, each four times as large as the one before. What is larger than the largest class is not
// kept for reuse, so that one huge message does not cost memory for long; and a sync.Pool empties itself.
const (
	bufferMin     = 4 << 10
	bufferMax     = 4 << 20
	bufferClasses = 6 // 4 KB, 16 KB, 64 KB, 256 KB, 1 MB, 4 MB
)

// Buffer is bytes that are borrowed and given back. Holding on to the pointer keeps a pool from allocating one each
// time.
type Buffer struct{ B []byte }

var buffers [bufferClasses]sync.Pool

// bufferClass returns the smallest class that holds n bytes; bufferClasses if none does.
func bufferClass(n int) int {
	if n <= bufferMin {
		return 0
	}
	return min((bits.Len(uint(n-1))-bits.Len(bufferMin-1)+1)/2, bufferClasses)
}

// GetBuffer returns a buffer with no bytes and a capacity of n or more.
func GetBuffer(n int) *Buffer {
	class := bufferClass(n)
	if class == bufferClasses {
		return &Buffer{B: make([]byte, 0, n)}
	}
	if b, ok := buffers[class].Get().(*Buffer); ok {
		b.B = b.B[:0]
		return b
	}
	return &Buffer{B: make([]byte, 0, bufferMin<<(2*class))}
}

// Free gives b back. It must not be used any more. A buffer that has grown is kept as one of its new size; one beyond
// the largest class is dropped. Free of nil does nothing.
func (b *Buffer) Free() {
	if b == nil || cap(b.B) < bufferMin || cap(b.B) > bufferMax {
		return
	}
	if invariant.Stressed { // whoever still looks at it sees that
		for i := range b.B[:cap(b.B)] {
			b.B[:cap(b.B)][i] = 0xdb
		}
	}
	class := bufferClass(cap(b.B))
	if bufferMin<<(2*class) != cap(b.B) {
		class-- // between two classes: it is large enough for the smaller
	}
	buffers[class].Put(b)
}
