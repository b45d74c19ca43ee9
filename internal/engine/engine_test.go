package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/storage"
)

// member is an engine over a file system in memory whose log commits when the test says so.
type member struct {
	*Engine
	t     testing.TB
	fs    *vfs.MemFS
	store *storage.Store

	mu      sync.Mutex
	entries []Entry
	applied int
}

func newMember(t testing.TB, fs *vfs.MemFS) *member {
	t.Helper()
	m := &member{t: t, fs: fs}
	var err error
	m.store, err = storage.Open(storage.Options{FS: fs, Dir: "data", CacheBytes: 4 << 20, MemTableSize: 1 << 20, Logf: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	if m.Engine, err = Open(Options{Storage: m.store, Logf: t.Logf}); err != nil {
		t.Fatal(err)
	}
	m.Connect(m, m)
	return m
}

// newPrimary returns a member that is primary of term 1.
func newPrimary(t testing.TB) *member {
	m := newMember(t, vfs.NewCrashableMem())
	m.BecomePrimary(1)
	return m
}

func (m *member) Append(group []byte, _ oplog.Timestamp, _ bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.entries = append(m.entries, Entry{Index: uint64(len(m.entries) + 1), Term: m.term, Data: group})
}

func (m *member) Bounds() (first, last uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return 1, uint64(len(m.entries))
}

func (m *member) Read(lo, hi uint64, _ int) ([]Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.entries[lo-1 : min(hi-1, uint64(len(m.entries)))], nil
}

// commit commits and applies everything appended so far.
func (m *member) commit() {
	m.t.Helper()
	m.mu.Lock()
	list := slices.Clone(m.entries[m.applied:])
	m.applied = len(m.entries)
	m.mu.Unlock()
	if err := m.Apply(list); err != nil {
		m.t.Fatal(err)
	}
}

func (m *member) close() {
	m.t.Helper()
	m.Engine.Close()
	if err := m.store.Close(); err != nil {
		m.t.Fatal(err)
	}
}

func doc(t testing.TB, format string, args ...any) document.Doc {
	t.Helper()
	d, err := document.FromJSON(fmt.Sprintf(format, args...))
	if err != nil {
		t.Fatalf("%v in %s", err, fmt.Sprintf(format, args...))
	}
	return d
}

func (m *member) insert(ns string, docs ...string) {
	m.t.Helper()
	var list []document.Doc
	for _, d := range docs {
		list = append(list, doc(m.t, "%s", d))
	}
	r, err := m.Insert(context.Background(), ns, list, true, Statement{})
	if err != nil || r.N != len(docs) {
		m.t.Fatal(r, err)
	}
}

// find returns what a view finds, as text.
func find(t testing.TB, v View, spec FindSpec) (list []string) {
	t.Helper()
	it, err := v.Find(context.Background(), spec)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		d, err := it.Next(context.Background())
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, d.String())
	}
	if err := it.Close(); err != nil {
		t.Fatal(err)
	}
	return list
}

func same(t testing.TB, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("%s:\ngot  %v\nwant %v", what, got, want)
	}
}

// TestWritesAreVisibleBeforeCommitAndAfter shows the two read concerns on a primary.
func TestWritesAreVisibleBeforeCommitAndAfter(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.insert("test.c", `{"_id": 1, "x": 1}`, `{"_id": 2, "x": 2}`)
	all := []string{`{"_id":1,"x":1}`, `{"_id":2,"x":2}`}
	same(t, "local before commit", find(t, m.Local(), FindSpec{NS: "test.c"}), all)
	same(t, "majority before commit", find(t, m.Majority(), FindSpec{NS: "test.c"}), nil)
	m.commit()
	same(t, "local after commit", find(t, m.Local(), FindSpec{NS: "test.c"}), all)
	same(t, "majority after commit", find(t, m.Majority(), FindSpec{NS: "test.c"}), all)
	if n := m.OverlayBytes(); n != 0 {
		t.Fatalf("%d bytes left in the overlay", n)
	}
}

