package specification

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/internal/spectest"
	"github.com/mortondb/morton/test/process"
)

var (
	uri    = flag.String("uri", "", "the set to run against")
	binary = flag.String("binary", "", "morton or mongod, started here as a set of one; without it and -uri nothing runs")
	alone  = flag.Bool("alone", false, "start binary as a server without a set and with authentication")
	size   = flag.Int("members", 1, "how many members of a set binary is started as")
	known  = flag.String("known", "", "file with failures that are known: a line each, the test's name, a tab and the reason")
	only   = flag.String("only", "", "run the tests whose name matches this regular expression")
	report = flag.String("report", "", "write what failed to this file, as -known has it")
)

// TestSpecifications runs all suites and prints how many tests passed, failed and were skipped, and why.
func TestSpecifications(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s := openFlags(ctx, t)
	match := regexp.MustCompile(*only)
	expected := knownFailures(t)
	var failures []string
	idle := maps.Clone(expected) // what is known to fail and was not seen to
	for _, suite := range suites(t) {
		var passed, failed, listed int
		skipped := map[string]int{}
		for _, f := range filesIn(t, suite) {
			for _, file := range filesOf(t, f) {
				test := &file.Tests[0]
				name := strings.TrimSuffix(f.Path, ".json") + ": " + test.Description
				if !match.MatchString(name) {
					continue
				}
				err := runTest(t.Context(), s, file, test)
				var why skip
				switch _, isKnown := expected[name]; {
				case errors.As(err, &why):
					skipped[string(why)]++
				case err == nil && isKnown:
					failed++
					delete(idle, name)
					t.Errorf("%s: passes, and is in %s", name, *known)
				case err == nil:
					passed++
				case isKnown:
					listed++
					delete(idle, name)
				default:
					failed++
					t.Errorf("%s: %v", name, err)
				}
				if err != nil && !errors.As(err, &why) {
					failures = append(failures, name+"\t"+strings.ReplaceAll(err.Error(), "\n", " "))
				}
			}
		}
		total := 0
		for _, n := range skipped {
			total += n
		}
		t.Logf("%s: %d passed, %d failed, %d known to fail, %d skipped", suite, passed, failed, listed, total)
		for _, why := range slices.Sorted(maps.Keys(skipped)) {
			t.Logf("    %d skipped: %s", skipped[why], why)
		}
	}
	if *only == "" {
		for _, name := range slices.Sorted(maps.Keys(idle)) {
			t.Errorf("%s: is in %s, and was skipped or does not exist", name, *known)
		}
	}
	if *report != "" {
		if err := os.WriteFile(*report, []byte(strings.Join(failures, "\n")+"\n"), 0o644); err != nil {
			t.Error(err)
		}
	}
}

// filesOf returns the tests of a file, each with all that it needs of it.
func filesOf(t *testing.T, f spectest.File) (list []*testFile) {
	if f.Doc.Lookup("schemaVersion").IsMissing() {
		var old bson.D
		f.Decode(t, &old)
		return modern(strings.TrimSuffix(f.Path, ".json"), old)
	}
	var file testFile
	f.Decode(t, &file)
	for i := range file.Tests {
		one := file
		one.Tests = file.Tests[i : i+1]
		list = append(list, &one)
	}
	return list
}

// openFlags returns the server that the flags name, or the one that it starts until the test is over.
func openFlags(ctx context.Context, t *testing.T) *server {
	t.Helper()
	at := *uri
	if *binary != "" {
		at = startServer(ctx, t)
	}
	if at == "" {
		t.Skip("neither -binary nor -uri names a set to run against: see make specification")
	}
	s, err := openServer(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// startServer starts the binary until the test is over and returns its connection string.
func startServer(ctx context.Context, t *testing.T) string {
	t.Helper()
	if !*alone {
		set, err := process.StartSet(*binary, *size)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(set.Close)
		return set.URI()
	}
	m, err := process.StartAlone(*binary, "--auth")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	first, err := morton.Connect(ctx, "mongodb://"+m.Address+"/?directConnection=true")
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close(ctx)
	_, err = first.Database("admin").Run(ctx, bson.D{{Key: "createUser", Value: "runner"}, {Key: "pwd", Value: "secret"}, {Key: "roles", Value: bson.A{"root"}}})
	if err != nil {
		t.Fatal(err)
	}
	return "mongodb://runner:secret@" + m.Address + "/?directConnection=true"
}

func knownFailures(t *testing.T) map[string]string {
	list := map[string]string{}
	if *known == "" {
		return list
	}
	text, err := os.ReadFile(*known)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, reason, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok && !strings.HasPrefix(name, "#") {
			list[name] = reason
		}
	}
	if len(list) == 0 {
		t.Fatal(fmt.Sprint(*known, " has no line"))
	}
	return list
}
