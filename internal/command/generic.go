package command

import (
	"math"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/replset"
	"github.com/mortondb/morton/internal/session"
)

// generic holds the arguments that any command may carry, as values (still to be understood) and, once
// [operation.readGeneric] has been through, in their meaning.
type generic struct {
	lsid, txnNumber, autocommit, startTransaction document.Value
	readPreference, queryOptions                  document.Value
	readConcern, writeConcern                     document.Value
	maxTimeMS, maxTimeMSOpOnly                    document.Value
	clusterTime                                   document.Value
	apiVersion, apiStrict, apiDeprecationErrors   document.Value
	comment                                       document.Value

	session     *session.ID // nil if the command came without lsid
	txn         int64       // the transaction number, or -1
	secondaryOK bool        // the read preference allows a secondary
	maxTime     int64       // in milliseconds; 0: no limit
	retryable   bool        // a write that may come twice: it has a transaction number
	strictAPI   bool
	write       replset.WriteConcern
	read        readConcern
}

// genericFields is where each generic argument goes. A nil function: accepted from anybody, and nothing to do here
// because it is of use between mongod and mongos only.
var genericFields = map[string]func(*generic) *document.Value{
	"lsid":                 func(g *generic) *document.Value { return &g.lsid },
	"txnNumber":            func(g *generic) *document.Value { return &g.txnNumber },
	"autocommit":           func(g *generic) *document.Value { return &g.autocommit },
	"startTransaction":     func(g *generic) *document.Value { return &g.startTransaction },
	"$readPreference":      func(g *generic) *document.Value { return &g.readPreference },
	"$queryOptions":        func(g *generic) *document.Value { return &g.queryOptions },
	"readConcern":          func(g *generic) *document.Value { return &g.readConcern },
	"writeConcern":         func(g *generic) *document.Value { return &g.writeConcern },
	"maxTimeMS":            func(g *generic) *document.Value { return &g.maxTimeMS },
	"maxTimeMSOpOnly":      func(g *generic) *document.Value { return &g.maxTimeMSOpOnly },
	"$clusterTime":         func(g *generic) *document.Value { return &g.clusterTime },
	"apiVersion":           func(g *generic) *document.Value { return &g.apiVersion },
	"apiStrict":            func(g *generic) *document.Value { return &g.apiStrict },
	"apiDeprecationErrors": func(g *generic) *document.Value { return &g.apiDeprecationErrors },
	"comment":              func(g *generic) *document.Value { return &g.comment },
	"$db":                  nil,
	"$configServerState":   nil,
	"$configTime":          nil,
	"$topologyTime":        nil,
	"$audit":               nil,
}

// split sorts the fields of the request into generic ones and those of the command, which are what is left. The first
// field is the command's own, whatever it is called.
func (o *operation) split() {
	it := o.req.Body.Iter()
	it.Next()
	o.first = it.Element()
	o.args = o.argSpace[:0]
	for it.Next() {
		e := it.Element()
		at, isGeneric := genericFields[e.Key]
		switch {
		case !isGeneric:
			o.args = append(o.args, e)
		case at != nil:
			*at(&o.generic) = e.Value
		}
	}
}

// readGeneric finds out what the generic arguments mean, those about concerns excepted, which need the command's row.
func (o *operation) readGeneric() error {
	for _, read := range []func(*operation) error{
		(*operation).readAPIVersion,
		(*operation).readSession,
		(*operation).readReadPreference,
		(*operation).readClusterTime,
		(*operation).readMaxTime,
	} {
		if err := read(o); err != nil {
			return err
		}
	}
	return nil
}

func (o *operation) readMaxTime() error {
	if !o.generic.maxTimeMSOpOnly.IsMissing() {
		return mongoerr.New(mongoerr.InvalidOptions, "Can not specify maxTimeMSOpOnly for non internal clients")
	}
	v := o.generic.maxTimeMS
	if v.IsMissing() || o.row.ownMaxTime {
		return nil
	}
	n, err := parseMaxTimeMS(v)
	o.generic.maxTime = n
	return err
}

// parseMaxTimeMS reads maxTimeMS with mongod's own words for what is wrong with it.
func parseMaxTimeMS(v document.Value) (int64, error) {
	f, ok := v.AsFloat64()
	if !ok {
		return 0, mongoerr.New(mongoerr.BadValue, "maxTimeMS must be a number")
	}
	n, exact := v.AsInt64()
	switch {
	case !exact && f == math.Trunc(f) || exact && (n < 0 || n > math.MaxInt32):
		return 0, mongoerr.New(mongoerr.BadValue, "%v value for maxTimeMS is out of range", number(f, n, exact))
	case !exact:
		return 0, mongoerr.New(mongoerr.BadValue, "maxTimeMS has non-integral value")
	}
	return n, nil
}

func number(f float64, n int64, exact bool) any {
	if exact {
		return n
	}
	return f
}

// readAPIVersion checks the Stable API's parameters. There is one version; strict keeps to its commands.
func (o *operation) readAPIVersion() error {
	g := &o.generic
	var api struct {
		version           string
		strict, deprecate bool
	}
	if g.apiVersion.IsMissing() && g.apiStrict.IsMissing() && g.apiDeprecationErrors.IsMissing() {
		return nil
	}
	var err error
	if v := g.apiVersion; !v.IsNullish() {
		if v.Type != document.TypeString {
			err = wrongType(v.Type, "string")
		}
		if err != nil {
			return apiError("apiVersion", err)
		}
		api.version = v.Str()
	}
	for _, flag := range []struct {
		name string
		v    document.Value
		at   *bool
	}{{"apiStrict", g.apiStrict, &api.strict}, {"apiDeprecationErrors", g.apiDeprecationErrors, &api.deprecate}} {
		if flag.v.IsNullish() {
			continue
		}
		if flag.v.Type != document.TypeBool {
			return apiError(flag.name, wrongType(flag.v.Type, "bool"))
		}
		*flag.at = flag.v.Bool()
	}
	switch {
	case g.apiVersion.IsNullish():
		return mongoerr.New(4886600, "Provided apiStrict and/or apiDeprecationErrors without passing apiVersion")
	case api.version != "1":
		return mongoerr.New(mongoerr.APIVersionError, "Cannot accept API version %s", api.version)
	case api.strict && !o.row.stableAPI:
		return mongoerr.New(mongoerr.APIStrictError, "Provided apiStrict:true, but the command %s is not in API Version 1. "+
			"Information on supported commands and migrations in API Version 1 can be found at "+
			"https://dochub.mongodb.org/core/manual-versioned-api", o.row.name)
	}
	g.strictAPI = api.strict
	return nil
}

func apiError(field string, err error) error {
	return argumentError(within("APIParametersFromClient", within(field, err)))
}
