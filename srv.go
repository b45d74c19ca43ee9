package morton

import (
	"math/rand/v2"
	"net"
	"time"

	"github.com/mortondb/morton/internal/connstring"
	"github.com/mortondb/morton/internal/sdam"
)

// pollSRV looks the hosts of a sharded cluster up again from time to time (specification "Polling SRV Records for mongos
// Discovery").
func (t *topology) pollSRV(uri *connstring.Options) {
	t.work.Add(1)
	go func() {
		defer t.work.Done()
		wait := connstring.PollInterval(0)
		for {
			select {
			case <-t.ctx.Done():
				return
			case <-time.After(wait):
			}
			v := t.view.Load()
			if v.Kind != sdam.Sharded && v.Kind != sdam.TopologyUnknown {
				return
			}
			known := make([]string, len(v.Servers))
			for i, s := range v.Servers {
				known[i] = s.Address
			}
			hosts, _, err := uri.Poll(t.ctx, net.DefaultResolver, rand.Shuffle, known)
			if err != nil {
				wait = t.config.HeartbeatInterval
				continue
			}
			wait = connstring.PollInterval(0)
			t.mu.Lock()
			if !t.closed {
				t.install(t.view.Load().SetHosts(hosts))
			}
			t.mu.Unlock()
		}
	}()
}
