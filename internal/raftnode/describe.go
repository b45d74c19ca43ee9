package raftnode

import (
	"fmt"
	"strings"

	"go.etcd.io/raft/v3/raftpb"
)

// DescribeEntry says what an entry is that holds no groups of the oplog: the first of a term, or a change of members by raft ids. "" for one
// that does.
func DescribeEntry(typ byte, data []byte) string {
	e := &raftpb.Entry{Type: raftpb.EntryType(typ), Data: data}
	switch {
	case e.Type != raftpb.EntryNormal:
		cc, err := decodeConfChange(e)
		if err != nil {
			return fmt.Sprintf("change of members that cannot be read: %v", err)
		}
		var changes []string
		for _, c := range cc.Changes {
			changes = append(changes, fmt.Sprintf("%s %x", strings.TrimPrefix(c.Type.String(), "ConfChange"), c.NodeID))
		}
		if changes == nil {
			return "change of members: the joint configuration ends"
		}
		return "change of members: " + strings.Join(changes, ", ")
	case len(data) == 0:
		return "begin of a term"
	}
	return ""
}
