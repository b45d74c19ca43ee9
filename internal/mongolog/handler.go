package mongolog

import (
	"context"
	"log/slog"
	"slices"
)

// LevelFatal is the level of what makes the process stop. Below it are slog's levels; [slog.LevelDebug] is verbosity 1, and each one less than it
// one more, up to 5.
const LevelFatal slog.Level = 12

// The keys of the attributes that stand in a line's header. Packages that only know log/slog use them as they are.
const (
	keyComponent = "c"
	keyID        = "id"
	keyContext   = "ctx"
	keyTags      = "tags"
)

// Component names the part of the server that a line comes from, by mongod's names: CONTROL, NETWORK, REPL, ELECTION,
// STORAGE, COMMAND, INDEX, QUERY, INITSYNC, "-".
func Component(name string) slog.Attr { return slog.String(keyComponent, name) }

// ID gives a line the number that mongod gives the same message.
func ID(n int) slog.Attr { return slog.Int(keyID, n) }

// Context names the thread of work: initandlisten, listener, conn12, SignalHandler.
func Context(name string) slog.Attr { return slog.String(keyContext, name) }

// StartupWarning marks a line for getLog's startupWarnings, which shells show when they connect.
func StartupWarning() slog.Attr { return slog.Any(keyTags, []string{startupWarnings}) }

// handler formats records for its log. The zero values of its fields mean unset.
type handler struct {
	log    *Log
	header header
	attrs  []slog.Attr // with With, in their groups
	groups []string    // open ones
}

// header is what stands before the message.
type header struct {
	component string
	id        int64
	context   string
	tags      []string
}

// take keeps an attribute that belongs to the header.
func (h *header) take(a slog.Attr) bool {
	switch kind := a.Value.Kind(); {
	case a.Key == keyComponent && kind == slog.KindString:
		h.component = a.Value.String()
	case a.Key == keyContext && kind == slog.KindString:
		h.context = a.Value.String()
	case a.Key == keyID && kind == slog.KindInt64:
		h.id = a.Value.Int64()
	case a.Key == keyTags && kind == slog.KindAny:
		tags, ok := a.Value.Any().([]string)
		h.tags = tags
		return ok
	default:
		return false
	}
	return true
}

func (h *handler) Enabled(_ context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.log.verbosity.Load() >= int32(debugLevel(level))
}

// debugLevel returns mongod's verbosity of a level below information: 1 to 5.
func debugLevel(level slog.Level) int {
	return min(max(int(slog.LevelDebug-level)+1, 1), 5)
}

func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = slices.Clip(c.attrs)
	for _, a := range attrs {
		if len(c.groups) > 0 || !c.header.take(a) {
			c.attrs = append(c.attrs, inGroups(c.groups, a))
		}
	}
	return &c
}

func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	c := *h
	c.groups = append(slices.Clip(c.groups), name)
	return &c
}

// inGroups puts a into the groups, the first outermost.
func inGroups(groups []string, a slog.Attr) slog.Attr {
	for _, name := range slices.Backward(groups) {
		a = slog.Attr{Key: name, Value: slog.GroupValue(a)}
	}
	return a
}

func (h *handler) Handle(_ context.Context, r slog.Record) error {
	head, attrs := h.header, slices.Clip(h.attrs)
	r.Attrs(func(a slog.Attr) bool {
		if len(h.groups) > 0 || !head.take(a) {
			attrs = append(attrs, inGroups(h.groups, a))
		}
		return true
	})
	line := h.log.format.appendLine(nil, r.Time, r.Level, head, r.Message, attrs)
	return h.log.write(line, slices.Contains(head.tags, startupWarnings))
}
