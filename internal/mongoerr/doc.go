// Package mongoerr is error codes, names, labels: everything that a client can be told about a failure.
//
// An [Error] is the client's mistake, or an event that the client has to know about; its code, name, message and labels
// are those of MongoDB 6.0, because drivers and applications decide by them. The world's faults (a disk, a peer) and
// our own bugs are ordinary Go errors; [From] turns what is left of them at the edge into InternalError.
package mongoerr
