package command

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

var rewrite = flag.Bool("rewrite", false, "write what differs from the recorded replies to testdata/differences.txt")

// TestRecordedReplies replays testdata/recorded, which a mongod 6.0.5 answered, against a member whose engine is in memory.
// Every reply must be the recorded one, message included, except for the steps that testdata/differences.txt lists, with what
// is different: a look at that file shows what is not there yet. A step in the list that has become equal fails the test,
// too, so that the list stays true (-rewrite makes it anew; review the difference).
func TestRecordedReplies(t *testing.T) {
	files, err := filepath.Glob("testdata/recorded/*.json")
	if err != nil || len(files) == 0 {
		t.Fatal("no recorded replies", err)
	}
	known := readDifferences(t)
	var found []string
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			for _, d := range replay(t, file) {
				found = append(found, d)
				if _, ok := known[d]; !ok && !*rewrite {
					t.Error(d)
				}
				delete(known, d)
			}
		})
	}
	if *rewrite {
		writeDifferences(t, found)
		return
	}
	for d := range known {
		t.Errorf("no longer different, or different otherwise: %s", d)
	}
}

const differencesFile = "testdata/differences.txt"

func readDifferences(t *testing.T) map[string]bool {
	text, err := os.ReadFile(differencesFile)
	if err != nil && !*rewrite {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			known[line] = true
		}
	}
	return known
}

