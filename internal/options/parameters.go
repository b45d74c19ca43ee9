package options

import "strconv"

// startParameter is a server parameter that may be set when a member starts.
type startParameter struct {
	kind     kind
	harmless string // why it has no effect; empty if it has one
}

// parameters is by name. All others are unknown: a parameter that would change something must not be accepted and ignored.
var parameters = map[string]startParameter{
	"enableTestCommands": {kind: boolean},
	"logLevel":           {kind: integer},
	"quiet":              {kind: boolean},

	"allowDiskUseByDefault":                        {kind: boolean},
	"internalQueryMaxBlockingSortMemoryUsageBytes": {kind: integer},

	"shutdownTimeoutMillisForSignaledShutdown": {kind: integer},

	"ttlMonitorEnabled":   {kind: boolean},
	"ttlMonitorSleepSecs": {kind: integer},

	// What test tools and packages commonly set to make mongod quieter or faster.
	"diagnosticDataCollectionEnabled":       {boolean, "nothing is collected"},
	"disableLogicalSessionCacheRefresh":     {boolean, "sessions are not written to a collection"},
	"logicalSessionRefreshMillis":           {integer, "sessions are not written to a collection"},
	"honorSystemUmask":                      {boolean, "files are made for their owner alone"},
	"writePeriodicNoops":                    {boolean, "members hear of each other without writes"},
	"periodicNoopIntervalSecs":              {integer, "members hear of each other without writes"},
	"tcmallocReleaseRate":                   {number, "memory is returned to the system by Go's runtime"},
	"tcmallocAggressiveMemoryDecommit":      {integer, "memory is returned to the system by Go's runtime"},
	"wiredTigerConcurrentReadTransactions":  {integer, "reads need no tickets"},
	"wiredTigerConcurrentWriteTransactions": {integer, "writes need no tickets"},
	"enableFlowControl":                     {boolean, "writers slow down by themselves when others cannot follow"},
	"suppressNoTLSPeerCertificateWarning":   {boolean, "there is no TLS in this release"},
}

func (p startParameter) check(name, s string) error {
	var err error
	what := "Did not consume whole string."
	switch p.kind {
	case boolean:
		if s != "true" && s != "false" && s != "1" && s != "0" {
			return badValue("Bad value for parameter %q: Value is not a valid boolean", name)
		}
	case integer:
		_, err = strconv.ParseInt(s, 10, 32)
	case number:
		_, err = strconv.ParseFloat(s, 64)
	}
	if err == nil {
		return nil
	}
	if s == "" {
		what = "No digits"
	}
	return badValue("Bad value for parameter %q: %s", name, what)
}

func isTrue(s string) bool { return s == "true" || s == "1" }
