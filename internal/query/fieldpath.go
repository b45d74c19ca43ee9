package query

import (
	"strings"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

var errPathTooLong = mongoerr.New(5729100, "FieldPath is too long")

// checkFieldPath checks a dotted path of a sort or projection as mongod's FieldPath does.
func checkFieldPath(path string) error {
	switch {
	case path == "":
		return mongoerr.New(40352, "FieldPath cannot be constructed with empty string")
	case strings.HasSuffix(path, "."):
		return mongoerr.New(40353, "FieldPath must not end with a '.'.")
	case strings.Count(path, ".") >= document.MaxDepth:
		return errPathTooLong
	}
	for part := range strings.SplitSeq(path, ".") {
		switch {
		case part == "":
			return mongoerr.New(15998, "FieldPath field names may not be empty strings.")
		case part[0] == '$' && !isReferenceField(part):
			return mongoerr.New(16410, "FieldPath field names may not start with '$'. Consider using $getField or $setField.")
		}
	}
	return nil
}

// isReferenceField reports whether name is a field of a DBRef, which may start with $.
func isReferenceField(name string) bool {
	return name == "$id" || name == "$ref" || name == "$db"
}
