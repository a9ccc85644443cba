package netcalc

import (
	"errors"
	"math"
	"net/netip"
	"testing"
)

// Every error about a value has it and the reason as fields, so that no caller cuts a sentence apart.
func TestValueError(t *testing.T) {
	mac := func(s string) MAC {
		m, err := ParseMAC(s)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	second := func(_ any, err error) error { return err }
	const noGuest = "leaves no address for a guest: the smallest size that works is 8"
	for _, c := range []struct {
		err                     error
		value, reason, sentence string // an empty sentence is the value, a space and the reason
	}{
		// Typed text is quoted in the sentence and is itself in the field.
		{second(ParsePrefix("10/33\n")), "10/33\n", `is not an address range: prefix length "33\n" is not a decimal number`,
			`"10/33\n" is not an address range: prefix length "33\n" is not a decimal number`},
		{second(ParsePrefix("10.0.0.1")), "10.0.0.1", "is one address, not a range: write 10.0.0.1/32 for a range of one", ""},
		{second(ParsePrefix("FD00::1")), "fd00::1", "is one address, not a range: write fd00::1/128 for a range of one", ""},
		{second(ParsePrefix("10.0.1.5/24")), "10.0.1.5/24", "has host bits set: the network is 10.0.1.0/24",
			`"10.0.1.5/24" has host bits set: the network is 10.0.1.0/24`},
		{second(ParsePrefix("10.0.0.0-10.0.0.2")), "10.0.0.0-10.0.0.2", "is not one CIDR block: the largest in it is 10.0.0.0/31",
			`"10.0.0.0-10.0.0.2" is not one CIDR block: the largest in it is 10.0.0.0/31`},
		{second(ParsePrefix4("fd00::/8")), "fd00::/8", "is an IPv6 range: an IPv4 range is expected",
			`"fd00::/8" is an IPv6 range: an IPv4 range is expected`},
		{second(ParseAddr("")), "", "is not an address: it has no address", `"" is not an address: it has no address`},
		{second(ParseSpan("10.0.0.2-10.0.0.1")), "10.0.0.2-10.0.0.1", "runs backwards: write 10.0.0.1-10.0.0.2",
			`"10.0.0.2-10.0.0.1" runs backwards: write 10.0.0.1-10.0.0.2`},
		// A part of a range is at fault, and the field still has all that was typed.
		{second(ParseSpan("10.0.0.2-x")), "10.0.0.2-x", `is not an address range: "x" is not an address: octet "x" is not a decimal number`,
			`"10.0.0.2-x" is not an address range: "x" is not an address: octet "x" is not a decimal number`},
		{second(ParseRelativeSpan("+2-+1")), "+2-+1", "runs backwards: write +1-+2", `"+2-+1" runs backwards: write +1-+2`},
		{second(ParseMAC("x")), "x", "is not a MAC address like 02:16:3e:33:44:55", `"x" is not a MAC address like 02:16:3e:33:44:55`},

		// What came in as a value is in its canonical form.
		{CheckServable(prefix("127.0.0.0/8")), "127.0.0.0/8", "is in 127.0.0.0/8, loopback (RFC 6890 §2.2.2): a network node cannot serve it", ""},
		{CheckServable(prefix("126.0.0.0/7")), "126.0.0.0/7", "overlaps 127.0.0.0/8, loopback (RFC 6890 §2.2.2): a network node cannot serve it", ""},
		{CheckServable(prefix("4000::/16")), "4000::/16", "is neither global unicast (2000::/3, RFC 4291 §2.5.4) nor unique local (fc00::/7, RFC 4193 §3.1): a network node cannot serve it", ""},
		{CheckServableAddr(addr("fe80::1%eth0")), "fe80::1%eth0", "is in fe80::/10, link-local (RFC 4291 §2.5.6): a network node cannot serve it", ""},
		{CheckServable(netip.Prefix{}), "", "no address range is given", "no address range is given"},
		{CheckServableAddr(netip.Addr{}), "", "no address is given", "no address is given"},
		{CheckFixedRangeV6(netip.Prefix{}, 1), "", "no IPv6 range is given", "no IPv6 range is given"},
		{CheckFixedRangeV6(prefix("fd00::1/48"), 1), "fd00::1/48", "has host bits set: the network is fd00::/48",
			`"fd00::1/48" has host bits set: the network is fd00::/48`},
		{CheckFixedRangeV6(prefix("fd00::/64"), 2), "fd00::/64", "holds 1 network of /64: 2 are asked for", ""},
		{second(EUI64(prefix("fd00::/63"), MAC{})), "fd00::/63", "is not an IPv6 /64: no EUI-64 address can be formed in it", ""},
		{second(MACFromEUI64(addr("fd00::1"))), "fd00::1", "has no MAC address: its interface identifier is not an EUI-64 made from a MAC address", ""},
		{second(RelativeSpan{1, 32}.In(prefix("10.0.0.0/27"))), "+1-+32", "is not inside 10.0.0.0/27", ""},
		{second(FlatLayout(prefix("fd00::/64"), netip.Addr{})), "fd00::/64", "is not an IPv4 network", ""},

		// A word that says what the value is belongs to neither.
		{mac("01:00:5E:00:00:01").CheckUnicast(), "01:00:5e:00:00:01", "is a multicast address: a unicast address is expected",
			"MAC address 01:00:5e:00:00:01 is a multicast address: a unicast address is expected"},
		{second(SizeBits(24)), "24", "is not a power of two: the nearest are 16 and 32", "network size 24 is not a power of two: the nearest are 16 and 32"},
		{second(SizeBits(math.MaxUint64)), "18446744073709551615", "is over 4294967296, the size of the IPv4 address space",
			"network size 18446744073709551615 is over 4294967296, the size of the IPv4 address space"},
		{second(Carve(prefix("10.0.0.0/8"), 7, 1)), "/7", "is larger than 10.0.0.0/8", "a network of /7 is larger than 10.0.0.0/8"},
		{second(Carve(prefix("10.0.0.0/8"), 9, 3)), "10.0.0.0/8", "holds 2 networks of /9: 3 are asked for", ""},
		{second(VlanLayout(prefix("10.0.0.0/24"), addr("10.0.0.2"), 0)), "10.0.0.2", "is the VPN address of 10.0.0.0/24",
			"gateway 10.0.0.2 is the VPN address of 10.0.0.0/24"},
		{second(VlanLayout(prefix("10.0.0.0/30"), netip.Addr{}, 0)), "10.0.0.0/30", noGuest, "10.0.0.0/30, a network of 4, " + noGuest},
		// The gateway is right and the network too small beside it, so it is the network that is named.
		{second(FlatLayout(prefix("10.0.0.0/30"), addr("10.0.0.2"))), "10.0.0.0/30", noGuest, "gateway 10.0.0.2: 10.0.0.0/30, a network of 4, " + noGuest},
		{second(FromKey([]byte{10, 0, 0, 1})), "0a000001", "is 4 bytes long: 16 are expected", "address key 0a000001 is 4 bytes long: 16 are expected"},
	} {
		if c.sentence == "" {
			c.sentence = c.value + " " + c.reason
		}
		want(t, "error", errText(c.err), c.sentence)
		var refused *ValueError
		if !errors.As(c.err, &refused) {
			t.Errorf("%q is no *ValueError", c.err)
			continue
		}
		want(t, "Value of "+c.sentence, refused.Value, c.value)
		want(t, "Reason of "+c.sentence, refused.Reason, c.reason)
	}
	// One that is made elsewhere has the sentence too.
	want(t, "error", (&ValueError{Value: "10/8", Reason: "is taken"}).Error(), "10/8 is taken")
}
