package sdam

// An Event is one thing that happened to the topology, in the order and with the meaning of SDAM Monitoring. The monitors of
// servers live by them, too: one starts with ServerOpened and ends with ServerClosed.
type Event interface{ event() }

// TopologyOpened is the first event.
type TopologyOpened struct{}

// TopologyClosed is the last.
type TopologyClosed struct{}

// ServerOpened says that a server is known of from now on. The topology has a description of kind Unknown.
type ServerOpened struct{ Address string }

// ServerClosed says that a server is no longer part of the topology. What is heard of it after that is ignored.
type ServerClosed struct{ Address string }

// ServerChanged says that a server is described otherwise.
type ServerChanged struct{ Old, New *Server }

// TopologyChanged says that anything but round trips changed. It comes last in its Update.
type TopologyChanged struct{ Old, New *Topology }

func (TopologyOpened) event()  {}
func (TopologyClosed) event()  {}
func (ServerOpened) event()    {}
func (ServerClosed) event()    {}
func (ServerChanged) event()   {}
func (TopologyChanged) event() {}
