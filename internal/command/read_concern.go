package command

import (
	"context"
	"fmt"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
)

// readConcern is what a client wants to be true of the state that it reads.
type readConcern struct {
	level readLevel
	after oplog.Timestamp // afterClusterTime; 0: none
	at    oplog.Timestamp // atClusterTime, or what was chosen for it; 0: none
}

type readLevel uint8

const (
	readLocal        readLevel = iota // the member's newest state, whoever else has it
	readAvailable                     // the same, but for shards
	readMajority                      // what a majority has
	readLinearizable                  // and this member was primary after the read began
	readSnapshot                      // one point in time for several reads
)

var readLevels = map[string]readLevel{
	"local": readLocal, "available": readAvailable, "majority": readMajority, "linearizable": readLinearizable, "snapshot": readSnapshot,
}

func (l readLevel) String() string {
	for name, level := range readLevels {
		if level == l {
			return name
		}
	}
	panic("command: unknown read level")
}

// readSupport says what a command can do with a read concern.
type readSupport uint8

const (
	readConcernNone  readSupport = iota // "local" only, without afterClusterTime
	readConcernWrite                    // "local" only, with afterClusterTime: writes of a causally consistent session
	readConcernRead                     // all levels but snapshot
	readConcernAll
)

// readReadConcern understands the readConcern argument and whether the command supports it.
func (o *operation) readReadConcern() error {
	v := o.generic.readConcern
	if v.IsMissing() || v.Type == document.TypeDocument && v.Doc().IsEmpty() {
		if c := o.d.defaults(); c.hasLevel && !o.view.Standalone() && o.row.readConcern >= readConcernRead && o.req.DB != "local" {
			o.generic.read.level = c.level
		}
		return nil
	}
	switch {
	case v.Type == document.TypeDocument:
	case o.row.ownConcernTypes:
		return argumentError(within(o.row.name, within("readConcern", wrongType(v.Type, "object"))))
	default:
		return mongoerr.New(mongoerr.FailedToParse, "readConcern field should be an object")
	}
	rc, given, err := parseReadConcern(v.Doc())
	if err != nil {
		return err
	}
	if rc.after != 0 && o.row.readConcern == readConcernNone {
		return mongoerr.New(mongoerr.InvalidOptions, "afterClusterTime is not allowed for this command")
	}
	if why := o.row.refuses(rc.level); why != "" {
		return mongoerr.New(mongoerr.InvalidOptions, "Command %s does not support { readConcern: { %sprovenance: \"clientSupplied\" } } :: caused by :: %s",
			o.row.name, given, why)
	}
	if rc.level == readSnapshot && o.view.Standalone() {
		return mongoerr.New(mongoerr.NotAReplicaSet, "node needs to be a replica set member to use readConcern: snapshot")
	}
	for _, t := range []struct {
		name string
		ts   oplog.Timestamp
	}{{"afterClusterTime", rc.after}, {"atClusterTime", rc.at}} {
		if known := o.d.clusterTime(); t.ts > known {
			return mongoerr.New(mongoerr.InvalidOptions, "readConcern %s value must not be greater than the current clusterTime. "+
				"Requested clusterTime: { ts: %s }; current clusterTime: { ts: %s }", t.name, t.ts, known)
		}
	}
	o.generic.read = rc
	return nil
}

// refuses says why the command cannot be run at a level; "" if it can.
func (r *row) refuses(level readLevel) string {
	switch {
	case level == readLocal:
		return ""
	case r.readConcern < readConcernRead:
		return "read concern not supported"
	case level == readSnapshot && r.readConcern != readConcernAll:
		return "read concern snapshot not supported"
	}
	return ""
}

// parseReadConcern reads the document. given is its level and time as they are repeated in messages.
func parseReadConcern(d document.Doc) (rc readConcern, given string, err error) {
	var hasLevel, hasAfter, hasAt bool
	for it := d.Iter(); it.Next(); {
		v := it.Value()
		switch key := it.Key(); key {
		case "level":
			if v.Type != document.TypeString {
				return rc, "", oldWrongType("level", "string", v.Type)
			}
			if rc.level, hasLevel = readLevels[v.Str()]; !hasLevel {
				return rc, "", mongoerr.New(mongoerr.FailedToParse, "readConcern.level must be either 'local', 'majority', 'linearizable', 'available', or 'snapshot'")
			}
			given += fmt.Sprintf("level: %q, ", v.Str())
		case "afterClusterTime", "atClusterTime":
			if v.Type != document.TypeTimestamp {
				return rc, "", oldWrongType(key, "timestamp", v.Type)
			}
			given += fmt.Sprintf("%s: %s, ", key, oplog.Timestamp(v.Timestamp()))
			if key == "atClusterTime" {
				hasAt, rc.at = true, oplog.Timestamp(v.Timestamp())
			} else {
				hasAfter, rc.after = true, oplog.Timestamp(v.Timestamp())
			}
		case "provenance":
			if err := checkProvenance("ReadConcernArgs::parse", v); err != nil {
				return rc, "", err
			}
		default:
			return rc, "", mongoerr.New(mongoerr.InvalidOptions, "Unrecognized option in readConcern: %s", key)
		}
	}
	return rc, given, rc.check(hasAfter, hasAt)
}

