package connstring

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func mustParse(t testing.TB, text string) *Options {
	t.Helper()
	o, err := Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return o
}

// TestSeeds shows every form in which seeds can be given, and the one form that they come out in.
func TestSeeds(t *testing.T) {
	for text, want := range map[string]string{
		"localhost":                      "localhost:27017",
		"Localhost:27018":                "localhost:27018",
		"localhost:027018":               "localhost:27018",
		"a,b:27018,c":                    "a:27017 b:27018 c:27017",
		"a, B:27018 , c":                 "a:27017 b:27018 c:27017",
		"a,A:27017,[::1],[0::1]:27017":   "a:27017 [::1]:27017",
		"127.0.0.1":                      "127.0.0.1:27017",
		"[::1]":                          "[::1]:27017",
		"[0:0::1]:27018":                 "[::1]:27018",
		"/tmp/MongoDB-27017.sock,b":      "/tmp/MongoDB-27017.sock b:27017",
		"mongodb://a,B":                  "a:27017 b:27017",
		"mongodb://a:1,[FE80::1%25eth0]": "a:1 [fe80::1%eth0]:27017",
		"mongodb://%2Ftmp%2Fa.sock/":     "/tmp/a.sock",
	} {
		if got := strings.Join(mustParse(t, text).Hosts, " "); got != want {
			t.Errorf("%s: hosts are %s, want %s", text, got, want)
		}
	}
}

// TestErrorsSayWhatToDo holds the words of errors, each with the text that causes it.
func TestErrorsSayWhatToDo(t *testing.T) {
	for text, want := range map[string]string{
		"":                       `the connection string is empty; write for example "mongodb://localhost:27017"`,
		"a\xff":                  "the connection string is not valid UTF-8",
		"http://a":               `the connection string has another scheme; it begins with "mongodb://" or "mongodb+srv://"`,
		"a/?w=1":                 `seeds without a scheme are hosts and ports only; write "mongodb://" before them to give a user or options`,
		"a,,b":                   "a host is missing; write for example localhost or localhost:27017",
		"::1":                    `the host "::1" has more than one colon; an IPv6 address is written in brackets: [::1]:27017`,
		"[1.2.3.4]":              `the host "[1.2.3.4]" is no IPv6 address in brackets, like [::1] or [::1]:27017`,
		"[::1]27017":             `the host "[::1]27017" is no IPv6 address in brackets, like [::1] or [::1]:27017`,
		"a:+1":                   `the port "+1" is no number from 1 to 65535`,
		"a b":                    `the host name "a b" contains ' '`,
		"/tmp/a":                 `the path "/tmp/a" does not end in .sock, as a Unix socket's does`,
		"mongodb://%zz":          `the host name "%zz" contains '%'`,
		"mongodb://a?w=1":        `there must be a slash between the hosts and the options: "mongodb://host/?option=value"; a question mark in a user name or password is written %3F`,
		"mongodb://a/x%24y":      `the database name "x$y" contains '$', which no name may`,
		"mongodb://a/?w":         `the option "w" is incomplete; options are written name=value`,
		"mongodb://a/?appName=%": `the value of the option "appName" is not percent-encoded: a percent sign is written %25`,
		"mongodb://:@a":          "the user name is empty; leave the at sign out to connect without authentication",
		"mongodb://a,b/?replicaSet=r&loadBalanced=true":                          "loadBalanced=true and replicaSet exclude each other; leave one out",
		"mongodb://a/?maxStalenessSeconds=100":                                   "maxStalenessSeconds is for members other than the primary; set readPreference too, for example to nearest",
		"mongodb://a/?readPreferenceTags=dc:ny":                                  "readPreferenceTags are for members other than the primary; set readPreference too, for example to nearest",
		"mongodb://a/?minPoolSize=101":                                           "minPoolSize (101) is greater than maxPoolSize (100)",
		"mongodb://a/?proxyPort=1":                                               "proxyPort, proxyUsername and proxyPassword need proxyHost",
		"mongodb://a/?proxyHost=b&proxyUsername=c":                               "proxyUsername and proxyPassword are given together or not at all",
		"mongodb://a/?appName=" + strings.Repeat("a", 129):                       "appName has 129 bytes; the limit is 128",
		"mongodb://u:p@a/?authMechanism=scram-sha-512":                           `the authMechanism "SCRAM-SHA-512" is unknown; there are GSSAPI, MONGODB-AWS, MONGODB-CR, MONGODB-OIDC, MONGODB-X509, PLAIN, SCRAM-SHA-1, SCRAM-SHA-256`,
		"mongodb://u@a/?authMechanism=plain":                                     `PLAIN needs a password: "mongodb://user:password@host/"`,
		"mongodb://a/?ssl=maybe":                                                 "ssl must be true or false",
		"mongodb://u:p@a/?authMechanism=PLAIN&authMechanismProperties=A:b":       "the authMechanismProperties do not fit: PLAIN has none",
		"mongodb://u@a/?authMechanismProperties=A:b":                             "the authMechanismProperties do not fit: they need authMechanism",
		"mongodb://u:p@a/?authMechanism=MONGODB-AWS&authMechanismProperties=A:b": "the authMechanismProperties do not fit: MONGODB-AWS has AWS_SESSION_TOKEN",
		"mongodb+srv://a:1":                                                      "mongodb+srv takes no port, which comes from the SRV record; give hosts with ports with \"mongodb://\"",
	} {
		if _, err := Parse(text); err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", text, err, want)
		}
	}
}

