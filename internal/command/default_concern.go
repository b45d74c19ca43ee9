package command

import (
	"context"
	"errors"
	"io"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/replset"
)

// defaultConcerns are the concerns of commands that name none, as a document of config.settings has them. Every member holds it, like any other
// document, and keeps here what it last read of it.
type defaultConcerns struct {
	changes uint64 // [engine.Engine.SettingsChanges] when it was read

	level    readLevel
	hasLevel bool
	write    replset.WriteConcern
	hasWrite bool

	updated     document.Value // updateOpTime and updateWallClockTime as they are stored; missing if nothing is
	updatedWall document.Value
	read        time.Time
}

const (
	settingsNS      = engine.SettingsNS
	defaultsID      = "ReadWriteConcernDefaults"
	sourceGlobal    = "global"
	sourceImplicit  = "implicit"
	defaultReadKey  = "defaultReadConcern"
	defaultWriteKey = "defaultWriteConcern"
)

// defaults returns the defaults that are in force.
func (d *Dispatcher) defaults() *defaultConcerns {
	c := d.concerns.Load()
	if changes := d.engine.SettingsChanges(); c == nil || c.changes != changes {
		c = &defaultConcerns{changes: changes, read: time.Now()}
		if stored, err := d.storedDefaults(); err == nil {
			c.parse(stored)
		}
		d.concerns.Store(c)
	}
	return c
}

// storedDefaults returns the document with the defaults; nil if there is none.
func (d *Dispatcher) storedDefaults() (document.Doc, error) {
	v := d.engine.Local()
	if v.Catalog.Collection(settingsNS) == nil {
		v.Close()
		return nil, nil
	}
	it, err := v.Find(context.Background(), engine.FindSpec{NS: settingsNS, Filter: defaultsFilter(), Limit: 1})
	if err != nil {
		return nil, err
	}
	doc, err := it.Next(context.Background())
	if err == nil {
		doc = doc.Clone()
	}
	if errors.Is(err, io.EOF) {
		doc, err = nil, nil
	}
	return doc, errors.Join(err, it.Close())
}

func defaultsFilter() document.Doc {
	var b document.Builder
	b.AppendString("_id", defaultsID)
	return b.Finish()
}

// parse reads the stored document. What makes no sense in it, which a client may have written there, counts as not set.
func (c *defaultConcerns) parse(d document.Doc) {
	if v := d.Lookup(defaultReadKey); v.Type == document.TypeDocument {
		if rc, _, err := parseReadConcern(v.Doc()); err == nil {
			c.level, c.hasLevel = rc.level, true
		}
	}
	if v := d.Lookup(defaultWriteKey); v.Type == document.TypeDocument {
		if w, err := replset.ParseWriteConcern(v.Doc(), false); err == nil {
			c.write, c.hasWrite = w.AsDefault(), true
		}
	}
	c.updated, c.updatedWall = d.Lookup("updateOpTime"), d.Lookup("updateWallClockTime")
}

// writeConcern returns the write concern of a command that names none.
func (c *defaultConcerns) writeConcern() replset.WriteConcern {
	if c.hasWrite {
		return c.write
	}
	return replset.ImplicitWriteConcern()
}

// appendTo appends the defaults as getDefaultRWConcern shows them.
func (c *defaultConcerns) appendTo(b *document.Builder, inMemory bool) {
	readSource, writeSource := sourceImplicit, sourceImplicit
	if c.hasLevel {
		readSource = sourceGlobal
	}
	if c.hasWrite {
		writeSource = sourceGlobal
	}
	b.OpenDoc(defaultReadKey)
	b.AppendString("level", c.level.String())
	b.Close()
	b.AppendDoc(defaultWriteKey, c.writeConcern().DefaultDocument())
	if !c.updated.IsMissing() {
		b.AppendValue("updateOpTime", c.updated)
		b.AppendValue("updateWallClockTime", c.updatedWall)
	}
	b.AppendString("defaultWriteConcernSource", writeSource)
	b.AppendString("defaultReadConcernSource", readSource)
	if inMemory {
		b.AppendBool("inMemory", true)
	}
	b.AppendDate("localUpdateWallClockTime", c.read.UnixMilli())
}

type getDefaultArgs struct{ inMemory bool }

var getDefaultFields = newSchema("getDefaultRWConcern",
	boolean("inMemory", func(a *getDefaultArgs) *bool { return &a.inMemory }))

func runGetDefaultConcern(_ context.Context, o *operation, a *getDefaultArgs) error {
	if err := o.refuseStandalone(); err != nil {
		return err
	}
	o.d.defaults().appendTo(&o.out, a.inMemory)
	return nil
}

// refuseStandalone refuses what concerns defaults where there is nobody to wait for.
func (o *operation) refuseStandalone() error {
	if o.view.Standalone() {
		return mongoerr.New(51300, "'%s' is not supported on standalone nodes.", o.row.name)
	}
	return nil
}

