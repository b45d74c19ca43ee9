package engine

import (
	"github.com/mortondb/morton/internal/document"
)

// stage is a stage of a plan as mongod's explain shows it. Morton runs plans otherwise than as a tree of stages; the tree says what mongod would call
// what is done, with the numbers of what was done.
type stage struct {
	name   string
	filter document.Doc // nil: none
	show   func(b *document.Builder)
	run    stageRun
	count  func(b *document.Builder) // what only a stage that ran shows
	inputs []*stage
	list   bool // the inputs are shown as a list, even if there is one
}

// stageRun is what a stage has done.
type stageRun struct {
	works, advanced int64
	eof             bool
}

// over returns a stage over another one.
func (s *stage) over(input *stage) *stage {
	s.inputs = append(s.inputs, input)
	return s
}

// passing returns a stage that returns what its input returns.
func passing(name string, input *stage, show func(*document.Builder)) *stage {
	return (&stage{name: name, show: show, run: input.run}).over(input)
}

// append appends the stage's fields. ran: with the numbers.
func (s *stage) append(b *document.Builder, ran bool) {
	b.AppendString("stage", s.name)
	if s.filter != nil {
		b.AppendDoc("filter", s.filter)
	}
	if ran {
		s.run.append(b)
	}
	if s.show != nil {
		s.show(b)
	}
	if ran && s.count != nil {
		s.count(b)
	}
	if s.list || len(s.inputs) > 1 {
		b.OpenArray("inputStages")
		for i, input := range s.inputs {
			b.OpenDoc(document.Index(i))
			input.append(b, ran)
			b.Close()
		}
		b.Close()
		return
	}
	for _, input := range s.inputs {
		b.OpenDoc("inputStage")
		input.append(b, ran)
		b.Close()
	}
}

func (r stageRun) append(b *document.Builder) {
	appendNumber(b, "nReturned", r.advanced)
	b.AppendInt32("executionTimeMillisEstimate", 0)
	appendNumber(b, "works", r.works)
	appendNumber(b, "advanced", r.advanced)
	need := r.works - r.advanced
	if r.eof {
		need--
	}
	appendNumber(b, "needTime", max(need, 0))
	for _, name := range []string{"needYield", "saveState", "restoreState"} {
		b.AppendInt32(name, 0)
	}
	if r.eof {
		b.AppendInt32("isEOF", 1)
	} else {
		b.AppendInt32("isEOF", 0)
	}
}

// appendNumber appends a number as int32 if it is one, else as int64.
func appendNumber(b *document.Builder, key string, n int64) {
	if n == int64(int32(n)) {
		b.AppendInt32(key, int32(n))
		return
	}
	b.AppendInt64(key, n)
}
