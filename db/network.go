package db

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// Manager is one of Nova's network managers. It decides how networks map to links.
type Manager string

// The managers of Nova 2011.1.
const (
	VlanManager     Manager = "VlanManager"     // one bridge, one VLAN and one IPv6 /64 per network
	FlatManager     Manager = "FlatManager"     // all networks on one bridge, which has one IPv6 /64
	FlatDHCPManager Manager = "FlatDHCPManager" // as FlatManager, with a DHCP server
)

// Network is one carved tenant network. A value that it does not have is the zero value.
type Network struct {
	ID                int64
	Label             string
	Manager           Manager
	CIDR              netip.Prefix // IPv4
	Netmask           netip.Addr
	Gateway           netip.Addr
	Broadcast         netip.Addr
	DHCPStart         netip.Addr // the first address a guest may have
	Bridge            string
	BridgeInterface   string
	VLAN              int
	VPNPublicAddress  netip.Addr
	VPNPublicPort     int
	VPNPrivateAddress netip.Addr
	CIDRv6            netip.Prefix // a /64
	GatewayV6         netip.Addr
	DNS1, DNS2        netip.Addr
	MTU               int // bytes
	ProjectID         string
	Host              string
	VPNClients        int // addresses below the broadcast kept for VPN clients
	CreatedAt         time.Time
	UpdatedAt         time.Time
}

// Name is how messages name the network: its prefix, or both.
func (n Network) Name() string {
	name := n.CIDR.String()
	switch {
	case !n.CIDR.IsValid():
		name = n.CIDRv6.String()
	case n.CIDRv6.IsValid():
		name += ", " + n.CIDRv6.String()
	}
	return fmt.Sprintf("network %d (%s)", n.ID, name)
}

// first is where the network stands in the order of addresses.
func (n Network) first() netip.Addr {
	if n.CIDR.IsValid() {
		return n.CIDR.Addr()
	}
	return n.CIDRv6.Addr()
}

// layout is where the derived addresses belong, with gateway in the place of the usual one if it is valid.
func (n Network) layout(gateway netip.Addr) (netcalc.Layout, error) {
	if n.Manager == VlanManager {
		return netcalc.VlanLayout(n.CIDR, gateway, uint64(n.VPNClients))
	}
	return netcalc.FlatLayout(n.CIDR, gateway)
}

// place fills in the IPv4 columns that follow from the prefix, the manager and the gateway.
func (n *Network) place(gateway netip.Addr) error {
	l, err := n.layout(gateway)
	if err != nil {
		return err
	}
	n.Netmask, n.Gateway, n.Broadcast, n.DHCPStart, n.VPNPrivateAddress = l.Netmask, l.Gateway, l.Broadcast, l.DHCPStart, l.VPN
	return nil
}

// What an MTU may be: a link that carries IPv6 has at least 1280 bytes (RFC 8200 §5); 65535 is what a bridge takes.
const MinMTU, MaxMTU = 1280, 65535

// networkTable is the table networks but for `taken`, which says how far a network is open and is not a part of what it is.
var networkTable = &sqlstore.Table[Network]{
	Name: "networks", Alias: "n",
	Columns: []sqlstore.Column[Network]{
		sqlstore.Col("id", func(n *Network) *int64 { return &n.ID }, number),
		sqlstore.Derived("first", func(n *Network) any { return key(n.first()) }),
		sqlstore.Col("label", func(n *Network) *string { return &n.Label }, optText),
		sqlstore.Col("manager", func(n *Network) *Manager { return &n.Manager }, textAs[Manager]()),
		sqlstore.Col("cidr", func(n *Network) *netip.Prefix { return &n.CIDR }, optPrefix),
		sqlstore.Col("netmask", func(n *Network) *netip.Addr { return &n.Netmask }, optAddr),
		sqlstore.Col("gateway", func(n *Network) *netip.Addr { return &n.Gateway }, optAddr),
		sqlstore.Col("broadcast", func(n *Network) *netip.Addr { return &n.Broadcast }, optAddr),
		sqlstore.Col("dhcp_start", func(n *Network) *netip.Addr { return &n.DHCPStart }, optAddr),
		sqlstore.Col("bridge", func(n *Network) *string { return &n.Bridge }, text),
		sqlstore.Col("bridge_interface", func(n *Network) *string { return &n.BridgeInterface }, optText),
		sqlstore.Col("vlan", func(n *Network) *int { return &n.VLAN }, optWhole),
		sqlstore.Col("vpn_public_address", func(n *Network) *netip.Addr { return &n.VPNPublicAddress }, optAddr),
		sqlstore.Col("vpn_public_port", func(n *Network) *int { return &n.VPNPublicPort }, optWhole),
		sqlstore.Col("vpn_private_address", func(n *Network) *netip.Addr { return &n.VPNPrivateAddress }, optAddr),
		sqlstore.Col("cidr_v6", func(n *Network) *netip.Prefix { return &n.CIDRv6 }, optPrefix),
		sqlstore.Col("gateway_v6", func(n *Network) *netip.Addr { return &n.GatewayV6 }, optAddr),
		sqlstore.Col("dns1", func(n *Network) *netip.Addr { return &n.DNS1 }, optAddr),
		sqlstore.Col("dns2", func(n *Network) *netip.Addr { return &n.DNS2 }, optAddr),
		sqlstore.Col("mtu", func(n *Network) *int { return &n.MTU }, optWhole),
		sqlstore.Col("project_id", func(n *Network) *string { return &n.ProjectID }, optText),
		sqlstore.Col("host", func(n *Network) *string { return &n.Host }, optText),
		sqlstore.Col("vpn_clients", func(n *Network) *int { return &n.VPNClients }, whole),
		sqlstore.Col("created_at", func(n *Network) *time.Time { return &n.CreatedAt }, moment),
		sqlstore.Col("updated_at", func(n *Network) *time.Time { return &n.UpdatedAt }, optMoment),
	},
	Describe: func(n *Network) string { return fmt.Sprintf("network %d", n.ID) },
}

