package command

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/mortondb/morton/internal/engine"
	"github.com/mortondb/morton/internal/mongoerr"
)

// memorySpills keeps in memory what is to be on the disk.
type memorySpills struct{}

type memorySpill struct{ bytes.Buffer }

func (memorySpills) Create() (engine.SpillFile, error) { return &memorySpill{}, nil }

func (f *memorySpill) ReadAt(b []byte, at int64) (int, error) {
	return bytes.NewReader(f.Bytes()).ReadAt(b, at)
}
func (f *memorySpill) Close() error { return nil }

// TestSortsThatMayNotUseTheDisk asks for sorts that do not fit into memory, of finds and of pipelines: whether they may use the disk is said by the command, or
// else by the server's parameter.
func TestSortsThatMayNotUseTheDisk(t *testing.T) {
	c := newTestMember(t, 1).client()
	for i := range 20 {
		c.must("test", fmt.Sprintf(`{"insert": "c", "documents": [{"_id": %d, "s": "%s"}]}`, i, strings.Repeat("x", 100_000)))
	}
	c.must("admin", `{"setParameter": 1, "internalQueryMaxBlockingSortMemoryUsageBytes": 1000000}`)
	const exceeded = " :: caused by :: Sort exceeded memory limit of 1000000 bytes, but did not opt in to external sorting."
	for byDefault, says := range map[string]map[string]bool{ // option of the command → refused
		"true":  {"": false, `, "allowDiskUse": false`: true, `, "allowDiskUse": true`: false},
		"false": {"": true, `, "allowDiskUse": false`: true, `, "allowDiskUse": true`: false},
	} {
		c.must("admin", `{"setParameter": 1, "allowDiskUseByDefault": `+byDefault+`}`)
		for option, refused := range says {
			for command, where := range map[string]string{
				`{"find": "c", "sort": {"s": 1}, "batchSize": 1` + option + `}`:                                   "Executor error during find command",
				`{"aggregate": "c", "pipeline": [{"$sort": {"s": 1}}], "cursor": {"batchSize": 1}` + option + `}`: "PlanExecutor error during aggregation",
			} {
				code, text := failure(c.run("test", command))
				if refused && (code != mongoerr.QueryExceededMemoryLimitNoDiskUseAllowed || text != where+exceeded) || !refused && text == where+exceeded {
					t.Errorf("by default %s, %s: %d %s", byDefault, command, code, text)
				}
			}
		}
	}
}
