package engine

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/document"
)

// shape tells what collections a member has, with their indexes and how many documents they have.
func (m *member) shape() (list []string) {
	m.t.Helper()
	v := m.Local()
	defer v.Close()
	for _, db := range v.Catalog.Databases() {
		for _, coll := range v.Catalog.Collections(db) {
			text := coll.NS
			for _, ix := range coll.Indexes {
				text += fmt.Sprintf(" %s(%v)", ix.Name, ix.Unique)
			}
			n, _ := coll.Count()
			list = append(list, fmt.Sprintf("%s capped=%v temp=%v %d", text, coll.Capped != nil, coll.temporary(), n))
		}
	}
	return list
}

// TestChangesInStepsLeaveNothingBehind has the primary die after each entry that a change of several steps writes. The next primary has the collections as they were
// before, as they are after, or both where one is copied; never a part.
func TestChangesInStepsLeaveNothingBehind(t *testing.T) {
	ctx := context.Background()
	for name, tc := range map[string]struct {
		change func(m *member) error
		want   [][]string // what the next primary may find
	}{
		"collMod unique": {func(m *member) error {
			_, err := m.MakeUnique(ctx, "a.c", "x_1", false, func(document.Doc) document.Doc {
				return doc(t, `{"v": 2, "unique": true, "key": {"x": 1}, "name": "x_1"}`)
			})
			return err
		}, [][]string{
			{"a.c _id_(true) x_1(false) capped=false temp=false 3"},
			{"a.c _id_(true) x_1(true) capped=false temp=false 3"},
		}},
		"convertToCapped": {func(m *member) error {
			_, err := m.ConvertToCapped(ctx, "a.c", "a.c", 4096)
			return err
		}, [][]string{
			{"a.c _id_(true) x_1(false) capped=false temp=false 3"},
			{"a.c _id_(true) capped=true temp=false 3"},
		}},
		"cloneCollectionAsCapped": {func(m *member) error {
			_, err := m.ConvertToCapped(ctx, "a.c", "a.d", 4096)
			return err
		}, [][]string{
			{"a.c _id_(true) x_1(false) capped=false temp=false 3"},
			{"a.c _id_(true) x_1(false) capped=false temp=false 3", "a.d _id_(true) capped=true temp=false 3"},
		}},
		"renameCollection to another database": {func(m *member) error {
			_, err := m.RenameCollection(ctx, "a.c", "b.c", false)
			return err
		}, [][]string{
			{"a.c _id_(true) x_1(false) capped=false temp=false 3"},
			{"a.c _id_(true) x_1(false) capped=false temp=false 3", "b.c _id_(true) x_1(false) capped=false temp=false 3"},
			{"b.c _id_(true) x_1(false) capped=false temp=false 3"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			m := newPrimary(t)
			defer m.close()
			m.insert("a.c", `{"_id": 1, "x": 1}`, `{"_id": 2, "x": 2}`, `{"_id": 3, "x": 3}`)
			m.index("a.c", `{"v": 2, "key": {"x": 1}, "name": "x_1", "prepareUnique": true}`)
			before := len(m.entries)
			if err := tc.change(m); err != nil {
				t.Fatal(err)
			}
			seen := map[string]bool{}
			for n := before; n <= len(m.entries); n++ {
				next := newMember(t, vfs.NewCrashableMem())
				next.entries = slices.Clone(m.entries[:n])
				next.commit()
				next.BecomePrimary(2)
				next.building.Wait()
				next.commit()
				got := next.shape()
				if !slices.ContainsFunc(tc.want, func(want []string) bool { return slices.Equal(want, got) }) {
					t.Errorf("after %d of %d entries: %q", n-before, len(m.entries)-before, got)
				}
				seen[fmt.Sprint(got)] = true
				next.close()
			}
			if len(seen) < 2 {
				t.Errorf("only %v was seen", seen)
			}
		})
	}
}
