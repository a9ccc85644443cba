// Package dnsmasqgen turns typed values into the files of one dnsmasq for all bridges of a network node: the guests of the
// ledger, and nobody else, get their recorded addresses by DHCP and their names by DNS. It refuses every value that would
// break a file, that dnsmasq would refuse, or that dnsmasq would accept and then not act on. Where the values come from, how
// the files reach the disk, and when the daemon rereads them, is left to others.
//
// What is said here of dnsmasq was read in the source of 2.90, Debian 12's, and tried on it. Later releases are named where
// they differ.
package dnsmasqgen

import "errors"

// ErrNothing says that a [Config] has no network. Without one the file would name no interface, and dnsmasq would listen on
// all there are.
var ErrNothing = errors.New("nothing to serve: no network is configured")

// Limits of one dnsmasq, as measured with 2.90 on two cores.
const (
	// MaxHosts is how many guests are served: with as many, each reading of the hosts takes 17.5 s, in which nobody is
	// answered.
	MaxHosts = 100_000
	// SlowHosts is from where on a reload is worth a warning; see [ReloadSeconds].
	SlowHosts = 30_000
	// MaxDHCPv6Bridges is on how many bridges DHCPv6 has been seen to work, with the kernel's net.core.optmem_max at
	// OptmemMax: as many as there are VLANs.
	MaxDHCPv6Bridges = 4094
	// optmemBridges is how many work with the 128 KiB that kernels since 6.7 start with. Above, the daemon ends at its start
	// with "Cannot allocate memory": each bridge is a multicast group that its socket is in.
	optmemBridges = 2900
	// oldOptmemBridges is how many work with the 20 KiB of older kernels: 450, less some for groups of others.
	oldOptmemBridges = 400
	// raisedOptmem is enough for MaxDHCPv6Bridges.
	raisedOptmem = 1 << 20
	// maxServers bounds a list of DNS servers, so that no line comes near maxLine. A guest uses three (MAXNS in resolv.h).
	maxServers = 8
	// maxLine is what dnsmasq reads of a line (read_file in option.c; 1025 bytes with the terminating zero, and the line's
	// own end). The rest of a longer one is read as the next line.
	maxLine = 1023
	// maxLeases only has to be above two for each host, one of each family. dnsmasq's default, 1000 for all bridges
	// together, answers the guest after that with NAK. It is not counted from the hosts, because the main file would then
	// change with each guest, and the daemon would be restarted.
	maxLeases = 2 * MaxHosts
)

// ReloadSeconds estimates how long dnsmasq takes for reading that many hosts, at its start and at each SIGHUP. Nobody is
// answered meanwhile. The time is quadratic, since each host's address is compared with all before it.
func ReloadSeconds(hosts int) float64 {
	return 17.5 * float64(hosts) / MaxHosts * float64(hosts) / MaxHosts
}

// OptmemMax is what net.core.optmem_max has to be for c, in bytes, or 0 where the kernel's default is enough. Whoever
// sees to that sets [Config.OptmemRaised].
func (c Config) OptmemMax() int {
	if c.dhcpv6Bridges() <= oldOptmemBridges {
		return 0
	}
	return raisedOptmem
}

// DHCPv6Bridges holds the bridges on which addresses are handed out by DHCPv6, where the router advertisements must have the
// managed flag (AdvManagedFlag): without it no guest asks.
func (c Config) DHCPv6Bridges() map[string]bool {
	bridges := make(map[string]bool)
	for i := range c.Networks {
		if n := &c.Networks[i]; n.DHCPv6 {
			bridges[n.Bridge] = true
		}
	}
	return bridges
}

func (c Config) dhcpv6Bridges() int { return len(c.DHCPv6Bridges()) }

// Sockets is how many files dnsmasq has open when it serves c: it answers DNS over UDP and TCP at each address of the
// bridges, link-local ones included. Queries that it forwards need some more, for which spareFiles is room. Above the limit
// (1024 unless somebody raises it) it ends at its start with "Too many open files".
func (c Config) Sockets() int {
	type at struct{ bridge, address string }
	addresses := make(map[at]bool)
	for i := range c.Networks {
		n := &c.Networks[i]
		addresses[at{n.Bridge, "link-local"}] = true // the kernel gives it, also to a bridge that has IPv4 only
		if n.CIDR.IsValid() {
			addresses[at{n.Bridge, n.Router.String()}] = true
		}
		if n.CIDRv6.IsValid() {
			addresses[at{n.Bridge, n.GatewayV6.String()}] = true
		}
	}
	return 2*len(addresses) + ownFiles
}

const (
	// ownFiles are standard input, output and error, both DHCP sockets, those for router advertisements, netlink and
	// inotify, a pipe for signals, and the log's.
	ownFiles = 16
	// spareFiles is for 150 forwarded queries (dns-forward-max), each from a port of its own, and 20 children for TCP.
	spareFiles = 512
)
