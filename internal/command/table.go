package command

import (
	"context"
	"sync/atomic"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// place says on which members a command may run.
type place uint8

const (
	anyState           place = iota // anywhere, whatever the member is doing
	whereReadable                   // on a primary or a secondary
	onSecondaryIfAsked              // on a primary; on a secondary if the read preference or slaveOk allows it
	onPrimary                       // on the primary
)

// kind says which of the counters of serverStatus.opcounters a command counts as, and in which of opLatencies.
type kind uint8

const (
	kindCommand kind = iota
	kindInsert
	kindQuery
	kindUpdate
	kindDelete
	kindGetMore
)

// row is a command: what it needs and what it does.
type row struct {
	name    string
	aliases []string // further spellings that mongod knows, too
	help    string

	runs        place
	kind        kind
	reads       bool // for opLatencies: it reads documents
	writes      bool // and: it writes them
	adminOnly   bool // only on the database admin
	testOnly    bool // exists only with enableTestCommands
	stableAPI   bool // is in version 1 of the Stable API
	readConcern readSupport
	// writeConcern: the command takes one, and the dispatcher waits for it.
	writeConcern    bool
	retryable       bool // may be sent twice with the same transaction number
	illegalTxn      bool // a transaction number makes no sense at all
	ownMaxTime      bool // maxTimeMS means something else to it, or its schema reads it
	ownConcernTypes bool // concerns of the wrong type are complained of in its parser's words
	ownOK           bool // it appends ok itself
	quiet           bool // not for the slow log: it waits on purpose

	// prepare reads the arguments and returns the function that runs the command.
	prepare func(*operation) (func(context.Context) error, error)
	args    string // how its arguments are called in messages, if not by the command's name

	calls, failures atomic.Int64
}

// argsName returns how messages call the command's arguments.
func (r *row) argsName() string {
	if r.args != "" {
		return r.args
	}
	return r.name
}

// commands returns the table, in the order of the files that the commands are in.
func commands() []*row {
	var list []*row
	for _, group := range [][]*row{
		connectionCommands(), informationCommands(), sessionCommands(), replicationCommands(), adminCommands(), administrationCommands(),
		writeCommands(), readCommands(), catalogCommands(), checkCommands(),
	} {
		list = append(list, group...)
	}
	return list
}

// typed is a command whose arguments are read before anything else is decided, as by most of mongod's.
func typed[A any](s *schema[A], run func(context.Context, *operation, *A) error) func(*operation) (func(context.Context) error, error) {
	return func(o *operation) (func(context.Context) error, error) {
		a := new(A)
		if err := readArguments(o, s, a); err != nil {
			return nil, err
		}
		return func(ctx context.Context) error { return run(ctx, o, a) }, nil
	}
}

// late is a command whose arguments are read when it runs, as by the older ones of mongod's: what else may be wrong with
// the request is told first.
func late[A any](s *schema[A], run func(context.Context, *operation, *A) error) func(*operation) (func(context.Context) error, error) {
	return func(o *operation) (func(context.Context) error, error) {
		return func(ctx context.Context) error {
			a := new(A)
			if err := readArguments(o, s, a); err != nil {
				return argumentError(within(o.row.argsName(), err))
			}
			return run(ctx, o, a)
		}, nil
	}
}

// plain is a command without arguments that it would look at.
func plain(run func(context.Context, *operation) error) func(*operation) (func(context.Context) error, error) {
	return late(anyArgs, func(ctx context.Context, o *operation, _ *noArgs) error { return run(ctx, o) })
}

// noArgs is the arguments of a command without any.
type noArgs struct{}

var (
	anyArgs    = newSchema[noArgs]("").loose()
	strictArgs = newSchema[noArgs]("")
)

// readArguments reads the command's own arguments. The first field is read like the others if the schema has a row for
// it; otherwise it only names the command or its collection.
func readArguments[A any](o *operation, s *schema[A], a *A) error {
	p := s.begin(a)
	if s.target != nil {
		if err := s.target(o, o.first.Value); err != nil {
			return err
		}
	} else if _, has := s.index[o.row.name]; has {
		if err := p.value(o.row.name, o.first.Value); err != nil {
			return err
		}
	}
	for _, e := range o.args {
		if err := p.value(e.Key, e.Value); err != nil {
			return err
		}
	}
	for _, seq := range o.req.Sequences {
		if err := p.documents(seq); err != nil {
			return err
		}
	}
	return p.end()
}

// on makes a schema one of a command on a collection, whose name is the command's first field. code is what mongod's
// command answers if it is no string.
func (s *schema[A]) on(code mongoerr.Code) *schema[A] {
	s.target = func(o *operation, v document.Value) error {
		return o.setTarget(v, code, "collection name has invalid type %s")
	}
	return s
}
