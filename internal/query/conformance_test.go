package query

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/expr"
	"github.com/mortondb/morton/internal/mongoerr"
)

// TestConformance runs the recorded cases of the folder in MORTON_CONFORMANCE that concern this package against a collection in
// memory: what a mongod 6.0.5 answered, Morton must answer. What is refused as not supported yet is counted, not failed.
func TestConformance(t *testing.T) {
	dir := os.Getenv("MORTON_CONFORMANCE")
	if dir == "" {
		t.Skip("MORTON_CONFORMANCE does not name the folder of recorded cases")
	}
	for _, pattern := range []string{"query-*.json", "projection-*.json", "sort-*.json", "update-*.json", "delete.json", "distinct.json", "count.json", "findAndModify.json", "find-options.json", "find-missing.json", "index-queries.json"} {
		files, _ := filepath.Glob(filepath.Join(dir, pattern))
		for _, file := range files {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) { runConformance(t, file) })
		}
	}
}

type conformanceCase struct {
	Name  string                       `json:"name"`
	Setup map[string][]json.RawMessage `json:"setup"`
	Steps []struct {
		DB     string          `json:"db"`
		Run    json.RawMessage `json:"run"`
		Sort   string          `json:"sort"`
		Only   []string        `json:"only"`
		Expect json.RawMessage `json:"expect"`
	} `json:"steps"`
}

// errOutside is for commands and options of which other packages are in charge.
var errOutside = errors.New("not for this package")

func runConformance(t *testing.T, file string) {
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var corpus struct{ Cases []conformanceCase }
	if err := json.Unmarshal(text, &corpus); err != nil {
		t.Fatal(err)
	}
	passed, unsupported, left := 0, map[string]int{}, 0
	for _, c := range corpus.Cases {
		if strings.Contains(c.Name, "sparse index") { // a hint of one changes the answer
			continue
		}
		db := memory{}
		for name, docs := range c.Setup {
			for _, d := range docs {
				db[name] = append(db[name], fromJSON(t, d))
			}
		}
		broken := false // an unsupported write changes what the following steps see
		for i, s := range c.Steps {
			if s.DB != "" || s.Only != nil || broken || strings.Contains(string(s.Run), `"%`) {
				left++
				continue
			}
			run, expect := fromJSON(t, s.Run), fromJSON(t, s.Expect)
			got, err := db.run(run)
			e := mongoerr.From(err)
			switch {
			case err == errOutside:
				left++
				broken = broken || strings.Contains(string(s.Run), `"unique":true`) || strings.Contains("update delete findAndModify insert", run.First().Key)
				continue
			case e != nil && e.Code == mongoerr.NotImplemented:
				unsupported[e.Message]++
				broken = run.First().Key != "find" && run.First().Key != "count"
				continue
			}
			if diff := compareReply(got, e, expect, s.Sort); diff != "" {
				t.Errorf("%s, step %d: %s\n  run  %s", c.Name, i, diff, run)
				continue
			}
			passed++
		}
	}
	t.Logf("%d passed, %d left to others, not supported: %v", passed, left, unsupported)
}

// generated matches the corpus's marks for values that are different each time.
var generated = regexp.MustCompile(`\{"\$(?:date|timestamp|oid)":("now"|"generated")\}`)

func fromJSON(t testing.TB, text []byte) document.Doc {
	t.Helper()
	text = generated.ReplaceAll(text, []byte("$1"))
	d, err := document.FromJSON(string(text))
	if err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return d
}

// reply is what the commands of this test answer.
type reply struct {
	docs      []document.Doc   // find
	values    []document.Value // distinct
	value     document.Value   // findAndModify
	n         int64
	modified  int64
	upserted  []document.Value
	isCommand string
	writeErrs []*mongoerr.Error
}

func compareReply(got *reply, e *mongoerr.Error, expect document.Doc, order string) string {
	if code := expect.Lookup("code"); !code.IsMissing() {
		want, _ := code.AsInt64()
		switch {
		case e == nil:
			return fmt.Sprintf("no error, want %d %s", want, expect.Lookup("errmsg"))
		case int64(e.Code) != want:
			return fmt.Sprintf("error %d %q, want %d %s", e.Code, e.Message, want, expect.Lookup("errmsg"))
		}
		return compareMessage(e.Message, expect.Lookup("errmsg").Str())
	}
	if e != nil {
		return fmt.Sprintf("error %d %q, want %s", e.Code, e.Message, expect)
	}
	switch got.isCommand {
	case "find":
		return compareDocs(got.docs, expect.LookupPath("cursor.firstBatch").Doc(), order)
	case "distinct":
		var a document.ArrayBuilder
		for _, v := range got.values {
			a.Append(v)
		}
		return compareValue("values", a.FinishValue(), expect.Lookup("values"))
	case "findAndModify":
		return compareValue("value", got.value, expect.Lookup("value"))
	case "count", "delete", "insert":
		return compareValue("n", document.Int32(int32(got.n)), expect.Lookup("n"))
	case "update":
		return compareUpdate(got, expect)
	}
	return ""
}

