package replset

import (
	"cmp"
	"time"
)

// TakeoverWindow is how far behind the primary a member of higher priority may be to be given its place: it must catch
// up the rest while writes wait.
const TakeoverWindow = 2 * time.Second

// ElectionRank returns how many electable members come before the one at index i when a primary is wanted: those of
// higher priority. Members wait for their rank before they seek election, so that the best one alive is usually alone.
// A member that may never be primary has no rank.
func (c *Config) ElectionRank(i int) (rank int, electable bool) {
	m := &c.Members[i]
	if !m.Electable() {
		return 0, false
	}
	for j := range c.Members {
		if other := &c.Members[j]; other.Electable() && other.Priority > m.Priority {
			rank++
		}
	}
	return rank, true
}

// SeeksElection reports whether this member may ask for votes at now.
func (v *View) SeeksElection(now time.Time) bool {
	return v.Initiated() && v.State == Secondary && v.Config.Members[v.Self].Electable() && !now.Before(v.Frozen)
}

// Takeover returns the member that this primary should hand its place to because it has a higher priority, is up and
// has nearly everything; ok is false if there is none. Of several it is the one with the highest priority.
func (v *View) Takeover() (target int, ok bool) {
	if !v.Initiated() || v.State != Primary || !v.Writable {
		return -1, false
	}
	target = v.best(func(i int) bool {
		return v.Config.Members[i].Priority > v.Config.Members[v.Self].Priority && v.lag(i) <= TakeoverWindow
	}, v.byPriority)
	return target, target >= 0
}

// HandOver returns the member that should be primary after this one, which is about to step down or to stop, and
// whether it has everything that this one has. It is -1 if no member could be.
func (v *View) HandOver() (target int, caughtUp bool) {
	if !v.Initiated() {
		return -1, false
	}
	if target = v.best(v.caughtUp, v.byPriority); target >= 0 {
		return target, true
	}
	return v.best(func(int) bool { return true }, v.byProgress), false
}

// best returns the index of the greatest of the members that could become primary now, besides this one, and that
// satisfy which; of equals the first. It is -1 if there is none.
func (v *View) best(which func(int) bool, compare func(i, j int) int) int {
	best := -1
	for i := range v.Config.Members {
		if i == v.Self || !v.couldBePrimary(i) || !which(i) {
			continue
		}
		if best < 0 || compare(i, best) > 0 {
			best = i
		}
	}
	return best
}

func (v *View) couldBePrimary(i int) bool {
	m := v.member(i)
	return v.Config.Members[i].Electable() && m.Up && m.State == Secondary && !m.Frozen
}

func (v *View) byPriority(i, j int) int {
	return cmp.Or(cmp.Compare(v.Config.Members[i].Priority, v.Config.Members[j].Priority),
		cmp.Compare(v.member(i).Durable.TS, v.member(j).Durable.TS))
}

func (v *View) byProgress(i, j int) int {
	return cmp.Or(cmp.Compare(v.member(i).Durable.TS, v.member(j).Durable.TS),
		cmp.Compare(v.Config.Members[i].Priority, v.Config.Members[j].Priority))
}

// caughtUp reports whether the member has on disk what this one has applied.
func (v *View) caughtUp(i int) bool { return v.member(i).Durable.TS >= v.Applied.TS }

// lag returns how much older the member's last entry on disk is than this one's last.
func (v *View) lag(i int) time.Duration {
	if v.caughtUp(i) {
		return 0
	}
	return v.Applied.Wall.Sub(v.member(i).Durable.Wall)
}

// Reachable returns how many voting members are up, this one included, and whether they are a majority.
func (v *View) Reachable() (voters int, majority bool) {
	if !v.Initiated() {
		return 0, false
	}
	for i := range v.Config.Members {
		if v.Config.Members[i].Voting() && v.member(i).Up {
			voters++
		}
	}
	return voters, voters >= v.Config.Majority()
}
