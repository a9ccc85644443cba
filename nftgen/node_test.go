package nftgen

import (
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"nova-manage/internal/configtest"
	"nova-manage/netcalc"
)

func TestMain(m *testing.M) { configtest.Main(m) }

// site is a node with two networks, guests on them, and the world outside:
//
//	a, b, vpn, stray - br100 - node - eth0 - world - far, behind a link with an MTU of 1300
//	               c - br101 -
//
// a and b are of one project, c is of another one. The ledger does not know the stray.
type site struct {
	t                             *testing.T
	node, world, far              *configtest.Guest
	a, b, c, vpn, stray           *configtest.Guest
	netfilter                     string
	macA, macB, macNode, macStray string
}

const (
	addrA, addrA6    = "10.0.1.4", "fd00:1::16:3eff:fe00:4"
	addrB, addrB6    = "10.0.1.5", "fd00:1::5" // recorded; it has its EUI-64 address as well
	addrC, addrC6    = "10.0.1.36", "fd00:1:0:1:16:3eff:fe00:24"
	addrVPN          = "10.0.1.2"
	world4, world6   = "192.0.2.1", "2001:db8::1"
	far4, far6       = "198.18.0.2", "2001:db8:2::2"
	dmz4             = "172.16.0.1"
	floatA, floatA6  = "203.0.113.4", "2001:db8:f::4"
	nodeAddr, vpnPub = "192.0.2.10", "192.0.2.10:1000"
	eui64B           = "fd00:1::16:3eff:fe00:5"
	linkLocalB       = "fe80::16:3eff:fe00:5"
)

func siteConfig() Config {
	return Config{
		Uplinks:      []string{"eth0"},
		TrustedPorts: []string{"tap-trusted"},
		Networks: []Network{
			{ID: 1, Bridge: "br100", CIDR: prefix("10.0.1.0/27"), CIDRv6: prefix("fd00:1::/64"), Gateway: addr("10.0.1.1"), GatewayV6: addr("fd00:1::1"), LinkLocal: addr("fe80::ff:fe00:1"),
				Open: []netcalc.Span{span("10.0.1.20-10.0.1.21")}},
			{ID: 2, Bridge: "br101", CIDR: prefix("10.0.1.32/27"), CIDRv6: prefix("fd00:1:0:1::/64"), Gateway: addr("10.0.1.33"), GatewayV6: addr("fd00:1:0:1::1")},
		},
		Ports: []Port{
			{Network: 1, MAC: mac("02:16:3e:00:00:04"), IPv4: addr(addrA), IPv6: addr(addrA6), Groups: []int64{1, 2}},
			{Network: 1, MAC: mac("02:16:3e:00:00:05"), IPv4: addr(addrB), IPv6: addr(addrB6), Groups: []int64{1}},
			{Network: 1, MAC: mac("02:16:3e:00:00:02"), IPv4: addr(addrVPN)},
			{Network: 2, MAC: mac("02:16:3e:00:00:24"), IPv4: addr(addrC), IPv6: addr(addrC6), Groups: []int64{3}},
		},
		Groups: []Group{
			{ID: 1, Rules: []Rule{
				{Protocol: "icmp", From: -1, To: -1, Source: 1},
				{Protocol: "tcp", From: 1, To: 65535, Source: 1},
				{Protocol: "udp", From: 1, To: 65535, Source: 1},
			}},
			{ID: 2, Rules: []Rule{
				{Protocol: "tcp", From: 80, To: 81, CIDR: prefix("0.0.0.0/0")},
				{Protocol: "tcp", From: 22, To: 22, CIDR: prefix("2001:db8::/32")},
				{Protocol: "icmp", From: 8, To: 0, CIDR: prefix("192.0.2.0/24")},
				{Protocol: "icmp", From: 128, To: 0, CIDR: prefix("::/0")},
				{Protocol: "udp", From: 53, To: 53, Source: 3},
			}},
			{ID: 3, Rules: []Rule{{Protocol: "tcp", From: 1, To: 65535, Source: 3}}},
		},
		Floating: []Floating{
			{Public: addr(floatA), Fixed: addr(addrA)},
			{Public: addr(floatA6), Fixed: addr(addrA6)},
		},
		VPN:           []VPN{{Public: netip.MustParseAddrPort(vpnPub), Private: addr(addrVPN)}},
		Metadata:      netip.MustParseAddrPort(world4 + ":8775"),
		DMZ:           []netip.Prefix{prefix("172.16.0.0/12")},
		RoutingSource: addr(nodeAddr),
	}
}

