package specification

import (
	"fmt"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
)

// command, pool and topology keep the events that the test observes.
func (c *clientEntity) command(e *morton.CommandEvent) {
	if c.ignore[e.Name] || !c.secret && sensitive(e) {
		return
	}
	c.keep(lower(e.Kind)+"Event", *e)
}

// sensitive reports whether an event belongs to authentication.
func sensitive(e *morton.CommandEvent) bool {
	switch strings.ToLower(e.Name) {
	case "hello", "ismaster":
		return e.Kind == "CommandStarted" && len(e.Command) <= len(bson.Raw{5, 0, 0, 0, 0}) || e.Kind != "CommandStarted" && len(e.Reply) <= 5
	case "authenticate", "saslstart", "saslcontinue", "getnonce", "createuser", "updateuser", "copydbgetnonce", "copydbsaslstart", "copydb":
		return true
	}
	return false
}

func lower(kind string) string { return strings.ToLower(kind[:1]) + kind[1:] }

func (c *clientEntity) pool(e *morton.PoolEvent) {
	c.mu.Lock()
	switch e.Kind {
	case "ConnectionCheckedOut":
		c.out++
	case "ConnectionCheckedIn":
		c.out--
	}
	c.mu.Unlock()
	kind := lower(e.Kind)
	if strings.HasPrefix(kind, "connectionPool") {
		kind = "pool" + strings.TrimPrefix(kind, "connectionPool")
	}
	c.keep(kind+"Event", *e)
}

func (c *clientEntity) topology(e *morton.TopologyEvent) { c.keep(lower(e.Kind)+"Event", *e) }

type namedEvent struct {
	name  string
	event any
}

// eventStore keeps the events of some names under a name of its own.
type eventStore struct {
	names map[string]bool
	kept  *[]namedEvent
}

func (r *run) storeEvents(c *clientEntity, spec bson.D) error {
	id := textAt(spec, "id")
	if _, taken := r.entities[id]; taken {
		return fmt.Errorf("there are two entities %s", id)
	}
	s := eventStore{map[string]bool{}, &[]namedEvent{}}
	for _, v := range arrayAt(spec, "events") {
		s.names[lower(v.(string))] = true
	}
	c.stores = append(c.stores, s)
	r.entities[id] = s.kept
	return nil
}

func (c *clientEntity) keep(name string, e any) {
	c.mu.Lock()
	for _, s := range c.stores {
		if s.names[name] {
			*s.kept = append(*s.kept, namedEvent{name, e})
		}
	}
	c.mu.Unlock()
	if !c.observe[name] {
		return
	}
	c.mu.Lock()
	c.events = append(c.events, namedEvent{name, e})
	c.mu.Unlock()
}

func (c *clientEntity) kept() []namedEvent {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]namedEvent, len(c.events))
	for i, e := range c.events {
		list[i] = e.(namedEvent)
	}
	return list
}

// matchEvents compares the events of each client with those that are expected.
func (r *run) matchEvents(expected []bson.D) error {
	for _, x := range expected {
		c := r.entities[textAt(x, "client")].(*clientEntity)
		kind := textAt(x, "eventType")
		if kind == "" {
			kind = "command"
		}
		want := arrayAt(x, "events")
		if kind != "command" { // they come from a goroutine of their own
			deadline := time.Now().Add(5 * time.Second)
			for len(c.ofKind(kind)) < len(want) && time.Now().Before(deadline) {
				time.Sleep(5 * time.Millisecond)
			}
		}
		got := c.ofKind(kind)
		if len(got) < len(want) || len(got) > len(want) && !flagAt(x, "ignoreExtraEvents") {
			return fmt.Errorf("%d %s events, expected %d: %s", len(got), kind, len(want), names(got))
		}
		for i, w := range want {
			if err := r.matchEvent(got[i], w.(bson.D)); err != nil {
				return fmt.Errorf("%s %d: %w", kind, i, err)
			}
		}
	}
	return nil
}

func names(events []namedEvent) string {
	var list []string
	for _, e := range events {
		if c, ok := e.event.(morton.CommandEvent); ok {
			list = append(list, e.name+" "+c.Name)
			continue
		}
		list = append(list, e.name)
	}
	return strings.Join(list, ", ")
}

func (c *clientEntity) ofKind(kind string) (list []namedEvent) {
	for _, e := range c.kept() {
		switch e.event.(type) {
		case morton.CommandEvent:
			if kind != "command" {
				continue
			}
		case morton.PoolEvent:
			if kind != "cmap" {
				continue
			}
		case morton.TopologyEvent:
			if kind != "sdam" {
				continue
			}
		}
		list = append(list, e)
	}
	return list
}

func (r *run) matchEvent(got namedEvent, want bson.D) error {
	name, fields := want[0].Key, want[0].Value.(bson.D)
	if got.name != name {
		return fmt.Errorf("expected %s, got %s", name, got.name)
	}
	for _, f := range fields {
		if err := r.matchEventField(got.event, f); err != nil {
			return fmt.Errorf("%s.%s: %w", name, f.Key, err)
		}
	}
	return nil
}

func (r *run) matchEventField(event any, f bson.E) error {
	switch e := event.(type) {
	case morton.CommandEvent:
		switch f.Key {
		case "command":
			return r.match(e.Command, f.Value, true)
		case "reply":
			return r.match(e.Reply, f.Value, true)
		case "commandName":
			return r.match(e.Name, f.Value, false)
		case "databaseName":
			return r.match(e.Database, f.Value, false)
		case "hasServerConnectionId":
			if (e.ServerConnectionID != 0) != f.Value.(bool) {
				return fmt.Errorf("server's connection id %d", e.ServerConnectionID)
			}
			return nil
		case "hasServiceId":
			if f.Value.(bool) {
				return fmt.Errorf("there is none")
			}
			return nil
		}
	case morton.PoolEvent:
		switch f.Key {
		case "reason":
			return r.match(e.Reason, f.Value, false)
		case "interruptInUseConnections":
			return r.match(e.Interrupt, f.Value, false)
		case "hasServiceId":
			return nil
		}
	case morton.TopologyEvent:
		switch f.Key {
		case "previousDescription", "newDescription":
			if strings.HasPrefix(e.Kind, "Topology") {
				kind := e.NewKind
				if f.Key == "previousDescription" {
					kind = e.OldKind
				}
				return r.match(bson.D{{Key: "type", Value: kind}}, f.Value, true)
			}
			m := e.New
			if f.Key == "previousDescription" {
				m = e.Old
			}
			return r.match(bson.D{{Key: "type", Value: m[0].Kind}}, f.Value, true)
		case "awaited":
			return r.match(e.Awaited, f.Value, false)
		}
	}
	return fmt.Errorf("is not known here")
}

// count returns how many events there are of those that a test describes.
func (r *run) count(c *clientEntity, want bson.D) (n int) {
	for _, e := range c.kept() {
		if r.matchEvent(e, want) == nil {
			n++
		}
	}
	return n
}
