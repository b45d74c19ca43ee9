package sdam

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// A Failure is how an operation on a server, or the making of a connection for it, went wrong. It is no failure of the
// server, and not to be judged, if nothing reached the network: no connection was free, or the message was too large.
type Failure struct {
	Err             error           // a *mongoerr.Error in its chain: the server's reply; anything else: the network's fault
	TopologyVersion TopologyVersion // of the reply
	Established     bool            // the connection was ready for use: its hello and its authentication were done
	Generation      uint64          // the pool's when the connection was made
	MaxWire         int32           // of the server at the other end of the connection; 0 if it never said
}

// ParseFailure returns what is wrong with a reply: the command failed, or its write concern did. What is wrong with
// single writes (writeErrors) says nothing about the server.
func ParseFailure(reply document.Doc) (f Failure, failed bool) {
	err := mongoerr.FromReply(reply)
	if concern := reply.Lookup("writeConcernError").Doc(); err == nil && concern != nil {
		err = mongoerr.FromReply(concern)
	}
	if err == nil {
		return Failure{}, false
	}
	return Failure{Err: err, TopologyVersion: ParseTopologyVersion(reply)}, true
}

// A Verdict is what is to be done after a failure. Server is applied and the pool is cleared under one lock, so that no
// operation chooses the server in between.
type Verdict struct {
	Server         *Server // to apply; nil if the topology stays as it is
	ClearPool      bool    // connections that are idle, or come back, are closed
	InterruptInUse bool    // those in use are closed too
	CancelCheck    bool    // the check that is under way, perhaps on a connection that is broken as well, is given up
	CheckNow       bool    // the server is asked again without waiting for the next heartbeat
}

// Judge decides what a failure of an operation on the server at address means. generation is the server's pool's now. It is
// Server Discovery and Monitoring, "Application errors".
func (t *Topology) Judge(address string, f Failure, generation uint64, now time.Time) Verdict {
	s := t.Server(address)
	if s == nil || t.Kind == LoadBalanced || f.Generation < generation {
		return Verdict{}
	}
	fault := faultOf(f.Err)
	switch {
	case fault == harmless:
		return Verdict{}
	case fault.stateChange():
		if s.TopologyVersion.comparable(f.TopologyVersion) && f.TopologyVersion.Counter <= s.TopologyVersion.Counter {
			return Verdict{} // what it tells of was known already
		}
		return Verdict{
			Server:    Failed(address, f.Err, f.TopologyVersion, now),
			ClearPool: fault == shutdown || f.MaxWire < keepsConnections,
			CheckNow:  true,
		}
	case fault == network, !f.Established:
		return Verdict{Server: Failed(address, f.Err, TopologyVersion{}, now), ClearPool: true, CancelCheck: true}
	}
	return Verdict{}
}

// JudgeCheck decides what a check means whose outcome is s, which ParseHello or Failed made. It is Server Monitoring,
// "Network or command error during server check".
func (t *Topology) JudgeCheck(s *Server) Verdict {
	old := t.Server(s.Address)
	if old == nil || old.newerThan(s) {
		return Verdict{}
	}
	if s.Err == nil {
		return Verdict{Server: s}
	}
	fault := faultOf(s.Err)
	if fault == harmless {
		return Verdict{}
	}
	return Verdict{
		Server:         s,
		ClearPool:      true,
		InterruptInUse: fault == timeout,
		CheckNow:       (fault == network || fault == timeout) && old.Kind.Known(),
	}
}

// keepsConnections is the wire version of MongoDB 4.2, from which on a member that steps down keeps its clients'
// connections.
const keepsConnections = 8

// A fault is a class of errors.
type fault uint8

const (
	harmless   fault = iota // says nothing about the server: the caller gave up, or the server is there but too busy
	network                 // the connection broke, or could not be made
	timeout                 // nothing came in time
	command                 // the server refused, for a reason that has nothing to do with its state
	notPrimary              // it is not, or no longer, primary
	recovering              // it cannot serve anybody now
	shutdown                // it is going down
)

func (f fault) stateChange() bool { return f >= notPrimary }

func faultOf(err error) fault {
	var reply *mongoerr.Error
	if errors.As(err, &reply) {
		return faultOfReply(reply)
	}
	var late interface{ Timeout() bool }
	switch {
	case errors.Is(err, context.Canceled):
		return harmless
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &late) && late.Timeout():
		return timeout
	}
	return network
}

// overloaded is the label with which a server says that it would rather not have been asked.
const overloaded = "SystemOverloadedError"

// faultOfReply goes by the code. Only servers of old answer without one; there the message decides, as the specification
// says.
func faultOfReply(e *mongoerr.Error) fault {
	if e.HasLabel(overloaded) {
		return harmless
	}
	switch e.Code {
	case mongoerr.InterruptedAtShutdown, mongoerr.ShutdownInProgress:
		return shutdown
	case mongoerr.InterruptedDueToReplStateChange, mongoerr.NotPrimaryOrSecondary, mongoerr.PrimarySteppedDown:
		return recovering
	case mongoerr.NotWritablePrimary, mongoerr.NotPrimaryNoSecondaryOk, mongoerr.LegacyNotPrimary:
		return notPrimary
	case mongoerr.NoCode:
		if strings.Contains(e.Message, "node is recovering") || strings.Contains(e.Message, "not master or secondary") {
			return recovering
		}
		if strings.Contains(e.Message, "not master") {
			return notPrimary
		}
	}
	return command
}
