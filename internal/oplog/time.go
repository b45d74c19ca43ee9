package oplog

import (
	"fmt"
	"time"
)

// Timestamp is a BSON timestamp: seconds since 1970 in the upper half, a counter within the second in the lower.
type Timestamp uint64

// Seconds returns the upper half.
func (t Timestamp) Seconds() uint32 { return uint32(t >> 32) }

// Increment returns the lower half.
func (t Timestamp) Increment() uint32 { return uint32(t) }

// Time returns the second that t lies in.
func (t Timestamp) Time() time.Time { return time.Unix(int64(t.Seconds()), 0).UTC() }

// String prints t as mongosh does.
func (t Timestamp) String() string {
	return fmt.Sprintf("Timestamp(%d, %d)", t.Seconds(), t.Increment())
}

// Next returns the first timestamp after last, at least 1 in the second of now. It never goes back, whatever the clock does.
func Next(last Timestamp, now time.Time) Timestamp {
	return max(last+1, Timestamp(uint64(now.Unix())<<32|1))
}

// OpTime is an operation's place in the log: its timestamp and the term of the primary that wrote it.
type OpTime struct {
	TS   Timestamp
	Term uint64
}

// IsZero reports whether o is no place at all.
func (o OpTime) IsZero() bool { return o == OpTime{} }
