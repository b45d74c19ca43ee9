package main

import (
	"bytes"
	"context"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mortondb/morton/test/process"
)

// TestStory has the story happen, with real processes and a real kill -9: with Morton, and with the mongod that MORTON_MONGOD names.
func TestStory(t *testing.T) {
	t.Run("morton", func(t *testing.T) {
		binary := filepath.Join(t.TempDir(), "morton")
		if out, err := exec.Command("go", "build", "-o", binary, "github.com/mortondb/morton/cmd/morton").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		testStory(t, binary)
	})
	t.Run("mongod", func(t *testing.T) {
		testStory(t, process.NamedMongod(t))
	})
}

func testStory(t *testing.T, binary string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out bytes.Buffer
	if err := run(ctx, binary, t.TempDir(), &out); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	told := out.String()
	t.Log(told)
	if n := strings.Count(told, "AutoReconnect"); n != 1 {
		t.Errorf("AutoReconnect came %d times", n)
	}
	if n := strings.Count(told, "kill -9"); n != 2 {
		t.Errorf("%d primaries were killed", n)
	}
}
