package radvdgen

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"

	"nova-manage/internal/configfile"
	"nova-manage/internal/configtest"
)

// goldenConfigs are the files in testdata: what a VlanManager and a flat manager need, and every option there is.
func goldenConfigs() map[string]Config {
	vlan := func(name, prefix string) Interface {
		return Interface{
			Name:               name,
			MinRtrAdvInterval:  secs(30),
			MaxRtrAdvInterval:  secs(100),
			DefaultLifetime:    secs(300),
			Prefixes:           prefixes(prefix),
			RDNSS:              []RDNSS{{Servers: addrs("2001:4860:4860::8844")}},
			LinkMTU:            1450,
			OtherConfig:        Off,
			SourceLLAddress:    Default,
			RASolicitedUnicast: Default,
		}
	}
	all := Interface{
		Name:               "eth0.100",
		SendAdvert:         On,
		IgnoreIfMissing:    Off,
		MinRtrAdvInterval:  secs(3),
		MaxRtrAdvInterval:  secs(4),
		MinDelayBetweenRAs: secs(3),
		DefaultLifetime:    secs(9000),
		DefaultPreference:  High,
		Managed:            On,
		OtherConfig:        On,
		LinkMTU:            1280,
		ReachableTime:      3600000,
		RetransTimer:       4294967295,
		CurHopLimit:        new(uint32(0)),
		SourceLLAddress:    Off,
		RASolicitedUnicast: Off,
		UnicastOnly:        On,
		IntervalOpt:        On,
		Prefixes: []Prefix{
			{
				Prefix: netip.MustParsePrefix("2001:db8:1:2::/64"), OnLink: On, Autonomous: On, RouterAddr: Off,
				ValidLifetime: new(Infinity), PreferredLifetime: new(Infinity), DeprecatePrefix: On, DecrementLifetimes: On,
			},
			{
				Prefix: netip.MustParsePrefix("2001:db8:3::1/48"), OnLink: Off, Autonomous: Off, RouterAddr: On,
				ValidLifetime: secs(0), PreferredLifetime: secs(0), DeprecatePrefix: Off, DecrementLifetimes: Off,
			},
		},
		Routes: []Route{
			{Prefix: netip.MustParsePrefix("::/0"), Lifetime: secs(600), Preference: Low, RemoveRoute: Off},
			{Prefix: netip.MustParsePrefix("64:ff9b::/96"), Lifetime: secs(0), Preference: Medium, RemoveRoute: On},
			{Prefix: netip.MustParsePrefix("2001:db8:4:5:6:7:8:9/128")},
		},
		RDNSS: []RDNSS{
			{Servers: addrs("fe80::1", "fd00::2", "1:2:3:4:5:6:7:8", "2001:db8:0:1:1::", "2001:db8::5"), Lifetime: new(Infinity), Flush: Off},
			{Servers: addrs("2001:db8::6"), Lifetime: secs(0), Flush: On},
		},
		DNSSL: []DNSSL{
			{Domains: []string{"nova.example.com.", "low.example", "1.2.3", "LOCAL"}, Lifetime: new(Infinity), Flush: Off},
			{Domains: []string{"x"}, Lifetime: secs(0), Flush: On},
		},
	}
	return map[string]Config{
		"vlan.conf": {Interfaces: []Interface{vlan("br100", "fd00:1::/64"), vlan("br101", "fd00:1:0:1::/64"), vlan("br102", "fd00:1:0:2::/64")}},
		"bare.conf": {Interfaces: []Interface{{Name: "br100", Prefixes: prefixes("fd00::/64")}}},
		"all.conf": {Interfaces: []Interface{all, {
			Name: "br2", SendAdvert: Off, DefaultLifetime: secs(0), Routes: []Route{{Prefix: defaultNet, Lifetime: secs(0)}},
			DNSSL: []DNSSL{{Domains: []string{"example.org"}}},
		}}},
	}
}

