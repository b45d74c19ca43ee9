package command

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/replset"
)

type helloArgs struct {
	topology      *topologyArgs
	maxAwaitMS    int64
	awaits        bool
	compression   []string
	client        document.Value
	helloOK       bool
	hostInfo      string
	loadBalanced  bool
	mechanismsFor document.Value
	speculative   document.Doc
	internal      document.Doc
}

type topologyArgs struct {
	process document.ObjectID
	counter int64
}

var topologyFields = newSchema("topologyVersion",
	field[topologyArgs]{name: "processId", set: func(a *topologyArgs, v document.Value) error {
		if v.Type != document.TypeObjectID {
			return wrongType(v.Type, "objectId")
		}
		a.process = v.ObjectID()
		return nil
	}}.require(),
	long("counter", func(a *topologyArgs) *int64 { return &a.counter }).require(),
)

var helloFields = newSchema("hello",
	structure("topologyVersion", topologyFields, func(a *helloArgs) *topologyArgs {
		a.topology = new(topologyArgs)
		return a.topology
	}),
	notNegative("maxAwaitTimeMS", func(a *helloArgs) *int64 { return &a.maxAwaitMS }).then(func(a *helloArgs) error {
		a.awaits = true
		return nil
	}),
	texts("compression", func(a *helloArgs) *[]string { return &a.compression }),
	anything("client", func(a *helloArgs) *document.Value { return &a.client }),
	safeBool("helloOk", func(a *helloArgs) *bool { return &a.helloOK }),
	text("hostInfo", func(a *helloArgs) *string { return &a.hostInfo }),
	boolean("loadBalanced", func(a *helloArgs) *bool { return &a.loadBalanced }),
	field[helloArgs]{name: "saslSupportedMechs", set: func(a *helloArgs, v document.Value) error {
		if v.Type != document.TypeString && v.Type != document.TypeDocument {
			return wrongType(v.Type, "string", "object")
		}
		a.mechanismsFor = v
		return nil
	}},
	object("speculativeAuthenticate", func(a *helloArgs) *document.Doc { return &a.speculative }),
	object("internalClient", func(a *helloArgs) *document.Doc { return &a.internal }),
).loose()

// maxAwait bounds maxAwaitTimeMS, so that a connection that died silently is found in the end.
const maxAwait = 24 * time.Hour

// runHello answers hello and isMaster: who this member is and who is primary. With topologyVersion it waits until the
// answer is another one than the client has; with exhaust allowed it answers again and again.
func runHello(ctx context.Context, o *operation, a *helloArgs) error {
	if err := o.greet(a); err != nil {
		return err
	}
	if err := o.awaitTopology(ctx, a); err != nil {
		return err
	}
	if err := o.d.errQuiescing(); err != nil {
		return err
	}
	view := o.d.set.View()
	if a.helloOK {
		o.out.AppendBool("helloOk", true)
	}
	view.AppendHello(&o.out, replset.HelloRequest{
		IsMaster: o.row.name != "hello", Legacy: o.dialect() == replset.DialectLegacy, ConnectionID: o.req.Conn.ID, Now: time.Now(),
	})
	if a.compression != nil {
		o.appendCompression()
	}
	if o.req.ExhaustAllowed && a.awaits {
		o.reply.Exhaust = true
		o.reply.Next = o.nextHello(view.Topology)
	}
	return nil
}

// greets reports whether it is the hello that makes a connection, as clients send it: with their client document.
func (a *helloArgs) greets() bool { return !a.client.IsMissing() && a.client.Type != document.TypeNull }

// greet notes what the first hello says of the client.
func (o *operation) greet(a *helloArgs) error {
	c := o.req.Conn
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.greets() {
		if c.greeted {
			return mongoerr.New(mongoerr.ClientMetadataCannotBeMutated, "The client metadata document may only be sent in the first hello")
		}
		if err := checkClient(a.client); err != nil {
			return err
		}
		c.client = a.client.Doc().Clone()
	}
	c.greeted = true
	c.helloOK = c.helloOK || a.helloOK
	if a.compression != nil {
		c.compressors = nil
		for _, name := range a.compression {
			if slices.Contains(o.d.opts.Compressors, name) && !slices.Contains(c.compressors, name) {
				c.compressors = append(c.compressors, strings.Clone(name))
			}
		}
	}
	return nil
}

func (o *operation) appendCompression() {
	names := o.req.Conn.Compressors()
	if len(names) == 0 {
		return
	}
	o.out.OpenArray("compression")
	for i, name := range names {
		o.out.AppendString(document.Index(i), name)
	}
	o.out.Close()
}

