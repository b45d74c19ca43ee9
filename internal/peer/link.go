package peer

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/raft/v3/raftpb"
)

// Bounds of what waits to be sent to one member. Raft has far less under way (its limit on bytes in flight), unless the
// member is stuck.
const (
	maxQueueBytes    = 64 << 20
	maxQueueMessages = 8192
)

// link is this member's relation to another one: the connection over which it sends, and what it knows of the other side.
type link struct {
	t      *Transport
	id     uint64
	host   string
	ctx    context.Context
	cancel context.CancelFunc
	wake   chan struct{} // there is something to send
	redial chan struct{} // do not wait any longer before dialling again

	mu        sync.Mutex
	member    bool // of the configuration; other links last as long as incoming connections
	urgent    []raftpb.Message
	queue     []raftpb.Message
	bytes     int
	due       bool // the status is to be sent
	connected bool
	lost      bool // messages were dropped and the node was not told yet
	instance  int64
	incoming  int           // connections from the other side
	drained   chan struct{} // closed when there are none any more
	shipping  bool          // a snapshot is being sent

	err        error
	mismatchAt time.Time
	status     statusFrame
	statusAt   time.Time // when the status came
	lastSent   time.Time
	lastHeard  time.Time
	echoAt     time.Time // when the other side last showed that it hears this connection
	ping       time.Duration
}

func newLink(t *Transport, id uint64, host string) *link {
	l := &link{t: t, id: id, host: host, wake: make(chan struct{}, 1), redial: make(chan struct{}, 1)}
	l.ctx, l.cancel = context.WithCancel(t.ctx)
	return l
}

// setMember notes whether the other side is in the configuration, and reports whether the link is still needed.
func (l *link) setMember(member bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.member = member
	return member || l.incoming > 0
}

func (l *link) connectionBegins() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.incoming++; l.incoming == 1 {
		l.drained = make(chan struct{})
	}
	signal(l.redial) // it is there
}

// connectionEnds reports whether the link is still needed.
func (l *link) connectionEnds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.incoming--; l.incoming == 0 {
		close(l.drained)
	}
	signal(l.redial) // is it still there?
	return l.member || l.incoming > 0
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// overtakes reports whether a message may be sent before those that wait: what elections and leases depend on. The order of
// log entries and their acknowledgements stays, for raft takes a gap for a loss.
func overtakes(t raftpb.MessageType) bool {
	switch t {
	case raftpb.MsgHeartbeat, raftpb.MsgHeartbeatResp, raftpb.MsgVote, raftpb.MsgVoteResp, raftpb.MsgPreVote, raftpb.MsgPreVoteResp:
		return true
	}
	return false
}

// put queues a message, or drops it when the other side is not there or does not read. It never blocks.
func (l *link) put(m *raftpb.Message) {
	size := 64
	for i := range m.Entries {
		size += len(m.Entries[i].Data) + 32
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.connected || l.bytes+size > maxQueueBytes && l.bytes > 0 || len(l.queue)+len(l.urgent) >= maxQueueMessages {
		l.lost = true
		return
	}
	l.bytes += size
	if overtakes(m.Type) {
		l.urgent = append(l.urgent, *m)
	} else {
		l.queue = append(l.queue, *m)
	}
	signal(l.wake)
}

func (l *link) announce() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.due = true
	signal(l.wake)
}

// take returns what is to be sent; spare slices are filled next.
func (l *link) take(b *outbox) {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(b.urgent)
	clear(b.queue)
	l.urgent, b.urgent = b.urgent[:0], l.urgent
	l.queue, b.queue = b.queue[:0], l.queue
	b.status, b.lost = l.due, l.lost
	l.bytes, l.due, l.lost = 0, false, false
}

// outbox is what one round of the sender sends.
type outbox struct {
	urgent, queue []raftpb.Message
	status, lost  bool
}

// run keeps the connection up. It is the link's goroutine.
func (l *link) run() {
	defer l.cancel()
	for failures := 0; l.ctx.Err() == nil; {
		began := time.Now()
		conn, br, err := l.connect()
		if err == nil {
			err = l.serve(conn, br)
			if time.Since(began) > time.Second {
				failures = 0
			}
			l.disconnected(err)
			if failures++; failures == 1 {
				continue // at once, to see whether the other process lives
			}
		} else {
			l.disconnected(err)
			if refused(err) {
				l.gone()
			}
			failures++
		}
		l.pause(backoff(failures))
	}
}

