package bench

import (
	"context"
	"fmt"
)

// A group is workloads, or other measurements, on the same data.
type group struct {
	name, title string
	members     []int   // sizes of the sets that are started for it
	cacheGB     float64 // 0: that of the run
	load        func(*server) error
	workloads   []workload
	clean       func(*server) error // after each workload
	// trial measures what is no workload, on servers that it may kill.
	trial func(ctx context.Context, r *run, servers []*server) error
}

// groups is the table of everything that is measured.
func groups(o Options) []group {
	return []group{
		{name: "operations", title: "Operations on 200,000 documents of 300 bytes", members: []int{1}, load: loadDocuments, workloads: operations, clean: dropInserted},
		{name: "set", title: "The same on a set of three", members: []int{3}, load: loadDocuments, workloads: setOperations, clean: dropInserted},
		{name: "queries", title: fmt.Sprintf("Queries on %d documents", queriedDocuments), members: []int{1}, load: loadQueried, workloads: queries},
		{name: "ycsb", title: "YCSB's core workloads on 100,000 records of 1 KB", members: []int{1}, load: loadYCSB(ycsbRecords), workloads: ycsbWorkloads(ycsbRecords)},
		{name: "larger", title: "Twice as much data as cache (0.25 GB)", members: []int{1}, cacheGB: largerCacheGB, load: loadYCSB(largerRecords), workloads: largerWorkloads},
		{name: "storms", title: "Connections and hello", members: []int{1}, workloads: storms},
		{name: "memory", title: "Memory", members: []int{1}, cacheGB: memoryCacheGB, trial: measureMemory},
		{name: "cold", title: "Start after kill -9 with data on disk", members: []int{1}, trial: measureColdStarts},
		{name: "failover", title: "The primary is killed", members: []int{3}, trial: measureFailovers},
		{name: "steady", title: fmt.Sprintf("%s of bulk load", o.Steady), members: []int{1}, trial: measureSteady},
		{name: "growth", title: "Cost as the data grows", members: []int{1}, trial: measureGrowth},
		{name: "sync", title: "What an initial sync costs the clients", members: []int{3}, trial: measureSync},
	}
}

// Names returns the groups' names and titles, for help.
func Names() (list [][2]string) {
	for _, g := range groups(Defaults()) {
		list = append(list, [2]string{g.name, g.title})
	}
	return list
}

func dropInserted(srv *server) error { return srv.drop("inserted") }
