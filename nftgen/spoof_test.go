package nftgen

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"nova-manage/internal/configtest"
)

const foreign4, foreign6 = "198.51.100.7", "2001:db8:7::7"

// sent is a frame that a guest sends.
type sent struct {
	name  string
	frame []byte
	from  *configtest.Guest
	// foreign says that nothing of ours is in it: the bridge table leaves it alone, which cannot tell what bridge it is on.
	// With br_netfilter the other table sees it, too, and knows.
	foreign bool
}

func (s *site) udp4(name, from, source string) sent {
	return sent{name: name, frame: ether(broadcast, from, typeIP4, ip4(source, "255.255.255.255", udp(9, 9, name)))}
}

func (s *site) udp6(name, from, source string) sent {
	return sent{name: name, frame: ether(broadcast, from, typeIP6, ip6(17, source, "ff02::1", udp(9, 9, name)))}
}

func (s *site) nd(name, from, source string, message []byte) sent {
	return sent{name: name, frame: ether("33:33:00:00:00:01", from, typeIP6, ip6(58, source, "ff02::1", message))}
}

// forged is what a guest must not send, from a's port where it does not say otherwise.
func (s *site) forged() []sent {
	linkA, linkNode := "fe80::16:3eff:fe00:4", "fe80::ff:fe00:1"
	offer := func(name string, port uint16, source string) sent {
		return sent{name: name, frame: ether(broadcast, s.macA, typeIP4, ip4(source, "255.255.255.255", udp(port, 68, name)))}
	}
	list := []sent{
		s.udp4("v4 of another guest", s.macA, addrB),
		s.udp4("v4 of the gateway", s.macA, "10.0.1.1"),
		s.udp4("v4 of nobody in the network", s.macA, "10.0.1.25"),
		s.udp4("v4 of nobody in the network with a made-up MAC", "02:16:3e:00:77:77", "10.0.1.25"),
		s.udp4("open v4 with a guest's MAC", s.macA, "10.0.1.20"),
		s.udp4("v4 of another network", s.macA, addrC),
		s.udp4("v4 of the world", s.macA, foreign4),
		s.udp4("own v4 with another guest's MAC", s.macB, addrA),
		s.udp4("own v4 with a made-up MAC", "02:16:3e:00:77:77", addrA),
		s.udp4("v4 of another guest with a made-up MAC", "02:16:3e:00:77:77", addrB),
		s.udp4("foreign v4 with another guest's MAC", s.macB, foreign4),
		s.udp6("v6 of another guest", s.macA, addrB6),
		s.udp6("EUI-64 address of another guest", s.macA, eui64B),
		s.udp6("v6 of the gateway", s.macA, "fd00:1::1"),
		s.udp6("v6 of nobody in the network", s.macA, "fd00:1::77"),
		s.udp6("v6 of the world", s.macA, foreign6),
		s.udp6("own v6 with another guest's MAC", s.macB, addrA6),
		s.udp6("own v6 with a made-up MAC", "02:16:3e:00:77:77", addrA6),
		s.udp6("link-local of another guest", s.macA, linkLocalB),
		s.udp6("link-local of another guest with a made-up MAC", "02:16:3e:00:77:77", linkLocalB),
		s.udp6("link-local of the bridge", s.macA, linkNode),
		s.udp6("link-local of the bridge with a made-up MAC", "02:16:3e:00:77:77", linkNode),
		s.nd("claim of another guest's v6", s.macA, linkA, advert(addrB6, s.macA)),
		s.nd("claim of the gateway's v6", s.macA, linkA, advert("fd00:1::1", s.macA)),
		s.nd("claim of a foreign v6", s.macA, linkA, advert(foreign6, s.macA)),
		s.nd("claim of another guest's link-local", s.macA, linkA, advert(linkLocalB, s.macA)),
		s.nd("claim of the bridge's link-local", s.macA, linkA, advert(linkNode, s.macA)),
		s.nd("claim of a guest's v6 with a made-up MAC", "02:16:3e:00:77:77", "fe80::16:3eff:fe00:7777", advert(addrB6, s.macA)),
		s.nd("claim of the bridge's link-local with a made-up MAC", "02:16:3e:00:77:77", "fe80::16:3eff:fe00:7777", advert(linkNode, s.macA)),
		s.nd("DAD for another guest's v6", s.macA, "::", solicit(addrB6)),
		s.nd("DAD for the gateway's v6", s.macA, "::", solicit("fd00:1::1")),
		s.nd("RA", s.macA, linkA, routerAdvert()),
		s.nd("RA with a made-up MAC", "02:16:3e:00:77:77", "fe80::16:3eff:fe00:7777", routerAdvert()),
		s.nd("RA with a privacy address", s.macA, "fe80::1234", routerAdvert()),
		s.nd("redirect", s.macA, linkA, icmp6(137, make([]byte, 36))),
		offer("DHCP offer", 67, addrA),
		offer("DHCP offer from another port", 9, addrA),
		offer("DHCP offer as the gateway", 67, "10.0.1.1"),
		{name: "DHCPv6 answer", frame: ether(broadcast, s.macA, typeIP6, ip6(17, linkA, "ff02::1", udp(547, 546, "DHCPv6 answer")))},
	}
	for name, a := range map[string][]byte{
		"ARP reply for another guest":                        ether(broadcast, s.macA, typeARP, arp(2, s.macA, addrB, broadcast, addrB)),
		"ARP reply for the gateway":                          ether(broadcast, s.macA, typeARP, arp(2, s.macA, "10.0.1.1", broadcast, "10.0.1.1")),
		"ARP reply for the gateway with a made-up MAC":       ether(broadcast, "02:16:3e:00:77:77", typeARP, arp(2, "02:16:3e:00:77:77", "10.0.1.1", broadcast, "10.0.1.1")),
		"ARP with another sender than the frame's":           ether(broadcast, s.macA, typeARP, arp(1, s.macB, addrB, broadcast, "10.0.1.9")),
		"ARP that says a's address is at b's":                ether(broadcast, s.macA, typeARP, arp(2, s.macB, addrA, broadcast, addrA)),
		"ARP from an unknown MAC with the sender of a's":     ether(broadcast, "02:16:3e:00:77:77", typeARP, arp(1, s.macA, addrA, broadcast, "10.0.1.9")),
		"ARP of an open address with a guest's MAC":          ether(broadcast, s.macA, typeARP, arp(1, s.macA, "10.0.1.21", broadcast, addrB)),
		"ARP probe for an open address with a guest's MAC":   ether(broadcast, s.macA, typeARP, arp(1, s.macA, "0.0.0.0", "00:00:00:00:00:00", "10.0.1.21")),
		"ARP of a foreign address":                           ether(broadcast, s.macA, typeARP, arp(1, s.macA, foreign4, broadcast, addrB)),
		"ARP probe for another guest's address":              ether(broadcast, s.macA, typeARP, arp(1, s.macA, "0.0.0.0", "00:00:00:00:00:00", addrB)),
		"ARP probe for a foreign address":                    ether(broadcast, s.macA, typeARP, arp(1, s.macA, "0.0.0.0", "00:00:00:00:00:00", foreign4)),
		"ARP probe with a made-up MAC for a guest's address": ether(broadcast, "02:16:3e:00:77:77", typeARP, arp(1, "02:16:3e:00:77:77", "0.0.0.0", "00:00:00:00:00:00", addrB)),
	} {
		list = append(list, sent{name: name, frame: a})
	}
	// A tag of VLAN 0 is no VLAN: who gets the frame takes it without.
	for _, f := range list {
		for tags := 1; tags <= 2; tags++ {
			list = append(list, sent{name: fmt.Sprintf("%s, %d tags", f.name, tags), frame: tagged(f.frame, tags)})
		}
	}
	return list
}

