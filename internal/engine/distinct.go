package engine

import (
	"bytes"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
)

// An index with prepareUnique refuses what a unique index would refuse of new entries, while old ones may still be equal to each
// other. Its entries carry record ids, so that two writers of equal values do not meet at one key: they take turns instead, and
// look again when it is theirs.

// distinctKey is a key, without the record id, that must belong to no other document.
type distinctKey struct {
	key []byte
	rid uint64
}

// claimDistinct checks that no other document has an entry's key, and appends it to list, to be checked again when the write is entered.
func (v *View) claimDistinct(list []distinctKey, coll *Collection, ix *Index, entry []byte, doc document.Doc) ([]distinctKey, error) {
	key, rid, _ := keys.CutRecordID(entry)
	for _, d := range list {
		if bytes.Equal(d.key, key) && d.rid != rid {
			return list, duplicateKey(coll, ix, doc, entry)
		}
	}
	taken, err := v.hasOther(key, rid)
	if err == nil && taken {
		err = duplicateKey(coll, ix, doc, entry)
	}
	if err != nil {
		return list, err
	}
	return append(list, distinctKey{bytes.Clone(key), rid}), nil
}

// checkDistinct returns errConflict if another document has one of the keys. Who calls it holds e.distinct until the write is entered.
func (e *Engine) checkDistinct(list []distinctKey) error {
	v := e.Local()
	defer v.Close()
	for _, d := range list {
		if taken, err := v.hasOther(d.key, d.rid); err != nil || taken {
			return orConflict(err)
		}
	}
	return nil
}

func orConflict(err error) error {
	if err != nil {
		return err
	}
	return errConflict
}

// hasOther reports whether a key has an entry of another record.
func (v *View) hasOther(key []byte, rid uint64) (bool, error) {
	lo, hi := key, keys.Successor(key)
	s, err := v.newScan(lo, hi, false)
	if err != nil {
		return false, err
	}
	found := false
	for ok := s.seek(lo); ok && !found; ok = s.next() {
		found = recordID(s.key()) != rid
	}
	return found, s.close()
}
