package collation

import (
	"bytes"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
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
	var space [64]element
	dst = c.appendKey(dst, c.elements(space[:0], s))
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

func (c *Collation) elements(list []element, s string) []element {
	t := c.table
	for i := range len(s) {
		b := s[i]
		if b >= utf8.RuneSelf || !t.plain[b] || c.numeric && b >= '0' && b <= '9' {
			return c.elementsOfText(list[:0], s)
		}
		list = append(list, t.ascii[b])
	}
	return list
}

func (c *Collation) elementsOfText(list []element, s string) []element {
	var space [64]rune
	if c.normalize {
		return c.table.appendElements(list, append(space[:0], []rune(norm.NFD.String(s))...), c.numeric)
	}
	return c.table.appendElements(list, appendDecomposed(space[:0], s), c.numeric)
}
