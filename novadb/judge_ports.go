package novadb

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"nova-manage/netcalc"
)

// machine is an instance with the addresses that it has.
type machine struct {
	instanceRow
	held  []*fixedAddress
	lost  string // why it has not an address that a row gives it
	vpn   bool   // it is a network's VPN instance, which the network stands for
	ports []*Port
}

// fixedAddress is a row of fixed_ips that can be right.
type fixedAddress struct {
	*fixedRow
	addr  netip.Addr
	on    *network
	owner *machine
}

func (j *judgement) judgeInstances() {
	for _, row := range j.database.instances {
		m := &machine{instanceRow: row}
		key := fmt.Sprint(row.id)
		reason := reasons(
			j.bad("project_id", row.project, j.names.Project),
			j.bad("host", row.host, j.names.Host),
		)
		switch {
		case reason != "":
		case row.project == "":
			reason = "it has no project"
		case j.instances[key] != nil:
			reason = "its id is there twice"
		case row.uuid != "" && j.instances[row.uuid] != nil:
			reason = fmt.Sprintf("its uuid is instance %d's", j.instances[row.uuid].id)
		}
		if reason != "" {
			j.badInstance(m, reason)
			continue
		}
		j.instances[key] = m
		if row.uuid != "" {
			j.instances[row.uuid] = m
		}
		j.machines = append(j.machines, m)
	}
	slices.SortStableFunc(j.machines, func(a, b *machine) int { return cmp.Compare(a.id, b.id) })
}

// badInstance leaves an instance out.
func (j *judgement) badInstance(m *machine, reason string) {
	j.invalid("instances", m.id, "%s", reason)
	name := fmt.Sprintf("instance %d", m.id)
	for _, key := range []string{fmt.Sprint(m.id), m.uuid} {
		if key != "" && (j.instances[key] == nil || j.instances[key] == m) {
			delete(j.instances, key)
			j.badInst[key] = name
		}
	}
}

// judgePorts makes of each instance and its addresses what it has on each network.
func (j *judgement) judgePorts() {
	p := &portJudgement{judgement: j, interfaces: map[int64]*interfaceRow{}, byInstance: map[string][]*interfaceRow{},
		macs: map[netcalc.MAC]string{}, names: map[string]bool{}, routers: map[netip.Addr]string{}}
	for _, n := range j.networks {
		if n.CIDRv6.IsValid() {
			p.routers[n.GatewayV6] = n.name()
		}
	}
	wrong := p.judgeInterfaces()
	vpn := int64(0)
	for _, m := range j.machines {
		if m.vpn && len(m.held) == 0 {
			vpn++
			j.badInst[fmt.Sprint(m.id)], j.badInst[m.uuid] = "VPN instance", "VPN instance"
			delete(j.instances, fmt.Sprint(m.id))
			delete(j.instances, m.uuid)
			continue
		}
		if reason := p.judge(m); reason != "" {
			for _, port := range m.ports {
				delete(p.macs, port.MAC)
			}
			m.ports = nil
			j.badInstance(m, reason)
			for _, f := range m.held {
				delete(j.holders, f.id)
				if f.addr.Is4() {
					f.on.rows = slices.DeleteFunc(f.on.rows, func(r *fixedAddress) bool { return r == f })
				}
			}
		}
	}
	j.leave("instances", vpn, "VPN instance of a network, which the network stands for")
	j.leave("virtual_interfaces", int64(len(j.database.interfaces))-wrong-j.site.Taken["virtual_interfaces"], "of no address or instance that is imported")
	for i := range j.site.Networks {
		n := j.networks[j.site.Networks[i].ID]
		j.reserve(n)
		j.site.Networks[i] = n.Network
	}
}

type portJudgement struct {
	*judgement
	interfaces map[int64]*interfaceRow
	byInstance map[string][]*interfaceRow
	macs       map[netcalc.MAC]string
	names      map[string]bool // PROJECT/NAME
	routers    map[netip.Addr]string
}

