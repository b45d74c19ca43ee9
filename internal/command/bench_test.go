package command

import (
	"testing"

	"github.com/mortondb/morton/internal/document"
)

func benchmark(b *testing.B, db, command string) {
	c := newTestMember(b, 1).client()
	c.insertMany(100, 100)
	d, err := document.FromJSON(command)
	if err != nil {
		b.Fatal(err)
	}
	req := &Request{Conn: c.c, DB: db, Body: d}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		c.d.Run(b.Context(), req)
	}
}

const benchSession = `"lsid": {"id": {"$binary": {"base64": "MDEyMzQ1Njc4OWFiY2RlZg==", "subType": "04"}}}, "$clusterTime": {"clusterTime": {"$timestamp": {"t": 1, "i": 1}},
	"signature": {"hash": {"$binary": {"base64": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "subType": "00"}}, "keyId": {"$numberLong": "0"}}}`

// What a command costs without the network.
func BenchmarkPing(b *testing.B)  { benchmark(b, "admin", `{"ping": 1, `+benchSession+`}`) }
func BenchmarkHello(b *testing.B) { benchmark(b, "admin", `{"hello": 1}`) }
func BenchmarkFindOne(b *testing.B) {
	benchmark(b, "test", `{"find": "c", "filter": {"_id": 0}, "limit": 1, "singleBatch": true, `+benchSession+`}`)
}
func BenchmarkUpdateOne(b *testing.B) {
	benchmark(b, "test", `{"update": "c", "updates": [{"q": {"_id": 0}, "u": {"$inc": {"n": 1}}}], "writeConcern": {"w": 1}, `+benchSession+`}`)
}