func TestConfig_Append(t *testing.T) {
	for name, c := range goldenConfigs() {
		t.Run(name, func(t *testing.T) {
			got, err := c.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			configtest.Golden(t, name, got)
			if again, _ := c.Append([]byte("before\n")); string(again) != "before\n"+string(got) {
				t.Error("a second rendering differs, or what was in the buffer is gone")
			}
			if err := radvdCheck(t, string(got)); err != nil {
				t.Errorf("radvd refuses it: %v", err)
			}
		})
	}
}

func TestConfig_Append_error(t *testing.T) {
	if b, err := (Config{}).Append([]byte("kept")); !errors.Is(err, ErrNothing) || string(b) != "kept" {
		t.Errorf("an empty configuration gives %q and %v", b, err)
	}
	bad := Config{Interfaces: []Interface{{Name: "br100"}, {Name: "br100"}}}
	b, err := bad.Append([]byte("kept"))
	if string(b) != "kept" {
		t.Errorf("a refused configuration left %q behind", b)
	}
	configtest.WantBound(t, err, "interface br100: must appear once")
}

// TestRadvdRefusesEmpty pins why ErrNothing is an error: radvd does not run on an empty file.
func TestRadvdRefusesEmpty(t *testing.T) {
	if err := radvdCheck(t, configfile.Header); err == nil {
		t.Error("radvd accepts a file without an interface")
	}
}

// TestAddressForms checks that radvd's scanner reads every text form that netip writes for an accepted address.
func TestAddressForms(t *testing.T) {
	c := Config{Interfaces: []Interface{{Name: "br100"}}}
	for mask := range 1 << 8 {
		var a [16]byte
		for group := range 8 {
			if mask>>group&1 == 1 {
				a[2*group], a[2*group+1] = 0xfd, byte(group)
			}
		}
		addr := netip.AddrFrom16(a)
		r := RDNSS{Servers: []netip.Addr{addr}}
		one := Interface{Name: "br100", RDNSS: []RDNSS{r}}
		if one.validateRDNSS() == nil {
			c.Interfaces[0].RDNSS = append(c.Interfaces[0].RDNSS, r)
		}
		one = Interface{Name: "br100", Routes: []Route{{Prefix: netip.PrefixFrom(addr, 128)}}}
		if one.validateRoutes() == nil {
			c.Interfaces[0].Routes = append(c.Interfaces[0].Routes, one.Routes...)
		}
	}
	if n, m := len(c.Interfaces[0].RDNSS), len(c.Interfaces[0].Routes); n < 100 || m < 100 {
		t.Fatalf("only %d servers and %d routes were accepted", n, m)
	}
	if err := radvdCheck(t, unchecked(c)); err != nil {
		t.Error(err)
	}
}

func TestSortInterfaces(t *testing.T) {
	interfaces := []Interface{{Name: "br10"}, {Name: "br2"}, {Name: "br1"}}
	SortInterfaces(interfaces)
	var names []string
	for _, i := range interfaces {
		names = append(names, i.Name)
	}
	if want := []string{"br1", "br2", "br10"}; !slices.Equal(names, want) {
		t.Errorf("order is %v, want %v", names, want)
	}
}

// bridges is a node with every VLAN there can be.
func bridges(n int) Config {
	var c Config
	for i := range n {
		addr := netip.MustParseAddr("fd00:1::").As16()
		addr[6], addr[7] = byte(i>>8), byte(i)
		c.Interfaces = append(c.Interfaces, Interface{
			Name: fmt.Sprintf("br%d", i+1), MinRtrAdvInterval: secs(30), MaxRtrAdvInterval: secs(100), DefaultLifetime: secs(300),
			Prefixes: []Prefix{{Prefix: netip.PrefixFrom(netip.AddrFrom16(addr), 64)}},
			RDNSS:    []RDNSS{{Servers: addrs("fd00::53")}},
		})
	}
	return c
}

func TestConfig_Append_4094(t *testing.T) {
	b, err := bridges(4094).Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if n := bytes.Count(b, []byte("\ninterface ")); n != 4094 {
		t.Errorf("%d interfaces", n)
	}
	if err := radvdCheck(t, string(b)); err != nil {
		t.Error(err)
	}
}

func BenchmarkRadvd4094(b *testing.B) {
	c := bridges(4094)
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = c.Append(buf[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}
