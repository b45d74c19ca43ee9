package replset

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSetOption(t *testing.T) {
	for _, c := range []struct {
		text  string
		want  SetOption
		error string
	}{
		{"foo", SetOption{Name: "foo"}, ""},
		{"foo/", SetOption{Name: "foo"}, ""},
		{"foo/HOST:27018,HOST:27019", SetOption{"foo", []string{"HOST:27018", "HOST:27019"}}, ""},
		{"foo/h", SetOption{"foo", []string{"h:27017"}}, ""},
		{"foo/[::1]:1,[fe80::2]", SetOption{"foo", []string{"[::1]:1", "[fe80::2]:27017"}}, ""},
		{"", SetOption{}, "bad --replSet config string format"},
		{"/h:1", SetOption{}, "bad --replSet config string format"},
		{"foo/h:1/i:2", SetOption{}, "bad --replSet config string format"},
		{"foo/h:1,", SetOption{}, "Empty host component"},
		{"foo/h:1,h:x", SetOption{}, "Did not consume whole string."},
		{"foo/h:0", SetOption{}, "out of range"},
		{"foo/::1", SetOption{}, "needs to be surrounded by"},
		{"foo/h,h:27017", SetOption{}, "dups?"},
	} {
		got, err := ParseSetOption(c.text)
		switch {
		case c.error != "":
			if err == nil || !strings.Contains(err.Error(), c.error) {
				t.Errorf("%q: %v %v, want error %q", c.text, got, err, c.error)
			}
		case err != nil || !cmp.Equal(got, c.want):
			t.Errorf("%q: %v %v, want %v", c.text, got, err, c.want)
		default:
			if again, err := ParseSetOption(got.String()); err != nil || !cmp.Equal(again, got) {
				t.Errorf("%q: %q is read as %v %v", c.text, got.String(), again, err)
			}
		}
	}
}

func TestOwnHostIsOfTheSeedsKind(t *testing.T) {
	addrs := []netip.Addr{netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("10.1.2.3"), netip.MustParseAddr("192.168.7.5"),
		netip.MustParseAddr("::1"), netip.MustParseAddr("fe80::1%eth0"), netip.MustParseAddr("2001:db8::5")}
	const all, local, pub = "", "localhost", "127.0.0.1,10.1.2.3"
	for _, c := range []struct{ hostname, bind, seed, want string }{
		{"box.example.com", all, "", "box.example.com:27017"},
		{"box", "0.0.0.0", "", "box:27017"},
		{"box", "::", "", "box:27017"},
		{"box", local, "", "localhost:27017"},
		{"box", "127.0.0.1", "", "127.0.0.1:27017"},
		{"box", pub, "", "10.1.2.3:27017"},
		{"box", "localhost,box.lan", "", "box.lan:27017"},
		{"box", all, "localhost:27018", "localhost:27017"},
		{"box", local, "127.0.0.1:27018", "127.0.0.1:27017"},
		{"box", "127.0.0.1", "localhost:27018", "localhost:27017"},
		{"box", all, "[::1]:27018", "[::1]:27017"},
		{"box", all, "box:27018", "box:27017"},
		{"box", all, "BOX:27018", "BOX:27017"},
		{"box.example.com", all, "box:27018", "box:27017"},
		{"box", all, "box.example.com:27018", "box.example.com:27017"},
		{"box", all, "other:27018", "box:27017"},
		{"box", local, "boxer:27018", "box:27017"},
		{"box", all, "10.9.9.9:27018", "10.1.2.3:27017"},
		{"box", all, "192.168.7.9:27018", "192.168.7.5:27017"},
		{"box", all, "10.1.2.3:27018", "10.1.2.3:27017"},
		{"box", all, "[2001:db8::9]:1", "[2001:db8::5]:27017"},
		{"box", all, "[fe80::9]:1", "[fe80::1]:27017"},
	} {
		n := Naming{Hostname: c.hostname, Addrs: addrs, Port: 27017}
		if c.bind != "" {
			n.Bind = strings.Split(c.bind, ",")
		}
		var seeds []string
		if c.seed != "" {
			seeds = []string{c.seed, "zz:1"}
		}
		if got := n.OwnHost(seeds); got != c.want {
			t.Errorf("host %q bound to %q with seed %q: %q, want %q", c.hostname, c.bind, c.seed, got, c.want)
		}
	}
}
