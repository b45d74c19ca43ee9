package mongoerr

import "github.com/mortondb/morton/internal/document"

// FromReply returns the error of a command that failed, as its reply tells it: errmsg, code, labels, and the whole
// reply as further fields. It returns nil for a reply that is ok. What it returns does not alias the reply.
func FromReply(d document.Doc) *Error {
	e := &Error{Message: "the reply has no errmsg"}
	for it := d.Iter(); it.Next(); {
		v := it.Value()
		switch it.Key() {
		case "ok":
			if v.Truthy() {
				return nil
			}
		case "errmsg", "$err":
			e.Message = string([]byte(v.Str()))
		case "code":
			n, _ := v.AsInt64()
			e.Code = Code(n)
		case "errorLabels":
			for l := v.Doc().Iter(); l.Next(); {
				e.Labels = append(e.Labels, string([]byte(l.Value().Str())))
			}
		}
	}
	e.Extra = d.Clone()
	return e
}
