package db_test

import (
	"errors"
	"net/netip"
	"testing"

	"nova-manage/db"
	"nova-manage/netcalc"
)

// What address arithmetic refuses is told by its fields also through the ledger's errors, whose messages name the argument.
func TestValueError(t *testing.T) {
	networks := func(change func(*db.NewNetworks)) error {
		n := db.NewNetworks{Manager: db.VlanManager, Count: 1, Range: netip.MustParsePrefix("10.0.1.0/24"), Bits: 27, VLANStart: 100, VPNStart: 1000}
		change(&n)
		return n.Validate()
	}
	for _, c := range []struct {
		err                    error
		message, value, reason string
	}{
		{networks(func(n *db.NewNetworks) { n.Range = netip.MustParsePrefix("224.0.0.0/24") }),
			"fixed_range 224.0.0.0/24 is in 224.0.0.0/4, multicast (RFC 5771): a network node cannot serve it",
			"224.0.0.0/24", "is in 224.0.0.0/4, multicast (RFC 5771): a network node cannot serve it"},
		{networks(func(n *db.NewNetworks) { n.RangeV6 = netip.MustParsePrefix("fd00::/64"); n.Count = 2 }),
			"fixed_range_v6 fd00::/64 holds 1 network of /64: 2 are asked for", "fd00::/64", "holds 1 network of /64: 2 are asked for"},
		{networks(func(n *db.NewNetworks) { n.ReserveOffsets = []netcalc.RelativeSpan{{First: 64, Last: 64}} }),
			"reserve +64 is not inside 10.0.1.0/27", "+64", "is not inside 10.0.1.0/27"},
		{networks(func(n *db.NewNetworks) { n.Given.Gateway = netip.MustParseAddr("10.0.1.0") }),
			"gateway 10.0.1.0 is the network address of 10.0.1.0/27", "10.0.1.0", "is the network address of 10.0.1.0/27"},
		{db.FloatingRange{CIDR: netip.MustParsePrefix("127.0.0.0/8")}.Validate(),
			"127.0.0.0/8 is in 127.0.0.0/8, loopback (RFC 6890 §2.2.2): a network node cannot serve it",
			"127.0.0.0/8", "is in 127.0.0.0/8, loopback (RFC 6890 §2.2.2): a network node cannot serve it"},
		{db.NewInstances{Names: []string{"web"}, MAC: netcalc.MAC{1}}.Validate(),
			"MAC address 01:00:00:00:00:00 is a multicast address: a unicast address is expected",
			"01:00:00:00:00:00", "is a multicast address: a unicast address is expected"},
	} {
		var refused *netcalc.ValueError
		switch {
		case c.err == nil || c.err.Error() != c.message || !errors.Is(c.err, db.ErrInvalid):
			t.Errorf("error %v, want %s", c.err, c.message)
		case !errors.As(c.err, &refused) || refused.Value != c.value || refused.Reason != c.reason:
			t.Errorf("%v: fields %+v, want %q and %q", c.err, refused, c.value, c.reason)
		}
	}
}