type setDefaultArgs struct {
	read, write       document.Doc
	hasRead, hasWrite bool
}

var setDefaultFields = newSchema("setDefaultRWConcern",
	object(defaultReadKey, func(a *setDefaultArgs) *document.Doc { return &a.read }).then(func(a *setDefaultArgs) error {
		a.hasRead = true
		return nil
	}),
	object(defaultWriteKey, func(a *setDefaultArgs) *document.Doc { return &a.write }).then(func(a *setDefaultArgs) error {
		a.hasWrite = true
		return nil
	}),
)

// runSetDefaultConcern changes the defaults. An empty concern takes a default back, but not one for writes.
func runSetDefaultConcern(ctx context.Context, o *operation, a *setDefaultArgs) error {
	if err := o.refuseStandalone(); err != nil {
		return err
	}
	if !a.hasRead && !a.hasWrite {
		return mongoerr.New(mongoerr.BadValue, `At least one of the "defaultReadConcern" or "defaultWriteConcern" fields must be present`)
	}
	now := *o.d.defaults()
	if a.hasWrite {
		if err := now.setWrite(a.write, o.view.Config); err != nil {
			return err
		}
	}
	if a.hasRead {
		if err := now.setRead(a.read); err != nil {
			return err
		}
	}
	done, err := o.d.engine.Update(ctx, &engine.UpdateSpec{
		NS: settingsNS, Filter: defaultsFilter(), Update: now.document(o.d.log.Last().TS).AsValue(), Upsert: true,
	}, engine.Statement{Urgent: o.waits()})
	o.noteTime(done.Time)
	o.d.concerns.Store(nil)
	if err != nil {
		return err
	}
	o.d.defaults().appendTo(&o.out, false)
	return nil
}

// document is what is stored.
func (c *defaultConcerns) document(last oplog.Timestamp) document.Doc {
	var b document.Builder
	b.AppendString("_id", defaultsID)
	if c.hasLevel {
		b.OpenDoc(defaultReadKey)
		b.AppendString("level", c.level.String())
		b.Close()
	}
	if c.hasWrite {
		b.AppendDoc(defaultWriteKey, c.write.DefaultDocument())
	}
	b.AppendTimestamp("updateOpTime", uint64(last))
	b.AppendDate("updateWallClockTime", time.Now().UnixMilli())
	return b.Finish()
}

func (c *defaultConcerns) setWrite(d document.Doc, config *replset.Config) error {
	if d.IsEmpty() {
		if c.hasWrite {
			return mongoerr.New(mongoerr.IllegalOperation, "The global default write concern cannot be unset once it is set.")
		}
		return nil
	}
	w, err := replset.ParseWriteConcern(d, false)
	switch {
	case err != nil:
		return err
	case !d.Lookup("provenance").IsNullish():
		return mongoerr.New(mongoerr.BadValue, "'provenance' must be unset in default write concern")
	case w.Unacknowledged():
		return mongoerr.New(mongoerr.BadValue, "Unacknowledged write concern is not suitable for the default write concern")
	}
	if w.HasMode && config != nil && config.Settings.Mode(w.Mode) == nil {
		return mongoerr.New(mongoerr.UnknownReplWriteConcern, "No write concern mode named '%s' found in replica set configuration", w.Mode)
	}
	c.write, c.hasWrite = w.AsDefault(), true
	return nil
}

func (c *defaultConcerns) setRead(d document.Doc) error {
	if d.IsEmpty() {
		c.level, c.hasLevel = readLocal, false
		return nil
	}
	rc, _, err := parseReadConcern(d)
	switch {
	case err != nil:
		return err
	case rc.level == readLinearizable || rc.level == readSnapshot:
		return mongoerr.New(mongoerr.BadValue, "level: '%s' is not suitable for the default read concern", rc.level)
	case rc.after != 0:
		return mongoerr.New(mongoerr.BadValue, "'afterClusterTime' is not suitable for the default read concern")
	case rc.at != 0:
		return mongoerr.New(mongoerr.BadValue, "'atClusterTime' is not suitable for the default read concern")
	case !d.Lookup("provenance").IsNullish():
		return mongoerr.New(mongoerr.BadValue, "'provenance' must be unset in default read concern")
	}
	c.level, c.hasLevel = rc.level, true
	return nil
}

// checkModeInUse refuses a configuration that no longer has the mode which is the default write concern.
func (d *Dispatcher) checkModeInUse(config document.Value) error {
	c := d.defaults()
	if !c.hasWrite || !c.write.HasMode || config.Type != document.TypeDocument {
		return nil
	}
	modes := config.Doc().LookupPath("settings.getLastErrorModes").Doc()
	if modes.Lookup(c.write.Mode).Type == document.TypeDocument {
		return nil
	}
	return mongoerr.New(mongoerr.NewReplicaSetConfigurationIncompatible, "May not remove custom write concern definition from config while it is in use as the "+
		"default write concern. Change the default write concern to a non-conflicting setting and try the reconfig again.")
}
