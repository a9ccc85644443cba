package nftgen

import (
	"bytes"
	"fmt"
	"net/netip"
	"strconv"
	"testing"
	"time"

	"nova-manage/internal/configtest"
)

// large is a node with n guests in networks of 250, each network with a group of its own beside one that all have.
func large(n int) Config {
	c := Config{Uplinks: []string{"eth0"}}
	defaults := func(id int64) Group {
		return Group{ID: id, Rules: []Rule{
			{Protocol: "icmp", From: -1, To: -1, Source: id},
			{Protocol: "tcp", From: 1, To: 65535, Source: id},
			{Protocol: "udp", From: 80, To: 80, CIDR: netip.MustParsePrefix("0.0.0.0/0")},
			{Protocol: "icmp", From: -1, To: -1, CIDR: netip.MustParsePrefix("0.0.0.0/0")},
		}}
	}
	for i := range n {
		network := int64(i/250 + 1)
		if i%250 == 0 {
			four := netip.AddrFrom4([4]byte{10, byte(network >> 8), byte(network), 0})
			six := netip.AddrFrom16([16]byte{0: 0xfd, 6: byte(network >> 8), 7: byte(network)})
			c.Networks = append(c.Networks, Network{ID: network, Bridge: fmt.Sprintf("br%d", network), CIDR: netip.PrefixFrom(four, 24), CIDRv6: netip.PrefixFrom(six, 64)})
			c.Groups = append(c.Groups, defaults(network))
		}
		c.Ports = append(c.Ports, Port{Network: network, MAC: [6]byte{2, 0, 0, byte(i >> 16), byte(i >> 8), byte(i)},
			IPv4: netip.AddrFrom4([4]byte{10, byte(network >> 8), byte(network), byte(i%250 + 4)}), Groups: []int64{network}})
	}
	return c
}

// flat is a rule for each address, as Nova had it.
func flat(c Config) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, "table inet nova {\n\tchain accepted {\n\t\taccept\n\t}\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;")
	for _, p := range c.Ports {
		fmt.Fprintf(&b, "\t\tip daddr %s jump accepted\n", p.IPv4)
	}
	fmt.Fprintln(&b, "\t}\n}")
	return b.Bytes()
}

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{10, 1_000, 10_000} {
		c := large(n)
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			var buf []byte
			for b.Loop() {
				var err error
				if buf, err = c.Append(buf[:0]); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}

func BenchmarkRevoked(b *testing.B) {
	c := large(10_000)
	before := file0(b, c)
	c.Groups[0].Rules = c.Groups[0].Rules[1:]
	after := file0(b, c)
	for b.Loop() {
		Revoked(before, after)
	}
}

// BenchmarkNode loads files and sends packets through a node, with our file and with a flat list of rules:
//
//	go test ./nftgen -run '^$' -bench Node -benchtime 1x
//
// ns/packet is what a packet of a new flow takes from a namespace on one side of the node to a guest on the other, the
// system call that sends it included. "none" has no table at all.
func BenchmarkNode(b *testing.B) {
	configtest.Tool(b, "nft")
	node, world, guest := configtest.NewGuest(b, "node"), configtest.NewGuest(b, "world"), configtest.NewGuest(b, "guest")
	configtest.Connect(b, node, "eth0", world, "eth0")
	node.IP(b, "link add br0 type bridge", "link set br0 up")
	configtest.Connect(b, node, "tap0", guest, "eth0")
	const guestMAC, nodeMAC = "02:00:00:00:00:0a", "02:16:3e:ff:00:01"
	guest.IP(b, "link set eth0 address "+guestMAC)
	node.IP(b, "link set tap0 master br0", "link set eth0 address "+nodeMAC, "address add 192.0.2.10/24 dev eth0",
		"address add 10.0.0.1/8 dev br0")
	node.Sysctl(b, "net.ipv4.ip_forward=1")
	for _, n := range []int{10, 1_000, 10_000} {
		c := large(n)
		last := c.Ports[n-1].IPv4.String()
		node.IP(b, "neigh replace "+last+" lladdr "+guestMAC+" dev br0")
		frame := ether(nodeMAC, "02:16:3e:ff:00:02", typeIP4, ip4("192.0.2.1", last, udp(1, 80, "benchmark")))
		for kind, text := range map[string][]byte{"none": nil, "ours": file0(b, c), "flat": flat(c)} {
			b.Run(fmt.Sprintf("%s/%d", kind, n), func(b *testing.B) {
				path := configtest.WriteTemp(b, string(text))
				var load, sending time.Duration
				const packets = 20_000
				rounds := 0
				for b.Loop() {
					node.Run(b, "nft", "flush", "ruleset")
					start := time.Now()
					node.Run(b, "nft", "-f", path)
					load += time.Since(start)
					before := received(b, guest)
					sending += world.Flood(b, "eth0", frame, packets)
					if got := received(b, guest) - before; got < packets*9/10 {
						b.Fatalf("%d of %d packets arrive", got, packets)
					}
					rounds++
				}
				b.ReportMetric(float64(load.Milliseconds())/float64(rounds), "load-ms")
				b.ReportMetric(float64(sending.Nanoseconds())/float64(rounds*packets), "ns/packet")
				b.ReportMetric(0, "ns/op")
			})
		}
	}
}

func received(b *testing.B, g *configtest.Guest) int {
	n, err := strconv.Atoi(g.Run(b, "cat", "/sys/class/net/eth0/statistics/rx_packets"))
	if err != nil {
		b.Fatal(err)
	}
	return n
}
