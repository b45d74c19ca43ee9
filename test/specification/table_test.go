package specification

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/spectest"
)

// row is a line of the table in README.md.
type row struct {
	directory string
	files     int
	by, why   string // one of them is empty
}

func readTable(t *testing.T) (rows []row) {
	t.Helper()
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), "|")
		if len(cells) != 6 {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		if n, err := strconv.Atoi(cells[2]); err == nil {
			rows = append(rows, row{cells[1], n, cells[3], cells[4]})
		}
	}
	return rows
}

// here is what the table calls this package.
const here = "test/specification"

// mustNotPass is the directory of tests that a runner refuses: see TestBrokenTestsDoNotPass.
const mustNotPass = "unified-test-format/valid-fail"

// suites returns the directories that TestSpecifications runs.
func suites(t *testing.T) (list []string) {
	for _, r := range readTable(t) {
		if r.by == here && r.directory != mustNotPass {
			list = append(list, r.directory)
		}
	}
	return list
}

// filesIn returns the files of a directory without those of the directories in it.
func filesIn(t *testing.T, directory string) []spectest.File {
	return slices.DeleteFunc(spectest.Files(t, directory), func(f spectest.File) bool { return path.Dir(f.Path) != directory })
}

// TestTableIsTrue compares the table of README.md with the directories that there are, and with the tests that are said to run them.
func TestTableIsTrue(t *testing.T) {
	count := map[string]int{}
	root := spectest.Dir(t)
	err := filepath.WalkDir(root, func(at string, e fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(at) == ".json" {
			relative, err := filepath.Rel(root, filepath.Dir(at))
			if err != nil {
				return err
			}
			count[filepath.ToSlash(relative)]++
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range readTable(t) {
		if count[r.directory] != r.files {
			t.Errorf("%s has %d files, and not %d as the table says", r.directory, count[r.directory], r.files)
		}
		delete(count, r.directory)
		switch {
		case (r.by == "") == (r.why == ""):
			t.Errorf("%s: either a package runs it, or there is a reason", r.directory)
		case r.by != "" && r.by != here && !mentions(t, r.by, r.directory):
			t.Errorf("%s: no test of %s names it", r.directory, r.by)
		}
	}
	for directory := range count {
		t.Errorf("%s is not in the table", directory)
	}
}

// mentions reports whether a test of a package reads specification tests and names the directory or one that it is in.
func mentions(t *testing.T, in, directory string) bool {
	files, err := filepath.Glob(filepath.Join("..", "..", in, "*_test.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		for above := directory; above != "." && strings.Contains(string(text), "spectest."); above = path.Dir(above) {
			if strings.Contains(string(text), `"`+above+`"`) || strings.Contains(string(text), `"`+path.Base(above)+`"`) {
				return true
			}
		}
	}
	return false
}