// TestStepDownForgetsWhatIsNotCommitted shows the rollback.
func TestStepDownForgetsWhatIsNotCommitted(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.insert("test.c", `{"_id": 1}`)
	m.commit()
	m.insert("test.c", `{"_id": 2}`)
	m.insert("test.d", `{"_id": 1}`)
	m.StepDown(1)
	same(t, "after step-down", find(t, m.Local(), FindSpec{NS: "test.c"}), []string{`{"_id":1}`})
	v := m.Local()
	if v.Catalog.Collection("test.d") != nil {
		t.Error("a collection that was never committed is still there")
	}
	if n, _ := v.Catalog.Collection("test.c").Count(); n != 1 {
		t.Errorf("%d documents counted", n)
	}
	v.Close()
	_, err := m.Insert(context.Background(), "test.c", []document.Doc{doc(t, `{"_id": 3}`)}, true, Statement{})
	if mongoerr.CodeOf(err) != mongoerr.NotWritablePrimary {
		t.Fatal(err)
	}
}

// TestNewestDoesNotGoBack: who tells a client what a view showed can wait for it also when a step-down has forgotten it, as a hand-over does, after which it comes back from the log.
func TestNewestDoesNotGoBack(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.insert("test.c", `{"_id": 1}`)
	shown := m.LastTime().TS
	m.StepDown(1)
	if m.LastTime().TS >= shown {
		t.Fatal("the step-down has forgotten nothing")
	}
	if got := m.Newest(); got != shown {
		t.Errorf("the newest time is %v after a step-down, and %v was shown", got, shown)
	}
}

// TestPlanOfAnEarlierTermDoesNotHold: a write that was planned on what a step-down took back is planned again, also if the member is primary
// again by then and the plan's view was the newest.
func TestPlanOfAnEarlierTermDoesNotHold(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.insert("test.c", `{"_id": 1, "x": 0}`)
	m.commit()
	m.StepDown(1)
	m.BecomePrimary(2)
	m.commit()
	ctx := context.Background()
	inc := &UpdateSpec{NS: "test.c", Filter: doc(t, `{"_id": 1}`), Update: doc(t, `{"$inc": {"x": 1}}`).AsValue()}
	if r, err := m.Update(ctx, inc, Statement{}); r.Modified != 1 || err != nil {
		t.Fatal(r, err)
	}
	u := &update{e: m.Engine, spec: inc}
	if err := u.compile(); err != nil {
		t.Fatal(err)
	}
	v := m.Local()
	defer v.Close()
	g := &changeGroup{e: m.Engine, v: &v, coll: v.Catalog.Collection("test.c")}
	found, err := v.findOne(ctx, &request{coll: g.coll, filter: u.filter})
	if err == nil {
		_, _, err = g.update(u, found)
	}
	if err != nil {
		t.Fatal(err)
	}
	m.StepDown(2)
	m.mu.Lock()
	m.entries = m.entries[:m.applied] // lost
	m.mu.Unlock()
	m.BecomePrimary(3)
	if _, err := g.propose(); !errors.Is(err, errConflict) {
		t.Errorf("the plan holds: %v", err)
	}
	if r, err := m.Update(ctx, inc, Statement{}); r.Modified != 1 || err != nil {
		t.Fatal(r, err)
	}
	same(t, "after one increment", find(t, m.Local(), FindSpec{NS: "test.c"}), []string{`{"_id":1,"x":1}`})
}

// TestDuplicateKeys shows that a unique key is refused wherever its holder is: in the same group, the overlay or storage.
func TestDuplicateKeys(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.insert("test.c", `{"_id": 5}`)
	m.commit()
	m.insert("test.c", `{"_id": 3}`)
	r, err := m.Insert(context.Background(), "test.c", []document.Doc{doc(t, `{"_id": 5}`), doc(t, `{"_id": 3}`), doc(t, `{"_id": 9}`),
		doc(t, `{"_id": 8}`), doc(t, `{"_id": 9}`), doc(t, `{"_id": 10}`)}, false, Statement{})
	if err != nil || r.N != 3 || len(r.Errors) != 3 {
		t.Fatal(r, err)
	}
	for i, at := range []int{0, 1, 4} {
		if e := r.Errors[i]; e.Index != at || e.Err.Code != mongoerr.DuplicateKey {
			t.Errorf("error %d is %+v", i, e)
		}
	}
	want := "E11000 duplicate key error collection: test.c index: _id_ dup key: { _id: 5 }"
	if r.Errors[0].Err.Message != want {
		t.Errorf("message %q", r.Errors[0].Err.Message)
	}
}

