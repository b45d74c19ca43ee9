package command

import (
	"context"
	"strconv"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/replset"
)

// Commands of administrators about what Morton has none of, or has in one form only: what they ask is answered, what they would change is
// refused.

func administrationCommands() []*row {
	return []*row{
		{name: "usersInfo", help: "the users: there are none", prepare: plain(runUsersInfo)},
		{name: "rolesInfo", help: "the roles that were made: there are none", prepare: plain(runRolesInfo)},
		{name: "filemd5", help: "the MD5 sum of a file of GridFS", runs: onSecondaryIfAsked, reads: true, prepare: plain(runFileMD5)},
		{name: "setFeatureCompatibilityVersion", help: "the version whose files are written", adminOnly: true, prepare: plain(runSetCompatibility)},
		{name: "setDefaultRWConcern", help: "changes the concerns of clients that name none", adminOnly: true, runs: onPrimary, writes: true, writeConcern: true, prepare: typed(setDefaultFields, runSetDefaultConcern)},
		{name: "replSetMaintenance", help: "takes a secondary out of service", adminOnly: true, prepare: plain(runMaintenance)},
		{name: "replSetSyncFrom", help: "whom a secondary follows", adminOnly: true, prepare: plain(runSyncFrom)},
		{name: "replSetResizeOplog", help: "how much of the log this member keeps", adminOnly: true, prepare: typed(resizeFields, runResizeOplog)},
		{name: "replSetAbortPrimaryCatchUp", help: "ends the catching up of a new primary", adminOnly: true, prepare: plain(runAbortCatchUp)},
		{name: "replSetHeartbeat", help: "a message between mongods", adminOnly: true, prepare: plain(runHeartbeat)},
	}
}

func runUsersInfo(_ context.Context, o *operation) error {
	o.out.OpenArray("users")
	o.out.Close()
	return nil
}

// runRolesInfo answers for the roles of a database. The built-in ones come with authentication.
func runRolesInfo(_ context.Context, o *operation) error {
	if !o.first.Value.IsNumber() || o.argument("showBuiltinRoles").Truthy() {
		return mongoerr.New(mongoerr.NotImplemented, "this version of Morton has no authentication, and so no built-in roles")
	}
	o.out.OpenArray("roles")
	o.out.Close()
	return nil
}

func runSetCompatibility(_ context.Context, o *operation) error {
	v := o.first.Value
	if v.Type != document.TypeString {
		return mongoerr.New(mongoerr.TypeMismatch, "BSON field 'setFeatureCompatibilityVersion.setFeatureCompatibilityVersion' is the wrong type '%s', expected type 'string'", v.Type)
	}
	switch v.Str() {
	case "6.0":
		return nil
	case "5.0", "5.3":
		return mongoerr.New(mongoerr.NotImplemented, "Morton has no earlier feature compatibility version; it stays at '6.0'")
	}
	return mongoerr.New(4926900, "Invalid feature compatibility version value, expected '5.0' or '5.3' or '6.0. See https://docs.mongodb.com/master/release-notes/5.0-compatibility/#feature-compatibility.")
}

// runMaintenance takes a secondary out of service, or back.
func runMaintenance(_ context.Context, o *operation) error {
	if err := o.view.CheckMaintenance(); err != nil {
		return err
	}
	return o.d.set.Maintain(o.first.Value.Truthy())
}

// runSyncFrom changes nothing: every secondary follows the primary. To ask for just that is allowed.
func runSyncFrom(_ context.Context, o *operation) error {
	if err := o.view.RequireSet(); err != nil {
		return err
	}
	host, port, err := replset.ParseHost(o.first.Value.Str())
	if err != nil {
		return mongoerr.New(mongoerr.FailedToParse, "%s", err.Error())
	}
	target := replset.JoinHost(host, port)
	previous, err := o.view.CheckSyncFrom(target)
	if err != nil {
		return err
	}
	o.out.AppendString("syncFromRequested", target)
	if previous != "" {
		o.out.AppendString("prevSyncTarget", previous)
	}
	return nil
}

type resizeArgs struct {
	megabytes, hours float64
	hasHours         bool
}

var resizeFields = newSchema("replSetResizeOplog",
	decimalNumber("size", 990, 1<<30, func(a *resizeArgs) *float64 { return &a.megabytes }),
	decimalNumber("minRetentionHours", 0, 0, func(a *resizeArgs) *float64 { return &a.hours }).then(func(a *resizeArgs) error {
		a.hasHours = true
		return nil
	}),
).loose()

// decimalNumber takes a number with a fraction that is not less than least nor, if that is not 0, more than most.
func decimalNumber[A any](name string, least, most float64, at func(*A) *float64) field[A] {
	return field[A]{name: name, set: func(a *A, v document.Value) error {
		f, ok := v.AsFloat64()
		const out = "BSON field '%s' value must be %s %s, actual value '%s'"
		switch {
		case !ok:
			return wrongType(v.Type, "long", "int", "decimal", "double")
		case f < least:
			return mongoerr.New(51024, out, name, ">=", shortNumber(least), shortNumber(f))
		case most != 0 && f > most:
			return mongoerr.New(51024, out, name, "<=", shortNumber(most), shortNumber(f))
		}
		*at(a) = f
		return nil
	}}
}

// shortNumber prints a number with six digits, as mongod does in messages.
func shortNumber(f float64) string { return strconv.FormatFloat(f, 'g', 6, 64) }

// runResizeOplog changes how much of this member's log is kept.
func runResizeOplog(_ context.Context, o *operation, a *resizeArgs) error {
	if !o.view.Initiated() || o.view.State == replset.Arbiter {
		return mongoerr.New(mongoerr.NamespaceNotFound, "oplog does not exist")
	}
	retention := time.Duration(-1)
	if a.hasHours {
		retention = time.Duration(a.hours * float64(time.Hour))
	}
	return o.d.set.ResizeOplog(int64(a.megabytes*(1<<20)), retention)
}

// runAbortCatchUp: a member is primary only when it has applied everything.
func runAbortCatchUp(_ context.Context, o *operation) error {
	if err := o.view.RequireSet(); err != nil {
		return err
	}
	return mongoerr.New(mongoerr.IllegalOperation, "The node is not in catch-up mode.")
}

func runHeartbeat(_ context.Context, o *operation) error {
	if o.argument("configVersion").IsMissing() {
		return mongoerr.New(mongoerr.NoSuchKey, "Missing expected field \"configVersion\"")
	}
	return mongoerr.New(mongoerr.NotImplemented, "members of a Morton set have a protocol of their own; a mongod cannot be a member")
}
