package command

import (
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/replset"
)

// awaitingHello is the hello of a client that knows a topology and waits for the next.
func awaitingHello(known replset.TopologyVersion) document.Doc {
	var b document.Builder
	b.AppendInt32("hello", 1)
	known.Append(&b)
	b.AppendInt64("maxAwaitTimeMS", 60_000)
	return b.Finish()
}

// TestHelloAnswersTheMomentTheTopologyChanges shows the awaitable hello: it waits, and a change ends the wait.
func TestHelloAnswersTheMomentTheTopologyChanges(t *testing.T) {
	m := newTestMember(t, 3)
	c := m.client()
	reply := make(chan document.Doc)
	go func() { reply <- c.runDoc("admin", awaitingHello(m.View().Topology)) }()
	for m.d.metrics.awaiting.Load() == 0 {
		time.Sleep(time.Millisecond)
	}
	select {
	case d := <-reply:
		t.Fatalf("answered before anything changed: %s", d)
	case <-time.After(20 * time.Millisecond):
	}
	m.become(func(v *replset.View) { v.State, v.Writable, v.Primary = replset.Secondary, false, 1 })
	d := <-reply
	if d.Lookup("isWritablePrimary").Bool() || d.LookupPath("topologyVersion.counter").Int64() != 4 || d.Lookup("primary").Str() != "host:27018" {
		t.Errorf("%s", d)
	}
	if m.d.metrics.awaiting.Load() != 0 {
		t.Error("the hello is still counted as waiting")
	}
}

// TestHelloDoesNotWaitWithoutNeed shows when an awaitable hello answers at once: to a client that knows an older topology, or
// that of another process.
func TestHelloDoesNotWaitWithoutNeed(t *testing.T) {
	m := newTestMember(t, 3)
	c := m.client()
	for _, known := range []replset.TopologyVersion{{ProcessID: testProcess, Counter: 2}, {ProcessID: document.ObjectID{9}, Counter: 3}} {
		if d := c.runDoc("admin", awaitingHello(known)); d.LookupPath("topologyVersion.counter").Int64() != 3 {
			t.Errorf("%+v: %s", known, d)
		}
	}
	wantFailure(t, "from the future", c.runDoc("admin", awaitingHello(replset.TopologyVersion{ProcessID: testProcess, Counter: 4})), 31382,
		"Received a topology version with counter: 4 which is greater than the server topology version counter: 3")
}

// TestExhaustHello shows that each reply of an exhaust stream says how to go on: with the topology that it told.
func TestExhaustHello(t *testing.T) {
	m := newTestMember(t, 3)
	c := m.client()
	known := m.View().Topology
	known.Counter--
	req := &Request{Conn: c.c, DB: "admin", Body: awaitingHello(known), ExhaustAllowed: true}
	r := m.d.Run(t.Context(), req)
	if !r.Exhaust || r.Next == nil || r.Next.Body.LookupPath("topologyVersion.counter").Int64() != 3 || r.Next.Body.Lookup("maxAwaitTimeMS").Int64() != 60_000 || !r.Next.ExhaustAllowed {
		t.Fatalf("%+v", r)
	}
	go func() {
		for m.d.metrics.awaiting.Load() == 0 {
			time.Sleep(time.Millisecond)
		}
		m.become(func(v *replset.View) { v.Primary = -1 })
	}()
	r = m.d.Run(t.Context(), r.Next)
	if !r.Exhaust || r.Next.Body.LookupPath("topologyVersion.counter").Int64() != 4 {
		t.Errorf("%+v", r)
	}
	if r := m.d.Run(t.Context(), &Request{Conn: c.c, DB: "admin", Body: awaitingHello(known)}); r.Exhaust {
		t.Error("an exhaust stream that nobody asked for")
	}
}

// TestQuiescedMemberSaysSo shows that a member that is about to stop says so to everybody who asks, also to those who connect and those who begin to wait for news.
func TestQuiescedMemberSaysSo(t *testing.T) {
	m := newTestMember(t, 1)
	c := m.client()
	const greeting = `{"hello": 1, "client": {"driver": {"name": "x", "version": "1"}, "os": {"type": "q"}}}`
	c.must("admin", greeting)
	until := time.Now().Add(time.Minute)
	m.d.quiescing.Store(&until)
	for name, reply := range map[string]document.Doc{
		"hello":                             c.run("admin", `{"hello": 1}`),
		"a hello that waits for news":       c.runDoc("admin", awaitingHello(m.View().Topology)),
		"the hello that makes a connection": m.client().run("admin", greeting),
	} {
		wantFailure(t, name, reply, mongoerr.ShutdownInProgress, "The server is in quiesce mode and will shut down")
	}
}