// TestRefusedInsertLeavesItsKeysFree shows that a document that is refused by its second index does not stand in the way of others of its group.
func TestRefusedInsertLeavesItsKeysFree(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	if _, err := m.CreateIndexes(context.Background(), "test.c", []document.Doc{doc(t, `{"v": 2, "key": {"a": 1, "b": 1}, "name": "ab"}`)}); err != nil {
		t.Fatal(err)
	}
	r, err := m.Insert(context.Background(), "test.c", []document.Doc{doc(t, `{"_id": 1, "a": [1], "b": [2]}`), doc(t, `{"_id": 1, "a": 1}`)}, false, Statement{})
	if err != nil || r.N != 1 || len(r.Errors) != 1 || r.Errors[0].Index != 0 {
		t.Fatal(r, err)
	}
}

// TestConcurrentIncrementsAllCount shows that no update of a hot document is lost, with commits in between.
func TestConcurrentIncrementsAllCount(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.insert("test.c", `{"_id": 1, "n": 0}`, `{"_id": 2, "n": 0}`)
	const writers, each = 8, 200
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				// Half of them come by _id and line up, the others meet them by a scan.
				spec := &UpdateSpec{NS: "test.c", Filter: doc(t, `{"_id": 1}`), Update: doc(t, `{"$inc": {"n": 1}}`).AsValue()}
				if w%2 == 0 {
					spec.Filter = doc(t, `{"n": {"$gte": 0}}`)
				}
				if r, err := m.Update(context.Background(), spec, Statement{}); err != nil || r.Modified != 1 {
					t.Error(r, err)
					return
				}
				if i%20 == 0 && w == 0 {
					m.commit()
				}
			}
		})
	}
	wg.Wait()
	m.commit()
	same(t, "counters", find(t, m.Majority(), FindSpec{NS: "test.c"}), []string{fmt.Sprintf(`{"_id":1,"n":%d}`, writers*each), `{"_id":2,"n":0}`})
}

// TestRetriedWriteTakesEffectOnce shows that a second try answers as the first and changes nothing, on the same primary, after a
// restart from the log, and with many statements.
func TestRetriedWriteTakesEffectOnce(t *testing.T) {
	m := newPrimary(t)
	ctx := context.Background()
	session := &oplog.Session{LSID: doc(t, `{"id": {"$binary": {"base64": "AAAAAAAAAAAAAAAAAAAAAQ==", "subType": "04"}}}`), TxnNumber: 1}
	m.insert("test.c", `{"_id": 1, "n": 0}`)
	spec := &UpdateSpec{NS: "test.c", Filter: doc(t, `{"_id": 1}`), Update: doc(t, `{"$inc": {"n": 1}}`).AsValue(), Return: ReturnNew}
	for i := range 200 {
		if _, err := m.Update(ctx, spec, Statement{Session: session, ID: int32(i)}); err != nil {
			t.Fatal(err)
		}
	}
	retryAll := func(e *Engine) {
		t.Helper()
		for i := range 200 {
			r, err := e.Update(ctx, spec, Statement{Session: session, ID: int32(i)})
			if err != nil || !r.Retried || r.Modified != 1 || r.Doc.String() != fmt.Sprintf(`{"_id":1,"n":%d}`, i+1) {
				t.Fatalf("retry of %d: %+v %v", i, r, err)
			}
		}
	}
	retryAll(m.Engine)
	m.commit()
	retryAll(m.Engine)
	entries := m.entries
	m.close()

	n := newMember(t, vfs.NewCrashableMem())
	defer n.close()
	n.entries = entries
	n.commit()
	n.BecomePrimary(2)
	retryAll(n.Engine)
	same(t, "document", find(t, n.Local(), FindSpec{NS: "test.c"}), []string{`{"_id":1,"n":200}`})
	newer := &oplog.Session{LSID: session.LSID, TxnNumber: 2}
	if _, err := n.Update(ctx, spec, Statement{Session: newer}); err != nil {
		t.Fatal(err)
	}
	if _, err := n.Update(ctx, spec, Statement{Session: session}); mongoerr.CodeOf(err) != mongoerr.TransactionTooOld {
		t.Fatal(err)
	}
	docs := []document.Doc{doc(t, `{"_id": 100}`), doc(t, `{"_id": 1}`), doc(t, `{"_id": 101}`)}
	for range 2 {
		newer.TxnNumber = 3
		r, err := n.Insert(ctx, "test.c", docs, false, Statement{Session: newer})
		if err != nil || r.N != 2 || len(r.Errors) != 1 || r.Errors[0].Index != 1 {
			t.Fatal(r, err)
		}
	}
}

