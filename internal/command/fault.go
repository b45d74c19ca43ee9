package command

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// fault is what the fail point failCommand does to one command.
type fault struct {
	err               *mongoerr.Error
	close             bool         // close the connection instead of answering
	writeConcernError document.Doc // added to the reply
	labels            []string     // in place of the usual ones; nil: the usual ones
}

// failPoint is a fail point's setting: when it strikes and what it does.
type failPoint struct {
	mode    string // as configured: off, alwaysOn, times, skip, activationProbability
	n       int64  // what is left of times or skip
	p       float64
	data    document.Doc
	entered int64 // how often it has struck
}

// faults holds the fail points that commands look at.
type faults struct {
	mu          sync.Mutex
	failCommand failPoint
	timeOut     failPoint // maxTimeAlwaysTimeOut: the time of every command that has a limit is over at once
}

const (
	failCommandName = "failCommand"
	timeOutName     = "maxTimeAlwaysTimeOut"
)

// named returns the fail point of a name; nil if there is none.
func (f *faults) named(name string) *failPoint {
	switch name {
	case failCommandName:
		return &f.failCommand
	case timeOutName:
		return &f.timeOut
	}
	return nil
}

// timesOut reports whether a command with a time limit is to be out of time at once.
func (f *faults) timesOut() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.timeOut.strike()
}

// configure changes a fail point and returns how often it had struck before.
func (f *faults) configure(fp *failPoint, mode string, n int64, p float64, data document.Doc) (entered int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	entered = fp.entered
	fp.mode, fp.n, fp.p, fp.data = mode, n, p, data.Clone()
	return entered
}

// strike reports whether the fail point strikes a command for which it is meant, and counts that.
func (fp *failPoint) strike() bool {
	switch fp.mode {
	case "alwaysOn":
	case "times":
		if fp.n--; fp.n <= 0 {
			fp.mode = "off"
		}
	case "skip":
		if fp.n > 0 {
			fp.n--
			return false
		}
	case "activationProbability":
		if rand.Float64() >= fp.p {
			return false
		}
	default:
		return false
	}
	fp.entered++
	return true
}

// meant reports whether the fail point is meant for the command.
func (fp *failPoint) meant(o *operation) bool {
	if fp.mode == "" || fp.mode == "off" || o.row.name == "configureFailPoint" {
		return false
	}
	if app := fp.data.Lookup("appName"); app.Type == document.TypeString && app.Str() != o.appName() {
		return false
	}
	if ns := fp.data.Lookup("namespace"); ns.Type == document.TypeString && ns.Str() != o.ns {
		return false
	}
	for it := fp.data.Lookup("failCommands").Doc().Iter(); it.Next(); {
		if name := it.Value().Str(); name == o.row.name || name == o.first.Key {
			return fp.data.Lookup("failCommands").Type == document.TypeArray
		}
	}
	return false
}

// appName returns the application's name, which the connection's first hello tells itself.
func (o *operation) appName() string {
	if client := o.req.Body.Lookup("client"); o.row.args == "hello" && client.Type == document.TypeDocument && o.req.Conn.Client() == nil {
		return client.Doc().LookupPath("application.name").Str()
	}
	return o.req.Conn.AppName()
}

// checkFault lets the fail point strike.
func (o *operation) checkFault(ctx context.Context) error {
	if !o.d.opts.TestCommands {
		return nil
	}
	f := &o.d.faults
	f.mu.Lock()
	struck := f.failCommand.meant(o) && o.faultDoes(f.failCommand.data) && f.failCommand.strike()
	data := f.failCommand.data
	f.mu.Unlock()
	if !struck {
		return nil
	}
	if labels := data.Lookup("errorLabels"); labels.Type == document.TypeArray {
		o.fault.labels = []string{}
		for it := labels.Doc().Iter(); it.Next(); {
			o.fault.labels = append(o.fault.labels, string([]byte(it.Value().Str())))
		}
	}
	if err := o.block(ctx, data); err != nil {
		return err
	}
	if data.Lookup("closeConnection").Truthy() {
		o.fault.close = true
		return errClosedByFault
	}
	if code, ok := data.Lookup("errorCode").ToInt64(); ok {
		o.fault.err = mongoerr.New(mongoerr.Code(code), "Failing command via 'failCommand' failpoint")
		return o.fault.err
	}
	if wce := data.Lookup("writeConcernError"); wce.Type == document.TypeDocument {
		o.fault.writeConcernError = wce.Doc()
	}
	return nil
}

var errClosedByFault = mongoerr.New(mongoerr.InternalError, "closed by fail point")

// faultDoes reports whether data asks for anything that can be done to the command. A writeConcernError is nothing for a
// command that takes no write concern.
func (o *operation) faultDoes(data document.Doc) bool {
	if data.Lookup("writeConcernError").Type == document.TypeDocument && o.row.writeConcern {
		return true
	}
	return data.Lookup("closeConnection").Truthy() || data.Lookup("blockConnection").Truthy() || data.Lookup("errorCode").IsNumber()
}

// block holds the command for as long as the fail point says.
func (o *operation) block(ctx context.Context, data document.Doc) error {
	if !data.Lookup("blockConnection").Truthy() {
		return nil
	}
	ms, ok := data.Lookup("blockTimeMS").ToInt64()
	switch {
	case !ok:
		return mongoerr.New(mongoerr.InvalidOptions, "must specify 'blockTimeMS' when 'blockConnection' is true")
	case ms < 0:
		return mongoerr.New(mongoerr.InvalidOptions, "'blockTimeMS' must be non-negative")
	}
	t := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
