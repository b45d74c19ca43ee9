package console

import (
	"net/http"
	"runtime"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/replset"
)

// overview is the page at /.
type overview struct {
	Title    string
	View     *replset.View
	State    string
	Class    string
	Primary  *link
	Others   []link
	URI      string
	Version  string
	Mongo    string
	Go       string
	DBPath   string
	Uptime   string
	Started  time.Time
	Warnings []line
	Log      []line
}

// link is a member and its console.
type link struct {
	Host string
	URL  string
	Self bool
}

func (c *console) overview(w http.ResponseWriter, _ *http.Request) {
	v, now := c.Member.View(), c.Now()
	p := overview{
		Title: "Morton " + c.self(v), View: v, State: describe(v), Class: stateClass(v.State, true), URI: c.uri(v),
		Version: c.Version, Mongo: c.MongoVersion, Go: runtime.Version() + " " + runtime.GOOS + "/" + runtime.GOARCH,
		DBPath: c.DBPath, Uptime: duration(now.Sub(v.Started)), Started: v.Started.UTC(),
		Warnings: c.log("startupWarnings", 20, nil), Log: c.log("global", 20, nil),
	}
	if v.Standalone() {
		p.Class = "primary"
	}
	if v.Config != nil {
		for i := range v.Config.Members {
			host := v.Config.Members[i].Host
			p.Others = append(p.Others, link{Host: host, URL: consoleURL(host) + "/_replSet", Self: i == v.Self})
		}
		if host := v.PrimaryHost(); host != "" {
			p.Primary = &link{Host: host, URL: consoleURL(host), Self: v.Primary == v.Self}
		}
	}
	c.show(w, "overview.html", p)
}

// self returns this member's host:port.
func (c *console) self(v *replset.View) string {
	if host := v.Me(); host != "" {
		return host
	}
	return replset.JoinHost("localhost", c.Port)
}

// uri returns the connection string of the set.
func (c *console) uri(v *replset.View) string {
	if v.Config == nil {
		return "mongodb://" + c.self(v) + "/"
	}
	var hosts []string
	for i := range v.Config.Members {
		hosts = append(hosts, v.Config.Members[i].Host)
	}
	return "mongodb://" + strings.Join(hosts, ",") + "/?replicaSet=" + v.Config.Name
}
