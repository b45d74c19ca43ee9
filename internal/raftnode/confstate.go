package raftnode

import (
	"fmt"
	"slices"

	"go.etcd.io/raft/v3/raftpb"
)

// ConfState is who takes part: raft ids by role. While a change is under way VotersOutgoing are the voters of the old
// configuration, whose majority counts too.
type ConfState struct {
	Voters, Learners, VotersOutgoing, LearnersNext []uint64
	AutoLeave                                      bool
}

// Joint reports whether a change is under way.
func (c ConfState) Joint() bool { return len(c.VotersOutgoing) > 0 }

// IsVoter reports whether id votes, in the old or the new configuration.
func (c ConfState) IsVoter(id uint64) bool {
	return slices.Contains(c.Voters, id) || slices.Contains(c.VotersOutgoing, id)
}

// Contains reports whether id takes part in any role.
func (c ConfState) Contains(id uint64) bool {
	return c.IsVoter(id) || slices.Contains(c.Learners, id) || slices.Contains(c.LearnersNext, id)
}

// Members returns everybody who takes part, in ascending order.
func (c ConfState) Members() []uint64 {
	ids := slices.Concat(c.Voters, c.VotersOutgoing, c.Learners, c.LearnersNext)
	slices.Sort(ids)
	return slices.Compact(ids)
}

// confStateVersion is the first byte of an encoded ConfState.
const confStateVersion = 1

// MarshalBinary encodes c for a state machine to keep.
func (c ConfState) MarshalBinary() ([]byte, error) {
	cs := c.raft()
	b, err := cs.Marshal()
	return append([]byte{confStateVersion}, b...), err
}

// UnmarshalBinary decodes what MarshalBinary returned.
func (c *ConfState) UnmarshalBinary(b []byte) error {
	if len(b) == 0 || b[0] != confStateVersion {
		return fmt.Errorf("raftnode: members in an unknown format: start the newer program that wrote them")
	}
	var cs raftpb.ConfState
	if err := cs.Unmarshal(b[1:]); err != nil {
		return fmt.Errorf("raftnode: members: %w", err)
	}
	*c = fromRaft(cs)
	return nil
}

func (c ConfState) raft() raftpb.ConfState {
	return raftpb.ConfState{Voters: c.Voters, Learners: c.Learners, VotersOutgoing: c.VotersOutgoing,
		LearnersNext: c.LearnersNext, AutoLeave: c.AutoLeave}
}

func fromRaft(cs raftpb.ConfState) ConfState {
	return ConfState{Voters: cs.Voters, Learners: cs.Learners, VotersOutgoing: cs.VotersOutgoing,
		LearnersNext: cs.LearnersNext, AutoLeave: cs.AutoLeave}
}

// ChangeKind is what happens to a member.
type ChangeKind int

// The kinds of membership changes.
const (
	AddVoter   ChangeKind = iota // adds a voter, or promotes a learner
	AddLearner                   // adds a learner, or demotes a voter
	Remove
)

// Change is one membership change.
type Change struct {
	Kind ChangeKind
	ID   uint64
}