func writeDifferences(t *testing.T, found []string) {
	slices.Sort(found)
	text := "# Steps of testdata/recorded whose replies are not those of mongod 6.0.5: topic, case, step, command, difference.\n" +
		"# Made by: go test ./internal/command -run Recorded -rewrite\n" + strings.Join(found, "\n") + "\n"
	if err := os.WriteFile(differencesFile, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

type recordedStep struct {
	DB     string
	Run    json.RawMessage
	Sort   string
	Only   []string
	Expect json.RawMessage
}

type recordedCase struct {
	Name  string
	Setup map[string]json.RawMessage
	Steps []recordedStep
}

// replay runs the cases of a file, each in a database of its own, and returns what is different.
func replay(t *testing.T, file string) (differences []string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var recorded struct {
		Topic string
		Cases []recordedCase
	}
	if err := json.Unmarshal(text, &recorded); err != nil {
		t.Fatal(err)
	}
	c := newTestMember(t, 1).client()
	for i, rc := range recorded.Cases {
		r := &replayer{t: t, c: c, db: fmt.Sprintf("recorded_case_%02d", i), uuids: map[string]byte{}}
		for name, docs := range rc.Setup {
			r.setUp(name, r.parse(`{"d":`+string(docs)+`}`).Lookup("d"))
		}
		for n, s := range rc.Steps {
			if d := r.step(s); d != "" {
				run := strings.ReplaceAll(string(compact(s.Run)), "\n", " ")
				differences = append(differences, fmt.Sprintf("%s | %s | %d | %s | %s", recorded.Topic, rc.Name, n, clip(run, 120), clip(d, 160)))
			}
		}
	}
	return differences
}

func compact(j []byte) []byte {
	var b bytes.Buffer
	_ = json.Compact(&b, j)
	return b.Bytes()
}

func clip(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if len(s) > n {
		return s[:n] + "..."
	}
	return s
}

// replayer runs one case.
type replayer struct {
	t       *testing.T
	c       *client
	db      string
	uuids   map[string]byte
	replies []document.Doc
}

// generated stands in what is expected for a value that is another one each time, by its type.
const generated = "\x01generated "

var generatedForms = strings.NewReplacer(
	`{"$oid":"generated"}`, `"\u0001generated objectId"`,
	`{"$binary":{"base64":"generated","subType":"04"}}`, `"\u0001generated binData"`,
	`{"$date":"now"}`, `"\u0001generated date"`,
	`{"$timestamp":"now"}`, `"\u0001generated timestamp"`,
)

func (r *replayer) parse(text string) document.Doc {
	r.t.Helper()
	d, err := document.FromJSON(generatedForms.Replace(text))
	if err != nil {
		r.t.Fatalf("%s: %v", clip(text, 200), err)
	}
	return d
}

func (r *replayer) setUp(name string, docs document.Value) {
	if docs.Doc().IsEmpty() {
		r.c.must(r.db, `{"create": "`+name+`"}`)
		return
	}
	var b document.Builder
	b.AppendString("insert", name)
	b.AppendValue("documents", r.fill(docs))
	if reply := r.c.runDoc(r.db, b.Finish()); !reply.Lookup("writeErrors").IsMissing() || !reply.Lookup("ok").Truthy() {
		r.t.Fatal(reply)
	}
}

func (c *client) runDoc(db string, d document.Doc) document.Doc {
	return c.d.Run(c.t.Context(), &Request{Conn: c.c, DB: db, Body: d, Legacy: c.legacy}).Doc
}

// fill puts values in the place of what stands for them: %DB%, {%var%}, {%uuid%}, {%repeat%}, {%nest%}.
func (r *replayer) fill(v document.Value) document.Value {
	switch v.Type {
	case document.TypeString:
		return document.String(strings.ReplaceAll(v.Str(), "%DB%", r.db))
	case document.TypeArray:
		var a document.ArrayBuilder
		for it := v.Doc().Iter(); it.Next(); {
			a.Append(r.fill(it.Value()))
		}
		return a.FinishValue()
	case document.TypeDocument:
	default:
		return v
	}
	first := v.Doc().First()
	args := first.Doc()
	switch first.Key {
	case "%var%":
		return r.variable(first.Str())
	case "%uuid%":
		if _, ok := r.uuids[first.Str()]; !ok {
			r.uuids[first.Str()] = byte(len(r.uuids) + 1)
		}
		id := [16]byte{0: r.db[len(r.db)-1], 6: 0x40, 8: 0x80, 15: r.uuids[first.Str()]}
		return document.Binary(4, id[:])
	case "%repeat%":
		x, n := args.Lookup("0"), int(args.Lookup("1").Int32())
		if x.Type == document.TypeString {
			return document.String(strings.Repeat(x.Str(), n))
		}
		var a document.ArrayBuilder
		for range n {
			a.Append(r.fill(x))
		}
		return a.FinishValue()
	case "%nest%":
		x := r.fill(args.Lookup("2"))
		for range args.Lookup("1").Int32() {
			var b document.Builder
			b.AppendValue(args.Lookup("0").Str(), x)
			x = b.Finish().AsValue()
		}
		return x
	}
	var b document.Builder
	for it := v.Doc().Iter(); it.Next(); {
		b.AppendValue(it.Key(), r.fill(it.Value()))
	}
	return b.Finish().AsValue()
}

// variable returns a value of an earlier reply: cursor0, operationTime0, ...
func (r *replayer) variable(name string) document.Value {
	word := strings.TrimRight(name, "0123456789")
	n, err := strconv.Atoi(name[len(word):])
	if err != nil || n >= len(r.replies) {
		r.t.Fatalf("no such variable: %s", name)
	}
	switch word {
	case "cursor":
		if id := r.replies[n].LookupPath("cursor.id"); !id.IsMissing() {
			return id.Clone()
		}
		return document.Int64(1)
	case "operationTime":
		return r.replies[n].Lookup("operationTime").Clone()
	}
	return document.Null
}

// step runs a step and returns how its reply differs; "" if it does not.
func (r *replayer) step(s recordedStep) string {
	db := strings.ReplaceAll(s.DB, "%DB%", r.db)
	if db == "" {
		db = r.db
	}
	reply := r.c.runDoc(db, r.fill(r.parse(string(s.Run)).AsValue()).Doc())
	r.replies = append(r.replies, reply)
	expect := r.parse(string(s.Expect))
	if s.Only != nil {
		return r.compareOnly(expect, reply, s.Only)
	}
	if text := expect.Lookup("errmsg").Str(); text != "" {
		if got := r.normalText(reply.Lookup("errmsg").Str()); !sameText(text, got) || expect.Lookup("code").Int32() != reply.Lookup("code").Int32() {
			return fmt.Sprintf("%d %s, not %d %s", reply.Lookup("code").Int32(), got, expect.Lookup("code").Int32(), text)
		}
		return ""
	}
	return r.compare("", expect.AsValue(), withoutTimes(reply).AsValue(), s.Sort == "batch")
}

// withoutTimes leaves out what is another value each time.
func withoutTimes(d document.Doc) document.Doc {
	var b document.Builder
	for it := d.Iter(); it.Next(); {
		switch it.Key() {
		case "$clusterTime", "operationTime", "electionId", "opTime", "lsid":
		default:
			b.AppendValue(it.Key(), it.Value())
		}
	}
	return b.Finish()
}

func (r *replayer) normalText(s string) string { return strings.ReplaceAll(s, r.db, "DB") }

// sameText compares messages; <id> and the like stand for what is another one each time.
func sameText(expect, got string) bool {
	if !strings.Contains(expect, "<") {
		return expect == got
	}
	for _, part := range strings.FieldsFunc(expect, func(c rune) bool { return c == '<' || c == '>' }) {
		switch part {
		case "id", "uuid", "digest":
			continue
		}
		_, after, ok := strings.Cut(got, part)
		if !ok {
			return false
		}
		got = after
	}
	return true
}

func (r *replayer) compareOnly(expect, reply document.Doc, only []string) string {
	for _, path := range only {
		name, what, _ := strings.Cut(path, ":")
		got := reply.LookupPath(name)
		want := expect.Lookup(path)
		switch {
		case name == "electionId": // of the recorded ones it was left out
		case want.IsMissing() != got.IsMissing():
			return fmt.Sprintf("%s is %v", path, got.Type)
		case want.IsMissing() || what == "exists":
		case what == "type":
			if got.Type.String() != want.Str() {
				return fmt.Sprintf("%s is %v, not %s", name, got.Type, want.Str())
			}
		default:
			if d := r.compare("."+name, want, got, false); d != "" {
				return d
			}
		}
	}
	return ""
}

// compare compares values. The order of fields counts within documents of a batch, not in the reply itself.
func (r *replayer) compare(path string, want, got document.Value, anyOrder bool) string {
	different := fmt.Sprintf("%s is %s, not %s", path, got.Shell(), want.Shell())
	if kind, ok := strings.CutPrefix(want.Str(), generated); ok {
		if got.Type.String() != kind {
			return different
		}
		return ""
	}
	switch {
	case path == ".cursor.id" && want.Str() == "open":
		if got.Int64() == 0 {
			return "the cursor is not open"
		}
		return ""
	case want.Type != got.Type:
		return different
	case want.Type == document.TypeString:
		if !sameText(want.Str(), r.normalText(got.Str())) {
			return different
		}
		return ""
	case want.Type == document.TypeDocument:
		return r.compareFields(path, want.Doc(), got.Doc(), anyOrder)
	case want.Type == document.TypeArray:
		return r.compareElements(path, want.Doc(), got.Doc(), anyOrder)
	case !bytes.Equal(want.Data, got.Data):
		return different
	}
	return ""
}

func (r *replayer) compareFields(path string, want, got document.Doc, anyOrder bool) string {
	for it := want.Iter(); it.Next(); {
		v := got.Lookup(it.Key())
		if v.IsMissing() {
			return path + "." + it.Key() + " is missing"
		}
		if d := r.compare(path+"."+it.Key(), it.Value(), v, anyOrder); d != "" {
			return d
		}
	}
	for it := got.Iter(); it.Next(); {
		if want.Lookup(it.Key()).IsMissing() {
			return fmt.Sprintf("%s.%s is %s", path, it.Key(), it.Value().Shell())
		}
	}
	return ""
}

func (r *replayer) compareElements(path string, want, got document.Doc, anyOrder bool) string {
	if want.Len() != got.Len() {
		return fmt.Sprintf("%s has %d elements, not %d", path, got.Len(), want.Len())
	}
	rest := elements(got)
	for i, w := range elements(want) {
		at := 0
		if anyOrder {
			at = max(0, slices.IndexFunc(rest, func(g document.Value) bool { return r.compare(path, w, g, true) == "" }))
		}
		if d := r.compare(path+"."+strconv.Itoa(i), w, rest[at], anyOrder); d != "" {
			return d
		}
		rest = slices.Delete(rest, at, at+1)
	}
	return ""
}

func elements(d document.Doc) (list []document.Value) {
	for it := d.Iter(); it.Next(); {
		list = append(list, it.Value())
	}
	return list
}
