package db

import (
	"context"
	"net/netip"

	"nova-manage/netcalc"
)

// Identity is what the ledger knows of an address or a MAC. What does not apply is the zero value.
type Identity struct {
	Address netip.Addr // the address asked about; zero where that was a MAC
	// Span is the addresses that it is about where a range was asked about and they are no whole CIDR.
	Span netcalc.Span
	Kind string // fixed or floating address, mac; of a range or a project also network, bridge, floating_range, unclaimed or instance
	// State is network, gateway, vpn, broadcast, reserved, held, released or free; of a range also in_use.
	State string
	// NetworkID is also 0 where several networks share the IPv6 prefix of their bridge and no instance tells which.
	NetworkID int64
	CIDR      netip.Prefix // the network's, of the address's family, or the floating range's
	VLAN      int
	Bridge    string
	// MAC is the instance's, or the one in the interface identifier of an IPv6 address.
	MAC netcalc.MAC
	// Instance has the address or the MAC, or will give itself the address by its MAC; its ID is 0 if there is none.
	Instance  Instance
	ProjectID string // the instance's, else the network's
	Host      string // the instance's, else the network's; a floating range's own
	Pool      string // of a floating address
}

// What an Identity is about.
const (
	kindFixed    = "fixed"
	kindFloating = "floating"
	kindMAC      = "mac"

	kindNetwork       = "network"        // a block of a network, of either family
	kindBridge        = "bridge"         // an IPv6 prefix that several networks share
	kindFloatingRange = "floating_range" // public addresses
	kindUnclaimed     = "unclaimed"      // what no network and no floating range has
	kindInstance      = "instance"
)

// Whois says what the ledger knows of an address. Error: ErrNotFound where it is in no network and no floating range.
func (s *Store) Whois(ctx context.Context, a netip.Addr) (id Identity, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		id, err = t.whois(ctx, a)
		return err
	})
	return id, err
}

// WhoisMAC says what the ledger knows of a MAC. Error: ErrNotFound where no instance has it.
func (s *Store) WhoisMAC(ctx context.Context, m netcalc.MAC) (id Identity, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		i, ok, err := instanceTable.One(ctx, t.ReadTx, " WHERE i.mac_address = $1", m.String())
		if err != nil {
			return err
		}
		if !ok {
			return notFoundf("no instance has MAC %s", m)
		}
		n, err := t.networkBy(ctx, "id", i.NetworkID)
		if err != nil {
			return err
		}
		id = Identity{Kind: kindMAC, State: stateHeld, CIDR: n.CIDR, Bridge: n.Bridge, VLAN: n.VLAN}
		if !n.CIDR.IsValid() {
			id.CIDR = n.CIDRv6
		}
		id.of(n, i)
		return nil
	})
	return id, err
}

func (t view) whois(ctx context.Context, a netip.Addr) (Identity, error) {
	c, ok, err := t.claimAround(ctx, a)
	if err != nil {
		return Identity{}, err
	}
	if !ok {
		err := notFoundf("%s is in no network and no floating range", a)
		if m, ok := guestOf(a); ok {
			err = err.Try(WayLookUpMAC, m, m)
		}
		return Identity{}, err
	}
	id := Identity{Address: a, State: stateFree}
	row, known, err := t.addressAt(ctx, a)
	if err != nil {
		return id, err
	}
	if known {
		id.State = row.state
	}
	var i Instance
	if row.instance != 0 && known {
		if i, err = t.instanceByID(ctx, row.instance); err != nil {
			return id, err
		}
	}
	if c.kind == claimFloating {
		return t.whoisFloating(ctx, id, c, i)
	}
	return t.whoisFixed(ctx, id, c, i)
}

// guestOf returns the MAC of the guest that gives itself an address.
func guestOf(a netip.Addr) (netcalc.MAC, bool) {
	m, err := netcalc.MACFromEUI64(a)
	return m, err == nil && m.CheckUnicast() == nil
}

func (t view) whoisFloating(ctx context.Context, id Identity, c claim, i Instance) (Identity, error) {
	r, err := t.floatingRangeAt(ctx, c.First)
	if err != nil {
		return id, err
	}
	if role := r.Role(id.Address); role != "" {
		id.State = role
	}
	id.of(Network{}, i)
	id.Kind, id.CIDR, id.Pool, id.Host = kindFloating, r.CIDR, r.Pool, r.Host
	return id, nil
}

func (t view) whoisFixed(ctx context.Context, id Identity, c claim, i Instance) (Identity, error) {
	p, err := t.fixedPart(ctx, c)
	if err != nil {
		return id, err
	}
	if p.Span = (netcalc.Span{First: id.Address, Last: id.Address}); !p.forGuests() {
		id.State = p.roles()[0]
	}
	id.Kind = kindFixed
	if id.CIDR, err = netip.ParsePrefix(c.prefix); err != nil {
		return id, err
	}
	id.Bridge, id.VLAN = p.network.Bridge, p.network.VLAN
	n := p.network
	if c.kind == claimBridge {
		b, _, err := t.bridgeAt(ctx, c.First)
		if err != nil {
			return id, err
		}
		id.Bridge, id.VLAN = b.name, b.vlan
		if i, err = t.guestOn(ctx, b, &id, i); err != nil {
			return id, err
		}
		if i.ID != 0 {
			n, err = t.networkBy(ctx, "id", i.NetworkID)
		} else {
			n, err = t.onlyNetworkWith(ctx, id.CIDR)
		}
		if err != nil {
			return id, err
		}
	}
	id.of(n, i)
	return id, nil
}

// guestOn fills in the MAC in an IPv6 address and returns the instance on the bridge that has it, unless there is one
// already that holds the address.
func (t view) guestOn(ctx context.Context, b bridge, id *Identity, holder Instance) (Instance, error) {
	m, ok := guestOf(id.Address)
	if holder.ID != 0 || !ok {
		return holder, nil
	}
	id.MAC = m
	i, _, err := t.guestWith(ctx, m, b.name)
	return i, err
}

// of fills in what follows from the network and the instance, either of which may be none.
func (id *Identity) of(n Network, i Instance) {
	id.NetworkID, id.ProjectID, id.Host, id.Instance = n.ID, n.ProjectID, n.Host, i
	if i.ID == 0 {
		return
	}
	id.MAC, id.ProjectID = i.MAC, i.ProjectID
	if i.Host != "" {
		id.Host = i.Host
	}
}
