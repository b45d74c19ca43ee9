package console

import (
	"fmt"
	"net/http"

	"github.com/mortondb/morton/internal/replset"
)

func (c *console) healthz(w http.ResponseWriter, _ *http.Request) { answer(w, true, "ok") }

func (c *console) readyz(w http.ResponseWriter, _ *http.Request) {
	v := c.Member.View()
	ready := v.Standalone() || v.Initiated() && v.State.Readable()
	answer(w, ready, describe(v))
}

func (c *console) primaryz(w http.ResponseWriter, _ *http.Request) {
	v := c.Member.View()
	answer(w, v.IsWritablePrimary(), describe(v))
}

func answer(w http.ResponseWriter, yes bool, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if !yes {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	fmt.Fprintln(w, text)
}

// describe says in a few words what a member is.
func describe(v *replset.View) string {
	switch {
	case v.Standalone():
		return "standalone"
	case v.Config == nil:
		return "waiting to be initiated"
	case v.Self < 0:
		return "not a member of the configuration"
	case v.State == replset.Primary && !v.Writable:
		return "PRIMARY, catching up"
	}
	return v.State.String()
}
