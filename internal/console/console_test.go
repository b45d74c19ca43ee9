package console

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/replset"
)

var now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

type fixed struct{ view *replset.View }

func (f fixed) View() *replset.View { return f.view }

func point(secs, inc uint64, age time.Duration) replset.Point {
	return replset.Point{OpTime: replset.OpTime{TS: secs<<32 | inc, Term: 3}, Wall: now.Add(-age)}
}

// set is a set of three as its first member sees it: itself primary, one secondary that is 150 ms behind, one down. The members are not in the
// order of their ids.
func set() *replset.View {
	started := now.Add(-10 * time.Minute)
	return &replset.View{
		SetName: "foo", State: replset.Primary, Writable: true, Term: 3, Started: started, Applied: point(1767323000, 7, time.Second),
		Config: &replset.Config{Name: "foo", Members: []replset.Member{
			{ID: 2, Host: "localhost:27019", Priority: 1, Votes: 1}, {ID: 0, Host: "localhost:27017", Priority: 1, Votes: 1}, {ID: 1, Host: "[::1]:27018", Priority: 0.5, Votes: 1}}},
		Members: []replset.MemberStatus{{}, {State: replset.Secondary, Up: true, UpSince: now.Add(-90 * time.Second), LastHeartbeat: now.Add(-2 * time.Second), Ping: 300 * time.Microsecond, Applied: point(1767323000, 5, 1150*time.Millisecond)},
			{State: replset.Down, Message: "connection <refused>"}},
	}
}

func logLines(string) ([]string, int) {
	return []string{
		`{"t":{"$date":"2026-01-02T03:04:04.678+00:00"},"s":"I",  "c":"NETWORK",  "id":23016,   "ctx":"listener","msg":"Waiting for connections","attr":{"port":27019}}`,
		`{"t":{"$date":"2026-01-02T03:04:04.700+00:00"},"s":"I",  "c":"REPL",     "id":21331,   "ctx":"-","msg":"transition to primary complete; database writes are now permitted","attr":{"term":3}}`,
		`{"t":{"$date":"2026-01-02T03:04:04.800+00:00"},"s":"W",  "c":"REPL",     "id":0,       "ctx":"-","msg":"<script>","attr":{"x":"<b>"}}`,
		`{"t":{"$date":"2026-01-02T03:04:04.900+00:00"},"s":"W",  "c":"REPL",     "id":0,       "ctx":"-","msg":"<script>","attr":{"x":"<b>"}}`,
		`not JSON`,
	}, 5
}

func get(t *testing.T, v *replset.View, path string) (code int, body string) {
	t.Helper()
	h := New(Options{Member: fixed{v}, Version: "0.1", MongoVersion: "6.0.5", Port: 27019, DBPath: "/data/<db>", Log: logLines, Now: func() time.Time { return now }})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	if policy := w.Header().Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'") {
		t.Errorf("%s: policy %q", path, policy)
	}
	return w.Code, w.Body.String()
}

var tags = regexp.MustCompile(`<[^>]*>`)

// cells returns the rows of a page's tables as text, cells divided by |.
func cells(body string) []string {
	var rows []string
	for _, row := range regexp.MustCompile(`(?s)<tr>(.*?)</tr>`).FindAllStringSubmatch(body, -1) {
		text := regexp.MustCompile(`</t[hd]><t[hd]`).ReplaceAllString(row[1], "</td>|<td")
		rows = append(rows, strings.Join(strings.Fields(tags.ReplaceAllString(text, "")), " "))
	}
	return rows
}

func wants(t *testing.T, body string, list ...string) {
	t.Helper()
	rows := strings.Join(cells(body), "\n")
	for _, want := range list {
		if !strings.Contains(rows, want) && !strings.Contains(body, want) {
			t.Errorf("%q is not in\n%s\n%s", want, rows, body)
		}
	}
}

func TestReplSetPage(t *testing.T) {
	code, body := get(t, set(), "/_replSet")
	if code != http.StatusOK {
		t.Error(code)
	}
	wants(t, body, "<title>Replica Set Status localhost:27019</title>", "Set name|foo", "Majority up|yes 2 of 3 voting members up, 2 needed", "Term|3",
		"Member|id|Up|cctime|Last heartbeat|Votes|Priority|State|Status|optime|Term|Lag|Ping",
		"localhost:27017|0|1|90 secs|2 secs ago|1|1|SECONDARY||2026-01-02 03:03:20|3|150 ms|300µs\n"+
			"[::1]:27018|1|0||never|1|0.5|DOWN|connection &lt;refused&gt;||||\n"+
			"localhost:27019 (me)|2|1|10 mins||1|1|PRIMARY||2026-01-02 03:03:20|3|0|",
		`<a href="http://localhost:28017/_replSet">localhost:27017</a>`, `<a href="http://[::1]:28018/_replSet">`, `<td class="down" title="does not answer">DOWN`, `title="Timestamp(1767323000, 5)"`,
		`<span class="warn">`, "&lt;script&gt;", "(and 1 more like it)")
	if strings.Contains(body, "Waiting for connections") || strings.Contains(body, "<script") || strings.Contains(body, "ZgotmplZ") {
		t.Error(body)
	}
}

