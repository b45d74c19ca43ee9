package node

import (
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/peer"
	"github.com/mortondb/morton/internal/peer/memnet"
	"github.com/mortondb/morton/internal/replset"
)

// TestInitialSyncProgress shows what a member says while it receives data, and that it stops saying it.
func TestInitialSyncProgress(t *testing.T) {
	n := &Node{log: slog.New(slog.DiscardHandler)}
	received := func(bytes int64, err error, done bool) *replset.View {
		p := peer.SnapshotProgress{Peer: 2, Files: 2, Bytes: 100 << 20, BytesDone: bytes, BytesKept: 10 << 20, StartedAt: time.Now().Add(-time.Minute), Err: err}
		if done {
			p.CompletedAt = time.Now()
		}
		n.onProgress(p)
		v := &replset.View{}
		n.syncing.describe(v)
		return v
	}
	v := received(40<<20, nil, false)
	if got := v.InitSync; v.Info != "initial sync: 40 of 100 MB received" || got.Lookup("approxTotalBytesCopied").Int64() != 40<<20 || got.Lookup("method").Str() != "fileCopyBased" ||
		got.Lookup("approxTotalDataSize").Int64() != 100<<20 || got.Lookup("remainingInitialSyncEstimatedMillis").Int64()/1000 != 120 {
		t.Errorf("%s: %s", v.Info, got) // 30 of 100 MB came in a minute, 60 are left
	}
	if v := received(50<<20, errors.New("broken"), true); v.Info != "" || v.InitSync != nil {
		t.Errorf("after an interruption: %s: %s", v.Info, v.InitSync)
	}
	if v := received(60<<20, nil, false); v.InitSync.Lookup("failedInitialSyncAttempts").Int32() != 1 {
		t.Errorf("again: %s", v.InitSync)
	}
	if v := received(100<<20, nil, true); v.InitSync != nil {
		t.Errorf("when all is there: %s", v.InitSync)
	}
	if v := received(0, nil, false); v.InitSync.Lookup("failedInitialSyncAttempts").Int32() != 0 {
		t.Errorf("another time: %s", v.InitSync)
	}
}

// TestMemberWithoutDataTellsOfItsSet: while it receives its first data a member shows all that mongod shows in STARTUP2, and the other members as it sees them.
func TestMemberWithoutDataTellsOfItsSet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, "a:27017", "b:27017", "c:27017")
		s.startAll()
		defer s.stopAll()
		s.initiateWith("", `{"_id": 0, "host": "a:27017", "priority": 2}`, `{"_id": 1, "host": "b:27017"}`, `{"_id": 2, "host": "c:27017", "priority": 0}`)
		s.waitFor("a:27017", "PRIMARY")
		s.settle()
		s.kill("c:27017")
		s.disks["c:27017"].wipe()
		s.network.Change([]string{"a:27017", "c:27017"}, func(_, _ string, l *memnet.Link) { l.Delay = 700 * time.Millisecond })
		s.start("c:27017")
		var d document.Doc
		for range 1000 {
			d, _ = s.command("c:27017", `{"replSetGetStatus": 1, "$db": "admin"}`)
			if d.LookupPath("members.0.state").Int32() == 1 && d.LookupPath("members.1.state").Int32() == 2 && d.Lookup("syncSourceId").Int32() == 0 {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		for path, want := range map[string]string{
			"set": `"foo"`, "myState": "5", "term": "2", "syncSourceHost": `"a:27017"`, "syncSourceId": "0", "heartbeatIntervalMillis": "2000", "majorityVoteCount": "2",
			"votingMembersCount": "3", "optimes.appliedOpTime.t": "-1", "optimes.durableOpTime.t": "-1", "optimes.lastCommittedOpTime.t": "-1",
			"members.0.stateStr": `"PRIMARY"`, "members.1.stateStr": `"SECONDARY"`, "members.2.stateStr": `"STARTUP2"`, "members.2.self": "true", "members.2.configVersion": "1",
		} {
			if got := d.LookupPath(path).String(); got != want {
				t.Errorf("%s: %s, want %s", path, got, want)
			}
		}
		hello := s.must("c:27017", `{"hello": 1, "$db": "admin"}`)
		if hello.Lookup("secondary").Truthy() || hello.Lookup("me").Str() != "c:27017" || hello.Lookup("primary").Str() != "a:27017" {
			t.Errorf("hello: %s", hello)
		}
		if _, err := s.command("c:27017", `{"find": "c", "$readPreference": {"mode": "nearest"}, "$db": "test"}`); err == nil {
			t.Error("a member without data can be read")
		}
		s.network.Change([]string{"a:27017", "c:27017"}, func(_, _ string, l *memnet.Link) { l.Delay = 0 })
		s.waitFor("c:27017", "SECONDARY")
		s.settle()
	})
}
