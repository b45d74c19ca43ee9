package spectest

import "testing"

// TestFilesAreFound shows that the tests are where they are looked for, and that each file can be read.
func TestFilesAreFound(t *testing.T) {
	for under, count := range map[string]int{"server-selection/rtt": 7, "max-staleness": 31} {
		files := Files(t, under)
		if len(files) != count {
			t.Errorf("%s has %d files, not %d", under, len(files), count)
		}
		for i, f := range files {
			if i > 0 && f.Path <= files[i-1].Path {
				t.Errorf("%s comes after %s", f.Path, files[i-1].Path)
			}
			var v map[string]any
			f.Decode(t, &v)
			if len(v) == 0 {
				t.Errorf("%s is empty", f.Path)
			}
		}
	}
}