// TestClientMetadata shows that the client document is looked at once, in mongod's order and words.
func TestClientMetadata(t *testing.T) {
	m := newTestMember(t, 1)
	const driver, os = `"driver": {"name": "x", "version": "1"}`, `"os": {"type": "q"}`
	for _, c := range []struct {
		client string
		code   mongoerr.Code
		text   string
	}{
		{`{` + driver + `, ` + os + `, "application": {"name": "app"}, "more": 1}`, 0, ""},
		{`5`, 14, "The client metadata document must be a document"},
		{`{}`, 183, "Missing required sub-document 'driver' in the client metadata document"},
		{`{"driver": 5, ` + os + `}`, 14, "The 'driver' field is required to be a BSON document in the client metadata document"},
		{`{"driver": {}}`, 183, "Missing required field 'driver.name' in the client metadata document"},
		{`{"driver": {"name": "x", "version": 5}, ` + os + `}`, 14, "The 'driver.version' field must be a string in the client metadata document"},
		{`{` + driver + `, "os": {}}`, 183, "Missing required field 'os.type' in the client metadata document"},
		{`{` + driver + `, ` + os + `, "application": 5}`, 14, "The 'application' field is required to be a BSON document in the client metadata document"},
		{`{` + driver + `, ` + os + `, "application": {"name": 5}}`, 14, "The 'application.name' field must be a string in the client metadata document"},
	} {
		wantFailure(t, c.client, m.client().run("admin", `{"hello": 1, "client": `+c.client+`}`), c.code, c.text)
	}
	c := m.client()
	c.must("admin", `{"hello": 1, "client": {`+driver+`, `+os+`, "application": {"name": "app"}}}`)
	if c.c.AppName() != "app" {
		t.Errorf("application %q", c.c.AppName())
	}
	wantFailure(t, "the second time", c.run("admin", `{"hello": 1, "client": {`+driver+`, `+os+`}}`), mongoerr.ClientMetadataCannotBeMutated, "only be sent in the first hello")
}

// TestCompressionIsAgreedOn shows that the reply has the client's compressors that the server has, too, in the client's order.
func TestCompressionIsAgreedOn(t *testing.T) {
	c := newTestMember(t, 1).client()
	d := c.must("admin", `{"isMaster": 1, "compression": ["zstd", "zlib", "snappy", "zlib"]}`)
	if list := d.Lookup("compression").Shell(); list != `[ "zlib", "snappy" ]` || len(c.c.Compressors()) != 2 {
		t.Errorf("%s, %v", list, c.c.Compressors())
	}
	if d := c.must("admin", `{"isMaster": 1, "compression": ["zstd"]}`); !d.Lookup("compression").IsMissing() || c.c.Compressors() != nil {
		t.Errorf("%s", d)
	}
}

// TestLegacyClients shows who counts as a client of the old opcodes: who has used one and never sent a client document.
func TestLegacyClients(t *testing.T) {
	m := newTestMember(t, 1)
	old := m.client()
	old.legacy = true
	d := old.must("admin", `{"ismaster": 1}`)
	if !old.c.Legacy() || !d.Lookup("lastWrite").IsMissing() || !d.Lookup("$clusterTime").IsMissing() || !d.Lookup("ismaster").Bool() {
		t.Errorf("%s", d)
	}
	modern := m.client()
	modern.legacy = true // drivers of today say hello by OP_QUERY, too
	d = modern.must("admin", `{"ismaster": 1, "helloOk": true, "client": {"driver": {"name": "x", "version": "1"}, "os": {"type": "q"}}}`)
	if modern.c.Legacy() || d.Lookup("lastWrite").IsMissing() || !d.Lookup("helloOk").Bool() {
		t.Errorf("%s", d)
	}
	if m.client().c.Legacy() {
		t.Error("a client that has sent nothing")
	}
}
