package replset

import (
	"time"

	"github.com/mortondb/morton/internal/document"
)

// What hello says of this server's limits.
const (
	MaxMessageSize        = 48000000
	MaxWriteBatch         = 100000
	SessionTimeoutMinutes = 30
	MinWireVersion        = 0
	MaxWireVersion        = 17 // MongoDB 6.0
)

// HelloRequest is what a hello reply depends on besides the view.
type HelloRequest struct {
	IsMaster bool // asked by the old name: the reply has ismaster instead of isWritablePrimary
	// Legacy is a client from before OP_MSG: the question came by OP_QUERY without a client document. It is spared
	// what drivers of its time never saw, topologyVersion, lastWrite and logicalSessionTimeoutMinutes. electionId
	// stays: drivers from 2014 on tell an old primary from the new one by it.
	Legacy       bool
	ConnectionID int64
	Now          time.Time
}

// AppendHello appends the reply of hello and isMaster in mongod's field order, from topologyVersion to readOnly. The
// caller adds helloOk before, compression and saslSupportedMechs after it, and ok.
func (v *View) AppendHello(b *document.Builder, r HelloRequest) {
	if v.Standalone() {
		v.appendWritable(b, r)
		r.appendTopology(b, v.Topology)
	} else {
		r.appendTopology(b, v.Topology)
		v.appendMembership(b, r)
	}
	b.AppendInt32("maxBsonObjectSize", document.MaxSize)
	b.AppendInt32("maxMessageSizeBytes", MaxMessageSize)
	b.AppendInt32("maxWriteBatchSize", MaxWriteBatch)
	b.AppendDate("localTime", millis(r.Now))
	if !r.Legacy {
		b.AppendInt32("logicalSessionTimeoutMinutes", SessionTimeoutMinutes)
	}
	b.AppendInt32("connectionId", int32(r.ConnectionID))
	b.AppendInt32("minWireVersion", MinWireVersion)
	b.AppendInt32("maxWireVersion", MaxWireVersion)
	b.AppendBool("readOnly", false)
}

func (r HelloRequest) appendTopology(b *document.Builder, t TopologyVersion) {
	if !r.Legacy {
		t.Append(b)
	}
}

func (v *View) appendWritable(b *document.Builder, r HelloRequest) {
	key := "isWritablePrimary"
	if r.IsMaster {
		key = "ismaster"
	}
	b.AppendBool(key, v.IsWritablePrimary())
}

// appendMembership appends who is in the set and what this member is in it. A member without a place in the set shows
// neither setName nor hosts, so that no client takes it for one.
func (v *View) appendMembership(b *document.Builder, r HelloRequest) {
	if !v.Initiated() {
		v.appendWritable(b, r)
		b.AppendBool("secondary", false)
		b.AppendString("info", "Does not have a valid replica set config")
		b.AppendBool("isreplicaset", true)
		return
	}
	self := &v.Config.Members[v.Self]
	appendStrings(b, "hosts", v.Config.hosts(func(m *Member) bool { return m.shown() && m.Priority > 0 }))
	if passives := v.Config.hosts(func(m *Member) bool { return m.shown() && m.Priority == 0 && !m.Arbiter }); len(passives) > 0 {
		appendStrings(b, "passives", passives)
	}
	if arbiters := v.Config.hosts(func(m *Member) bool { return m.shown() && m.Arbiter }); len(arbiters) > 0 {
		appendStrings(b, "arbiters", arbiters)
	}
	b.AppendString("setName", v.Config.Name)
	b.AppendInt32("setVersion", int32(v.Config.Version))
	v.appendWritable(b, r)
	// A primary that still applies what its predecessor left calls itself secondary, as in mongod: readable, not writable.
	b.AppendBool("secondary", v.State == Secondary || v.State == Primary && !v.Writable)
	// No member is named rather than a former one, or this one before it can be written to: a client of 2010 would lose
	// a connection on each try.
	if v.Primary >= 0 && (v.Primary != v.Self || v.Writable) {
		b.AppendString("primary", v.PrimaryHost())
	}
	switch {
	case self.Arbiter:
		b.AppendBool("arbiterOnly", true)
	case self.Priority == 0:
		b.AppendBool("passive", true)
	}
	if self.Hidden {
		b.AppendBool("hidden", true)
	}
	if self.Delay > 0 {
		appendInt(b, "secondaryDelaySecs", int64(self.Delay/time.Second))
	}
	if !self.Tags.IsEmpty() {
		b.AppendDoc("tags", self.Tags)
	}
	b.AppendString("me", self.Host)
	if v.IsWritablePrimary() {
		b.AppendObjectID("electionId", ElectionID(v.Term))
	}
	if !r.Legacy {
		v.appendLastWrite(b)
	}
}

func (v *View) appendLastWrite(b *document.Builder) {
	b.OpenDoc("lastWrite")
	v.Applied.append(b, "opTime")
	b.AppendDate("lastWriteDate", millis(v.Applied.Time()))
	v.Committed.append(b, "majorityOpTime")
	b.AppendDate("majorityWriteDate", millis(v.Committed.Time()))
	b.Close()
}

func appendStrings(b *document.Builder, key string, list []string) {
	b.OpenArray(key)
	for i, s := range list {
		b.AppendString(document.Index(i), s)
	}
	b.Close()
}
