package command

import "github.com/mortondb/morton/internal/mongoerr"

// The commands that read documents.

func readCommands() []*row {
	return []*row{
		{name: "find", help: "returns documents", args: "FindCommandRequest", kind: kindQuery, runs: onSecondaryIfAsked, reads: true, stableAPI: true, readConcern: readConcernAll, prepare: typed(findFields, runFind)},
		{name: "getMore", help: "returns more of a cursor", kind: kindGetMore, runs: whereReadable, reads: true, stableAPI: true, readConcern: readConcernAll, ownMaxTime: true, quiet: true, prepare: typed(getMoreFields, runGetMore)},
		{name: "killCursors", help: "ends cursors", runs: whereReadable, stableAPI: true, prepare: typed(killCursorsFields, runKillCursors)},
		{name: "count", help: "counts documents", runs: onSecondaryIfAsked, reads: true, stableAPI: true, readConcern: readConcernRead, prepare: typed(countFields, runCount)},
		{name: "distinct", help: "returns the different values of a field", runs: onSecondaryIfAsked, reads: true, readConcern: readConcernAll, prepare: typed(distinctFields, runDistinct)},
		{name: "explain", help: "tells how a command is done", runs: onSecondaryIfAsked, reads: true, stableAPI: true, readConcern: readConcernRead, prepare: typed(explainFields, runExplain)},
		{name: "aggregate", help: "runs a pipeline", runs: onSecondaryIfAsked, reads: true, stableAPI: true, readConcern: readConcernAll, writeConcern: true, ownMaxTime: true, ownConcernTypes: true, prepare: typed(aggregateFields, runAggregate)},
	}
}

// notImplemented refuses an option that MongoDB has.
func notImplemented(what string) error {
	return mongoerr.New(mongoerr.NotImplemented, "%s is not supported by this version of Morton", what)
}
