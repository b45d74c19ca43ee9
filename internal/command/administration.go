package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
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

func runMaintenance(_ context.Context, o *operation) error {
	return o.onlySecondaries("primaries can't modify maintenance mode", "maintenance mode is not supported by this version of Morton")
}

func runSyncFrom(_ context.Context, o *operation) error {
	return o.onlySecondaries("primaries don't sync", "every secondary follows the primary; replSetSyncFrom can change nothing")
}

// onlySecondaries refuses on a primary in mongod's words, and on others because it is not there.
func (o *operation) onlySecondaries(onPrimary, elsewhere string) error {
	if o.view.Standalone() {
		return mongoerr.New(mongoerr.NoReplicationEnabled, "not running with --replSet")
	}
	if o.view.Writable {
		return mongoerr.New(mongoerr.NotSecondary, "%s", onPrimary)
	}
	return mongoerr.New(mongoerr.NotImplemented, "%s", elsewhere)
}

// runAbortCatchUp: a member is primary only when it has applied everything.
func runAbortCatchUp(_ context.Context, o *operation) error {
	return mongoerr.New(mongoerr.IllegalOperation, "The node is not in catch-up mode.")
}

func runHeartbeat(_ context.Context, o *operation) error {
	if o.argument("configVersion").IsMissing() {
		return mongoerr.New(mongoerr.NoSuchKey, "Missing expected field \"configVersion\"")
	}
	return mongoerr.New(mongoerr.NotImplemented, "members of a Morton set have a protocol of their own; a mongod cannot be a member")
}
