package dnsmasqgen

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"nova-manage/netcalc"
)

// Bounds of a lease time, in seconds. dnsmasq makes 120 of less (option.c), so that the file would say what is not so. Above a
// day an address that has moved is refused for longer than anybody would wait.
const minLease, maxLease = 120, 86400

// Validate reports the first value that dnsmasq would refuse, or accept and not act on: [ErrNothing] or a
// [*configfile.OptionError]. Of the hosts that is nearly everything: what is wrong in a line of theirs, `dnsmasq --test` does
// not see, and the daemon drops the line with an entry in its log.
func (c Config) Validate() error {
	checks := []func() error{c.validateSelf, c.validateUpstream, c.validateNetworks, c.validateLinks, c.validateLimits,
		c.validateHosts, c.validateRecords}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) validateSelf() error {
	if len(c.Networks) == 0 {
		return ErrNothing
	}
	if err := CheckDomain(c.Domain); err != nil {
		return err
	}
	if c.LeaseTime < minLease || c.LeaseTime > maxLease {
		return fail(nil, "lease time", strconv.FormatUint(uint64(c.LeaseTime), 10), fmt.Sprintf("must be %d to %d", minLease, maxLease))
	}
	// Its own default is the file of the distribution's service.
	paths := [...]struct{ option, path string }{{"pid-file", c.PIDFile}, {"dhcp-hostsfile", c.HostsFile}, {"addn-hosts", c.NamesFile}}
	for i, p := range paths {
		if i > 0 && p.path == "" {
			continue
		}
		if bound := pathBound(p.path); bound != "" {
			return fail(nil, p.option, strconv.Quote(p.path), bound)
		}
		for _, other := range paths[:i] {
			if other.path == p.path {
				return fail(nil, p.option, p.path, "must not be the file of "+other.option+" too")
			}
		}
	}
	return nil
}

// validateUpstream takes loopback addresses, where resolvers of the node itself listen (systemd-resolved at 127.0.0.53).
func (c Config) validateUpstream() error {
	if len(c.Upstream) > maxServers {
		return fail(nil, "server", "", fmt.Sprintf("must be at most %d", maxServers))
	}
	own := make(map[netip.Addr]bool)
	for i := range c.Networks {
		own[c.Networks[i].Router], own[c.Networks[i].GatewayV6] = true, true
	}
	for i, a := range c.Upstream {
		bound := ""
		switch {
		case !a.IsValid():
			bound = "must be an address"
		case a.Zone() != "" || a.Is4In6() || !a.IsLoopback() && !servable(a):
			bound = "must be an address that the node can ask"
		case own[a]:
			bound = "must not be the node's own address on a bridge: it would ask itself"
		case slices.Contains(c.Upstream[:i], a):
			bound = "must appear once"
		}
		if bound != "" {
			return fail(nil, "server", addrText(a), bound)
		}
	}
	return nil
}

func (c Config) validateLimits() error {
	most, why := optmemBridges, " while net.core.optmem_max is not raised"
	if c.OptmemRaised {
		most, why = MaxDHCPv6Bridges, ""
	}
	bridges := c.dhcpv6Bridges()
	if bridges > most {
		return fail(nil, "DHCPv6", fmt.Sprintf("on %d bridges", bridges), fmt.Sprintf("must be at most %d%s", most, why))
	}
	if bridges > 0 && c.DUID == [8]byte{} {
		return fail(nil, "dhcp-duid", "", "must be given where DHCPv6 is served")
	}
	if len(c.Hosts) > MaxHosts {
		return fail(nil, "hosts", strconv.Itoa(len(c.Hosts)), fmt.Sprintf("must be at most %d: reading them would take %.0f seconds",
			MaxHosts, ReloadSeconds(len(c.Hosts))))
	}
	return nil
}

// validateRecords keeps names to one address of each family. A second one would be served in turn with the first, so that a
// guest could share in the name of another.
func (c Config) validateRecords() error {
	type key struct {
		name string
		v4   bool
	}
	names := make(map[key]netip.Addr, 2*len(c.Records))
	leased := c.leasedNames()
	seen := make(map[netip.Addr]bool, len(c.Records))
	for i := range c.Records {
		r := &c.Records[i]
		if !servable(r.Addr) {
			return fail(nil, "record", addrText(r.Addr), "must be an address that a guest can have")
		}
		place := []string{"record " + r.Addr.String()}
		switch {
		case seen[r.Addr]:
			// PTR would be answered by the first of both.
			return fail(nil, "record", r.Addr.String(), "must appear once")
		case len(r.Names) == 0:
			// dnsmasq reads such a line of the file as nothing, and refuses it as a host-record.
			return fail(place, "name", "", "must be one at least")
		case len("host-record=")+len(strings.Join(r.Names, ","))+1+len(r.Addr.String()) > maxLine:
			return fail(place, "name", fmt.Sprintf("of %d", len(r.Names)), fmt.Sprintf("must fit into a line of %d bytes", maxLine))
		}
		seen[r.Addr] = true
		for _, name := range r.Names {
			bound := nameBound(name)
			if bound == "" && !within(name, c.Domain) {
				bound = "must be in " + c.Domain
			}
			k := key{name, r.Addr.Is4()}
			if other, taken := names[k]; bound == "" && taken {
				bound = "must not be the name of " + other.String() + " too"
			}
			if a, handed := leased[name]; bound == "" && handed && k.v4 && a != r.Addr {
				// dnsmasq would keep the record and give the lease no name.
				bound = "must be at " + a.String() + ", which is handed out with it"
			}
			if bound != "" {
				return fail(place, "name", strconv.Quote(name), bound)
			}
			names[k] = r.Addr
		}
	}
	return nil
}

// addrText is an address as the file would have it.
func addrText(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}

// servable tells whether guests can send packets to a, or have it. netcalc leaves a zone aside, which only its own host knows.
func servable(a netip.Addr) bool { return a.Zone() == "" && netcalc.CheckServableAddr(a) == nil }
