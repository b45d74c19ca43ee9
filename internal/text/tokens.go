package text

import (
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
)

// Exact says which differences between words count.
type Exact struct{ Case, Diacritics bool }

// terms calls yield for the terms of s until it returns false. stops: those of stop words, too.
func (l *Language) terms(s string, exact Exact, stops bool, yield func(term string) bool) {
	for word := range strings.FieldsFuncSeq(s, l.endsWord) {
		term := l.toLower(word)
		if !stops && l.stops[term] {
			continue
		}
		if exact.Case {
			term = word
		}
		if l.stem != nil {
			env := snowballstem.NewEnv(term) // stems depend on diacritics, which go afterwards
			l.stem(env)
			term = env.Current()
		}
		if !exact.Diacritics && !l.ascii {
			term = withoutDiacritics(term)
		}
		if !yield(term) {
			return
		}
	}
}

func (l *Language) endsWord(c rune) bool {
	return characters.delimiter[c] && !(l.apostrophe && c == '\'') && !(l.ascii && c >= utf8.RuneSelf)
}

// contains reports whether s has a phrase in it. In Turkish, case never counts there.
func (l *Language) contains(s, phrase string, exact Exact) bool {
	fold := func(s string) string {
		if !exact.Case || l.turkish {
			s = l.toLower(s)
		}
		if !exact.Diacritics && !l.ascii {
			s = withoutDiacritics(s)
		}
		return s
	}
	return strings.Contains(fold(s), fold(phrase))
}
