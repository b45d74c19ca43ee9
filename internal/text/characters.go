package text

import (
	_ "embed"
	"strconv"
	"strings"
	"unicode/utf8"
)

//go:embed characters.txt
var charactersText string

// characters is what is done with characters. Read-only.
var characters = parseCharacters(charactersText)

type characterTable struct {
	delimiter map[rune]bool
	lower     map[rune]rune // of those that have another lower case
	base      map[rune]rune // without diacritics; 0: it is one
}

// parseCharacters reads characters.txt, which is part of the program: what is wrong in it is found by any test.
func parseCharacters(text string) *characterTable {
	t := &characterTable{delimiter: map[rune]bool{}, lower: map[rune]rune{}, base: map[rune]rune{}}
	for line := range strings.Lines(text) {
		fields := strings.Fields(line)
		switch fields[0] {
		case "delimiter":
			for _, r := range fields[1:] {
				eachIn(r, func(c rune) { t.delimiter[c] = true })
			}
		case "diacritic":
			for _, r := range fields[1:] {
				eachIn(r, func(c rune) { t.base[c] = 0 })
			}
		case "lower", "base":
			into := map[string]map[rune]rune{"lower": t.lower, "base": t.base}[fields[0]]
			to := hexRune(fields[1])
			for _, from := range fields[2:] {
				into[hexRune(from)] = to
			}
		}
	}
	return t
}

// eachIn calls f for the characters of a range such as 3a-40.
func eachIn(r string, f func(rune)) {
	first, last, isRange := strings.Cut(r, "-")
	if !isRange {
		last = first
	}
	for c := hexRune(first); c <= hexRune(last); c++ {
		f(c)
	}
}

func hexRune(s string) rune {
	n, err := strconv.ParseUint(s, 16, 32)
	if err != nil {
		panic("text: characters.txt: " + err.Error())
	}
	return rune(n)
}

// toLower returns s in lower case, which in Turkish is another for I.
func (l *Language) toLower(s string) string {
	return strings.Map(func(c rune) rune {
		switch {
		case l.turkish && c == 'I':
			return 'ı'
		case l.turkish && c == 'İ':
			return 'i'
		case c < utf8.RuneSelf:
			if 'A' <= c && c <= 'Z' {
				return c + ('a' - 'A')
			}
			return c
		case l.ascii:
			return c
		}
		if to, ok := characters.lower[c]; ok {
			return to
		}
		return c
	}, s)
}

// withoutDiacritics returns s with letters that bear none.
func withoutDiacritics(s string) string {
	return strings.Map(func(c rune) rune {
		if to, ok := characters.base[c]; ok {
			if to == 0 {
				return -1
			}
			return to
		}
		return c
	}, s)
}
