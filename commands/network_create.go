package commands

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

type networkCreateOptions struct {
	FixedRange          netip.Prefix
	NumNetworks         int
	NetworkSize         uint64
	VLANStart, VPNStart int
	FixedRangeV6        netip.Prefix
	Manager             db.Manager
	UseIPv6, IPv6Only   bool
	Bridge, FlatBridge  string
	FlatDNS             netip.Addr
	VLANInterface       string
	FlatInterface       string
	VPNClients          int
	VPNIP, MyIP         netip.Addr
	NextFree            bool
	IfNotExists         bool
	DryRun              bool
	Reserve             []reservation
	networkValues
	fixedRangeFrom, numNetworksFrom, networkSizeFrom, fixedRangeV6From cli.Origin
	useIPv6From, bridgeFrom, vlanStartFrom, vpnStartFrom               cli.Origin
	vpnIPFrom, myIPFrom                                                cli.Origin

	spec db.NewNetworks // what the ledger is asked for
}

func networkCreate() *command {
	o := &networkCreateOptions{
		FixedRange: netip.MustParsePrefix("10.0.0.0/8"), NumNetworks: 1000, NetworkSize: 256, VLANStart: 100, VPNStart: 1000,
		FixedRangeV6: netip.MustParsePrefix("fd00::/48"), Manager: db.VlanManager, FlatBridge: "br100",
		FlatDNS: netip.MustParseAddr("8.8.4.4"), VLANInterface: "eth0",
	}
	positional := []*cli.Flag{
		range4(&o.FixedRange, "fixed_range", "the IPv4 block to carve networks from").Also("fixed_range_v4").From(&o.fixedRangeFrom),
		cli.Number(&o.NumNetworks, "num_networks", 1, 1<<28, "how many networks").From(&o.numNetworksFrom),
		cli.Typed(&o.NetworkSize, "network_size", parseSize, "how many addresses each has, a power of two").As("N").From(&o.networkSizeFrom),
		cli.Number(&o.VLANStart, "vlan_start", 0, 1<<31, "VlanManager: the first VLAN; if it is not given, the first from the default on "+
			"where so many are free in a row").Also("vlan").From(&o.vlanStartFrom),
		cli.Number(&o.VPNStart, "vpn_start", 0, 1<<31, "VlanManager: the first public VPN port; if it is not given, as with vlan_start").Also("vpn").From(&o.vpnStartFrom),
		range6(&o.FixedRangeV6, "fixed_range_v6", "the IPv6 block to take /64s from; giving it asks for IPv6, from its first /64 on; "+
			"in the default, the first that are free in a row").From(&o.fixedRangeV6From),
	}
	for _, f := range positional {
		f.EmptyIsDefault()
	}
	values := o.networkValues.flags() // the label is the first
	return &command{
		name:  "create",
		short: "carve networks from a range and record them",
		long: "Network i gets the i-th block of fixed_range. Under VlanManager it also gets the i-th /64 of fixed_range_v6, VLAN " +
			"vlan_start+i and VPN port vpn_start+i; under the flat managers all networks share flat_network_bridge and its one /64. " +
			"What of vlan_start, vpn_start and fixed_range_v6 is given means exactly that; what is not begins at the default or, where " +
			"that is taken, at the first place after it where all networks find room. " +
			"All networks are made or none. An empty argument means the default. --reserve +10 counts from each network's first " +
			"address: the IPv4 one, or that of its /64 if it has no IPv4.",
		examples: []string{
			"nova-manage network create 10.0.1.0/24 3 32 100 1000 fd00:1::/48",
			"nova-manage network create private 10.0.1.0/24 1 256 --network_manager FlatDHCPManager --bridge br0",
			"nova-manage network create --fixed_range 10.0.0.0/8 --num_networks 1 --next_free --project_id apollo",
			"nova-manage network create 10.0.1.0/24 3 32 --reserve +10-+20 --reserve 10.0.1.40",
			"nova-manage network create --ipv6_only --num_networks 4 --fixed_range_v6 2001:db8::/56",
		},
		args:    cli.Optionals(positional...),
		other:   labelFirst(values[0], positional),
		flags:   slices.Concat(positional, o.flags(), values),
		columns: cli.Fields(networkColumns),
		rows:    func() int { return o.spec.Count },
		ledger:  creates,
		dryRun:  &o.DryRun,
		check:   o.check,
		run:     o.run,
	}
}

// labelFirst is the form that the arguments had from Nova's 2011.3 on: LABEL, then fixed_range, num_networks and
// network_size. What came after these differed from release to release, and is given by flags.
func labelFirst(label *cli.Flag, positional []*cli.Flag) *cli.Form {
	fixedRange := positional[0]
	return &cli.Form{
		Args: append([]*cli.Arg{cli.Required(label), cli.Required(fixedRange)}, cli.Optionals(positional[1:3]...)...),
		// A first word that is no range is a label where a range comes after it. Where none does, a slip of the finger in the
		// range is more likely, and 1000 networks of the default one are not what is meant.
		Meant: func(words []string, typed func(*cli.Flag) bool) bool {
			if len(words) == 0 || words[0] == "" || newLabel(words[0]) != nil {
				return false
			}
			if len(words) == 1 {
				return typed(fixedRange)
			}
			_, err := netcalc.ParseSpan(words[1])
			return err == nil || strings.Contains(words[1], "/")
		},
	}
}

