package text

import (
	"maps"
	"slices"
	"strings"

	"github.com/mortondb/morton/internal/document"
)

// Search is what a $text asks for, compiled for an index. Immutable.
type Search struct {
	Text     string
	Language string
	Exact    Exact

	Terms          []string // one of which a document must have; ascending, without regard to case and diacritics
	Negated        []string // which it must not have, ascending
	Phrases        []string // all of which it must have
	NegatedPhrases []string // which it must not have

	index    *Index
	positive map[string]bool // Terms, as Exact says
	negative map[string]bool
}

// Compile compiles a search; l is the language that it is in.
func (ix *Index) Compile(text, language string, l *Language, exact Exact) *Search {
	s := &Search{Text: text, Language: language, Exact: exact, index: ix, positive: map[string]bool{}, negative: map[string]bool{}}
	var p searchParser
	p.parse(text)
	s.Phrases, s.NegatedPhrases = p.phrases, p.negatedPhrases
	bounds := map[string]bool{}
	if !l.ascii {
		l = ix.as(l)
	}
	collect(l, p.positive.String(), Exact{}, bounds)
	collect(l, p.positive.String(), exact, s.positive)
	collect(l, p.negative.String(), exact, s.negative)
	s.Terms, s.Negated = slices.Sorted(maps.Keys(bounds)), slices.Sorted(maps.Keys(s.negative))
	return s
}

func collect(l *Language, text string, exact Exact, into map[string]bool) {
	l.terms(text, exact, false, func(term string) bool {
		into[term] = true
		return true
	})
}

// Matches reports whether a document that has one of Terms meets the rest of the search.
func (s *Search) Matches(doc document.Doc) bool {
	return s.hasTerm(doc) && !s.hasNegated(doc) &&
		!slices.ContainsFunc(s.Phrases, func(p string) bool { return !s.hasPhrase(doc, p) }) &&
		!slices.ContainsFunc(s.NegatedPhrases, func(p string) bool { return s.hasPhrase(doc, p) })
}

// Version returns the version of the index.
func (s *Search) Version() int { return s.index.Version }

// Finds reports whether a search finds a document, as the index does: it has one of Terms and Matches.
func (s *Search) Finds(doc document.Doc) bool {
	found := false
	err := s.index.pieces(doc, func(t piece) bool {
		t.language.terms(t.text, Exact{}, false, func(term string) bool {
			_, found = slices.BinarySearch(s.Terms, term)
			return !found
		})
		return !found
	})
	return err == nil && found && s.Matches(doc)
}

func (s *Search) hasTerm(doc document.Doc) bool {
	return s.Exact == Exact{} || s.hasAny(doc, s.positive)
}

func (s *Search) hasNegated(doc document.Doc) bool {
	return len(s.negative) > 0 && s.hasAny(doc, s.negative)
}

func (s *Search) hasAny(doc document.Doc, terms map[string]bool) bool {
	return s.any(doc, func(t piece) (found bool) {
		t.language.terms(t.text, s.Exact, true, func(term string) bool {
			found = terms[term]
			return !found
		})
		return found
	})
}

func (s *Search) hasPhrase(doc document.Doc, phrase string) bool {
	return s.any(doc, func(t piece) bool { return t.language.contains(t.text, phrase, s.Exact) })
}

// any reports whether a text of the document meets a condition. Documents whose language there is not are not in the index.
func (s *Search) any(doc document.Doc, f func(piece) bool) (found bool) {
	_ = s.index.pieces(doc, func(t piece) bool {
		found = f(t)
		return !found
	})
	return found
}

// searchParser takes a search apart: words, and phrases in quotes, which a minus behind a space negates up to the next space.
type searchParser struct {
	positive, negative      strings.Builder
	phrases, negatedPhrases []string

	inPhrase, negated bool
	quote             int // where the phrase begins
}

const spaces = " \t\n\v\f\r"

func (p *searchParser) parse(text string) {
	spaced := true // before the current token
	for at := 0; at < len(text); {
		rest := text[at:]
		if trimmed := strings.TrimLeft(rest, spaces); len(trimmed) < len(rest) {
			spaced = true
			at += len(rest) - len(trimmed)
			continue
		}
		n := 1
		switch rest[0] {
		case '-':
			if !p.inPhrase && spaced {
				p.negated = true
			}
		case '"':
			p.quoted(text, at, spaced)
		default:
			if n = strings.IndexAny(rest, spaces+`-"`); n < 0 {
				n = len(rest)
			}
			p.word(rest[:n], spaced)
		}
		at += n
		spaced = false
	}
}

func (p *searchParser) word(word string, spaced bool) {
	if p.inPhrase && p.negated {
		return
	}
	if !p.inPhrase && spaced {
		p.negated = false
	}
	into := &p.positive
	if p.negated {
		into = &p.negative
	}
	into.WriteString(word)
	into.WriteByte(' ')
}

// quoted begins or ends a phrase.
func (p *searchParser) quoted(text string, at int, spaced bool) {
	switch {
	case !p.inPhrase:
		if spaced {
			p.negated = false
		}
		p.quote = at + 1
	case p.negated:
		p.negatedPhrases = append(p.negatedPhrases, text[p.quote:at])
	default:
		p.phrases = append(p.phrases, text[p.quote:at])
	}
	p.inPhrase = !p.inPhrase
}
