package connstring

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDocumentationHasEveryOption shows that the documentation's table has the options of the program's, in order, with their defaults.
func TestDocumentationHasEveryOption(t *testing.T) {
	page, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(page), "# Options")
	row := regexp.MustCompile(`(?m)^//\t(\w+) {2,}\S.*?\S {2,}(\S+) {2,}\S.*$`)
	var documented []string
	for _, m := range row.FindAllStringSubmatch(text, -1)[1:] {
		name, fallback := m[1], m[2]
		documented = append(documented, name)
		opt := lookup(strings.ToLower(name))
		if opt == nil || fallback == "–" {
			continue // below: the lists differ, or there is none
		}
		if got := opt.text(defaults()); !slices.Equal(got, []string{fallback}) {
			t.Errorf("%s: the default is %q, the documentation says %s", name, got, fallback)
		}
	}
	var names []string
	for i := range table {
		names = append(names, table[i].name)
	}
	if !slices.Equal(documented, names) {
		t.Errorf("documented are\n%s\nbut there are\n%s", documented, names)
	}
}
