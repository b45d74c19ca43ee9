package connstring

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/mortondb/morton/internal/spectest"
)

// everything has each option of the table that goes together with the others.
const everything = "mongodb://u%3A%40%2F:p%25x@a:1,%2Ftmp%2Fb.sock/d%3D?" +
	"replicaSet=r&directConnection=false&loadBalanced=false&authSource=$external&authMechanism=MONGODB-AWS&authMechanismProperties=AWS_SESSION_TOKEN:t" +
	"&tls=true&tlsAllowInvalidCertificates=false&tlsAllowInvalidHostnames=true&tlsCAFile=/etc/ca.pem&tlsCertificateKeyFile=k%26.pem&tlsCertificateKeyFilePassword=s%3D" +
	"&appName=an%20app%2B&compressors=zstd,snappy&zlibCompressionLevel=3&uuidRepresentation=standard&proxyHost=p&proxyPort=1&proxyUsername=pu&proxyPassword=pp" +
	"&readPreference=nearest&readPreferenceTags=dc:ny,rack:1&readPreferenceTags=&maxStalenessSeconds=90&readConcernLevel=majority&w=2&journal=true&wtimeoutMS=5" +
	"&retryReads=false&retryWrites=false&minPoolSize=1&maxPoolSize=0&maxConnecting=3&maxIdleTimeMS=4&waitQueueTimeoutMS=5&connectTimeoutMS=6&socketTimeoutMS=7" +
	"&serverSelectionTimeoutMS=8&serverSelectionTryOnce=false&localThresholdMS=9&heartbeatFrequencyMS=500&serverMonitoringMode=poll&timeoutMS=0"

// TestURI shows that the text of options is the text that they came from, but for order and spelling, and how it looks without its secrets.
func TestURI(t *testing.T) {
	o := mustParse(t, everything)
	if diff := cmp.Diff(everything, o.URI()); diff != "" {
		t.Errorf("URI (-want +got):\n%s", diff)
	}
	want := strings.NewReplacer("p%25x", "xxxxx", "TOKEN:t", "TOKEN:xxxxx", "Password=s%3D", "Password=xxxxx", "Password=pp", "Password=xxxxx").Replace(everything)
	if diff := cmp.Diff(want, o.String()); diff != "" {
		t.Errorf("String (-want +got):\n%s", diff)
	}
	for i := range table {
		switch name := table[i].name; name {
		case "srvMaxHosts", "srvServiceName", "tlsInsecure", "tlsDisableOCSPEndpointCheck", "tlsDisableCertificateRevocationCheck":
		default:
			if !o.Has(name) {
				t.Errorf("the text does not have %s: add it", name)
			}
		}
	}
	const srv = "mongodb+srv://a.b.c/?srvMaxHosts=2&srvServiceName=x&tlsInsecure=true"
	if got := mustParse(t, srv).URI(); got != srv {
		t.Errorf("%s became %s", srv, got)
	}
}

// FuzzParse shows that no text panics, that what a URI of parsed options parses to is the same options, and that it warns of nothing.
func FuzzParse(f *testing.F) {
	for _, under := range []string{"connection-string", "uri-options", "auth", "read-write-concern/connection-string"} {
		for _, file := range spectest.Files(f, under) {
			var cases struct{ Tests []specCase }
			file.Decode(f, &cases)
			for _, c := range cases.Tests {
				f.Add(c.URI)
			}
		}
	}
	f.Add(everything)
	f.Add("mongodb+srv://a.b.c/?srvMaxHosts=2&tlsInsecure=true")
	f.Add("a,b:27018,/tmp/c.sock,[::1]")
	same := cmp.Options{cmp.AllowUnexported(Options{}), cmpopts.IgnoreFields(Options{}, "Warnings")}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := Parse(text)
		if err != nil {
			return
		}
		uri := o.URI()
		again, err := Parse(uri)
		if err != nil {
			t.Fatalf("%q became %q, which is invalid: %v", text, uri, err)
		}
		if diff := cmp.Diff(o, again, same); diff != "" || len(again.Warnings) > 0 {
			t.Errorf("%q became %q, with warnings %q (-before +after):\n%s", text, uri, again.Warnings, diff)
		}
		if safe, err := Parse(o.String()); err != nil || safe.HasPassword != o.HasPassword {
			t.Errorf("%q is shown as %q: %v", text, o, err)
		}
	})
}
