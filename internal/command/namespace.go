package command

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// maxDatabaseName is the longest name of a database in bytes.
const maxDatabaseName = 63

// checkDatabaseName refuses names that no database can have.
func checkDatabaseName(db string) error {
	switch {
	case strings.ContainsRune(db, 0):
		return mongoerr.New(mongoerr.InvalidNamespace, "namespaces cannot have embedded null characters")
	case strings.Contains(db, "."):
		return mongoerr.New(mongoerr.InvalidNamespace, "'.' is an invalid character in the database name: %s", db)
	case db == "" || len(db) > maxDatabaseName || strings.ContainsAny(db, "/\\ \"\x00"):
		return mongoerr.New(mongoerr.InvalidNamespace, "Invalid database name: '%s'", db)
	}
	return nil
}

// setTarget takes the collection that a command is about from its first field. code and format are how the command
// complains of what is no string; mongod's commands differ in it.
func (o *operation) setTarget(v document.Value, code mongoerr.Code, format string) error {
	if v.Type != document.TypeString {
		return mongoerr.New(code, format, v.Type)
	}
	o.coll = v.Str()
	o.ns = o.req.DB + "." + o.coll
	switch {
	case strings.ContainsRune(o.ns, 0):
		return mongoerr.New(mongoerr.InvalidNamespace, "namespaces cannot have embedded null characters")
	case o.coll == "" || o.coll[0] == '.':
		return mongoerr.New(mongoerr.InvalidNamespace, "Invalid namespace specified '%s'", o.ns)
	}
	return nil
}

// systemCollections are the names that may begin with "system." although clients make the collection.
var systemCollections = map[string]bool{"system.js": true, "system.profile": true, "system.views": true}

// checkCreate refuses names that a client must not give to a collection.
func (o *operation) checkCreate() error {
	if strings.HasPrefix(o.coll, "system.") && !systemCollections[o.coll] && !isBuckets(o.ns) && o.req.DB != "admin" {
		return mongoerr.New(mongoerr.InvalidNamespace, "Invalid system namespace: %s", o.ns)
	}
	return nil
}
