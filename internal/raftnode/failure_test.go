package raftnode

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/logfile"
)

// TestMemberThatCannotGoOnStops: one whose state machine or log fails says so once, lets nobody wait, gives up its right to
// write, and the others go on.
func TestMemberThatCannotGoOnStops(t *testing.T) {
	broken := errors.New("the disk is full")
	for name, sabotage := range map[string]func(m *member){
		"state machine": func(m *member) {
			m.sm.mu.Lock()
			defer m.sm.mu.Unlock()
			m.sm.failApply = broken
		},
		"log": func(m *member) { m.disk(func() time.Duration { panic(broken) }) },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := newCluster(t, 1, 3)
				l := c.leader(time.Second)
				c.mustPut(l, "a", "1")
				sabotage(l)
				op, err := l.sm.write("b", "1", true)
				if err != nil {
					c.fatalf("%v", err)
				}
				err = l.node.WaitDurable(t.Context(), op)
				if name == "log" && !errors.Is(err, ErrStopped) {
					t.Errorf("waiting for a broken log: %v", err)
				}
				time.Sleep(testElection)
				c.mu.Lock()
				failure := c.failure
				c.failure = ""
				c.mu.Unlock()
				if !strings.Contains(failure, broken.Error()) {
					t.Errorf("the owner was told %q", failure)
				}
				if s := l.node.Status(); !errors.Is(s.Stopped, broken) || s.Primary || s.Leader != 0 {
					t.Errorf("%+v", s)
				}
				if l.sm.isPrimary() {
					t.Error("a stopped member may write")
				}
				for what, err := range map[string]error{
					"WaitCommitted": l.node.WaitCommitted(t.Context(), op), "ReadBarrier": l.node.ReadBarrier(t.Context()),
					"TransferLeadership": l.node.TransferLeadership(t.Context(), 0),
				} {
					if !errors.Is(err, ErrNotPrimary) && !errors.Is(err, ErrStopped) {
						t.Errorf("%s: %v", what, err)
					}
				}
				next := c.leader(time.Second)
				c.mustPut(next, "c", "1")
				c.close()
			})
		})
	}
}

// TestCloseTakesTheRightToWriteBack: a primary that is closed has its StepDown called, and what was appended is in its log.
func TestCloseTakesTheRightToWriteBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCluster(t, 1, 1)
		l := c.leader(time.Second)
		op := c.mustPut(l, "a", "1")
		l.node.Close()
		l.node.Close()
		if l.sm.isPrimary() {
			t.Error("a closed member may write")
		}
		if err := l.node.WaitCommitted(t.Context(), op); !errors.Is(err, ErrNotPrimary) {
			t.Error(err)
		}
		_ = l.log.Close()
		l.start()
		l = c.leader(time.Second)
		if got, _ := l.sm.get("a"); got != "1" {
			t.Error("the write is not there")
		}
		c.close()
	})
}

// TestLogAndDataAfterARestart: which pairs of log and state machine are mended, and which are refused with advice.
func TestLogAndDataAfterARestart(t *testing.T) {
	entries := func(first, last, term uint64) (list []logfile.Entry) {
		for i := first; i <= last; i++ {
			list = append(list, logfile.Entry{Index: i, Term: term})
		}
		return list
	}
	open := func() *logfile.Log {
		l, err := logfile.Open(vfs.NewMem(), "log", logfile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, c := range []struct {
		name        string
		log         func(l *logfile.Log) error
		applied     Snapshot
		wantErr     string
		first, last uint64
	}{
		{"new member", func(*logfile.Log) error { return nil }, Snapshot{}, "", 1, 0},
		{"first data", func(*logfile.Log) error { return nil }, Snapshot{Index: 1, Term: 1}, "", 2, 1},
		{"data inside the log", func(l *logfile.Log) error { return l.Append(entries(1, 9, 1), nil, true) }, Snapshot{Index: 5, Term: 1}, "", 1, 9},
		{"snapshot installed, log behind", func(l *logfile.Log) error { return l.Append(entries(1, 9, 1), nil, true) }, Snapshot{Index: 20, Term: 3}, "", 21, 20},
		{"snapshot installed over entries that were lost", func(l *logfile.Log) error { return l.Append(entries(1, 9, 1), nil, true) }, Snapshot{Index: 5, Term: 3}, "", 6, 5},
		{"data older than the log", func(l *logfile.Log) error { return l.Reset(10, 1) }, Snapshot{Index: 5, Term: 1}, "the log begins at entry 11 but the data ends at entry 5", 0, 0},
		{"log without data", func(l *logfile.Log) error { return l.Reset(10, 1) }, Snapshot{}, "there is no data", 0, 0},
	} {
		l := open()
		if err := c.log(l); err != nil {
			t.Fatal(err)
		}
		err := reconcile(l, c.applied)
		switch {
		case c.wantErr != "":
			if err == nil || !strings.Contains(err.Error(), c.wantErr) || !strings.Contains(err.Error(), "replace this member's data directory") {
				t.Errorf("%s: %v", c.name, err)
			}
		case err != nil || l.FirstIndex() != c.first || l.LastIndex() != c.last:
			t.Errorf("%s: log from %d to %d, %v", c.name, l.FirstIndex(), l.LastIndex(), err)
		}
	}
}

// TestLogIsKeptForASnapshotOnItsWay: what follows a checkpoint stays in the log until its receiver has installed it.
func TestLogIsKeptForASnapshotOnItsWay(t *testing.T) {
	inCluster(t, 1, 2, func(t *testing.T, c *cluster) {
		l := c.leader(time.Second)
		put := func(prefix string) {
			for i := range 30 {
				c.mustPut(l, fmt.Sprint(prefix, i), string(make([]byte, 2000)))
			}
			if err := l.node.ReadBarrier(t.Context()); err != nil {
				c.fatalf("%v", err)
			}
			time.Sleep(2 * hardStateTicks * Tick) // the commit position reaches the log
		}
		put("a")
		s, release, err := l.node.Checkpoint(t.Context(), 3-l.id, "dir")
		if err != nil {
			c.fatalf("%v", err)
		}
		put("b")
		compact := func() uint64 {
			if err := l.node.Compact(l.sm.flush()); err != nil {
				c.fatalf("%v", err)
			}
			return l.log.FirstIndex()
		}
		if first := compact(); first > s.Index+1 || first < 5 {
			t.Errorf("the log begins at %d with a snapshot of %d on its way", first, s.Index)
		}
		release()
		if first := compact(); first <= s.Index+1 {
			t.Errorf("the log begins at %d when the snapshot of %d has arrived", first, s.Index)
		}
	})
}
