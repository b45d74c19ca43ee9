package node

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/peer"
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
	if got := v.InitSync; v.Info != "initial sync: 40 of 100 MB received" || got.Lookup("approxTotalBytesCopied").Int64() != 40<<20 ||
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
