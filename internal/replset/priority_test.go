package replset

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// setOf returns a set of three or more members from a text such as "P2 S1 S0v", seen by the member marked with *.
// A member is its state (P primary, S secondary, R recovering, D down), its priority, and any of: v no vote, f frozen,
// -N how many seconds its disk is behind.
func setOf(t *testing.T, text string) *View {
	t.Helper()
	now := time.Unix(1_700_000_000, 0)
	at := func(behind int) Point {
		wall := now.Add(-time.Duration(behind) * time.Second)
		return Point{OpTime{uint64(wall.Unix()) << 32, 1}, wall}
	}
	v := &View{SetName: "rs0", Config: &Config{Name: "rs0", Version: 1, Settings: DefaultSettings()}, Self: -1, Primary: -1, SyncFrom: -1, Applied: at(0), Durable: at(0)}
	for i, word := range strings.Fields(text) {
		var priority float64
		var behind int
		if _, err := fmt.Sscanf(strings.TrimPrefix(word, "*")[1:], "%g", &priority); err != nil {
			t.Fatal(word, err)
		}
		if _, lag, ok := strings.Cut(word, "-"); ok {
			fmt.Sscanf(lag, "%d", &behind)
		}
		member := Member{ID: int32(i), Host: fmt.Sprint("h:", i+1), Priority: priority, Votes: 1, Tags: document.Empty}
		if strings.Contains(word, "v") {
			member.Votes = 0
		}
		v.Config.Members = append(v.Config.Members, member)
		state := map[byte]State{'P': Primary, 'S': Secondary, 'R': Recovering, 'D': Down}[strings.TrimPrefix(word, "*")[0]]
		v.Members = append(v.Members, MemberStatus{State: state, Up: state != Down, UpSince: now, Applied: at(behind), Durable: at(behind),
			Frozen: strings.Contains(word, "f"), SyncFrom: -1, ConfigVersion: 1})
		if strings.HasPrefix(word, "*") {
			v.Self, v.State, v.Writable = i, state, state == Primary
		}
	}
	return v
}

func TestTakeoverGoesToTheHighestPriorityThatIsReady(t *testing.T) {
	for text, want := range map[string]int{
		"*P1 S1 S1":   -1,
		"*P2 S1 S1":   -1,
		"*P1 S2 S1":   1,
		"*P1 S2 S3":   2,
		"*P1 S2 S3-2": 2, // nearly there
		"*P1 S2 S3-3": 1, // too far behind, the next best is better than nothing
		"*P1 S2 D3":   1,
		"*P1 S2 R3":   1,
		"*P1 S2 S3f":  1,
		"*P1 S2-1 S2": 2, // of equals the one with more
		"*P0.5 S1 S1": 1,
		"*P1 D2 D3":   -1,
		"*S1 S2 P1":   -1, // only a primary can give its place away
	} {
		v := setOf(t, text)
		if got, ok := v.Takeover(); got != want || ok != (want >= 0) {
			t.Errorf("%s: %d %v, want %d", text, got, ok, want)
		}
	}
	v := setOf(t, "*P1 S2 S3")
	v.Writable = false
	if got, ok := v.Takeover(); ok {
		t.Errorf("a primary that cannot write yet hands over to %d", got)
	}
}

func TestHandOverPrefersWhoHasEverything(t *testing.T) {
	for text, want := range map[string]string{
		"*P1 S1 S1":     "1 true",
		"*P1 S1 S2":     "2 true",
		"*P1 S1 S2-1":   "1 true",
		"*P1 S1-5 S2-9": "1 false",
		"*P1 S1-5 S2-5": "2 false",
		"*P1 S0 S0":     "-1 false",
		"*P1 S0v S1-1":  "2 false",
		"*P1 D1 S1f":    "-1 false",
		"*P1":           "-1 false",
	} {
		target, caughtUp := setOf(t, text).HandOver()
		if got := fmt.Sprint(target, caughtUp); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestElectionRankCountsTheBetterOnes(t *testing.T) {
	c := setOf(t, "*P1 S2 S3 S2 S0 S0v").Config
	for i, want := range []string{"3 true", "1 true", "0 true", "1 true", "0 false", "0 false"} {
		rank, electable := c.ElectionRank(i)
		if got := fmt.Sprint(rank, electable); got != want {
			t.Errorf("member %d: %s, want %s", i, got, want)
		}
	}
}

func TestWhoSeeksElection(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	for text, want := range map[string]bool{
		"S1 *S1 S1": true, "S1 *S0 S1": false, "S1 *S0v S1": false, "S1 *R1 S1": false, "*P1 S1 S1": false,
	} {
		if got := setOf(t, text).SeeksElection(now); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
	v := setOf(t, "S1 *S1 S1")
	v.Frozen = now.Add(time.Second)
	if v.SeeksElection(now) || !v.SeeksElection(v.Frozen) {
		t.Error("frozen too long or not at all")
	}
}

func TestMajorityIsOfVoters(t *testing.T) {
	for text, want := range map[string]string{
		"*P1": "1 true", "*P1 S1 S1": "3 true", "*P1 D1 S1": "2 true", "*P1 D1 D1": "1 false",
		"*P1 S1 S0v S0v": "2 true", "*P1 D1 S0v S0v": "1 false", "*P1 D1 S1 S1 D1": "3 true", "*P1 D1 S1 D1": "2 false",
	} {
		voters, majority := setOf(t, text).Reachable()
		if got := fmt.Sprint(voters, majority); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}
