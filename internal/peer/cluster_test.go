package peer

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/logfile"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/peer/memnet"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/wire"
)

const testElection = 200 * time.Millisecond

var testSetID = document.ObjectID{1, 2, 3}

// set is members with real nodes, logs and transports on a network in memory.
type set struct {
	t       testing.TB
	net     *memnet.Network
	initial raftnode.Snapshot

	mu         sync.Mutex
	members    map[uint64]*member
	mismatches []Mismatch
	progress   []SnapshotProgress
	fatal      error
}

type member struct {
	s         *set
	id        uint64
	host      string
	fs        *vfs.MemFS
	sm        *store
	log       *logfile.Log
	node      *raftnode.Node
	transport *Transport
	listener  net.Listener
	conns     sync.WaitGroup
	up        bool
}

func hostOf(id uint64) string { return fmt.Sprintf("host%d:27017", id) }

func newSet(t testing.TB, voters int) *set {
	s := &set{t: t, net: memnet.New(1), members: map[uint64]*member{}, initial: raftnode.Snapshot{Index: 1, Term: 1, TS: 1}}
	var ids []uint64
	for id := uint64(1); id <= uint64(voters); id++ {
		ids = append(ids, id)
	}
	s.initial.ConfState.Voters = ids
	for _, id := range ids {
		s.add(id, s.initial, ids)
	}
	return s
}

// add starts a new member that knows the others given.
func (s *set) add(id uint64, at raftnode.Snapshot, others []uint64) *member {
	m := &member{s: s, id: id, host: hostOf(id), fs: vfs.NewMem()}
	m.sm = &store{fs: m.fs, data: map[string]string{}, at: at}
	s.members[id] = m
	m.start(others)
	return m
}

func (m *member) start(others []uint64) {
	s := m.s
	s.t.Helper()
	log, err := logfile.Open(m.fs, "log", logfile.Options{SegmentBytes: 64 << 10, CacheBytes: 64 << 10})
	if err != nil {
		s.t.Fatal(err)
	}
	m.log = log
	m.transport, err = New(Options{
		ID: m.id, Host: func() string { return m.host }, Set: "rs", SetID: testSetID, FS: m.fs, Dir: "snapshots", ElectionTimeout: testElection,
		Dial:   func(ctx context.Context, host string) (net.Conn, error) { return s.net.Dial(ctx, m.host, host) },
		Status: m.status,
		OnMismatch: func(x Mismatch) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.mismatches = append(s.mismatches, x)
		},
		OnProgress: func(p SnapshotProgress) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.progress = append(s.progress, p)
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	m.node, err = raftnode.Open(raftnode.Options{
		ID: m.id, Log: log, StateMachine: m.sm, Transport: m.transport, Applied: m.sm.applied(), ElectionTimeout: testElection,
		OnFatal: func(err error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.fatal = err
		},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	m.sm.setNode(m.node)
	m.know(others)
	if m.listener, err = s.net.Listen(m.host); err != nil {
		s.t.Fatal(err)
	}
	m.up = true
	m.transport.Start(m.node)
	m.node.Start()
	l, tr := m.listener, m.transport
	m.conns.Go(func() { m.serve(l, tr) })
}

func (m *member) know(others []uint64) {
	var list []Member
	for _, id := range others {
		list = append(list, Member{ID: id, Host: hostOf(id)})
	}
	m.transport.SetMembers(list)
}

func (m *member) status() Status {
	st := m.node.Status()
	state := int32(2)
	if st.Primary {
		state = 1
	}
	return Status{State: state, Applied: oplog.OpTime{TS: st.AppliedTS, Term: st.AppliedTerm}, Durable: oplog.OpTime{TS: st.DurableTS},
		Term: st.Term, Leader: st.Leader, ConfigVersion: 1}
}

// serve is what package server does with a client's connection that runs _mortonPeer.
func (m *member) serve(l net.Listener, tr *Transport) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		m.conns.Go(func() {
			defer conn.Close()
			br := bufio.NewReader(conn)
			request, err := readMessage(br)
			if err != nil {
				return
			}
			var msg wire.Msg
			if msg.Parse(request) != nil {
				return
			}
			reply, ok := tr.Answer(msg.Body)
			if _, err := conn.Write(appendReply(reply)); err == nil && ok {
				tr.Accept(conn, br, msg.Body)
			}
		})
	}
}

func appendReply(reply document.Doc) []byte {
	m := wire.Msg{Body: reply}
	return m.Append(nil, 1, 1)
}

// kill ends a member's process; its disk keeps everything.
func (m *member) kill() {
	if !m.up {
		return
	}
	m.up = false
	m.s.net.Kill(m.host)
	m.node.Close()
	m.transport.Close()
	m.conns.Wait()
	_ = m.log.Close()
}

func (s *set) list() []*member {
	return slices.SortedFunc(maps.Values(s.members), func(a, b *member) int { return int(a.id) - int(b.id) })
}

func (s *set) fatalf(format string, args ...any) {
	s.t.Helper()
	s.t.Errorf(format, args...)
	for _, m := range s.list() {
		s.t.Logf("member %d: %+v", m.id, m.node.Status())
		for _, p := range m.transport.Peers() {
			s.t.Logf("  %+v", p)
		}
	}
	s.close()
	s.t.FailNow()
}

func (s *set) close() {
	for _, m := range s.list() {
		m.kill()
	}
	time.Sleep(time.Minute)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fatal != nil {
		s.t.Errorf("a member stopped: %v", s.fatal)
	}
}

func (s *set) primary(within time.Duration) *member {
	s.t.Helper()
	for end := time.Now().Add(within); time.Now().Before(end); time.Sleep(time.Millisecond) {
		for _, m := range s.list() {
			if m.up && m.sm.isPrimary() {
				ctx, cancel := context.WithTimeout(context.Background(), testElection)
				err := m.node.ReadBarrier(ctx)
				cancel()
				if err == nil {
					return m
				}
			}
		}
	}
	s.fatalf("no primary within %v", within)
	return nil
}

func (s *set) put(m *member, key, value string) {
	s.t.Helper()
	op, err := m.sm.write(key, value)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err == nil {
		err = m.node.WaitCommitted(ctx, op)
	}
	if err != nil {
		s.fatalf("writing %s through member %d: %v", key, m.id, err)
	}
}

// eventually waits for cond.
func (s *set) eventually(what string, cond func() bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if cond() {
			return
		}
	}
	s.fatalf("never: %s", what)
}

