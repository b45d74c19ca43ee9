package specification

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// The client's log has the names of events as messages, and attributes named as the rest of the client's. The tables below say which of the
// specification's are meant.

// logged has the component and the message that the specification has for a message of the client's. ServerDescriptionChanged has none there.
var logged = map[string][2]string{
	"CommandStarted":   {"command", "Command started"},
	"CommandSucceeded": {"command", "Command succeeded"},
	"CommandFailed":    {"command", "Command failed"},

	"ConnectionPoolCreated":     {"connection", "Connection pool created"},
	"ConnectionPoolReady":       {"connection", "Connection pool ready"},
	"ConnectionPoolCleared":     {"connection", "Connection pool cleared"},
	"ConnectionPoolClosed":      {"connection", "Connection pool closed"},
	"ConnectionCreated":         {"connection", "Connection created"},
	"ConnectionReady":           {"connection", "Connection ready"},
	"ConnectionClosed":          {"connection", "Connection closed"},
	"ConnectionCheckOutStarted": {"connection", "Connection checkout started"},
	"ConnectionCheckOutFailed":  {"connection", "Connection checkout failed"},
	"ConnectionCheckedOut":      {"connection", "Connection checked out"},
	"ConnectionCheckedIn":       {"connection", "Connection checked in"},

	"ServerSelectionStarted":   {"serverSelection", "Server selection started"},
	"ServerSelectionSucceeded": {"serverSelection", "Server selection succeeded"},
	"ServerSelectionFailed":    {"serverSelection", "Server selection failed"},
	"ServerSelectionWaiting":   {"serverSelection", "Waiting for suitable server to become available"},

	"TopologyOpening":            {"topology", "Starting topology monitoring"},
	"TopologyClosed":             {"topology", "Stopped topology monitoring"},
	"TopologyDescriptionChanged": {"topology", "Topology description changed"},
	"ServerOpening":              {"topology", "Starting server monitoring"},
	"ServerClosed":               {"topology", "Stopped server monitoring"},
	"ServerHeartbeatStarted":     {"topology", "Server heartbeat started"},
	"ServerHeartbeatSucceeded":   {"topology", "Server heartbeat succeeded"},
	"ServerHeartbeatFailed":      {"topology", "Server heartbeat failed"},
}

// attribute has what the specification calls an attribute. An address is host and port, and what took time has durationMS.
var attribute = map[string]string{
	"command": "commandName", "database": "databaseName", "requestId": "requestId", "connectionId": "driverConnectionId",
	"serverConnectionId": "serverConnectionId", "reason": "reason", "was": "previousDescription", "is": "newDescription", "awaited": "awaited",
	"minPoolSize": "minPoolSize", "maxPoolSize": "maxPoolSize",
	"operation": "operation", "selector": "selector", "topology": "topologyDescription",
}

// reasons has the words that the specification has for the client's reasons, which are those of events.
var reasons = map[string]string{
	"poolClosed":      "Connection pool was closed",
	"stale":           "Connection became stale because the pool was cleared",
	"idle":            "Connection has been available but unused for longer than the configured max idle time",
	"error":           "An error occurred while using the connection",
	"timeout":         "Wait queue timeout elapsed without a connection becoming available",
	"connectionError": "An error occurred while trying to establish a new connection",
}

// unlogged are the attributes that the client's log leaves out on purpose, and why. No test is failed for the lack of one.
var unlogged = map[string]string{
	"command":            "what is in commands belongs to the program; Config.Monitor.Command has it",
	"reply":              "as command, also of heartbeats: Config.Monitor.Topology has them",
	"operationId":        "requestId tells commands apart, and the context that the handler gets, whose operation it is",
	"topologyId":         "a client has one topology; a program with several clients gives each a logger of its own",
	"maxConnecting":      "the program's own Config says it, as the next two",
	"waitQueueTimeoutMS": "",
	"maxIdleTimeMS":      "it is a duration there, maxIdleTime",

	"topology.driverConnectionId": "the connections of heartbeats are in no pool, which would number them",
	"topology.serverConnectionId": "as driverConnectionId",
}

// logKeeper is a slog.Handler that keeps what the client logs, in the specification's words.
type logKeeper struct {
	levels map[string]slog.Level // by component

	mu   sync.Mutex
	kept []logEntry
}

