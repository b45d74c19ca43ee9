package regex

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// recorded is what a mongod 6.0.5 said to patterns: which of the texts they match in a filter, and what $regexFindAll finds in them.
type recorded struct {
	Texts []string
	Cases []struct {
		Pattern, Options string
		Error            string // of the filter
		Filter           []int
		Find             [][]any // text, and of each match the text, the index in characters and the captures
	}
}

func readRecorded(t testing.TB) (r recorded) {
	data, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRecorded compares with what mongod answered.
func TestRecorded(t *testing.T) {
	r := readRecorded(t)
	for _, c := range r.Cases {
		name := fmt.Sprintf("/%.60s/%s", c.Pattern, c.Options)
		re, err := Compile(c.Pattern, c.Options)
		var unsupported *UnsupportedError
		switch {
		case errors.As(err, &unsupported):
			continue
		case err == nil && re.Open():
			err = &SyntaxError{"missing )"} // mongod's filters put the pattern between parentheses
		}
		if err != nil {
			if got := "Regular expression is invalid: " + err.Error(); got != c.Error {
				t.Errorf("%s: %q, mongod says %q", name, got, c.Error)
			}
			continue
		}
		if c.Error != "" {
			t.Errorf("%s: accepted, mongod says %q", name, c.Error)
			continue
		}
		var filter []int
		for i, s := range r.Texts {
			ok, err := re.Match(s)
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if ok {
				filter = append(filter, i)
			}
			if prefix, exact := re.Prefix(); ok && !strings.HasPrefix(s, prefix) || exact && ok != strings.HasPrefix(s, prefix) {
				t.Errorf("%s: prefix %q, exact %v, is wrong for %q", name, prefix, exact, s)
			}
		}
		if !slices.Equal(filter, c.Filter) {
			t.Errorf("%s: matches %v, mongod %v", name, filter, c.Filter)
		}
		if c.Find != nil {
			if got, want := foundIn(t, re, r.Texts), asJSON(c.Find); got != want {
				t.Errorf("%s: finds\n%s, mongod\n%s", name, got, want)
			}
		}
	}
}

func asJSON(v any) string {
	b, _ := json.Marshal(v)
	return string(b)
}

func foundIn(t *testing.T, re *Regexp, texts []string) string {
	all := []any{}
	for i, s := range texts {
		var matches []any
		for from := 0; ; {
			loc, err := re.Find(s, from)
			if err != nil {
				t.Fatal(err)
			}
			if loc == nil {
				break
			}
			captures := []any{}
			for k := 2; k < len(loc); k += 2 {
				if loc[k] < 0 {
					captures = append(captures, nil)
				} else {
					captures = append(captures, s[loc[k]:loc[k+1]])
				}
			}
			matches = append(matches, []any{s[loc[0]:loc[1]], utf8.RuneCountInString(s[:loc[0]]), captures})
			from = loc[1]
			if loc[0] == loc[1] {
				_, n := utf8.DecodeRuneInString(s[from:])
				from += n
			}
			if from >= len(s) {
				break
			}
		}
		if matches != nil {
			all = append(all, []any{i, matches})
		}
	}
	return asJSON(all)
}

// TestHostilePatternsEnd shows that what would take forever is refused.
func TestHostilePatternsEnd(t *testing.T) {
	text := strings.Repeat("a", 2000)
	re, err := Compile(`^(?>)(a|aa|a)*(?=b)c\1`, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := re.Match(text); !errors.Is(err, ErrLimit) {
		t.Errorf("got %v", err)
	}
	if _, err := re.Match(strings.Repeat("a", maxBacktrackedText+1)); !errors.Is(err, ErrLimit) {
		t.Errorf("long text: %v", err)
	}
	if re, err = Compile(`(a?){1000}x`, ""); err != nil {
		t.Fatal(err)
	}
	if ok, err := re.Match(text); ok || err != nil {
		t.Errorf("Go's engine: %v %v", ok, err)
	}
}

func FuzzCompile(f *testing.F) {
	r := readRecorded(f)
	for _, c := range r.Cases {
		if len(c.Pattern) < 100 {
			f.Add(c.Pattern, c.Options, r.Texts[1])
		}
	}
	f.Fuzz(func(t *testing.T, pattern, options, text string) {
		re, err := Compile(pattern, options)
		if err != nil {
			return
		}
		matched, err := re.Match(text)
		if err != nil {
			return
		}
		loc, err := re.Find(text, 0)
		if err != nil {
			return
		}
		if matched != (loc != nil) {
			t.Fatalf("/%s/%s on %q: Match says %v, Find %v", pattern, options, text, matched, loc)
		}
		if prefix, exact := re.Prefix(); matched && !strings.HasPrefix(text, prefix) || exact && utf8.ValidString(text) && matched != strings.HasPrefix(text, prefix) {
			t.Fatalf("/%s/%s on %q: prefix %q %v, matched %v", pattern, options, text, prefix, exact, matched)
		}
		for i := 0; i < len(loc); i += 2 {
			if loc[i] > loc[i+1] || loc[i+1] > len(text) {
				t.Fatalf("/%s/%s on %q: %v", pattern, options, text, loc)
			}
		}
	})
}
