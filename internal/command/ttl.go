package command

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/mongoerr"
)

// ttlMonitor deletes documents that expire, on the primary, every now and then.
type ttlMonitor struct {
	disabled        atomic.Bool
	sleepSecs       atomic.Int64 // between two passes; 0: defaultTTLSleep
	passes, deleted atomic.Int64
}

const defaultTTLSleep = 60

func (m *ttlMonitor) sleep() int64 {
	if n := m.sleepSecs.Load(); n > 0 {
		return n
	}
	return defaultTTLSleep
}

// ExpireDocuments deletes what expires, until ctx ends.
func (d *Dispatcher) ExpireDocuments(ctx context.Context) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for last := time.Now(); ; {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if time.Since(last) >= time.Duration(d.ttl.sleep())*time.Second {
			d.expireDocuments(ctx)
			last = time.Now()
		}
	}
}

// expireDocuments is one pass.
func (d *Dispatcher) expireDocuments(ctx context.Context) {
	if _, primary := d.engine.Primary(); !primary || d.ttl.disabled.Load() {
		return
	}
	n, err := d.engine.DeleteExpired(ctx, time.Now())
	d.ttl.deleted.Add(n)
	d.metrics.deleted.Add(n)
	d.ttl.passes.Add(1)
	if err != nil && ctx.Err() == nil && d.opts.Logger != nil {
		d.opts.Logger.Warn("deleting expired documents failed", "c", "INDEX", "id", 6015340, "error", err)
	}
}

func ttlEnabledParameter(d *Dispatcher) parameter {
	return parameter{name: "ttlMonitorEnabled", startup: true, atStart: true,
		get: func() document.Value { return document.Bool(!d.ttl.disabled.Load()) },
		set: func(v document.Value) error {
			d.ttl.disabled.Store(!v.Truthy())
			return nil
		}}
}

func ttlSleepParameter(d *Dispatcher) parameter {
	return parameter{name: "ttlMonitorSleepSecs", startup: true, atStart: true,
		get: func() document.Value { return document.Int32(int32(d.ttl.sleep())) },
		set: func(v document.Value) error {
			n, ok := v.ToInt64()
			switch {
			case !ok:
				return mongoerr.New(mongoerr.BadValue, "Failed validating ttlMonitorSleepSecs: Unable to coerce value to integral type")
			case n <= 0:
				return mongoerr.New(mongoerr.BadValue, "Invalid value for parameter ttlMonitorSleepSecs: %d is not greater than 0", n)
			}
			d.ttl.sleepSecs.Store(n)
			return nil
		}}
}

// start applies what was set when the server started. It has been checked.
func (p *parameters) start(given map[string]string) {
	for name, text := range given {
		if one := p.named(name); one != nil && one.atStart {
			_ = one.set(parameterValue(text)) // a value that does not do leaves the default
		}
	}
}

func parameterValue(text string) document.Value {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return document.Int64(n)
	}
	return document.Bool(text == "true")
}