// TestReadingThroughTheOverlayEqualsReadingAfterApply is the overlay's law: the same random writes answer every query the same
// whether none, some or all of them are committed, and after a replay on another member.
func TestReadingThroughTheOverlayEqualsReadingAfterApply(t *testing.T) {
	for seed := range uint64(40) {
		rng := rand.New(rand.NewPCG(seed, 3))
		m, ctx := newPrimary(t), context.Background()
		if _, err := m.CreateIndexes(ctx, "test.c", []document.Doc{doc(t, `{"v": 2, "key": {"x": 1, "y": -1}, "name": "xy"}`)}); err != nil {
			t.Fatal(err)
		}
		for range rng.IntN(120) {
			randomWrite(t, m, rng)
			if rng.IntN(15) == 0 {
				m.commit()
			}
		}
		before := answers(t, m.Local())
		m.commit()
		after := answers(t, m.Local())
		same(t, fmt.Sprintf("seed %d: local before and after apply", seed), after, before)
		same(t, fmt.Sprintf("seed %d: majority", seed), answers(t, m.Majority()), before)
		other := newMember(t, vfs.NewCrashableMem())
		other.entries = m.entries
		other.commit()
		same(t, fmt.Sprintf("seed %d: another member", seed), answers(t, other.Local()), before)
		if a, b := stateDigest(t, m), stateDigest(t, other); a != b {
			t.Fatalf("seed %d: members differ:\n%s\n%s", seed, a, b)
		}
		other.close()
		m.close()
	}
}

