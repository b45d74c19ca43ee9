package command

import (
	"strconv"

	"github.com/mortondb/morton/internal/mongoerr"
)

// label adds the labels that tell a driver what to do after the error e of this command. The rules are mongod's: a
// retryable write (it has a transaction number) that failed with a code of the category RetriableError may be sent
// again. A fail point may dictate the labels.
func (o *operation) label(e *mongoerr.Error) *mongoerr.Error {
	if o.fault.err == e && o.fault.labels != nil {
		c := *e
		c.Labels = o.fault.labels
		return &c
	}
	if o.generic.retryable && e.Code.Retryable() {
		return e.WithLabels(mongoerr.LabelRetryableWrite)
	}
	return e
}

// labelWriteConcernError notes the labels of a reply that is ok but for its write concern.
func (o *operation) labelWriteConcernError(e *mongoerr.Error) {
	switch {
	case o.fault.writeConcernError != nil && o.fault.labels != nil:
		o.pendingLabels = o.fault.labels
	case o.generic.retryable && e.Code.Retryable():
		o.pendingLabels = []string{mongoerr.LabelRetryableWrite}
	}
}

func (o *operation) appendPendingLabels() {
	if len(o.pendingLabels) == 0 {
		return
	}
	o.out.OpenArray("errorLabels")
	for i, l := range o.pendingLabels {
		o.out.AppendString(strconv.Itoa(i), l)
	}
	o.out.Close()
}
