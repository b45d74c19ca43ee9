package raftnode

import (
	"context"
	"fmt"
	"log/slog"

	"go.etcd.io/raft/v3"
)

// raftLogger passes raft's own messages to slog, one level lower than raft has them: an election is news to an
// operator, each vote in it is not. Nothing is formatted that nobody reads.
type raftLogger struct{ log *slog.Logger }

var _ raft.Logger = raftLogger{}

func (l raftLogger) print(level slog.Level, v ...any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, fmt.Sprint(v...))
	}
}

func (l raftLogger) printf(level slog.Level, format string, v ...any) {
	if l.log.Enabled(context.Background(), level) {
		l.log.Log(context.Background(), level, fmt.Sprintf(format, v...))
	}
}

const levelTrace = slog.LevelDebug - 4

func (l raftLogger) Debug(v ...any)                 { l.print(levelTrace, v...) }
func (l raftLogger) Debugf(f string, v ...any)      { l.printf(levelTrace, f, v...) }
func (l raftLogger) Info(v ...any)                  { l.print(slog.LevelDebug, v...) }
func (l raftLogger) Infof(f string, v ...any)       { l.printf(slog.LevelDebug, f, v...) }
func (l raftLogger) Warning(v ...any)               { l.print(slog.LevelInfo, v...) }
func (l raftLogger) Warningf(f string, v ...any)    { l.printf(slog.LevelInfo, f, v...) }
func (l raftLogger) Error(v ...any)                 { l.print(slog.LevelWarn, v...) }
func (l raftLogger) Errorf(f string, v ...any)      { l.printf(slog.LevelWarn, f, v...) }
func (l raftLogger) Fatal(v ...any)                 { l.Panic(v...) }
func (l raftLogger) Fatalf(f string, v ...any)      { l.Panicf(f, v...) }
func (l raftLogger) Panic(v ...any)                 { panic("raft: " + fmt.Sprint(v...)) }
func (l raftLogger) Panicf(format string, v ...any) { panic("raft: " + fmt.Sprintf(format, v...)) }