func (rc *readConcern) check(hasAfter, hasAt bool) error {
	switch {
	case hasAfter && hasAt:
		return mongoerr.New(mongoerr.InvalidOptions, "Specifying a timestamp for readConcern snapshot in a causally consistent session is not allowed. "+
			"See https://docs.mongodb.com/manual/core/read-isolation-consistency-recency/#causal-consistency")
	case hasAfter && (rc.level == readAvailable || rc.level == readLinearizable):
		return mongoerr.New(mongoerr.InvalidOptions, "afterClusterTime field can be set only if level is equal to majority, local, or snapshot")
	case hasAt && rc.level != readSnapshot:
		return mongoerr.New(mongoerr.InvalidOptions, "atClusterTime field can be set only if level is equal to snapshot")
	case hasAfter && rc.after == 0:
		return mongoerr.New(mongoerr.InvalidOptions, "afterClusterTime cannot be a null timestamp")
	case hasAt && rc.at == 0:
		return mongoerr.New(mongoerr.InvalidOptions, "atClusterTime cannot be a null timestamp")
	}
	return nil
}

// checkProvenance checks the field in which routers tell where a concern came from.
func checkProvenance(schema string, v document.Value) error {
	switch {
	case v.IsNullish():
		return nil
	case v.Type != document.TypeString:
		return argumentError(within(schema, within("provenance", wrongType(v.Type, "string"))))
	}
	switch v.Str() {
	case "clientSupplied", "implicitDefault", "customDefault", "getLastErrorDefaults", "internalWriteDefault":
		return nil
	}
	return mongoerr.New(mongoerr.BadValue, "Enumeration value '%s' for field '%s.provenance' is not a valid value.", v.Str(), schema)
}

// awaitReadConcern waits until this member's state is one that the read concern allows to be read.
func (o *operation) awaitReadConcern(ctx context.Context) error {
	rc := &o.generic.read
	if rc.level == readLinearizable {
		if !o.view.IsWritablePrimary() {
			return mongoerr.New(mongoerr.NotWritablePrimary, "cannot satisfy linearizable read concern on non-primary node")
		}
		// What any client saw so far must be committed, and this member must have been primary all the while.
		if err := o.d.log.WaitCommitted(ctx, o.d.log.Last()); err != nil {
			return err
		}
		return o.d.log.ReadBarrier(ctx)
	}
	if rc.level == readSnapshot {
		return o.awaitSnapshot(ctx)
	}
	switch {
	case rc.level == readMajority && rc.after != 0:
		return o.d.log.WaitCommitted(ctx, oplog.OpTime{TS: rc.after})
	case rc.level == readMajority:
		return o.d.log.CatchUp(ctx)
	case rc.after != 0:
		return o.d.log.WaitApplied(ctx, rc.after)
	}
	return nil
}

// awaitSnapshot takes the state that a read concern "snapshot" asks for, which stays this operation's to its end.
func (o *operation) awaitSnapshot(ctx context.Context) error {
	rc := &o.generic.read
	var err error
	if at := max(rc.at, rc.after); at != 0 {
		if err = o.d.log.WaitCommitted(ctx, oplog.OpTime{TS: at}); err == nil {
			err = o.d.log.WaitApplied(ctx, at)
		}
	} else {
		err = o.d.log.CatchUp(ctx)
	}
	if err != nil {
		return err
	}
	v, err := o.d.engine.At(rc.at)
	if err != nil {
		return err
	}
	o.snapshot, rc.at = &v, v.Time.TS
	return o.checkSnapshot()
}

// checkSnapshot refuses capped collections, which forget, and collections that came later: who asks for them does not want to hear that they are empty.
func (o *operation) checkSnapshot() error {
	coll := o.snapshot.Catalog.Collection(o.ns)
	now := o.d.engine.Local()
	defer now.Close()
	if coll == nil && now.Catalog.Collection(o.ns) != nil {
		return mongoerr.New(mongoerr.SnapshotUnavailable, "Unable to read from a snapshot due to pending collection catalog changes; please retry the operation. "+
			"Snapshot timestamp is %s", o.generic.read.at)
	}
	if o.ns == oplogNS || coll != nil && coll.Capped != nil {
		return mongoerr.New(mongoerr.SnapshotUnavailable, "Reading from capped collections with readConcern snapshot is not supported")
	}
	return nil
}

// closeSnapshot lets the state go that the operation has read.
func (o *operation) closeSnapshot() {
	if o.snapshot != nil {
		o.snapshot.Close()
		o.snapshot = nil
	}
}
