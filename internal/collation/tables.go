package collation

import (
	"bytes"
	"compress/flate"
	_ "embed"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
)

// The tables of all locales are one compressed file: the root's, then of each locale what it changes. It is recorded from a mongod (see
// record_test.go); the weights are those of ICU 57.1 and CLDR 29 (Unicode License).

//go:embed tables.bin
var tablesData []byte

// archiveFormat is the first number of the file.
const archiveFormat = 1

// localeData is where the table of a locale comes from.
type localeData struct {
	base string // whose table it changes; "" for the root's
	data []byte // nil if it changes nothing
}

// catalog is every locale's data, decompressed; tables are made when they are asked for.
type catalog struct {
	root    *table
	locales map[string]localeData
}

var loadCatalog = sync.OnceValue(func() *catalog {
	c, err := readCatalog(tablesData)
	if err != nil {
		panic("collation: the embedded tables: " + err.Error())
	}
	return c
})

// tables caches what was made of the catalog: a locale's name leads to the same table always.
var tables sync.Map

// tableOf returns the table of a locale; nil if there is no such locale.
func tableOf(locale string) *table {
	if t, ok := tables.Load(locale); ok {
		return t.(*table)
	}
	t := loadCatalog().table(locale)
	if t == nil {
		return nil
	}
	made, _ := tables.LoadOrStore(locale, t)
	return made.(*table)
}

func (c *catalog) table(locale string) *table {
	l, ok := c.locales[locale]
	if !ok {
		return nil
	}
	base := c.root
	if l.base != "" {
		base = tableOf(l.base)
	}
	if l.data == nil {
		return base
	}
	t := base.tailored()
	r := &reader{b: l.data}
	r.table(t, base)
	t.finish()
	return t
}

// reader reads numbers off a file; the first error stays.
type reader struct {
	b   []byte
	err error
}

var errTables = errors.New("they end early")

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.err, r.b = errTables, nil
		return 0
	}
	r.b = r.b[size:]
	return n
}

func (r *reader) signed() int64 {
	n := r.number()
	return int64(n>>1) ^ -int64(n&1)
}

func (r *reader) bytes() []byte {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.err, r.b = errTables, nil
		return nil
	}
	b := r.b[:n]
	r.b = r.b[n:]
	return b
}

func readCatalog(file []byte) (*catalog, error) {
	all, err := io.ReadAll(flate.NewReader(bytes.NewReader(file)))
	if err != nil {
		return nil, err
	}
	r := &reader{b: all}
	if n := r.number(); n != archiveFormat {
		return nil, fmt.Errorf("format %d, not %d", n, archiveFormat)
	}
	c := &catalog{root: &table{contractions: map[rune][]contraction{}, compressible: &[256]bool{}}, locales: map[string]localeData{}}
	for i, b := range r.bytes() {
		c.root.compressible[i] = b != 0
	}
	c.root.numeric, c.root.spaceTop, c.root.punctTop = uint32(r.number()), uint32(r.number()), uint32(r.number())
	r.table(c.root, nil)
	c.root.finish()
	for n := r.number(); n > 0 && r.err == nil; n-- {
		name, base := string(r.bytes()), string(r.bytes())
		l := localeData{base: base}
		if base == name {
			return nil, fmt.Errorf("%s is based on itself", name)
		}
		if data := r.bytes(); len(data) > 0 {
			l.data = data
		}
		c.locales[name] = l
	}
	return c, r.err
}

// table reads a reordering, then code points and sequences with their elements: each number is the difference to the one before.
func (r *reader) table(t, base *table) {
	if leads := r.bytes(); len(leads) == 256 {
		t.reorder = &reordering{leads: [256]byte(leads)}
		for n := r.number(); n > 0 && r.err == nil; n-- {
			t.reorder.splits = append(t.reorder.splits, split{uint32(r.number()), byte(r.number())})
		}
	}
	var text []rune
	var list []element
	last, primary := rune(0), int64(0)
	for n := r.number(); n > 0 && r.err == nil; n-- {
		size := r.number()
		text, list = text[:0], list[:0]
		for range size {
			last += rune(r.signed())
			text = append(text, last)
		}
		last = text[0]
		for range r.number() {
			primary += r.signed()
			list = append(list, element{uint32(primary), uint16(r.number()), uint16(r.number())})
		}
		if len(text) == 1 {
			t.set(text[0], list, base)
		} else {
			t.contract(text, list)
		}
	}
}
