package nftgen

import (
	"encoding/binary"
	"net/netip"
)

// Frames are put together by hand, because a spoofed one is what no socket sends.

var broadcast = "ff:ff:ff:ff:ff:ff"

func ether(to, from string, kind uint16, payload []byte) []byte {
	a, b := mac(to), mac(from)
	frame := append(append([]byte{}, a[:]...), b[:]...)
	return append(binary.BigEndian.AppendUint16(frame, kind), payload...)
}

// tagged puts VLAN tags with id 0, the priority tag, into a frame.
func tagged(frame []byte, tags int) []byte {
	out := append([]byte{}, frame[:12]...)
	for range tags {
		out = append(out, 0x81, 0, 0, 0)
	}
	return append(out, frame[12:]...)
}

func sum(b []byte, start uint32) uint16 {
	for i := 0; i+1 < len(b); i += 2 {
		start += uint32(b[i])<<8 | uint32(b[i+1])
	}
	if len(b)%2 == 1 {
		start += uint32(b[len(b)-1]) << 8
	}
	for start > 0xffff {
		start = start>>16 + start&0xffff
	}
	return ^uint16(start)
}

func udp(from, to uint16, data string) []byte {
	b := binary.BigEndian.AppendUint16(nil, from)
	b = binary.BigEndian.AppendUint16(b, to)
	b = binary.BigEndian.AppendUint16(b, uint16(8+len(data)))
	return append(append(b, 0, 0), data...)
}

// ip4 carries UDP, whose checksum may be left out.
func ip4(from, to string, payload []byte) []byte {
	b := []byte{0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0}
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	b = append(append(b, addr(from).AsSlice()...), addr(to).AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], sum(b, 0))
	return append(b, payload...)
}

// ip6 carries UDP or ICMPv6, and fills their checksum in.
func ip6(next byte, from, to string, payload []byte) []byte {
	at := map[byte]int{17: 6, 58: 2}[next]
	payload = append([]byte{}, payload...)
	b := []byte{0x60, 0, 0, 0, 0, 0, next, 255}
	binary.BigEndian.PutUint16(b[4:], uint16(len(payload)))
	ends := append(addr(from).AsSlice(), addr(to).AsSlice()...)
	check := sum(append(append([]byte{}, ends...), payload...), uint32(len(payload))+uint32(next))
	binary.BigEndian.PutUint16(payload[at:], check)
	return append(append(b, ends...), payload...)
}

// icmp6 is a message with its body after the checksum.
func icmp6(kind byte, body ...[]byte) []byte {
	b := []byte{kind, 0, 0, 0}
	for _, part := range body {
		b = append(b, part...)
	}
	return b
}

func arp(op byte, fromMAC, from, toMAC, to string) []byte {
	a, b := mac(fromMAC), mac(toMAC)
	p := append([]byte{0, 1, 8, 0, 6, 4, 0, op}, a[:]...)
	p = append(append(p, addr(from).AsSlice()...), b[:]...)
	return append(p, addr(to).AsSlice()...)
}

const (
	typeIP4 = 0x0800
	typeIP6 = 0x86dd
	typeARP = 0x0806
)

// advert is a neighbour advertisement that claims an address for a MAC.
func advert(target, at string) []byte {
	m := mac(at)
	return icmp6(136, []byte{0x20, 0, 0, 0}, addr(target).AsSlice(), []byte{2, 1}, m[:])
}

// solicit asks for an address; from no address it is duplicate address detection.
func solicit(target string) []byte { return icmp6(135, make([]byte, 4), addr(target).AsSlice()) }

func routerAdvert() []byte {
	return icmp6(134, []byte{64, 0, 7, 8}, make([]byte, 8), // lifetime of 1800 seconds
		[]byte{3, 4, 64, 0xc0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}, netip.MustParseAddr("2001:db8:bad::").AsSlice())
}