// NetworkFilter chooses networks; an empty field lets all pass, one that names nothing in the ledger is ErrNotFound.
type NetworkFilter struct {
	ProjectID string
	Host      string
	Bridge    string
	Wanted    Wanted // as NetworksIndexed takes it
}

func (f NetworkFilter) where() *sqlstore.Where {
	return new(sqlstore.Where).If("project_id", f.ProjectID).If("host", f.Host).If("bridge", f.Bridge)
}

// Networks yields networks in address order, IPv4 before IPv6, or in the one that is wanted, one row in memory at a time. An error ends the sequence.
func (s *Store) Networks(ctx context.Context, f NetworkFilter) iter.Seq2[Network, error] {
	return stream(ctx, s, func(ctx context.Context, t view) iter.Seq2[Network, error] {
		if err := (known{project: f.ProjectID, host: f.Host, bridge: f.Bridge}).check(ctx, t); err != nil {
			return failed[Network](err)
		}
		return wantedRows(ctx, t, networkTable, NetworksIndexed, f.where, f.Wanted)
	})
}

// FindNetworks returns the networks that refs name, in the order of refs, each once. A ref is an id, a CIDR of either
// family or a label. Errors: ErrNotFound, and ErrConflict where a ref names more than one network.
func (s *Store) FindNetworks(ctx context.Context, refs ...string) (found []Network, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		found, err = t.findNetworks(ctx, refs)
		return err
	})
	return found, err
}

func (t view) findNetworks(ctx context.Context, refs []string) ([]Network, error) {
	return eachOnce(refs, func(ref string) (Network, error) { return t.findNetwork(ctx, ref) }, func(n Network) int64 { return n.ID })
}

func (t view) findNetwork(ctx context.Context, ref string) (Network, error) {
	where, err := networkRef(ref)
	if err != nil {
		return Network{}, err
	}
	// A flat bridge's IPv6 prefix may name a hundred thousand networks; a few are enough to say so.
	found, err := networkTable.All(ctx, t.ReadTx, where.String()+" ORDER BY first LIMIT 4", where.Args()...)
	switch {
	case err != nil:
		return Network{}, err
	case len(found) == 0:
		return Network{}, notFoundf("there is no network %s", quoteRef(ref))
	case len(found) > 1:
		return Network{}, conflictf(ErrAmbiguous, "%s names more than one network: %s", quoteRef(ref), aFew(found, Network.Name)).
			Try(WayNameByID)
	}
	return found[0], nil
}

// networkRef translates a NETWORK argument into a condition on networks.
func networkRef(ref string) (*sqlstore.Where, error) {
	// As it is printed: +1 and 01 are a slip of the finger, which must not choose what is deleted.
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil && strconv.FormatInt(id, 10) == ref {
		return sqlstore.That("id = ?", id), nil
	}
	p, err := netcalc.ParsePrefix(ref)
	var hostBits *netcalc.HostBitsError
	switch {
	case errors.As(err, &hostBits), err != nil && strings.Contains(ref, "/"): // no label holds a slash
		return nil, invalid(err)
	case err != nil:
		return sqlstore.That("label = ?", ref), nil
	case p.Addr().Is4():
		return sqlstore.That("first = ? AND cidr = ?", key(p.Addr()), p.String()), nil
	}
	return sqlstore.That("cidr_v6 = ? AND bridge = (SELECT bridge FROM bridges WHERE first_v6 = ?)", p.String(), key(p.Addr())), nil
}

// networkBy returns the network with a value in a unique column.
func (t view) networkBy(ctx context.Context, column string, value any) (Network, error) {
	n, ok, err := networkTable.One(ctx, t.ReadTx, " WHERE "+column+" = $1", value)
	if err == nil && !ok {
		err = corruptf("no network has %s %v, though the ledger counts one", column, value)
	}
	return n, err
}

// eachOnce finds what refs name, in their order, each thing once.
func eachOnce[T any](refs []string, find func(ref string) (T, error), id func(T) int64) (found []T, err error) {
	seen := map[int64]bool{}
	for _, ref := range refs {
		v, err := find(ref)
		if err != nil {
			return nil, err
		}
		if !seen[id(v)] {
			seen[id(v)] = true
			found = append(found, v)
		}
	}
	return found, nil
}
