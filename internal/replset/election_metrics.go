package replset

import "github.com/mortondb/morton/internal/document"

// ElectionCount is how often a member stood for election for one reason, and how often it was elected then.
type ElectionCount struct{ Called, Successful int64 }

// ElectionMetrics is what a member counts of elections, since its process started.
type ElectionMetrics struct {
	StepUp   ElectionCount // it was asked to stand, or a primary handed over to it
	Takeover ElectionCount // from a primary of lower priority
	Timeout  ElectionCount // there was no primary
	Alone    ElectionCount // there is nobody else to vote
	Thawed   ElectionCount // nor was there, and it was frozen before

	Deposed int64 // it was primary and saw a later term
}

// Append appends the section electionMetrics of serverStatus. Who is elected here has everything that is committed, so that primaries never catch up
// with another member; what mongod counts of that stays 0.
func (m *ElectionMetrics) Append(b *document.Builder) {
	timeout := ElectionCount{m.Timeout.Called + m.Alone.Called, m.Timeout.Successful + m.Alone.Successful}
	m.StepUp.append(b, "stepUpCmd")
	m.Takeover.append(b, "priorityTakeover")
	ElectionCount{}.append(b, "catchUpTakeover")
	timeout.append(b, "electionTimeout")
	m.Thawed.append(b, "freezeTimeout")
	b.AppendInt64("numStepDownsCausedByHigherTerm", m.Deposed)
	b.AppendInt64("numCatchUps", 0)
	b.AppendInt64("numCatchUpsSucceeded", 0)
	b.AppendInt64("numCatchUpsAlreadyCaughtUp", m.StepUp.Successful+m.Takeover.Successful+m.Timeout.Successful)
	b.AppendInt64("numCatchUpsSkipped", m.Alone.Successful+m.Thawed.Successful)
	for _, never := range []string{"numCatchUpsTimedOut", "numCatchUpsFailedWithError", "numCatchUpsFailedWithNewTerm", "numCatchUpsFailedWithReplSetAbortPrimaryCatchUpCmd"} {
		b.AppendInt64(never, 0)
	}
	b.AppendDouble("averageCatchUpOps", 0)
}

func (c ElectionCount) append(b *document.Builder, name string) {
	b.OpenDoc(name)
	b.AppendInt64("called", c.Called)
	b.AppendInt64("successful", c.Successful)
	b.Close()
}
