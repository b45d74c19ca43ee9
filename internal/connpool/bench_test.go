package connpool

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"runtime"
	"strconv"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

const benchCommand = `{"find": "c", "filter": {"_id": 1}, "limit": 1, "singleBatch": true, "lsid": {"id": {"$binary": {"base64": "AAAAAAAAAAAAAAAAAAAAAA==", "subType": "04"}}}, "$db": "test"}`

// benchReplies are a point read's reply and a batch's.
func benchReplies() map[string]document.Doc {
	batch := make(bson.A, 1000)
	for i := range batch {
		batch[i] = bson.D{{Key: "_id", Value: i}, {Key: "name", Value: "somebody"}, {Key: "text", Value: "some words about somebody, as there are in documents"}}
	}
	large, err := document.Marshal(bson.D{{Key: "cursor", Value: bson.D{{Key: "firstBatch", Value: batch}, {Key: "id", Value: int64(0)}, {Key: "ns", Value: "test.c"}}}, {Key: "ok", Value: 1.0}})
	if err != nil {
		panic(err)
	}
	return map[string]document.Doc{
		"small": doc(`{"cursor": {"firstBatch": [{"_id": 1, "x": "somebody"}], "id": 0, "ns": "test.c"}, "ok": 1.0}`),
		"batch": large,
	}
}

// benchServer listens on a loopback port and answers every OP_MSG with body, with as little work as can be.
func benchServer(b *testing.B, body document.Doc) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { l.Close() })
	hello := doc(helloReply)
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go benchServe(nc, body, hello)
		}
	}()
	return l.Addr().String()
}

func benchServe(nc net.Conn, body, hello document.Doc) {
	defer nc.Close()
	in := make([]byte, 64<<10)
	m := wire.Msg{Body: body}
	out := m.Append(nil, 1000, 0)
	for {
		n, err := nc.Read(in)
		if err != nil {
			return
		}
		if want := int(binary.LittleEndian.Uint32(in)); n < want {
			if _, err := io.ReadFull(nc, in[n:want]); err != nil {
				return
			}
		}
		h := wire.ParseHeader(in)
		answer := out
		switch first := document.Doc(in[wire.MsgPrefixSize:]).First(); {
		case h.OpCode == wire.OpQuery:
			r := wire.Reply{Docs: []document.Doc{hello}}
			answer = r.Append(nil, 1000, h.RequestID)
		case first.Key == "hello":
			m := wire.Msg{Body: hello}
			answer = m.Append(nil, 1000, h.RequestID)
		default:
			binary.LittleEndian.PutUint32(out[8:], uint32(h.RequestID))
		}
		if _, err := nc.Write(answer); err != nil {
			return
		}
	}
}

// BenchmarkRoundTrip is one operation: a connection lent, a command and its reply, the connection taken back. The
// server's half is in the figures.
func BenchmarkRoundTrip(b *testing.B) {
	for name, body := range benchReplies() {
		b.Run(name, func(b *testing.B) {
			p := New(Options{Address: benchServer(b, body)})
			defer p.Close()
			p.Ready()
			request := message(1, benchCommand)
			background := func() (context.Context, context.CancelFunc) { return context.Background(), func() {} }
			timeout := func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(context.Background(), time.Minute)
			}
			b.Run("plain", func(b *testing.B) { benchPool(b, p, request, background) })
			b.Run("timeout", func(b *testing.B) { benchPool(b, p, request, timeout) })
		})
	}
}

func benchPool(b *testing.B, p *Pool, request []byte, newContext func() (context.Context, context.CancelFunc)) {
	byCallers(b, func() error {
		ctx, cancel := newContext()
		defer cancel()
		c, err := p.Get(ctx)
		if err != nil {
			return err
		}
		r, err := c.RoundTrip(ctx, request)
		p.Put(c)
		r.Free()
		return err
	})
}

// byCallers measures an operation by one caller and by many at once.
func byCallers(b *testing.B, operation func() error) {
	b.Run("1", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := operation(); err != nil {
				b.Fatal(err)
			}
		}
	})
	for _, callers := range []int{64, 1000} { // the latter have to wait for each other's connections
		b.Run(strconv.Itoa(callers), func(b *testing.B) {
			b.ReportAllocs()
			b.SetParallelism(callers / runtime.GOMAXPROCS(0))
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := operation(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
}

// BenchmarkOfficialDriver is the same command by the official driver, which does more for it: it selects a server and
// encodes the command.
func BenchmarkOfficialDriver(b *testing.B) {
	for name, body := range benchReplies() {
		b.Run(name, func(b *testing.B) {
			client, err := mongo.Connect(options.Client().ApplyURI("mongodb://" + benchServer(b, body) + "/?directConnection=true"))
			if err != nil {
				b.Fatal(err)
			}
			defer client.Disconnect(context.Background())
			command := bson.Raw(doc(`{"find": "c", "filter": {"_id": 1}, "limit": 1, "singleBatch": true}`))
			db := client.Database("test")
			run := func(ctx context.Context) error { return db.RunCommand(ctx, command).Err() }
			b.Run("plain", func(b *testing.B) { byCallers(b, func() error { return run(context.Background()) }) })
			b.Run("timeout", func(b *testing.B) {
				byCallers(b, func() error {
					ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
					defer cancel()
					return run(ctx)
				})
			})
		})
	}
}