// newSite makes the site; netfilter is what net.bridge.bridge-nf-call-* are set to.
func newSite(t *testing.T, netfilter string) *site {
	t.Helper()
	configtest.Tool(t, "nft")
	s := &site{t: t, netfilter: netfilter, macA: "02:16:3e:00:00:04", macB: "02:16:3e:00:00:05", macStray: "02:16:3e:00:99:99", macNode: "02:00:00:00:00:01"}
	s.node = configtest.NewGuest(t, "node")
	s.node.Sysctl(t, "net.ipv6.conf.default.accept_dad=0")
	s.node.IP(t, "link add br100 address "+s.macNode+" type bridge", "link add br101 type bridge", "link add nova-float type bridge",
		"link set br100 up", "link set br101 up", "link set nova-float up",
		"address add 10.0.1.1/27 dev br100", "address add 10.0.1.33/27 dev br101",
		"address add fd00:1::1/64 dev br100 nodad", "address add fd00:1:0:1::1/64 dev br101 nodad",
		"route add local "+floatA+"/32 dev nova-float")
	s.node.Sysctl(t, "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	// Each namespace has its own where the kernel has br_netfilter; where it has not, guests on a bridge are not filtered.
	for _, key := range []string{"iptables", "ip6tables", "arptables"} {
		if s.node.Command("test", "-e", "/proc/sys/net/bridge/bridge-nf-call-"+key).Run() == nil {
			s.node.Sysctl(t, "net.bridge.bridge-nf-call-"+key+"="+netfilter)
		} else if netfilter == "1" {
			t.Skip("the kernel has no br_netfilter")
		}
	}
	s.world, s.far = configtest.NewGuest(t, "world"), configtest.NewGuest(t, "far")
	for _, g := range []*configtest.Guest{s.world, s.far} {
		g.Sysctl(t, "net.ipv6.conf.default.accept_dad=0", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
	}
	configtest.Connect(t, s.node, "eth0", s.world, "eth0")
	configtest.Connect(t, s.world, "eth1", s.far, "eth0")
	s.node.IP(t, "address add "+nodeAddr+"/24 dev eth0", "address add 2001:db8::10/64 dev eth0 nodad",
		"route add default via "+world4, "route add default via "+world6)
	s.world.IP(t, "address add "+world4+"/24 dev eth0", "address add "+world6+"/64 dev eth0 nodad", "address add "+dmz4+"/32 dev lo",
		"address add 198.18.0.1/24 dev eth1", "address add 2001:db8:2::1/64 dev eth1 nodad", "link set eth1 mtu 1300",
		"route add 10.0.1.0/24 via "+nodeAddr, "route add 203.0.113.0/24 via "+nodeAddr,
		"route add fd00:1::/48 via 2001:db8::10", "route add 2001:db8:f::/64 via 2001:db8::10")
	s.far.IP(t, "address add "+far4+"/24 dev eth0", "address add "+far6+"/64 dev eth0 nodad", "link set eth0 mtu 1300",
		"route add default via 198.18.0.1", "route add default via 2001:db8:2::1")

	s.a = s.guest("a", "br100", s.macA, addrA+"/27", addrA6+"/64")
	s.b = s.guest("b", "br100", s.macB, addrB+"/27", addrB6+"/64", "fd00:1::16:3eff:fe00:5/64")
	s.vpn = s.guest("vpn", "br100", "02:16:3e:00:00:02", addrVPN+"/27")
	s.stray = s.guest("stray", "br100", s.macStray, "10.0.1.19/27", "fd00:1::20/64")
	s.c = s.guest("c", "br101", "02:16:3e:00:00:24", addrC+"/27", addrC6+"/64")
	// Without it a guest's packet to its own floating address, which br_netfilter sends back at once, is lost.
	s.node.Run(t, "ip", "link", "set", "tap-a", "type", "bridge_slave", "hairpin", "on")
	return s
}

// guest connects a guest, whose gateways are the first addresses of its networks.
func (s *site) guest(name, bridge, mac string, addresses ...string) *configtest.Guest {
	s.t.Helper()
	g := configtest.NewGuest(s.t, name)
	g.Sysctl(s.t, "net.ipv6.conf.default.accept_dad=0", "net.ipv6.conf.default.accept_ra=0")
	configtest.Connect(s.t, s.node, "tap-"+name, g, "eth0")
	g.IP(s.t, "link set eth0 address "+mac)
	for _, a := range addresses {
		if strings.Contains(a, ":") {
			g.IP(s.t, "address add "+a+" dev eth0 nodad")
		} else {
			g.IP(s.t, "address add "+a+" dev eth0")
		}
	}
	gateway4, gateway6 := "10.0.1.1", "fd00:1::1"
	if bridge == "br101" {
		gateway4, gateway6 = "10.0.1.33", "fd00:1:0:1::1"
	}
	g.IP(s.t, "route add default via "+gateway4)
	if len(addresses) > 1 {
		g.IP(s.t, "route add default via "+gateway6)
	}
	s.node.IP(s.t, "link set tap-"+name+" master "+bridge)
	return g
}

// load has the node's kernel follow a config, and returns its file.
func (s *site) load(c Config) []byte {
	s.t.Helper()
	text, err := c.Append(nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.node.Run(s.t, "nft", "-f", configtest.WriteTemp(s.t, string(text)))
	return text
}

// both runs a test without and with br_netfilter.
func both(t *testing.T, test func(t *testing.T, s *site)) {
	for _, netfilter := range []string{"0", "1"} {
		t.Run("br_netfilter_"+netfilter, func(t *testing.T) {
			s := newSite(t, netfilter)
			s.load(siteConfig())
			test(t, s)
		})
	}
}

// answers tells who dials where and as whom the listener sees it; "" is nobody.
type answers struct {
	from        *configtest.Guest
	network, to string
	as          string
}

func (s *site) expect(t *testing.T, list []answers) {
	t.Helper()
	for _, want := range list {
		// The first packet may wait for neighbours to find each other.
		got := ""
		for range 3 {
			if got = want.from.Dial(t, want.network, want.to); got == want.as || want.as == "" {
				break
			}
		}
		if got != want.as {
			t.Errorf("%s to %s %s is seen as %q, want %q", want.from.Namespace, want.network, want.to, got, want.as)
		}
	}
}

// reaches pings as often as neighbours may need to find each other.
func reaches(t *testing.T, g *configtest.Guest, to string) bool {
	t.Helper()
	for range 3 {
		if g.Pings(t, to) {
			return true
		}
	}
	return false
}

func TestPackets_rules(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		for _, g := range []*configtest.Guest{s.a, s.b, s.c, s.stray} {
			for _, port := range []string{"22", "53", "80", "82"} {
				g.Listen(t, "tcp", "[::]:"+port)
				g.Listen(t, "udp", "[::]:"+port)
			}
		}
		s.expect(t, []answers{
			{s.world, "tcp", addrA + ":80", world4},
			{s.world, "tcp", addrA + ":82", ""},
			{s.world, "tcp", addrA + ":22", ""}, // IPv6's rule
			{s.world, "udp", addrA + ":80", ""},
			{s.world, "udp", addrA + ":53", ""}, // the source group's
			{s.world, "tcp", "[" + addrA6 + "]:22", world6},
			{s.world, "tcp", "[" + addrA6 + "]:80", ""}, // IPv4's rule
			{s.c, "udp", addrA + ":53", addrC},
			{s.c, "udp", "[" + addrA6 + "]:53", addrC6},
			{s.c, "udp", "[" + addrA6 + "]:80", ""},
			{s.c, "tcp", "[" + addrA6 + "]:22", ""}, // its address is not in the rule's prefix
			{s.world, "tcp", addrB + ":80", ""},
			// Members of one group, on one bridge.
			{s.a, "tcp", addrB + ":82", addrA},
			{s.a, "tcp", "[" + addrB6 + "]:82", addrA6},
			// Two projects.
			{s.a, "tcp", addrC + ":80", ""},
			{s.a, "tcp", "[" + addrC6 + "]:80", ""},
			{s.c, "tcp", addrB + ":80", ""},
			{s.c, "udp", "[" + addrB6 + "]:53", ""},
			// An address that the ledger does not know.
			{s.world, "tcp", "10.0.1.19:80", ""},
			{s.world, "tcp", "[fd00:1::20]:80", ""},
			{s.b, "tcp", "10.0.1.19:80", ""},
		})
		for _, ping := range []struct {
			from *configtest.Guest
			to   string
			want bool
		}{
			{s.world, addrA, true}, {s.c, addrA, false}, // from 192.0.2.0/24
			{s.world, addrA6, true}, {s.c, addrA6, true}, // from anywhere
			{s.world, addrB, false}, {s.world, addrB6, false}, {s.a, addrC6, false},
			{s.a, addrB6, true}, {s.b, addrA6, true},
			{s.a, world4, true}, {s.a, world6, true}, {s.c, world4, true}, {s.c, world6, true},
			{s.a, "10.0.1.1", true}, {s.a, "fd00:1::1", true}, {s.node, addrA6, true},
			{s.stray, "10.0.1.1", false}, {s.stray, world6, false},
		} {
			got := ping.from.Pings(t, ping.to)
			if ping.want && !got {
				got = reaches(t, ping.from, ping.to)
			}
			if got != ping.want {
				t.Errorf("%s pings %s: %t, want %t", ping.from.Namespace, ping.to, got, ping.want)
			}
		}
	})
}

func TestPackets_translation(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		// Asked from b's own address, a would answer past the node; with br_netfilter that answer is translated, too.
		asB := "10.0.1.1"
		if s.netfilter == "1" {
			asB = addrB
		}
		for _, g := range []*configtest.Guest{s.a, s.b, s.c} {
			g.Listen(t, "tcp", "[::]:80")
			g.Listen(t, "tcp", "[::]:82")
			g.Listen(t, "tcp", "[::]:22")
		}
		s.vpn.Listen(t, "udp", addrVPN+":1194")
		s.world.Listen(t, "tcp", "[::]:80")
		s.world.Listen(t, "tcp", "[::]:8775")
		s.expect(t, []answers{
			// Floating addresses, from outside, from the node, another network, the same network, and from their owner.
			{s.world, "tcp", floatA + ":80", world4},
			{s.world, "tcp", floatA + ":82", ""},
			{s.world, "tcp", "[" + floatA6 + "]:22", world6},
			{s.world, "tcp", "[" + floatA6 + "]:80", ""},
			{s.c, "tcp", floatA + ":80", addrC},
			{s.c, "tcp", floatA + ":82", ""},
			{s.b, "tcp", floatA + ":80", asB},
			{s.a, "tcp", floatA + ":80", floatA},
			{s.node, "tcp", floatA + ":80", floatA},
			{s.node, "tcp", "[" + floatA6 + "]:22", "2001:db8::10"},
			// Out.
			{s.a, "tcp", world4 + ":80", floatA},
			{s.b, "tcp", world4 + ":80", nodeAddr},
			{s.c, "tcp", world4 + ":80", nodeAddr},
			{s.a, "tcp", "[" + world6 + "]:80", floatA6},
			{s.b, "tcp", "[" + world6 + "]:80", eui64B},
			{s.a, "tcp", dmz4 + ":80", addrA},
			{s.c, "tcp", dmz4 + ":80", addrC},
			{s.node, "tcp", world4 + ":80", nodeAddr},
			// VPN, and not past its port.
			{s.world, "udp", vpnPub, world4},
			{s.world, "udp", addrVPN + ":1194", ""},
			{s.c, "udp", vpnPub, addrC},
			// Metadata, from guests alone.
			{s.a, "tcp", "169.254.169.254:80", addrA},
			{s.c, "tcp", "169.254.169.254:80", addrC},
			{s.node, "tcp", "169.254.169.254:80", ""},
		})
		for _, g := range []*configtest.Guest{s.world, s.c, s.b, s.a} {
			if !reaches(t, g, floatA6) {
				t.Errorf("%s does not reach %s", g.Namespace, floatA6)
			}
		}
	})
}

