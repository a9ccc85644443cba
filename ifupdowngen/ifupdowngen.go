// Package ifupdowngen turns the links of a network node into a file for ifupdown, as in /etc/network/interfaces.d: VLANs,
// bridges with their gateway addresses, and floating addresses. It refuses what ifupdown, or a script that it runs, would
// take for something else; ifupdown itself checks nothing and ends with 0. How the file reaches the disk, and who brings
// links up and down, is left to others: ifupdown has no reload.
//
// The node needs the packages bridge-utils and vlan, whose scripts make bridges and VLANs, and iproute2. What is said here
// of them was tried on ifupdown 0.8.41, bridge-utils 1.7.1 and vlan 2.0.5, those of Debian 12.
package ifupdowngen

import (
	"net/netip"
	"strconv"

	"nova-manage/internal/configfile"
	"nova-manage/internal/links"
)

// Validate reports the first value that is wrong whatever makes the links (see [links.Config.Validate]), then a port that
// the script of bridge-utils would read as one of its words. The error is a [*configfile.OptionError].
func Validate(c links.Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	for i := range c.Bridges {
		b := &c.Bridges[i]
		switch b.Port() {
		case "none", "regex", "noregex": // bridge_parse_ports in bridge-utils.sh; no link at all can be called "all"
			return &configfile.OptionError{Place: []string{"bridge " + b.Name}, Option: "parent", Value: b.Parent,
				Bound: "must not be a word of bridge-utils"}
		}
	}
	return nil
}

// Append validates the links and appends their file to b. On an error, [Validate]'s, it returns b as it was.
//
// A link that has gone from the file must be brought down before, with the old file; a floating address that has gone is
// taken off by hand: `ip route del local ADDRESS dev nova-float`, `ip neigh del proxy ADDRESS dev UPLINK`.
func Append(b []byte, c links.Config) ([]byte, error) {
	if err := Validate(c); err != nil {
		return b, err
	}
	b = append(b, configfile.Header...)
	for i := range c.Bridges {
		b = appendBridge(b, &c.Bridges[i])
	}
	return appendFloating(b, &c), nil
}

// stanza begins an iface stanza.
func stanza(b []byte, link, family, method string) []byte {
	return append(b, "iface "+link+" "+family+" "+method+"\n"...)
}

func option(b []byte, key, value string) []byte { return append(b, "\t"+key+" "+value+"\n"...) }

// auto begins what there is of a link: it comes up when the node starts.
func auto(b []byte, link string) []byte { return append(b, "\nauto "+link+"\n"...) }

func appendBridge(b []byte, bridge *links.Bridge) []byte {
	if port := bridge.VLANName(); port != "" {
		b = auto(b, port)
		b = stanza(b, port, "inet", "manual")
		b = option(b, "vlan-raw-device", bridge.Parent) // the script takes the VLAN's number from the name
	}
	name := bridge.Name
	b = auto(b, name)
	// The stanza that makes the bridge has no address, so that there is one whatever the addresses are. Stanzas of one link
	// are brought up in their order.
	b = stanza(b, name, "inet", "manual")
	b = appendBridgeOptions(b, name, bridge.Port())
	// A bridge takes the lowest of its ports' MAC addresses for its own, unless it is given one: guests would lose their
	// gateway whenever another one comes.
	b = option(b, "up", `ip link set dev `+name+` address "$(cat /sys/class/net/`+name+`/address)"`)
	if bridge.MTU != 0 {
		// The key "mtu" would be the port's as well.
		b = option(b, "up", "ip link set dev "+name+" mtu "+strconv.Itoa(bridge.MTU))
	}
	for _, p := range bridge.AllAddresses() {
		b = appendAddress(b, name, p)
	}
	return b
}

// appendBridgeOptions writes what makes a bridge that forwards at once; package networkdgen says why.
func appendBridgeOptions(b []byte, name, port string) []byte {
	if port == "" {
		port = "none"
	}
	b = option(b, "bridge_ports", port)
	b = option(b, "bridge_stp", "off")
	b = option(b, "bridge_fd", "0")
	// Otherwise the start of the node waits until the ports forward.
	b = option(b, "bridge_maxwait", "0")
	return option(b, "up", "ip link set dev "+name+" type bridge mcast_snooping 0")
}

func appendAddress(b []byte, name string, p netip.Prefix) []byte {
	if p.Addr().Is4() {
		return option(stanza(b, name, "inet", "static"), "address", p.String())
	}
	b = option(stanza(b, name, "inet6", "static"), "address", p.String())
	b = option(b, "accept_ra", "0") // and autoconf with it
	// Without carrier the address would stay tentative, and nobody could bind it; with 0 attempts ifupdown says "nodad".
	return option(b, "dad-attempts", "0")
}

// appendFloating writes the link of floating addresses. The IPv6 ones are proxied on their uplinks, and are here because
// an uplink's own stanza is not ours.
func appendFloating(b []byte, c *links.Config) []byte {
	if len(c.Floating) == 0 {
		return b
	}
	b = auto(b, links.FloatingLink)
	b = stanza(b, links.FloatingLink, "inet", "manual")
	b = appendBridgeOptions(b, links.FloatingLink, "")
	for _, a := range c.FloatingIPv4() {
		b = option(b, "up", "ip route replace local "+a.String()+"/32 dev "+links.FloatingLink)
	}
	for _, u := range c.Uplinks {
		addresses := c.FloatingIPv6(u.Name)
		if addresses == nil {
			continue
		}
		// With slashes, because the name may have a dot in it.
		b = option(b, "up", "sysctl -q -w net/ipv6/conf/"+u.Name+"/proxy_ndp=1")
		for _, a := range addresses {
			b = option(b, "up", "ip -6 neigh replace proxy "+a.String()+" dev "+u.Name)
		}
	}
	return b
}