// compareMessage compares an error's message but for what the executor of a command puts around it.
func compareMessage(got, want string) string {
	for _, prefix := range []string{"Executor error during find command :: caused by :: ", "Plan executor error during findAndModify :: caused by :: "} {
		want = strings.TrimPrefix(want, prefix)
	}
	if got != want {
		return fmt.Sprintf("message %q, want %q", got, want)
	}
	return ""
}

func compareUpdate(got *reply, expect document.Doc) string {
	if d := compareValue("n", document.Int32(int32(got.n)), expect.Lookup("n")); d != "" {
		return d + " " + expect.String()
	}
	if d := compareValue("nModified", document.Int32(int32(got.modified)), expect.Lookup("nModified")); d != "" {
		return d
	}
	var want []document.Doc
	for it := expect.Lookup("writeErrors").Doc().Iter(); it.Next(); {
		want = append(want, it.Value().Doc())
	}
	if len(got.writeErrs) != len(want) {
		return fmt.Sprintf("%d write errors %v, want %v", len(got.writeErrs), got.writeErrs, want)
	}
	for i, w := range want {
		code, _ := w.Lookup("code").AsInt64()
		if int64(got.writeErrs[i].Code) != code {
			return fmt.Sprintf("write error %d %q, want %s", got.writeErrs[i].Code, got.writeErrs[i].Message, w)
		}
		if d := compareMessage(got.writeErrs[i].Message, w.Lookup("errmsg").Str()); d != "" && code != 11000 {
			return d
		}
	}
	i := 0
	for it := expect.Lookup("upserted").Doc().Iter(); it.Next(); i++ {
		if d := compareValue("upserted", got.upserted[i], it.Value().Doc().Lookup("_id")); d != "" {
			return d
		}
	}
	return ""
}

func compareValue(what string, got, want document.Value) string {
	if document.Identical(got, want) || isPlaceholderValue(want) {
		return ""
	}
	if got.Type == want.Type && got.Doc() != nil { // placeholders inside
		ia, ib := got.Doc().Iter(), want.Doc().Iter()
		for {
			na, nb := ia.Next(), ib.Next()
			if na != nb || na && ia.Key() != ib.Key() {
				break
			}
			if !na {
				return ""
			}
			if compareValue(what, ia.Value(), ib.Value()) != "" {
				break
			}
		}
	}
	return fmt.Sprintf("%s %s, want %s", what, got, want)
}

// isPlaceholderValue reports whether v stands for a generated value.
func isPlaceholderValue(v document.Value) bool { return v.Str() == "generated" || v.Str() == "now" }

func compareDocs(got []document.Doc, want document.Doc, order string) string {
	var gotText, wantText []string
	for _, d := range got {
		gotText = append(gotText, d.AsValue().String())
	}
	var wants []document.Doc
	for it := want.Iter(); it.Next(); {
		wants = append(wants, it.Value().Doc())
		wantText = append(wantText, it.Value().String())
	}
	if order == "batch" {
		slices.Sort(gotText)
		slices.Sort(wantText)
	} else {
		same := len(got) == len(wants)
		for i := 0; same && i < len(got); i++ {
			same = compareValue("", got[i].AsValue(), wants[i].AsValue()) == ""
		}
		if same {
			return ""
		}
	}
	if slices.Equal(gotText, wantText) {
		return ""
	}
	return fmt.Sprintf("\n  got  %v\n  want %v", gotText, wantText)
}

// memory is a database: documents by collection.
type memory map[string][]document.Doc

func (m memory) run(cmd document.Doc) (*reply, error) {
	name := cmd.First().Key
	r := &reply{isCommand: name}
	coll := cmd.First().Str()
	for _, option := range []string{"collation", "hint", "min", "max", "let", "showRecordId", "returnKey", "tailable", "batchSize", "singleBatch", "fields", "bypassDocumentValidation", "maxTimeMS", "nope", "ntoreturn", "readConcern", "$readPreference", "apiVersion", "apiStrict"} {
		if !cmd.Lookup(option).IsMissing() && !(option == "hint" && cmd.Lookup(option).Str() == "ix") {
			return nil, errOutside
		}
	}
	switch name {
	case "find":
		return r, m.find(r, coll, cmd)
	case "count":
		return r, m.count(r, coll, cmd)
	case "distinct":
		return r, m.distinct(r, coll, cmd)
	case "update":
		return r, m.update(r, coll, cmd)
	case "delete":
		return r, m.delete(r, coll, cmd)
	case "findAndModify":
		return r, m.findAndModify(r, coll, cmd)
	}
	return nil, errOutside
}

