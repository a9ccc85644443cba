package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"

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

// networkColumns are the columns of a Network, in the order of scanNetwork and Network.values.
var networkColumns = []string{"id", "first", "label", "manager", "cidr", "netmask", "gateway", "broadcast", "dhcp_start", "bridge",
	"bridge_interface", "vlan", "vpn_public_address", "vpn_public_port", "vpn_private_address", "cidr_v6", "gateway_v6",
	"dns1", "dns2", "mtu", "project_id", "host", "vpn_clients", "created_at", "updated_at"}

var selectNetworks = "SELECT " + strings.Join(networkColumns, ", ") + " FROM networks"

func (n *Network) values(v []any) {
	var updated any
	if !n.UpdatedAt.IsZero() {
		updated = formatTime(n.UpdatedAt)
	}
	copy(v, []any{n.ID, key(n.first()), text(n.Label), string(n.Manager), prefixText(n.CIDR), addrText(n.Netmask), addrText(n.Gateway),
		addrText(n.Broadcast), addrText(n.DHCPStart), n.Bridge, text(n.BridgeInterface), number(n.VLAN), addrText(n.VPNPublicAddress),
		number(n.VPNPublicPort), addrText(n.VPNPrivateAddress), prefixText(n.CIDRv6), addrText(n.GatewayV6), addrText(n.DNS1),
		addrText(n.DNS2), number(n.MTU), text(n.ProjectID), text(n.Host), n.VPNClients, formatTime(n.CreatedAt), updated})
}

func scanNetwork(rows *sql.Rows) (n Network, err error) {
	var (
		first                                                      []byte
		label, cidr, netmask, gateway, broadcast, dhcp, bridgeIf   sql.NullString
		vpnAddr, vpnPrivate, cidr6, gateway6, dns1, dns2, prj, hst sql.NullString
		vlan, port, mtu                                            sql.NullInt64
		manager, created                                           string
		updated                                                    sql.NullString
	)
	if err := rows.Scan(&n.ID, &first, &label, &manager, &cidr, &netmask, &gateway, &broadcast, &dhcp, &n.Bridge, &bridgeIf, &vlan,
		&vpnAddr, &port, &vpnPrivate, &cidr6, &gateway6, &dns1, &dns2, &mtu, &prj, &hst, &n.VPNClients, &created, &updated); err != nil {
		return n, err
	}
	n.Label, n.Manager, n.BridgeInterface, n.ProjectID, n.Host = label.String, Manager(manager), bridgeIf.String, prj.String, hst.String
	n.VLAN, n.VPNPublicPort, n.MTU = int(vlan.Int64), int(port.Int64), int(mtu.Int64)
	var p parser
	p.prefix(&n.CIDR, cidr)
	p.prefix(&n.CIDRv6, cidr6)
	p.addr(&n.Netmask, netmask)
	p.addr(&n.Gateway, gateway)
	p.addr(&n.Broadcast, broadcast)
	p.addr(&n.DHCPStart, dhcp)
	p.addr(&n.VPNPublicAddress, vpnAddr)
	p.addr(&n.VPNPrivateAddress, vpnPrivate)
	p.addr(&n.GatewayV6, gateway6)
	p.addr(&n.DNS1, dns1)
	p.addr(&n.DNS2, dns2)
	p.time(&n.CreatedAt, sql.NullString{String: created, Valid: true})
	p.time(&n.UpdatedAt, updated)
	if p.err != nil {
		return n, fmt.Errorf("network %d: %w", n.ID, p.err)
	}
	return n, nil
}

// parser reads optional columns and keeps the first error: an ErrCorrupt, for what is stored was valid once.
type parser struct{ err error }

func (p *parser) addr(to *netip.Addr, s sql.NullString)     { parse(p, to, s, netip.ParseAddr) }
func (p *parser) prefix(to *netip.Prefix, s sql.NullString) { parse(p, to, s, netip.ParsePrefix) }
func (p *parser) time(to *time.Time, s sql.NullString)      { parse(p, to, s, parseTime) }

func parse[T any](p *parser, to *T, s sql.NullString, read func(string) (T, error)) {
	if !s.Valid || p.err != nil {
		return
	}
	var err error
	if *to, err = read(s.String); err != nil {
		p.err = corruptf("%q is no value of its column: %v", s.String, err)
	}
}

// NetworkFilter chooses networks; an empty field lets all pass.
type NetworkFilter struct {
	ProjectID string
	Host      string
	Bridge    string
}

