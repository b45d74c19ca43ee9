package document

import (
	"bytes"
	"cmp"
	"strings"
	"testing"
)

// caseless takes small and capital letters for equal.
type caseless struct{}

func (caseless) Compare(a, b string) int { return cmp.Compare(strings.ToLower(a), strings.ToLower(b)) }
func (caseless) Same(Collator) bool      { return true }
func (caseless) AppendKey(dst []byte, s string) []byte {
	return append(dst, strings.ToLower(s)...)
}

// TestCollatedComparesAsOriginal holds the order of values whose strings are replaced by keys to that of CompareWith.
func TestCollatedComparesAsOriginal(t *testing.T) {
	var values []Value
	for _, text := range []string{`"a"`, `"A"`, `"b"`, `""`, `1`, `null`, `["A", "b"]`, `["a", "B"]`, `["a"]`, `{"x": "A"}`, `{"x": "a"}`, `{"X": "a"}`, `{"x": {"y": ["B"]}}`, `{"x": {"y": ["b"]}}`, `true`} {
		d, err := FromJSON(`{"v": ` + text + `}`)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, d.First().Value)
	}
	code := String("A")
	code.Type = TypeCode // no string: compared by bytes
	symbol := String("A")
	symbol.Type = TypeSymbol
	values = append(values, code, symbol)
	for _, a := range values {
		if got := Collated(nil, a); !Identical(got, a) {
			t.Errorf("without a collator %v becomes %v", a, got)
		}
		if v := Collated(caseless{}, a); v.Doc() != nil {
			if err := Validate(v.Doc(), MaxDepth); err != nil {
				t.Errorf("%v becomes %v: %v", a, v, err)
			}
		}
		for _, b := range values {
			if got, want := Compare(Collated(caseless{}, a), Collated(caseless{}, b)), CompareWith(caseless{}, a, b); got != want {
				t.Errorf("%v, %v: keys %d, values %d", a, b, got, want)
			}
			if got, want := CompareWith(nil, a, b), Compare(a, b); got != want {
				t.Errorf("%v, %v: %d without a collator, want %d", a, b, got, want)
			}
		}
	}
	if EqualWith(caseless{}, code, String("a")) || bytes.Equal(Collated(caseless{}, symbol).Data, symbol.Data) || !EqualWith(caseless{}, symbol, String("a")) {
		t.Error("code is a string, or a symbol is none")
	}
}
