package collation

import (
	"bytes"
	"cmp"
	"unicode/utf8"
)

// Collation is a way of comparing strings. It is immutable; any number of goroutines may use it. A nil Collation is the simple one: bytes.
type Collation struct {
	spec Spec

	table       *table
	strength    int
	caseLevel   bool
	caseFirst   bool
	upperFirst  bool
	numeric     bool
	backwards   bool
	normalize   bool
	variableTop uint32 // the greatest primary weight of what is shifted to the fourth level; 0 if nothing is
}

// caseInTertiary reports whether the third level tells small and capital letters apart by the case bits.
func (c *Collation) caseInTertiary() bool { return c.caseFirst && !c.caseLevel }

// AppendKey appends the sort key of s: keys compare, as bytes, as strings do.
func (c *Collation) AppendKey(dst []byte, s string) []byte {
	var w writer
	w.init(c)
	if n := w.addPlain(s); n < len(s) {
		w.addText(s[n:])
	}
	dst = w.finish(dst)
	if c.strength == 5 {
		dst = appendIdentical(append(dst, levelSeparator), s)
	}
	return dst
}

// Compare orders two strings.
func (c *Collation) Compare(a, b string) int {
	if a == b {
		return 0
	}
	if order, decided := c.comparePlain(a, b); decided {
		return order
	}
	var spaceA, spaceB [128]byte
	return bytes.Compare(c.AppendKey(spaceA[:0], a), c.AppendKey(spaceB[:0], b))
}

// comparePlain compares the beginnings of two strings as far as each byte has an element of its own, and decides if their primary weights differ:
// most comparisons end there.
func (c *Collation) comparePlain(a, b string) (order int, decided bool) {
	if c.variableTop != 0 {
		return 0, false
	}
	for i, j := 0, 0; ; {
		p, next := c.plainPrimary(a, &i)
		q, nextB := c.plainPrimary(b, &j)
		switch {
		case !next || !nextB:
			return 0, false
		case p != q:
			return cmp.Compare(c.table.reordered(p), c.table.reordered(q)), true
		case p == 0: // both end
			return 0, false
		}
	}
}

// plainPrimary returns the next primary weight of s from *at on, 0 at its end; ok is false if it takes more than a look at one byte.
func (c *Collation) plainPrimary(s string, at *int) (p uint32, ok bool) {
	for *at < len(s) {
		b := s[*at]
		if b >= utf8.RuneSelf || !c.table.plain[b] || c.numeric && b >= '0' && b <= '9' {
			return 0, false
		}
		*at++
		if p := c.table.ascii[b].primary; p != 0 {
			return p, true
		}
	}
	return 0, true
}
