package spectest

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// The release whose tests are run. Later ones have them in a git submodule, which a module's zip leaves out. The sum is the
// one that go.sum would have, so that the tests are the same for everybody.
const (
	module = "go.mongodb.org/mongo-driver/v2@v2.1.0"
	sum    = "h1:/ELnVNjmfUKDsoBisXxuJL0noR9CfeUIrP7Yt3R+egg="
)

var locate = sync.OnceValues(func() (string, error) {
	cmd := exec.Command("go", "mod", "download", "-json", module)
	cmd.Dir = os.TempDir() // outside of our module, whose go.mod and go.sum know nothing of this release
	out, err := cmd.Output()
	var got struct{ Dir, Sum, Error string }
	if jerr := json.Unmarshal(out, &got); jerr != nil || got.Error != "" || err != nil {
		return "", fmt.Errorf("the specification tests are in %s, which cannot be had: go mod download: %v %s", module, err, got.Error)
	}
	if got.Sum != sum {
		return "", fmt.Errorf("%s has the sum %s, not %s", module, got.Sum, sum)
	}
	return filepath.Join(got.Dir, "testdata"), nil
})

// Dir returns the directory that holds a directory for each specification, such as server-selection.
func Dir(t testing.TB) string {
	t.Helper()
	dir, err := locate()
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// A File is one file of a specification's tests.
type File struct {
	Path string       // below Dir, with slashes, such as max-staleness/Single/Incompatible.json
	Doc  document.Doc // what the file holds
}

// Files returns the JSON files of a directory below Dir, such as max-staleness or server-selection/rtt, and of the
// directories in it, in order of their paths. There is one at least.
func Files(t testing.TB, under string) (files []File) {
	t.Helper()
	root := Dir(t)
	err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(under)), func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		doc, err := document.FromJSON(string(text))
		if err != nil {
			return fmt.Errorf("%s: %w", rel, err)
		}
		files = append(files, File{Path: filepath.ToSlash(rel), Doc: doc})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("%s has no JSON files below %s", module, under)
	}
	return files
}

// Decode decodes the file into a Go value with the official library, whose struct tags and bson.Raw it may have.
func (f File) Decode(t testing.TB, v any) {
	t.Helper()
	if err := document.Unmarshal(f.Doc, v); err != nil {
		t.Fatalf("%s: %v", f.Path, err)
	}
}

// Run runs each file of a directory as a subtest and logs how many passed, failed and were skipped. skip has the reason for
// each path that is not run; a path in it that is no file fails.
func Run(t *testing.T, under string, skip map[string]string, run func(t *testing.T, f File)) {
	t.Helper()
	var passed, failed, skipped int
	for _, f := range Files(t, under) {
		if reason, ok := skip[f.Path]; ok {
			t.Logf("skipped %s: %s", f.Path, reason)
			skipped++
			continue
		}
		name := strings.TrimSuffix(strings.TrimPrefix(f.Path, under+"/"), ".json")
		if t.Run(name, func(t *testing.T) { run(t, f) }) {
			passed++
		} else {
			failed++
		}
	}
	if skipped != len(skip) {
		t.Errorf("%s: %d reasons for skipping, %d files skipped: one names no file", under, len(skip), skipped)
	}
	t.Logf("%s: %d passed, %d failed, %d skipped", under, passed, failed, skipped)
}
