package text

import (
	"slices"
	"strings"
	"testing"
)

// TestTerms shows what words become in some languages.
func TestTerms(t *testing.T) {
	for _, c := range []struct {
		language, text string
		exact          Exact
		want           []string
	}{
		{"english", "The runner's running, isn't he?", Exact{}, []string{"runner", "run"}},
		{"en", "Café CAFÉ", Exact{Case: true, Diacritics: true}, []string{"Café", "CAFÉ"}},
		{"french", "l'eau", Exact{}, []string{"eau"}},
		{"none", "l'eau the", Exact{}, []string{"l", "eau", "the"}},
		{"turkish", "KAPI kapı", Exact{}, []string{"kap", "kap"}},
		{"hungarian", "dőből", Exact{Diacritics: true}, []string{"dőből"}},
	} {
		var got []string
		FindLanguage(c.language).terms(c.text, c.exact, false, func(term string) bool {
			got = append(got, term)
			return true
		})
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q has terms %q, want %q", c.language, c.text, got, c.want)
		}
	}
}

// TestVersionTwoKnowsASCII shows that in an index of version 2 other characters are parts of words, as they are.
func TestVersionTwoKnowsASCII(t *testing.T) {
	for _, c := range []struct{ language, text, want string }{
		{"english", "Café CAFÉ, isn't", "café cafÉ"},
		{"none", "a—b ÜBER x-y", "a—b Über x y"},
		{"turkish", "KAPI", "kapi"},
	} {
		var got []string
		FindLanguage(c.language).inASCII.terms(c.text, Exact{}, false, func(term string) bool {
			got = append(got, term)
			return true
		})
		if text := strings.Join(got, " "); text != c.want {
			t.Errorf("%s: %q has terms %q, want %q", c.language, c.text, text, c.want)
		}
	}
}

// TestSearchesAreParsed shows how words, phrases and what is negated are told apart.
func TestSearchesAreParsed(t *testing.T) {
	ix := &Index{Default: FindLanguage("english")}
	for search, want := range map[string]Search{
		`fox -dog`:                {Terms: []string{"fox"}, Negated: []string{"dog"}},
		`fox-dog`:                 {Terms: []string{"dog", "fox"}},
		`"quick fox" -"lazy dog"`: {Terms: []string{"fox", "quick"}, Phrases: []string{"quick fox"}, NegatedPhrases: []string{"lazy dog"}},
		`-a"b c"d e`:              {Terms: []string{"e"}, Negated: []string{"d"}, NegatedPhrases: []string{"b c"}},
		`"fox`:                    {Terms: []string{"fox"}},
		`--fox`:                   {Negated: []string{"fox"}},
	} {
		s := ix.Compile(search, "", ix.Default, Exact{})
		if !slices.Equal(s.Terms, want.Terms) || !slices.Equal(s.Negated, want.Negated) || !slices.Equal(s.Phrases, want.Phrases) || !slices.Equal(s.NegatedPhrases, want.NegatedPhrases) {
			t.Errorf("%s: terms %q -%q, phrases %q -%q", search, s.Terms, s.Negated, s.Phrases, s.NegatedPhrases)
		}
	}
}
