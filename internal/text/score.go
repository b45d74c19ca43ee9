package text

import "github.com/mortondb/morton/internal/document"

// Scores returns the terms of a document, each with its score. The error is a [*DocumentError].
func (ix *Index) Scores(doc document.Doc) (map[string]float64, error) {
	scores := map[string]float64{}
	err := ix.pieces(doc, func(p piece) bool {
		p.score(scores)
		return true
	})
	return scores, err
}

// frequency is how often a term comes in a text.
type frequency struct {
	count, exp, sum float64
}

// score adds a text's scores: a term's first occurrence counts one, each further half of the one before; more the larger its part of the text is; and a
// tenth more if it is all of the text. The operations are mongod's, in its order, so that the bits are.
func (p piece) score(scores map[string]float64) {
	terms := map[string]*frequency{}
	tokens := 0.0
	p.language.terms(p.text, Exact{}, false, func(term string) bool {
		f := terms[term]
		if f == nil {
			f = &frequency{exp: 1}
			terms[term] = f
		} else {
			f.exp *= 2
		}
		f.count++
		f.sum += 1 / f.exp
		tokens++
		return true
	})
	for term, f := range terms {
		share := 0.5*f.count/tokens + 0.5
		adjustment := 1.0
		if equalFoldASCII(p.text, term) {
			adjustment += 0.1
		}
		product := p.weight * f.sum * share * adjustment
		scores[term] += product
	}
}

// equalFoldASCII reports whether two strings are equal but for the case of the letters from A to Z.
func equalFoldASCII(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	lower := func(c byte) byte {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		return c
	}
	for i := range len(a) {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}
