package db

import (
	"context"
	"net/netip"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// InstanceChange says what UpdateInstances changes. A nil field stays as it is.
type InstanceChange struct {
	// Host is the machine it runs on, "" for one that is not known.
	Host *string
	// SecurityGroups are names in the project, in place of those that it is in.
	SecurityGroups []string
	// The others are for a single instance. The addresses are of the network that it is on.
	Name      *string
	MAC       *netcalc.MAC
	FixedIP   *netip.Addr
	FixedIPv6 *netip.Addr
}

// Validate finds what can never be right for a number of instances; every error is an ErrInvalid.
func (c InstanceChange) Validate(instances int) error {
	if c.Name != nil {
		if err := CheckInstanceName(*c.Name); err != nil {
			return err
		}
	}
	switch {
	case c.Name != nil && *c.Name == "":
		return invalidf("an instance has a name")
	case c.FixedIP != nil && !c.FixedIP.IsValid(), c.FixedIPv6 != nil && !c.FixedIPv6.IsValid():
		return invalidf("an address of an instance is replaced, and not taken away")
	}
	if c.MAC != nil {
		if err := c.MAC.CheckUnicast(); err != nil {
			return invalid(err)
		}
	}
	return checkSingle(instances, onlyOne{"name", c.Name != nil}, onlyOne{"mac", c.MAC != nil},
		onlyOne{"fixed_ip", c.FixedIP != nil}, onlyOne{"fixed_ip_v6", c.FixedIPv6 != nil})
}

// UpdateInstances changes the instances that refs name, all or none, and returns them as they are now. What is public of an
// instance stays with it, and so does an IPv6 address that does not follow from its MAC. Errors: ErrInvalid as Validate says;
// ErrNotFound for an instance or a group that is not there; ErrConflict for what is taken or not for guests of its network.
func (s *Store) UpdateInstances(ctx context.Context, refs []string, change InstanceChange) (instances []Instance, err error) {
	if err := change.Validate(len(refs)); err != nil {
		return nil, err
	}
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if instances, err = t.findInstances(ctx, refs); err != nil {
			return err
		}
		for k, i := range instances {
			if instances[k], err = t.updateInstance(ctx, i, change); err != nil {
				return err
			}
		}
		return nil
	})
	return instances, err
}

// updateInstance changes an instance and returns it as the ledger has it then.
func (t *tx) updateInstance(ctx context.Context, before Instance, change InstanceChange) (Instance, error) {
	i := before
	set(&i.Host, change.Host)
	set(&i.Name, change.Name)
	if i.Name != before.Name {
		if err := t.checkInstanceNames(ctx, i.ProjectID, []string{i.Name}); err != nil {
			return before, err
		}
	}
	if err := t.movePort(ctx, &i, change); err != nil {
		return before, err
	}
	if _, err := instanceTable.Update(ctx, t.door, &before, &i); err != nil {
		return before, err
	}
	if change.SecurityGroups != nil {
		if err := t.regroup(ctx, i, change.SecurityGroups); err != nil {
			return before, err
		}
	}
	return t.instanceByID(ctx, i.ID)
}

// movePort gives an instance another MAC and other addresses, as far as they are asked for and not what it has, and records
// what it holds.
func (t *tx) movePort(ctx context.Context, i *Instance, change InstanceChange) error {
	after := *i
	set(&after.MAC, change.MAC)
	set(&after.FixedIP, change.FixedIP)
	set(&after.FixedIPv6, change.FixedIPv6)
	if instanceTable.Same(i, &after) {
		return nil
	}
	network, err := t.networkBy(ctx, "id", i.NetworkID)
	if err != nil {
		return err
	}
	if after.FixedIP != i.FixedIP {
		if err := t.moveFixed(ctx, network, *i, after.FixedIP); err != nil {
			return err
		}
	}
	macs, err := t.macSource(ctx, network, after.MAC)
	if err != nil {
		return err
	}
	macs.of = i.ID
	if after.MAC != i.MAC {
		_, own, err := macs.next(ctx)
		if err != nil {
			return err
		}
		if change.FixedIPv6 == nil && i.followsMAC(network) {
			after.FixedIPv6 = own
		}
	}
	if after.FixedIPv6 != i.FixedIPv6 {
		if change.FixedIPv6 != nil {
			if err := macs.checkRecorded(ctx, after.FixedIPv6, after.MAC); err != nil {
				return err
			}
		}
		if err := t.forget(ctx, i.FixedIPv6); err != nil {
			return err
		}
		if err := t.hold(ctx, after.FixedIPv6, network.CIDRv6.Addr(), i.ID, false); err != nil {
			return err
		}
	}
	*i = after
	return nil
}

// followsMAC tells whether an instance's IPv6 address is the one that its guest gives itself.
func (i Instance) followsMAC(network Network) bool {
	if !network.CIDRv6.IsValid() {
		return false
	}
	own, err := netcalc.EUI64(network.CIDRv6, i.MAC)
	return err == nil && own == i.FixedIPv6
}

// moveFixed has an instance hold another IPv4 address of its network, and releases the one that it had.
func (t *tx) moveFixed(ctx context.Context, network Network, i Instance, to netip.Addr) error {
	_, reused, err := t.takeFixed(ctx, NewInstances{FixedIP: to}, network, 1)
	if err != nil {
		return err
	}
	if err := t.hold(ctx, to, network.CIDR.Addr(), i.ID, reused > 0); err != nil {
		return err
	}
	had, ok, err := t.addressAt(ctx, i.FixedIP)
	if err == nil && !ok {
		err = corruptf("instance %s does not hold its address %s", i.qualifiedName(), i.FixedIP)
	}
	if err != nil {
		return err
	}
	if err := t.release(ctx, had, true); err != nil {
		return err
	}
	return t.noteTaken(ctx, network)
}

// regroup has an instance be in these groups of its project and in no others.
func (t *tx) regroup(ctx context.Context, i Instance, names []string) error {
	groups, err := t.groupsByName(ctx, i.ProjectID, names)
	if err != nil {
		return err
	}
	is, err := memberTable.All(ctx, t.ReadTx, " WHERE m.instance_id = $1", i.ID)
	if err != nil {
		return err
	}
	var more []member
	for _, g := range groups {
		m := member{i.ID, g.ID}
		if at := slices.Index(is, m); at >= 0 {
			is = slices.Delete(is, at, at+1)
		} else {
			more = append(more, m)
		}
	}
	if len(is)+len(more) > 0 {
		t.aboutNetwork(i.NetworkID, i.ProjectID)
	}
	for _, m := range is {
		if _, err := t.door.DeleteWhere(ctx, memberTable.Name, sqlstore.That("instance_id = ? AND group_id = ?", m.instance, m.group)); err != nil {
			return err
		}
	}
	return memberTable.Insert(ctx, t.door, len(more), func(k int) *member { return &more[k] })
}
