//go:build linux

package commands

import (
	"cmp"
	"context"
	"crypto/sha256"
	"maps"
	"net/netip"
	"slices"

	"nova-manage/db"
	"nova-manage/ifupdowngen"
	"nova-manage/internal/cli"
	"nova-manage/internal/links"
	"nova-manage/netplangen"
	"nova-manage/networkdgen"
	"nova-manage/node"
)

type emitNetworkdOptions struct {
	nodeOptions
	place
}

func emitNetworkd() *command {
	o := &emitNetworkdOptions{nodeOptions: newNodeOptions()}
	return &command{
		name:  "networkd",
		short: "print the files that make the node's links: bridges, VLANs, gateways",
		long: "For systemd-networkd there is a .netdev and a .network for each link, and drop-ins that put VLANs and ports on the " +
			"interfaces they belong to, whose own files stay as they are; --network_file says what those are called. --style ifupdown " +
			"prints a file for /etc/network/interfaces.d, --style netplan one for /etc/netplan. Floating IPv4 addresses are local routes " +
			"of a bridge without ports, nova-float; for IPv6 ones the uplink answers neighbour solicitations. Where there is no network " +
			"the exit code is 3 and no file is touched.",
		examples: []string{
			"nova-manage emit networkd --host node1 --uplink eth0",
			"nova-manage emit networkd --host node1 --network_file eth0=10-lan.network --dir /etc/systemd/network",
			"nova-manage emit networkd --host node1 --style netplan -o /etc/netplan/60-nova.yaml",
		},
		flags: slices.Concat([]*cli.Flag{servedBy(&o.Host), uplinkFlag(&o.Uplinks, "an interface over which the node reaches the outside")},
			o.linkFlags(), o.place.flags()),
		ledger: reads,
		files:  o.place.files,
		check:  func(*cli.Env) error { return o.place.check() },
		run: func(ctx context.Context, s *session) error {
			view, err := s.store.Node(ctx, o.Host)
			if err != nil {
				return err
			}
			config, err := o.links(view, o.networkFile)
			if err != nil {
				return err
			}
			files, err := o.linkFiles(config)
			if err != nil {
				return refusedLedger(err)
			}
			s.warnAll(o.linkWarnings(view))
			return s.outputFiles(ctx, &o.place, files)
		},
	}
}

// networkFile is the .network file of an interface as it is called where nobody can look.
func (o *nodeOptions) networkFile(link string) (string, error) {
	for _, f := range o.NetworkFiles {
		if f.link == link {
			return f.file, nil
		}
	}
	return "10-" + link + ".network", nil
}

// links are the links of the node that view is of. fileOf tells which .network file an interface has.
func (o *nodeOptions) links(view db.NodeView, fileOf func(link string) (string, error)) (links.Config, error) {
	var c links.Config
	at := map[string]int{}
	first := map[string]db.Network{} // of each bridge
	for _, n := range view.Networks {
		i, seen := at[n.Bridge]
		if !seen {
			i = len(c.Bridges)
			at[n.Bridge], first[n.Bridge] = i, n
			c.Bridges = append(c.Bridges, links.Bridge{Name: n.Bridge, VLAN: n.VLAN, Parent: n.BridgeInterface})
		}
		b, one := &c.Bridges[i], first[n.Bridge]
		switch {
		case b.VLAN != 0 && seen, b.VLAN != n.VLAN:
			return c, contradiction("%s and %s are both on bridge %s of VLAN %d", one.Name(), n.Name(), n.Bridge, max(b.VLAN, n.VLAN))
		case b.Parent != n.BridgeInterface:
			return c, contradiction("%s puts bridge %s on %s, and %s puts it on %s", one.Name(), n.Bridge, quoteName(b.Parent), n.Name(), quoteName(n.BridgeInterface))
		case n.MTU != 0 && b.MTU != 0 && n.MTU != b.MTU:
			return c, contradiction("%s gives bridge %s MTU %d, and %s gives it %d", one.Name(), n.Bridge, b.MTU, n.Name(), n.MTU)
		}
		b.MTU = cmp.Or(b.MTU, n.MTU)
		for _, a := range []netip.Prefix{gatewayOn(n.Gateway, n.CIDR), gatewayOn(n.GatewayV6, n.CIDRv6)} {
			if a.IsValid() && !slices.Contains(b.Addresses, a) {
				b.Addresses = append(b.Addresses, a)
			}
		}
	}
	for _, f := range o.served(view) {
		if link := cmp.Or(f.Interface, o.uplink()); f.Address.Is4() || link != "" {
			c.Floating = append(c.Floating, links.Floating{Address: f.Address, Interface: link})
		}
	}
	for i := range c.Bridges {
		if b := &c.Bridges[i]; b.HasIPv6() {
			b.LinkLocal = linkLocal(view.Host, b.Name)
		}
	}
	if err := o.addUplinks(&c, fileOf); err != nil {
		return c, err
	}
	c.Sort()
	return c, nil
}

