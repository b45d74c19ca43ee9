package node

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// askTimeout is how long another member may take to answer a question.
const askTimeout = 5 * time.Second

// ask runs one command on another member, on a connection of its own.
func (n *Node) ask(ctx context.Context, host string, cmd document.Doc) (document.Doc, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	conn, err := n.opts.Dial(ctx, host)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	req := wire.Msg{Body: cmd}
	if _, err := conn.Write(req.Append(nil, 1, 0)); err != nil {
		return nil, err
	}
	r := wire.NewReader(conn)
	defer r.Close()
	b, err := r.Next()
	if err != nil {
		return nil, err
	}
	var reply wire.Msg
	if err := reply.Parse(b); err != nil {
		return nil, err
	}
	d := reply.Body.Clone()
	if ok, _ := d.Lookup("ok").AsFloat64(); ok != 1 {
		return d, fmt.Errorf("%s: %s", host, d.Lookup("errmsg").Str())
	}
	return d, nil
}

// answer is what another member says of itself.
type answer struct {
	RaftID    uint64
	Set       string
	SetID     document.ObjectID // of the set that it belongs to
	Initiated bool
	Empty     bool    // it holds no data
	Arbiter   bool    // its directory is an arbiter's, for ever
	Stored    *stored // the configuration that it has; nil for none
}

// Identity returns the reply of _mortonIdentity: {raftId, set, initiated, setId, empty, arbiter, stored}.
func (n *Node) Identity() document.Doc {
	n.mu.Lock()
	defer n.mu.Unlock()
	v := n.engine.Local()
	defer v.Close()
	var b document.Builder
	b.AppendInt64("raftId", int64(n.raftID()))
	b.AppendString("set", n.opts.Set.Name)
	b.AppendBool("initiated", n.identity.Load().SetID != "")
	b.AppendObjectID("setId", n.identity.Load().setID())
	b.AppendBool("empty", v.Catalog.Empty())
	b.AppendBool("arbiter", n.identity.Load().Arbiter)
	if s := n.stored.Load(); s != nil {
		b.AppendDoc("stored", s.encode())
	}
	return b.Finish()
}

func (n *Node) askIdentity(ctx context.Context, host string) (answer, error) {
	var cmd document.Builder
	cmd.AppendInt32("_mortonIdentity", 1)
	cmd.AppendString("$db", "admin")
	d, err := n.ask(ctx, host, cmd.Finish())
	if err != nil {
		return answer{}, err
	}
	a := answer{
		RaftID: uint64(d.Lookup("raftId").Int64()), Set: strings.Clone(d.Lookup("set").Str()), SetID: d.Lookup("setId").ObjectID(),
		Initiated: d.Lookup("initiated").Bool(), Empty: d.Lookup("empty").Bool(), Arbiter: d.Lookup("arbiter").Bool(),
	}
	if v := d.Lookup("stored"); !v.IsMissing() {
		a.Stored, err = decodeStored(v.Doc())
	}
	return a, err
}
