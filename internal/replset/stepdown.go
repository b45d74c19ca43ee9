package replset

import (
	"math"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// StepDown is what a replSetStepDown command asks for.
type StepDown struct {
	Period  time.Duration // how long the member does not seek election afterwards
	CatchUp time.Duration // how long it waits for a secondary to have everything
	Force   bool          // step down after CatchUp even if none has
}

// ParseStepDown reads a replSetStepDown command. As in mongod a period of 0, or one that is no number, is 60 s.
func ParseStepDown(cmd document.Doc) (StepDown, error) {
	force := cmd.Lookup("force").Truthy()
	secs, _ := cmd.First().ToInt64()
	switch {
	case secs == 0:
		secs = 60
	case secs < 0:
		return StepDown{}, mongoerr.New(mongoerr.BadValue, "stepdown period must be a positive integer")
	}
	catchUp, err := catchUpSeconds(cmd.Lookup("secondaryCatchUpPeriodSecs"), force)
	switch {
	case err != nil:
		return StepDown{}, err
	case catchUp < 0:
		return StepDown{}, mongoerr.New(mongoerr.BadValue, "secondaryCatchUpPeriodSecs period must be a positive or absent")
	case secs < catchUp:
		return StepDown{}, mongoerr.New(mongoerr.BadValue, "stepdown period must be longer than secondaryCatchUpPeriodSecs")
	case secs > math.MaxInt64/int64(time.Second):
		return StepDown{}, mongoerr.New(mongoerr.DurationOverflow,
			"Overflow casting from a lower-precision duration to a higher-precision duration")
	}
	return StepDown{time.Duration(secs) * time.Second, time.Duration(catchUp) * time.Second, force}, nil
}

func catchUpSeconds(v document.Value, force bool) (int64, error) {
	const name = "secondaryCatchUpPeriodSecs"
	switch {
	case v.IsMissing() && force:
		return 0, nil
	case v.IsMissing():
		return 10, nil
	case !v.IsNumber():
		return 0, mongoerr.New(mongoerr.TypeMismatch, "Expected field \"%s\" to have numeric type, but found %s", name, v.Type)
	}
	return wholeNumber(name, v)
}

// CheckStepDown returns why the member cannot step down at all; nil if it can.
func (v *View) CheckStepDown() error {
	if err := v.RequireSet(); err != nil {
		return err
	}
	if !v.Initiated() || v.State != Primary {
		return mongoerr.New(mongoerr.NotWritablePrimary, "not primary so can't step down")
	}
	return nil
}

// NoneCaughtUp is the error of a step-down that waited until now for a secondary that could take over.
func NoneCaughtUp(now time.Time) error {
	return mongoerr.New(mongoerr.ExceededTimeLimit, "No electable secondaries caught up as of %s. Please use the replSetStepDown "+
		"command with the argument {force: true} to force node to step down.", now.UTC().Format("2006-01-02T15:04:05.000+00:00"))
}

// ParseFreeze reads a replSetFreeze command: for how long the member shall not seek election. 0, which is also what
// everything that is no number means, ends a freeze; so does a time that is over already.
func ParseFreeze(cmd document.Doc) (time.Duration, error) {
	secs, _ := cmd.First().ToInt64()
	if secs > math.MaxInt32 {
		// mongod cuts it to 32 bits, which can mean anything, also the end of the freeze.
		return 0, mongoerr.New(mongoerr.BadValue, "replSetFreeze: seconds must be at most %d", math.MaxInt32)
	}
	return time.Duration(max(secs, 0)) * time.Second, nil
}

// CheckFreeze returns why the member cannot be frozen; nil if it can.
func (v *View) CheckFreeze() error {
	if err := v.RequireSet(); err != nil {
		return err
	}
	if v.State == Primary {
		return mongoerr.New(mongoerr.NotSecondary, "Cannot freeze node when primary or running for election, state: Primary")
	}
	return nil
}

// AppendFreezeReply appends the reply of replSetFreeze, without ok.
func AppendFreezeReply(b *document.Builder, period time.Duration) {
	switch period {
	case 0:
		b.AppendString("info", "unfreezing")
	case time.Second:
		b.AppendString("warning", "you really want to freeze for only 1 second?")
	}
}