// addUplinks adds the interfaces that a drop-in is for: those that bridges are on, those that answer for floating IPv6 addresses,
// and the uplinks, whether there is anything on them at the moment or not. Were a drop-in to go with the last of it, networkd
// would configure the uplink anew without being told to keep its addresses meanwhile.
func (o *nodeOptions) addUplinks(c *links.Config, fileOf func(link string) (string, error)) error {
	needed := map[string]bool{}
	for _, b := range c.Bridges {
		if b.Parent != "" && o.Style == styleNetworkd {
			needed[b.Parent] = true
		}
	}
	for _, f := range c.Floating {
		if f.Address.Is6() {
			needed[f.Interface] = true
		}
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(slices.Concat(slices.Collect(maps.Keys(needed)), o.Uplinks)))) {
		file := "10-netplan-" + name + ".network" // as netplan calls it
		if o.Style == styleNetworkd {
			var err error
			if file, err = fileOf(name); err != nil && !needed[name] {
				continue // somebody else's, and nothing is on it
			}
			if err != nil {
				return err
			}
		}
		c.Uplinks = append(c.Uplinks, links.Uplink{Name: name, File: file, DHCP: o.UplinkDHCP && slices.Contains(o.Uplinks, name)})
	}
	return nil
}

// linkLocal is the node's link-local address on a bridge: always the same, and another one on each node, since a flat bridge may
// be one link with that of another node. It is no EUI-64 (RFC 4291 appendix A), which a guest might have.
func linkLocal(host, bridge string) netip.Addr {
	sum := sha256.Sum256([]byte("nova-manage link-local " + host + " " + bridge))
	a := netip.MustParseAddr("fe80::").As16()
	copy(a[8:], sum[:8])
	if a[11] == 0xff && a[12] == 0xfe {
		a[12] = 0
	}
	return netip.AddrFrom16(a)
}

// gatewayOn is a gateway with the length of its network, or nothing.
func gatewayOn(gateway netip.Addr, network netip.Prefix) netip.Prefix {
	if !gateway.IsValid() || !network.IsValid() {
		return netip.Prefix{}
	}
	return netip.PrefixFrom(gateway, network.Bits())
}

// quoteName is a name in a message, or "nothing".
func quoteName(s string) string {
	if s == "" {
		return "nothing"
	}
	return cli.Quote(s)
}

// served are the floating addresses that the node can stand for: those whose instance is in one of its networks.
func (o *nodeOptions) served(view db.NodeView) (served []db.NodeFloating) {
	here := map[int64]bool{}
	for _, n := range view.Networks {
		here[n.ID] = true
	}
	for _, f := range view.Floating {
		if here[f.NetworkID] {
			served = append(served, f)
		}
	}
	return served
}

// linkWarnings are what of the ledger the node's links cannot do.
func (o *nodeOptions) linkWarnings(view db.NodeView) (warnings []string) {
	here := map[netip.Addr]bool{}
	for _, f := range o.served(view) {
		here[f.Address] = true
		if f.Address.Is6() && f.Interface == "" && o.uplink() == "" {
			warnings = append(warnings, f.Address.String()+" is not answered for: neither its floating range nor --uplink says on which interface")
		}
	}
	for _, f := range view.Floating {
		if !here[f.Address] {
			warnings = append(warnings, f.Address.String()+" is routed to this node, but the network of its instance is another node's: it is not translated")
		}
	}
	return warnings
}

// restartsDHCP tells that networkd has to start again for the first drop-in of an uplink with DHCP. When it only reads its files
// again, the setting that counts for the lease is still the one from before, and the lease is gone for a moment.
func restartsDHCP(had []byte) node.Action {
	if had == nil {
		return node.RestartLinks
	}
	return 0
}

const networkdFolder = "/etc/systemd/network/"

// linkFiles are the files of the links, in the chosen style.
func (o *nodeOptions) linkFiles(c links.Config) (files []node.File, err error) {
	switch o.Style {
	case styleIfupdown:
		text, err := ifupdowngen.Append(nil, c)
		return []node.File{{Path: "/etc/network/interfaces.d/nova", Mode: 0o644, Text: text, Does: node.LoadLinks}}, err
	case styleNetplan:
		text, err := netplangen.Append(nil, c)
		if err != nil {
			return nil, err
		}
		files = append(files, node.File{Path: "/etc/netplan/60-nova.yaml", Mode: 0o600, Text: text, Does: node.LoadLinks})
	}
	render := networkdgen.Files
	if o.Style == styleNetplan {
		render = networkdgen.DropIns
	}
	rendered, err := render(c)
	for _, f := range rendered {
		file := node.File{Path: networkdFolder + f.Name, Mode: 0o644, Text: f.Text, Does: node.LoadLinks}
		if slices.ContainsFunc(c.Uplinks, func(u links.Uplink) bool { return u.DHCP && f.Link == u.Name }) {
			file.Also = restartsDHCP
		}
		files = append(files, file)
	}
	return files, err
}
