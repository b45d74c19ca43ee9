package console

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/mortondb/morton/internal/replset"
)

// replSetPage is the page at /_replSet.
type replSetPage struct {
	Title   string
	View    *replset.View
	Problem string // why there is no table
	Advice  string
	Members []memberRow
	Up      int // voting members that are
	Voting  int
	Need    int
	Now     time.Time
	Log     []line
}

// MajorityUp reports whether enough members are up to elect a primary.
func (p *replSetPage) MajorityUp() bool { return p.Up >= p.Need }

// memberRow is a member as the table shows it.
type memberRow struct {
	Host          string
	URL           string
	Self          bool
	ID            int32
	Up            bool
	Connected     string // time continuously connected; the own uptime for this member
	LastHeartbeat string
	Votes         int
	Priority      string
	State         string
	Explanation   string
	Class         string
	Status        string
	OpTime        string
	Timestamp     string
	Term          string
	Lag           string
	Ping          string
}

func (c *console) replSet(w http.ResponseWriter, _ *http.Request) {
	v, now := c.Member.View(), c.Now()
	p := &replSetPage{Title: "Replica Set Status " + c.self(v), View: v, Now: now.UTC(), Log: c.log("global", 40, replicationOnly)}
	switch {
	case v.Standalone():
		p.Problem, p.Advice = "Not using --replSet", "This member runs alone. Start it with --replSet NAME on an empty --dbpath to make it part of a set."
	case v.Config == nil:
		p.Problem, p.Advice = "Still starting up, or else set is not yet initiated", "Run rs.initiate() on one member; it brings in the others."
	default:
		p.fill(v, now)
	}
	c.show(w, "replset.html", p)
}

func (p *replSetPage) fill(v *replset.View, now time.Time) {
	p.Need, p.Voting = v.Config.Majority(), v.Config.VotingMembers()
	newest := newestApplied(v)
	for i := range v.Config.Members {
		m, s := &v.Config.Members[i], status(v, i)
		if s.Up && m.Voting() {
			p.Up++
		}
		p.Members = append(p.Members, row(m, s, i == v.Self, newest, now))
	}
	slices.SortFunc(p.Members, func(a, b memberRow) int { return int(a.ID) - int(b.ID) }) // the same order on every member
}

// status returns what is known of the member at index i, this one included.
func status(v *replset.View, i int) replset.MemberStatus {
	switch {
	case i == v.Self:
		return replset.MemberStatus{State: v.State, Up: true, UpSince: v.Started, Applied: v.Applied, Durable: v.Durable}
	case i < len(v.Members):
		return v.Members[i]
	}
	return replset.MemberStatus{State: replset.Unknown}
}

// newestApplied returns the newest entry that any member has applied.
func newestApplied(v *replset.View) replset.Point {
	newest := v.Applied
	for i := range v.Config.Members {
		if s := status(v, i); s.Up && s.Applied.TS > newest.TS {
			newest = s.Applied
		}
	}
	return newest
}

func row(m *replset.Member, s replset.MemberStatus, self bool, newest replset.Point, now time.Time) memberRow {
	r := memberRow{
		Host: m.Host, URL: consoleURL(m.Host) + "/_replSet", Self: self, ID: m.ID, Up: s.Up, Votes: m.Votes, Priority: strconv.FormatFloat(m.Priority, 'g', -1, 64),
		State: s.State.String(), Explanation: explanations[s.State], Class: stateClass(s.State, s.Up), Status: s.Message,
	}
	if s.State == replset.Down {
		r.State = "DOWN"
	}
	if s.Up && !s.UpSince.IsZero() {
		r.Connected = duration(now.Sub(s.UpSince))
	}
	switch {
	case self:
	case s.LastHeartbeat.IsZero():
		r.LastHeartbeat = "never"
	default:
		r.LastHeartbeat = ago(now.Sub(s.LastHeartbeat))
	}
	if !self && s.Up {
		r.Ping = s.Ping.Round(100 * time.Microsecond).String()
	}
	if s.Up && !s.Applied.IsZero() {
		r.OpTime = s.Applied.Time().UTC().Format("2006-01-02 15:04:05")
		r.Timestamp = fmt.Sprintf("Timestamp(%d, %d)", s.Applied.TS>>32, uint32(s.Applied.TS))
		r.Term = strconv.FormatUint(s.Applied.Term, 10)
		r.Lag = lag(s.Applied, newest)
	}
	return r
}

// lag says how far a member is behind the newest entry, by the clock of the primaries that made the entries.
func lag(p, newest replset.Point) string {
	if p.TS >= newest.TS {
		return "0"
	}
	behind := newest.Wall.Sub(p.Wall)
	if behind < time.Second {
		return fmt.Sprintf("%d ms", max(behind.Milliseconds(), 1))
	}
	return duration(behind)
}

// explanations are shown when the pointer rests on a state.
var explanations = map[replset.State]string{
	replset.Startup:    "has no configuration yet",
	replset.Primary:    "accepts writes",
	replset.Secondary:  "follows the primary, can be read",
	replset.Recovering: "takes part, cannot be read yet",
	replset.Startup2:   "copies the data of another member",
	replset.Unknown:    "never heard of",
	replset.Down:       "does not answer",
	replset.Removed:    "not in the configuration",
}

// stateClass is the colour of a state.
func stateClass(s replset.State, up bool) string {
	switch {
	case !up || s == replset.Down:
		return "down"
	case s == replset.Primary:
		return "primary"
	case s == replset.Secondary:
		return "secondary"
	}
	return "other"
}

// consoleURL returns the address of another member's console: a thousand above its port.
func consoleURL(host string) string {
	name, port, err := replset.ParseHost(host)
	if err != nil {
		return ""
	}
	return "http://" + replset.JoinHost(name, port+1000)
}

func ago(d time.Duration) string {
	s := int(max(d, 0) / time.Second)
	switch s {
	case 0:
		return "now"
	case 1:
		return "1 sec ago"
	}
	return fmt.Sprintf("%s ago", seconds(s))
}

// duration prints a length of time in one unit, as the page of 2010 did.
func duration(d time.Duration) string { return seconds(int(max(d, 0) / time.Second)) }

func seconds(n int) string {
	switch {
	case n < 180:
		return fmt.Sprintf("%d secs", n)
	case n < 3*3600:
		return fmt.Sprintf("%d mins", n/60)
	case n < 72*3600:
		return fmt.Sprintf("%d hrs", n/3600)
	}
	return fmt.Sprintf("%d days", n/86400)
}
