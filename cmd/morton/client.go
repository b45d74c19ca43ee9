package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// toolPatience is how long a tool looks for the member that it needs: an election ends in less.
const toolPatience = 5 * time.Second

// parseSet reads how a set is named on the command line: a connection string, or one of its members, or several.
func parseSet(uri string) (*morton.Config, error) {
	if uri == "" {
		return nil, fmt.Errorf("no member is named: give one, such as localhost:27017")
	}
	c, err := morton.ParseConfig(uri)
	if err != nil {
		return nil, err
	}
	c.ServerSelectionTimeout, c.MinPoolSize = toolPatience, 0
	return c, nil
}

// failed prints why a tool could not do its work and what to type next, and returns the exit code.
func (i *invocation) failed(err error, next string) int {
	var none *morton.SelectionError
	var refused *morton.CommandError
	fmt.Fprintln(i.stderr, strings.TrimPrefix(err.Error(), "morton: "))
	switch {
	case errors.As(err, &refused) && refused.Code == int32(mongoerr.NoReplicationEnabled):
		fmt.Fprintf(i.stderr, "start it with --replSet NAME to make it a member of a set, or try '%s up' for a set on this machine\n", i.argv[0])
	case errors.As(err, &none):
		fmt.Fprintf(i.stderr, "try '%s'\n", next)
	}
	return exitFailed
}

// statusCommand is what shows who is there.
func (i *invocation) statusCommand(set *morton.Config) string {
	return i.argv[0] + " status " + strings.Join(set.Hosts, ",")
}

// upCommand is what starts a set where there is none.
func (i *invocation) upCommand() string { return i.argv[0] + " up" }

// onlyMember is the configuration of a client of one member of the set, whatever it is.
func onlyMember(set *morton.Config, host string) *morton.Config {
	c := *set
	c.Hosts, c.ReplicaSet, c.DirectConnection, c.Warnings = []string{host}, "", true, nil // it was warned of before
	return &c
}

// runAdmin runs a command on the primary, or where a read preference says.
func runAdmin(ctx context.Context, c *morton.Client, command any, where ...morton.RunOptions) (document.Doc, error) {
	reply, err := c.Database("admin").Run(ctx, command, where...)
	return document.Doc(reply), err
}

// runOn runs a command on one member of the set.
func runOn(ctx context.Context, set *morton.Config, host string, command any) (document.Doc, error) {
	c, err := morton.New(onlyMember(set, host))
	if err != nil {
		return nil, err
	}
	defer c.Close(context.WithoutCancel(ctx))
	return runAdmin(ctx, c, command, morton.RunOptions{ReadPreference: &morton.ReadPreference{Mode: "primaryPreferred"}})
}

// findPrimary returns the address of the set's primary, or of the server that is no set.
func findPrimary(ctx context.Context, set *morton.Config) (string, error) {
	c, err := morton.New(set)
	if err != nil {
		return "", err
	}
	defer c.Close(context.WithoutCancel(ctx))
	_, err = runAdmin(ctx, c, askHello)
	return addressOf(c), err
}

// addressOf is where the client's primary is.
func addressOf(c *morton.Client) string { return net.JoinHostPort(c.Host(), strconv.Itoa(c.Port())) }

func field(name string, value any) bson.D { return bson.D{{Key: name, Value: value}} }

// askHello is what a member says of itself.
var askHello = field("hello", 1)

// memberState is what hello says of a member.
type memberState struct {
	name    string // PRIMARY, SECONDARY, STARTUP, RECOVERING; or unreachable
	primary string // who it says is primary
	term    uint64 // of a primary
}

const unreachable = "unreachable"

func stateOf(hello document.Doc) memberState {
	s := memberState{name: "RECOVERING", primary: strings.Clone(hello.Lookup("primary").Str())}
	switch {
	case hello.Lookup("isWritablePrimary").Bool():
		s.name = "PRIMARY"
		id := hello.Lookup("electionId").ObjectID()
		for _, b := range id[4:] {
			s.term = s.term<<8 | uint64(b)
		}
	case hello.Lookup("secondary").Bool():
		s.name = "SECONDARY"
	case hello.Lookup("setName").IsMissing():
		s.name = "STARTUP"
	}
	return s
}
