package morton

import (
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
