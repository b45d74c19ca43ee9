package command

import (
	"context"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/replset"
)

// The commands about the replica set. What they mean is package replset's; the set itself carries them out.

func replicationCommands() []*row {
	return []*row{
		{name: "replSetInitiate", help: "makes the set", adminOnly: true, quiet: true, prepare: plain(runInitiate)},
		{name: "replSetReconfig", help: "changes the set's configuration", adminOnly: true, quiet: true, prepare: plain(runReconfig)},
		{name: "replSetGetStatus", help: "the members as this one sees them", adminOnly: true, prepare: plain(runStatus)},
		{name: "replSetGetConfig", help: "the configuration", adminOnly: true, prepare: plain(runGetConfig)},
		{name: "replSetStepDown", help: "gives up being primary", adminOnly: true, quiet: true, prepare: plain(runStepDown)},
		{name: "replSetStepUp", help: "has this member elected", adminOnly: true, quiet: true, prepare: plain(runStepUp)},
		{name: "replSetFreeze", help: "keeps this member from being elected for a while", adminOnly: true, prepare: plain(runFreeze)},
		{name: "replSetGetRBID", help: "how often this member has rolled back", adminOnly: true, prepare: plain(runRollbackID)},
		{name: "getDefaultRWConcern", help: "the read and write concern of clients that name none", adminOnly: true, prepare: typed(getDefaultFields, runGetDefaultConcern)},
	}
}

func runInitiate(ctx context.Context, o *operation) error {
	reply, err := o.d.set.Initiate(ctx, o.first.Value, o.dialect() == replset.DialectLegacy)
	if err != nil {
		return err
	}
	o.appendFields(reply)
	return nil
}

// runReconfig changes the configuration. mongod takes everything that is not false for true in force.
func runReconfig(ctx context.Context, o *operation) error {
	begin := time.Now()
	defer func() { o.waiting += time.Since(begin) }()
	if o.view.IsWritablePrimary() && !o.view.Standalone() {
		if err := o.d.checkModeInUse(o.first.Value); err != nil {
			return err
		}
	}
	reply, err := o.d.set.Reconfigure(ctx, o.first.Value, o.argument("force").Truthy())
	if err != nil {
		return err
	}
	o.appendFields(reply)
	return nil
}

func runStatus(_ context.Context, o *operation) error {
	reply, err := o.d.set.Status()
	if err != nil {
		return err
	}
	o.appendFields(reply)
	return nil
}

// runGetConfig returns the configuration. commitmentStatus asks whether a majority has it: changes are only ever in
// force when one has.
func runGetConfig(_ context.Context, o *operation) error {
	config, err := o.d.set.Config()
	if err != nil {
		return err
	}
	o.out.AppendDoc("config", config)
	if o.argument("commitmentStatus").Truthy() {
		o.out.AppendBool("commitmentStatus", true)
	}
	return nil
}

// runStepDown gives up being primary. The connection that asks stays open, as since MongoDB 4.2, unless it is one of a
// client that learns of the change in no other way.
func runStepDown(ctx context.Context, o *operation) error {
	if err := o.view.RequireSet(); err != nil {
		return err
	}
	how, err := replset.ParseStepDown(o.req.Body)
	if err != nil {
		return err
	}
	if err := o.view.CheckStepDown(); err != nil {
		return err
	}
	begin := time.Now()
	defer func() { o.waiting += time.Since(begin) }()
	return o.d.set.StepDown(ctx, StepDown{
		For: int64(how.Period / time.Second), CatchUp: int64(how.CatchUp / time.Second), Force: how.Force,
	})
}

// runStepUp has this member elected, if the others agree.
func runStepUp(ctx context.Context, o *operation) error {
	if err := o.view.RequireSet(); err != nil {
		return err
	}
	begin := time.Now()
	defer func() { o.waiting += time.Since(begin) }()
	return o.d.set.StepUp(ctx)
}

func runFreeze(ctx context.Context, o *operation) error {
	if err := o.view.CheckFreeze(); err != nil {
		return err
	}
	period, err := replset.ParseFreeze(o.req.Body)
	if err != nil {
		return err
	}
	reply, err := o.d.set.Freeze(ctx, int64(period/time.Second))
	if err != nil {
		return err
	}
	o.appendFields(reply)
	return nil
}

// runRollbackID answers 1 for ever: what could be rolled back is never stored, so nothing is.
func runRollbackID(_ context.Context, o *operation) error {
	if err := o.view.RequireSet(); err != nil {
		return err
	}
	o.out.AppendInt32("rbid", 1)
	return nil
}

// argument returns an argument of a command that has no schema.
func (o *operation) argument(name string) document.Value {
	for _, e := range o.args {
		if e.Key == name {
			return e.Value
		}
	}
	return document.Value{}
}

// numberArgument returns a required number of a command that has no schema, in the words of mongod's older parser.
func (o *operation) numberArgument(name string) (int64, error) {
	v := o.argument(name)
	if v.IsMissing() {
		return 0, mongoerr.New(mongoerr.NoSuchKey, "Missing expected field \"%s\"", name)
	}
	n, ok := v.ToInt64()
	if !ok {
		return 0, mongoerr.New(mongoerr.TypeMismatch, "Expected field \"%s\" to have numeric type, but found %s", name, v.Type)
	}
	return n, nil
}
