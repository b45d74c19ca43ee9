package logfile

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// Sizes and limits of the format; doc.go has the drawing.
const (
	magic         = "MortonLg"
	formatVersion = 1

	segmentHeaderBytes = 96
	firstRecordOffset  = 4096 // so that no later write shares a block with the segment header
	recordHeaderBytes  = 36
	recordAlignment    = 4

	// MaxEntryBytes is the most Data that an entry may have.
	MaxEntryBytes = 512 << 20
	// maxSegmentBytes bounds Options.SegmentBytes; with one entry more a segment stays far below the 4 GB of an offset.
	maxSegmentBytes = 1 << 30
	// maxIndex bounds what a segment header may say, so that adding to an index never overflows.
	maxIndex = 1 << 62
)

const flagBegins = 1 // in a segment header: the log begins here

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// position is an entry's place in the log.
type position struct{ index, term uint64 }

// segmentHeader is the start of a segment file: who it is, and the state of the log when it was begun.
type segmentHeader struct {
	number   uint64
	salt     uint64
	begins   bool   // nothing before this segment counts
	prevSeal uint32 // where the seal of segment number-1 begins; 0 if begins
	hs       HardState
	trimmed  position
	last     position
}

func (h *segmentHeader) encode() []byte {
	b := make([]byte, 0, segmentHeaderBytes)
	b = append(b, magic...)
	b = binary.LittleEndian.AppendUint32(b, formatVersion)
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint64(b, h.number)
	b = binary.LittleEndian.AppendUint64(b, h.salt)
	var flags uint32
	if h.begins {
		flags = flagBegins
	}
	b = binary.LittleEndian.AppendUint32(b, flags)
	b = binary.LittleEndian.AppendUint32(b, h.prevSeal)
	for _, n := range [...]uint64{h.hs.Term, h.hs.Vote, h.hs.Commit, h.trimmed.index, h.trimmed.term, h.last.index, h.last.term} {
		b = binary.LittleEndian.AppendUint64(b, n)
	}
	binary.LittleEndian.PutUint32(b[12:], crc32.Checksum(b, castagnoli))
	return b
}

// decodeSegmentHeader reads the header of the segment file at path.
func decodeSegmentHeader(b []byte, path string) (segmentHeader, error) {
	bad := func(offset int64, detail string) (segmentHeader, error) {
		return segmentHeader{}, &CorruptError{Path: path, Offset: offset, Detail: detail}
	}
	if len(b) < segmentHeaderBytes {
		return bad(0, fmt.Sprintf("%d bytes are too few for a segment", len(b)))
	}
	b = append([]byte(nil), b[:segmentHeaderBytes]...)
	if string(b[:8]) != magic {
		return bad(0, "it does not begin as a segment of Morton's log")
	}
	if v := binary.LittleEndian.Uint32(b[8:]); v > formatVersion {
		return segmentHeader{}, &VersionError{Path: path, Version: v}
	} else if v == 0 {
		return bad(8, "format version 0")
	}
	sum := binary.LittleEndian.Uint32(b[12:])
	binary.LittleEndian.PutUint32(b[12:], 0)
	if crc32.Checksum(b, castagnoli) != sum {
		return bad(12, "checksum of the segment header is wrong")
	}
	flags := binary.LittleEndian.Uint32(b[32:])
	if flags&^flagBegins != 0 {
		return bad(32, fmt.Sprintf("unknown flags %#x", flags))
	}
	u64 := func(at int) uint64 { return binary.LittleEndian.Uint64(b[at:]) }
	h := segmentHeader{
		number:   u64(16),
		salt:     u64(24),
		begins:   flags&flagBegins != 0,
		prevSeal: binary.LittleEndian.Uint32(b[36:]),
		hs:       HardState{Term: u64(40), Vote: u64(48), Commit: u64(56)},
		trimmed:  position{u64(64), u64(72)},
		last:     position{u64(80), u64(88)},
	}
	switch {
	case h.last.index > maxIndex:
		return bad(80, fmt.Sprintf("last entry %d", h.last.index))
	case h.last.index < h.trimmed.index:
		return bad(80, fmt.Sprintf("last entry %d is before the start %d", h.last.index, h.trimmed.index))
	case h.begins && h.last != h.trimmed:
		return bad(80, "a log that begins here is not empty")
	case h.hs.Commit < h.trimmed.index || h.hs.Commit > h.last.index:
		return bad(56, fmt.Sprintf("commit %d is not between %d and %d", h.hs.Commit, h.trimmed.index, h.last.index))
	}
	return h, nil
}

