package regex

import (
	"slices"
	"strings"
	"unicode"
)

// runeSet is a set of characters: ascending, disjoint ranges.
type runeSet []runeRange

type runeRange struct{ lo, hi rune }

const maxRune = unicode.MaxRune

// The sets that escapes name.
var (
	digits     = runeSet{{'0', '9'}}
	wordChars  = runeSet{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	spaces     = runeSet{{'\t', '\r'}, {' ', ' '}}
	horizontal = runeSet{{'\t', '\t'}, {' ', ' '}, {0xa0, 0xa0}, {0x1680, 0x1680}, {0x180e, 0x180e}, {0x2000, 0x200a}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}}
	vertical   = runeSet{{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}}
	newline    = runeSet{{'\n', '\n'}}
	allRunes   = runeSet{{0, maxRune}}
)

// posixSets has the classes in brackets within brackets, [[:alpha:]].
var posixSets = map[string]runeSet{
	"alpha":  {{'A', 'Z'}, {'a', 'z'}},
	"lower":  {{'a', 'z'}},
	"upper":  {{'A', 'Z'}},
	"alnum":  {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}},
	"ascii":  {{0, 0x7f}},
	"blank":  {{'\t', '\t'}, {' ', ' '}},
	"cntrl":  {{0, 0x1f}, {0x7f, 0x7f}},
	"digit":  digits,
	"graph":  {{'!', '~'}},
	"print":  {{' ', '~'}},
	"punct":  {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}},
	"space":  spaces,
	"word":   wordChars,
	"xdigit": {{'0', '9'}, {'A', 'F'}, {'a', 'f'}},
}

// normal returns the ranges sorted and joined.
func (s runeSet) normal() runeSet {
	s = slices.Clone(s)
	slices.SortFunc(s, func(a, b runeRange) int { return int(a.lo - b.lo) })
	var out runeSet
	for _, r := range s {
		if n := len(out); n > 0 && r.lo <= out[n-1].hi+1 {
			out[n-1].hi = max(out[n-1].hi, r.hi)
			continue
		}
		out = append(out, r)
	}
	return out
}

// complement returns what is not in s, which is normal.
func (s runeSet) complement() runeSet {
	var out runeSet
	next := rune(0)
	for _, r := range s {
		if r.lo > next {
			out = append(out, runeRange{next, r.lo - 1})
		}
		next = r.hi + 1
	}
	if next <= maxRune {
		out = append(out, runeRange{next, maxRune})
	}
	return out
}

// folded returns s with all that differs from it in case only.
func (s runeSet) folded() runeSet {
	out := slices.Clone(s)
	for _, r := range s {
		for _, f := range folding {
			if lo, hi := max(r.lo, f.lo), min(r.hi, f.hi); lo <= hi {
				out = appendFolds(out, lo, hi)
			}
		}
	}
	return out.normal()
}

func appendFolds(out runeSet, lo, hi rune) runeSet {
	for c := lo; c <= hi; c++ {
		for f := unicode.SimpleFold(c); f != c; f = unicode.SimpleFold(f) {
			out = append(out, runeRange{f, f})
		}
	}
	return out
}

// folding is the characters that have others of another case.
var folding = func() runeSet {
	var s runeSet
	for c := rune(0); c <= 0x1ffff; c++ { // there are none beyond
		if unicode.SimpleFold(c) != c {
			if n := len(s); n > 0 && s[n-1].hi == c-1 {
				s[n-1].hi = c
			} else {
				s = append(s, runeRange{c, c})
			}
		}
	}
	return s
}()

// property returns the characters with a Unicode property, as \p{Name} has it; ok is false if there is none of that name.
func property(name string) (s runeSet, ok bool) {
	switch name {
	case "Any":
		return allRunes, true
	case "L&":
		return union(unicode.Lu, unicode.Ll, unicode.Lt), true
	case "Cn":
		return assigned().complement(), true
	case "C":
		return append(assigned().complement(), fromTable(unicode.C)...).normal(), true
	case "Xan":
		return union(unicode.L, unicode.N), true
	case "Xwd":
		return append(union(unicode.L, unicode.N), runeRange{'_', '_'}).normal(), true
	case "Xps", "Xsp":
		return append(union(unicode.Z), runeRange{'\t', '\r'}, runeRange{0x85, 0x85}).normal(), true
	case "Xuc":
		return runeSet{{'$', '$'}, {'@', '@'}, {'`', '`'}, {0xa0, 0xd7ff}, {0xe000, maxRune}}, true
	}
	if t := unicode.Categories[name]; t != nil && len(name) <= 2 && name != "LC" {
		return fromTable(t), true
	}
	if t := unicode.Scripts[name]; t != nil {
		return fromTable(t), true
	}
	return nil, false
}

// assigned is all characters that have a meaning.
func assigned() runeSet {
	return union(unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs)
}

func union(tables ...*unicode.RangeTable) runeSet {
	var s runeSet
	for _, t := range tables {
		s = append(s, fromTable(t)...)
	}
	return s.normal()
}

func fromTable(t *unicode.RangeTable) runeSet {
	var s runeSet
	add := func(lo, hi, stride rune) {
		if stride == 1 {
			s = append(s, runeRange{lo, hi})
			return
		}
		for c := lo; c <= hi; c += stride {
			s = append(s, runeRange{c, c})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return s.normal()
}

// isHex reports whether c is a digit to the base of 16.
func isHex(c byte) bool { return strings.IndexByte("0123456789abcdefABCDEF", c) >= 0 }
