//go:build linux

package commands

import (
	"net/netip"
	"slices"

	"nova-manage/db"
	"nova-manage/dnsmasqgen"
	"nova-manage/internal/configfile"
	"nova-manage/internal/links"
	"nova-manage/netcalc"
	"nova-manage/nftgen"
	"nova-manage/node"
	"nova-manage/radvdgen"
	"nova-manage/sysctlgen"
)

// nodePlan is what a network node should be: its files, its kernel, its daemons.
type nodePlan struct {
	tree     *node.Tree
	want     *node.Want
	warnings []string
}

// planner makes a plan of one view of the ledger. What one kind of output says has to agree with what the others say, so all
// of them are made here.
type planner struct {
	*nodeOptions
	advert *advertOptions
	view   db.NodeView
	plan   *nodePlan
}

const (
	radvdConf  = "/etc/radvd.conf"
	sysctlConf = "/etc/sysctl.d/60-nova.conf"
	moduleConf = "/etc/modules-load.d/nova.conf"
)

// planNode makes the plan. fileOf tells which .network file an interface has.
func planNode(o *nodeOptions, advert *advertOptions, view db.NodeView, fileOf func(link string) (string, error)) (*nodePlan, error) {
	p := &planner{o, advert, view, &nodePlan{
		tree: &node.Tree{Tables: filterTables, Owned: []node.Owned{
			{Pattern: networkdFolder + "60-nova-*.netdev", Does: node.LoadLinks},
			{Pattern: networkdFolder + "60-nova-*.network", Does: node.LoadLinks},
			{Pattern: networkdFolder + "*.network.d/60-nova.conf", Does: node.LoadLinks},
			{Pattern: "/etc/network/interfaces.d/nova"},
			{Pattern: "/etc/netplan/60-nova.yaml", Does: node.LoadLinks},
			{Pattern: moduleConf},
			{Pattern: filterFile, Does: node.LoadFilter}, {Pattern: filterService, Does: node.LoadUnits},
			{Pattern: sysctlConf},
			{Pattern: radvdConf, Does: node.ReloadRadvd},
			{Pattern: dnsmasqConf, Does: node.RestartDHCP}, {Pattern: dnsmasqHosts}, {Pattern: dnsmasqNames},
			{Pattern: dnsmasqService, Does: node.LoadUnits},
		}},
		want: &node.Want{},
	}}
	// It takes as long as all the others together, and a node has two processors.
	filtered := make(chan rendering, 1)
	go func() { filtered <- p.renderFilter() }()
	config, err := p.links(view, fileOf)
	if err != nil {
		return nil, err
	}
	dhcp := p.dnsmasq(view)
	for _, part := range []func() error{
		func() error { return p.addLinks(config) },
		func() error { return p.addSysctl(config, &dhcp) },
		func() error { return p.addRadvd(&dhcp) },
		func() error { return p.addDnsmasq(dhcp) },
		func() error { return p.addFilter(<-filtered) },
	} {
		if err := part(); err != nil {
			return nil, refusedLedger(err)
		}
	}
	p.addNeighbours()
	p.plan.tree.Finish()
	// The filter is compared as it is in the file.
	for _, f := range p.plan.tree.Files {
		if f.Path == filterFile {
			p.plan.want.Filter = &node.Filter{Path: f.Path, Text: f.Text, Tables: filterTables}
		}
	}
	return p.plan, nil
}

func (p *planner) add(path string, text []byte, does node.Action) {
	p.plan.tree.Files = append(p.plan.tree.Files, node.File{Path: path, Mode: 0o644, Text: text, Does: does})
}

func (p *planner) warn(warnings []string) { p.plan.warnings = append(p.plan.warnings, warnings...) }

// rendering is a text, or why there is none, and what is to be said of it.
type rendering struct {
	text     []byte
	warnings []string
	err      error
}

func (p *planner) renderFilter() (r rendering) {
	config := p.filter(p.view)
	if r.text, r.err = config.Append(nil); r.err == nil {
		r.warnings = p.filterWarnings(p.view, config)
	}
	return r
}

func (p *planner) addFilter(r rendering) error {
	if r.err != nil {
		return r.err
	}
	p.warn(r.warnings)
	p.add(filterFile, r.text, node.LoadFilter)
	p.add(filterService, nftgen.AppendUnit(nil), node.LoadUnits)
	return nil
}

