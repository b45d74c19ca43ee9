package logfile

import (
	"encoding/hex"
	"reflect"
	"testing"
)

// TestFormatIsFixed has the bytes of version 1: they may not change, for there are files with them.
func TestFormatIsFixed(t *testing.T) {
	h := segmentHeader{number: 3, salt: 0x1122334455667788, prevSeal: 0x9000, hs: HardState{4, 5, 6}, trimmed: position{2, 1}, last: position{7, 4}}
	const wantHeader = "4d6f72746f6e4c670100000000000000" + "03000000000000008877665544332211" + "0000000000900000" +
		"040000000000000005000000000000000600000000000000" + "02000000000000000100000000000000" + "07000000000000000400000000000000"
	got := h.encode()
	sum := hex.EncodeToString(got[12:16])
	copy(got[12:], make([]byte, 4))
	if s := hex.EncodeToString(got); s != wantHeader {
		t.Errorf("segment header:\n%s, want\n%s", s, wantHeader)
	}
	if sum != "232c48e0" {
		t.Errorf("segment header's sum is %s", sum)
	}
	r := record{kind: kindEntry, entryType: 2, durable: 4096, index: 8, term: 4, payload: []byte("hello")}
	const wantRecord = "feae97a14cbb719a05000000010200000010000008000000000000000400000000000000"
	if s := hex.EncodeToString(appendRecordHeader(nil, &r, h.seed(), 4200)); s != wantRecord {
		t.Errorf("record header:\n%s, want\n%s", s, wantRecord)
	}
}

func TestSegmentHeaderRoundTrip(t *testing.T) {
	for _, h := range []segmentHeader{
		{number: 1, begins: true},
		{number: 1 << 60, salt: 1 << 63, begins: true, hs: HardState{9, 8, 7}, trimmed: position{7, 9}, last: position{7, 9}},
		{number: 2, prevSeal: 1 << 31, hs: HardState{9, 8, 7}, trimmed: position{1, 1}, last: position{7, 9}},
	} {
		if got, err := decodeSegmentHeader(h.encode(), "x"); err != nil || got != h {
			t.Errorf("got %+v, %v, want %+v", got, err, h)
		}
	}
}

// TestRecordBelongsToItsPlace: a record is good only in its segment and at its offset.
func TestRecordBelongsToItsPlace(t *testing.T) {
	r := record{kind: kindEntry, entryType: 1, durable: 5000, index: 8, term: 4, payload: []byte("hello")}
	b := appendRecordHeader(nil, &r, 77, 5004)
	got, n, _, ok := decodeRecordHeader(b, 77, 5004)
	got.payload = r.payload
	if !ok || n != 5 || !reflect.DeepEqual(got, r) {
		t.Errorf("got %+v, %d, %v, want %+v", got, n, ok, r)
	}
	if _, _, _, ok := decodeRecordHeader(b, 77, 5008); ok {
		t.Error("good at another offset")
	}
	if _, _, _, ok := decodeRecordHeader(b, 78, 5004); ok {
		t.Error("good in another segment")
	}
}

func TestSealRoundTrip(t *testing.T) {
	runs := []sealedRun{
		{first: 5, last: 9, terms: []position{{5, 1}, {7, 2}}, samples: []sample{{0, 4096}, {4, 90000}}},
		{first: 10, last: 10, terms: []position{{10, 2}}, samples: []sample{{0, 95000}}},
	}
	b := encodeSeal(runs)
	if got, err := decodeSeal(b, 100000); err != nil || !reflect.DeepEqual(got, runs) {
		t.Errorf("got %+v, %v, want %+v", got, err, runs)
	}
	for n := range b {
		if _, err := decodeSeal(b[:n], 100000); err == nil {
			t.Errorf("cut at %d it still is a seal", n)
		}
	}
}

func TestSegmentNames(t *testing.T) {
	for name, want := range map[string]uint64{
		segmentName(1): 1, segmentName(0xabc): 0xabc, "00000000000000ff.log": 255,
		"00000000000000FF.log": 0, "ff.log": 0, "0000000000000000.log": 0, "0000000000000001.log.tmp": 0, "0000000000000001": 0, "+000000000000001.log": 0,
	} {
		if got, ok := parseSegmentName(name); ok != (want != 0) || ok && got != want {
			t.Errorf("%s: got %d, %v, want %d", name, got, ok, want)
		}
	}
}
