package links

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"nova-manage/internal/configfile"
)

const (
	minVLAN = 1
	maxVLAN = 4094 // IEEE 802.1Q reserves 0 and 4095; systemd-networkd would take 0
	minMTU4 = 68   // RFC 791 section 3.2, and the kernel's ETH_MIN_MTU
	minMTU6 = 1280 // RFC 8200 section 5: below it the kernel takes IPv6 off the link
	maxMTU  = 65535
)

// Validate reports the first value with which a file would be refused, do nothing or do something else, as a
// [*configfile.OptionError]. Where two values exclude each other it names both.
func (c *Config) Validate() error {
	names, err := c.checkBridges()
	if err != nil {
		return err
	}
	uplinks, err := c.checkUplinks(names)
	if err != nil {
		return err
	}
	if err := c.checkParents(names); err != nil {
		return err
	}
	subnets, err := c.checkSubnets()
	if err != nil {
		return err
	}
	return c.checkFloating(uplinks, subnets)
}

// CheckName reports whether a link may have that name: what [configfile.CheckInterfaceName] says, and what is known of
// links besides. The error is a [*configfile.OptionError].
func CheckName(option, name string) error {
	if err := configfile.CheckInterfaceName(option, name); err != nil {
		return err
	}
	bound := ""
	switch {
	case strings.Trim(name, "0123456789") == "":
		// systemd takes it for the number of an interface (ifname_valid_full), says so and goes on without the link.
		bound = "must not be a number"
	case name == "lo":
		bound = "must not be the loopback interface"
	}
	if bound != "" {
		return &configfile.OptionError{Option: option, Value: strconv.Quote(name), Bound: bound}
	}
	return nil
}

// fail is an error about an option of a bridge.
func (b *Bridge) fail(option string, value any, bound string, args ...any) error {
	return &configfile.OptionError{Place: []string{"bridge " + b.Name}, Option: option, Value: fmt.Sprint(value),
		Bound: fmt.Sprintf(bound, args...)}
}

// checkBridges checks what concerns one bridge alone and the names of our links, and returns for each name which link of
// ours has it.
func (c *Config) checkBridges() (map[string]string, error) {
	names := make(map[string]string, 2*len(c.Bridges)+1)
	names[FloatingLink] = "the link of floating addresses"
	for i := range c.Bridges {
		b := &c.Bridges[i]
		if err := b.check(); err != nil {
			return nil, err
		}
		itself := "bridge " + b.Name
		switch other := names[b.Name]; other {
		case "":
			names[b.Name] = itself
		case itself:
			return nil, &configfile.OptionError{Option: "bridge", Value: b.Name, Bound: "must appear once"}
		default:
			return nil, &configfile.OptionError{Option: "bridge", Value: b.Name, Bound: "must not be " + other + " too"}
		}
		if b.VLAN == 0 {
			continue
		}
		// One VLAN is refused on two parents, too, since both links would have the one name.
		port := b.VLANName()
		if other := names[port]; other != "" {
			return nil, b.fail("vlan", b.VLAN, "must leave the name %s to %s", port, other)
		}
		names[port] = "the VLAN link of bridge " + b.Name
	}
	return names, nil
}

// isLinkLocal tells whether a host may have it: neither the subnet-router anycast address nor one with a zone.
func isLinkLocal(a netip.Addr) bool {
	subnet := netip.MustParsePrefix("fe80::/64")
	return subnet.Contains(a) && a != subnet.Addr()
}

func (b *Bridge) check() error {
	if err := CheckName("bridge", b.Name); err != nil {
		return err
	}
	if b.Parent != "" {
		if err := CheckName("parent", b.Parent); err != nil {
			return in("bridge "+b.Name, err)
		}
	}
	switch {
	case b.VLAN != 0 && (b.VLAN < minVLAN || b.VLAN > maxVLAN):
		return b.fail("vlan", b.VLAN, "must be %d to %d", minVLAN, maxVLAN)
	case b.LinkLocal.IsValid() && !isLinkLocal(b.LinkLocal):
		return b.fail("link-local address", b.LinkLocal, "must be in fe80::/64 (RFC 4291 section 2.5.6)")
	case b.LinkLocal.IsValid() && !b.HasIPv6():
		return b.fail("link-local address", b.LinkLocal, "must go with an IPv6 network")
	case b.VLAN != 0 && b.Parent == "":
		return b.fail("parent", "", "must be named for VLAN %d", b.VLAN)
	case b.MTU == 0:
	case b.MTU < minMTU4 || b.MTU > maxMTU:
		return b.fail("mtu", b.MTU, "must be %d to %d", minMTU4, maxMTU)
	case b.MTU < minMTU6 && b.HasIPv6():
		// systemd-networkd raises it to 1280 by itself, so that the bridge would not have what the guests are told.
		return b.fail("mtu", b.MTU, "must be at least %d with IPv6", minMTU6)
	}
	return nil
}

// in puts the place before an OptionError.
func in(place string, err error) error {
	option := *err.(*configfile.OptionError)
	option.Place = append([]string{place}, option.Place...)
	return &option
}

func (c *Config) checkUplinks(names map[string]string) (map[string]bool, error) {
	uplinks := make(map[string]bool, len(c.Uplinks))
	for _, u := range c.Uplinks {
		if err := CheckName("uplink", u.Name); err != nil {
			return nil, err
		}
		bound := ""
		switch other := names[u.Name]; {
		case other != "":
			bound = "must not be " + other + " too"
		case uplinks[u.Name]:
			bound = "must appear once"
		}
		if bound != "" {
			return nil, &configfile.OptionError{Option: "uplink", Value: u.Name, Bound: bound}
		}
		uplinks[u.Name] = true
	}
	return uplinks, nil
}

// checkParents finds links that would have two masters, or carry VLANs of which their bridge gets the frames: a port of a
// bridge hands all that it receives to the bridge, and which tagged frames a VLAN of the same link still sees depends on
// the bridge's own settings.
func (c *Config) checkParents(names map[string]string) error {
	users := make(map[string]*Bridge)
	for i := range c.Bridges {
		b := &c.Bridges[i]
		if b.Parent == "" {
			continue
		}
		if own := names[b.Parent]; own != "" {
			return b.fail("parent", b.Parent, "must not be a link of ours, %s", own)
		}
		other := users[b.Parent]
		users[b.Parent] = b
		switch {
		case other == nil, other.VLAN != 0 && b.VLAN != 0:
		case other.VLAN != 0:
			return b.fail("parent", b.Parent, "must not carry VLAN %d of bridge %s too", other.VLAN, other.Name)
		default:
			return b.fail("parent", b.Parent, "must not be the port of bridge %s too", other.Name)
		}
	}
	return nil
}
