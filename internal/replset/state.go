package replset

// State is what a member is doing, with MongoDB's numbers.
type State int32

// The states.
const (
	Startup    State = 0 // no configuration received
	Primary    State = 1
	Secondary  State = 2
	Recovering State = 3 // takes part, cannot be read
	Startup2   State = 5 // initial sync
	Unknown    State = 6 // never heard of
	Arbiter    State = 7 // votes, and holds no data
	Down       State = 8 // not reachable, as others see it
	Rollback   State = 9
	Removed    State = 10 // not in the configuration
)

// String returns the state's name as stateStr shows it.
func (s State) String() string {
	switch s {
	case Startup:
		return "STARTUP"
	case Primary:
		return "PRIMARY"
	case Secondary:
		return "SECONDARY"
	case Recovering:
		return "RECOVERING"
	case Startup2:
		return "STARTUP2"
	case Arbiter:
		return "ARBITER"
	case Down:
		return "(not reachable/healthy)"
	case Rollback:
		return "ROLLBACK"
	case Removed:
		return "REMOVED"
	}
	return "UNKNOWN"
}

// Readable reports whether a member in this state answers reads.
func (s State) Readable() bool { return s == Primary || s == Secondary }
