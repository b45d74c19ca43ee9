package command

import "testing"

func NewTestDispatcher(t testing.TB) *Dispatcher { return newTestMember(t, 1).d }
