package sdam

import (
	"fmt"
	"slices"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// What is assumed of a server that does not tell its limits: those of all servers that the client can talk to.
const (
	defaultDocumentSize = document.MaxSize
	defaultMessageSize  = 48_000_000
	defaultWriteBatch   = 100_000
)

// Limits on what one reply can make the client remember and watch. A set has fifty members at most.
const (
	maxMembers       = 1000
	maxAddressLength = 1024
	maxTags          = 1000
	// Longer times than these do not fit a time.Duration, or their differences do not.
	maxSessionMinutes = 1 << 27
	maxDateMS         = 1 << 43 // in the year 2248
)

// ParseHello returns what a reply to hello, or to its elder isMaster, tells of the server that was asked at address. Where
// the reply is a failure or no BSON, that is a server of kind Unknown with the reason. rtt is what is known of round trips,
// this one included. The reply may be overwritten afterwards.
func ParseHello(address string, reply document.Doc, rtt RTT, now time.Time) *Server {
	if err := document.Validate(reply, document.MaxDepth); err != nil {
		return Failed(address, fmt.Errorf("reply to hello: %w", err), TopologyVersion{}, now)
	}
	if failure, failed := ParseFailure(reply); failed {
		return Failed(address, failure.Err, failure.TopologyVersion, now)
	}
	s := &Server{Address: address, LastUpdate: now, RTT: rtt, TopologyVersion: ParseTopologyVersion(reply)}
	if err := s.readMembers(reply); err != nil {
		return Failed(address, err, TopologyVersion{}, now)
	}
	s.readLimits(reply)
	s.Hidden = reply.Lookup("hidden").Bool()
	s.HelloOK = reply.Lookup("helloOk").Bool()
	s.LastWrite = date(reply.Lookup("lastWrite").Doc().Lookup("lastWriteDate"))
	s.Kind = kindOf(reply, s.SetName != "")
	return s
}

// kindOf follows the table of Server Discovery and Monitoring, "type".
func kindOf(reply document.Doc, member bool) ServerKind {
	primary := reply.Lookup("isWritablePrimary")
	if primary.IsMissing() {
		primary = reply.Lookup("ismaster")
	}
	switch {
	case reply.Lookup("isreplicaset").Bool():
		return RSGhost
	case reply.Lookup("msg").Str() == "isdbgrid":
		return Mongos
	case !member:
		return Standalone
	case reply.Lookup("hidden").Bool():
		return RSOther
	case primary.Bool():
		return RSPrimary
	case reply.Lookup("secondary").Bool():
		return RSSecondary
	case reply.Lookup("arbiterOnly").Bool():
		return RSArbiter
	}
	return RSOther
}

// readMembers reads what the server tells of the set.
func (s *Server) readMembers(reply document.Doc) (err error) {
	s.SetName = clone(reply.Lookup("setName"))
	s.SetVersion, _ = reply.Lookup("setVersion").AsInt64()
	s.ElectionID = reply.Lookup("electionId").ObjectID()
	s.Primary = normalize(clone(reply.Lookup("primary")))
	s.Me = normalize(clone(reply.Lookup("me")))
	if s.Hosts, err = addresses(reply, "hosts"); err != nil {
		return err
	}
	if s.Passives, err = addresses(reply, "passives"); err != nil {
		return err
	}
	if s.Arbiters, err = addresses(reply, "arbiters"); err != nil {
		return err
	}
	for it := reply.Lookup("tags").Doc().Iter(); it.Next() && len(s.Tags) < maxTags; {
		s.Tags = append(s.Tags, Tag{string([]byte(it.Key())), clone(it.Value())})
	}
	return nil
}

// addresses returns the strings of an array, each once.
func addresses(reply document.Doc, field string) (list []string, err error) {
	for it := reply.Lookup(field).Doc().Iter(); it.Next(); {
		address := normalize(clone(it.Value()))
		if address == "" || slices.Contains(list, address) {
			continue
		}
		if len(list) == maxMembers || len(address) > maxAddressLength {
			return nil, fmt.Errorf("reply to hello: more than %d %s, or one of more than %d bytes", maxMembers, field, maxAddressLength)
		}
		list = append(list, address)
	}
	return list, nil
}

func (s *Server) readLimits(reply document.Doc) {
	s.MinWire = int32(number(reply, "minWireVersion", 0))
	s.MaxWire = int32(number(reply, "maxWireVersion", 0))
	s.MaxDocumentSize = number(reply, "maxBsonObjectSize", defaultDocumentSize)
	s.MaxMessageSize = number(reply, "maxMessageSizeBytes", defaultMessageSize)
	s.MaxWriteBatch = number(reply, "maxWriteBatchSize", defaultWriteBatch)
	s.SessionTimeout = time.Duration(min(number(reply, "logicalSessionTimeoutMinutes", 0), maxSessionMinutes)) * time.Minute
}

// number returns a positive number of 32 bits, or what is assumed where there is none.
func number(reply document.Doc, field string, otherwise int) int {
	n, exact := reply.Lookup(field).AsInt64()
	if !exact || n <= 0 || n > 1<<31-1 {
		return otherwise
	}
	return int(n)
}

func date(v document.Value) time.Time {
	if v.Type != document.TypeDate || v.Int64() < 0 || v.Int64() > maxDateMS {
		return time.Time{}
	}
	return time.UnixMilli(v.Int64())
}

// clone returns a string that does not alias the reply.
func clone(v document.Value) string { return string([]byte(v.Str())) }