// honest is what a guest must be able to send.
func (s *site) honest() []sent {
	linkA := "fe80::16:3eff:fe00:4"
	list := []sent{
		s.udp4("own v4", s.macA, addrA),
		s.udp6("own v6", s.macA, addrA6),
		s.udp6("own link-local", s.macA, linkA),
		s.udp6("privacy link-local", s.macA, "fe80::1234:5678:9abc:def0"),
		s.nd("claim of own v6", s.macA, linkA, advert(addrA6, s.macA)),
		s.nd("claim of a privacy link-local", s.macA, "fe80::1234", advert("fe80::1234", s.macA)),
		s.nd("DAD for own v6", s.macA, "::", solicit(addrA6)),
		s.nd("DAD for own link-local", s.macA, "::", solicit(linkA)),
		s.nd("router solicitation from no address", s.macA, "::", icmp6(133, make([]byte, 4))),
		s.nd("neighbour solicitation", s.macA, linkA, solicit(addrB6)),
		s.nd("MLD report from no address", s.macA, "::", icmp6(143, make([]byte, 4))),
		s.udp4("open v4", "02:16:3e:00:77:77", "10.0.1.20"),
		{name: "ARP of an open address", frame: ether(broadcast, "02:16:3e:00:77:77", typeARP, arp(1, "02:16:3e:00:77:77", "10.0.1.21", "00:00:00:00:00:00", addrB))},
		{name: "ARP probe for an open address", frame: ether(broadcast, "02:16:3e:00:77:77", typeARP, arp(1, "02:16:3e:00:77:77", "0.0.0.0", "00:00:00:00:00:00", "10.0.1.21"))},
		{name: "ARP request", frame: ether(broadcast, s.macA, typeARP, arp(1, s.macA, addrA, "00:00:00:00:00:00", addrB))},
		{name: "ARP probe", frame: ether(broadcast, s.macA, typeARP, arp(1, s.macA, "0.0.0.0", "00:00:00:00:00:00", addrA))},
		{name: "DHCP discover", frame: ether(broadcast, s.macA, typeIP4, ip4("0.0.0.0", "255.255.255.255", udp(68, 67, "discover")))},
		{name: "DHCPv6 solicit", frame: ether(broadcast, s.macA, typeIP6, ip6(17, linkA, "ff02::1:2", udp(546, 547, "solicit")))},
		// What is none of ours is left alone.
		{name: "another protocol", frame: ether(broadcast, s.macA, 0x88b5, []byte("another protocol, of 46 bytes or more, as Ethernet has it"))},
	}
	for _, f := range []sent{
		s.udp4("foreign address and MAC", "02:16:3e:00:77:77", foreign4),
		s.udp6("foreign v6 and MAC", "02:16:3e:00:77:77", foreign6),
	} {
		f.foreign = true
		list = append(list, f)
	}
	trusted := s.nd("RA from a trusted port", "02:16:3e:00:88:88", "fe80::8888", routerAdvert())
	trusted.from = s.stray
	return append(list, trusted)
}

