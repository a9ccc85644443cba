package dnsmasqgen

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
	"nova-manage/netcalc"
)

func TestConfig_Append(t *testing.T) {
	for name, text := range map[string]func([]byte) ([]byte, error){
		"vlan.conf":  vlans().Append,
		"vlan.hosts": vlans().AppendHosts,
		"vlan.names": vlans().AppendNames,
		"flat.conf":  flat().Append,
	} {
		t.Run(name, func(t *testing.T) {
			got, err := text(nil)
			if err != nil {
				t.Fatal(err)
			}
			configtest.Golden(t, name, got)
			if strings.HasSuffix(name, ".conf") {
				if err := dnsmasqTest(t, got); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

// TestConfig_main holds what makes a restart apart from what makes a reload: guests come and go in the other two files.
func TestConfig_main(t *testing.T) {
	c := vlans()
	want, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	c.Hosts, c.Records = nil, nil
	got, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("without hosts the main file is\n%s\nnot\n%s", got, want)
	}
}

// TestConfig_traps states what must not be missing from any main file, or be in any file of hosts, whatever the golden files
// say. The numbers are those of the traps that were found with the daemon.
func TestConfig_traps(t *testing.T) {
	for name, c := range map[string]Config{"vlans": vlans(), "flat": flat()} {
		main, err := c.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"bind-dynamic", "except-interface=lo", "no-hosts", "dhcp-fqdn", "local=/novalocal/", "domain=novalocal",
			"leasefile-ro", "dhcp-authoritative", // 2: a renewal after a restart is ACKed only with both
			"dhcp-ignore-names", "dhcp-lease-max=200000",
			"dhcp-duid=0," + colons(c.DUID[:]), // 9
		} {
			if !bytes.Contains(main, []byte("\n"+line+"\n")) {
				t.Errorf("%s: no line %q in\n%s", name, line, main)
			}
		}
		for _, option := range []string{"dhcp-hostsdir", "enable-ra", "ra-", "slaac", "port="} { // 3; radvd alone is the router
			if bytes.Contains(main, []byte("\n"+option)) || bytes.Contains(main, []byte(","+option)) {
				t.Errorf("%s: %s in\n%s", name, option, main)
			}
		}
		hosts, err := c.AppendHosts(nil)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(hosts)) {
			if strings.HasPrefix(line, "#") {
				continue
			}
			if strings.Contains(line, "set:") || strings.Contains(line, "net:") || strings.Contains(line, "tag:") { // 1
				t.Errorf("%s: a tag in %q", name, line)
			}
			// 4: what is neither a MAC nor an address has a dot in it.
			for field := range strings.SplitSeq(strings.TrimSpace(line), ",") {
				if !strings.ContainsAny(field, ".:") {
					t.Errorf("%s: a bare name in %q", name, line)
				}
			}
		}
	}
	c := vlans()
	c.Networks[0].DHCPv6 = false
	c.Hosts[0].IPv6 = netip.Addr{}
	c.DUID = [8]byte{}
	main, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(main, []byte("option6")) || bytes.Contains(main, []byte("dhcp-duid")) || bytes.Contains(main, []byte("dhcp-range=set:n1,fd00")) {
		t.Errorf("DHCPv6 without a bridge that needs it:\n%s", main)
	}
}

func TestUnit_Append(t *testing.T) {
	got, err := Unit{ConfigFile: "/etc/nova/dnsmasq.conf"}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	configtest.Golden(t, "nova-dnsmasq.service", got)
	for _, test := range []struct {
		unit Unit
		want string
	}{
		{Unit{ConfigFile: "/etc/a", Sockets: minFiles - spareFiles}, "LimitNOFILE=65536\n"},
		{Unit{ConfigFile: "/etc/a", Sockets: minFiles - spareFiles + 1}, "LimitNOFILE=131072\n"},
		{Unit{ConfigFile: "/etc/a", Sockets: maxFiles - spareFiles}, "LimitNOFILE=1048576\n"},
	} {
		if got, err := test.unit.Append(nil); err != nil || !bytes.Contains(got, []byte(test.want)) {
			t.Errorf("%+v: no %s in %s (%v)", test.unit, test.want, got, err)
		}
	}
	for _, test := range []struct {
		unit Unit
		want string
	}{
		{Unit{}, `conf-file "": must not be empty`},
		{Unit{ConfigFile: "etc/a"}, `conf-file "etc/a": must be absolute`},
		{Unit{ConfigFile: "/etc/a b"}, `conf-file "/etc/a b": must not contain ' '`},
		{Unit{ConfigFile: "/etc/%i"}, `conf-file "/etc/%i": must not contain '%'`},
		{Unit{ConfigFile: "/etc/a\nExecStart=/bin/false"}, `conf-file "/etc/a\nExecStart=/bin/false": must not contain '\n'`},
		{Unit{ConfigFile: "/etc/a", Sockets: maxFiles}, "LimitNOFILE 1048576: must be at most 1048064"},
	} {
		b, err := test.unit.Append([]byte("kept"))
		configtest.WantBound(t, err, test.want)
		if string(b) != "kept" {
			t.Errorf("a refused unit gives %q", b)
		}
	}
}

// vlansOf is a node with n networks of both families, each with hosts guests, under one project each.
func vlansOf(n, hosts int, dhcpv6 bool) Config {
	c := Config{Domain: "novalocal", LeaseTime: 120, PIDFile: "/run/nova-dnsmasq.pid", OptmemRaised: true, DUID: [8]byte{7: 1}}
	v4, _ := netcalc.Carve(prefix("10.0.0.0/8"), 24, uint64(n))
	v6, _ := netcalc.Carve(prefix("fd00:1::/48"), 64, uint64(n))
	for p := range v4 {
		i := len(c.Networks) + 1
		c.Networks = append(c.Networks, Network{ID: int64(i), Bridge: fmt.Sprintf("br%d", i), Domain: fmt.Sprintf("p%d.novalocal", i),
			CIDR: p, Router: nth(p, 1), First: nth(p, 3), MTU: 1450})
	}
	i := 0
	for p := range v6 {
		c.Networks[i].CIDRv6, c.Networks[i].GatewayV6, c.Networks[i].DHCPv6 = p, nth(p, 1), dhcpv6
		i++
	}
	for h := range hosts {
		network := &c.Networks[h%n]
		label := fmt.Sprintf("i-%08x", h)
		host := Host{Network: network.ID, MAC: netcalc.MAC{2, 0x16, 0x3e, byte(h >> 16), byte(h >> 8), byte(h)}, Label: label, IPv4: nth(network.CIDR, uint64(3+h/n))}
		names := []string{label + "." + network.Domain, label + ".novalocal"}
		v6, _ := netcalc.EUI64(network.CIDRv6, host.MAC)
		if dhcpv6 {
			v6 = nth(network.CIDRv6, uint64(0x1000+h/n))
			host.IPv6 = v6
		}
		c.Hosts = append(c.Hosts, host)
		c.Records = append(c.Records, Record{host.IPv4, names}, Record{v6, names})
	}
	return c
}

func nth(p netip.Prefix, n uint64) netip.Addr {
	a, _ := netcalc.Add(p.Addr(), n)
	return a
}

// Test4094 gives dnsmasq's parser a file with all VLANs there are, all of them with DHCPv6, and with hosts and names in it.
func Test4094(t *testing.T) {
	c := vlansOf(4094, 10_000, true)
	b, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := dnsmasqTest(t, b); err != nil {
		t.Error(err)
	}
	if _, err := readMain(b); err != nil {
		t.Error(err)
	}
	if got, want := c.Sockets(), 6*4094+ownFiles; got != want {
		t.Errorf("%d sockets, want %d", got, want)
	}
	t.Run("start", func(t *testing.T) {
		if os.Getenv("NOVA_MANAGE_FULL") != "1" {
			t.Skip("it takes minutes to make the bridges: NOVA_MANAGE_FULL=1 does")
		}
		startMany(t)
	})
}

func Benchmark4094(b *testing.B) {
	c := vlansOf(4094, 10_000, false)
	c.HostsFile, c.NamesFile = "/etc/nova/dnsmasq.hosts", "/etc/nova/dnsmasq.names"
	b.ReportAllocs()
	var main, hosts, names []byte
	for b.Loop() {
		var errs [3]error
		main, errs[0] = c.Append(main[:0])
		hosts, errs[1] = c.AppendHosts(hosts[:0])
		names, errs[2] = c.AppendNames(names[:0])
		for _, err := range errs {
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	b.SetBytes(int64(len(main) + len(hosts) + len(names)))
}
