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
		{name: "collMod", help: "changes options of a collection, a view or an index", runs: onPrimary, stableAPI: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(collModFields, runCollMod)},
		{name: "renameCollection", help: "gives a collection another name", runs: onPrimary, adminOnly: true, readConcern: readConcernWrite, writeConcern: true, prepare: typed(renameFields, runRenameCollection)},
		{name: "convertToCapped", help: "makes a collection capped", runs: onPrimary, readConcern: readConcernWrite, writeConcern: true, prepare: plain(runConvertToCapped)},
		{name: "cloneCollectionAsCapped", help: "makes a capped copy of a collection", runs: onPrimary, readConcern: readConcernWrite, writeConcern: true, prepare: plain(runCloneCollectionAsCapped)},
		{name: "validate", help: "compares a collection with its indexes", runs: whereReadable, readConcern: readConcernWrite, prepare: plain(runValidate)},
		{name: "compact", help: "frees space, which storage does by itself", runs: whereReadable, readConcern: readConcernWrite, prepare: plain(runCompact)},
		{name: "reIndex", help: "builds all indexes anew", runs: whereReadable, readConcern: readConcernWrite, prepare: plain(runReIndex)},
		{name: "planCacheClear", help: "forgets the plans of queries", runs: whereReadable, readConcern: readConcernWrite, prepare: plain(runPlanCacheClear)},
		{name: "planCacheClearFilters", help: "forgets which indexes queries are held to", runs: whereReadable, readConcern: readConcernWrite, prepare: plain(runPlanCacheClear)},
		{name: "planCacheListFilters", help: "which indexes queries are held to", runs: whereReadable, readConcern: readConcernWrite, prepare: plain(runPlanCacheListFilters)},
		{name: "planCacheSetFilter", help: "holds queries to indexes", runs: whereReadable, readConcern: readConcernWrite, prepare: plain(runPlanCacheSetFilter)},
		{name: "dataSize", aliases: []string{"datasize"}, help: "the size of documents", runs: whereReadable, readConcern: readConcernWrite, prepare: typed(dataSizeFields, runDataSize)},
		{name: "dbStats", aliases: []string{"dbstats"}, help: "the size of a database", runs: whereReadable, readConcern: readConcernWrite, prepare: typed(dbStatsFields, runDBStats)},
		{name: "collStats", aliases: []string{"collstats"}, help: "the size of a collection", runs: onSecondaryIfAsked, readConcern: readConcernWrite, prepare: typed(collStatsFields, runCollStats)},
	}
}
