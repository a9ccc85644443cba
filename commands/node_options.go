//go:build linux

package commands

import (
	"errors"
	"net/netip"
	"path"
	"strings"

	"nova-manage/dnsmasqgen"
	"nova-manage/internal/cli"
	"nova-manage/internal/configfile"
	"nova-manage/netcalc"
)

// nodeOptions are what a network node's files depend on besides the ledger. All commands about a node take those that concern them
// from here, so that one flagfile on the node serves them all.
type nodeOptions struct {
	Host          string
	Uplinks       []string
	UplinkDHCP    bool
	NetworkFiles  []networkFile
	Style         string
	DHCPDomain    string
	LeaseTime     int
	DNSServers    []netip.Addr
	DMZ           []netip.Prefix
	RoutingSource netip.Addr
	Metadata      netip.AddrPort
	TrustedPorts  []string
}

// The styles of link files: the three programs that make links on Debian and Ubuntu.
const (
	styleNetworkd = "networkd"
	styleIfupdown = "ifupdown"
	styleNetplan  = "netplan"
)

func newNodeOptions() nodeOptions {
	return nodeOptions{Style: styleNetworkd, DHCPDomain: "novalocal", LeaseTime: 120}
}

// networkFile says which .network file configures a link.
type networkFile struct{ link, file string }

// uplinkFlag declares the interfaces that lead outside.
func uplinkFlag(into *[]string, usage string) *cli.Flag {
	return cli.TypedList(into, "uplink", interfaceName("uplink"), usage+"; repeatable").As("IFACE").Also("public_interface")
}

func interfaceName(what string) func(string) (string, error) {
	return boundOf(func(s string) error { return configfile.CheckInterfaceName(what, s) })
}

// linkFlags are about files that make links.
func (o *nodeOptions) linkFlags() []*cli.Flag {
	return []*cli.Flag{
		cli.Choice(&o.Style, "style", []string{styleNetworkd, styleIfupdown, styleNetplan}, "which program makes the node's links"),
		cli.Boolean(&o.UplinkDHCP, "uplink_dhcp", "the uplinks get their addresses by DHCP, and networkd is to keep them when it reads its files again"),
		cli.TypedList(&o.NetworkFiles, "network_file", parseNetworkFile,
			"the .network file by which networkd configures an interface that bridges are on, or an uplink; repeatable").
			As("IFACE=FILE").ByDefault("10-IFACE.network with emit, the one in use with host"),
	}
}

// parseNetworkFile reads IFACE=FILE.
func parseNetworkFile(s string) (networkFile, error) {
	link, file, found := strings.Cut(s, "=")
	if !found || file == "" || path.Base(file) != file || path.Ext(file) != ".network" {
		return networkFile{}, errors.New("is not IFACE=FILE, such as eth0=10-eth0.network")
	}
	_, err := interfaceName("interface")(link)
	return networkFile{link, file}, err
}

// dhcpFlags are about what dnsmasq tells guests.
func (o *nodeOptions) dhcpFlags() []*cli.Flag {
	return []*cli.Flag{
		cli.Typed(&o.DHCPDomain, "dhcp_domain", parseDomain, "the domain of the guests' names").As("DOMAIN"),
		cli.Number(&o.LeaseTime, "dhcp_lease_time", 120, 86400, "how many seconds a guest has its address before it asks again"),
		cli.TypedList(&o.DNSServers, "dns_server", func(s string) (netip.Addr, error) {
			a, err := netcalcValue(netcalc.ParseAddr)(s)
			if err != nil {
				return a, err
			}
			return a, reasonFor(s, netcalc.CheckServableAddr(a))
		}, "where the node asks for names that are not its guests'; repeatable").As("ADDRESS").ByDefault("the node's own resolv.conf"),
	}
}

// parseDomain reads the domain of the guests' names. DNS does not tell capitals from small letters (RFC 4343).
func parseDomain(s string) (string, error) {
	return boundOf(dnsmasqgen.CheckDomain)(strings.ToLower(s))
}

// filterFlags are about the packet filter and NAT.
func (o *nodeOptions) filterFlags() []*cli.Flag {
	return []*cli.Flag{
		cli.TypedList(&o.DMZ, "dmz_cidr", netcalcValue(netcalc.ParsePrefix), "destinations that see guests' own addresses; repeatable").As("CIDR"),
		cli.Typed(&o.RoutingSource, "routing_source_ip", netcalcValue(netcalc.ParseAddr4),
			"the address that guests without a floating one have outside").As("ADDRESS").ByDefault("the uplink's own"),
		cli.Typed(&o.Metadata, "metadata", parseMetadata, "what answers guests' requests to http://169.254.169.254/").As("ADDRESS:PORT"),
		cli.TypedList(&o.TrustedPorts, "trusted_port", interfaceName("port"),
			"a port of a bridge behind which a router or DHCP server of somebody else may be; repeatable").As("IFACE"),
	}
}

// parseMetadata reads the address and port of a metadata service, for IPv4 alone: 169.254.169.254 has no counterpart.
func parseMetadata(s string) (netip.AddrPort, error) {
	p, err := netip.ParseAddrPort(s)
	if err != nil || !p.Addr().Is4() || p.Port() == 0 {
		return p, errors.New("is not ADDRESS:PORT of IPv4, such as 192.0.2.10:8775")
	}
	return p, reasonFor(p.Addr().String(), netcalc.CheckServableAddr(p.Addr()))
}

// flags are all of them, but those that choose the node and the outputs.
func (o *nodeOptions) flags() []*cli.Flag {
	var all []*cli.Flag
	for _, part := range [][]*cli.Flag{{uplinkFlag(&o.Uplinks, "an interface over which the node reaches the outside")},
		o.linkFlags(), o.dhcpFlags(), o.filterFlags()} {
		all = append(all, part...)
	}
	return all
}

// uplink is the interface for floating addresses that name none, "" where none is known.
func (o *nodeOptions) uplink() string {
	if len(o.Uplinks) == 0 {
		return ""
	}
	return o.Uplinks[0]
}
