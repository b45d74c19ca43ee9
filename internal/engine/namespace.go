package engine

import (
	"strings"

	"github.com/mortondb/morton/internal/mongoerr"
)

// MaxNamespaceLength is the longest namespace in bytes that mongod takes.
const MaxNamespaceLength = 255

// CheckNamespace returns mongod's error if a collection of this name cannot be made.
func CheckNamespace(ns string) error {
	db, name, dot := strings.Cut(ns, ".")
	switch {
	case !dot || name == "" || db == "" || !ValidDatabase(db) || strings.HasPrefix(name, ".") || strings.HasSuffix(name, ".") || strings.ContainsRune(ns, 0):
		return mongoerr.New(mongoerr.InvalidNamespace, "Invalid namespace specified '%s'", ns)
	case strings.Contains(name, "$"):
		return mongoerr.New(mongoerr.InvalidNamespace, "Invalid collection name: %s", name)
	case len(ns) > MaxNamespaceLength:
		return mongoerr.New(mongoerr.InvalidNamespace, "Fully qualified namespace is too long. Namespace: %s Max: %d", ns, MaxNamespaceLength)
	case db == "local":
		return mongoerr.New(mongoerr.IllegalOperation, "%s can't be written: the database local holds what is this member's own, and Morton keeps no other collections there", ns)
	case ns == transactionsNS:
		return mongoerr.New(mongoerr.IllegalOperation, "%s can't be written: it shows the retryable writes of the set", ns)
	}
	return nil
}

// ValidDatabase reports whether mongod takes the name for a database's.
func ValidDatabase(db string) bool {
	return db != "" && len(db) < 64 && !strings.ContainsAny(db, "/\\. \"$\x00")
}
