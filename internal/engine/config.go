package engine

import (
	"errors"
	"fmt"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/keys"
	"github.com/mortondb/morton/internal/storage"
)

// The set's configuration is replicated state, but it changes with the members of the replicated log and not by a group:
// the log hands it over with its own entry. What the log needs to know of its members is kept beside it.

var (
	configKey  = keys.AppendCatalog(nil, keys.CatalogConfig, "config")
	membersKey = keys.AppendMeta(nil, keys.Records, "members")
)

// SettingsNS is a collection in which commands look up how they are to work.
const SettingsNS = "config.settings"

// SettingsChanges counts what may have changed the collection of settings, so that who has read it knows whether to read it again.
func (e *Engine) SettingsChanges() uint64 { return e.settingsChanges.Load() }

// ApplyConfig applies an entry that changed the members: members is the log's own record of them, config the
// configuration as stored, empty if it stays as it is.
func (e *Engine) ApplyConfig(entry Entry, members []byte, config document.Doc) error {
	before := e.store.Applied()
	a := &applier{e: e, batch: e.store.NewBatch(), catalog: e.state.Load().committed, pos: before}
	defer a.batch.Close()
	a.batch.At(entry.Index)
	if err := a.batch.Set(membersKey, members); err != nil {
		return err
	}
	if len(config) > 0 {
		if err := a.batch.Set(configKey, config); err != nil {
			return err
		}
	}
	a.pos.Index, a.pos.Term = max(entry.Index, before.Index), max(entry.Term, before.Term)
	if err := a.batch.Commit(a.pos); err != nil {
		return err
	}
	e.publishApplied(a)
	e.announceApplied()
	return nil
}

// StoredConfig returns the configuration as it was stored, nil if there is none.
func (e *Engine) StoredConfig() (document.Doc, error) {
	b, err := e.stored(configKey)
	return document.Doc(b), err
}

// Members returns the log's record of its members, nil if there is none.
func (e *Engine) Members() ([]byte, error) { return e.stored(membersKey) }

func (e *Engine) stored(key []byte) ([]byte, error) {
	st := e.acquire()
	defer st.storage.Release()
	b, closer, err := st.storage.Get(key)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("engine: read %s: %w", keys.Format(key), err)
	}
	b = append([]byte(nil), b...)
	return b, closer.Close()
}

// Config returns the configuration document of the set, as replSetGetConfig shows it and local.system.replset holds it; nil if the set is not initiated.
func (e *Engine) Config() document.Doc {
	stored, err := e.StoredConfig()
	if err != nil || stored == nil {
		return nil
	}
	return stored.Lookup("config").Doc()
}