// judgeInterfaces judges the rows of virtual_interfaces, which there are since 2011.3. wrong is how many cannot be right.
func (p *portJudgement) judgeInterfaces() (wrong int64) {
	for i := range p.database.interfaces {
		v := &p.database.interfaces[i]
		switch {
		case v.instance == "" || p.instances[v.instance] == nil:
			if v.instance != "" && p.badInst[v.instance] == "" && !p.gone[goneKey{"instances", v.instance}] {
				p.invalid("virtual_interfaces", v.id, "its instance %s is not there", v.instance)
				wrong++
			}
			continue
		case p.networks[v.network] == nil && p.badNet[v.network] == "" && v.network != 0:
			p.invalid("virtual_interfaces", v.id, "its network %d is not there", v.network)
			wrong++
			continue
		}
		p.interfaces[v.id] = v
		key := fmt.Sprint(p.instances[v.instance].id)
		p.byInstance[key] = append(p.byInstance[key], v)
	}
	return wrong
}

// judge makes the ports of an instance.
func (p *portJudgement) judge(m *machine) string {
	slices.SortStableFunc(m.held, func(a, b *fixedAddress) int {
		return cmp.Or(cmp.Compare(a.iface, b.iface), cmp.Compare(a.id, b.id))
	})
	own := p.byInstance[fmt.Sprint(m.id)]
	used := map[int64]*Port{} // by interface, 0 for the instance's own MAC
	for _, f := range m.held {
		mac, iface, reason := p.macOf(m, f, own)
		if reason != "" {
			return reason
		}
		if port := used[iface]; port != nil && port.NetworkID == f.on.ID {
			switch {
			case f.addr.Is6() && f.addr == port.FixedIPv6:
			case f.addr.Is6():
				return fmt.Sprintf("fixed_ips %d is %s, and its MAC %s gives it %s", f.id, f.addr, port.MAC, port.FixedIPv6)
			case port.FixedIP.IsValid():
				// The ledger has one for each MAC; whoever else gets this one would have it twice.
				p.changed("fixed_ips", f.id, "%s is a further address of instance %d on its network, and is reserved", f.addr, m.id)
				f.owner, f.reserved = nil, true
			default:
				port.FixedIP = f.addr
				p.holders[f.id] = port
			}
			continue
		} else if port != nil {
			return fmt.Sprintf("its MAC %s is on %s and on network %d", mac, f.on.name(), port.NetworkID)
		}
		port, reason := p.port(m, f.on, mac)
		if reason != "" {
			return reason
		}
		if f.addr.Is4() {
			port.FixedIP = f.addr
		} else if f.addr != port.FixedIPv6 {
			return fmt.Sprintf("fixed_ips %d is %s, and its MAC %s gives it %s", f.id, f.addr, mac, port.FixedIPv6)
		}
		used[iface], p.holders[f.id] = port, port
	}
	// A network without IPv4 has no rows of addresses: what a guest has there follows from its MAC alone.
	for _, v := range own {
		n := p.networks[v.network]
		if used[v.id] != nil || n == nil || n.CIDR.IsValid() {
			continue
		}
		mac, reason := parseMAC(v.address, "virtual_interfaces", v.id)
		if reason == "" {
			used[v.id], reason = p.port(m, n, mac)
		}
		if reason != "" {
			return reason
		}
	}
	for _, port := range m.ports {
		if n := p.networks[port.NetworkID]; n.CIDR.IsValid() && !port.FixedIP.IsValid() {
			return fmt.Sprintf("it has no IPv4 address on %s", n.name())
		}
	}
	if len(m.ports) == 0 {
		return cmp.Or(m.lost, "it has no network")
	}
	if m.lost != "" {
		p.changed("instances", m.id, "%s, and it is without", m.lost)
	}
	p.publish(m)
	p.site.Taken["instances"]++
	for iface := range used {
		if iface != 0 {
			p.site.Taken["virtual_interfaces"]++
		}
	}
	return ""
}

