package replset

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/mortondb/morton/internal/document"
)

var rewrite = flag.Bool("rewrite", false, "write testdata/views.txt instead of comparing with it")

// TestViews prints what clients see of a member in the situations that are hard to meet in a recording. Review the
// changes of testdata/views.txt after running it with -rewrite.
func TestViews(t *testing.T) {
	now := time.UnixMilli(1_700_000_123_456).UTC()
	topology := TopologyVersion{document.ObjectID{0xab}, 7}
	noPrimary := setOf(t, "D1 *S1 S1")
	lagging := setOf(t, "P2 *S1-4 S0v")
	lagging.Primary, lagging.SyncFrom = 0, 0
	elected := setOf(t, "*P2 S1 D0.5")
	elected.Writable, elected.Primary = false, 0
	elected.Election = &Election{Reason: ReasonHandoff, Time: now.Add(-time.Second), Term: 4, VotesNeeded: 2, PriorPrimary: 1, CatchUpOps: 3}
	loading := setOf(t, "P1 *R1 S1")
	loading.State, loading.Primary, loading.SyncFrom, loading.InitSync, loading.Info = Startup2, 0, 0, fromJSON(t, `{"receivedBytes": 12}`), "receiving a snapshot"
	first := &View{SetName: "rs0", Self: -1, Primary: -1, State: Startup2, InitSync: fromJSON(t, `{"approxTotalBytesCopied": 12}`)}
	removed := setOf(t, "P1 S1 S1")
	removed.State = Removed
	views := []struct {
		name string
		v    *View
	}{
		{"standalone", &View{Self: -1, Primary: -1}},
		{"waiting to be initiated", &View{SetName: "rs0", Self: -1, Primary: -1, State: Startup}},
		{"no longer in the configuration", removed},
		{"no primary known, one member down", noPrimary},
		{"secondary behind its primary, a member without vote", lagging},
		{"elected, not yet writable", elected},
		{"receiving its first snapshot", first},
		{"receiving another snapshot", loading},
	}
	var out bytes.Buffer
	for _, x := range views {
		x.v.Topology, x.v.Term, x.v.Started = topology, 4, now.Add(-time.Minute)
		fmt.Fprintf(&out, "== %s\n", x.name)
		for _, r := range []HelloRequest{{Now: now, ConnectionID: 9}, {Now: now, ConnectionID: 9, IsMaster: true, Legacy: true}} {
			var b document.Builder
			x.v.AppendHello(&b, r)
			fmt.Fprintf(&out, "hello legacy=%v\n  %s\n", r.Legacy, b.Finish())
		}
		var b document.Builder
		if err := x.v.AppendStatus(&b, now); err != nil {
			code, text := codeAndText(err)
			fmt.Fprintf(&out, "status\n  %d %s\n", int32(code), text)
			continue
		}
		out.WriteString("status\n")
		printStatus(&out, b.Finish())
	}
	const file = "testdata/views.txt"
	if *rewrite {
		if err := os.WriteFile(file, out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out.String()); diff != "" {
		t.Errorf("- %s, + now:\n%s", file, diff)
	}
}

// printStatus prints a status with one line for each member.
func printStatus(out *bytes.Buffer, d document.Doc) {
	for it := d.Iter(); it.Next(); {
		if it.Key() != "members" {
			fmt.Fprintf(out, "  %s: %s\n", it.Key(), it.Value())
			continue
		}
		for m := it.Value().Doc().Iter(); m.Next(); {
			fmt.Fprintf(out, "  member %s\n", m.Value())
		}
	}
}