func randomWrite(t *testing.T, m *member, rng *rand.Rand) {
	ctx := context.Background()
	id, x, y := rng.IntN(30), rng.IntN(5), rng.IntN(5)
	var err error
	switch rng.IntN(6) {
	case 0, 1:
		_, err = m.Insert(ctx, "test.c", []document.Doc{doc(t, `{"_id": %d, "x": %d, "y": %d}`, id, x, y)}, true, Statement{})
	case 2:
		_, err = m.Update(ctx, &UpdateSpec{NS: "test.c", Filter: doc(t, `{"_id": %d}`, id), Update: doc(t, `{"$set": {"x": %d}, "$inc": {"y": 1}}`, x).AsValue(), Upsert: rng.IntN(2) == 0}, Statement{})
	case 3:
		_, err = m.Update(ctx, &UpdateSpec{NS: "test.c", Filter: doc(t, `{"x": %d}`, x), Update: doc(t, `{"$set": {"x": [%d, %d]}}`, y, x).AsValue(), Multi: true}, Statement{})
	case 4:
		_, err = m.Delete(ctx, &DeleteSpec{NS: "test.c", Filter: doc(t, `{"_id": %d}`, id)}, Statement{})
	case 5:
		_, err = m.Delete(ctx, &DeleteSpec{NS: "test.c", Filter: doc(t, `{"x": %d, "y": {"$gt": %d}}`, x, y), Multi: true}, Statement{})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// answers are the answers to queries that use every access path.
func answers(t *testing.T, v View) (list []string) {
	defer v.Close()
	for _, spec := range []FindSpec{
		{NS: "test.c"},
		{NS: "test.c", Filter: doc(t, `{"_id": 7}`)},
		{NS: "test.c", Filter: doc(t, `{"x": 3}`), Sort: doc(t, `{"_id": 1}`)},
		{NS: "test.c", Filter: doc(t, `{"x": {"$gte": 2}}`), Sort: doc(t, `{"x": 1, "y": -1}`), Projection: doc(t, `{"x": 1, "y": 1, "_id": 0}`)},
		{NS: "test.c", Filter: doc(t, `{"_id": {"$gt": 10}}`), Sort: doc(t, `{"_id": -1}`), Skip: 1, Limit: 5},
		{NS: "test.c", Sort: doc(t, `{"$natural": -1}`), Limit: 3},
	} {
		w := v.engine.Local()
		if v.overlay.Empty() && v.Catalog == v.engine.state.Load().committed {
			w.Close()
			w = v.engine.Majority()
		}
		list = append(list, fmt.Sprint(find(t, w, spec)))
	}
	return list
}

func stateDigest(t *testing.T, m *member) string {
	t.Helper()
	st := m.acquire()
	defer st.storage.Release()
	d, err := m.digest(context.Background(), st.storage)
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// TestCrashLosesNothingOfTheLog crashes at random moments and applies the log again from what storage says is durable.
func TestCrashLosesNothingOfTheLog(t *testing.T) {
	for seed := range uint64(25) {
		rng := rand.New(rand.NewPCG(seed, 4))
		m := newPrimary(t)
		for range rng.IntN(150) {
			randomWrite(t, m, rng)
			if rng.IntN(5) == 0 {
				m.commit()
			}
			if rng.IntN(30) == 0 {
				if err := m.store.Flush(); err != nil {
					t.Fatal(err)
				}
			}
		}
		m.commit()
		want := stateDigest(t, m)
		crashed := m.fs.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: rng.IntN(101), RNG: rng})
		entries := m.entries
		m.close()
		n := newMember(t, crashed)
		n.entries = entries
		n.applied = int(n.Durable().Index)
		n.commit()
		if got := stateDigest(t, n); got != want {
			t.Fatalf("seed %d: after the crash\n%s\nwant\n%s", seed, got, want)
		}
		n.close()
	}
}

// TestIndexBuiltBesideWrites builds an index while writers change what it covers, and compares it with one that was there from the start.
func TestIndexBuiltBesideWrites(t *testing.T) {
	m, ctx := newPrimary(t), context.Background()
	defer m.close()
	spec := func(name string) document.Doc { return doc(t, `{"v": 2, "key": {"x": 1}, "name": "%s"}`, name) }
	for i := range 3000 {
		m.insert("test.c", fmt.Sprintf(`{"_id": %d, "x": %d}`, i, i%97))
	}
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 2 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(w), 5))
			for {
				select {
				case <-stop:
					return
				default:
				}
				_, err := m.Update(ctx, &UpdateSpec{NS: "test.c", Filter: doc(t, `{"_id": %d}`, rng.IntN(3000)), Update: doc(t, `{"$set": {"x": %d}}`, rng.IntN(1000)).AsValue()}, Statement{})
				_, err2 := m.Delete(ctx, &DeleteSpec{NS: "test.c", Filter: doc(t, `{"_id": %d}`, rng.IntN(3000))}, Statement{})
				if err := errors.Join(err, err2); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	r, err := m.CreateIndexes(ctx, "test.c", []document.Doc{spec("x_1")})
	close(stop)
	wg.Wait()
	if err != nil || r.Before != 1 || r.After != 2 {
		t.Fatal(r, err)
	}
	m.commit()
	byIndex := find(t, m.Majority(), FindSpec{NS: "test.c", Filter: doc(t, `{"x": {"$gte": 0}}`), Hint: document.String("x_1")})
	byScan := find(t, m.Majority(), FindSpec{NS: "test.c", Filter: doc(t, `{"x": {"$gte": 0}}`), Hint: doc(t, `{"$natural": 1}`).AsValue()})
	slices.Sort(byIndex)
	slices.Sort(byScan)
	same(t, "by index and by scan", byIndex, byScan)
	v := m.Majority()
	defer v.Close()
	found, err := v.Validate(ctx, v.Catalog.Collection("test.c"))
	if err != nil || found.Extra+found.Missing > 0 || len(found.Problems) > 0 {
		t.Errorf("the index does not fit the documents: %+v, %v", found, err)
	}
}