// TestWarnings holds the words of warnings, and shows that what is warned about is not taken unless the words say so.
func TestWarnings(t *testing.T) {
	for options, want := range map[string]string{
		"foo=bar":                            `the option "foo" is unknown and was ignored`,
		"journal=1":                          "the option journal: 1 is an old spelling; write true",
		"j=true":                             "the option j is an old name; write journal",
		"wtimeout=1&wtimeoutMS=2":            "the option wtimeout is an old name of wtimeoutMS, which is given too, and was ignored",
		"replicaSet=a&replicaset=b":          "the option replicaSet is given more than once; the last one holds",
		"maxPoolSize=":                       `the option maxPoolSize was ignored: "" is no whole number of at least 0`,
		"maxPoolSize=2147483648":             `the option maxPoolSize was ignored: "2147483648" is no whole number of at least 0`,
		"zlibCompressionLevel=10":            `the option zlibCompressionLevel was ignored: "10" is no whole number from -1 to 9`,
		"compressors=lz4,snappy,snappy":      `the option compressors: "lz4" was left out; there are snappy, zlib and zstd`,
		"compressors=lz4":                    `the option compressors was ignored: "lz4" names none of snappy, zlib, zstd`,
		"readPreference=any":                 `the option readPreference was ignored: "any" is none of primary, primaryPreferred, secondary, secondaryPreferred, nearest`,
		"maxStalenessSeconds=0":              `the option maxStalenessSeconds was ignored: "0" is neither -1 nor a positive whole number`,
		"readPreferenceTags=a:b,a:c":         `the option readPreferenceTags was ignored: "a:b,a:c" has a name twice`,
		"serverSelectionTryOnce=true":        `the option serverSelectionTryOnce was ignored: "true" is for clients with one thread: this one selects servers until serverSelectionTimeoutMS is over`,
		"authMechanismProperties=secret":     "the option authMechanismProperties was ignored: (not shown) is no list of name:value, separated by commas",
		"tlsCertificateKeyFilePassword=":     "the option tlsCertificateKeyFilePassword was ignored: (not shown) is empty",
		"w=99999999999999999999":             `the option w was ignored: "99999999999999999999" is no whole number of at least 0`,
		"uuidRepresentation=standard;w=zero": "",
	} {
		o := mustParse(t, "mongodb://a/?"+options)
		if got := strings.Join(o.Warnings, "\n"); got != want {
			t.Errorf("%s:\n got %s\nwant %s", options, got, want)
		}
	}
	for value, ok := range map[string]bool{"a": true, "a-1": true, strings.Repeat("a", 62): true, strings.Repeat("a", 63): false,
		"-a": false, "a-": false, "a--b": false, "1": false, "a_b": false, "ä": false} {
		if o := mustParse(t, "mongodb+srv://a/?srvServiceName="+value); o.Has("srvServiceName") != ok {
			t.Errorf("the service name %q is taken: %t", value, !ok)
		}
	}
}

