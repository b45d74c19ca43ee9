package replset

import "github.com/mortondb/morton/internal/mongoerr"

// CheckMaintenance returns why the member can't be taken out of service or back; nil if it can.
func (v *View) CheckMaintenance() error {
	if err := v.RequireSet(); err != nil {
		return err
	}
	if v.State == Primary {
		return mongoerr.New(mongoerr.NotSecondary, "primaries can't modify maintenance mode")
	}
	return nil
}

// CheckSyncFrom returns why this member cannot be made to get its entries from the member at host, and from whom it gets them: nobody but the primary.
func (v *View) CheckSyncFrom(host string) (previous string, err error) {
	switch {
	case !v.Initiated() || v.State == Removed:
		return "", mongoerr.New(mongoerr.NotSecondary, "Removed and uninitialized nodes do not sync")
	case v.State == Primary:
		return "", mongoerr.New(mongoerr.NotSecondary, "primaries don't sync")
	case v.State == Arbiter:
		return "", mongoerr.New(mongoerr.NotSecondary, "arbiters don't sync")
	}
	i := v.Config.IndexOf(host)
	if i < 0 {
		return "", mongoerr.New(mongoerr.NodeNotFound, "Could not find member %q in replica set", host)
	}
	m, self := &v.Config.Members[i], &v.Config.Members[v.Self]
	switch {
	case i == v.Self:
		return "", mongoerr.New(mongoerr.InvalidOptions, "I cannot sync from myself")
	case m.Arbiter:
		return "", mongoerr.New(mongoerr.InvalidOptions, "Cannot sync from %q because it is an arbiter", host)
	case self.Voting() && !m.Voting():
		return "", mongoerr.New(mongoerr.InvalidOptions, "Cannot sync from %q because it is not a voter", host)
	case i != v.Primary:
		return "", mongoerr.New(mongoerr.NotImplemented, "every secondary gets its entries from the primary; %q is not", host)
	}
	return v.PrimaryHost(), nil
}
