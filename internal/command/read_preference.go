package command

import (
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// minStaleness is the smallest maxStalenessSeconds that the specification of server selection allows.
const minStaleness = 90

var readModes = map[string]bool{ // does it allow a secondary?
	"primary": false, "primaryPreferred": true, "secondary": true, "secondaryPreferred": true, "nearest": true,
}

// readReadPreference finds out whether the client accepts an answer from a secondary. Which secondary was the client's
// choice; tags and staleness are checked for form only, as by mongod.
func (o *operation) readReadPreference() error {
	v := o.generic.readPreference
	if v.IsMissing() {
		if q := o.generic.queryOptions; q.Type == document.TypeDocument {
			v = q.Doc().Lookup("$readPreference")
		}
	}
	if v.IsMissing() {
		o.generic.secondaryOK = o.req.SlaveOK
		return nil
	}
	if v.Type != document.TypeDocument {
		return mongoerr.New(mongoerr.TypeMismatch, "$readPreference has incorrect type: expected object but got %s", v.Type)
	}
	pref := v.Doc()
	mode := pref.Lookup("mode")
	switch {
	case mode.IsMissing():
		return mongoerr.New(mongoerr.NoSuchKey, `Missing expected field "mode"`)
	case mode.Type != document.TypeString:
		return oldWrongType("mode", "string", mode.Type)
	}
	secondary, ok := readModes[mode.Str()]
	if !ok {
		return mongoerr.New(mongoerr.BadValue, "Could not parse $readPreference mode '%s'. Only the modes 'primary', 'primaryPreferred', "+
			"'secondary', 'secondaryPreferred', and 'nearest' are supported. :: caused by :: Enumeration value '%s' for field 'mode' is not a valid value.",
			mode.Str(), mode.Str())
	}
	o.generic.secondaryOK = secondary
	return checkReadPreference(pref, secondary)
}

func checkReadPreference(pref document.Doc, secondary bool) error {
	tags := pref.Lookup("tags")
	if !tags.IsMissing() {
		if tags.Type != document.TypeArray {
			return oldWrongType("tags", "array", tags.Type)
		}
		for it := tags.Doc().Iter(); it.Next() && !secondary; {
			if !it.Value().Doc().IsEmpty() {
				return mongoerr.New(mongoerr.BadValue, "Only empty tags are allowed with primary read preference")
			}
		}
	}
	if n, ok := pref.Lookup("maxStalenessSeconds").ToInt64(); ok && n != 0 {
		switch {
		case n < 0:
			return mongoerr.New(mongoerr.BadValue, "maxStalenessSeconds must be a non-negative integer")
		case !secondary:
			return mongoerr.New(mongoerr.BadValue, "maxStalenessSeconds can not be set for the primary mode")
		case n < minStaleness:
			return mongoerr.New(mongoerr.MaxStalenessOutOfRange, "maxStalenessSeconds value can not be less than %d", minStaleness)
		}
	}
	if hedge := pref.Lookup("hedge"); hedge.Type == document.TypeDocument && !secondary && hedge.Doc().Lookup("enabled").Truthy() {
		return mongoerr.New(mongoerr.InvalidOptions, `cannot enable hedging for $readPreference mode "primaryOnly"`)
	}
	return nil
}

// oldWrongType is the complaint of mongod's older parsers.
func oldWrongType(field, want string, got document.Type) error {
	return mongoerr.New(mongoerr.TypeMismatch, `"%s" had the wrong type. Expected %s, found %s`, field, want, got)
}
