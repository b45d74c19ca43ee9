package node

import (
	"math/rand/v2"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// disk is what a member's processes, one after the other, keep their data on: a file system in memory that forgets what was not synced when the
// process dies. That may be before any operation that changes it. It may also be slow, full, or fail to sync.
type disk struct {
	die func() // ends the process

	mu        sync.Mutex
	mem       *vfs.MemFS
	life      int           // number of the process that uses it
	dieIn     int           // the process dies before so many changes have been made; 0: it does not
	kept      int           // percent of what is not synced that survives
	rng       *rand.Rand    // which part of it
	full      bool          // nothing can be written
	failSyncs bool          // syncing fails
	syncFails int           // how often it did
	syncTime  time.Duration // how long syncing the log takes
}

func newDisk(die func()) *disk { return &disk{die: die, mem: vfs.NewCrashableMem()} }

// mount returns the file system for the next process, and the process's number: another one for each that is started, also when it does not get far.
func (d *disk) mount() (fs vfs.FS, life int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.life++
	life = d.life
	return errorfs.Wrap(d.mem, errorfs.InjectorFunc(func(op errorfs.Op) error { return d.before(op, life) })), life
}

// lives reports whether a process has not died, and no other one has followed it.
func (d *disk) lives(life int) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.life == life
}

// crash ends the process: silence makes sure that nobody hears of it any more. Only then the disk is looked at, so that no promise is heard that it does not hold.
func (d *disk) crash(silence func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.life++
	d.dieIn = 0
	silence()
	d.mem = d.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: d.kept, RNG: d.rng})
}

// wipe is a new disk.
func (d *disk) wipe() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mem = vfs.NewCrashableMem()
}

// set changes how the disk behaves.
func (d *disk) set(f func(*disk)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d)
}

// heal makes the disk a good one.
func (d *disk) heal() {
	d.set(func(d *disk) { d.dieIn, d.full, d.failSyncs, d.syncTime = 0, false, false, 0 })
}

// before decides what happens to an operation.
func (d *disk) before(op errorfs.Op, life int) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite {
		return nil
	}
	dies, wait, err := d.decide(op, life)
	if dies {
		d.die()
	}
	if wait > 0 {
		time.Sleep(wait)
	}
	return err
}

func (d *disk) decide(op errorfs.Op, life int) (dies bool, wait time.Duration, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.life != life {
		return false, 0, nil // a corpse may do what it wants
	}
	if d.dieIn > 0 {
		d.dieIn--
		dies = d.dieIn == 0
	}
	switch op.Kind {
	case errorfs.OpFileSync, errorfs.OpFileSyncData, errorfs.OpFileSyncTo:
		switch {
		case d.failSyncs && mayFail(op.Path):
			d.syncFails++
			err = syscall.EIO
		case strings.Contains(op.Path, "/log/"):
			wait = d.syncTime // only there: elsewhere Pebble waits with locks held, and virtual time would stand still
		}
	case errorfs.OpCreate, errorfs.OpFileWrite, errorfs.OpFileWriteAt, errorfs.OpMkdirAll, errorfs.OpFilePreallocate:
		if d.full && mayFail(op.Path) {
			err = syscall.ENOSPC
		}
	}
	return dies, wait, err
}

// mayFail reports whether a failure of a file comes back as an error. When its manifest fails Pebble ends the process at once, which a
// process that is all members cannot show.
func mayFail(path string) bool {
	return !strings.Contains(path, "MANIFEST") && !strings.Contains(path, "marker")
}
