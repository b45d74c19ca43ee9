package command

import (
	"context"

	"github.com/mortondb/morton/internal/document"
)

// Dispatcher runs commands. It may be used by any number of connections at a time.
type Dispatcher struct{}

// Run runs one command and returns its answer. It never fails: an error is a reply whose ok is 0. ctx ends when the
// connection is lost or the server stops; the command is then interrupted.
func (d *Dispatcher) Run(ctx context.Context, req *Request) Reply {
	var b document.Builder
	b.AppendDouble("ok", 0)
	b.AppendString("errmsg", "no such command: '"+req.Body.First().Key+"'")
	b.AppendInt32("code", 59)
	b.AppendString("codeName", "CommandNotFound")
	return Reply{Doc: b.Finish()}
}
