package collation

import (
	"bytes"
	"context"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
)

// TestAgainstMongod compares the keys of random texts with those of a mongod, in every locale and with every option. It says how many of each differ.
//
//	go test ./internal/collation -run TestAgainstMongod -v -mongod mongodb://127.0.0.1:27017/?directConnection=true
func TestAgainstMongod(t *testing.T) {
	if *mongod == "" {
		t.Skip("no -mongod")
	}
	o := newOracle(t)
	defer func() { _ = o.db.Drop(context.Background()) }()
	wanted := regexp.MustCompile(*onlyLocales)
	for _, options := range []string{``, `"strength":1`, `"strength":2`, `"strength":4`, `"strength":5`, `"strength":1,"caseLevel":true`, `"caseLevel":true`, `"caseFirst":"upper"`, `"caseFirst":"lower"`,
		`"caseFirst":"upper","caseLevel":true`, `"numericOrdering":true`, `"alternate":"shifted"`, `"alternate":"shifted","strength":4`, `"alternate":"shifted","maxVariable":"space","strength":4`,
		`"normalization":true`, `"backwards":true`} {
		o.compare("en", options, randomTexts("en", 3000))
	}
	for _, name := range slices.Sorted(slices.Values(localeCandidates())) {
		if tableOf(name) != nil && wanted.MatchString(name) {
			o.compare(name, `"strength":4`, randomTexts(name, 2000))
		}
	}
}

// compare reports how many of some texts have another key here than in mongod, with the first of them.
func (o *oracle) compare(locale, options string, list []string) {
	o.t.Helper()
	spec := `{"locale":"` + locale + `"`
	if options != "" {
		spec += "," + options
	}
	spec += "}"
	if options == "" || !strings.Contains(options, "caseFirst") {
		spec = strings.TrimSuffix(spec, "}") + `,"caseFirst":"off"}`
	}
	d, err := document.FromJSON(spec)
	if err != nil {
		o.t.Fatal(err)
	}
	c, err := Parse(d)
	if err != nil {
		o.t.Fatal(spec, err)
	}
	var asked bson.D
	if err := bson.Unmarshal(d, &asked); err != nil {
		o.t.Fatal(err)
	}
	wrong, first := 0, ""
	for i, want := range o.keysOf(list, asked) {
		if got := c.AppendKey(nil, list[i]); !bytes.Equal(got, want) {
			if wrong++; wrong == 1 {
				first = list[i]
				o.t.Logf("%s: %+q: % x, mongod % x", spec, first, got, want)
			}
		}
	}
	if wrong > 0 {
		o.t.Errorf("%s: %d of %d keys differ", spec, wrong, len(list))
	}
}

// randomTexts returns texts of the letters that a locale's order is about, and of everyday ones.
func randomTexts(locale string, n int) (list []string) {
	letters := []rune("aaabcdeeefghijklmnooopqrstuuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ   0123456789-_.,'!·àáâäåæçèéêëìíîïñòóôöøùúûüýÿœßÀÁÂÄÅÆÇÈÉÊËÑÖØÜčšžřćđğışłńśżőű")
	marks := []rune("\u0301\u0300\u0308\u0302\u030a\u0323\u0327\u0328\u0304")
	t := tableOf(locale)
	root := loadCatalog().root
	var own []rune
	for i, p := range t.pages {
		if p == nil || p == root.pages[i] {
			continue
		}
		for r := rune(i) * pageRunes; r < rune(i+1)*pageRunes; r++ {
			if unicode.In(r, unicode.L, unicode.M, unicode.N) && r < 0x10000 && len(t.lookup(r)) > 0 {
				own = append(own, r)
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, uint64(len(locale))))
	for range n {
		var b strings.Builder
		for range rng.IntN(10) {
			switch x := rng.IntN(20); {
			case x < 5 && len(own) > 0:
				b.WriteRune(own[rng.IntN(len(own))])
			case x == 19:
				b.WriteRune(marks[rng.IntN(len(marks))])
			default:
				b.WriteRune(letters[rng.IntN(len(letters))])
			}
		}
		list = append(list, b.String())
	}
	return list
}