// send sends frames from a's port and tells which of them get to b, and to the node.
func (s *site) send(t *testing.T, list []sent) (atB, atNode map[string]bool) {
	t.Helper()
	s.b.Captured(t, "eth0")
	s.node.Captured(t, "br100")
	for _, f := range list {
		from := f.from
		if from == nil {
			from = s.a
		}
		from.Send(t, "eth0", f.frame)
	}
	// The last one is known to pass. Frames of one port stay in order.
	last := s.udp4("the last one", s.macA, addrA)
	s.a.Send(t, "eth0", last.frame)
	seen := func(g *configtest.Guest, device string) map[string]bool {
		var frames [][]byte
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
			frames = append(frames, g.Captured(t, device)...)
			if bytes.Contains(bytes.Join(frames, nil), []byte("the last one")) {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("%s: the last frame does not come", g.Namespace)
			}
		}
		got := map[string]bool{}
		for _, f := range list {
			for _, frame := range frames {
				// A tag may have been taken off on the way.
				for tags := 0; tags <= 2; tags++ {
					if bytes.HasPrefix(tagged(frame, tags), f.frame) {
						got[f.name] = true
					}
				}
			}
		}
		return got
	}
	return seen(s.b, "eth0"), seen(s.node, "br100")
}

func TestPackets_forged(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		c := siteConfig()
		c.TrustedPorts = []string{"tap-stray"}
		s.load(c)
		s.b.Capture(t, "eth0")
		s.node.Capture(t, "br100")

		honest, forged := s.honest(), s.forged()
		atB, atNode := s.send(t, honest)
		for _, f := range honest {
			passes := !f.foreign || s.netfilter == "0"
			if atB[f.name] != passes || atNode[f.name] != passes {
				t.Errorf("%s is seen at b %t and at the node %t, want %t", f.name, atB[f.name], atNode[f.name], passes)
			}
		}
		atB, atNode = s.send(t, forged)
		for _, f := range forged {
			if atB[f.name] || atNode[f.name] {
				t.Errorf("%s passes: at b %t, at the node %t", f.name, atB[f.name], atNode[f.name])
			}
		}

		// What comes to the node from nobody's MAC and address is not routed on.
		s.world.Capture(t, "eth0")
		foreign := ether(s.macNode, "02:16:3e:00:77:77", typeIP4, ip4(foreign4, world4, udp(9, 9, "foreign through the node")))
		foreignV6 := ether(s.macNode, "02:16:3e:00:77:77", typeIP6, ip6(17, foreign6, world6, udp(9, 9, "foreign v6 through the node")))
		s.a.Send(t, "eth0", foreign)
		s.a.Send(t, "eth0", foreignV6)
		s.a.Send(t, "eth0", ether(s.macNode, s.macA, typeIP4, ip4(addrA, world4, udp(9, 9, "own through the node"))))
		var got []byte
		for deadline := time.Now().Add(5 * time.Second); !bytes.Contains(got, []byte("own through the node")); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a's own packet does not get out")
			}
			got = append(got, bytes.Join(s.world.Captured(t, "eth0"), nil)...)
		}
		if bytes.Contains(got, []byte("foreign")) {
			t.Error("the node routes a foreign source")
		}

		// Without the table all of it passes, or this test would prove nothing. With br_netfilter the other table drops
		// forged sources as well.
		s.node.Run(t, "nft", "delete table bridge nova; delete table inet nova")
		atB, _ = s.send(t, forged)
		for _, f := range forged {
			if !atB[f.name] {
				t.Errorf("%s does not arrive without the table either", f.name)
			}
		}
	})
}

