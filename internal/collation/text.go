package collation

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// From a string to its elements: decomposed, a window of it at a time, contractions before single code points.

const (
	window    = 256 // code points that are looked at together
	lookAhead = 64  // of these, how many must follow one whose elements are looked up: more than a contraction has, with marks between its parts
)

// addPlain adds the beginning of s as far as each byte has an element of its own, whatever follows, and returns how far that is.
func (w *writer) addPlain(s string) int {
	t := w.c.table
	for i := range len(s) {
		b := s[i]
		if b >= utf8.RuneSelf || !t.plain[b] || w.c.numeric && b >= '0' && b <= '9' {
			return max(i-1, 0) // it may be a mark on the byte before
		}
		if i > 0 {
			w.add(t.ascii[s[i-1]])
		}
	}
	if len(s) > 0 {
		w.add(t.ascii[s[len(s)-1]])
	}
	return len(s)
}

// addText adds any text.
func (w *writer) addText(s string) {
	var space [2 * window]rune
	text := space[:0]
	src := source{s: s}
	if w.c.normalize {
		src.normalized = &norm.Iter{}
		src.normalized.InitString(norm.NFD, s)
	}
	var n number
	for {
		var end bool
		text, end = src.fill(text)
		limit := len(text) - lookAhead
		if end {
			limit = len(text)
		}
		i := 0
		for i < limit {
			i += w.addNext(text[i:], &n)
		}
		if end {
			n.end(w)
			return
		}
		text = text[:copy(text, text[i:])]
	}
}

// addNext adds what stands at the beginning of text, and returns how many code points that is.
func (w *writer) addNext(text []rune, n *number) int {
	r := text[0]
	if w.c.numeric {
		if d, ok := digitOf(r); ok {
			n.add(w, d)
			return 1
		}
		n.end(w)
	}
	t := w.c.table
	if list, used := t.contraction(text); used > 0 {
		w.addAll(list)
		return used
	}
	if list := t.lookup(r); len(list) > 0 {
		w.addAll(list)
	} else {
		w.add(element{unassigned(r), commonWeight, commonWeight})
	}
	return 1
}

// source is a string that is read as decomposed code points.
type source struct {
	s          string
	normalized *norm.Iter // marks are put in order; nil: they keep the order in which they stand
}

// fill appends to text until it has a window's length, and reports whether that was all.
func (src *source) fill(text []rune) (_ []rune, end bool) {
	for len(text) < window {
		switch {
		case src.normalized != nil && src.normalized.Done(), src.normalized == nil && src.s == "":
			return text, true
		case src.normalized != nil:
			text = append(text, []rune(string(src.normalized.Next()))...)
		default:
			_, n := utf8.DecodeRuneInString(src.s)
			text = appendDecomposed(text, src.s[:n])
			src.s = src.s[n:]
		}
	}
	return text, false
}

// appendDecomposed appends the code points of s, each in its canonical decomposition. Marks keep the order in which they stand.
func appendDecomposed(text []rune, s string) []rune {
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case r < 0xc0:
			text = append(text, r)
		case r >= hangulFirst && r <= hangulLast:
			text = appendJamo(text, r-hangulFirst)
		default:
			if d := norm.NFD.PropertiesString(s[i:]).Decomposition(); d != nil {
				text = append(text, []rune(string(d))...)
			} else {
				text = append(text, r)
			}
		}
		i += n
	}
	return text
}

const (
	hangulFirst, hangulLast = 0xac00, 0xd7a3
	vowels, finals          = 21, 28
)

func appendJamo(text []rune, syllable rune) []rune {
	text = append(text, 0x1100+syllable/(vowels*finals), 0x1161+syllable/finals%vowels)
	if final := syllable % finals; final > 0 {
		text = append(text, 0x11a7+final)
	}
	return text
}