// awaitTopology waits until this member's topology is not the one that the client knows.
func (o *operation) awaitTopology(ctx context.Context, a *helloArgs) error {
	switch {
	case a.topology == nil && !a.awaits:
		return nil
	case a.topology == nil:
		return mongoerr.New(31368, "A request with 'maxAwaitTimeMS' must include a 'topologyVersion'")
	case !a.awaits:
		return mongoerr.New(31368, "A request with a 'topologyVersion' must include 'maxAwaitTimeMS'")
	case a.topology.counter < 0:
		return mongoerr.New(31372, "topologyVersion must have a non-negative counter")
	}
	now := o.d.set.View().Topology
	switch {
	case a.topology.process != now.ProcessID || a.topology.counter < now.Counter:
		return nil
	case a.topology.counter > now.Counter:
		return mongoerr.New(31382, "Received a topology version with counter: %d which is greater than the server topology version counter: %d",
			a.topology.counter, now.Counter)
	}
	if o.d.quiescing.Load() != nil {
		return nil // there is no other news
	}
	begin := time.Now()
	defer func() { o.waiting += time.Since(begin) }()
	o.d.metrics.awaiting.Add(1)
	defer o.d.metrics.awaiting.Add(-1)
	t := time.NewTimer(min(time.Duration(a.maxAwaitMS)*time.Millisecond, maxAwait))
	defer t.Stop()
	select {
	case <-o.d.set.Changed(now.Counter):
	case <-t.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}

// nextHello is the request that goes on with an exhaust stream: the same, but for the topology that the client will know then.
func (o *operation) nextHello(known replset.TopologyVersion) *Request {
	var b document.Builder
	for it := o.req.Body.Iter(); it.Next(); {
		if it.Key() == "topologyVersion" {
			known.Append(&b)
			continue
		}
		b.AppendValue(it.Key(), it.Value())
	}
	next := *o.req
	next.Body = b.Finish()
	return &next
}

// maxClient is the largest client document, maxAppName the longest name of an application in it.
const (
	maxClient  = 1024
	maxAppName = 128
)

// checkClient checks the client document's form, in the order of mongod.
func checkClient(v document.Value) error {
	if v.Type != document.TypeDocument {
		return mongoerr.New(mongoerr.TypeMismatch, "The client metadata document must be a document")
	}
	d := v.Doc()
	if len(d) > maxClient {
		return mongoerr.New(mongoerr.ClientMetadataDocumentTooLarge, "The client metadata document must be less then or equal to %dbytes", maxClient)
	}
	if app := d.Lookup("application"); !app.IsMissing() {
		if app.Type != document.TypeDocument {
			return mongoerr.New(mongoerr.TypeMismatch, "The 'application' field is required to be a BSON document in the client metadata document")
		}
		name := app.Doc().Lookup("name")
		switch {
		case !name.IsMissing() && name.Type != document.TypeString:
			return mongoerr.New(mongoerr.TypeMismatch, "The 'application.name' field must be a string in the client metadata document")
		case len(name.Str()) > maxAppName:
			return mongoerr.New(mongoerr.ClientMetadataAppNameTooLarge,
				"The 'application.name' field must be less then or equal to %d bytes in the client metadata document", maxAppName)
		}
	}
	if err := checkClientPart(d, "driver", "name", "version"); err != nil {
		return err
	}
	return checkClientPart(d, "os", "type")
}

// checkClientPart checks a required document of required strings.
func checkClientPart(d document.Doc, part string, names ...string) error {
	v := d.Lookup(part)
	switch {
	case v.IsMissing():
		return mongoerr.New(mongoerr.ClientMetadataMissingField, "Missing required sub-document '%s' in the client metadata document", part)
	case v.Type != document.TypeDocument:
		return mongoerr.New(mongoerr.TypeMismatch, "The '%s' field is required to be a BSON document in the client metadata document", part)
	}
	for _, name := range names {
		if f := v.Doc().Lookup(name); !f.IsMissing() && f.Type != document.TypeString {
			return mongoerr.New(mongoerr.TypeMismatch, "The '%s.%s' field must be a string in the client metadata document", part, name)
		}
	}
	for _, name := range names {
		if v.Doc().Lookup(name).IsMissing() {
			return mongoerr.New(mongoerr.ClientMetadataMissingField, "Missing required field '%s.%s' in the client metadata document", part, name)
		}
	}
	return nil
}
