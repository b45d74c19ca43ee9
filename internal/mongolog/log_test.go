package mongolog

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mortondb/morton/internal/document"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)

// open returns a log and what is written to it, with the time of each line replaced by that of a fixed moment.
func open(t *testing.T, c Config) (*Log, *bytes.Buffer) {
	t.Helper()
	out := &bytes.Buffer{}
	c.Stream, c.UTC = out, true
	l, err := Open(c)
	if err != nil {
		t.Fatal(err)
	}
	return l, out
}

// record logs at a fixed time.
func record(l *slog.Logger, level slog.Level, msg string, attrs ...slog.Attr) {
	if !l.Enabled(context.Background(), level) {
		return
	}
	r := slog.NewRecord(at, level, msg, 0)
	r.AddAttrs(attrs...)
	_ = l.Handler().Handle(context.Background(), r)
}

// TestLine fixes the form of lines. The first three are lines of mongod 6.0.5, with another time.
func TestLine(t *testing.T) {
	doc, err := document.FromJSON(`{"_id":"foo","n":1}`)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", maxValue+10)
	for _, c := range []struct {
		name  string
		with  []any
		level slog.Level
		msg   string
		attrs []slog.Attr
		want  string // after the time
	}{
		{"ready", nil, slog.LevelInfo, "Waiting for connections", []slog.Attr{Component("NETWORK"), ID(23016), Context("listener"), slog.Int("port", 28478), slog.String("ssl", "off")},
			`"s":"I",  "c":"NETWORK",  "id":23016,   "ctx":"listener","msg":"Waiting for connections","attr":{"port":28478,"ssl":"off"}}`},
		{"warning", []any{Component("CONTROL"), Context("initandlisten")}, slog.LevelWarn, "You are running this process as the root user, which is not recommended", []slog.Attr{ID(22138), StartupWarning()},
			`"s":"W",  "c":"CONTROL",  "id":22138,   "ctx":"initandlisten","msg":"You are running this process as the root user, which is not recommended","tags":["startupWarnings"]}`},
		{"dash", []any{Context("initandlisten")}, slog.LevelInfo, "Dropping the scope cache for shutdown", []slog.Attr{ID(4784931)},
			`"s":"I",  "c":"-",        "id":4784931, "ctx":"initandlisten","msg":"Dropping the scope cache for shutdown"}`},
		{"own", nil, slog.LevelError, "a \"quoted\" <tag>\n", nil,
			`"s":"E",  "c":"-",        "id":0,       "ctx":"-","msg":"a \"quoted\" <tag>\n"}`},
		{"fatal", nil, LevelFatal, "m", nil, `"s":"F",  "c":"-",        "id":0,       "ctx":"-","msg":"m"}`},
		{"debug", nil, slog.LevelDebug, "m", nil, `"s":"D1", "c":"-",        "id":0,       "ctx":"-","msg":"m"}`},
		{"debug 5", nil, slog.LevelDebug - 4, "m", nil, `"s":"D5", "c":"-",        "id":0,       "ctx":"-","msg":"m"}`},
		{"values", nil, slog.LevelInfo, "m", []slog.Attr{slog.Duration("took", 1500*time.Microsecond), slog.Time("at", at), slog.Any("err", errors.New("no")), slog.Any("doc", doc),
			slog.Any("list", []string{"a"}), slog.Any("level", slog.LevelWarn), slog.Uint64("big", math.MaxUint64), slog.Float64("nan", math.NaN()), slog.Any("nil", nil)},
			`"s":"I",  "c":"-",        "id":0,       "ctx":"-","msg":"m","attr":{"tookMillis":1,"at":{"$date":"2026-01-02T03:04:05.678Z"},"err":"no","doc":{"_id":"foo","n":1},` +
				`"list":["a"],"level":"WARN","big":18446744073709551615,"nan":"NaN","nil":null}}`},
		{"groups", []any{slog.Group("a", "x", 1), slog.Int("b", 2)}, slog.LevelInfo, "m", []slog.Attr{slog.Group("a", slog.Int("y", 3)), slog.Int("b", 4), slog.Group("empty"), slog.Group("", slog.Int("c", 5))},
			`"s":"I",  "c":"-",        "id":0,       "ctx":"-","msg":"m","attr":{"a":{"x":1,"y":3},"b":4,"c":5}}`},
		{"invalid text", nil, slog.LevelInfo, "m\xff", nil, `"s":"I",  "c":"-",        "id":0,       "ctx":"-","msg":"m` + "\ufffd" + `"}`},
		{"long", nil, slog.LevelInfo, "m", []slog.Attr{slog.String("k", long)},
			`"s":"I",  "c":"-",        "id":0,       "ctx":"-","msg":"m","attr":{"k":"\"` + long[:maxValue-1] + `"},"truncated":{"k":{"type":"string","size":` + fmt.Sprint(maxValue+12) + `}}}`},
	} {
		l, out := open(t, Config{Verbosity: 5})
		record(l.Logger().With(c.with...), c.level, c.msg, c.attrs...)
		want := `{"t":{"$date":"2026-01-02T03:04:05.678Z"},` + c.want + "\n"
		got := strings.ReplaceAll(out.String(), `\ufffd`, "\ufffd")
		if got != want {
			t.Errorf("%s:\n%swant\n%s", c.name, got, want)
		}
		if !json.Valid(out.Bytes()) {
			t.Errorf("%s: not JSON: %s", c.name, out)
		}
	}
}

