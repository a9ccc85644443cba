package networkdgen

import (
	"net/netip"
	"strconv"

	"nova-manage/internal/links"
)

func vlanNetdev(b *links.Bridge) []byte {
	return newFile().
		section("NetDev", "Name="+b.VLANName(), "Kind=vlan").
		section("VLAN", "Id="+strconv.Itoa(b.VLAN))
}

// vlanNetwork makes the VLAN a port and nothing else: what arrives on it is the bridge's.
func vlanNetwork(b *links.Bridge) []byte {
	return newFile().
		section("Match", "Name="+b.VLANName()).
		section("Link", "RequiredForOnline=no").
		section("Network", "Bridge="+b.Name, "LinkLocalAddressing=no", "IPv6AcceptRA=no")
}

// bridgeNetdev makes a bridge that forwards at once.
func bridgeNetdev(name string) []byte {
	f := newFile().section("NetDev", "Name="+name, "Kind=bridge")
	// A new port would only learn for twice that long, and by then a guest has given up on DHCP and found no neighbour in
	// the way of its address. With STP off there is nothing to wait for.
	f = f.section("Bridge", "STP=no", "ForwardDelaySec=0")
	// Neighbours are found by multicast (RFC 4861 section 7.2.2), and a bridge that snoops without a querier on the link may
	// not send it where it should.
	return f.lines("MulticastSnooping=no")
}

func bridgeNetwork(b *links.Bridge) []byte {
	f := newFile().section("Match", "Name="+b.Name).section("Link")
	if b.MTU != 0 {
		// Set, it stays whatever the ports have.
		f = f.lines("MTUBytes=" + strconv.Itoa(b.MTU))
	}
	// A bridge has no carrier before its first guest; a node without guests is as online as any.
	f = f.lines("RequiredForOnline=no")
	// Addresses are there before the first guest, and stay when the last one goes.
	f = f.section("Network", "ConfigureWithoutCarrier=yes", "IPv6AcceptRA=no")
	if b.HasIPv6() && !b.LinkLocal.IsValid() {
		// Advertisements come from the link-local address (RFC 4861 section 4.2).
		f = f.lines("LinkLocalAddressing=ipv6", "IPv6DuplicateAddressDetection=0")
	} else {
		// Where there is no IPv6 an address would make networkd raise an MTU below 1280.
		f = f.lines("LinkLocalAddressing=no")
	}
	for _, p := range b.AllAddresses() {
		f = f.section("Address", "Address="+p.String())
		if p.Addr().Is6() {
			// On a link without carrier the address would stay tentative, and nobody could bind it. IPv6DuplicateAddressDetection
			// does not help: there, nothing is sent, but the address waits all the same (addrconf_dad_begin).
			f = f.lines("DuplicateAddressDetection=none")
		}
	}
	return f
}

// floatingNetwork gives the node floating IPv4 addresses by routes and not by addresses: those would have a subnet and a
// place among the addresses that the node sends from.
func floatingNetwork(addresses []netip.Addr) []byte {
	f := newFile().
		section("Match", "Name="+links.FloatingLink).
		section("Link", "RequiredForOnline=no").
		section("Network", "ConfigureWithoutCarrier=yes", "IPv6AcceptRA=no", "LinkLocalAddressing=no")
	for _, a := range addresses {
		f = f.section("Route", "Destination="+a.String()+"/32", "Type=local")
	}
	return f
}

// uplinkDropIn is written for every uplink, with or without ports: were it to go with the last of them, networkd would
// reconfigure the uplink without KeepConfiguration.
func uplinkDropIn(c *links.Config, u *links.Uplink, ports []string) []byte {
	f := newFile().section("Network")
	// Whenever this file changes networkd reconfigures the uplink, and 252 deletes its addresses and routes for a moment
	// unless it is told to keep them. "yes" does not help; what helps depends on where they come from.
	f = f.comment("Adding a VLAN must not interrupt the uplink.")
	if u.DHCP {
		f = f.lines("KeepConfiguration=dhcp")
	} else {
		f = f.lines("KeepConfiguration=static")
	}
	f = f.lines(ports...)
	if addresses := c.FloatingIPv6(u.Name); addresses != nil {
		// A local route would do for forwarding, but the node would not hear the question: it goes to the address's
		// solicited-node group (RFC 4861 section 7.2.1).
		f = f.lines("IPv6ProxyNDP=yes")
		for _, a := range addresses {
			f = f.lines("IPv6ProxyNDPAddress=" + a.String())
		}
	}
	return f
}