func inSet(t *testing.T, voters int, f func(t *testing.T, s *set)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := newSet(t, voters)
		f(t, s)
		s.close()
	})
}

// store is a state machine with keys and values, whose checkpoints are files.
type store struct {
	fs vfs.FS

	mu      sync.Mutex
	node    *raftnode.Node
	data    map[string]string
	at      raftnode.Snapshot
	last    oplog.Timestamp
	primary uint64
}

func (k *store) setNode(n *raftnode.Node) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.node = n
}

func (k *store) applied() raftnode.Snapshot {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.at
}

func (k *store) isPrimary() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.primary != 0
}

func (k *store) get(key string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.data[key]
}

func (k *store) write(key, value string) (oplog.OpTime, error) {
	w := oplog.NewWriter(&oplog.Header{Namespace: "t.kv"}, 0)
	w.Begin(oplog.Internal, -1, nil, nil)
	w.Put([]byte(key), []byte(value))
	group := w.Finish()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.primary == 0 {
		return oplog.OpTime{}, raftnode.ErrNotPrimary
	}
	k.last = oplog.Next(k.last, time.Now())
	oplog.SetFirst(group, k.last)
	k.node.Append(group, k.last, true)
	return oplog.OpTime{TS: k.last, Term: k.primary}, nil
}

func (k *store) Apply(entries []raftnode.Entry) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, e := range entries {
		if e.Index != k.at.Index+1 {
			return fmt.Errorf("entry %d after %d", e.Index, k.at.Index)
		}
		k.at.Index, k.at.Term = e.Index, e.Term
		for rest := e.Data; len(rest) > 0; {
			var group []byte
			var err error
			if group, rest, err = oplog.NextGroup(rest); err != nil {
				return err
			}
			r, err := oplog.NewReader(group)
			if err != nil {
				return err
			}
			var op oplog.Op
			for more := true; more; {
				if more, err = r.Next(&op); err != nil {
					return err
				}
				for _, m := range op.Mutations {
					k.data[string(m.Key)] = string(m.Value)
				}
				op.Mutations = nil
			}
			k.at.TS = r.Header.Last()
			k.last = max(k.last, k.at.TS)
		}
	}
	return nil
}

func (k *store) ApplyConfChange(e raftnode.Entry, cs raftnode.ConfState, context []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.at.Index, k.at.Term, k.at.ConfState = e.Index, e.Term, cs
	return nil
}

func (k *store) BecomePrimary(term uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.primary = term
}

func (k *store) StepDown(uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.primary = 0
}

// Checkpoint writes half of the keys into one file and half into another, in directories of their own, and an empty
// file.
func (k *store) Checkpoint(dir string, _ bool) (raftnode.Snapshot, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var parts [2]bytes.Buffer
	for key, value := range k.data {
		b := &parts[len(key)%2]
		b.Write(binary.AppendUvarint(nil, uint64(len(key))))
		b.WriteString(key)
		b.Write(binary.AppendUvarint(nil, uint64(len(value))))
		b.WriteString(value)
	}
	for i, name := range []string{"odd/data", "even/deep/data"} {
		if err := k.put(k.fs.PathJoin(dir, name), parts[i].Bytes()); err != nil {
			return raftnode.Snapshot{}, err
		}
	}
	return k.at, k.put(k.fs.PathJoin(dir, "empty"), nil)
}

func (k *store) put(path string, data []byte) error {
	if err := k.fs.MkdirAll(k.fs.PathDir(path), 0o755); err != nil {
		return err
	}
	f, err := k.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}

func (k *store) InstallSnapshot(dir string, s raftnode.Snapshot) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	data := map[string]string{}
	for _, name := range []string{"odd/data", "even/deep/data", "empty"} {
		f, err := k.fs.Open(k.fs.PathJoin(dir, name))
		if err != nil {
			return err
		}
		b, err := io.ReadAll(f)
		_ = f.Close()
		if err != nil {
			return err
		}
		next := func() string {
			n, k := binary.Uvarint(b)
			s := string(b[k : k+int(n)])
			b = b[k+int(n):]
			return s
		}
		for len(b) > 0 {
			key := next()
			data[key] = next()
		}
	}
	k.data, k.at, k.last = data, s, max(k.last, s.TS)
	return k.fs.RemoveAll(dir)
}

// fill writes about size bytes through the primary.
func (s *set) fill(prefix string, size int) {
	r := rand.New(rand.NewPCG(1, 1))
	for i := 0; size > 0; i++ {
		value := strings.Repeat(fmt.Sprint(r.Uint64()), 100)
		s.put(s.primary(time.Second), fmt.Sprint(prefix, i), value)
		size -= len(value)
	}
}