func TestWithGroup(t *testing.T) {
	l, out := open(t, Config{})
	record(l.Logger().With("c", "REPL", "id", 5).WithGroup("a").With("x", 1).WithGroup("b"), slog.LevelInfo, "m", slog.Int("y", 2), slog.Int("id", 7))
	if !strings.Contains(out.String(), `"c":"REPL",     "id":5,       "ctx":"-","msg":"m","attr":{"a":{"x":1,"b":{"y":2,"id":7}}}}`) {
		t.Error(out)
	}
}

func TestLocalTime(t *testing.T) {
	out := &bytes.Buffer{}
	l, _ := Open(Config{Stream: out})
	record(l.Logger(), slog.LevelInfo, "m")
	if want := at.Local().Format("2006-01-02T15:04:05.000-07:00"); !strings.HasPrefix(out.String(), `{"t":{"$date":"`+want+`"},`) {
		t.Errorf("%s, want %s", out, want)
	}
}

func TestVerbosity(t *testing.T) {
	l, out := open(t, Config{Verbosity: 2})
	for n := range slog.Level(5) {
		record(l.Logger(), slog.LevelDebug-n, "m")
	}
	if got := strings.Count(out.String(), "\n"); got != 2 {
		t.Errorf("%d lines at verbosity 2:\n%s", got, out)
	}
	l.SetVerbosity(0)
	record(l.Logger(), slog.LevelDebug, "m")
	if got := strings.Count(out.String(), "\n"); got != 2 || l.Verbosity() != 0 {
		t.Error("a debug line at verbosity 0")
	}
}

func TestRecent(t *testing.T) {
	l, _ := open(t, Config{})
	for i := range maxLines + 5 {
		record(l.Logger(), slog.LevelInfo, fmt.Sprint(i))
	}
	record(l.Logger(), slog.LevelWarn, "warned", StartupWarning())
	total, lines, ok := l.Recent("global")
	if total != maxLines+6 || len(lines) != maxLines || !ok || !strings.Contains(lines[0], `"msg":"6"`) || !strings.Contains(lines[maxLines-1], "warned") {
		t.Errorf("%d lines of %d, first %s", len(lines), total, lines[0])
	}
	if total, lines, _ := l.Recent("startupWarnings"); total != 1 || len(lines) != 1 || !strings.HasSuffix(lines[0], `"tags":["startupWarnings"]}`+"\n") {
		t.Errorf("startup warnings: %d %q", total, lines)
	}
	if _, _, ok := l.Recent("other"); ok || l.Clear("other") {
		t.Error("a log of an unknown name")
	}
	if !l.Clear("startupWarnings") {
		t.Error("not cleared")
	}
	if total, _, _ := l.Recent("startupWarnings"); total != 0 {
		t.Error("lines after Clear")
	}
}

// files returns the contents of the log files by their names after the path.
func files(t *testing.T, path string) map[string]string {
	t.Helper()
	names, err := filepath.Glob(path + "*")
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, name := range names {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m[strings.TrimPrefix(name, path)] = string(b)
	}
	return m
}

func TestRotate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.log")
	l, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	record(l.Logger(), slog.LevelInfo, "one")
	for _, msg := range []string{"two", "three"} {
		if err := l.Rotate(at); err != nil {
			t.Fatal(err)
		}
		record(l.Logger(), slog.LevelInfo, msg)
	}
	f := files(t, path)
	if !strings.Contains(f[""], "three") || !strings.Contains(f[".2026-01-02T03-04-05"], "one") || !strings.Contains(f[".2026-01-02T03-04-05.1"], "two") || len(f) != 3 {
		t.Errorf("%q", f)
	}
	// Without Append an existing file is moved away, with it continued.
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for _, appending := range []bool{true, false} {
		l, err := Open(Config{Path: path, Append: appending})
		if err != nil {
			t.Fatal(err)
		}
		record(l.Logger(), slog.LevelInfo, "next")
		if got := strings.Contains(files(t, path)[""], "three"); got != appending {
			t.Errorf("append %v: the old lines are there: %v", appending, got)
		}
		l.Close()
	}
}

func TestRotateReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "m.log")
	l, err := Open(Config{Path: path, Reopen: true, Append: true})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	record(l.Logger(), slog.LevelInfo, "one")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	if err := l.Rotate(at); err != nil {
		t.Fatal(err)
	}
	record(l.Logger(), slog.LevelInfo, "two")
	if f := files(t, path); !strings.Contains(f[""], "two") || !strings.Contains(f[".old"], "one") || len(f) != 2 {
		t.Errorf("%q", f)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(Config{Path: dir}); err == nil || err.Error() != fmt.Sprintf("logpath %q should name a file, not a directory.", dir) {
		t.Error(err)
	}
	if _, err := Open(Config{Path: filepath.Join(dir, "no", "file")}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	l, _ := open(t, Config{})
	if err := l.Rotate(at); !errors.Is(err, ErrNotFile) {
		t.Error(err)
	}
}
