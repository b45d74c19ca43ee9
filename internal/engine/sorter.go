package engine

import (
	"bytes"
	"container/heap"
	"context"
	"encoding/binary"
	"io"
	"slices"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/query"
)

// sorter sorts documents within a bound of memory. What does not fit goes to files, sorted run by run, which are merged in the end.
//
// A document is compared by the encoding of its sort key (package keys), behind which stands its number, so that equal ones keep their order.
type sorter struct {
	sort  *query.Sort
	limit int    // of bytes in memory
	want  int    // how many of the first are wanted; 0: all
	files Spills // nil: what does not fit is an error

	rows  []sortRow
	arena []byte // the chunk that rows are put into
	size  int    // of all chunks, and of rows
	count uint64
	bound []byte // with want: a key that is not before it cannot be among the first

	key    []document.Value
	space  []byte
	runs   []*sortRun
	spills int64
}

// sortRow is a document with its key. Rows whose prefixes differ are ordered by these.
type sortRow struct {
	prefix   uint64
	key, doc []byte
}

const (
	sortChunk   = 1 << 20
	sortRowSize = 56 // what a row takes beside its bytes
)

// DefaultSortBytes is mongod's internalQueryMaxBlockingSortMemoryUsageBytes.
const DefaultSortBytes = 100 << 20

// SortBytes returns how much memory a sort may take.
func (e *Engine) SortBytes() int64 {
	if n := e.sortBytes.Load(); n > 0 {
		return n
	}
	return DefaultSortBytes
}

// SetSortBytes changes how much memory a sort may take.
func (e *Engine) SetSortBytes(n int64) { e.sortBytes.Store(n) }

func (e *Engine) newSorter(by *query.Sort, disk bool) *sorter {
	s := &sorter{sort: by, limit: int(e.SortBytes())}
	if disk {
		s.files = e.opts.Spills
	}
	return s
}

// Spills makes files for what does not fit into memory.
type Spills interface {
	Create() (SpillFile, error)
}

// SpillFile is a file that is written once, then read. Closing it removes it.
type SpillFile interface {
	io.Writer
	io.ReaderAt
	io.Closer
}

// add adds a document, which is copied, with what else is known of it, which comes back behind it.
func (s *sorter) add(doc document.Doc, meta *expr.Meta) (err error) {
	if s.key, err = s.sort.AppendKeyOf(s.key[:0], doc, meta); err != nil {
		return err
	}
	s.space = s.space[:0]
	for i, f := range s.sort.Fields() {
		if f.Descending {
			s.space = keys.AppendDescending(s.space, s.key[i])
		} else {
			s.space = keys.AppendValue(s.space, s.key[i])
		}
	}
	s.space = binary.BigEndian.AppendUint64(s.space, s.count)
	s.count++
	if s.bound != nil && bytes.Compare(s.space, s.bound) >= 0 {
		return nil
	}
	s.rows = append(s.rows, s.row(s.space, doc, appendMeta(nil, meta)...))
	if s.want > 0 && len(s.rows) >= 2*s.want+1024 {
		s.keepFirst()
	}
	if s.size > s.limit {
		return s.overflow()
	}
	return nil
}

// row copies a document, what is known of it, and its key.
func (s *sorter) row(key, doc []byte, meta ...byte) sortRow {
	n := len(key) + len(doc) + len(meta)
	if cap(s.arena)-len(s.arena) < n {
		s.arena = make([]byte, 0, max(sortChunk, n))
	}
	at := len(s.arena)
	s.arena = append(append(append(s.arena, key...), doc...), meta...)
	s.size += n + sortRowSize
	b := s.arena[at:len(s.arena):len(s.arena)]
	return sortRow{prefixOf(key), b[:len(key)], b[len(key):]}
}

func prefixOf(key []byte) uint64 {
	var b [8]byte
	copy(b[:], key)
	return binary.BigEndian.Uint64(b[:])
}

func compareRows(a, b sortRow) int {
	switch {
	case a.prefix < b.prefix:
		return -1
	case a.prefix > b.prefix:
		return 1
	}
	return bytes.Compare(a.key, b.key)
}

// keepFirst forgets all but as many as are wanted.
func (s *sorter) keepFirst() {
	slices.SortFunc(s.rows, compareRows)
	if len(s.rows) <= s.want {
		return
	}
	old := s.rows[:s.want]
	s.rows, s.arena, s.size = make([]sortRow, 0, 2*s.want+1024), nil, 0
	for _, r := range old {
		s.rows = append(s.rows, s.row(r.key, r.doc))
	}
	s.bound = s.rows[s.want-1].key
}

// overflow makes room.
func (s *sorter) overflow() error {
	if s.want > 0 && len(s.rows) > s.want {
		if s.keepFirst(); s.size <= s.limit {
			return nil
		}
	}
	if s.files == nil {
		return mongoerr.New(mongoerr.QueryExceededMemoryLimitNoDiskUseAllowed,
			"Sort exceeded memory limit of %d bytes, but did not opt in to external sorting.", s.limit)
	}
	return s.spill()
}

// spill writes what is in memory to a file.
func (s *sorter) spill() error {
	slices.SortFunc(s.rows, compareRows)
	f, err := s.files.Create()
	if err != nil {
		return err
	}
	run := &sortRun{file: f}
	s.runs = append(s.runs, run)
	if err := run.write(s.rows); err != nil {
		return err
	}
	s.spills++
	clear(s.rows)
	s.rows, s.arena, s.size = s.rows[:0], nil, 0
	return nil
}

// finish ends adding: what was added can be read in order.
func (s *sorter) finish() error {
	if len(s.runs) == 0 {
		slices.SortFunc(s.rows, compareRows)
		if s.want > 0 && len(s.rows) > s.want {
			s.rows = s.rows[:s.want]
		}
		return nil
	}
	if err := s.spill(); err != nil {
		return err
	}
	s.rows = nil
	for _, r := range s.runs {
		if err := r.next(); err != nil && err != io.EOF {
			return err
		}
	}
	s.runs = slices.DeleteFunc(s.runs, func(r *sortRun) bool {
		if r.ended {
			_ = r.file.Close() // it was read to its end
		}
		return r.ended
	})
	heap.Init((*runHeap)(&s.runs))
	return nil
}

// next returns the next document, valid until the call after it, with what is known of it, or io.EOF.
func (s *sorter) next(ctx context.Context) (document.Doc, expr.Meta, error) {
	b, err := s.nextBytes(ctx)
	if err != nil {
		return nil, expr.Meta{}, err
	}
	n := binary.LittleEndian.Uint32(b)
	return document.Doc(b[:n:n]), readMeta(b[n:]), nil
}

func (s *sorter) nextBytes(ctx context.Context) (document.Doc, error) {
	if len(s.rows) > 0 {
		doc := s.rows[0].doc
		s.rows[0] = sortRow{}
		s.rows = s.rows[1:]
		return doc, nil
	}
	if len(s.runs) == 0 {
		return nil, io.EOF
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	first := s.runs[0]
	s.space = append(s.space[:0], first.doc...)
	switch err := first.next(); {
	case err == io.EOF:
		heap.Pop((*runHeap)(&s.runs))
		if err := first.file.Close(); err != nil {
			return nil, err
		}
	case err != nil:
		return nil, err
	default:
		heap.Fix((*runHeap)(&s.runs), 0)
	}
	return s.space, nil
}

// close removes the files.
func (s *sorter) close() (err error) {
	for _, r := range s.runs {
		if e := r.file.Close(); err == nil {
			err = e
		}
	}
	s.runs, s.rows = nil, nil
	return err
}
