package connstring

import (
	"fmt"
	"net"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/mortondb/morton/internal/spectest"
)

// specCase is a test of the suites that hand a connection string to a driver and look at what it made of it.
type specCase struct {
	Description string
	URI         string `bson:"uri"`
	Valid       bool
	Warning     *bool
	Hosts       []struct {
		Type string
		Host string
		Port *int
	}
	Auth *struct {
		Username, Password *string
		DB                 *string `bson:"db"`
	}
	Options      map[string]any
	Credential   *specCredential
	ReadConcern  map[string]any `bson:"readConcern"`
	WriteConcern map[string]any `bson:"writeConcern"`
}

type specCredential struct {
	Username, Password *string
	Source             string
	Mechanism          *string
	Properties         map[string]any `bson:"mechanism_properties"`
}

// runSpec runs the tests of a suite and checks that there are as many as there were when this was written.
func runSpec(t *testing.T, under string, count int, run func(t *testing.T, c specCase)) {
	t.Helper()
	ran := 0
	spectest.Run(t, under, nil, func(t *testing.T, f spectest.File) {
		var file struct{ Tests []specCase }
		f.Decode(t, &file)
		for _, c := range file.Tests {
			ran++
			t.Run(c.Description, func(t *testing.T) { run(t, c) })
		}
	})
	t.Logf("%s: %d tests", under, ran)
	if ran != count {
		t.Errorf("%s has %d tests, not %d", under, ran, count)
	}
}

// parseSpec parses the text of a case and checks validity and warnings.
func parseSpec(t *testing.T, c specCase) *Options {
	t.Helper()
	o, err := Parse(c.URI)
	if (err == nil) != c.Valid {
		t.Fatalf("%s: valid is %t, got error %v", c.URI, c.Valid, err)
	}
	if err != nil {
		return nil
	}
	if c.Warning != nil && (len(o.Warnings) > 0) != *c.Warning {
		t.Errorf("%s: warning is %t, got %q", c.URI, *c.Warning, o.Warnings)
	}
	return o
}

func TestConnectionStringSpec(t *testing.T) {
	runSpec(t, "connection-string", 93, func(t *testing.T, c specCase) {
		o := parseSpec(t, c)
		if o == nil {
			return
		}
		var hosts []string
		for _, h := range c.Hosts {
			host := h.Host
			if h.Type != "unix" {
				port := 27017
				if h.Port != nil {
					port = *h.Port
				}
				host = net.JoinHostPort(host, strconv.Itoa(port))
			}
			hosts = append(hosts, host)
		}
		if diff := cmp.Diff(hosts, o.Hosts); diff != "" {
			t.Errorf("hosts (-want +got):\n%s", diff)
		}
		if c.Auth != nil {
			got := []string{o.Username, o.Password, strconv.FormatBool(o.HasPassword), o.Database}
			want := []string{text(c.Auth.Username), text(c.Auth.Password), strconv.FormatBool(c.Auth.Password != nil), text(c.Auth.DB)}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("user, password, has one, database (-want +got):\n%s", diff)
			}
		}
		compareOptions(t, c.Options, o)
	})
}

func TestURIOptionsSpec(t *testing.T) {
	runSpec(t, "uri-options", 132, func(t *testing.T, c specCase) {
		if o := parseSpec(t, c); o != nil {
			compareOptions(t, c.Options, o)
		}
	})
}

func TestAuthSpec(t *testing.T) {
	runSpec(t, "auth", 45, func(t *testing.T, c specCase) {
		o := parseSpec(t, c)
		if o == nil {
			return
		}
		got := o.Credential()
		if c.Credential == nil {
			if got != nil {
				t.Errorf("%s has credentials %+v", c.URI, got)
			}
			return
		}
		want := &Credential{
			Username: text(c.Credential.Username), Password: text(c.Credential.Password), HasPassword: c.Credential.Password != nil,
			Source: c.Credential.Source, Mechanism: text(c.Credential.Mechanism), Properties: texts(c.Credential.Properties),
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.URI, diff)
		}
	})
}

// TestConcernSpec also runs what the official driver skips for want of wtimeoutMS. An invalid value is "not valid" in this suite and
// "warned about and ignored" in that of URI options; the suite says which of its invalid ones must be errors by warning: false.
func TestConcernSpec(t *testing.T) {
	runSpec(t, "read-write-concern/connection-string", 19, func(t *testing.T, c specCase) {
		o, err := Parse(c.URI)
		if !c.Valid {
			warned := c.Warning == nil && err == nil && len(o.Warnings) > 0
			if err == nil && !warned {
				t.Errorf("%s: no error and no warning", c.URI)
			}
			return
		}
		if err != nil || len(o.Warnings) > 0 {
			t.Fatalf("%s: %v %v", c.URI, err, o.Warnings)
		}
		want := c.WriteConcern
		if level := c.ReadConcern["level"]; level != nil {
			want = map[string]any{"readConcernLevel": level}
		}
		compareOptions(t, want, o)
		for _, name := range []string{"w", "journal", "wtimeoutMS", "readConcernLevel"} {
			if _, wanted := want[name]; o.Has(name) != wanted {
				t.Errorf("%s: %s is given: %t", c.URI, name, o.Has(name))
			}
		}
	})
}

// compareOptions compares the options of a test with what the table prints for them.
func compareOptions(t *testing.T, want map[string]any, o *Options) {
	t.Helper()
	for name, value := range want {
		opt := lookup(strings.ToLower(name))
		if opt == nil {
			t.Errorf("there is no option %s", name)
			continue
		}
		if opt.name != "tls" && !o.Has(name) {
			t.Errorf("the option %s was not taken; warnings are %q", name, o.Warnings)
			continue
		}
		if diff := cmp.Diff(optionTexts(value), opt.text(o)); diff != "" {
			t.Errorf("option %s (-want +got):\n%s", name, diff)
		}
	}
}

// optionTexts writes a value of a test as connection strings have it.
func optionTexts(value any) []string {
	switch v := reflect.ValueOf(value); {
	case v.Kind() == reflect.Slice && v.Len() > 0 && reflect.TypeOf(v.Index(0).Interface()).Kind() == reflect.String:
		var parts []string
		for i := range v.Len() {
			parts = append(parts, fmt.Sprint(v.Index(i)))
		}
		return []string{strings.Join(parts, ",")}
	case v.Kind() == reflect.Slice && v.Type().Name() != "D":
		var all []string
		for i := range v.Len() {
			all = append(all, optionTexts(v.Index(i).Interface())...)
		}
		return all
	case v.Kind() == reflect.Slice: // an ordered document: its elements have a key and a value
		m := map[string]string{}
		for i := range v.Len() {
			m[v.Index(i).Field(0).String()] = fmt.Sprint(v.Index(i).Field(1))
		}
		return []string{textOfMap(m)}
	}
	return []string{fmt.Sprint(value)}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func texts(m map[string]any) map[string]string {
	if m == nil {
		return nil
	}
	out := map[string]string{}
	for k, v := range m {
		out[k] = fmt.Sprint(v)
	}
	return out
}
