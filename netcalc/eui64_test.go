package netcalc

import (
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
)

func TestParseMAC(t *testing.T) {
	for _, s := range []string{"02:16:3e:33:44:55", "02-16-3e-33-44-55", "0216.3e33.4455", "02:16:3E:33:44:55", "0216.3E33.4455"} {
		m, err := ParseMAC(s)
		want(t, "error", errText(err), "<nil>")
		want(t, "ParseMAC of "+s, m.String(), "02:16:3e:33:44:55")
	}
	for _, s := range []string{
		"", "02163e334455", "02:16:3e:33:44", "02:16:3e:33:44:55:66", "02:16-3e:33:44:55", "02-16:3e-33-44-55", "0216:3e33:4455",
		"0216.3e33:4455", "02.16.3e.33.44.55", "02:16:3e:33:44:5g", "+2:16:3e:33:44:55", " 2:16:3e:33:44:55", "2:16:3e:33:44:55", "02:16:3e:33:44:55\n",
		"02:16:3e:ff:fe:33:44:55", "0216.3e33.4455.66", ":::::::::::::::::", "..............", "éé:16:3e:33:44:5",
	} {
		if m, err := ParseMAC(s); err == nil {
			t.Errorf("ParseMAC(%q) = %s", s, m)
		}
	}
	_, err := ParseMAC("02:16:3e:33:44:5\n")
	want(t, "error", errText(err), `"02:16:3e:33:44:5\n" is not a MAC address like 02:16:3e:33:44:55`)
}

func TestMAC_CheckUnicast(t *testing.T) {
	for s, text := range map[string]string{
		"02:16:3e:33:44:55": "<nil>",
		"fe:ff:ff:ff:ff:ff": "<nil>",
		"00:00:00:00:00:01": "<nil>",
		"ff:ff:ff:ff:ff:ff": "MAC address ff:ff:ff:ff:ff:ff is the broadcast address: a unicast address is expected",
		"01:00:5e:00:00:01": "MAC address 01:00:5e:00:00:01 is a multicast address: a unicast address is expected",
		"33:33:00:00:00:01": "MAC address 33:33:00:00:00:01 is a multicast address: a unicast address is expected",
		"00:00:00:00:00:00": "MAC address 00:00:00:00:00:00 is the all-zero address: a unicast address is expected",
	} {
		m, err := ParseMAC(s)
		if err != nil {
			t.Fatal(err)
		}
		want(t, "error", errText(m.CheckUnicast()), text)
	}
}

// RFC 4291 appendix A draws the example in bits: c is the company, 0 and then 1 the universal/local bit, g the
// individual/group bit, m what the manufacturer chose.
//
//	|cccccc0gcccccccc|ccccccccmmmmmmmm|mmmmmmmmmmmmmmmm|
//	|cccccc1gcccccccc|cccccccc11111111|11111110mmmmmmmm|mmmmmmmmmmmmmmmm|
func TestEUI64_appendixA(t *testing.T) {
	const mac = "cccccc0gccccccccccccccccmmmmmmmmmmmmmmmmmmmmmmmm"
	const identifier = "cccccc1gcccccccccccccccc1111111111111110mmmmmmmmmmmmmmmmmmmmmmmm"
	for letters := range 8 { // every way to set all c, g and m bits
		values := strings.NewReplacer("c", bit(letters, 0), "g", bit(letters, 1), "m", bit(letters, 2))
		m := MAC(bytesOf(values.Replace(mac)))
		b := netip.MustParseAddr("2001:db8::").As16()
		copy(b[8:], bytesOf(values.Replace(identifier)))
		checkEUI64(t, prefix("2001:db8::/64"), m, netip.AddrFrom16(b))
	}
}

func bit(set, i int) string { return string('0' + byte(set>>i&1)) }

func bytesOf(bits string) []byte {
	b := make([]byte, len(bits)/8)
	for i, c := range bits {
		b[i/8] = b[i/8]<<1 | byte(c-'0')
	}
	return b
}

func checkEUI64(t *testing.T, p netip.Prefix, m MAC, a netip.Addr) {
	t.Helper()
	got, err := EUI64(p, m)
	want(t, "error", errText(err), "<nil>")
	want(t, "EUI64 of "+m.String(), got, a)
	back, err := MACFromEUI64(a)
	want(t, "error", errText(err), "<nil>")
	want(t, "MACFromEUI64 of "+a.String(), back, m)
}

func TestEUI64(t *testing.T) {
	for _, c := range []struct{ prefix, mac, address string }{
		{"fd00:1::/64", "02:16:3e:33:44:55", "fd00:1::16:3eff:fe33:4455"},       // Nova 2011.1's example
		{"2001:db8::/64", "34:56:78:9a:bc:de", "2001:db8::3656:78ff:fe9a:bcde"}, // RFC 2464 §4
		{"fd00:1::ffff:0:0:1/64", "00:00:00:00:00:00", "fd00:1::200:ff:fe00:0"}, // host bits of the prefix give way
		{"fe80::/64", "ff:ff:ff:ff:ff:ff", "fe80::fdff:ffff:feff:ffff"},
	} {
		m, err := ParseMAC(c.mac)
		if err != nil {
			t.Fatal(err)
		}
		checkEUI64(t, prefix(c.prefix), m, addr(c.address))
	}
	for _, p := range []netip.Prefix{prefix("fd00::/48"), prefix("fd00::/65"), prefix("10.0.0.0/24"), {}} {
		_, err := EUI64(p, MAC{})
		want(t, "error", errText(err), p.String()+" is not an IPv6 /64: no EUI-64 address can be formed in it")
	}
}

func TestMACFromEUI64_errors(t *testing.T) {
	for _, a := range []netip.Addr{
		addr("fd00:1::1"), addr("fd00:1::16:3eff:ff33:4455"), addr("fd00:1::16:3efe:fe33:4455"), addr("ff02::16:3eff:fe33:4455"),
		addr("10.0.0.1"), addr("254.33.44.55"), addr("::ffff:254.33.44.55"), {},
	} {
		_, err := MACFromEUI64(a)
		want(t, "error", errText(err), a.String()+" has no MAC address: its interface identifier is not an EUI-64 made from a MAC address")
	}
}

func TestULA(t *testing.T) {
	p, err := ULA(strings.NewReader("\x01\x23\x45\x67\x89rest"))
	want(t, "error", errText(err), "<nil>")
	want(t, "ULA", p, prefix("fd01:2345:6789::/48"))
	_, err = ULA(strings.NewReader("\x01\x23"))
	want(t, "error", errText(err), "reading the 40 random bits of a unique local prefix: unexpected EOF")
	want(t, "wrapped", errors.Is(err, io.ErrUnexpectedEOF), true)
}

func BenchmarkEUI64(b *testing.B) {
	p, m := prefix("fd00:1::/64"), MAC{2, 0x16, 0x3e, 0x33, 0x44, 0x55}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := EUI64(p, m); err != nil {
			b.Fatal(err)
		}
	}
}
