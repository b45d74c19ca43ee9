package morton_test

import (
	"bytes"
	"encoding/json"
	"go/doc"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/mortondb/morton"

// row is a row of ARCHITECTURE.md's table of packages.
type row struct {
	sentence string
	imports  []string
}

func packageTable(t *testing.T) map[string]row {
	t.Helper()
	page, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	table := map[string]row{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\| (.*) \\| (.*) \\|$").FindAllStringSubmatch(string(page), -1) {
		table[m[1]] = row{sentence: m[2], imports: strings.Fields(strings.ReplaceAll(m[3], "–", ""))}
	}
	if len(table) < 15 {
		t.Fatalf("ARCHITECTURE.md's table of packages has %d rows that could be read", len(table))
	}
	return table
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func listPackages(t *testing.T) (list []goPackage) {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports", "./internal/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

// TestImportsFollowTheTable shows that data flows one way: packages import what ARCHITECTURE.md allows and nothing else of ours, and
// Pebble, raft and the BSON library stay where they belong.
func TestImportsFollowTheTable(t *testing.T) {
	table := packageTable(t)
	owners := map[string][]string{
		"github.com/cockroachdb/pebble/v2":       {"storage"},
		"go.etcd.io/raft/v3":                     {"raftnode", "peer"},
		"go.mongodb.org/mongo-driver/v2/x/":      {"document"},
		"go.mongodb.org/mongo-driver/v2/bson":    {"document"},
		"github.com/cockroachdb/pebble/v2/bloom": {"storage"},
	}
	for _, p := range listPackages(t) {
		name, sub, _ := strings.Cut(strings.TrimPrefix(p.ImportPath, module+"/internal/"), "/")
		r, known := table[name]
		if !known {
			t.Errorf("%s is not in ARCHITECTURE.md's table: a new package is a design decision", name)
			continue
		}
		for _, imp := range p.Imports {
			if own, ok := strings.CutPrefix(imp, module+"/internal/"); ok {
				own, _, _ = strings.Cut(own, "/")
				if own != name && !slices.Contains(r.imports, own) {
					t.Errorf("%s%s imports %s, which ARCHITECTURE.md does not allow", name, sub, own)
				}
			}
			for lib, who := range owners {
				if (imp == lib || strings.HasPrefix(imp, strings.TrimSuffix(lib, "/")+"/") && !strings.HasSuffix(imp, "/vfs")) && !slices.Contains(who, name) {
					t.Errorf("%s imports %s, which belongs to %v", name, imp, who)
				}
			}
		}
	}
}

// TestPackagesSayWhatTheyAre shows that every package's documentation begins with the sentence of the table.
func TestPackagesSayWhatTheyAre(t *testing.T) {
	for name, r := range packageTable(t) {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("internal", name, "doc.go"), nil, parser.ParseComments)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text := strings.Join(strings.Fields(f.Doc.Text()), " ")
		text = strings.TrimPrefix(strings.TrimPrefix(text, "Package "+name+" "), "is ")
		if !strings.HasPrefix(text, strings.TrimSuffix(r.sentence, ".")) {
			t.Errorf("internal/%s/doc.go begins %q, ARCHITECTURE.md says %q", name, new(doc.Package).Synopsis(f.Doc.Text()), r.sentence)
		}
	}
}

// TestNoDrawers shows that no package is named after nothing.
func TestNoDrawers(t *testing.T) {
	for name := range packageTable(t) {
		if slices.Contains([]string{"util", "utils", "common", "helpers", "base", "misc"}, name) {
			t.Errorf("%s: name the thing, or put it beside its only caller", name)
		}
	}
}
