package command

// The commands on databases, collections and what is known of them.

func catalogCommands() []*row {
	return []*row{
		{name: "create", help: "makes a collection", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(createFields, runCreate)},
		{name: "drop", help: "removes a collection", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(dropFields, runDrop)},
		{name: "dropDatabase", help: "removes a database", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(dropDatabaseFields, runDropDatabase)},
		{name: "listCollections", help: "the collections of a database", runs: onSecondaryIfAsked, stableAPI: true, readConcern: readConcernWrite, prepare: typed(listCollectionsFields, runListCollections)},
		{name: "listDatabases", help: "the databases", runs: onSecondaryIfAsked, adminOnly: true, stableAPI: true, readConcern: readConcernWrite, prepare: typed(listDatabasesFields, runListDatabases)},
		{name: "createIndexes", help: "makes indexes", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(createIndexesFields, runCreateIndexes)},
		{name: "listIndexes", help: "the indexes of a collection", runs: onSecondaryIfAsked, stableAPI: true, readConcern: readConcernWrite, prepare: typed(listIndexesFields, runListIndexes)},
		{name: "dropIndexes", aliases: []string{"deleteIndexes"}, help: "removes indexes", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(dropIndexesFields, runDropIndexes)},
		{name: "dbStats", aliases: []string{"dbstats"}, help: "the size of a database", runs: whereReadable, readConcern: readConcernWrite, prepare: typed(dbStatsFields, runDBStats)},
		{name: "collStats", aliases: []string{"collstats"}, help: "the size of a collection", runs: onSecondaryIfAsked, readConcern: readConcernWrite, prepare: typed(collStatsFields, runCollStats)},
	}
}
