package command

import (
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// maxClockDrift is how far into the future a client may push the cluster time (mongod's maxAcceptableLogicalClockDriftSecs).
const maxClockDrift = 365 * 24 * time.Hour

// readClusterTime learns the newest cluster time from a client, who may have it from another member. Signatures are
// not looked at, as by a mongod without authentication.
func (o *operation) readClusterTime() error {
	v := o.generic.clusterTime
	if v.IsMissing() {
		return nil
	}
	if v.Type != document.TypeDocument {
		return mongoerr.New(10065, "invalid parameter: expected an object ($clusterTime)")
	}
	t := v.Doc().Lookup("clusterTime")
	sig := v.Doc().Lookup("signature")
	switch {
	case t.IsMissing():
		return mongoerr.New(mongoerr.NoSuchKey, `Missing expected field "clusterTime"`)
	case t.Type != document.TypeTimestamp:
		return oldWrongType("clusterTime", "timestamp", t.Type)
	case sig.IsMissing():
		return mongoerr.New(mongoerr.NoSuchKey, `Missing expected field "signature"`)
	case sig.Type != document.TypeDocument:
		return oldWrongType("signature", "object", sig.Type)
	case sig.Doc().Lookup("hash").IsMissing():
		return mongoerr.New(mongoerr.NoSuchKey, `Missing expected field "hash"`)
	case sig.Doc().Lookup("keyId").IsMissing():
		return mongoerr.New(mongoerr.NoSuchKey, `Missing expected field "keyId"`)
	}
	ts := oplog.Timestamp(t.Timestamp())
	now := o.d.opts.Now()
	if ts.Time().After(now.Add(maxClockDrift)) {
		return mongoerr.New(mongoerr.ClusterTimeFailsRateLimiter, "New $clusterTime, %d, is too far from this node's wall clock time, %d.",
			ts.Seconds(), now.Unix())
	}
	o.d.learnClusterTime(ts)
	return nil
}

// learnClusterTime remembers ts if it is newer than what this member knows.
func (d *Dispatcher) learnClusterTime(ts oplog.Timestamp) {
	for {
		known := d.heard.Load()
		if uint64(ts) <= known || d.heard.CompareAndSwap(known, uint64(ts)) {
			return
		}
	}
}

// clusterTime returns the newest time that this member knows of: of its own log, or gossiped by clients.
func (d *Dispatcher) clusterTime() oplog.Timestamp {
	return max(oplog.Timestamp(d.heard.Load()), d.log.Last().TS)
}

// unsigned is the signature of a member without keys.
var unsigned = func() document.Doc {
	var b document.Builder
	b.AppendBinary("hash", 0, make([]byte, 20))
	b.AppendInt64("keyId", 0)
	return b.Finish()
}()

// appendTimes ends a reply with the times by which causally consistent sessions order their operations.
func (o *operation) appendTimes() {
	last := o.d.log.Last().TS
	if last == 0 || o.req.Legacy && o.req.Conn.Client() == nil {
		return // not initiated; or a client of old that would show the fields to its user
	}
	o.out.OpenDoc("$clusterTime")
	o.out.AppendTimestamp("clusterTime", uint64(max(o.d.clusterTime(), o.when)))
	o.out.AppendDoc("signature", unsigned)
	o.out.Close()
	when := o.when
	if when == 0 {
		when = last
	}
	o.out.AppendTimestamp("operationTime", uint64(when))
}