// TestPasswordsStayOut shows that neither errors nor warnings nor String tell a password or a piece of one, also where it was not encoded as it must
// be and so is cut up.
func TestPasswordsStayOut(t *testing.T) {
	for _, text := range []string{
		"mongodb://u:sesame@h:x",
		"mongodb://u:1/sesame@h/db",
		"mongodb://u:1/?sesame@h/db",
		"mongodb://u:sesame/x@h/db",
		"mongodb://u:sesame?x@h/db?w=1",
		"mongodb://u:x/?sesame=1@h/db",
		"mongodb://u:1/?sesame=1@h/db",
		"mongodb://u:1/?w=sesame@h/db",
		"mongodb://u:1/?journal=sesame@h/db",
		"mongodb://u:sesame:x@h",
		"mongodb://u:sesame%@h",
		"mongodb://u:x@sesame@h",
		"mongodb://u:x/sesame@sesame@h/",
		"mongodb://u:x,sesame/@h/",
		"mongodb://u:sesame@h/?authMechanism=MONGODB-X509",
		"mongodb://u:sesame@h/?authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:sesame",
		"mongodb://h/?tlsCertificateKeyFilePassword=sesame&proxyHost=p&proxyUsername=u&proxyPassword=sesame",
		"mongodb+srv://u:sesame@h:1",
		"mongodb+srv://u:1/sesame@h",
	} {
		o, err := Parse(text)
		said := ""
		if err != nil {
			said = err.Error()
		} else {
			said = strings.Join(o.Warnings, "\n")
			if text == o.URI() {
				said += o.String()
			}
		}
		if strings.Contains(said, "sesame") {
			t.Errorf("%s: %s", text, said)
		}
	}
}

// TestDefaults shows what options hold that were not given, and that Has knows that they were not.
func TestDefaults(t *testing.T) {
	o := mustParse(t, "h")
	want := &Options{
		Hosts: []string{"h:27017"}, SRVServiceName: "mongodb", ZlibCompressionLevel: -1, UUIDRepresentation: "unspecified", Proxy: Proxy{Port: 1080},
		ReadPreference: ReadPreference{Mode: "primary"}, RetryReads: true, RetryWrites: true, MaxPoolSize: 100, MaxConnecting: 2,
		ConnectTimeout: 10 * time.Second, ServerSelectionTimeout: 30 * time.Second, LocalThreshold: 15 * time.Millisecond,
		HeartbeatFrequency: 10 * time.Second, ServerMonitoringMode: "auto",
	}
	if diff := cmp.Diff(want, o, cmpopts.IgnoreUnexported(Options{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for i := range table {
		if o.Has(table[i].name) {
			t.Errorf("%s was not given", table[i].name)
		}
	}
}

// TestTLSIsImplied shows what turns TLS on by itself, and that tls=false is stronger.
func TestTLSIsImplied(t *testing.T) {
	for text, want := range map[string]bool{
		"mongodb://h/":                                           false,
		"mongodb://h/?tls=true":                                  true,
		"mongodb://h/?ssl=true":                                  true,
		"mongodb://h/?tlsCAFile=ca.pem":                          true,
		"mongodb://h/?tlsCAFile=ca.pem&tls=false":                false,
		"mongodb://h/?authMechanism=MONGODB-X509":                true,
		"mongodb://h/?authMechanism=MONGODB-X509&ssl=false":      false,
		"mongodb+srv://h/":                                       true,
		"mongodb+srv://h/?tls=false":                             false,
		"mongodb://h/?tlsAllowInvalidHostnames=neither":          false,
		"mongodb://h/?tlsDisableCertificateRevocationCheck=true": true,
	} {
		if got := mustParse(t, text).TLS; got != want {
			t.Errorf("%s: TLS is %t", text, got)
		}
	}
}

// TestUnsupported shows what is valid and not to be had, all at once.
func TestUnsupported(t *testing.T) {
	for options, words := range map[string][]string{
		"": nil,
		"authMechanism=SCRAM-SHA-256&compressors=zstd&tlsDisableOCSPEndpointCheck=true": nil,
		"uuidRepresentation=javaLegacy":                              {"javaLegacy"},
		"authMechanism=GSSAPI&proxyHost=p":                           {"GSSAPI", "proxyHost"},
		"authMechanism=MONGODB-AWS&loadBalanced=true":                {"MONGODB-AWS", "loadBalanced"},
		"authMechanism=MONGODB-CR&tlsDisableOCSPEndpointCheck=false": {"MONGODB-CR", "tlsDisableOCSPEndpointCheck=false"},
		"tlsDisableCertificateRevocationCheck=false":                 {"tlsDisableCertificateRevocationCheck=false"},
	} {
		err := mustParse(t, "mongodb://u:p@h/?"+options).Unsupported()
		if (err == nil) != (words == nil) {
			t.Errorf("%s: %v", options, err)
			continue
		}
		for _, word := range words {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %v does not say %s", options, err, word)
			}
		}
	}
}
