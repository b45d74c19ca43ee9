package console

import (
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// line is a line of the log as pages show it.
type line struct {
	Time      string
	Severity  string
	Component string
	Message   string
	Attrs     string
	Repeated  int // how many like it follow
}

// Class is the colour of the line.
func (l line) Class() string {
	switch l.Severity {
	case "F", "E", "W":
		return "warn"
	}
	return ""
}

// logEntry is what is read of a line.
type logEntry struct {
	T struct {
		Date time.Time `json:"$date"`
	} `json:"t"`
	S    string          `json:"s"`
	C    string          `json:"c"`
	Msg  string          `json:"msg"`
	Attr json.RawMessage `json:"attr"`
}

// replicationOnly keeps what the page about the set shows.
func replicationOnly(e *logEntry) bool {
	return slices.Contains([]string{"REPL", "ELECTION", "INITSYNC"}, e.C)
}

// log returns the newest lines, at most n, oldest first. Repeated ones are folded.
func (c *console) log(name string, n int, keep func(*logEntry) bool) []line {
	texts, _ := c.Log(name)
	var list []line
	for _, text := range slices.Backward(texts) {
		var e logEntry
		if err := json.Unmarshal([]byte(text), &e); err != nil || keep != nil && !keep(&e) {
			continue
		}
		l := line{Time: e.T.Date.Format("2006-01-02 15:04:05.000"), Severity: e.S, Component: e.C, Message: strings.TrimSpace(e.Msg), Attrs: string(e.Attr)}
		if last := len(list) - 1; last >= 0 && list[last].same(l) {
			list[last].Repeated++
			continue
		}
		if len(list) == n {
			break
		}
		list = append(list, l)
	}
	slices.Reverse(list)
	return list
}

func (l line) same(o line) bool {
	return l.Severity == o.Severity && l.Component == o.Component && l.Message == o.Message && l.Attrs == o.Attrs
}