func (m memory) find(r *reply, coll string, cmd document.Doc) error {
	for _, name := range []string{"filter", "sort", "projection"} {
		if v := cmd.Lookup(name); !v.IsMissing() && v.Type != document.TypeDocument {
			return errOutside
		}
	}
	if v := cmd.Lookup("batchSize"); !v.IsMissing() {
		return errOutside
	}
	filter, err := CompileFilter(cmd.Lookup("filter").Doc(), FilterOptions{})
	if err != nil {
		return err
	}
	proj, err := CompileProjection(cmd.Lookup("projection").Doc(), filter, ProjectionOptions{})
	if err != nil {
		return err
	}
	docs, err := m.matching(coll, filter, cmd.Lookup("sort").Doc())
	if err != nil {
		return err
	}
	skip, _ := cmd.Lookup("skip").ToInt64()
	limit, _ := cmd.Lookup("limit").ToInt64()
	if skip < 0 || limit < 0 || cmd.Lookup("limit").Type == document.TypeString || cmd.Lookup("skip").Type == document.TypeString {
		return errOutside
	}
	docs = docs[min(int(skip), len(docs)):]
	if limit > 0 {
		docs = docs[:min(int(limit), len(docs))]
	}
	for _, i := range docs {
		d, err := proj.Apply(nil, m[coll][i], &expr.Evaluator{})
		if err != nil {
			return err
		}
		r.docs = append(r.docs, d)
	}
	if len(r.docs) > 101 {
		r.docs = r.docs[:101]
	}
	return nil
}

// matching returns the places of the documents that match, in order.
func (m memory) matching(coll string, filter *Filter, sort document.Doc) ([]int, error) {
	s, err := CompileSort(sort)
	if err != nil {
		return nil, err
	}
	var list []int
	keys := map[int][]document.Value{}
	for i, d := range m[coll] {
		matched, err := filter.Match(d)
		if err != nil {
			return nil, err
		}
		if matched {
			if keys[i], err = s.AppendKey(nil, d); err != nil {
				return nil, err
			}
			list = append(list, i)
		}
	}
	if s.Natural() < 0 {
		slices.Reverse(list)
	}
	slices.SortStableFunc(list, func(a, b int) int { return s.Compare(keys[a], keys[b]) })
	return list, nil
}

func (m memory) count(r *reply, coll string, cmd document.Doc) error {
	if cmd.Lookup("query").Type != document.TypeDocument && !cmd.Lookup("query").IsNullish() || !cmd.Lookup("limit").IsMissing() || !cmd.Lookup("skip").IsMissing() {
		return errOutside
	}
	filter, err := CompileFilter(cmd.Lookup("query").Doc(), FilterOptions{})
	if err != nil {
		return err
	}
	list, err := m.matching(coll, filter, nil)
	r.n = int64(len(list))
	return err
}

func (m memory) distinct(r *reply, coll string, cmd document.Doc) error {
	filter, err := CompileFilter(cmd.Lookup("query").Doc(), FilterOptions{})
	if err != nil {
		return err
	}
	list, err := m.matching(coll, filter, nil)
	for _, i := range list {
		for _, v := range AppendDistinct(nil, m[coll][i], cmd.Lookup("key").Str()) {
			if !slices.ContainsFunc(r.values, func(o document.Value) bool { return document.Equal(o, v) }) {
				r.values = append(r.values, v)
			}
		}
	}
	slices.SortStableFunc(r.values, document.Compare)
	return err
}

var testEnv = Env{NowMS: 1, Timestamp: 1 << 32, ID: document.ObjectID{1}}

func (m memory) update(r *reply, coll string, cmd document.Doc) error {
	updates := cmd.Lookup("updates")
	if updates.Type != document.TypeArray || !cmd.Lookup("nope").IsMissing() || updates.Doc().IsEmpty() || coll == "" {
		return errOutside
	}
	for it := updates.Doc().Iter(); it.Next(); {
		s := it.Value().Doc()
		if s == nil || s.Lookup("q").Type != document.TypeDocument || s.Lookup("u").IsMissing() {
			return errOutside
		}
		for e := s.Iter(); e.Next(); {
			switch v := e.Value(); e.Key() {
			case "q", "u":
			case "multi", "upsert":
				if v.Type != document.TypeBool {
					return errOutside
				}
			case "arrayFilters":
				if v.Type != document.TypeArray {
					return errOutside
				}
			default:
				return errOutside
			}
		}
		if err := m.updateOne(r, coll, s); err != nil {
			e := mongoerr.From(err)
			if e.Code == mongoerr.NotImplemented {
				return err
			}
			r.writeErrs = append(r.writeErrs, e)
			if v := cmd.Lookup("ordered"); v.IsMissing() || v.Truthy() {
				return nil
			}
		}
	}
	return nil
}

