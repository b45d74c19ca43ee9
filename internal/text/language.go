package text

import (
	"embed"
	"strings"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/danish"
	"github.com/blevesearch/snowballstem/dutch"
	"github.com/blevesearch/snowballstem/english"
	"github.com/blevesearch/snowballstem/finnish"
	"github.com/blevesearch/snowballstem/french"
	"github.com/blevesearch/snowballstem/german"
	"github.com/blevesearch/snowballstem/hungarian"
	"github.com/blevesearch/snowballstem/italian"
	"github.com/blevesearch/snowballstem/norwegian"
	"github.com/blevesearch/snowballstem/portuguese"
	"github.com/blevesearch/snowballstem/romanian"
	"github.com/blevesearch/snowballstem/russian"
	"github.com/blevesearch/snowballstem/spanish"
	"github.com/blevesearch/snowballstem/swedish"
	"github.com/blevesearch/snowballstem/turkish"
)

// Language is how the text of a language becomes terms. Immutable.
type Language struct {
	Name string
	code string // of ISO 639

	stem       func(*snowballstem.Env) bool // nil: words are terms
	stops      map[string]bool              // words that are no terms
	apostrophe bool                         // it is a part of words
	turkish    bool                         // I and İ are two letters
	ascii      bool                         // other characters than ASCII's are parts of words, as they are
	inASCII    *Language                    // the language with ascii
}

//go:embed stopwords/*.txt
var stopWords embed.FS

var languages = []*Language{
	{Name: "none"},
	{Name: "danish", code: "da", stem: danish.Stem},
	{Name: "dutch", code: "nl", stem: dutch.Stem},
	{Name: "english", code: "en", stem: english.Stem, apostrophe: true},
	{Name: "finnish", code: "fi", stem: finnish.Stem},
	{Name: "french", code: "fr", stem: french.Stem},
	{Name: "german", code: "de", stem: german.Stem},
	{Name: "hungarian", code: "hu", stem: stemHungarian},
	{Name: "italian", code: "it", stem: italian.Stem},
	{Name: "norwegian", code: "nb", stem: norwegian.Stem},
	{Name: "portuguese", code: "pt", stem: portuguese.Stem},
	{Name: "romanian", code: "ro", stem: romanian.Stem},
	{Name: "russian", code: "ru", stem: russian.Stem},
	{Name: "spanish", code: "es", stem: spanish.Stem},
	{Name: "swedish", code: "sv", stem: swedish.Stem},
	{Name: "turkish", code: "tr", stem: turkish.Stem, turkish: true},
}

func init() {
	for _, l := range languages {
		defer l.addASCII()
		words, err := stopWords.ReadFile("stopwords/" + l.Name + ".txt")
		if err != nil {
			continue // none has none
		}
		l.stops = map[string]bool{}
		for word := range strings.FieldsSeq(string(words)) {
			l.stops[word] = true
		}
	}
}

// hungarianLetters swaps the letters with two acutes and those that stood for them where a character has one byte.
var hungarianLetters = strings.NewReplacer("ő", "õ", "õ", "ő", "ű", "û", "û", "ű")

// stemHungarian finds stems as mongod does, whose rules are written with õ and û.
func stemHungarian(env *snowballstem.Env) bool {
	env.SetCurrent(hungarianLetters.Replace(env.Current()))
	stemmed := hungarian.Stem(env)
	env.SetCurrent(hungarianLetters.Replace(env.Current()))
	return stemmed
}

// addASCII makes the language as indexes of version 2 have it.
func (l *Language) addASCII() {
	other := *l
	other.ascii, other.turkish = true, false
	l.inASCII = &other
}

// FindLanguage returns the language of a name or a code, in any case; nil if there is none.
func FindLanguage(name string) *Language {
	for _, l := range languages {
		if strings.EqualFold(name, l.Name) || l.code != "" && strings.EqualFold(name, l.code) {
			return l
		}
	}
	return nil
}
