// Package mongolog is log lines in mongod's JSON form, written to a file or a stream and kept for getLog.
//
// It is a [slog.Handler]: the rest of the program logs through log/slog and knows nothing of the form. A line is
//
//	{"t":{"$date":"2026-01-02T03:04:05.678+00:00"},"s":"I",  "c":"NETWORK",  "id":23016,   "ctx":"listener","msg":"Waiting for connections","attr":{"port":27017}}
//
// Component, id, context and tags are attributes of a record or of a logger made with With, outside of groups: [Component],
// [ID], [Context], [StartupWarning], or the keys "c", "id", "ctx" and "tags" in packages that know only slog. A line that mongod writes too carries mongod's id, so that tools which look for it find it; Morton's own
// lines have id 0.
package mongolog