// backoff is the time between attempts: short at first, since processes are restarted, and never long, since a member that is down
// for long costs next to nothing.
func backoff(failures int) time.Duration {
	return min(10*time.Millisecond<<min(failures, 7), time.Second)
}

func (l *link) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.redial:
	case <-l.ctx.Done():
	}
}

// refused reports whether the other host answered that nobody listens there.
func refused(err error) bool {
	const windowsRefused = syscall.Errno(10061) // WSAECONNREFUSED, which package syscall does not take for ECONNREFUSED
	var errno syscall.Errno
	return errors.As(err, &errno) && (errno == syscall.ECONNREFUSED || errno == windowsRefused)
}

// gone tells the node that the other process is dead, after everything it had sent was stepped.
func (l *link) gone() {
	l.mu.Lock()
	drained := l.drained
	l.mu.Unlock()
	if drained != nil {
		timer := time.NewTimer(100 * time.Millisecond)
		defer timer.Stop()
		select {
		case <-drained:
		case <-timer.C:
		case <-l.ctx.Done():
		}
	}
	l.t.node.PeerGone(l.id)
}

// met notes the instance of the other process. A new one means that the one before is dead.
func (l *link) met(instance int64) {
	l.mu.Lock()
	before := l.instance
	l.instance = instance
	if before != instance {
		l.status.clock = 0 // the new process does not know the old one's clock
	}
	l.mu.Unlock()
	if before != 0 && before != instance {
		l.t.node.PeerGone(l.id)
	}
}

func (l *link) disconnected(err error) {
	l.mu.Lock()
	l.connected, l.err = false, err
	l.lost = true
	clear(l.urgent)
	clear(l.queue)
	l.urgent, l.queue, l.bytes = l.urgent[:0], l.queue[:0], 0
	l.mu.Unlock()
}

// connect dials and introduces this member.
func (l *link) connect() (net.Conn, *bufio.Reader, error) {
	conn, br, w, err := l.dial(l.ctx, kindRaft)
	if err != nil {
		return nil, nil, err
	}
	l.met(w.instance)
	l.mu.Lock()
	l.connected, l.due, l.err = true, true, nil
	l.echoAt = time.Now()
	l.mu.Unlock()
	return conn, br, nil
}

// dial opens a connection to the other member for one purpose.
func (l *link) dial(ctx context.Context, k kind) (net.Conn, *bufio.Reader, welcome, error) {
	t := l.t
	ctx, cancel := context.WithTimeout(ctx, max(2*time.Second, t.opts.ElectionTimeout))
	defer cancel()
	conn, err := t.opts.Dial(ctx, l.host)
	if err != nil {
		return nil, nil, welcome{}, fmt.Errorf("peer: %s: %w", l.host, err)
	}
	defer l.closeWithLink(conn)()
	br := bufio.NewReader(conn)
	w, err := exchange(conn, br, &greeting{set: t.opts.Set, setID: t.opts.SetID, from: t.opts.ID, fromHost: t.opts.Host(),
		to: l.id, kind: k, instance: t.instance})
	if err == nil && (!w.ok || w.raftID != l.id) {
		err = l.notExpected(w)
	}
	if err != nil {
		_ = conn.Close()
		return nil, nil, w, fmt.Errorf("peer: %s: %w", l.host, err)
	}
	return conn, br, w, nil
}

// closeWithLink has a connection closed when the link ends, until the function that it returns is called.
func (l *link) closeWithLink(conn net.Conn) (stop func() bool) {
	return context.AfterFunc(l.ctx, func() { _ = conn.Close() })
}

// notExpected reports a refusal, and who is there instead of the member looked for.
func (l *link) notExpected(w welcome) error {
	l.mu.Lock()
	tell := time.Since(l.mismatchAt) >= time.Second && (w.uninitialised || w.raftID != l.id)
	if tell {
		l.mismatchAt = time.Now()
	}
	l.mu.Unlock()
	if tell {
		l.t.mismatch(Mismatch{Expected: l.id, Host: l.host, Actual: w.raftID, Uninitialised: w.uninitialised, Reason: w.message})
	}
	return fmt.Errorf("refused with code %d: %s", w.code, w.message)
}

