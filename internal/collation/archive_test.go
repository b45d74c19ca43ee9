package collation

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"maps"
	"os"
	"slices"
)

const tablesFile = "tables.bin"

// archive collects tables to be written.
type archive struct {
	root    *table
	locales []archivedLocale
	names   map[*table]string
}

type archivedLocale struct {
	name, base string
	data       []byte
}

// call gives a table the name of its locale, by which others refer to it.
func (a *archive) call(t *table, name string) {
	if a.names == nil {
		a.names = map[*table]string{}
	}
	a.names[t] = name
}

// add adds a locale by what it changes in base.
func (a *archive) add(name string, base, t *table) {
	a.call(a.root, "")
	l := archivedLocale{name: name, base: a.names[base]}
	if data := appendTable(nil, t, base); t != base && len(data) > 2 {
		l.data = data
		a.call(t, name)
	}
	a.locales = append(a.locales, l)
}

func (a *archive) bytes() ([]byte, error) {
	b := binary.AppendUvarint(nil, archiveFormat)
	var compressible [256]byte
	for i, c := range a.root.compressible {
		if c {
			compressible[i] = 1
		}
	}
	b = appendBytes(b, compressible[:])
	for _, n := range []uint32{a.root.numeric, a.root.spaceTop, a.root.punctTop} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	b = appendTable(b, a.root, nil)
	b = binary.AppendUvarint(b, uint64(len(a.locales)))
	for _, l := range a.locales {
		b = appendBytes(appendBytes(appendBytes(b, []byte(l.name)), []byte(l.base)), l.data)
	}
	var out bytes.Buffer
	f, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(b)
	err = errors.Join(err, f.Close())
	return out.Bytes(), err
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

func (a *archive) write(file string) error {
	b, err := a.bytes()
	if err != nil {
		return err
	}
	return os.WriteFile(file, b, 0o644)
}

// appendTable appends what t has and base has not.
func appendTable(b []byte, t, base *table) []byte {
	if t.reorder == nil {
		b = appendBytes(b, nil)
	} else {
		b = binary.AppendUvarint(appendBytes(b, t.reorder.leads[:]), uint64(len(t.reorder.splits)))
		for _, s := range t.reorder.splits {
			b = binary.AppendUvarint(binary.AppendUvarint(b, uint64(s.from)), uint64(s.lead))
		}
	}
	w := tableWriter{}
	for i, p := range t.pages {
		if p == nil || base != nil && base.pages[i] == p {
			continue
		}
		for j := range rune(pageRunes) {
			r := rune(i)*pageRunes + j
			if list := t.lookup(r); len(list) > 0 && (base == nil || !slices.Equal(base.lookup(r), list)) {
				w.entry([]rune{r}, list)
			}
		}
	}
	for _, first := range slices.Sorted(maps.Keys(t.contractions)) {
		for _, c := range t.contractions[first] {
			if base == nil || !slices.ContainsFunc(base.contractions[first], func(d contraction) bool {
				return slices.Equal(c.rest, d.rest) && slices.Equal(c.elements, d.elements)
			}) {
				w.entry(append([]rune{first}, c.rest...), c.elements)
			}
		}
	}
	return append(binary.AppendUvarint(b, w.n), w.b...)
}

type tableWriter struct {
	b       []byte
	n       uint64
	last    rune
	primary int64
}

func (w *tableWriter) entry(text []rune, list []element) {
	w.n++
	w.b = binary.AppendUvarint(w.b, uint64(len(text)))
	for _, r := range text {
		w.b = binary.AppendVarint(w.b, int64(r-w.last))
		w.last = r
	}
	w.last = text[0]
	w.b = binary.AppendUvarint(w.b, uint64(len(list)))
	for _, e := range list {
		w.b = binary.AppendVarint(w.b, int64(e.primary)-w.primary)
		w.primary = int64(e.primary)
		w.b = binary.AppendUvarint(binary.AppendUvarint(w.b, uint64(e.secondary)), uint64(e.tertiary))
	}
}
