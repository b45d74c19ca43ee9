package replset

import (
	"encoding/binary"
	"time"

	"github.com/mortondb/morton/internal/document"
)

// OpTime is a place in the log: a timestamp (seconds in the upper, increment in the lower half) and the term of the
// primary that made the entry. The zero value is before everything.
type OpTime struct {
	TS   uint64
	Term uint64
}

// Time returns the timestamp's seconds as a time.
func (o OpTime) Time() time.Time { return time.Unix(int64(o.TS>>32), 0) }

// IsZero reports whether o is before the first entry.
func (o OpTime) IsZero() bool { return o == OpTime{} }

// Document returns MongoDB's form of o: {ts, t}.
func (o OpTime) Document() document.Doc {
	var b document.Builder
	o.appendFields(&b)
	return b.Finish()
}

func (o OpTime) append(b *document.Builder, key string) {
	b.OpenDoc(key)
	o.appendFields(b)
	b.Close()
}

// appendFields writes term 0, which no primary has, as MongoDB's uninitialised term -1.
func (o OpTime) appendFields(b *document.Builder) {
	term := int64(o.Term)
	if o.Term == 0 {
		term = -1
	}
	b.AppendTimestamp("ts", o.TS)
	b.AppendInt64("t", term)
}

// Point is an entry of the log: where it is, and the primary's clock when it was made.
type Point struct {
	OpTime
	Wall time.Time
}

// ElectionID returns what hello calls electionId: an ObjectId that is greater for every later term, so that clients
// can tell a deposed primary from its successor.
func ElectionID(term uint64) document.ObjectID {
	id := document.ObjectID{0x7f, 0xff, 0xff, 0xff}
	binary.BigEndian.PutUint64(id[4:], term)
	return id
}

// millis returns the milliseconds of a BSON date; the zero time is 1970, as mongod's is.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
