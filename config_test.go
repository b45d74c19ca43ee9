package morton

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// TestConfigsThatCannotWorkAreRefused shows that New says which field of a configuration is wrong.
func TestConfigsThatCannotWorkAreRefused(t *testing.T) {
	for want, c := range map[string]Config{
		`ServerAPI.Version "2"`:            {Hosts: []string{"localhost"}, ServerAPI: &ServerAPI{Version: "2"}},
		`ServerAPI.Version ""`:             {Hosts: []string{"localhost"}, ServerAPI: &ServerAPI{}},
		"MinPoolSize 3":                    {Hosts: []string{"localhost"}, MinPoolSize: 3, MaxPoolSize: 2},
		"a direct connection is one to a ": {Hosts: []string{"a", "b"}, DirectConnection: true},
		"no seed":                          {},
		"use auto, stream or poll":         {Hosts: []string{"localhost"}, MonitoringMode: "sometimes"},
		"MaxConnecting -1":                 {Hosts: []string{"localhost"}, MaxConnecting: -1},
		"HeartbeatInterval are not":        {Hosts: []string{"localhost"}, HeartbeatInterval: -1},
	} {
		client, err := New(&c)
		if err == nil {
			_ = client.Close(t.Context())
			t.Errorf("New accepts what should give %q", want)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("New says %q, without %q", err, want)
		}
	}
}

// TestNewLeavesItsConfigAlone: the program may make another client of it.
func TestNewLeavesItsConfigAlone(t *testing.T) {
	c := Config{Hosts: []string{"LocalHost"}}
	client, err := New(&c)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	if c.Hosts[0] != "LocalHost" {
		t.Errorf("its host has become %q", c.Hosts[0])
	}
}

// TestWhatIsPassedOverIsTold: an option of a connection string that there is not has no effect, and the program hears of it.
func TestWhatIsPassedOverIsTold(t *testing.T) {
	c, err := ParseConfig("mongodb://localhost/?retryWrite=false")
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	c.Logger = slog.New(slog.NewTextHandler(&log, nil))
	client, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := `the option \"retrywrite\" is unknown`
	if len(c.Warnings) != 1 || strings.Count(log.String(), want) != 1 {
		t.Errorf("warnings %q; the log has not %s once:\n%s", c.Warnings, want, log.String())
	}
}

// TestFunctionsPoll: a connection on which a server would tell its news ends while a function sleeps.
func TestFunctionsPoll(t *testing.T) {
	t.Setenv("FUNCTIONS_WORKER_RUNTIME", "custom")
	for given, want := range map[string]string{"": "poll", "auto": "poll", "stream": "stream", "poll": "poll"} {
		c := Config{Hosts: []string{"localhost"}, MonitoringMode: given}
		if err := c.complete(); err != nil || c.MonitoringMode != want {
			t.Errorf("%q: %q, %v; want %q", given, c.MonitoringMode, err, want)
		}
	}
}
