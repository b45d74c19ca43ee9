package specification

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// testFile is a file of the format.
type testFile struct {
	Description       string   `bson:"description"`
	SchemaVersion     string   `bson:"schemaVersion"`
	RunOnRequirements []bson.D `bson:"runOnRequirements"`
	CreateEntities    []bson.D `bson:"createEntities"`
	InitialData       []bson.D `bson:"initialData"`
	Tests             []test   `bson:"tests"`
}

type test struct {
	Description       string   `bson:"description"`
	RunOnRequirements []bson.D `bson:"runOnRequirements"`
	SkipReason        string   `bson:"skipReason"`
	Operations        []bson.D `bson:"operations"`
	ExpectEvents      []bson.D `bson:"expectEvents"`
	ExpectLogMessages []bson.D `bson:"expectLogMessages"`
	Outcome           []bson.D `bson:"outcome"`
}

// skip is why a test is not run.
type skip string

func (s skip) Error() string { return string(s) }

// broken is what is wrong with a test itself, or what it asks for and the runner does not know. No expectation of an error covers it.
type broken string

func (b broken) Error() string {
	return "the test is broken, or the runner lacks something: " + string(b)
}

// server is what tests run against.
type server struct {
	uri      string
	client   *morton.Client
	version  string
	topology string
	auth     bool
}

func openServer(ctx context.Context, uri string) (*server, error) {
	c, err := morton.Connect(ctx, uri)
	if err != nil {
		return nil, err
	}
	info, err := c.Database("admin").Run(ctx, bson.D{{Key: "buildInfo", Value: 1}})
	if err != nil {
		return nil, err
	}
	s := &server{uri: uri, client: c, version: info.Lookup("version").StringValue(), topology: "single"}
	if u, err := url.Parse(uri); err == nil {
		s.auth = u.User != nil
	}
	if c.Members()[0].SetName != "" {
		s.topology = "replicaset"
	}
	return s, nil
}

// run is one test that runs.
type run struct {
	server   *server
	entities map[string]any
	lsids    map[string]any
	clients  []*clientEntity
	sessions []*morton.Session
	points   []failPoint
	ctx      context.Context
}

type failPoint struct {
	client *morton.Client
	name   string
}

// clientEntity is a client and the events that it was asked to keep.
type clientEntity struct {
	*morton.Client
	id      string
	observe map[string]bool
	ignore  map[string]bool
	secret  bool
	log     *logKeeper // nil: the test does not observe it

	mu     sync.Mutex
	events []any
	stores []eventStore
	out    int // connections checked out
}

// runTest runs one test and returns a skip if it is not for this client or server.
func runTest(ctx context.Context, s *server, f *testFile, t *test) (err error) {
	if err := supported(f.SchemaVersion); err != nil {
		return err
	}
	if t.SkipReason != "" && !strings.HasPrefix(t.SkipReason, "GODRIVER-") { // those are the official driver's own
		return skip(t.SkipReason)
	}
	for _, reqs := range [][]bson.D{f.RunOnRequirements, t.RunOnRequirements} {
		if err := s.meets(reqs); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(time.Minute, cancel).Stop() // no deadline: the client would tell the server of it
	r := &run{server: s, entities: map[string]any{}, lsids: map[string]any{}, ctx: ctx}
	defer r.close()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	_, _ = s.client.Database("admin").Run(ctx, bson.D{{Key: "killAllSessions", Value: bson.A{}}})
	if err := r.loadData(f.InitialData); err != nil {
		return err
	}
	for _, e := range f.CreateEntities {
		if err := r.createEntity(e); err != nil {
			return err
		}
	}
	for i, op := range t.Operations {
		if err := r.operation(ctx, op); err != nil {
			var s skip
			if errors.As(err, &s) {
				return s
			}
			return fmt.Errorf("operation %d (%s): %w", i, textAt(op, "name"), err)
		}
	}
	r.disarm()
	if err := r.matchEvents(t.ExpectEvents); err != nil {
		return fmt.Errorf("events: %w", err)
	}
	if err := r.matchLog(t.ExpectLogMessages); err != nil {
		return fmt.Errorf("log: %w", err)
	}
	return r.checkOutcome(t.Outcome)
}

// newest is the last minor version of the format's version 1 that is known here.
const newest = 21

func supported(version string) error {
	var major, minor int
	if _, err := fmt.Sscanf(version, "%d.%d", &major, &minor); err != nil || major != 1 || minor > newest {
		return fmt.Errorf("the format's version %s is not known", version)
	}
	return nil
}

// settle waits until the server is through with inserts whose connection the fail point closed: it tries the documents once more, each alone, and
// would insert them as soon as the fail point is off.
func (r *run) settle(p failPoint) {
	if p.name != "onPrimaryTransactionalWrite" {
		return
	}
	_ = eventually(func() error {
		reply, err := p.client.Database("admin").Run(context.WithoutCancel(r.ctx), bson.D{{Key: "currentOp", Value: 1}, {Key: "op", Value: "insert"}})
		if err != nil {
			return err
		}
		if ops, err := reply.Lookup("inprog").Array().Values(); err != nil || len(ops) > 0 {
			return fmt.Errorf("inserts run: %v %v", ops, err)
		}
		return nil
	})
}

func (r *run) disarm() {
	for _, p := range r.points {
		r.settle(p)
		_, _ = p.client.Database("admin").Run(context.WithoutCancel(r.ctx), bson.D{{Key: "configureFailPoint", Value: p.name}, {Key: "mode", Value: "off"}})
	}
	r.points = nil
}

func (r *run) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	r.disarm()
	for _, e := range r.entities {
		if c, ok := e.(interface{ Close() error }); ok {
			_ = c.Close()
		}
	}
	for _, s := range r.sessions {
		s.Close(ctx)
	}
	for _, c := range r.clients {
		_ = c.Close(ctx)
	}
}