// TestPackets_outside has the world use an address of a guest's network, which a source group would let in.
func TestPackets_outside(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		s.a.Capture(t, "eth0")
		s.world.Pings(t, addrA)
		link := s.node.Run(t, "cat", "/sys/class/net/eth0/address")
		packet := func(source, text string) []byte {
			return ether(link, s.world.Run(t, "cat", "/sys/class/net/eth0/address"), typeIP4, ip4(source, addrA, udp(9, 53, text)))
		}
		s.world.Send(t, "eth0", packet(addrC, "forged"))
		s.c.Listen(t, "udp", "[::]:9")
		for s.c.Dial(t, "udp", addrA+":53") != "" {
			t.Fatal("nobody listens")
		}
		if frames := s.a.Captured(t, "eth0"); bytes.Contains(bytes.Join(frames, nil), []byte("forged")) {
			t.Error("an address of our networks comes in from outside")
		}
		s.node.Run(t, "nft", "flush chain inet nova sources")
		s.world.Send(t, "eth0", packet(addrC, "forged"))
		time.Sleep(100 * time.Millisecond)
		if frames := s.a.Captured(t, "eth0"); !bytes.Contains(bytes.Join(frames, nil), []byte("forged")) {
			t.Error("it does not come in without the chain either")
		}
	})
}
