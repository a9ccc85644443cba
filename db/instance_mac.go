package db

import (
	"context"
	"crypto/rand"
	"net/netip"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// macSource makes the MACs of new instances on a network, and the IPv6 addresses that follow from them.
type macSource struct {
	view
	network Network
	given   netcalc.MAC
	used    map[netcalc.MAC]bool
	random  []byte
	of      int64 // the instance that is to have them, where it is there already: what it holds is not taken

	// What every guest of the link hears of, also on a network without IPv6: the prefix and its routers.
	prefix  netip.Prefix
	routers []netip.Addr
}

func (t view) macSource(ctx context.Context, network Network, given netcalc.MAC) (*macSource, error) {
	link, err := t.bridge(ctx, network.Bridge)
	if err != nil {
		return nil, err
	}
	routers, err := t.routersOn(ctx, network.Bridge)
	return &macSource{view: t, network: network, given: given, used: map[netcalc.MAC]bool{}, prefix: link.cidrV6, routers: routers}, err
}

// next returns the MAC that was given, or one that nobody has, and its EUI-64 address; the address is zero where the
// network has no IPv6.
func (m *macSource) next(ctx context.Context) (netcalc.MAC, netip.Addr, error) {
	if m.given != (netcalc.MAC{}) {
		a, err := m.check(ctx, m.given)
		return m.given, a, err
	}
	const attempts = 1000 // 8 million MACs: it takes as many only when nearly all are used
	var err error
	for range attempts {
		mac := m.generate()
		if m.used[mac] {
			continue
		}
		var a netip.Addr
		if a, err = m.check(ctx, mac); err == nil {
			m.used[mac] = true
			return mac, a, nil
		}
		if !isConflict(err) {
			return mac, a, err
		}
	}
	return netcalc.MAC{}, netip.Addr{}, conflictf(ErrExhausted, "no MAC in Nova's range 02:16:3e is left: %v", err)
}

// generate returns a random MAC as Nova made them: 02:16:3e, the next bit zero, 23 random bits.
func (m *macSource) generate() netcalc.MAC {
	if len(m.random) < 3 {
		m.random = make([]byte, 3*256)
		rand.Read(m.random) // never fails
	}
	mac := netcalc.MAC{0x02, 0x16, 0x3e, m.random[0] & 0x7f, m.random[1], m.random[2]}
	m.random = m.random[3:]
	return mac
}

// check refuses a MAC that an instance has, or whose EUI-64 address is taken: its guest would take it all the same.
func (m *macSource) check(ctx context.Context, mac netcalc.MAC) (a netip.Addr, err error) {
	taken, there, err := sqlstore.Value[string](ctx, m.ReadTx, "name FROM instances WHERE mac_address = $1", mac.String())
	if err != nil {
		return a, err
	}
	if there {
		return a, conflictf(ErrInUse, "MAC %s is instance %s's", mac, taken)
	}
	if !m.prefix.IsValid() {
		return a, nil
	}
	if a, err = netcalc.EUI64(m.prefix, mac); err != nil {
		return a, err
	}
	if role := m.network.Role(a); role != "" {
		return a, conflictf(ErrReserved, "MAC %s would give itself %s, which %s keeps (%s)", mac, a, m.network.Name(), role)
	}
	if slices.Contains(m.routers, a) {
		return a, conflictf(ErrReserved, "MAC %s would give itself %s, which a router of bridge %s has", mac, a, m.network.Bridge)
	}
	if err = m.checkHeld(ctx, a); err != nil {
		return a, err
	}
	if !m.network.CIDRv6.IsValid() {
		a = netip.Addr{}
	}
	return a, nil
}

// checkHeld refuses an address that is reserved or that another instance holds.
func (m *macSource) checkHeld(ctx context.Context, a netip.Addr) error {
	r, ok, err := m.addressAt(ctx, a)
	if err != nil || !ok || r.state == stateHeld && r.instance == m.of {
		return err
	}
	return m.inUse(ctx, a, r)
}

// checkRecorded refuses to record an IPv6 address for an instance with that MAC: outside the network's prefix, the
// network's own or a router's, held or reserved, or the one that the guest of another MAC will give itself.
func (m *macSource) checkRecorded(ctx context.Context, a netip.Addr, mac netcalc.MAC) error {
	network := m.network
	if !network.CIDRv6.Contains(a) {
		return conflictf(ErrUnfit, "fixed_ip_v6 %s is not in %s", a, network.Name())
	}
	if role := network.Role(a); role != "" {
		return conflictf(ErrReserved, "fixed_ip_v6 %s is not for guests: %s keeps it (%s)", a, network.Name(), role)
	}
	if slices.Contains(m.routers, a) {
		return conflictf(ErrReserved, "fixed_ip_v6 %s is not for guests: a router of bridge %s has it", a, network.Bridge)
	}
	if err := m.checkHeld(ctx, a); err != nil {
		return err
	}
	if other, err := netcalc.MACFromEUI64(a); err == nil && other == mac {
		return nil
	}
	return m.refuseGuestsOwn(ctx, network.Bridge, a, m.of)
}

// refuseGuestsOwn refuses an IPv6 address that a guest on the bridge gives itself, other than the instance except.
func (t view) refuseGuestsOwn(ctx context.Context, bridge string, a netip.Addr, except int64) error {
	mac, err := netcalc.MACFromEUI64(a)
	if err != nil {
		return nil
	}
	i, ok, err := t.guestWith(ctx, mac, bridge)
	if err != nil || !ok || i.ID == except {
		return err
	}
	return conflictf(ErrInUse, "%s is what instance %s gives itself: its MAC is %s", a, i.Name, mac)
}

// guestWith returns the instance on a bridge that has a MAC.
func (t view) guestWith(ctx context.Context, mac netcalc.MAC, bridge string) (Instance, bool, error) {
	return instanceTable.One(ctx, t.ReadTx,
		" JOIN networks n ON n.id = i.network_id WHERE i.mac_address = $1 AND n.bridge = $2", mac.String(), bridge)
}
