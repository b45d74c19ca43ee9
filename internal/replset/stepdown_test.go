package replset

import (
	"errors"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

func codeAndText(err error) (mongoerr.Code, string) {
	if err == nil {
		return 0, ""
	}
	var e *mongoerr.Error
	if !errors.As(err, &e) {
		return -1, err.Error()
	}
	return e.Code, e.Message
}

func TestStepDownArgumentsAreMongods(t *testing.T) {
	const notLonger = "stepdown period must be longer than secondaryCatchUpPeriodSecs"
	for _, c := range []struct {
		cmd  string
		want StepDown
		code mongoerr.Code
		text string
	}{
		{`{"replSetStepDown": 20, "secondaryCatchUpPeriodSecs": 1}`, StepDown{20 * time.Second, time.Second, false}, 0, ""},
		{`{"replSetStepDown": 60}`, StepDown{time.Minute, 10 * time.Second, false}, 0, ""},
		{`{"replSetStepDown": 60, "force": true}`, StepDown{time.Minute, 0, true}, 0, ""},
		{`{"replSetStepDown": 60, "force": "x"}`, StepDown{time.Minute, 0, true}, 0, ""},
		{`{"replSetStepDown": 5, "force": 1}`, StepDown{5 * time.Second, 0, true}, 0, ""},
		{`{"replSetStepDown": "x"}`, StepDown{time.Minute, 10 * time.Second, false}, 0, ""},
		{`{"replSetStepDown": {}}`, StepDown{time.Minute, 10 * time.Second, false}, 0, ""},
		{`{"replSetStepDown": 0}`, StepDown{time.Minute, 10 * time.Second, false}, 0, ""},
		{`{"replSetStepDown": 1.5, "secondaryCatchUpPeriodSecs": 1}`, StepDown{time.Second, time.Second, false}, 0, ""},
		{`{"replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 10}`, StepDown{10 * time.Second, 10 * time.Second, false}, 0, ""},
		{`{"replSetStepDown": -1}`, StepDown{}, 2, "stepdown period must be a positive integer"},
		{`{"replSetStepDown": 5}`, StepDown{}, 2, notLonger},
		{`{"replSetStepDown": 10, "secondaryCatchUpPeriodSecs": 11}`, StepDown{}, 2, notLonger},
		{`{"replSetStepDown": 60, "secondaryCatchUpPeriodSecs": -1}`, StepDown{}, 2, "secondaryCatchUpPeriodSecs period must be a positive or absent"},
		{`{"replSetStepDown": 60, "secondaryCatchUpPeriodSecs": "x"}`, StepDown{}, 14, `Expected field "secondaryCatchUpPeriodSecs" to have numeric type, but found string`},
		{`{"replSetStepDown": 4611686018427387904, "secondaryCatchUpPeriodSecs": 1}`, StepDown{}, 159, "Overflow casting from a lower-precision duration to a higher-precision duration"},
	} {
		got, err := ParseStepDown(fromJSON(t, c.cmd))
		if code, text := codeAndText(err); got != c.want || code != c.code || text != c.text {
			t.Errorf("%s: %v %d %s\n want %v %d %s", c.cmd, got, code, text, c.want, c.code, c.text)
		}
	}
}

func TestOnlyAPrimaryStepsDownAndOnlyOthersFreeze(t *testing.T) {
	member := viewFromStatus(t, recorded(t, "status-secondary"))
	for _, c := range []struct {
		name             string
		v                *View
		stepDown, freeze mongoerr.Code
	}{
		{"standalone", &View{Self: -1}, mongoerr.NoReplicationEnabled, mongoerr.NoReplicationEnabled},
		{"not initiated", &View{SetName: "rs0", Self: -1}, mongoerr.NotYetInitialized, mongoerr.NotYetInitialized},
		{"secondary", member, mongoerr.NotWritablePrimary, 0},
		{"primary", viewFromStatus(t, recorded(t, "status-primary")), 0, mongoerr.NotSecondary},
	} {
		if code, _ := codeAndText(c.v.CheckStepDown()); code != c.stepDown {
			t.Errorf("%s: step down: %v, want %v", c.name, code, c.stepDown)
		}
		if code, _ := codeAndText(c.v.CheckFreeze()); code != c.freeze {
			t.Errorf("%s: freeze: %v, want %v", c.name, code, c.freeze)
		}
	}
}

func TestNoneCaughtUpSaysWhatToDo(t *testing.T) {
	err := NoneCaughtUp(time.Date(2026, 11, 24, 5, 8, 17, 476e6, time.FixedZone("", 3600)))
	code, text := codeAndText(err)
	want := "No electable secondaries caught up as of 2026-11-24T04:08:17.476+00:00. Please use the replSetStepDown command with the " +
		"argument {force: true} to force node to step down."
	if code != mongoerr.ExceededTimeLimit || text != want {
		t.Errorf("%d %s", code, text)
	}
}

func TestFreezeIsMongods(t *testing.T) {
	for _, c := range []struct {
		cmd   string
		want  time.Duration
		reply string
	}{
		{`{"replSetFreeze": 0}`, 0, `{"info":"unfreezing"}`},
		{`{"replSetFreeze": "x"}`, 0, `{"info":"unfreezing"}`},
		{`{"replSetFreeze": true}`, 0, `{"info":"unfreezing"}`},
		{`{"replSetFreeze": 1}`, time.Second, `{"warning":"you really want to freeze for only 1 second?"}`},
		{`{"replSetFreeze": 1.5}`, time.Second, `{"warning":"you really want to freeze for only 1 second?"}`},
		{`{"replSetFreeze": 10}`, 10 * time.Second, `{}`},
		{`{"replSetFreeze": -1}`, 0, `{"info":"unfreezing"}`}, // mongod says nothing
	} {
		got, err := ParseFreeze(fromJSON(t, c.cmd))
		var b document.Builder
		AppendFreezeReply(&b, got)
		if reply := b.Finish().String(); err != nil || got != c.want || reply != c.reply {
			t.Errorf("%s: %v %v %s, want %v %s", c.cmd, got, err, reply, c.want, c.reply)
		}
	}
	if _, err := ParseFreeze(fromJSON(t, `{"replSetFreeze": 1099511627776}`)); err == nil {
		t.Error("a period that does not fit was accepted")
	}
}