func (f NetworkFilter) where() (clause string, args []any) {
	var conditions []string
	for _, c := range []struct{ column, value string }{{"project_id", f.ProjectID}, {"host", f.Host}, {"bridge", f.Bridge}} {
		if c.value != "" {
			args = append(args, c.value)
			conditions = append(conditions, fmt.Sprintf("%s = $%d", c.column, len(args)))
		}
	}
	if conditions == nil {
		return "", nil
	}
	return " WHERE " + strings.Join(conditions, " AND "), args
}

// Networks yields networks in address order, IPv4 before IPv6, one row in memory at a time. An error ends the sequence.
func (s *Store) Networks(ctx context.Context, f NetworkFilter) iter.Seq2[Network, error] {
	where, args := f.where()
	return stream(ctx, s, scanNetwork, selectNetworks+where+" ORDER BY first", args...)
}

// errStop ends a transaction whose reader wants no more rows.
var errStop = errors.New("stop")

// stream yields what scan makes of each row of a query, one row in memory at a time.
func stream[T any](ctx context.Context, s *Store, scan func(*sql.Rows) (T, error), query string, args ...any) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		err := s.view(ctx, func(ctx context.Context, t *tx) error {
			rows, err := t.QueryContext(ctx, query, args...)
			if err != nil {
				return err
			}
			defer rows.Close()
			for rows.Next() {
				v, err := scan(rows)
				if err != nil {
					return err
				}
				if !yield(v, nil) {
					return errStop
				}
			}
			return rows.Err()
		})
		if err != nil && err != errStop {
			var none T
			yield(none, err)
		}
	}
}

// FindNetworks returns the networks that refs name, in the order of refs, each once. A ref is an id, a CIDR of either
// family or a label. Errors: ErrNotFound, and ErrConflict where a ref names more than one network.
func (s *Store) FindNetworks(ctx context.Context, refs ...string) (found []Network, err error) {
	err = s.view(ctx, func(ctx context.Context, t *tx) error {
		found, err = t.findNetworks(ctx, refs)
		return err
	})
	return found, err
}

func (t *tx) findNetworks(ctx context.Context, refs []string) ([]Network, error) {
	return eachOnce(refs, func(ref string) (Network, error) { return t.findNetwork(ctx, ref) }, func(n Network) int64 { return n.ID })
}

func (t *tx) findNetwork(ctx context.Context, ref string) (Network, error) {
	where, args, err := networkRef(ref)
	if err != nil {
		return Network{}, err
	}
	// A flat bridge's IPv6 prefix may name a hundred thousand networks; a few are enough to say so.
	found, err := collect(ctx, t, scanNetwork, selectNetworks+where+" ORDER BY first LIMIT 4", args...)
	switch {
	case err != nil:
		return Network{}, err
	case len(found) == 0:
		return Network{}, notFoundf("there is no network %s", quoteRef(ref))
	case len(found) > 1:
		return Network{}, conflictf("%s names more than one network: %s", quoteRef(ref), aFew(found, Network.Name)).
			hint("name one by its id")
	}
	return found[0], nil
}

// networkRef translates a NETWORK argument into a condition on networks.
func networkRef(ref string) (where string, args []any, err error) {
	// As it is printed: +1 and 01 are a slip of the finger, which must not choose what is deleted.
	if id, err := strconv.ParseInt(ref, 10, 64); err == nil && strconv.FormatInt(id, 10) == ref {
		return " WHERE id = $1", []any{id}, nil
	}
	p, err := netcalc.ParsePrefix(ref)
	var hostBits *netcalc.HostBitsError
	switch {
	case errors.As(err, &hostBits), err != nil && strings.Contains(ref, "/"): // no label holds a slash
		return "", nil, invalid(err)
	case err != nil:
		return " WHERE label = $1", []any{ref}, nil
	case p.Addr().Is4():
		return " WHERE first = $1 AND cidr = $2", []any{key(p.Addr()), p.String()}, nil
	}
	return " WHERE cidr_v6 = $2 AND bridge = (SELECT bridge FROM bridges WHERE first_v6 = $1)", []any{key(p.Addr()), p.String()}, nil
}

// quoteRef shows what somebody typed: as it is where it is plain, quoted where it is not.
func quoteRef(s string) string {
	if q := strconv.Quote(s); q != `"`+s+`"` || s == "" || strings.ContainsRune(s, ' ') {
		return q
	}
	return s
}
