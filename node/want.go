//go:build linux

package node

import (
	"net/netip"

	"nova-manage/netcalc"
)

// Want is how the kernel and the daemons of a node are to be.
type Want struct {
	Links     []Link
	Local     []Local
	Proxies   []Proxy
	Proxied   []netip.Prefix // where all proxies are ours, and those that are not among Proxies are to go
	Settings  []Setting
	Filter    *Filter // nil where there is to be none
	Daemons   []Daemon
	Neighbour Neighbours
}

// Link is a link that is to be there.
type Link struct {
	Name      string
	Kind      Kind
	VLAN      int    // id of a VLAN
	Parent    string // the link that a VLAN is on
	Master    string // the bridge that it is a port of
	MTU       int    // bytes; 0 leaves it to the kernel
	Addresses []netip.Prefix
	Because   string // what makes it so, such as "network 3"
}

// Kind is what kind of link it is to be. Those of ours are made where they are missing; Given is somebody else's, and has to be
// there.
type Kind string

// The kinds, as the kernel calls them.
const (
	Bridge Kind = "bridge"
	VLAN   Kind = "vlan"
	Given  Kind = "given"
)

// Local is an address that the node is to answer for though no link has it: a local route over a link of ours.
type Local struct {
	Address netip.Addr
	Link    string
	Because string
}

// Proxy is an IPv6 address that the node is to answer neighbour solicitations for on a link (NDP proxy).
type Proxy struct {
	Address netip.Addr
	Link    string
	Because string
}

// Setting is a value below /proc/sys.
type Setting struct {
	Path     string // net/ipv6/conf/br100/accept_ra
	Value    string
	Also     string // another value that is as good; "" if there is none
	Optional bool   // it may be missing
	Because  string
}

// Filter is the packet filter.
type Filter struct {
	Path   string   // the file that nft loads
	Text   []byte   // what is in it
	Tables []string // its tables, such as "inet nova": all that may be compared and deleted
}

// Daemon is a program that is to run.
type Daemon struct {
	Name    string // of the process
	Unit    string // of systemd
	PIDFile string
	Config  string // the file that its command line names
	Default bool   // it reads Config also where its command line names none
	Restart bool   // it reads Config only when it starts
	Does    Action // what makes it run
}

// Neighbours is what may be in the kernel's neighbour table on the bridges of ours.
type Neighbours struct {
	// Guests are the addresses of each guest, by its bridge and MAC.
	Guests map[Guest][]netip.Addr
	// Free are addresses that anybody may have, such as a VPN server's.
	Free map[netip.Addr]bool
}

// Guest is a MAC on a bridge.
type Guest struct {
	Bridge string
	MAC    netcalc.MAC
}

// Difference is one thing that is not as it should be.
type Difference struct {
	Subject string // what it is about, such as "link br100"
	Is      string // what is
	Should  string // what should be
	Because string // what makes it so

	does Action   // what mends it
	ip   []string // commands of ip(8) that mend it, without "ip"
	set  *Setting // what is to be written
}

// Mendable tells whether an apply can mend it.
func (d *Difference) Mendable() bool { return d.does != 0 || d.ip != nil || d.set != nil }
