package connpool

import (
	"slices"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/wire"
)

// Hello is what a server said about itself when the connection was made.
type Hello struct {
	Raw document.Doc // the whole reply
	RTT time.Duration

	HelloOK               bool // hello may be sent in place of isMaster
	MaxWireVersion        int32
	MaxDocumentSize       int // maxBsonObjectSize
	MaxMessageSize        int // maxMessageSizeBytes
	MaxWriteBatchSize     int
	SessionTimeoutMinutes int64           // logicalSessionTimeoutMinutes; -1: no sessions
	ServerConnectionID    int64           // connectionId: what the server's log calls the connection; 0 if it did not say
	Compressor            wire.Compressor // agreed on; Noop: none
}

// Limits of servers that do not tell theirs.
const (
	defaultMaxDocumentSize   = 16 << 20
	defaultMaxWriteBatchSize = 1000
)

// parseHello reads a reply, which it keeps.
func parseHello(raw document.Doc, compressors []wire.Compressor) Hello {
	h := Hello{
		Raw: raw, MaxDocumentSize: defaultMaxDocumentSize, MaxMessageSize: wire.MaxMessageSize, MaxWriteBatchSize: defaultMaxWriteBatchSize,
		SessionTimeoutMinutes: -1,
	}
	for it := raw.Iter(); it.Next(); {
		v := it.Value()
		switch it.Key() {
		case "helloOk":
			h.HelloOK = v.Truthy()
		case "maxWireVersion":
			h.MaxWireVersion = int32(positive(v, 0))
		case "maxBsonObjectSize":
			h.MaxDocumentSize = positive(v, h.MaxDocumentSize)
		case "maxMessageSizeBytes":
			h.MaxMessageSize = positive(v, h.MaxMessageSize)
		case "maxWriteBatchSize":
			h.MaxWriteBatchSize = positive(v, h.MaxWriteBatchSize)
		case "logicalSessionTimeoutMinutes":
			h.SessionTimeoutMinutes = int64(positive(v, -1))
		case "connectionId":
			h.ServerConnectionID, _ = v.AsInt64()
		case "compression":
			h.Compressor = agree(compressors, v.Doc())
		}
	}
	return h
}

// positive returns v's number if it is one that a limit can have.
func positive(v document.Value, otherwise int) int {
	if n, ok := v.AsInt64(); ok && n > 0 && n < 1<<31 {
		return int(n)
	}
	return otherwise
}

// agree returns the first of ours that the server has, too.
func agree(ours []wire.Compressor, theirs document.Doc) wire.Compressor {
	var names []string
	for it := theirs.Iter(); it.Next(); {
		names = append(names, it.Value().Str())
	}
	for _, c := range ours {
		if slices.Contains(names, c.String()) {
			return c
		}
	}
	return wire.Noop
}