// serve sends until the connection breaks.
func (l *link) serve(conn net.Conn, br *bufio.Reader) error {
	defer conn.Close()
	defer l.closeWithLink(conn)()
	closed := make(chan error, 1)
	l.t.wg.Go(func() { closed <- watch(br) })
	w := &sender{link: l, conn: conn}
	timer := time.NewTimer(w.untilDue())
	defer timer.Stop()
	for {
		looked := false
		select {
		case <-l.wake:
		case <-timer.C:
			w.lookIfDue()
			looked = true
		case err := <-closed:
			return err
		case <-l.ctx.Done():
			return l.ctx.Err()
		}
		if err := w.send(); err != nil {
			return err
		}
		if l.unheard() {
			return fmt.Errorf("peer: %s has shown no sign of hearing this connection for %v", l.host, l.t.silent())
		}
		if looked {
			timer.Reset(w.untilDue())
		}
	}
}

// watch notices the end of a connection on which nothing comes.
func watch(br *bufio.Reader) error {
	_, err := br.ReadByte()
	if err == nil {
		err = errors.New("peer: data on a connection of one direction")
	}
	return err
}

// unheard reports that what is sent does not arrive, or that what the other side sends does not.
func (l *link) unheard() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Since(l.echoAt) > l.t.silent()
}

// sender writes what is queued.
type sender struct {
	link      *link
	conn      net.Conn
	frames    frameWriter
	out       outbox
	told      Status // last
	toldAt    time.Time
	statusDue bool
}

// lookIfDue finds out whether the other side is to be told how this member is: its interval is over, or more is applied.
func (s *sender) lookIfDue() {
	interval := time.Duration(s.link.t.interval.Load())
	if time.Since(s.toldAt) >= interval {
		s.statusDue = true
		return
	}
	now := s.link.t.opts.Status()
	s.statusDue = s.statusDue || now.Applied != s.told.Applied || now.Durable != s.told.Durable
}

// untilDue returns the time until the next look.
func (s *sender) untilDue() time.Duration {
	interval := time.Duration(s.link.t.interval.Load())
	return max(min(interval-time.Since(s.toldAt), statusInterval), minInterval)
}

// flushBytes is how much is gathered for one write.
const flushBytes = 4 << 20

func (s *sender) send() error {
	l := s.link
	l.take(&s.out)
	if s.out.lost {
		l.t.node.ReportUnreachable(l.id)
	}
	if s.out.status || s.statusDue {
		s.statusDue = false
		own := l.ownStatus()
		s.told, s.toldAt = own.Status, own.Wall
		s.frames.writeStatus(own)
	}
	for _, list := range [2][]raftpb.Message{s.out.urgent, s.out.queue} {
		for i := range list {
			s.frames.writeRaft(&list[i])
			if s.frames.size >= flushBytes {
				if err := s.flush(); err != nil {
					return err
				}
			}
		}
	}
	return s.flush()
}

func (s *sender) flush() error {
	if s.frames.size == 0 {
		return nil
	}
	now := time.Now()
	_ = s.conn.SetWriteDeadline(now.Add(writeTimeout))
	err := s.frames.flush(s.conn)
	s.link.mu.Lock()
	s.link.lastSent = now
	s.link.mu.Unlock()
	return err
}

// ownStatus is this member's status for the other side.
func (l *link) ownStatus() *statusFrame {
	f := &statusFrame{Status: l.t.opts.Status()}
	now := time.Now()
	f.Wall, f.clock = now, int64(now.Sub(l.t.started))+1
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.status.clock != 0 {
		f.echo, f.held = l.status.clock, now.Sub(l.statusAt)
	}
	return f
}

// notSent notes why the other side's connection ended, if this side's is down for no other reason.
func (l *link) notSent(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.connected && l.err == nil {
		l.err = err
	}
}

// heard notes a frame of the other side's.
func (l *link) heard() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastHeard = time.Now()
}

// gotStatus notes the other side's status.
func (l *link) gotStatus(f statusFrame) {
	now := time.Now()
	l.mu.Lock()
	changed := !f.same(l.status.Status)
	l.status, l.statusAt = f, now
	if f.echo != 0 {
		if rtt := now.Sub(l.t.started) - time.Duration(f.echo-1) - f.held; rtt >= 0 && rtt < l.t.silent() {
			l.ping = rtt
			l.echoAt = now
		}
	}
	l.mu.Unlock()
	if changed && l.t.opts.OnStatus != nil {
		l.t.opts.OnStatus(l.peerStatus())
	}
}

func (l *link) peerStatus() PeerStatus {
	l.mu.Lock()
	defer l.mu.Unlock()
	return PeerStatus{ID: l.id, Host: l.host, Status: l.status.Status, Connected: l.connected, LastSent: l.lastSent,
		LastHeard: l.lastHeard, LastStatus: l.statusAt, Ping: l.ping, Err: l.err}
}