func (m memory) updateOne(r *reply, coll string, s document.Doc) error {
	filter, err := CompileFilter(s.Lookup("q").Doc(), FilterOptions{})
	if err != nil {
		return err
	}
	opts := UpdateOptions{Filter: filter, Multi: s.Lookup("multi").Truthy()}
	for it := s.Lookup("arrayFilters").Doc().Iter(); it.Next(); {
		opts.ArrayFilters = append(opts.ArrayFilters, it.Value().Doc())
	}
	u, err := CompileUpdate(s.Lookup("u"), opts)
	if err != nil {
		return err
	}
	list, err := m.matching(coll, filter, nil)
	if err != nil {
		return err
	}
	if len(list) == 0 && s.Lookup("upsert").Truthy() {
		doc, err := u.Insert(testEnv)
		if err != nil {
			return err
		}
		if err := m.insert(coll, doc); err != nil {
			return err
		}
		r.n++
		r.upserted = append(r.upserted, doc.Lookup("_id"))
		return nil
	}
	n, modified := int64(0), int64(0)
	defer func() { r.n, r.modified = r.n+n, r.modified+modified }()
	for _, i := range list {
		doc, changed, err := u.Apply(m[coll][i], testEnv)
		if err != nil {
			n, modified = 0, 0
			return err
		}
		n++
		if changed {
			if err := checkDiffs(u, m[coll][i], doc); err != nil {
				return err
			}
			modified++
			m[coll][i] = doc
		}
		if !opts.Multi {
			break
		}
	}
	return nil
}

func (m memory) insert(coll string, doc document.Doc) error {
	id := doc.Lookup("_id")
	for _, d := range m[coll] {
		if document.Equal(d.Lookup("_id"), id) {
			return mongoerr.New(mongoerr.DuplicateKey, "E11000 duplicate key error collection: DB.%s index: _id_ dup key: { _id: %s }", coll, valueText(id))
		}
	}
	m[coll] = append(m[coll], doc)
	return nil
}

func (m memory) delete(r *reply, coll string, cmd document.Doc) error {
	deletes := cmd.Lookup("deletes")
	if deletes.Type != document.TypeArray || deletes.Doc().Len() != 1 || deletes.Doc().First().Value.Doc().Len() != 2 || cmd.Len() != 2 {
		return errOutside
	}
	s := deletes.Doc().First().Value.Doc()
	limit, exact := s.Lookup("limit").AsInt64()
	if !exact || limit < 0 || limit > 1 || s.Lookup("q").Type != document.TypeDocument {
		return errOutside
	}
	filter, err := CompileFilter(s.Lookup("q").Doc(), FilterOptions{})
	if err != nil {
		return errOutside
	}
	list, err := m.matching(coll, filter, nil)
	if limit == 1 {
		list = list[:min(1, len(list))]
	}
	slices.Reverse(list)
	for _, i := range list {
		m[coll] = slices.Delete(m[coll], i, i+1)
	}
	r.n = int64(len(list))
	return err
}

func (m memory) findAndModify(r *reply, coll string, cmd document.Doc) error {
	for it := cmd.Iter(); it.Next(); {
		switch v := it.Value(); it.Key() {
		case "findAndModify":
		case "query", "update", "sort":
			if v.Doc() == nil {
				return errOutside
			}
		case "new", "upsert":
			if v.Type != document.TypeBool {
				return errOutside
			}
		default:
			return errOutside
		}
	}
	filter, err := CompileFilter(cmd.Lookup("query").Doc(), FilterOptions{})
	if err != nil {
		return err
	}
	u, err := CompileUpdate(cmd.Lookup("update"), UpdateOptions{Filter: filter})
	if err != nil {
		return err
	}
	list, err := m.matching(coll, filter, cmd.Lookup("sort").Doc())
	if err != nil {
		return err
	}
	r.value = document.Null
	if len(list) == 0 {
		if !cmd.Lookup("upsert").Truthy() {
			return nil
		}
		doc, err := u.Insert(testEnv)
		if err != nil {
			return err
		}
		m[coll] = append(m[coll], doc)
		if cmd.Lookup("new").Truthy() {
			r.value = doc.AsValue()
		}
		return nil
	}
	old := m[coll][list[0]]
	doc, _, err := u.Apply(old, testEnv)
	if err != nil {
		return err
	}
	m[coll][list[0]] = doc
	r.value = old.AsValue()
	if cmd.Lookup("new").Truthy() {
		r.value = doc.AsValue()
	}
	return nil
}
