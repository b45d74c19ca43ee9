package query

import "github.com/mortondb/morton/internal/document"

// Update is a compiled update. Immutable.
type Update struct{}

// UpdateOptions are what an update refers to beside itself.
type UpdateOptions struct {
	Filter       *Filter        // the statement's filter: for the positional operator and for upserts
	ArrayFilters []document.Doc // for $[name]
	Multi        bool           // a replacement is refused
	Collation    document.Doc   // empty means the simple one, which is the only one there is yet
}

// Env is what comes from outside the documents: the caller decides it once, so that a plan can be computed again.
type Env struct {
	NowMS     int64             // $currentDate: milliseconds since 1970
	Timestamp uint64            // $currentDate with {$type: "timestamp"}
	ID        document.ObjectID // the _id of an upserted document that has none
}

// CompileUpdate compiles an update: a document of operators, a replacement document, or (later) an array of pipeline stages.
func CompileUpdate(update document.Value, opts UpdateOptions) (*Update, error) { panic("soon") }

// IsReplacement reports whether the update replaces the whole document.
func (u *Update) IsReplacement() bool { panic("soon") }

// Apply returns the updated document; changed is false (and updated is old) if nothing is different. The result does
// not alias old when it changed. It is checked: _id is unchanged, names, depth and size are within MongoDB's rules.
func (u *Update) Apply(old document.Doc, env Env) (updated document.Doc, changed bool, err error) {
	panic("soon")
}

// Insert returns the document that an upsert inserts when nothing matched: the filter's equalities, then the update, _id first.
func (u *Update) Insert(env Env) (document.Doc, error) { panic("soon") }
