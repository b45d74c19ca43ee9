package engine

import (
	"bytes"
	"context"
	"fmt"

	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/mongoerr"
	"github.com/mortondb/morton/internal/plan"
)

// entryScan walks the entries of an index within ranges.
type entryScan struct {
	v        *View
	coll     *Collection
	index    *Index
	back     bool
	ranges   []plan.Range // in the order of the walk, with the index's prefix
	at       int
	scan     *scan
	begun    bool   // the current range has been begun
	counting bool   // as mongod does, for explain
	standing bool   // the scan stands on an entry that is behind the range before the current one
	last     []byte // the key that was returned last, while suspended
	again    bool   // the key that was returned last is to be returned once more
	seeks    int64
	keys     int64
}

func newEntryScan(v *View, coll *Collection, p *plan.Plan) (*entryScan, error) {
	ix := coll.Index(p.Index)
	if ix == nil {
		return nil, fmt.Errorf("engine: %s: the plan wants index %q, which is not there", coll.NS, p.Index)
	}
	s := &entryScan{v: v, coll: coll, index: ix, back: p.Reverse}
	prefix := keys.AppendIndexPrefix(nil, ix.Number)
	for i := range p.Ranges {
		r := p.Ranges[i]
		if p.Reverse {
			r = p.Ranges[len(p.Ranges)-1-i]
		}
		r.Start = append(bytes.Clone(prefix), r.Start...)
		if r.End == nil {
			r.End = keys.Successor(prefix)
		} else {
			r.End = append(bytes.Clone(prefix), r.End...)
		}
		s.ranges = append(s.ranges, r)
	}
	return s, nil
}

// rid returns the record that the current entry leads to.
func (s *entryScan) rid() uint64 { return entryRecord(s.scan.value()) }

// key returns the current entry's key behind the index's prefix.
func (s *entryScan) key() []byte { return s.scan.key()[keys.IndexPrefixLen:] }

// next moves to the next entry, through the ranges. One scan serves them all: making one costs more than moving it.
func (s *entryScan) next() (bool, error) {
	for s.at < len(s.ranges) {
		if s.scan == nil {
			if err := s.open(); err != nil {
				return false, err
			}
		}
		r := &s.ranges[s.at]
		if !s.move(r) { // there is nothing behind this range either
			s.at = len(s.ranges)
			break
		}
		if s.within(r) {
			s.keys++
			s.standing = false
			return true, s.scan.err
		}
		s.at++
		s.begun, s.standing = false, true
	}
	if s.counting {
		if err := s.countLast(); err != nil {
			return false, err
		}
	}
	return false, s.close()
}

// countLast counts the entry behind the last of several ranges, at which mongod notices that it is done.
func (s *entryScan) countLast() error {
	s.counting = false
	if len(s.ranges) < 2 || s.back {
		return nil
	}
	_, end := keys.IndexRange(s.index.Number)
	found, err := s.v.hasBetween(s.ranges[len(s.ranges)-1].End, end)
	if found {
		s.keys++
	}
	return err
}

// hasBetween reports whether there is a key from lo up to, not including, hi.
func (v *View) hasBetween(lo, hi []byte) (bool, error) {
	s, err := v.newScan(lo, hi, false)
	if err != nil {
		return false, err
	}
	found := s.seek(lo)
	return found, s.close()
}

func (s *entryScan) open() (err error) {
	lo, hi := s.ranges[s.at].Start, s.ranges[len(s.ranges)-1].End
	if s.back {
		lo, hi = s.ranges[len(s.ranges)-1].Start, s.ranges[s.at].End
	}
	s.scan, err = s.v.newScan(lo, hi, s.back)
	return err
}

// within reports whether the scan, which is not before the range, is not behind it either.
func (s *entryScan) within(r *plan.Range) bool {
	if s.back {
		return bytes.Compare(s.scan.key(), r.Start) >= 0
	}
	return bytes.Compare(s.scan.key(), r.End) < 0
}

// move moves on, to the range's first entry if it has not been begun. It may end up behind the range.
func (s *entryScan) move(r *plan.Range) (ok bool) {
	switch {
	case s.begun && s.last == nil:
		return s.scan.next()
	case s.begun:
		ok = s.scan.seek(s.goOn())
		s.last, s.again = nil, false
	case s.standing && s.reached(r):
		s.begun = true
		return true
	default:
		if s.standing {
			s.keys++ // it was looked at for nothing
		}
		ok = s.scan.first(r.Start, r.End)
		s.begun = true
	}
	s.seeks++
	return ok
}

// reached reports whether the scan stands where the range begins, or behind that.
func (s *entryScan) reached(r *plan.Range) bool {
	if s.back {
		return bytes.Compare(s.scan.key(), r.End) < 0
	}
	return bytes.Compare(s.scan.key(), r.Start) >= 0
}

// goOn returns where a scan that was suspended goes on.
func (s *entryScan) goOn() []byte {
	if s.again != s.back {
		return s.last // forwards at the key itself, backwards at what is before it
	}
	return append(bytes.Clone(s.last), 0)
}

// skipTo makes the next entry one whose key, without the index's prefix, is not before key. For scans forwards of one range.
func (s *entryScan) skipTo(key []byte) {
	s.last, s.again = append(keys.AppendIndexPrefix(nil, s.index.Number), key...), !s.back
}

// suspend lets the view go. again: the current entry has not been dealt with.
func (s *entryScan) suspend(again bool) {
	if s.scan == nil {
		return
	}
	if s.begun && s.last == nil {
		s.last, s.again = bytes.Clone(s.scan.key()), again
	}
	_ = s.scan.close()
	s.scan = nil
}

func (s *entryScan) resume(v *View) error {
	s.v = v
	coll := v.Catalog.numbers[s.coll.Number]
	if coll == nil || coll.Index(s.index.Name) == nil || coll.Index(s.index.Name).Number != s.index.Number {
		return mongoerr.New(mongoerr.QueryPlanKilled, "index '%s' dropped", s.index.Name)
	}
	s.coll = coll
	return nil
}

func (s *entryScan) close() error {
	if s.scan == nil {
		return nil
	}
	scan := s.scan
	s.scan = nil
	return scan.close()
}

// checkContext looks every now and then whether to stop.
func checkContext(ctx context.Context, n int64) error {
	if n%checkEvery == 0 {
		return ctx.Err()
	}
	return nil
}