// TestPackets_MTU has a router beyond the node say that packets are too big.
func TestPackets_MTU(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		for _, g := range []*configtest.Guest{s.a, s.c} {
			for _, to := range []string{far4, far6} {
				s.far.Pings(t, world4)
				// The first is answered by "too big", which tells the guest how much may be sent.
				g.Pings(t, to, "-s", "1400", "-M", "do")
				route := g.Run(t, "ip", "route", "get", to)
				if !strings.Contains(route, "mtu 1300") {
					t.Errorf("%s has not learnt the MTU to %s:\n%s", g.Namespace, to, route)
				}
				// With br_netfilter the kernel puts the fragments of an IPv6 packet from a bridge together and forgets how
				// large they were, whatever table asks it to track connections: they leave as one packet, again too big.
				if s.netfilter == "1" && to == far6 {
					continue
				}
				if !g.Pings(t, to, "-s", "1400") {
					t.Errorf("%s: nothing large comes back from %s", g.Namespace, to)
				}
			}
		}
	})
}

// revoke ends flows as Revocation says.
func (s *site) revoke(r Revocation) {
	s.t.Helper()
	for _, args := range r.Conntrack() {
		out, err := s.node.Command(append([]string{"conntrack"}, args...)...).CombinedOutput()
		if err != nil && !strings.Contains(string(out), "0 flow entries") {
			s.t.Errorf("conntrack %v: %v: %s", args, err, out)
		}
	}
}