func (o *networkCreateOptions) flags() []*cli.Flag {
	return []*cli.Flag{
		cli.Typed(&o.Manager, "network_manager", parseManager, "how networks map to links").As("VlanManager|FlatManager|FlatDHCPManager").CompletesWords("VlanManager", "FlatManager", "FlatDHCPManager"),
		cli.Boolean(&o.UseIPv6, "use_ipv6", "give the networks IPv6").From(&o.useIPv6From),
		cli.Boolean(&o.IPv6Only, "ipv6_only", "give the networks no IPv4"),
		networkInterface(&o.Bridge, "bridge", "flat managers: the bridge, in place of flat_network_bridge; VlanManager: br<vlan>, as it "+
			"names the bridge of a network itself").From(&o.bridgeFrom),
		networkInterface(&o.FlatBridge, "flat_network_bridge", "flat managers: the bridge"),
		address(&o.FlatDNS, "flat_network_dns", netcalc.ParseAddr, "flat managers: dns1 where none is given").TakesEmpty(),
		networkInterface(&o.VLANInterface, "vlan_interface", "VlanManager: bridge_interface where none is given").TakesEmpty(),
		networkInterface(&o.FlatInterface, "flat_interface", "flat managers: bridge_interface where none is given").TakesEmpty(),
		cli.Number(&o.VPNClients, "cnt_vpn_clients", 0, 1<<20, "VlanManager: addresses at the end of each network kept for VPN clients"),
		ownAddress(&o.VPNIP, "vpn_ip", "VlanManager: the public address of VPNs").ByDefault("my_ip").From(&o.vpnIPFrom),
		ownAddress(&o.MyIP, "my_ip", "this host's address").ByDefault("the one that the default route uses").
			Computed(func(sys *cli.Sys) (string, error) { return sys.MyIP().String(), nil }).From(&o.myIPFrom),
		cli.TypedList(&o.Reserve, "reserve", parseReservation, "keep a range from guests: an address, FIRST-LAST or a CIDR, or an offset or "+
			"range like +10-+20 in every network; repeatable").As("RANGE"),
		cli.Boolean(&o.NextFree, "next_free", "take the first free slots, VLANs and ports, whatever is there already"),
		cli.Boolean(&o.IfNotExists, "if_not_exists", "accept networks that are there exactly as asked, create what is missing"),
	}
}

// reservation is a range in one of the networks, or an offset in each of them.
type reservation struct {
	span     *netcalc.Span
	relative *netcalc.RelativeSpan
}

func parseReservation(s string) (r reservation, err error) {
	if strings.HasPrefix(s, "+") {
		relative, err := netcalcValue(netcalc.ParseRelativeSpan)(s)
		return reservation{relative: &relative}, err
	}
	span, err := netcalcValue(netcalc.ParseSpan)(s)
	return reservation{span: &span}, err
}

// parseSize reads a network_size. Which sizes work depends on the manager; the rest is said where that is known.
func parseSize(s string) (uint64, error) {
	n, err := cli.ParseNumber(s, 0, 1<<32)
	return uint64(n), err
}

// parseManager reads the name of a manager, bare or as Nova's flagfiles have it, with its module.
func parseManager(s string) (db.Manager, error) {
	m := db.Manager(strings.TrimPrefix(s, "nova.network.manager."))
	managers := []string{string(db.VlanManager), string(db.FlatManager), string(db.FlatDHCPManager)}
	if !slices.Contains(managers, string(m)) {
		return "", cli.WithHint(fmt.Errorf("is not one of %s", strings.Join(managers, ", ")), cli.Suggest(string(m), managers))
	}
	return m, nil
}

func (o *networkCreateOptions) check(e *cli.Env) (err error) {
	if o.spec, err = o.asked(e); err != nil {
		return err
	}
	return o.spec.Validate()
}

func (o *networkCreateOptions) run(ctx context.Context, s *session) error {
	made, err := s.store.CreateNetworks(ctx, o.spec)
	if err != nil {
		return err
	}
	rest := "networks; `nova-manage network list` lists them all"
	if o.DryRun {
		rest = "networks that would be created; a pipe or -f csv shows them all"
	}
	return cli.PrintMade(s.Env, networkColumns, made, rest)
}

