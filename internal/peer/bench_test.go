package peer

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/logfile"
	"github.com/mortondb/morton/internal/oplog"
	"github.com/mortondb/morton/internal/peer/memnet"
	"github.com/mortondb/morton/internal/raftnode"
	"github.com/mortondb/morton/internal/wire"
)

// BenchmarkAppend measures groups of about 200 bytes that are appended and waited for until they are committed: one voter and
// three, one writer and sixteen, log files on the disk of the temporary directory, over loopback TCP and in memory; and with
// writers that do not wait.
func BenchmarkAppend(b *testing.B) {
	for _, network := range []string{"none", "tcp", "mem"} {
		voters := 3
		if network == "none" {
			voters = 1
		}
		for _, writers := range []int{1, 16} {
			b.Run(fmt.Sprintf("voters=%d/net=%s/writers=%d", voters, network, writers), func(b *testing.B) {
				benchmarkAppend(b, voters, network, writers, true)
			})
		}
		b.Run(fmt.Sprintf("voters=%d/net=%s/writers=1/nowait", voters, network), func(b *testing.B) {
			benchmarkAppend(b, voters, network, 1, false)
		})
	}
}

// sink is a state machine that forgets everything, with the primary's write lock.
type sink struct {
	mu      sync.Mutex
	node    *raftnode.Node
	primary atomic.Uint64
	last    oplog.Timestamp
	entries atomic.Int64
	applied atomic.Uint64
}

func (s *sink) Apply(entries []raftnode.Entry) error {
	s.entries.Add(int64(len(entries)))
	if last := entries[len(entries)-1]; len(last.Data) > 0 {
		_, ts, err := oplog.Span(last.Data)
		s.applied.Store(uint64(ts))
		return err
	}
	return nil
}
func (s *sink) ApplyConfChange(raftnode.Entry, raftnode.ConfState, []byte) error { return nil }
func (s *sink) BecomePrimary(term uint64)                                        { s.primary.Store(term) }
func (s *sink) StepDown(uint64)                                                  { s.primary.Store(0) }
func (s *sink) Checkpoint(string, bool) (raftnode.Snapshot, error)               { panic("no checkpoints") }
func (s *sink) InstallSnapshot(string, raftnode.Snapshot) error                  { panic("no snapshots") }

func (s *sink) write(group []byte, urgent bool) oplog.OpTime {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last++
	oplog.SetFirst(group, s.last)
	s.node.Append(group, s.last, urgent)
	return oplog.OpTime{TS: s.last, Term: s.primary.Load()}
}

func benchmarkAppend(b *testing.B, voters int, network string, writers int, wait bool) {
	at := raftnode.Snapshot{Index: 1, Term: 1, TS: 1}
	hosts := map[uint64]string{}
	listeners := map[uint64]net.Listener{}
	mem := memnet.New(1)
	var members []Member
	for id := uint64(1); id <= uint64(voters); id++ {
		at.ConfState.Voters = append(at.ConfState.Voters, id)
		var err error
		if network == "mem" {
			listeners[id], err = mem.Listen(hostOf(id))
		} else {
			listeners[id], err = net.Listen("tcp", "127.0.0.1:0")
		}
		if err != nil {
			b.Fatal(err)
		}
		hosts[id] = listeners[id].Addr().String()
		members = append(members, Member{id, hosts[id]})
	}
	var sinks []*sink
	for id := uint64(1); id <= uint64(voters); id++ {
		dial := func(ctx context.Context, host string) (net.Conn, error) {
			if network == "mem" {
				return mem.Dial(ctx, hosts[id], host)
			}
			var d net.Dialer
			return d.DialContext(ctx, "tcp", host)
		}
		sinks = append(sinks, benchMember(b, id, at, hosts[id], members, listeners[id], dial))
	}
	var p *sink
	for p == nil {
		time.Sleep(time.Millisecond)
		for _, s := range sinks {
			if s.primary.Load() != 0 {
				p = s
			}
		}
	}
	run(b, p, writers, wait)
	b.ReportMetric(float64(b.N)/float64(max(p.entries.Load(), 1)), "groups/entry")
}

func run(b *testing.B, p *sink, writers int, wait bool) {
	ctx := b.Context()
	var left atomic.Int64
	left.Store(int64(b.N))
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				w := oplog.NewWriter(&oplog.Header{Namespace: "test.c"}, 150)
				w.Begin(oplog.Internal, -1, nil, nil)
				w.Put([]byte("key1key1"), make([]byte, 110))
				op := p.write(w.Finish(), wait)
				for !wait && uint64(op.TS) > p.applied.Load()+50000 {
					time.Sleep(100 * time.Microsecond) // back-pressure
				}
				if !wait {
					continue
				}
				if err := p.node.WaitCommitted(ctx, op); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	if err := p.node.WaitCommitted(ctx, oplog.OpTime{TS: p.last, Term: p.primary.Load()}); err != nil {
		b.Error(err)
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

func benchMember(b *testing.B, id uint64, at raftnode.Snapshot, host string, members []Member, l net.Listener, dial func(context.Context, string) (net.Conn, error)) *sink {
	dir := b.TempDir()
	log, err := logfile.Open(vfs.Default, filepath.Join(dir, "log"), logfile.Options{})
	if err != nil {
		b.Fatal(err)
	}
	tr, err := New(Options{ID: id, Host: func() string { return host }, Set: "rs", FS: vfs.Default, Dir: filepath.Join(dir, "snapshots"), Dial: dial,
		ElectionTimeout: raftnode.DefaultElectionTimeout, Status: func() Status { return Status{} }})
	if err != nil {
		b.Fatal(err)
	}
	s := &sink{last: 1}
	s.node, err = raftnode.Open(raftnode.Options{ID: id, Log: log, StateMachine: s, Transport: tr, Applied: at})
	if err != nil {
		b.Fatal(err)
	}
	tr.SetMembers(members)
	tr.Start(s.node)
	s.node.Start()
	go benchServe(l, tr)
	b.Cleanup(func() {
		_ = l.Close()
		s.node.Close()
		tr.Close()
		_ = log.Close()
	})
	return s
}

func benchServe(l net.Listener, tr *Transport) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			br := bufio.NewReaderSize(conn, 64<<10)
			request, err := readMessage(br)
			var msg wire.Msg
			if err != nil || msg.Parse(request) != nil {
				return
			}
			reply, ok := tr.Answer(msg.Body)
			if _, err := conn.Write(appendReply(reply)); err == nil && ok {
				tr.Accept(conn, br, msg.Body)
			}
		}()
	}
}
