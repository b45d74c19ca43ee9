package logfile

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The payload of a seal: the runs of the segment's living entries, as the index has them.
//
//	4  number of runs
//	per run:
//	    8  first index       8  last index
//	    4  number of terms   4  number of samples
//	    per term:   8  index of its first entry   8  term
//	    per sample: 4  index, less the first      4  offset

const (
	sealedRunBytes    = 24
	sealedTermBytes   = 16
	sealedSampleBytes = 8
)

// sealedRun is a run of entries as a seal has it.
type sealedRun struct {
	first, last uint64
	terms       []position
	samples     []sample
}

func encodeSeal(runs []sealedRun) []byte {
	b := binary.LittleEndian.AppendUint32(nil, uint32(len(runs)))
	for _, r := range runs {
		b = binary.LittleEndian.AppendUint64(b, r.first)
		b = binary.LittleEndian.AppendUint64(b, r.last)
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r.terms)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(r.samples)))
		for _, t := range r.terms {
			b = binary.LittleEndian.AppendUint64(b, t.index)
			b = binary.LittleEndian.AppendUint64(b, t.term)
		}
		for _, s := range r.samples {
			b = binary.LittleEndian.AppendUint32(b, s.delta)
			b = binary.LittleEndian.AppendUint32(b, s.offset)
		}
	}
	return b
}

var errSealShort = errors.New("seal is cut short")

// decodeSeal reads and checks the payload of the seal that stands at offset sealAt.
func decodeSeal(b []byte, sealAt int64) ([]sealedRun, error) {
	if len(b) < 4 {
		return nil, errSealShort
	}
	n := int64(binary.LittleEndian.Uint32(b)) // int may have 32 bits
	b = b[4:]
	if n > int64(len(b)/sealedRunBytes) {
		return nil, errSealShort
	}
	runs := make([]sealedRun, n)
	for i := range runs {
		r := &runs[i]
		if len(b) < sealedRunBytes {
			return nil, errSealShort
		}
		r.first, r.last = binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
		terms, samples := int64(binary.LittleEndian.Uint32(b[16:])), int64(binary.LittleEndian.Uint32(b[20:]))
		b = b[sealedRunBytes:]
		if terms*sealedTermBytes+samples*sealedSampleBytes > int64(len(b)) {
			return nil, errSealShort
		}
		r.terms, r.samples = make([]position, terms), make([]sample, samples)
		for j := range r.terms {
			r.terms[j] = position{binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])}
			b = b[sealedTermBytes:]
		}
		for j := range r.samples {
			r.samples[j] = sample{binary.LittleEndian.Uint32(b), binary.LittleEndian.Uint32(b[4:])}
			b = b[sealedSampleBytes:]
		}
		if err := r.check(sealAt); err != nil {
			return nil, err
		}
	}
	if len(b) != 0 {
		return nil, fmt.Errorf("%d bytes too many in the seal", len(b))
	}
	return runs, nil
}

func (r *sealedRun) check(sealAt int64) error {
	// An entry takes at least a record header, so the number of entries is bounded by the file.
	if r.first == 0 || r.last < r.first || r.last-r.first >= uint64(sealAt)/recordHeaderBytes {
		return fmt.Errorf("seal has a run from %d to %d", r.first, r.last)
	}
	if len(r.terms) == 0 || r.terms[0].index != r.first || len(r.samples) == 0 || r.samples[0].delta != 0 {
		return fmt.Errorf("seal's run from %d to %d does not say where it begins", r.first, r.last)
	}
	for i, t := range r.terms {
		if t.index > r.last || i > 0 && (t.index <= r.terms[i-1].index || t.term <= r.terms[i-1].term) {
			return fmt.Errorf("seal's run from %d to %d has terms out of order", r.first, r.last)
		}
	}
	for i, s := range r.samples {
		if int64(s.offset) < firstRecordOffset || int64(s.offset) >= sealAt || uint64(s.delta) > r.last-r.first ||
			i > 0 && (s.delta <= r.samples[i-1].delta || s.offset <= r.samples[i-1].offset) {
			return fmt.Errorf("seal's run from %d to %d has places out of order", r.first, r.last)
		}
	}
	return nil
}
