// Package networkdgen turns the links of a network node into files for systemd-networkd: VLANs, bridges with their gateway
// addresses, the routes that make floating addresses the node's own, and drop-ins that attach all of it to the uplinks. It
// refuses what networkd would drop with a warning in its log, which is all that networkd ever does about a mistake. How the
// files reach the disk, and what networkd makes of them there, is left to others.
//
// What is said here of networkd is in systemd.network(5) and systemd.netdev(5), or was tried on 252 and 257.
package networkdgen

import (
	"strings"

	"nova-manage/internal/configfile"
	"nova-manage/internal/links"
)

const (
	prefix  = "60-nova-"
	netdev  = ".netdev"
	network = ".network"
	// dropIn is the name of our drop-in, in a folder with the name of the file that it adds to and ".d" behind it.
	dropIn = "60-nova.conf"
)

// File is a file below /etc/systemd/network. Name is its path there, such as 60-nova-br100.network or
// 10-eth0.network.d/60-nova.conf.
type File struct {
	Name string
	Link string // the link that the file is of: one of ours or, for a drop-in, the uplink
	Text []byte
}

// LinkOf tells which link of ours a base name in /etc/systemd/network is the .netdev or .network file of. It says nothing
// of where the file came from: whoever looks for files that are left over looks at their header, too.
func LinkOf(name string) (link string, ok bool) {
	rest, ok := strings.CutPrefix(name, prefix)
	if !ok {
		return "", false
	}
	for _, suffix := range []string{netdev, network} {
		if link, ok := strings.CutSuffix(rest, suffix); ok {
			return link, links.CheckName("link", link) == nil
		}
	}
	return "", false
}

// DropInFor is the path below /etc/systemd/network of our drop-in to a .network file, given by its base name.
func DropInFor(file string) string { return file + ".d/" + dropIn }

// IsDropIn tells whether a path below /etc/systemd/network is that of a drop-in of ours, and to which file.
func IsDropIn(path string) (file string, ok bool) {
	file, ok = strings.CutSuffix(path, ".d/"+dropIn)
	return file, ok && fileBound(file) == ""
}

// Files renders the links: for each VLAN and each bridge a .netdev and a .network, in the order of the bridges, then those
// of the link of floating IPv4 addresses, where there are any, then a drop-in for each uplink. Each parent of a bridge must
// be an uplink. On an error, [Validate]'s, there are no files.
//
// networkd's reload takes all of it up, but for two things. A .netdev that has gone leaves its link, and before 256 one
// that has changed leaves the link as it was; and an IPv6ProxyNDPAddress that has gone leaves the kernel's entry. Routes
// of floating IPv4 addresses come and go by themselves, and those that stay are not touched.
func Files(c links.Config) ([]File, error) {
	if err := Validate(c); err != nil {
		return nil, err
	}
	files := make([]File, 0, 4*len(c.Bridges)+2+len(c.Uplinks))
	for i := range c.Bridges {
		b := &c.Bridges[i]
		if port := b.VLANName(); port != "" {
			files = append(files, File{prefix + port + netdev, port, vlanNetdev(b)}, File{prefix + port + network, port, vlanNetwork(b)})
		}
		files = append(files, File{prefix + b.Name + netdev, b.Name, bridgeNetdev(b.Name)}, File{prefix + b.Name + network, b.Name, bridgeNetwork(b)})
	}
	if addresses := c.FloatingIPv4(); addresses != nil {
		const name = links.FloatingLink
		files = append(files, File{prefix + name + netdev, name, bridgeNetdev(name)}, File{prefix + name + network, name, floatingNetwork(addresses)})
	}
	ports := portsByParent(&c)
	for i := range c.Uplinks {
		u := &c.Uplinks[i]
		files = append(files, File{DropInFor(u.File), u.Name, uplinkDropIn(&c, u, ports[u.Name])})
	}
	return files, nil
}

// DropIns renders the drop-ins alone, and without what attaches links to the uplinks: it is for a node whose links are
// netplan's, which writes that into the uplink's file itself but has no word for the rest. There an uplink's file is
// 10-netplan-ID.network, and a parent need not be an uplink. On an error, which is one of [Validate]'s, there are no files.
func DropIns(c links.Config) ([]File, error) {
	if err := validateUplinks(c); err != nil {
		return nil, err
	}
	var files []File
	for i := range c.Uplinks {
		u := &c.Uplinks[i]
		files = append(files, File{DropInFor(u.File), u.Name, uplinkDropIn(&c, u, nil)})
	}
	return files, nil
}

// portsByParent has for each parent the lines by which it carries VLANs or is a bridge's port.
func portsByParent(c *links.Config) map[string][]string {
	ports := make(map[string][]string)
	for i := range c.Bridges {
		switch b := &c.Bridges[i]; {
		case b.VLAN != 0:
			ports[b.Parent] = append(ports[b.Parent], "VLAN="+b.VLANName())
		case b.Parent != "":
			ports[b.Parent] = append(ports[b.Parent], "Bridge="+b.Name)
		}
	}
	return ports
}

// file is the text of a file under construction.
type file []byte

func newFile() file { return append(make(file, 0, 512), configfile.Header...) }

// section begins a section with its lines.
func (f file) section(name string, lines ...string) file {
	f = append(f, "\n["...)
	f = append(f, name...)
	f = append(f, "]\n"...)
	return f.lines(lines...)
}

func (f file) lines(lines ...string) file {
	for _, line := range lines {
		f = append(f, line...)
		f = append(f, '\n')
	}
	return f
}

func (f file) comment(lines ...string) file {
	for _, line := range lines {
		f = append(f, "# "...)
		f = append(f, line...)
		f = append(f, '\n')
	}
	return f
}
