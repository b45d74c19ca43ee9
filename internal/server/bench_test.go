package server

import (
	"context"
	"net"
	"testing"

	"github.com/mortondb/morton/internal/command"
	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// BenchmarkEcho is a small command there and back through a loopback socket. The client's half is in the figures.
func BenchmarkEcho(b *testing.B) {
	for _, reply := range []struct {
		name string
		doc  document.Doc
	}{{"small", doc(`{"cursor": {"firstBatch": [{"_id": 1, "x": "somebody"}], "id": 0, "ns": "test.c"}, "ok": 1.0}`)}, {"64KB", largeDoc(64 << 10)}} {
		b.Run(reply.name, func(b *testing.B) { benchmarkEcho(b, reply.doc) })
	}
}

func largeDoc(size int) document.Doc {
	var d document.Builder
	d.AppendBinary("b", 0, make([]byte, size))
	return d.Finish()
}

type echo struct{ reply document.Doc }

func (e echo) Run(_ context.Context, req *command.Request) command.Reply {
	return command.Reply{Doc: append(req.Buffer[:0], e.reply...)}
}

func benchmarkEcho(b *testing.B, reply document.Doc) {
	s, err := New(Options{Runner: echo{reply}})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go s.Serve(l)
	request := (&wire.Msg{Body: doc(`{"find": "c", "filter": {"_id": 1}, "limit": 1, "singleBatch": true, "lsid": {"id": {"$binary": {"base64": "AAAAAAAAAAAAAAAAAAAAAA==", "subType": "04"}}}, "$db": "test"}`)}).Append(nil, 1, 0)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Error(err)
			return
		}
		defer nc.Close()
		r := wire.NewReader(nc)
		for pb.Next() {
			if _, err := nc.Write(request); err != nil {
				b.Error(err)
				return
			}
			if _, err := r.Next(); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
