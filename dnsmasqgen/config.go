package dnsmasqgen

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"nova-manage/internal/configfile"
	"nova-manage/netcalc"
)

// Config is what one dnsmasq 2.90 or later serves. Networks, hosts and records are written in their order.
//
// The main file depends on hosts and records only where HostsFile or NamesFile is empty. With both, a new guest changes the
// two files that dnsmasq rereads at SIGHUP, and no restart is needed.
type Config struct {
	Networks []Network
	Hosts    []Host
	Records  []Record
	// Domain is the zone that dnsmasq answers for, Nova's dhcp_domain, in lower case. All names are in it.
	Domain string
	// LeaseTime is in seconds, 120 (dnsmasq takes less for that) to 86400. An address that has moved to another MAC is refused
	// to it until the old lease has run out, and for as long a removed guest's name is answered: it is as short as can be.
	LeaseTime uint32
	// Upstream are the servers for all other names. Without any they are those of the node's /etc/resolv.conf.
	Upstream []netip.Addr
	// DUID tells this DHCPv6 server from others and must stay the same for ever. It is not zero where DHCPv6 is served. A good
	// one is a hash of what the node is to the ledger.
	DUID [8]byte
	// OptmemRaised says that net.core.optmem_max is at least OptmemMax.
	OptmemRaised bool
	// HostsFile and NamesFile are where AppendHosts and AppendNames go (dhcp-hostsfile, addn-hosts); the daemon rereads them
	// as user nobody. Where one is empty the main file holds its lines, so that it works by itself.
	HostsFile, NamesFile string
	PIDFile              string
}

// Network is what the guests of one network are told. It has IPv4, IPv6, or both.
type Network struct {
	ID     int64 // above 0
	Bridge string
	// Domain is the part of the zone in which its guests are, such as apollo.novalocal; empty for the zone itself.
	Domain string
	// DNS are its servers, of both families. For a family of which there is none it is the node: Router, GatewayV6.
	DNS []netip.Addr

	CIDR   netip.Prefix // IPv4
	Router netip.Addr   // the node's address in CIDR
	First  netip.Addr   // dhcp_start
	MTU    int          // in bytes, or 0 to say nothing; guests of IPv6 are told by router advertisements

	CIDRv6    netip.Prefix // a /64, which several networks of one bridge may share
	GatewayV6 netip.Addr   // the node's address in CIDRv6
	// DHCPv6 is whether addresses are handed out in CIDRv6. Without it the guests have SLAAC's.
	DHCPv6 bool
}

// Host is a guest's port: what it gets by DHCP. A guest that gets neither address is not listed.
type Host struct {
	Network int64
	MAC     netcalc.MAC
	// Label is the guest's name in its network's domain, in lower case; see CheckLabel. It has to be a name there that no
	// other guest has.
	Label string
	IPv4  netip.Addr
	IPv6  netip.Addr // only where DHCPv6 hands it out; one that SLAAC gives is not
}

// Record is an address in DNS: Names lead to it, and it leads to the first of them.
type Record struct {
	Addr  netip.Addr
	Names []string // full names in the zone, in lower case
}

// Append validates c and appends its main file to b. On an error, [Config.Validate]'s, it returns b as it was.
//
// Nothing is escaped: what Validate lets through needs no quotes.
func (c Config) Append(b []byte) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return b, err
	}
	b = append(b, configfile.Header...)
	b = c.appendInterfaces(b)
	b = c.appendDNS(b)
	b = c.appendDHCP(b)
	links := make(map[int64]*linkV6)
	for _, l := range c.linksV6() {
		if l.served {
			links[l.first] = l
		}
	}
	for i := range c.Networks {
		n := &c.Networks[i]
		l, withIPv6 := links[n.ID]
		if !n.CIDR.IsValid() && !withIPv6 {
			continue // its guests have SLAAC's addresses, and DNS
		}
		b = group(b, "Network "+strconv.FormatInt(n.ID, 10)+", "+n.Bridge+".")
		if n.CIDR.IsValid() {
			b = c.appendIPv4(b, n)
		}
		if withIPv6 {
			b = c.appendIPv6(b, n.tag(), l)
		}
	}
	if c.HostsFile == "" && len(c.Hosts) > 0 {
		b = group(b, "The guests.")
		b = c.appendHosts(b, "dhcp-host=")
	}
	if c.NamesFile == "" && len(c.Records) > 0 {
		b = group(b, "Their names.")
		for i := range c.Records {
			r := &c.Records[i]
			b = option(b, "host-record", strings.Join(r.Names, ",")+","+r.Addr.String())
		}
	}
	return b, nil
}

// AppendHosts validates c and appends the file of its hosts to b, or returns b as it was with Validate's error.
func (c Config) AppendHosts(b []byte) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return b, err
	}
	return c.appendHosts(append(b, configfile.Header...), ""), nil
}

// AppendNames validates c and appends the file of its records to b, or returns b as it was with Validate's error. The file
// has the form of /etc/hosts, where the first name of an address is the one that PTR gives (hosts(5)).
func (c Config) AppendNames(b []byte) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return b, err
	}
	b = append(b, configfile.Header...)
	for i := range c.Records {
		r := &c.Records[i]
		b = r.Addr.AppendTo(b)
		for _, name := range r.Names {
			b = append(append(b, ' '), name...)
		}
		b = append(b, '\n')
	}
	return b, nil
}