func TestReplSetPageWithoutMajority(t *testing.T) {
	v := set()
	v.State, v.Writable, v.Primary = replset.Secondary, false, -1
	v.Members[1] = replset.MemberStatus{State: replset.Down}
	_, body := get(t, v, "/_replSet")
	wants(t, body, "Majority up|no no majority: 1 of 3 voting members up, 2 needed")
	_, body = get(t, v, "/")
	wants(t, body, "This member|SECONDARY", "Primary|none")
}

func TestReplSetPageWithoutSet(t *testing.T) {
	_, body := get(t, &replset.View{Self: -1, Primary: -1}, "/_replSet")
	wants(t, body, "Not using --replSet")
	_, body = get(t, &replset.View{SetName: "foo", Self: -1, Primary: -1}, "/_replSet")
	wants(t, body, "Still starting up, or else set is not yet initiated")
}

func TestOverview(t *testing.T) {
	_, body := get(t, set(), "/")
	wants(t, body, "<title>Morton localhost:27019</title>", "Set|foo", "This member|PRIMARY", "Primary|localhost:27019 (me)", "Members|localhost:27019 (me) localhost:27017 [::1]:27018",
		"mongodb://localhost:27019,localhost:27017,[::1]:27018/?replicaSet=foo", "/data/&lt;db&gt;", "Uptime|10 mins since 2026-01-02 02:54:05 UTC", "Waiting for connections")
	_, body = get(t, &replset.View{Self: -1, Primary: -1, Started: now}, "/")
	wants(t, body, "This member|standalone", "mongodb://localhost:27019/")
}

func TestProbes(t *testing.T) {
	primary, catching, secondary, starting := set(), set(), set(), set()
	catching.Writable = false
	secondary.State, secondary.Writable = replset.Secondary, false
	starting.State, starting.Writable = replset.Startup2, false
	removed := set()
	removed.Self, removed.State = -1, replset.Removed
	for _, c := range []struct {
		name           string
		view           *replset.View
		ready, primary int
		text           string
	}{
		{"standalone", &replset.View{Self: -1, Primary: -1}, 200, 200, "standalone"},
		{"new", &replset.View{SetName: "foo", Self: -1, Primary: -1}, 503, 503, "waiting to be initiated"},
		{"primary", primary, 200, 200, "PRIMARY"},
		{"not yet writable", catching, 200, 503, "PRIMARY, catching up"},
		{"secondary", secondary, 200, 503, "SECONDARY"},
		{"initial sync", starting, 503, 503, "STARTUP2"},
		{"removed", removed, 503, 503, "not a member of the configuration"},
	} {
		for path, want := range map[string]int{"/healthz": 200, "/readyz": c.ready, "/primaryz": c.primary} {
			code, body := get(t, c.view, path)
			if code != want || path != "/healthz" && body != c.text+"\n" {
				t.Errorf("%s: %s answers %d %q, want %d %q", c.name, path, code, body, want, c.text)
			}
		}
	}
}

// TestProfiles shows that go tool pprof finds the profiles.
func TestProfiles(t *testing.T) {
	for path, want := range map[string]string{"/debug/pprof/": "profile", "/debug/pprof/goroutine?debug=1": "goroutine profile: total", "/debug/pprof/profile?seconds=1": "\x1f\x8b"} {
		if code, body := get(t, set(), path); code != http.StatusOK || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.100q", path, code, body)
		}
	}
}

func TestNothingElse(t *testing.T) {
	if code, _ := get(t, set(), "/admin/$cmd"); code != http.StatusNotFound {
		t.Error(code)
	}
	h := New(Options{Member: fixed{set()}})
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Error(w.Code)
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{-time.Second: "0 secs", 179 * time.Second: "179 secs", 5 * time.Minute: "5 mins", 150 * time.Minute: "150 mins", 5 * time.Hour: "5 hrs", 100 * time.Hour: "4 days"} {
		if got := duration(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
}
