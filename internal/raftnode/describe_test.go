package raftnode

import (
	"testing"

	"go.etcd.io/raft/v3/raftpb"
)

// TestDescribeEntry shows the words for entries without groups.
func TestDescribeEntry(t *testing.T) {
	encode := func(cc raftpb.ConfChangeV2) []byte {
		data, err := cc.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	joint := encode(raftpb.ConfChangeV2{Changes: []raftpb.ConfChangeSingle{{Type: raftpb.ConfChangeAddLearnerNode, NodeID: 0xa1}, {Type: raftpb.ConfChangeRemoveNode, NodeID: 0xb2}}})
	for _, c := range []struct {
		typ  raftpb.EntryType
		data []byte
		want string
	}{
		{raftpb.EntryNormal, nil, "begin of a term"},
		{raftpb.EntryNormal, []byte{1}, ""},
		{raftpb.EntryConfChangeV2, joint, "change of members: AddLearnerNode a1, RemoveNode b2"},
		{raftpb.EntryConfChangeV2, encode(raftpb.ConfChangeV2{}), "change of members: the joint configuration ends"},
		{raftpb.EntryConfChangeV2, []byte{0xff}, "change of members that cannot be read: unexpected EOF"},
	} {
		if got := DescribeEntry(byte(c.typ), c.data); got != c.want {
			t.Errorf("%v %x: %q, want %q", c.typ, c.data, got, c.want)
		}
	}
}