// seed is what the CRC of every record header of the segment begins with.
func (h *segmentHeader) seed() uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], h.salt)
	return crc32.Checksum(b[:], castagnoli)
}

func segmentName(number uint64) string { return fmt.Sprintf("%016x.log", number) }

// parseSegmentName returns the number in a segment's file name; ok is false for other files.
func parseSegmentName(name string) (number uint64, ok bool) {
	digits, isLog := strings.CutSuffix(name, ".log")
	if !isLog || len(digits) != 16 {
		return 0, false
	}
	number, err := strconv.ParseUint(digits, 16, 64)
	return number, err == nil && number > 0 && name == segmentName(number)
}

// kind says what a record is.
type kind byte

const (
	kindEntry kind = 1 + iota
	kindState
	kindTrim
	kindSeal
)

// record is one record of a segment. Of one that is written, payload's length and CRC are set by encodeRecordHeader.
type record struct {
	kind      kind
	entryType byte
	durable   uint32 // bytes of this segment that were durable when the record was made
	index     uint64
	term      uint64
	payload   []byte
}

// recordBytes returns what a record with n bytes of payload takes, with the zeros up to the next one.
func recordBytes(n int) int64 {
	return (recordHeaderBytes + int64(n) + recordAlignment - 1) &^ (recordAlignment - 1)
}

// appendRecordHeader appends the header of r, which will stand at offset in the segment with that seed.
func appendRecordHeader(dst []byte, r *record, seed uint32, offset int64) []byte {
	at := len(dst)
	dst = binary.LittleEndian.AppendUint32(dst, uint32(offset)) // is part of the sum, which then takes its place
	dst = binary.LittleEndian.AppendUint32(dst, crc32.Checksum(r.payload, castagnoli))
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(r.payload)))
	dst = append(dst, byte(r.kind), r.entryType, 0, 0)
	dst = binary.LittleEndian.AppendUint32(dst, r.durable)
	dst = binary.LittleEndian.AppendUint64(dst, r.index)
	dst = binary.LittleEndian.AppendUint64(dst, r.term)
	binary.LittleEndian.PutUint32(dst[at:], crc32.Update(seed, castagnoli, dst[at:]))
	return dst
}

// decodeRecordHeader reads the header at the start of b, which stands at offset in its segment. ok is false if it is not
// one that was written there. The payload is not looked at; its length and CRC are returned. b must have recordHeaderBytes.
func decodeRecordHeader(b []byte, seed uint32, offset int64) (r record, length int, payloadCRC uint32, ok bool) {
	k := kind(b[12])
	if k < kindEntry || k > kindSeal || b[14]|b[15] != 0 {
		return record{}, 0, 0, false
	}
	h := [recordHeaderBytes]byte(b)
	sum := binary.LittleEndian.Uint32(h[:])
	binary.LittleEndian.PutUint32(h[:], uint32(offset))
	if crc32.Update(seed, castagnoli, h[:]) != sum {
		return record{}, 0, 0, false
	}
	n := binary.LittleEndian.Uint32(h[8:])
	if n > MaxEntryBytes {
		return record{}, 0, 0, false
	}
	return record{
		kind:      k,
		entryType: h[13],
		durable:   binary.LittleEndian.Uint32(h[16:]),
		index:     binary.LittleEndian.Uint64(h[20:]),
		term:      binary.LittleEndian.Uint64(h[28:]),
	}, int(n), binary.LittleEndian.Uint32(h[4:]), true
}

func stateRecord(hs HardState) record {
	return record{kind: kindState, index: hs.Commit, term: hs.Term, payload: binary.LittleEndian.AppendUint64(nil, hs.Vote)}
}

// hardState returns the hard state in a state record; ok is false if its payload is not one.
func (r *record) hardState() (hs HardState, ok bool) {
	if len(r.payload) != 8 {
		return HardState{}, false
	}
	return HardState{Term: r.term, Vote: binary.LittleEndian.Uint64(r.payload), Commit: r.index}, true
}
