package engine

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
)

// sortRun is sorted rows in a file: for each the lengths of key and document, u32 each, then both.
type sortRun struct {
	file  SpillFile
	size  int64
	in    *bufio.Reader
	key   []byte
	doc   []byte
	ended bool
}

const (
	runWriteBuffer = 1 << 20
	runReadBuffer  = 256 << 10
)

func (r *sortRun) write(rows []sortRow) error {
	out := bufio.NewWriterSize(r.file, runWriteBuffer)
	var head [8]byte
	for _, row := range rows {
		binary.BigEndian.PutUint32(head[:], uint32(len(row.key)))
		binary.BigEndian.PutUint32(head[4:], uint32(len(row.doc)))
		for _, b := range [][]byte{head[:], row.key, row.doc} {
			if _, err := out.Write(b); err != nil { // a full disk: the query fails, nothing else does
				return err
			}
		}
		r.size += int64(len(head) + len(row.key) + len(row.doc))
	}
	return out.Flush()
}

// next reads the next row, io.EOF behind the last one.
func (r *sortRun) next() error {
	if r.in == nil {
		r.in = bufio.NewReaderSize(io.NewSectionReader(r.file, 0, r.size), runReadBuffer)
	}
	var head [8]byte
	if _, err := io.ReadFull(r.in, head[:]); err != nil {
		r.ended = errors.Is(err, io.EOF)
		return err
	}
	r.key = sized(r.key, int(binary.BigEndian.Uint32(head[:])))
	r.doc = sized(r.doc, int(binary.BigEndian.Uint32(head[4:])))
	if _, err := io.ReadFull(r.in, r.key); err != nil {
		return err
	}
	_, err := io.ReadFull(r.in, r.doc)
	return err
}

func sized(b []byte, n int) []byte {
	if cap(b) < n {
		return make([]byte, n)
	}
	return b[:n]
}

// runHeap has the run with the least row first.
type runHeap []*sortRun

func (h runHeap) Len() int           { return len(h) }
func (h runHeap) Less(i, j int) bool { return bytes.Compare(h[i].key, h[j].key) < 0 }
func (h runHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *runHeap) Push(x any)        { *h = append(*h, x.(*sortRun)) }

func (h *runHeap) Pop() any {
	last := len(*h) - 1
	r := (*h)[last]
	*h = (*h)[:last]
	return r
}
