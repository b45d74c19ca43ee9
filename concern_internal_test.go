package morton

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/mortondb/morton/internal/document"
	"github.com/mortondb/morton/internal/spectest"
)

// TestConcernDocuments runs the specification's tests of what concerns look like in commands.
func TestConcernDocuments(t *testing.T) {
	spectest.Run(t, "read-write-concern/document", nil, func(t *testing.T, f spectest.File) {
		var file struct {
			Tests []struct {
				Description          string
				Valid                bool
				ReadConcern          *struct{ Level string } `bson:"readConcern"`
				ReadConcernDocument  struct{ Level string }  `bson:"readConcernDocument"`
				WriteConcern         *concernSpec            `bson:"writeConcern"`
				WriteConcernDocument map[string]any          `bson:"writeConcernDocument"`
				IsAcknowledged       bool                    `bson:"isAcknowledged"`
			}
		}
		f.Decode(t, &file)
		for _, c := range file.Tests {
			if c.ReadConcern != nil {
				got := defaultConcerns.with(Settings{ReadConcern: c.ReadConcern.Level})
				if got.readConcern != c.ReadConcernDocument.Level || (got.err == nil) != c.Valid {
					t.Errorf("%s: %q, %v", c.Description, got.readConcern, got.err)
				}
				continue
			}
			d, acknowledged, err := c.WriteConcern.concern().compile()
			if (err == nil) != c.Valid {
				t.Errorf("%s: %v", c.Description, err)
			}
			if err != nil {
				continue
			}
			got := map[string]any{}
			for it := d.Iter(); it.Next(); {
				got[it.Key()] = plain(it.Value())
			}
			if diff := cmp.Diff(c.WriteConcernDocument, got); diff != "" || acknowledged != c.IsAcknowledged {
				t.Errorf("%s: acknowledged: %v (-want +got)\n%s", c.Description, acknowledged, diff)
			}
		}
	})
}

// concernSpec is a write concern in the words of connection strings.
type concernSpec struct {
	W       any
	Timeout int64 `bson:"wtimeoutMS"`
	Journal *bool
}

func (s *concernSpec) concern() *WriteConcern {
	w := &WriteConcern{W: s.W, Journal: s.Journal, Timeout: time.Duration(s.Timeout) * time.Millisecond}
	if n, is := s.W.(int32); is {
		w.W = int(n)
	}
	return w
}

// plain returns a value as the bson package decodes the numbers of JSON.
func plain(v document.Value) any {
	if n, is := v.ToInt64(); is {
		return int32(n)
	}
	var value any
	if err := (bson.RawValue{Type: bson.Type(v.Type), Value: v.Data}).Unmarshal(&value); err != nil {
		return err
	}
	return value
}
