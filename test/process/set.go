package process

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

const setName = "rs0"

// Set is a replica set of processes.
type Set struct{ Members []*Member }

// StartSet starts members of a binary, morton or mongod, and waits until one takes writes.
func StartSet(binary string, members int) (s *Set, err error) {
	s = &Set{}
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	var errs []error
	for range members {
		m, err := newMember(binary, "--replSet", setName)
		s.Members = append(s.Members, m)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return s, err
	}
	return s, s.initiate()
}

// initiate makes the set and waits for its primary.
func (s *Set) initiate() error {
	list := bson.A{}
	for i, m := range s.Members {
		if err := m.answers(); err != nil {
			return err
		}
		list = append(list, bson.D{{Key: "_id", Value: i}, {Key: "host", Value: m.Address}})
	}
	c := Conn{Address: s.Members[0].Address}
	defer c.Close()
	reply, err := c.Run("admin", bson.D{{Key: "replSetInitiate", Value: bson.D{{Key: "_id", Value: setName}, {Key: "members", Value: list}}}})
	if err != nil || !Succeeded(reply) {
		return fmt.Errorf("replSetInitiate: %v %v", err, reply)
	}
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	_, err = s.Primary(ctx)
	return err
}

// URI is a connection string that names all members.
func (s *Set) URI() string {
	var hosts []string
	for _, m := range s.Members {
		hosts = append(hosts, m.Address)
	}
	return "mongodb://" + strings.Join(hosts, ",") + "/?replicaSet=" + setName
}

// Primary waits until one of the members says that it is primary, and returns it. Those given are not asked.
func (s *Set) Primary(ctx context.Context, without ...*Member) (*Member, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	found := make(chan *Member, len(s.Members))
	for _, m := range s.Members {
		if slices.Contains(without, m) {
			continue
		}
		go func() {
			if m.await(ctx, "isWritablePrimary") == nil {
				found <- m
			}
		}()
	}
	select {
	case m := <-found:
		return m, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("no primary: %w", ctx.Err())
	}
}

// Secondary waits until a member, which was started again, is a secondary.
func (m *Member) Secondary(ctx context.Context) error { return m.await(ctx, "secondary") }

// awaitTime is how long a member waits for a change before it answers.
const awaitTime = 500 * time.Millisecond

// await waits until hello says that the member is what the field tells. The member says so as soon as it is.
func (m *Member) await(ctx context.Context, field string) error {
	c := Conn{Address: m.Address, Timeout: 2 * awaitTime}
	defer c.Close()
	hello := bson.D{{Key: "hello", Value: 1}}
	for ctx.Err() == nil {
		reply, err := c.Run("admin", hello)
		hello = hello[:1]
		version := reply.Lookup("topologyVersion")
		switch is, _ := reply.Lookup(field).BooleanOK(); {
		case err != nil:
			wait(ctx, time.Millisecond)
		case is:
			return nil
		case version.IsZero():
			wait(ctx, time.Millisecond)
		default:
			hello = append(hello, bson.E{Key: "topologyVersion", Value: version}, bson.E{Key: "maxAwaitTimeMS", Value: awaitTime.Milliseconds()})
		}
	}
	return fmt.Errorf("%s does not become %s: %w", m.Address, field, ctx.Err())
}

func wait(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}

// Close ends the processes and removes their directories.
func (s *Set) Close() {
	for _, m := range s.Members {
		m.Close()
	}
}