func TestPackets_revoked(t *testing.T) {
	configtest.Tool(t, "conntrack")
	both(t, func(t *testing.T, s *site) {
		for _, network := range []string{"tcp", "udp"} {
			for _, port := range []string{"22", "53", "80", "81"} {
				s.a.Listen(t, network, "[::]:"+port)
			}
		}
		s.vpn.Listen(t, "udp", addrVPN+":1194")
		for _, g := range []*configtest.Guest{s.world, s.c} {
			g.Pings(t, addrA6)
		}
		for _, test := range []struct {
			name       string
			change     func(c *Config)
			ends, stay []answers
		}{
			{"rule", func(c *Config) { c.Groups[1].Rules[0].From = 81 },
				[]answers{{s.world, "tcp", addrA + ":80", ""}, {s.world, "tcp", floatA + ":80", ""}},
				[]answers{{s.world, "tcp", addrA + ":81", world4}, {s.world, "tcp", "[" + addrA6 + "]:22", world6}, {s.c, "udp", addrA + ":53", addrC}}},
			{"member", func(c *Config) { c.Ports[3].Groups = nil },
				[]answers{{s.c, "udp", addrA + ":53", ""}, {s.c, "udp", "[" + addrA6 + "]:53", ""}},
				[]answers{{s.world, "tcp", addrA + ":80", world4}, {s.b, "tcp", addrA + ":53", addrB}}},
			{"floating", func(c *Config) { c.Floating = c.Floating[1:] },
				[]answers{{s.world, "tcp", floatA + ":80", ""}},
				[]answers{{s.world, "tcp", addrA + ":80", world4}, {s.world, "tcp", "[" + floatA6 + "]:22", world6}}},
			{"floating_v6", func(c *Config) { c.Floating = c.Floating[:1] },
				[]answers{{s.world, "tcp", "[" + floatA6 + "]:22", ""}},
				[]answers{{s.world, "tcp", "[" + addrA6 + "]:22", world6}, {s.world, "tcp", floatA + ":80", world4}}},
			{"vpn", func(c *Config) { c.VPN = nil },
				[]answers{{s.world, "udp", vpnPub, ""}},
				[]answers{{s.world, "tcp", addrA + ":80", world4}}},
			{"guest", func(c *Config) { c.Ports = c.Ports[1:]; c.Floating = nil },
				[]answers{{s.world, "tcp", addrA + ":80", ""}, {s.world, "tcp", "[" + floatA6 + "]:22", ""}, {s.b, "tcp", addrA + ":81", ""}},
				[]answers{{s.world, "udp", vpnPub, world4}}},
		} {
			before := s.load(siteConfig())
			var gone, still []func() string
			for _, a := range test.ends {
				gone = append(gone, a.from.Open(t, a.network, a.to))
			}
			for _, a := range test.stay {
				still = append(still, a.from.Open(t, a.network, a.to))
			}
			c := siteConfig()
			test.change(&c)
			after := s.load(c)
			s.revoke(Revoked(before, after))
			for i, again := range gone {
				if as := again(); as != "" {
					t.Errorf("%s: %s still reaches %s", test.name, test.ends[i].from.Namespace, test.ends[i].to)
				}
			}
			for i, again := range still {
				if as := again(); as != test.stay[i].as {
					t.Errorf("%s: %s is seen at %s as %q, want %q", test.name, test.stay[i].from.Namespace, test.stay[i].to, as, test.stay[i].as)
				}
			}
		}
	})
}