func (p *planner) addLinks(c links.Config) error {
	files, err := p.linkFiles(c)
	if err != nil {
		return err
	}
	p.warn(p.linkWarnings(p.view))
	p.plan.tree.Files = append(p.plan.tree.Files, files...)
	if slices.ContainsFunc(c.Bridges, func(b links.Bridge) bool { return b.VLAN != 0 }) {
		p.add(moduleConf, []byte(configfile.Header+"\n8021q\n"), node.LoadModules)
	}
	because := map[string]string{}
	for _, n := range p.view.Networks {
		because[n.Bridge] = n.Name()
	}
	w := p.plan.want
	given := map[string]bool{}
	for i := range c.Bridges {
		b := &c.Bridges[i]
		why := because[b.Name]
		w.Links = append(w.Links, node.Link{Name: b.Name, Kind: node.Bridge, MTU: b.MTU, Addresses: b.AllAddresses(), Because: why})
		p.plan.tree.Links = append(p.plan.tree.Links, b.Name)
		switch {
		case b.VLAN != 0:
			w.Links = append(w.Links, node.Link{Name: b.VLANName(), Kind: node.VLAN, VLAN: b.VLAN, Parent: b.Parent, Master: b.Name, Because: why})
			p.plan.tree.Links = append(p.plan.tree.Links, b.VLANName())
			if !given[b.Parent] {
				w.Links = append(w.Links, node.Link{Name: b.Parent, Kind: node.Given, Because: why})
			}
		case b.Parent != "":
			w.Links = append(w.Links, node.Link{Name: b.Parent, Kind: node.Given, Master: b.Name, Because: why})
		}
		given[b.Parent] = true
	}
	for _, name := range unique(p.Uplinks) {
		if !given[name] {
			w.Links = append(w.Links, node.Link{Name: name, Kind: node.Given, Because: "--uplink"})
		}
	}
	if c.FloatingIPv4() != nil {
		w.Links = append(w.Links, node.Link{Name: links.FloatingLink, Kind: node.Bridge, Because: "floating addresses"})
		p.plan.tree.Links = append(p.plan.tree.Links, links.FloatingLink)
	}
	for _, r := range p.view.Ranges {
		if r.CIDR.Addr().Is6() {
			w.Proxied = append(w.Proxied, r.CIDR)
		}
	}
	for _, f := range c.Floating {
		why := "floating address " + f.Address.String()
		if f.Address.Is4() {
			w.Local = append(w.Local, node.Local{Address: f.Address, Link: links.FloatingLink, Because: why})
		} else {
			w.Proxies = append(w.Proxies, node.Proxy{Address: f.Address, Link: f.Interface, Because: why})
		}
	}
	return nil
}

func (p *planner) addSysctl(c links.Config, dhcp *dnsmasqgen.Config) error {
	config := sysctlgen.Config{Uplinks: unique(p.Uplinks), OptmemMax: dhcp.OptmemMax(), Neighbours: 3 * len(p.view.Instances), NoRedirects: true}
	for _, b := range c.Bridges {
		config.Bridges = append(config.Bridges, b.Name)
	}
	for _, f := range c.Floating {
		if f.Address.Is6() && !slices.Contains(config.ProxyNDP, f.Interface) {
			config.ProxyNDP = append(config.ProxyNDP, f.Interface)
		}
	}
	text, err := config.Append(nil)
	if err != nil {
		return err
	}
	p.add(sysctlConf, text, node.SetSysctl)
	settings, err := config.Settings()
	if err != nil {
		return err
	}
	for _, s := range settings {
		want := node.Setting{Path: s.Key, Value: s.Value, Optional: s.Optional, Because: sysctlConf}
		// networkd sets the kernel's to 0 on every link that it manages, and takes the router's advertisements itself.
		if p.Style != styleIfupdown && isUplinkRA(s.Key, config.Uplinks) {
			want.Also = "0"
		}
		p.plan.want.Settings = append(p.plan.want.Settings, want)
	}
	return nil
}