// TestUniqueIndexBuildFindsDuplicates shows that the build fails and leaves nothing behind.
func TestUniqueIndexBuildFindsDuplicates(t *testing.T) {
	m, ctx := newPrimary(t), context.Background()
	defer m.close()
	m.insert("test.c", `{"_id": 1, "x": 1}`, `{"_id": 2, "x": 1}`)
	_, err := m.CreateIndexes(ctx, "test.c", []document.Doc{doc(t, `{"v": 2, "key": {"x": 1}, "name": "x_1", "unique": true}`)})
	if mongoerr.CodeOf(err) != mongoerr.DuplicateKey {
		t.Fatal(err)
	}
	v := m.Local()
	defer v.Close()
	if n := len(v.Catalog.Collection("test.c").Indexes); n != 1 {
		t.Fatalf("%d indexes", n)
	}
}

// TestIteratorGoesOnAfterSuspend shows that a suspended iterator misses nothing and repeats nothing, on every access path.
func TestIteratorGoesOnAfterSuspend(t *testing.T) {
	m, ctx := newPrimary(t), context.Background()
	defer m.close()
	for i := range 50 {
		m.insert("test.c", fmt.Sprintf(`{"_id": %d, "x": %d}`, i, i%5))
		if i == 30 {
			m.commit()
		}
	}
	if _, err := m.CreateIndexes(ctx, "test.c", []document.Doc{doc(t, `{"v": 2, "key": {"x": 1}, "name": "x_1"}`)}); err != nil {
		t.Fatal(err)
	}
	for _, spec := range []FindSpec{
		{NS: "test.c"},
		{NS: "test.c", Sort: doc(t, `{"$natural": -1}`)},
		{NS: "test.c", Filter: doc(t, `{"x": {"$in": [1, 3, 4]}}`)},
		{NS: "test.c", Filter: doc(t, `{"x": {"$gt": 1}}`), Sort: doc(t, `{"x": -1}`)},
		{NS: "test.c", Sort: doc(t, `{"y": 1}`)},
		{NS: "test.c", Filter: doc(t, `{"_id": 4}`)},
		{NS: "local.oplog.rs"},
	} {
		want := find(t, m.Local(), spec)
		v := m.Local()
		it, err := v.Find(context.Background(), spec)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for {
			d, err := it.Next(ctx)
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, d.String())
			it.Suspend()
			v := m.Local()
			if err := it.Resume(&v); err != nil {
				t.Fatal(err)
			}
		}
		if err := it.Close(); err != nil {
			t.Fatal(err)
		}
		same(t, fmt.Sprintf("%v", spec.Filter), got, want)
	}
}

// TestOplogOfASmallUpdateIsADiff shows that readers of the oplog can tell an update by operators from a replacement, however small the
// document is.
func TestOplogOfASmallUpdateIsADiff(t *testing.T) {
	m := newPrimary(t)
	defer m.close()
	m.insert("test.c", `{"_id": 1, "x": 1}`)
	for _, update := range []string{`{"$set": {"x": 2}}`, `{"x": 3}`} {
		spec := &UpdateSpec{NS: "test.c", Filter: doc(t, `{"_id": 1}`), Update: doc(t, "%s", update).AsValue()}
		if r, err := m.Update(context.Background(), spec, Statement{}); err != nil || r.Modified != 1 {
			t.Fatal(r, err)
		}
	}
	m.commit()
	got := find(t, m.Local(), FindSpec{NS: "local.oplog.rs", Filter: doc(t, `{"op": "u"}`), Projection: doc(t, `{"o": 1, "_id": 0}`)})
	same(t, "oplog", got, []string{`{"o":{"$v":2,"diff":{"u":{"x":2}}}}`, `{"o":{"_id":1,"x":3}}`})
}