type logEntry struct {
	component string
	level     slog.Level
	data      bson.D
	failure   error
}

func newLogKeeper(spec bson.D) (*logKeeper, error) {
	k := &logKeeper{levels: map[string]slog.Level{}}
	for _, e := range spec {
		level := slog.LevelDebug
		if err := level.UnmarshalText([]byte(e.Value.(string))); err != nil {
			return nil, broken(fmt.Sprint("the level: ", err))
		}
		k.levels[e.Key] = level
	}
	return k, nil
}

func (k *logKeeper) Enabled(context.Context, slog.Level) bool { return true }
func (k *logKeeper) WithAttrs([]slog.Attr) slog.Handler {
	panic("the client adds no attributes to its logger")
}
func (k *logKeeper) WithGroup(string) slog.Handler { panic("the client has no groups") }

func (k *logKeeper) Handle(_ context.Context, r slog.Record) error {
	name, known := logged[r.Message]
	if least, observed := k.levels[name[0]]; !known || !observed || r.Level < least {
		return nil
	}
	e := logEntry{component: name[0], level: r.Level, data: bson.D{{Key: "message", Value: name[1]}}}
	r.Attrs(func(a slog.Attr) bool {
		e.add(a.Key, a.Value.Any())
		return true
	})
	k.mu.Lock()
	k.kept = append(k.kept, e)
	k.mu.Unlock()
	return nil
}

func (e *logEntry) add(key string, value any) {
	put := func(key string, value any) { e.data = append(e.data, bson.E{Key: key, Value: value}) }
	switch key {
	case "address":
		host, port, _ := net.SplitHostPort(value.(string))
		n, _ := strconv.ParseInt(port, 10, 64)
		put("serverHost", host)
		put("serverPort", n)
	case "took":
		put("durationMS", value.(time.Duration).Milliseconds())
	case "remaining":
		put("remainingTimeMS", value.(time.Duration).Milliseconds())
	case "error":
		e.failure = value.(error)
		put(map[bool]string{true: "error", false: "failure"}[e.component == "connection"], e.failure.Error())
	case "reason":
		put(key, cmp.Or(reasons[value.(string)], value.(string)))
	default:
		if name, known := attribute[key]; known {
			put(name, value)
		}
	}
}

// entries returns what was kept but for what the test ignores.
func (r *run) entries(k *logKeeper, ignored bson.A) (list []logEntry) {
	k.mu.Lock()
	defer k.mu.Unlock()
next:
	for _, e := range k.kept {
		for _, i := range ignored {
			if r.matchEntry(e, i.(bson.D)) == nil {
				continue next
			}
		}
		list = append(list, e)
	}
	return list
}

// matchLog compares what clients logged with what is expected.
func (r *run) matchLog(expected []bson.D) error {
	for _, x := range expected {
		k := r.entities[textAt(x, "client")].(*clientEntity).log
		want := arrayAt(x, "messages")
		err := eventually(func() error {
			got := r.entries(k, arrayAt(x, "ignoreMessages"))
			if len(got) < len(want) || len(got) > len(want) && !flagAt(x, "ignoreExtraMessages") {
				return fmt.Errorf("%d messages, expected %d: %v", len(got), len(want), got)
			}
			for i, w := range want {
				if err := r.matchEntry(got[i], w.(bson.D)); err != nil {
					return fmt.Errorf("message %d: %w in %v", i, err, got[i].data)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) matchEntry(got logEntry, want bson.D) error {
	if c := textAt(want, "component"); got.component != c {
		return fmt.Errorf("expected one of %s, got %s", c, got.component)
	}
	if l := textAt(want, "level"); !strings.EqualFold(got.level.String(), l) {
		return fmt.Errorf("expected the level %s, got %s", l, got.level)
	}
	if v, has := field(want, "failureIsRedacted"); has {
		var answer *morton.CommandError
		redacted := errors.As(got.failure, &answer) && answer.Message == "" && answer.Raw == nil
		if got.failure == nil || redacted != v.(bool) {
			return fmt.Errorf("is the failure redacted? %v", got.failure)
		}
	}
	var data bson.D
	for _, e := range documentAt(want, "data") {
		_, left := unlogged[e.Key]
		_, leftThere := unlogged[got.component+"."+e.Key]
		if !left && !leftThere {
			data = append(data, e)
		}
	}
	return r.match(got.data, data, true)
}