func isUplinkRA(path string, uplinks []string) bool {
	return slices.ContainsFunc(uplinks, func(name string) bool { return path == "net/ipv6/conf/"+name+"/accept_ra" })
}

func (p *planner) addRadvd(dhcp *dnsmasqgen.Config) error {
	if len(p.view.Links) == 0 {
		return nil
	}
	gateways := map[string][]netip.Addr{}
	for i := range dhcp.Networks {
		if n := &dhcp.Networks[i]; n.GatewayV6.IsValid() && !slices.Contains(gateways[n.Bridge], n.GatewayV6) {
			gateways[n.Bridge] = append(gateways[n.Bridge], n.GatewayV6)
		}
	}
	config := radvdgen.Config{Interfaces: make([]radvdgen.Interface, len(p.view.Links))}
	for i, l := range p.view.Links {
		if !slices.ContainsFunc(l.DNS, netip.Addr.Is6) {
			l.DNS = append(slices.Clone(l.DNS), gateways[l.Bridge]...) // where dnsmasq answers
		}
		config.Interfaces[i] = p.advert.advertise(l)
	}
	radvdgen.SortInterfaces(config.Interfaces)
	text, err := config.Append(nil)
	if err != nil {
		return err
	}
	p.add(radvdConf, text, node.ReloadRadvd)
	p.plan.want.Daemons = append(p.plan.want.Daemons, node.Daemon{Name: "radvd", Unit: "radvd.service", PIDFile: "/run/radvd.pid",
		Config: radvdConf, Default: true, Does: node.ReloadRadvd})
	return nil
}

func (p *planner) addDnsmasq(c dnsmasqgen.Config) error {
	if len(c.Networks) == 0 {
		return nil
	}
	files, err := dnsmasqFiles(c, "/etc/nova")
	if err != nil {
		return err
	}
	for i := range files {
		if files[i].Path == dnsmasqHosts {
			// An address that has moved to another MAC is refused to it as long as the old lease runs, unless dnsmasq forgets that.
			after := files[i].Text
			files[i].Also = func(before []byte) node.Action {
				if dnsmasqgen.Moved(before, after) {
					return node.RestartDHCP
				}
				return 0
			}
		}
	}
	p.warn(dnsmasqWarnings(c))
	p.plan.tree.Files = append(p.plan.tree.Files, files...)
	unit, err := dnsmasqgen.Unit{ConfigFile: dnsmasqConf, Sockets: c.Sockets()}.Append(nil)
	if err != nil {
		return err
	}
	p.add(dnsmasqService, unit, node.LoadUnits|node.RestartDHCP)
	p.plan.want.Daemons = append(p.plan.want.Daemons, node.Daemon{Name: "dnsmasq", Unit: "nova-dnsmasq.service", PIDFile: dnsmasqPID,
		Config: dnsmasqConf, Restart: true, Does: node.RestartDHCP})
	return nil
}

// addNeighbours tells who may be seen on which bridge.
func (p *planner) addNeighbours() {
	networks := make(map[int64]db.Network, len(p.view.Networks))
	free := map[netip.Addr]bool{}
	for _, n := range p.view.Networks {
		networks[n.ID] = n
		if n.VPNPrivateAddress.IsValid() {
			free[n.VPNPrivateAddress] = true // whose MAC the ledger does not know
		}
	}
	guests := make(map[node.Guest][]netip.Addr, len(p.view.Instances))
	for _, i := range p.view.Instances {
		n := networks[i.NetworkID]
		g := node.Guest{Bridge: n.Bridge, MAC: i.MAC}
		addresses := guests[g]
		for _, a := range []netip.Addr{i.FixedIP, i.FixedIPv6} {
			if a.IsValid() {
				addresses = append(addresses, a)
			}
		}
		if n.CIDRv6.IsValid() {
			if a, err := netcalc.EUI64(n.CIDRv6, i.MAC); err == nil && !slices.Contains(addresses, a) {
				addresses = append(addresses, a)
			}
		}
		guests[g] = addresses
	}
	p.plan.want.Neighbour = node.Neighbours{Guests: guests, Free: free}
}

// revokedFlows are the flows to be ended when one text of the packet filter follows another, as conntrack(8) takes them.
func revokedFlows(before, after []byte) [][]string { return nftgen.Revoked(before, after).Conntrack() }