// meets returns a skip unless the server is one that a test is for.
func (s *server) meets(requirements []bson.D) error {
	if len(requirements) == 0 {
		return nil
	}
	var reasons []string
	for _, q := range requirements {
		reason := s.lacks(q)
		if reason == "" {
			return nil
		}
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	slices.Sort(reasons)
	return skip(strings.Join(reasons, "; or "))
}

func (s *server) lacks(q bson.D) string {
	for _, e := range q {
		switch e.Key {
		case "minServerVersion":
			if older(s.version, e.Value.(string)) {
				return "for servers from " + e.Value.(string) + " on"
			}
		case "maxServerVersion":
			if older(e.Value.(string), s.version) {
				return "for servers up to " + e.Value.(string)
			}
		case "topologies":
			if !contains(e.Value.(bson.A), s.topology) {
				return fmt.Sprint("for topologies ", e.Value)
			}
		case "auth":
			if e.Value.(bool) != s.auth {
				return map[bool]string{true: "for servers with authentication", false: "for servers without authentication"}[e.Value.(bool)]
			}
		case "serverParameters":
			for _, p := range e.Value.(bson.D) {
				reply, err := s.client.Database("admin").Run(context.Background(), bson.D{{Key: "getParameter", Value: 1}, {Key: p.Key, Value: 1}})
				if err != nil {
					return "for servers with the parameter " + p.Key
				}
				var d bson.D
				_ = bson.Unmarshal(reply, &d)
				v, _ := field(d, p.Key)
				if !equal(v, p.Value) {
					return fmt.Sprint("for servers with ", p.Key, " ", p.Value)
				}
			}
		case "csfle":
			if e.Value.(bool) {
				return "client-side encryption"
			}
		case "serverless":
			if e.Value == "require" {
				return "for serverless"
			}
		default:
			return "requirement " + e.Key
		}
	}
	return ""
}

func contains(a bson.A, v any) bool {
	for _, e := range a {
		if equal(e, v) {
			return true
		}
	}
	return false
}

// older reports whether version a comes before b, as far as b goes.
func older(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		var x, y int
		fmt.Sscan(as[i], &x)
		fmt.Sscan(bs[i], &y)
		if x != y {
			return x < y
		}
	}
	return false
}

// loadData makes the collections what the test begins with.
func (r *run) loadData(data []bson.D) error {
	majority := morton.Settings{WriteConcern: &morton.WriteConcern{W: "majority"}}
	for _, d := range data {
		db := r.server.client.Database(textAt(d, "databaseName")).With(majority)
		name := textAt(d, "collectionName")
		c := morton.CollectionOf[bson.D](db, name)
		if err := c.Drop(r.ctx); err != nil {
			return err
		}
		var docs []bson.D
		for _, v := range arrayAt(d, "documents") {
			docs = append(docs, v.(bson.D))
		}
		var err error
		if len(docs) > 0 && documentAt(d, "createOptions") == nil {
			_, err = c.InsertMany(r.ctx, docs)
		} else {
			var options any
			if o := documentAt(d, "createOptions"); o != nil {
				options = o
			}
			if err = db.Create(r.ctx, name, options); err == nil && len(docs) > 0 {
				_, err = c.InsertMany(r.ctx, docs)
			}
		}
		if err != nil {
			return fmt.Errorf("initial data: %w", err)
		}
	}
	return nil
}

func (r *run) checkOutcome(outcome []bson.D) error {
	local := morton.Settings{ReadConcern: "local", ReadPreference: &morton.ReadPreference{Mode: "primary"}}
	for _, d := range outcome {
		c := morton.CollectionOf[bson.D](r.server.client.Database(textAt(d, "databaseName")).With(local), textAt(d, "collectionName"))
		docs, err := c.Find(r.ctx, nil, morton.FindOptions{Sort: bson.D{{Key: "_id", Value: 1}}}).Slice()
		if err != nil {
			return err
		}
		got := bson.A{}
		for _, doc := range docs {
			got = append(got, doc)
		}
		if err := r.match(got, arrayAt(d, "documents"), false); err != nil {
			return fmt.Errorf("outcome: %w", err)
		}
	}
	return nil
}
