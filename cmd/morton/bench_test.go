package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBenchMeasuresASetThatItStarts runs one workload for a moment on a set that bench starts.
func TestBenchMeasuresASetThatItStarts(t *testing.T) {
	t.Setenv("PATH", "") // no mongod
	dir := t.TempDir()
	jsonFile, htmlFile := filepath.Join(dir, "b.json"), filepath.Join(dir, "b.html")
	code, out, errs := runLine(t, "morton", "bench", "--only", "storms: hello", "--conns", "2", "--slice", "20ms", "--rounds", "1", "--json", jsonFile, "--html", htmlFile)
	if code != exitClean {
		t.Fatalf("exit code %d: %s%s", code, out, errs)
	}
	if !strings.Contains(out, "hello") {
		t.Errorf("printed %q", out)
	}
	for file, want := range map[string]string{jsonFile: `"workload": "hello"`, htmlFile: "<td>hello<td>2"} {
		if text, err := os.ReadFile(file); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s has no %q: %s %v", file, want, text, err)
		}
	}
}
