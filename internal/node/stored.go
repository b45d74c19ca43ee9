package node

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/peer"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/replset"
)

// stored is the configuration as it is replicated: MongoDB's document and, beside it, which data directory each member is: {version,
// config, disks: [{_id, raftId}], revision}.
type stored struct {
	config *replset.Config
	disks  map[int32]uint64 // member _id -> raft id
	// revision counts the changes of either. A delayed member hears of them from the others before its log brings them.
	revision int64
}

const storedVersion = 1

func (s *stored) encode() document.Doc {
	var b document.Builder
	b.AppendInt32("version", storedVersion)
	b.AppendDoc("config", s.config.Document())
	b.OpenArray("disks")
	for i, id := range slices.Sorted(maps.Keys(s.disks)) {
		b.OpenDoc(document.Index(i))
		b.AppendInt32("_id", id)
		b.AppendInt64("raftId", int64(s.disks[id]))
		b.Close()
	}
	b.Close()
	b.AppendInt64("revision", s.revision)
	return b.Finish()
}

func decodeStored(d document.Doc) (*stored, error) {
	if v := d.Lookup("version").Int32(); v != storedVersion {
		return nil, fmt.Errorf("node: the stored configuration has format version %d, this program knows %d: start the newer program that wrote it", v, storedVersion)
	}
	config, err := replset.ParseConfig(d.Lookup("config").Doc().Clone())
	if err != nil {
		return nil, fmt.Errorf("node: stored configuration: %w", err)
	}
	s := &stored{config: config, disks: map[int32]uint64{}, revision: d.Lookup("revision").Int64()}
	for it := d.Lookup("disks").Doc().Iter(); it.Next(); {
		s.disks[it.Value().Doc().Lookup("_id").Int32()] = uint64(it.Value().Doc().Lookup("raftId").Int64())
	}
	return s, nil
}

// withDisk returns the configuration after a member's data directory was replaced.
func (s *stored) withDisk(member int32, raftID uint64) *stored {
	disks := maps.Clone(s.disks)
	disks[member] = raftID
	return &stored{config: s.config, disks: disks, revision: s.revision + 1}
}

// memberOf returns the index of the member whose data directory has the raft id; -1 if none has.
func (s *stored) memberOf(raftID uint64) int {
	for i := range s.config.Members {
		if s.disks[s.config.Members[i].ID] == raftID {
			return i
		}
	}
	return -1
}

// delay returns how late the member with the raft id applies its log.
func (s *stored) delay(raftID uint64) time.Duration {
	if i := s.memberOf(raftID); i >= 0 {
		return s.config.Members[i].Delay
	}
	return 0
}

// raftMembers is what the log must know of the members.
func (s *stored) raftMembers() []raftnode.Member {
	var list []raftnode.Member
	for i := range s.config.Members {
		m := &s.config.Members[i]
		list = append(list, raftnode.Member{ID: s.disks[m.ID], Priority: m.Priority, Arbiter: m.Arbiter, Delay: m.Delay})
	}
	return list
}

// demand is what the log must know of a demand on members' tags.
func (s *stored) demand(tags replset.TagCounts) raftnode.Demand {
	var demand raftnode.Demand
	for _, t := range tags {
		spread := raftnode.Spread{Count: int(t.Count)}
		for _, group := range t.Groups(s.config) {
			var ids []uint64
			for _, i := range group {
				ids = append(ids, s.disks[s.config.Members[i].ID])
			}
			spread.Groups = append(spread.Groups, ids)
		}
		demand = append(demand, spread)
	}
	return demand
}

// peers is where to find the members.
func (s *stored) peers() []peer.Member {
	var list []peer.Member
	for i := range s.config.Members {
		m := &s.config.Members[i]
		list = append(list, peer.Member{ID: s.disks[m.ID], Host: m.Host})
	}
	return list
}

// confState is who votes when the set begins.
func (s *stored) confState() raftnode.ConfState {
	var cs raftnode.ConfState
	for i := range s.config.Members {
		m := &s.config.Members[i]
		if m.Voting() {
			cs.Voters = append(cs.Voters, s.disks[m.ID])
		} else {
			cs.Learners = append(cs.Learners, s.disks[m.ID])
		}
	}
	return cs
}