// TestPackets_revokedWhileSending revokes what a guest is just sending an answer to. Had its flow been forgotten, the guest's
// next packet would begin one of its own, and the other side's would be the answers to that.
func TestPackets_revokedWhileSending(t *testing.T) {
	configtest.Tool(t, "conntrack")
	configtest.Tool(t, "busybox")
	both(t, func(t *testing.T, s *site) {
		before := s.load(siteConfig())
		server := s.a.Command("busybox", "nc", "-l", "-p", "80", "-e", "yes")
		client := s.world.Command("busybox", "nc", addrA, "80")
		for _, cmd := range []*exec.Cmd{server, client} {
			defer func() { _ = cmd.Wait() }()
			defer func() { _ = cmd.Process.Kill() }()
		}
		received, err := client.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		for !strings.Contains(s.a.Run(t, "ss", "-ltnH"), ":80 ") {
			time.Sleep(10 * time.Millisecond)
		}
		if err := client.Start(); err != nil {
			t.Fatal(err)
		}
		var total atomic.Int64
		go func() {
			b := make([]byte, 1<<16)
			for n := 0; err == nil; total.Add(int64(n)) {
				n, err = received.Read(b)
			}
		}()
		for total.Load() == 0 {
			time.Sleep(10 * time.Millisecond)
		}
		c := siteConfig()
		c.Groups[1].Rules = c.Groups[1].Rules[1:]
		s.revoke(Revoked(before, s.load(c)))
		time.Sleep(200 * time.Millisecond) // what is under way
		had := total.Load()
		time.Sleep(time.Second)
		if n := total.Load() - had; n != 0 {
			t.Errorf("%d bytes came after the rule was revoked", n)
		}
	})
}

// TestUnit has systemd read the unit, where it is installed.
func TestUnit(t *testing.T) {
	text := AppendUnit(nil)
	configtest.Golden(t, "nova-nftables.service", text)
	path, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Skip("systemd-analyze is not in PATH")
	}
	unit := t.TempDir() + "/nova-nftables.service"
	if err := os.WriteFile(unit, text, 0o644); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path, "verify", "--man=no", unit).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v: %s", err, out)
	}
}
