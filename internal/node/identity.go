package node

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/storage"
)

// identity is who a data directory is: a file of its own, written before the member takes any part in its set.
//
// RaftID is random and never used twice. A directory that was wiped is therefore somebody else, who has promised nothing
// and voted for nobody; the set replaces the old by the new one ([Node.replaceDisk]) instead of trusting what it forgot.
type identity struct {
	Version int    `json:"version"`
	RaftID  uint64 `json:"raftId"`
	Set     string `json:"set,omitempty"`     // the replica set that it belongs to
	SetID   string `json:"setId,omitempty"`   // and which of that name, as hexadecimal ObjectId
	Arbiter bool   `json:"arbiter,omitempty"` // it followed the log as an arbiter, without the data: it can never hold data any more

	OplogBytes int64 `json:"oplogBytes,omitempty"` // what replSetResizeOplog said
}

const identityVersion = 1

func loadIdentity(fs vfs.FS, path string) (*identity, error) {
	f, err := fs.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return newIdentity(), nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	id := &identity{}
	if err := json.Unmarshal(b, id); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if id.Version > identityVersion {
		return nil, fmt.Errorf("%s has format version %d, this program knows up to %d: start the newer program that wrote it", path, id.Version, identityVersion)
	}
	if id.RaftID == 0 {
		return nil, fmt.Errorf("%s holds no id", path)
	}
	return id, nil
}

func newIdentity() *identity { return &identity{Version: identityVersion, RaftID: newRaftID()} }

func newRaftID() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])>>1 | 1
}

// save makes the identity durable.
func (id *identity) save(fs vfs.FS, path string) error {
	b, err := json.MarshalIndent(id, "", "  ")
	if err != nil {
		return err
	}
	tmp := path + ".tmp"
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(append(b, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := fs.Rename(tmp, path); err != nil {
		return err
	}
	return storage.SyncDir(fs, fs.PathDir(path))
}

func (id *identity) setID() document.ObjectID {
	var o document.ObjectID
	_ = o.UnmarshalText([]byte(id.SetID))
	return o
}