// asked translates the options into what the ledger understands.
func (o *networkCreateOptions) asked(e *cli.Env) (db.NewNetworks, error) {
	n := db.NewNetworks{
		Manager: o.Manager, Count: o.NumNetworks, VPNClients: o.VPNClients,
		Given: db.Network{Label: o.Label, ProjectID: o.ProjectID, Host: o.Host, BridgeInterface: o.BridgeInterface, DNS1: o.DNS1,
			DNS2: o.DNS2, Gateway: o.Gateway, GatewayV6: o.GatewayV6, MTU: o.MTU},
		NextFree: o.NextFree, IfNotExists: o.IfNotExists,
	}
	for _, r := range o.Reserve {
		if r.span != nil {
			n.Reserve = append(n.Reserve, *r.span)
		} else {
			n.ReserveOffsets = append(n.ReserveOffsets, *r.relative)
		}
	}
	if o.IPv6Only {
		if err := o.ipv6Only(&n); err != nil {
			return n, err
		}
	} else {
		bits, err := o.bits()
		if err != nil {
			return n, err
		}
		n.Range, n.Bits = o.FixedRange, bits
	}
	o.ipv6(e, &n)
	if o.Manager == db.VlanManager {
		return n, o.vlan(e, &n)
	}
	n.VPNClients = 0
	n.Bridge = cmp.Or(o.Bridge, o.FlatBridge)
	n.Default = db.Network{BridgeInterface: o.FlatInterface, DNS1: o.FlatDNS}
	return n, nil
}

// bits is the prefix length of network_size.
func (o *networkCreateOptions) bits() (int, error) {
	smallest := uint64(4) // network, gateway, a guest, broadcast
	if o.Manager == db.VlanManager {
		smallest = 8 // and the VPN, which leaves no power of two below
	}
	if o.NetworkSize < smallest {
		return 0, cli.UsageErrorf("network_size %d leaves no address for a guest: %d is the smallest that works with %s%s",
			o.NetworkSize, smallest, o.Manager, o.networkSizeFrom)
	}
	bits, err := netcalc.SizeBits(o.NetworkSize)
	var size *netcalc.SizeError
	if errors.As(err, &size) {
		return 0, cli.UsageErrorf("network_size %d is not a power of two: the nearest are %d and %d%s",
			size.Size, size.Below, size.Above, o.networkSizeFrom)
	}
	return bits, err
}

// ipv6Only checks that nothing of IPv4 was asked for.
func (o *networkCreateOptions) ipv6Only(n *db.NewNetworks) error {
	for _, given := range []struct {
		from  cli.Origin
		name  string
		value any
	}{
		{o.fixedRangeFrom, "fixed_range", o.FixedRange}, {o.networkSizeFrom, "network_size", o.NetworkSize}, {o.from.gateway, "gateway", o.Gateway},
	} {
		if given.from.OnCommandLine() {
			return cli.UsageErrorf("%s %v does not apply with --ipv6_only", given.name, given.value)
		}
	}
	if o.useIPv6From.IsSet() && !o.UseIPv6 && o.useIPv6From.OnCommandLine() {
		return cli.UsageErrorf("--ipv6_only and --nouse_ipv6 contradict each other")
	}
	n.VPNClients = 0
	n.Given.Gateway = netip.Addr{}
	if o.Manager != db.VlanManager && !o.numNetworksFrom.IsSet() {
		n.Count = 1 // the default of 1000 is for networks that IPv4 tells apart
	}
	return nil
}

// ipv6 decides whether the networks get IPv6 and from which range. A range that was typed asks for it, whatever a flagfile
// or a variable says for all networks; only what was typed beside it says otherwise.
func (o *networkCreateOptions) ipv6(e *cli.Env, n *db.NewNetworks) {
	asked := o.fixedRangeV6From.IsSet()
	switch {
	case o.IPv6Only, o.UseIPv6:
	case o.fixedRangeV6From.OnCommandLine() && !o.useIPv6From.OnCommandLine():
	case o.useIPv6From.IsSet():
		if asked {
			e.Warnf("fixed_range_v6 %s is not used: use_ipv6 is off%s; the networks get IPv4 only", o.FixedRangeV6, o.useIPv6From)
		}
		n.NoIPv6 = true
		return
	case !asked:
		return
	}
	n.RangeV6, n.RangeV6Asked = o.FixedRangeV6, asked
}

// vlan fills in what is VlanManager's own.
func (o *networkCreateOptions) vlan(e *cli.Env, n *db.NewNetworks) error {
	if o.bridgeFrom.OnCommandLine() { // a variable or a flagfile with one is for the flat managers
		n.Bridge = o.Bridge
	}
	n.VLANStart, n.VLANStartAsked = o.VLANStart, o.vlanStartFrom.IsSet()
	n.VPNStart, n.VPNStartAsked = o.VPNStart, o.vpnStartFrom.IsSet()
	n.Default = db.Network{BridgeInterface: o.VLANInterface}
	switch {
	case o.vpnIPFrom.IsSet():
		n.VPNAddress, n.VPNAddressAsked = o.VPNIP, true
	case o.myIPFrom.IsSet():
		n.VPNAddress, n.VPNAddressAsked = o.MyIP, true
	default:
		n.VPNAddress = e.Sys.MyIP()
	}
	return nil
}
