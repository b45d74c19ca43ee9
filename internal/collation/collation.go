package collation

import "bytes"

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
	var spaceA, spaceB [128]byte
	return bytes.Compare(c.AppendKey(spaceA[:0], a), c.AppendKey(spaceB[:0], b))
}
