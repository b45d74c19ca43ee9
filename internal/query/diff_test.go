package query

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// checkDiffs applies the diffs of a change to the old document, which must give the updated one.
func checkDiffs(u *Update, old, updated document.Doc) error {
	for name, d := range map[string]document.Doc{"Diff": newDiff(old, updated, nil), "Update.Diff": u.Diff(old, updated)} {
		if err := checkDiff(old, updated, d); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func checkDiff(old, updated, d document.Doc) error {
	if d == nil {
		return nil
	}
	if err := document.Validate(d, document.MaxDepth*3); err != nil {
		return err
	}
	got, err := ApplyDiff(old, d)
	if err != nil {
		return fmt.Errorf("%w: %v to %v by %v", err, old, updated, d)
	}
	if !bytes.Equal(got, updated) {
		return fmt.Errorf("from %v\n by %v\n got  %v\n want %v", old, d, got, updated)
	}
	return nil
}

// TestApplyingDiffGivesUpdatedDocument holds ApplyDiff(old, Diff(old, new)) == new for random pairs of near documents.
func TestApplyingDiffGivesUpdatedDocument(t *testing.T) {
	described := 0
	for seed := range uint64(20000) {
		r := newRandom(seed)
		old := r.doc(3)
		updated := r.mutated(old, 3)
		d := newDiff(old, updated, nil)
		if d != nil {
			described++
		}
		if err := checkDiff(old, updated, d); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	if described < 15000 {
		t.Errorf("only %d of 20000 changes have a diff", described)
	}
}

// TestUpdateDiff compares with what mongod 6.0.5 wrote to its oplog.
func TestUpdateDiff(t *testing.T) {
	old := mustJSON(t, `{"_id":1,"a":1,"b":{"x":1,"y":2},"l":[1,2,3],"o":[{"a":1},{"a":2}]}`)
	for _, c := range []struct{ update, diff string }{
		{`{"$set":{"a":2}}`, `{"u":{"a":2}}`},
		{`{"$set":{"b":{"x":1,"y":3}}}`, `{"u":{"b":{"x":1,"y":3}}}`},
		{`{"$set":{"b.y":3,"b.z":4,"c.d":5},"$unset":{"a":1,"b.x":1}}`, `{"d":{"a":false},"i":{"c":{"d":5}},"sb":{"d":{"x":false},"u":{"y":3},"i":{"z":4}}}`},
		{`{"$push":{"l":4}}`, `{"sl":{"a":true,"u3":4}}`},
		{`{"$push":{"l":{"$each":[4,5]}}}`, `{"sl":{"a":true,"u3":4,"u4":5}}`},
		{`{"$push":{"l":{"$each":[4,5],"$slice":-4}}}`, `{"u":{"l":[2,3,4,5]}}`},
		{`{"$push":{"l":{"$each":[4],"$position":0}}}`, `{"u":{"l":[4,1,2,3]}}`},
		{`{"$addToSet":{"l":4}}`, `{"u":{"l":[1,2,3,4]}}`},
		{`{"$pop":{"l":1}}`, `{"u":{"l":[1,2]}}`},
		{`{"$pull":{"l":2}}`, `{"u":{"l":[1,3]}}`},
		{`{"$set":{"l.1":9}}`, `{"sl":{"a":true,"u1":9}}`},
		{`{"$set":{"l.5":9}}`, `{"sl":{"a":true,"u5":9}}`},
		{`{"$unset":{"l.1":9}}`, `{"sl":{"a":true,"u1":null}}`},
		{`{"$set":{"l.$[]":9}}`, `{"u":{"l":[9,9,9]}}`},
		{`{"$set":{"o.$[].a":9}}`, `{"u":{"o":[{"a":9},{"a":9}]}}`},
		{`{"$set":{"o.0":{"a":1,"b":1}}}`, `{"so":{"a":true,"u0":{"a":1,"b":1}}}`},
		{`{"$set":{"o.0.b":1}}`, `{"so":{"a":true,"s0":{"i":{"b":1}}}}`},
		{`{"$rename":{"a":"z"}}`, `{"d":{"a":false},"i":{"z":1}}`},
		{`{"$rename":{"a":"b"}}`, `{"d":{"a":false},"u":{"b":1}}`},
		{`{"$set":{"n.o":1,"n.p":2,"a":1}}`, `{"i":{"n":{"o":1,"p":2}}}`},
	} {
		u, err := CompileUpdate(mustJSON(t, c.update).AsValue(), UpdateOptions{})
		if err != nil {
			t.Fatal(err)
		}
		updated, _, err := u.Apply(old, Env{})
		if err != nil {
			t.Fatal(err)
		}
		if got := u.Diff(old, updated).Lookup("diff").Doc().String(); got != mustJSON(t, c.diff).String() {
			t.Errorf("%s: diff %s, want %s", c.update, got, c.diff)
		}
		if err := checkDiffs(u, old, updated); err != nil {
			t.Errorf("%s: %v", c.update, err)
		}
	}
}

// TestDiffOfRepeatedNames shows that a change of a field that is there twice is not described by its name.
func TestDiffOfRepeatedNames(t *testing.T) {
	twice := func(first, second int32) document.Doc {
		var b document.Builder
		b.AppendInt32("a", first)
		b.AppendInt32("a", second)
		return b.Finish()
	}
	if d := Diff(twice(1, 2), twice(1, 3)); d != nil {
		t.Errorf("diff %v", d)
	}
}

// TestApplyDiffRefuses shows that what is not a diff is an error, whatever it is.
func TestApplyDiffRefuses(t *testing.T) {
	old := mustJSON(t, `{"a":1,"l":[1,2],"b":{"c":1}}`)
	for _, text := range []string{
		`{}`, `{"$v":1,"diff":{}}`, `{"$v":2,"diff":{"x":{}}}`, `{"$v":2,"diff":{"u":1}}`, `{"$v":2,"diff":{"sa":{"u":{"x":1}}}}`, `{"$v":2,"diff":{"sl":{"u":{"x":1}}}}`,
		`{"$v":2,"diff":{"sb":{"a":true}}}`, `{"$v":2,"diff":{"sl":{"a":true,"s7":{"d":{"x":1}}}}}`, `{"$v":2,"diff":{"sl":{"a":true,"u1":1,"u0":1}}}`,
		`{"$v":2,"diff":{"sl":{"a":true,"l":-1}}}`, `{"$v":2,"diff":{"sl":{"a":true,"u99999999999":1}}}`, `{"$v":2,"diff":{"sl":{"a":true,"x":1}}}`,
	} {
		if got, err := ApplyDiff(old, mustJSON(t, text)); err == nil {
			t.Errorf("%s: %v, want an error", text, got)
		}
	}
}

func mustJSON(t testing.TB, text string) document.Doc {
	t.Helper()
	return fromJSON(t, []byte(text))
}

func FuzzApplyDiff(f *testing.F) {
	for seed := range uint64(20) {
		r := newRandom(seed)
		old := r.doc(3)
		updated := r.mutated(old, 3)
		if d := newDiff(old, updated, nil); d != nil {
			f.Add([]byte(old), []byte(d))
		}
	}
	f.Fuzz(func(t *testing.T, old, diff []byte) {
		if document.Validate(old, document.MaxDepth) != nil || document.Validate(diff, document.MaxDepth) != nil {
			return
		}
		if got, err := ApplyDiff(old, diff); err == nil {
			if err := document.Validate(got, 3*document.MaxDepth); err != nil {
				t.Fatal(err)
			}
		}
	})
}