// appendHosts writes a line for each address and not one for both. The name belongs to the IPv4 line alone: dnsmasq makes a
// DNS name of each lease that has one, in the domain of the lease's address, and a /64 of a flat network has guests of
// several domains, so that one project's name would be answered in another's place. DNS knows a guest by its records. That
// two lines with one MAC do not hide each other is is_config_in_context's doing (dhcp-common.c).
//
// A tag (set:, net:) never stands here: 2.90 dies by SIGSEGV at a SIGHUP after the guest of such a line was served.
func (c Config) appendHosts(b []byte, prefix string) []byte {
	domains := c.domains()
	for i := range c.Hosts {
		h := &c.Hosts[i]
		mac := h.MAC.String()
		if h.IPv4.IsValid() {
			b = append(append(append(b, prefix...), mac...), ',')
			// With its domain, because a bare name can be a lease time ("5m", "100"), "ignore" or an address to dnsmasq.
			b = append(append(append(b, h.Label...), '.'), domains[h.Network]...)
			b = h.IPv4.AppendTo(append(b, ','))
			b = append(b, '\n')
		}
		if h.IPv6.IsValid() {
			b = append(append(b, prefix...), mac...)
			b = h.IPv6.AppendTo(append(b, ",["...))
			b = append(b, "]\n"...)
		}
	}
	return b
}

func (c Config) appendInterfaces(b []byte) []byte {
	// bind-dynamic and not bind-interfaces, with which dnsmasq ends where a bridge is missing.
	b = group(b, "The bridges and nothing else, also those that are made later.")
	b = append(b, "bind-dynamic\nexcept-interface=lo\n"...)
	var bridges []string
	for i := range c.Networks {
		bridges = append(bridges, c.Networks[i].Bridge)
	}
	slices.SortFunc(bridges, configfile.CompareNames)
	for _, name := range slices.Compact(bridges) {
		b = option(b, "interface", name)
	}
	return b
}

func (c Config) appendDNS(b []byte) []byte {
	b = group(b, "DNS: names of guests are answered from here alone, and none without a domain is asked elsewhere.")
	b = append(b, "no-hosts\ndomain-needed\n"...)
	b = option(b, "local", "/"+c.Domain+"/")
	// Names are unique in a project only. With dhcp-fqdn a lease has no name without its domain.
	b = append(b, "dhcp-fqdn\n"...)
	b = option(b, "domain", c.Domain)
	if len(c.Upstream) > 0 {
		b = append(b, "no-resolv\n"...)
	}
	for _, a := range c.Upstream {
		b = option(b, "server", a.String())
	}
	if c.NamesFile != "" {
		b = option(b, "addn-hosts", c.NamesFile)
	}
	return b
}

func (c Config) appendDHCP(b []byte) []byte {
	// Without dhcp-authoritative a renewal after a restart gets NAK, because leasefile-ro has forgotten the lease.
	b = group(b, "DHCP: the ledger has the leases. Only who is in it gets an address, and under the name that is written there.")
	b = append(b, "leasefile-ro\ndhcp-authoritative\ndhcp-ignore-names\n"...)
	b = option(b, "dhcp-lease-max", strconv.Itoa(maxLeases))
	if c.dhcpv6Bridges() > 0 {
		// With leasefile-ro dnsmasq would make its DUID of some interface's MAC, even a guest's, and another one after a
		// restart. It can be given a DUID-EN alone (RFC 8415 section 11.3), whose enterprise number we do not have: 0 is
		// reserved and nobody's. Clients only compare the whole (section 11).
		b = option(b, "dhcp-duid", "0,"+colons(c.DUID[:]))
	}
	if c.HostsFile != "" {
		b = option(b, "dhcp-hostsfile", c.HostsFile)
	}
	return option(b, "pid-file", c.PIDFile)
}

// appendIPv4 writes what is served to IPv4. Netmask and broadcast are part of the range because dnsmasq would otherwise take
// them from the bridge's address, which may come later, and guessed them wrong at times (Nova's bug 1154929).
func (c Config) appendIPv4(b []byte, n *Network) []byte {
	if n.Domain != "" {
		b = option(b, "domain", n.Domain+","+n.CIDR.String())
	}
	tag := n.tag()
	b = option(b, "dhcp-range", strings.Join([]string{"set:" + tag, n.First.String(), "static", netmask(n.CIDR.Bits()).String(),
		lastOf(n.CIDR).String(), c.lease()}, ","))
	b = option(b, "dhcp-option", "tag:"+tag+",option:router,"+n.Router.String())
	b = option(b, "dhcp-option", "tag:"+tag+",option:dns-server,"+joinAddrs(orNode(ofFamily(n.DNS, netip.Addr.Is4), n.Router)))
	if n.MTU != 0 {
		b = option(b, "dhcp-option", "tag:"+tag+",option:mtu,"+strconv.Itoa(n.MTU))
	}
	return b
}

// lease is the lease time as dhcp-range has it.
func (c Config) lease() string { return strconv.FormatUint(uint64(c.LeaseTime), 10) + "s" }
