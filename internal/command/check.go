package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// The commands of `morton check`: the primary puts a mark into the log, and every member describes its state at the mark.

func checkCommands() []*row {
	return []*row{
		{name: "_mortonMark", help: "internal: puts a mark into the log, to compare the members at", adminOnly: true, runs: onPrimary, prepare: plain(runMark)},
		{name: "_mortonDigest", help: "internal: hashes of this member's state at a mark", adminOnly: true, runs: whereReadable, quiet: true, prepare: plain(runDigest)},
	}
}

// runMark answers {mark, ts}.
func runMark(_ context.Context, o *operation) error {
	name := document.NewObjectID().Hex()
	t, err := o.d.engine.MarkCheck(name)
	if err != nil {
		return err
	}
	o.out.AppendString("mark", name)
	o.out.AppendTimestamp("ts", uint64(t.TS))
	return nil
}

// runDigest answers with [engine.Engine.Digest] of {_mortonDigest: mark}. It waits for the mark as long as maxTimeMS allows.
func runDigest(ctx context.Context, o *operation) error {
	name := o.first.Value.Str()
	if name == "" {
		return mongoerr.New(mongoerr.BadValue, "_mortonDigest wants the name of a mark, a string")
	}
	d, err := o.d.engine.Digest(ctx, name)
	if err != nil {
		return err
	}
	o.appendFields(d)
	return nil
}
