package nftgen

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"nova-manage/internal/configtest"
)

// reloading loads the file of the site and of 300 more networks again and again until all tasks are done. So large a file
// takes the kernel milliseconds to finish, in which a rule that looks for what is not in sight yet shows.
func (s *site) reloading(t *testing.T, tasks ...func()) {
	t.Helper()
	c := siteConfig()
	for i := range 300 {
		id := int64(i + 100)
		high, low := byte(id>>8), byte(id)
		c.Networks = append(c.Networks, Network{ID: id, Bridge: fmt.Sprintf("br%d", id+100), CIDR: netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 64 + high, low, 0}), 24),
			CIDRv6: netip.PrefixFrom(netip.AddrFrom16([16]byte{0: 0xfd, 1: 1, 6: high, 7: low}), 64)})
		for j := range byte(4) {
			c.Ports = append(c.Ports, Port{Network: id, MAC: [6]byte{2, 1, 0, j, high, low}, IPv4: netip.AddrFrom4([4]byte{10, 64 + high, low, j + 4}), Groups: []int64{1}})
		}
	}
	path := configtest.WriteTemp(t, string(s.load(c)))
	var wait sync.WaitGroup
	var working, reloads atomic.Int64
	working.Add(int64(len(tasks)))
	for _, task := range tasks {
		wait.Go(func() {
			defer working.Add(-1)
			// On a busy machine a reload takes as long as a task, and fewer than three would show nothing.
			for again := true; again; again = reloads.Load() < 3 && !t.Failed() {
				task()
			}
		})
	}
	for ; working.Load() > 0; reloads.Add(1) {
		s.node.Run(t, "nft", "-f", path)
	}
	wait.Wait()
}

// TestPackets_reload loads again and again while guests and the world talk: nothing is lost.
func TestPackets_reload(t *testing.T) {
	both(t, func(t *testing.T, s *site) {
		var tasks []func()
		for _, talk := range []struct {
			from *configtest.Guest
			to   string
		}{{s.world, addrA6}, {s.a, world6}, {s.world, floatA}, {s.c, world4}, {s.a, addrB6}} {
			if !reaches(t, talk.from, talk.to) {
				t.Fatalf("%s does not reach %s", talk.from.Namespace, talk.to)
			}
			tasks = append(tasks, func() {
				out, err := talk.from.Command("ping", "-n", "-q", "-i", "0.002", "-c", "1000", talk.to).CombinedOutput()
				if got := transmitted.FindStringSubmatch(string(out)); got == nil || got[1] != got[2] {
					t.Errorf("packets were lost over reloads: %v\n%s", err, out)
				}
			})
		}
		s.reloading(t, tasks...)
	})
}

var transmitted = regexp.MustCompile(`([0-9]+) packets transmitted, ([0-9]+) received`)

// TestPackets_reloadForged sends what must not pass, as fast as it can, while files are loaded: nothing passes.
func TestPackets_reloadForged(t *testing.T) {
	s := newSite(t, "0")
	s.load(siteConfig())
	uplink, world := s.node.Run(t, "cat", "/sys/class/net/eth0/address"), s.world.Run(t, "cat", "/sys/class/net/eth0/address")
	reaches(t, s.world, addrA)
	reaches(t, s.a, world4)
	s.world.Pings(t, "10.0.1.19") // the node asks the stray where it is
	const port, made = 4444, "02:16:3e:00:77:77"
	text := udp(port, port, "reload") // Flood counts up the source port, each a new flow
	for _, test := range []struct {
		name     string
		from, to *configtest.Guest
		frame    []byte
	}{
		{"a port that no rule opens", s.world, s.a, ether(uplink, world, typeIP4, ip4(world4, addrA, text))},
		{"an address that no guest has", s.world, s.stray, ether(uplink, world, typeIP4, ip4(world4, "10.0.1.19", text))},
		{"a guest's address from outside", s.world, s.a, ether(uplink, world, typeIP4, ip4(addrC, addrA, udp(port, 53, "reload")))},
		{"a foreign source through the node", s.a, s.world, ether(s.macNode, made, typeIP4, ip4(foreign4, world4, text))},
		{"a foreign IPv6 source through the node", s.a, s.world, ether(s.macNode, made, typeIP6, ip6(17, foreign6, world6, text))},
		{"another guest's address on the bridge", s.a, s.b, ether(broadcast, s.macA, typeIP4, ip4(addrB, "255.255.255.255", text))},
		{"another guest's address with a made-up MAC", s.a, s.b, ether(broadcast, made, typeIP4, ip4(addrB, "255.255.255.255", text))},
	} {
		t.Run(test.name, func(t *testing.T) {
			seen := counted(t, test.to, fmt.Sprintf("udp length %d", len(text)))
			s.reloading(t, func() { test.from.Flood(t, "eth0", test.frame, 200_000) })
			if n := seen(); n != 0 {
				t.Errorf("%d packets of 200,000 pass", n)
			}
			s.node.Run(t, "nft", "delete table bridge nova; delete table inet nova")
			test.from.Flood(t, "eth0", test.frame, 100)
			for deadline := time.Now().Add(5 * time.Second); seen() == 0; time.Sleep(10 * time.Millisecond) {
				if time.Now().After(deadline) {
					t.Fatal("it does not arrive without the tables either")
				}
			}
		})
	}
}

// TestPackets_reloadTranslation begins flows while files are loaded: none goes out by another address than its own.
func TestPackets_reloadTranslation(t *testing.T) {
	s := newSite(t, "0")
	s.load(siteConfig())
	reaches(t, s.a, world4)
	text := udp(1, 9, "reload")
	rule := fmt.Sprintf("udp length %d ip saddr ", len(text))
	wrong := counted(t, s.world, rule+"!= "+floatA)
	s.reloading(t, func() {
		for _, to := range []string{world4, far4, "198.18.0.3"} {
			s.a.Flood(t, "eth0", ether(s.macNode, s.macA, typeIP4, ip4(addrA, to, text)), 65_000)
		}
	})
	if n := wrong(); n != 0 {
		t.Errorf("%d packets have another source than %s", n, floatA)
	}
	right := counted(t, s.world, rule+floatA)
	s.a.Flood(t, "eth0", ether(s.macNode, s.macA, typeIP4, ip4(addrA, world4, text)), 100)
	for deadline := time.Now().Add(5 * time.Second); right() == 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("none has the right one either")
		}
	}
}

// counted counts what comes to a guest and matches, from now on.
func counted(t *testing.T, g *configtest.Guest, match string) func() int {
	t.Helper()
	g.Run(t, "nft", "add table inet seen; delete table inet seen; add table inet seen; "+
		"add chain inet seen came { type filter hook prerouting priority raw; }; add rule inet seen came "+match+" counter")
	return func() int {
		n, err := strconv.Atoi(packets.FindStringSubmatch(g.Run(t, "nft", "list", "table", "inet", "seen"))[1])
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

var packets = regexp.MustCompile(`counter packets ([0-9]+)`)
