package collation

import (
	"unicode"
)

// The texts that the recorder asks for.

// codePoints returns what is asked for: all that are assigned and not made of others by rule.
func codePoints() (list []rune) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		if r >= hangulFirst && r <= hangulLast || unicode.Is(unicode.Cs, r) || unicode.Is(unicode.Co, r) {
			continue
		}
		if unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z, unicode.C) || r >= 0xfff0 && r <= 0xffff {
			list = append(list, r)
		}
	}
	return list
}

// rootPairs returns sequences that may be contractions in every locale.
func rootPairs() (list []string) {
	for _, l := range "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" {
		for _, m := range "\u00b7\u0387" {
			list = append(list, string([]rune{l, m}))
		}
	}
	add := func(firsts []rune, script *unicode.RangeTable) {
		for _, f := range firsts {
			for r := range runesOf(script) {
				list = append(list, string([]rune{f, r}))
			}
		}
	}
	add([]rune("เแโใไ"), unicode.Thai)
	add([]rune("ເແໂໃໄ"), unicode.Lao)
	add([]rune("\uaab5\uaab6\uaab9\uaabb\uaabc"), unicode.Tai_Viet)
	add([]rune("\u19b5\u19b6\u19b7\u19ba"), unicode.New_Tai_Lue)
	return list
}

func runesOf(script *unicode.RangeTable) map[rune]bool {
	out := map[rune]bool{}
	for _, r := range script.R16 {
		for c := rune(r.Lo); c <= rune(r.Hi); c += rune(r.Stride) {
			out[c] = true
		}
	}
	return out
}

// sampleTexts is what tells whether a locale has an order of its own.
func sampleTexts() (list []string) {
	for r := rune(' '); r < 0x700; r++ {
		list = append(list, string(r))
	}
	letters := []rune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
	for _, a := range letters {
		for _, b := range letters {
			list = append(list, string([]rune{a, b}))
		}
	}
	return list
}
