// Package session is sessions, cursors, retried writes, transactions: what the server remembers for clients between two
// commands.
//
// [Sessions] is the table of logical sessions by their last use, [Cursors] that of the open cursors. Neither has a
// goroutine: whoever owns them calls Expire now and then. What must outlive the member, the outcomes of retryable
// writes, is replicated state and lives in package engine; here is only what keeps two sends of the same write apart
// ([Sessions.Checkout]).
package session
