package collation

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// table maps text to collation elements for one locale. Immutable once it is loaded.
type table struct {
	pages        [unicodeRunes / pageRunes]*page
	contractions map[rune][]contraction // by their first code point, longest first
	compressible *[256]bool             // by the first byte of a primary weight
	reorder      *reordering            // for scripts that come first in the locale; nil for none
	numeric      uint32                 // the first byte of the weights of numbers
	spaceTop     uint32                 // the greatest primary weight of spaces
	punctTop     uint32                 // and of punctuation

	ascii [utf8.RuneSelf]element // of those that have one, and begin no contraction
	plain [utf8.RuneSelf]bool    // which these are
}

const (
	unicodeRunes = utf8.MaxRune + 1
	pageRunes    = 256
)

// page is the elements of 256 code points.
type page struct {
	at       [pageRunes]uint16
	n        [pageRunes]uint8 // 0: there is no entry
	elements []element
}

// contraction is code points that have elements together.
type contraction struct {
	rest     []rune // after the first
	elements []element
}

// reordering moves the weights of scripts by their first bytes.
type reordering struct {
	leads  [256]byte
	splits []split // of first bytes that several scripts share, ascending
}

// split says that weights from one on, as far as they have the same first byte, get this one.
type split struct {
	from uint32
	lead byte
}

func (t *table) reordered(p uint32) uint32 {
	if t.reorder == nil {
		return p
	}
	lead := t.reorder.leads[p>>24]
	for _, s := range t.reorder.splits {
		if s.from>>24 == p>>24 && p >= s.from {
			lead = s.lead
		}
	}
	return uint32(lead)<<24 | p&0xffffff
}

// tailored returns a table that begins as a copy of t.
func (t *table) tailored() *table {
	n := *t
	n.contractions = make(map[rune][]contraction, len(t.contractions))
	for first, list := range t.contractions {
		n.contractions[first] = list
	}
	return &n
}

// set gives a code point elements. It copies the page if that is base's.
func (t *table) set(r rune, list []element, base *table) {
	i := r / pageRunes
	switch p := t.pages[i]; {
	case p == nil:
		t.pages[i] = &page{}
	case base != nil && p == base.pages[i]:
		n := *p
		n.elements = slices.Clone(p.elements)
		t.pages[i] = &n
	}
	p := t.pages[i]
	p.at[r%pageRunes], p.n[r%pageRunes] = uint16(len(p.elements)), uint8(len(list))
	p.elements = append(p.elements, list...)
}

// contract gives a sequence of code points elements.
func (t *table) contract(sequence []rune, list []element) {
	first, rest := sequence[0], sequence[1:]
	all := slices.DeleteFunc(slices.Clone(t.contractions[first]), func(c contraction) bool { return slices.Equal(c.rest, rest) })
	at := slices.IndexFunc(all, func(c contraction) bool { return len(c.rest) <= len(rest) })
	if at < 0 {
		at = len(all)
	}
	t.contractions[first] = slices.Insert(all, at, contraction{slices.Clone(rest), slices.Clone(list)})
}

// finish prepares the fast path of ASCII.
func (t *table) finish() {
	for r := range rune(utf8.RuneSelf) {
		list := t.lookup(r)
		t.plain[r] = len(list) == 1 && len(t.contractions[r]) == 0
		if t.plain[r] {
			t.ascii[r] = list[0]
		}
	}
}

// lookup returns the elements of a code point by itself; nil if it has no entry.
func (t *table) lookup(r rune) []element {
	p := t.pages[r/pageRunes]
	if p == nil {
		return nil
	}
	at := p.at[r%pageRunes]
	return p.elements[at : at+uint16(p.n[r%pageRunes])]
}

// unassigned is the weight of a code point that has no entry: after all others, in the order of code points.
func unassigned(r rune) uint32 {
	c := uint32(r) + 1
	p := 2 + c%18*14
	c /= 18
	p |= (2 + c%254) << 8
	c /= 254
	return 0xfe<<24 | (4+c%251)<<16 | p
}

// maxMarks is how far ahead a contraction is looked for among marks: more than any text has, and little enough for texts of nothing but marks.
const maxMarks = 32

// contraction returns the elements of the longest contraction at the beginning of text, and how many code points it takes; 0 if there is none. Marks
// may stand between its parts, as long as they do not block each other (Unicode Technical Standard 10, S2.1); they are moved behind it.
func (t *table) contraction(text []rune) (found []element, n int) {
	all := t.contractions[text[0]]
	if len(all) == 0 {
		return nil, 0
	}
	for i := range all {
		if c := &all[i]; len(c.rest) < len(text) && slices.Equal(c.rest, text[1:1+len(c.rest)]) {
			found, n = c.elements, 1+len(c.rest)
			break
		}
	}
	n = max(n, 1)
	skipped := uint8(0)
	for i := n; i < min(len(text), n+maxMarks); i++ {
		class := combiningClass(text[i])
		if class == 0 {
			break
		}
		if class > skipped && i > n || i == n && skipped == 0 {
			if c := findContraction(all, text[1:n], text[i]); c != nil {
				mark := text[i]
				copy(text[n+1:i+1], text[n:i])
				text[n] = mark
				found, n = c.elements, n+1
				continue
			}
		}
		skipped = max(skipped, class)
	}
	if found == nil {
		return nil, 0
	}
	return found, n
}

func findContraction(all []contraction, before []rune, next rune) *contraction {
	for i := range all {
		rest := all[i].rest
		if len(rest) == len(before)+1 && rest[len(before)] == next && slices.Equal(rest[:len(before)], before) {
			return &all[i]
		}
	}
	return nil
}

func combiningClass(r rune) uint8 {
	if r < 0x300 {
		return 0
	}
	var space [utf8.UTFMax]byte
	return norm.NFD.Properties(utf8.AppendRune(space[:0], r)).CCC()
}
