// Package netplangen turns the links of a network node into a file for netplan, as in /etc/netplan: VLANs, bridges with
// their gateway addresses, and the routes that make floating IPv4 addresses the node's own. How the file reaches the disk
// (with mode 0600, or netplan complains), and who applies it, is left to others.
//
// Netplan has no word for some of what package networkdgen says: that a gateway_v6 is to be used before the bridge has
// carrier, that multicast is not to be snooped, that the uplink keeps its addresses meanwhile, and floating IPv6 addresses.
// The last two are in the drop-ins of [networkdgen.DropIns], where netplan's links are systemd-networkd's. As long as a
// bridge has no port with carrier its gateway_v6 is tentative.
//
// What is said here of netplan was tried on 0.106, that of Debian 12.
package netplangen

import (
	"slices"
	"strconv"

	"nova-manage/internal/configfile"
	"nova-manage/internal/links"
)

// Validate reports the first value that is wrong whatever makes the links (see [links.Config.Validate]), then a bridge or
// parent whose name netplan would take for a key. The error is a [*configfile.OptionError].
func Validate(c links.Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	for i := range c.Bridges {
		b := &c.Bridges[i]
		// Among the links of a kind it is the key that says who makes them.
		const key = "renderer"
		if b.Name == key || b.Parent == key {
			return &configfile.OptionError{Option: "link", Value: key, Bound: "must not be a key of netplan"}
		}
	}
	return nil
}

// Append validates the links and appends their file to b. On an error, [Validate]'s, it returns b as it was.
//
// Every parent must be defined for netplan. An uplink is, by a file that is not ours, and by whatever kind it has there;
// any other parent is defined here, as an Ethernet link without a configuration.
func Append(b []byte, c links.Config) ([]byte, error) {
	if err := Validate(c); err != nil {
		return b, err
	}
	b = append(b, configfile.Header...)
	b = append(b, "network:\n  version: 2\n"...)
	b = appendParents(b, &c)
	b = appendVLANs(b, &c)
	return appendBridges(b, &c), nil
}

// quoted is a text in double quotes, in which a name cannot be a number or a truth value, whatever the reader's version of
// YAML. Nothing is escaped: neither names nor addresses have anything in them that needs it.
func quoted(s string) string { return `"` + s + `"` }

func list(items []string) string {
	text := "["
	for i, item := range items {
		if i > 0 {
			text += ", "
		}
		text += quoted(item)
	}
	return text + "]"
}

// link begins the mapping of a link, and key writes what is in it.
func link(b []byte, name string) []byte { return append(b, "    "+quoted(name)+":\n"...) }

func key(b []byte, name, value string) []byte { return append(b, "      "+name+": "+value+"\n"...) }

func appendParents(b []byte, c *links.Config) []byte {
	var parents []string
	for i := range c.Bridges {
		parent := c.Bridges[i].Parent
		isUplink := slices.ContainsFunc(c.Uplinks, func(u links.Uplink) bool { return u.Name == parent })
		if parent != "" && !isUplink && !slices.Contains(parents, parent) {
			parents = append(parents, parent)
		}
	}
	if parents == nil {
		return b
	}
	b = append(b, "  ethernets:\n"...)
	for _, name := range parents {
		b = append(b, "    "+quoted(name)+": {}\n"...)
	}
	return b
}

func appendVLANs(b []byte, c *links.Config) []byte {
	begun := false
	for i := range c.Bridges {
		bridge := &c.Bridges[i]
		if bridge.VLAN == 0 {
			continue
		}
		if !begun {
			b = append(b, "  vlans:\n"...)
			begun = true
		}
		b = link(b, bridge.VLANName())
		b = key(b, "id", strconv.Itoa(bridge.VLAN))
		b = key(b, "link", quoted(bridge.Parent))
		b = key(b, "link-local", "[]")
		b = key(b, "accept-ra", "false")
		b = key(b, "optional", "true") // the start of the node does not wait for it
	}
	return b
}

func appendBridges(b []byte, c *links.Config) []byte {
	floating := c.FloatingIPv4()
	if len(c.Bridges) == 0 && floating == nil {
		return b
	}
	b = append(b, "  bridges:\n"...)
	for i := range c.Bridges {
		bridge := &c.Bridges[i]
		b = link(b, bridge.Name)
		if port := bridge.Port(); port != "" {
			b = key(b, "interfaces", list([]string{port}))
		}
		if len(bridge.Addresses) > 0 {
			var addresses []string
			for _, p := range bridge.AllAddresses() {
				addresses = append(addresses, p.String())
			}
			b = key(b, "addresses", list(addresses))
		}
		if bridge.MTU != 0 {
			b = key(b, "mtu", strconv.Itoa(bridge.MTU))
		}
		local := "[]"
		if bridge.HasIPv6() && !bridge.LinkLocal.IsValid() {
			local = `["ipv6"]` // radvd advertises from it
		}
		b = appendBridgeKeys(b, local)
	}
	if floating != nil {
		b = link(b, links.FloatingLink)
		b = appendBridgeKeys(b, "[]")
		b = append(b, "      routes:\n"...)
		for _, a := range floating {
			b = append(b, "        - to: "+quoted(a.String()+"/32")+"\n          type: local\n"...)
		}
	}
	return b
}

// appendBridgeKeys writes what all bridges have; package networkdgen says why.
func appendBridgeKeys(b []byte, linkLocal string) []byte {
	b = key(b, "link-local", linkLocal)
	b = key(b, "accept-ra", "false")
	b = key(b, "ignore-carrier", "true")
	b = key(b, "optional", "true")
	return append(b, "      parameters:\n        stp: false\n        forward-delay: 0\n"...)
}
