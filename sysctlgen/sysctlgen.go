// Package sysctlgen turns the interfaces of a network node into a sysctl.d file, by which the node's kernel forwards for
// the guests on its bridges and learns nothing from them. It refuses every name that would break the file or set something
// else. Where the names come from, and how the file reaches the disk, is left to others.
//
// What is said here of the kernel is in its Documentation/networking/ip-sysctl.rst or was tried on 6.18.
package sysctlgen

import (
	"strings"

	"nova-manage/internal/configfile"
)

// Config is a sysctl.d file for a network node: it makes the node a router, keeps its uplinks as they are, and keeps
// its bridges from being configured by their guests. The bridges and uplinks are written in their order.
type Config struct {
	// Uplinks are the interfaces over which the node learns its own default route by router advertisement. One that is
	// missing when the file is applied is complained of; created later, it starts without router advertisements, until
	// the file is applied to it (systemd does so for every interface that appears).
	Uplinks []string
	// Bridges are all bridges that the node may have to serve. They need not exist yet.
	Bridges []string
}

// Validate reports the first name that cannot be an interface's (see [configfile.CheckInterfaceName]), is listed twice,
// or is both an uplink and a bridge: what is right for one is wrong for the other, and of two lines for one key the last
// would win. The error is a [*configfile.OptionError].
func (c Config) Validate() error {
	role := make(map[string]string, len(c.Uplinks)+len(c.Bridges))
	check := func(as string, names []string) error {
		for _, name := range names {
			if err := configfile.CheckInterfaceName(as, name); err != nil {
				return err
			}
			switch role[name] {
			case "":
				role[name] = as
			case as:
				return &configfile.OptionError{Option: as, Value: name, Bound: "must appear once"}
			default:
				return &configfile.OptionError{Option: as, Value: name, Bound: "must not be an " + role[name] + " too"}
			}
		}
		return nil
	}
	if err := check("uplink", c.Uplinks); err != nil {
		return err
	}
	return check("bridge", c.Bridges)
}

// Append validates c and appends its sysctl.d file to b. On an error, [Config.Validate]'s, it returns b as it was.
//
// The order is part of the contract (Documentation/networking/ip-sysctl.rst of the kernel): every line is right only
// after those before it. sysctl -p and systemd-sysctl both keep it within a file.
func (c Config) Append(b []byte) ([]byte, error) {
	if err := c.Validate(); err != nil {
		return b, err
	}
	b = append(b, configfile.Header...)
	b = group(b, "IPv4 forwarding comes first: changing it resets other parameters to their router defaults.")
	b = append(b, "net.ipv4.ip_forward = 1\n"...)
	if len(c.Uplinks) > 0 {
		b = group(b, "A router ignores router advertisements except where accept_ra is 2. Set before forwarding, it keeps",
			"the default route that an uplink has learnt.")
		for _, name := range c.Uplinks {
			// No leading "-": with a mistyped name the node would lose its default route, and nobody would be told. Every
			// other line is applied all the same.
			b = appendKey(b, name, "accept_ra", "2")
		}
	}
	// When this goes from 0 to 1 the kernel drops the default routes that interfaces have learnt where accept_ra is not 2
	// by then (rt6_purge_dflt_routers in net/ipv6/route.c).
	b = group(b, "IPv6 forwarding, on every interface there is and will be.")
	b = append(b, "net.ipv6.conf.all.forwarding = 1\n"...)
	// Forwarding alone makes an accept_ra of 1 count as 0, but not one of 2, which a distribution may have set.
	b = group(b, "Learn nothing from router advertisements. \"all\" by itself changes no interface; \"default\" is what",
		"bridges created later start from.")
	b = append(b, "net.ipv6.conf.all.accept_ra = 0\nnet.ipv6.conf.default.accept_ra = 0\n"...)
	if len(c.Bridges) > 0 {
		// disable_ipv6 comes last of the three: switching IPv6 on solicits routers, and by then no answer is taken.
		//
		// systemd-sysctl is silent about a missing key with "-". sysctl of procps 4.0 ends with 1 instead, unless it is
		// given -e, but goes on too.
		b = group(b, "Take no route and no address from guests, then have IPv6 ready for the gateway's address. The leading",
			"\"-\" passes over a bridge that does not exist yet; sysctl -p mentions it and goes on.")
		for _, name := range c.Bridges {
			// autoconf makes addresses of the prefixes in an advertisement (RFC 4862 section 5.5.3). Off, a bridge gets none
			// from a guest even after somebody has set accept_ra again.
			for _, kv := range [...][2]string{{"accept_ra", "0"}, {"autoconf", "0"}, {"disable_ipv6", "0"}} {
				b = append(b, '-')
				b = appendKey(b, name, kv[0], kv[1])
			}
		}
	}
	return b, nil
}

// group begins what belongs together with an empty line and its reason. The reason is in the file, since that is where
// somebody reads it who is about to change a line.
func group(b []byte, comment ...string) []byte {
	b = append(b, '\n')
	for _, line := range comment {
		b = append(b, "# "...)
		b = append(b, line...)
		b = append(b, '\n')
	}
	return b
}

// appendKey writes one setting of an interface. A name with a dot needs slashes between the parts of the key, because
// the first separator decides which of the two it is (sysctl.d(5)): in net.ipv6.conf.eth0.7.accept_ra each dot would be
// a folder's end. Other names are written with dots, as everybody does.
func appendKey(b []byte, name, key, value string) []byte {
	sep := byte('.')
	if strings.Contains(name, ".") {
		sep = '/'
	}
	for _, part := range [...]string{"net", "ipv6", "conf", name} {
		b = append(b, part...)
		b = append(b, sep)
	}
	b = append(b, key...)
	b = append(b, " = "...)
	b = append(b, value...)
	return append(b, '\n')
}