// macOf finds the MAC by which a guest has an address.
func (p *portJudgement) macOf(m *machine, f *fixedAddress, own []*interfaceRow) (mac netcalc.MAC, iface int64, reason string) {
	v := p.interfaces[f.iface]
	if v == nil {
		for _, o := range own {
			if o.network == f.on.ID {
				v = o
				break
			}
		}
	}
	switch {
	case v != nil && p.instances[v.instance] != m:
		return mac, 0, fmt.Sprintf("fixed_ips %d is of virtual interface %d, which is instance %d's", f.id, v.id, p.instances[v.instance].id)
	case v != nil:
		mac, reason = parseMAC(v.address, "virtual_interfaces", v.id)
		return mac, v.id, reason
	case m.mac == "":
		return mac, 0, fmt.Sprintf("it has no MAC on %s", f.on.name())
	}
	mac, reason = parseMAC(m.mac, "instances", m.id)
	return mac, 0, reason
}

func parseMAC(s, table string, id int64) (netcalc.MAC, string) {
	mac, err := netcalc.ParseMAC(s)
	if err == nil {
		err = mac.CheckUnicast()
	}
	if err != nil {
		return mac, fmt.Sprintf("MAC of %s %d: %v", table, id, err)
	}
	return mac, ""
}

// port adds a port to an instance.
func (p *portJudgement) port(m *machine, n *network, mac netcalc.MAC) (*Port, string) {
	if other, twice := p.macs[mac]; twice {
		return nil, fmt.Sprintf("MAC %s is %s's", mac, other)
	}
	if n.VLAN != 0 {
		switch n.ProjectID {
		case m.project:
		case "":
			n.ProjectID = m.project
			p.changed("networks", n.ID, "instances of project %s are on this VLAN, and it becomes the project's", m.project)
		default:
			return nil, fmt.Sprintf("it is of project %s, and %s is a VLAN of project %s", m.project, n.name(), n.ProjectID)
		}
	}
	port := &Port{Instance: m.id, ProjectID: m.project, NetworkID: n.ID, MAC: mac, Host: m.host}
	if link := p.linkPrefix(n); link.IsValid() {
		// Also the guest of a network without IPv6 hears of the prefix, if another network on its bridge has one.
		a, err := netcalc.EUI64(link, mac)
		if err != nil {
			return nil, err.Error()
		}
		if router := p.routers[a]; router != "" {
			return nil, fmt.Sprintf("its MAC %s gives it %s, which is the gateway of %s", mac, a, router)
		}
		if n.CIDRv6.IsValid() {
			port.FixedIPv6 = a
		}
	}
	p.macs[mac] = fmt.Sprintf("instance %d", m.id)
	m.ports = append(m.ports, port)
	return port, ""
}

// linkPrefix is the IPv6 prefix of a network's link.
func (p *portJudgement) linkPrefix(n *network) netip.Prefix {
	if n.CIDRv6.IsValid() || n.VLAN != 0 {
		return n.CIDRv6
	}
	for _, other := range p.site.Networks {
		if other.Bridge == n.Bridge && other.CIDRv6.IsValid() {
			return other.CIDRv6
		}
	}
	return netip.Prefix{}
}

// publish names the ports of an instance and takes them over. A name is the host name, as guests and DHCP leases have it,
// else the display name, where it can be one here; else what Nova's instance_name_template made of the id.
func (p *portJudgement) publish(m *machine) {
	p.project(m.project)
	byID := fmt.Sprintf("instance-%08x", m.id)
	name := byID
	reason := ""
	for _, s := range []string{m.hostname, m.display} {
		if s == "" {
			continue
		}
		bad := p.bad("the name", s, p.judgement.names.Instance)
		if bad == "" && p.names[m.project+"/"+s] {
			bad = fmt.Sprintf("another instance of project %s is called %s", m.project, s)
		}
		if bad == "" {
			name = s
			break
		}
		reason = cmp.Or(reason, bad)
	}
	for i, port := range m.ports {
		port.Name = name
		if i > 0 {
			port.Name = fmt.Sprintf("%s-%d", name, i+1)
		}
		for p.names[m.project+"/"+port.Name] {
			port.Name += "x"
		}
		p.names[m.project+"/"+port.Name] = true
		if i == 0 {
			port.ID = m.id
		} else {
			p.changed("instances", m.id, "it is on several networks: on network %d it is instance %s", port.NetworkID, port.Name)
		}
	}
	if reason != "" {
		p.changed("instances", m.id, "it is called %s: %s", m.ports[0].Name, reason)
	}
}
