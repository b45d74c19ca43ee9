package script

import (
	"context"
	"errors"
	"runtime/metrics"
	"strings"
	"sync"
	"time"

	"github.com/dop251/goja"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// Limits of one call.
const (
	MaxTime      = 10 * time.Second
	maxCallDepth = 1000
	maxHeapBytes = 256 << 20 // by which the process may grow while a script runs
	watchEvery   = 5 * time.Millisecond
)

// Function is a compiled function. Any number of goroutines may call it.
type Function struct {
	program *goja.Program
	idle    sync.Pool // of *machine
}

// machine is a runtime in which the function is defined.
type machine struct {
	vm       *goja.Runtime
	function goja.Callable
	types    types
}

// Compile compiles a function: `function (...) {...}`, its body, or an expression whose value it returns. Errors have mongod's code for
// JavaScript that cannot be compiled (139 JSInterpreterFailure); the words are the engine's.
func Compile(code string) (*Function, error) {
	program, err := goja.Compile("", "("+asFunction(code)+")", false)
	if err != nil {
		return nil, mongoerr.New(mongoerr.JSInterpreterFailure, "%s", syntaxError(err))
	}
	return &Function{program: program}, nil
}

// asFunction makes a function of code as mongod does.
func asFunction(code string) string {
	code = strings.TrimSpace(code)
	if strings.HasPrefix(code, "function") || isArrow(code) {
		return code
	}
	semicolon := strings.IndexByte(code, ';')
	if !strings.Contains(code, "\n") && !strings.Contains(code, "return") && (semicolon < 0 || semicolon == len(code)-1) && !startsStatement(code) {
		code = "return " + code
	}
	return "function(){ " + code + "\n}"
}

func isArrow(code string) bool {
	head, _, found := strings.Cut(code, "=>")
	return found && (strings.HasPrefix(code, "(") && strings.HasSuffix(strings.TrimSpace(head), ")"))
}

// startsStatement reports whether code begins with a word that cannot follow return.
func startsStatement(code string) bool {
	for _, word := range []string{"throw", "if", "for", "while", "var", "let", "const", "try", "switch", "do"} {
		if rest, ok := strings.CutPrefix(code, word); ok && (rest == "" || strings.ContainsAny(rest[:1], " (\t{")) {
			return true
		}
	}
	return false
}

func syntaxError(err error) string {
	text := err.Error()
	if !strings.HasPrefix(text, "SyntaxError") {
		text = "SyntaxError: " + text
	}
	return text
}

// Call runs the function with a document as `this` and as the global `obj`, and with arguments. The result may be missing (undefined).
func (f *Function) Call(ctx context.Context, this document.Doc, args ...document.Value) (document.Value, error) {
	m, _ := f.idle.Get().(*machine)
	if m == nil {
		var err error
		if m, err = f.newMachine(); err != nil {
			return document.Value{}, err
		}
	}
	stop := m.watch(ctx)
	defer stop()
	self := m.types.object(this)
	_ = m.vm.Set("obj", self)
	values := make([]goja.Value, len(args))
	for i, a := range args {
		values[i] = m.types.toJS(a)
	}
	result, err := m.function(self, values...)
	if err != nil {
		return document.Value{}, m.failed(ctx, err)
	}
	v, err := m.types.fromJS(result)
	if err == nil {
		f.idle.Put(m)
	}
	return v, err
}

func (f *Function) newMachine() (*machine, error) {
	m := &machine{vm: goja.New()}
	m.vm.SetMaxCallStackSize(maxCallDepth)
	m.types.define(m.vm)
	v, err := m.vm.RunProgram(f.program)
	if err != nil {
		return nil, m.failed(context.Background(), err)
	}
	var ok bool
	if m.function, ok = goja.AssertFunction(v); !ok {
		return nil, mongoerr.New(mongoerr.JSInterpreterFailure, "not a function")
	}
	return m, nil
}

// The reasons for which a script is interrupted.
var (
	errTime   = errors.New("the script takes too long")
	errMemory = errors.New("the script uses too much memory")
)

// watch interrupts the script when its time is over or the process grows too much, until stop is called.
func (m *machine) watch(ctx context.Context) (stop func()) {
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		deadline := time.NewTimer(MaxTime)
		defer deadline.Stop()
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		begin := uint64(0)
		for {
			select {
			case <-done:
				return
			case <-ctx.Done():
				m.interrupt(ctx.Err())
				return
			case <-deadline.C:
				m.interrupt(errTime)
				return
			case <-tick.C:
				now := heapBytes()
				if begin == 0 {
					begin = now
				}
				if now > begin+maxHeapBytes {
					m.interrupt(errMemory)
					return
				}
			}
		}
	})
	return func() {
		close(done)
		watching.Wait()
		m.vm.ClearInterrupt()
		m.types.stopped.Store(false)
	}
}

func (m *machine) interrupt(reason error) {
	m.types.stopped.Store(true)
	m.vm.Interrupt(reason)
}

func heapBytes() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// failed translates the error of a call.
func (m *machine) failed(ctx context.Context, err error) error {
	var interrupted *goja.InterruptedError
	var thrown *goja.Exception
	switch {
	case errors.As(err, &interrupted):
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return mongoerr.New(mongoerr.JSInterpreterFailure, "%v", interrupted.Value())
	case errors.As(err, &thrown):
		if o, ok := thrown.Value().(*goja.Object); ok && o.ClassName() == "Error" {
			return mongoerr.New(mongoerr.JSInterpreterFailure, "%s", thrown.Value().String())
		}
		return mongoerr.New(mongoerr.UnknownError, "uncaught exception: %s", thrown.Value().String())
	}
	return mongoerr.New(mongoerr.JSInterpreterFailure, "%s", err.Error())
}
