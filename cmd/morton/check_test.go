package main

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/mortondb/morton/internal/document"
)

// TestParseSet shows the forms in which a set can be named.
func TestParseSet(t *testing.T) {
	for uri, want := range map[string][]string{
		"mongodb://a:1,b:2/?replicaSet=x": {"a:1", "b:2"},
		"mongodb://a":                     {"a:27017"},
		"a:1":                             {"a:1"},
		"a:1,b":                           {"a:1", "b:27017"},
		"mongodb://u:p@a":                 {"a:27017"},
		"http://a":                        nil,
		"a:port":                          nil,
		"":                                nil,
	} {
		got, err := parseSet(uri)
		if (err != nil) != (want == nil) || err == nil && !slices.Equal(got.Hosts, want) {
			t.Errorf("%q: %v, %v; want %v", uri, got, err, want)
		}
	}
}

// TestCheckNamesTheFirstDifference shows what is printed, and the exit code, for each way in which members can differ.
func TestCheckNamesTheFirstDifference(t *testing.T) {
	digest := func(json string) document.Doc {
		d, err := document.FromJSON(json)
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	primary := digest(`{"index": {"$numberLong": "7"}, "collections": [{"ns": "t.a", "documents": {"$numberLong": "2"}, "records": "11"}], "sessions": "s"}`)
	for want, member := range map[string]described{
		"p ok: 1 collections, 2 documents at entry 7 of the log\nm ok: 1 collections, 2 documents at entry 7 of the log\n": {digest: primary},
		"p ok: 1 collections, 2 documents at entry 7 of the log\nm lacks collection t.a\n":                                 {digest: digest(`{"collections": [], "sessions": "s"}`)},
		"p ok: 1 collections, 2 documents at entry 7 of the log\nm could not be compared: no\n":                            {err: errors.New("no")},
		"p ok: 1 collections, 2 documents at entry 7 of the log\nm differs in the records of retryable writes\n": {
			digest: digest(`{"collections": [{"ns": "t.a", "documents": {"$numberLong": "2"}, "records": "11"}], "sessions": "x"}`)},
		"p ok: 1 collections, 2 documents at entry 7 of the log\nm differs in t.a: { ns: \"t.a\", documents: 2, records: \"12\" }, the primary has { ns: \"t.a\", documents: 2, records: \"11\" }\n": {
			digest: digest(`{"collections": [{"ns": "t.a", "documents": {"$numberLong": "2"}, "records": "12"}], "sessions": "s"}`)},
	} {
		var out bytes.Buffer
		member.host = "m"
		code := reportCheck(&invocation{stdout: &out}, []described{{host: "p", digest: primary}, member})
		wantCode := exitFailed
		if document.CompareDocs(member.digest, primary) == 0 && member.err == nil {
			wantCode = exitClean
		}
		if out.String() != want || code != wantCode {
			t.Errorf("got %q and %d\nwant %q and %d", out.String(), code, want, wantCode)
		}
	}
}
