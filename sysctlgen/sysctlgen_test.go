package sysctlgen

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
)

func TestConfig_Append(t *testing.T) {
	for name, c := range map[string]Config{
		"vlan.conf":   {Uplinks: []string{"eth0"}, Bridges: []string{"br100", "br101", "br102"}},
		"dotted.conf": {Uplinks: []string{"eth0.7", "eth1"}, Bridges: []string{"br.5"}},
		"bare.conf":   {},
		"node.conf": {Uplinks: []string{"eth0"}, Bridges: []string{"br100", "br.5"}, ProxyNDP: []string{"eth0", "eth1.7"}, NoRedirects: true,
			Neighbours: 10_000, OptmemMax: 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := c.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			configtest.Golden(t, name, got)
		})
	}
}

// TestConfig_order states the order that the golden files must keep.
func TestConfig_order(t *testing.T) {
	b, err := Config{Uplinks: []string{"eth0"}, Bridges: []string{"br100"}}.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	at := 0
	for _, line := range []string{
		"net.ipv4.ip_forward = 1",
		"net.ipv6.conf.eth0.accept_ra = 2",
		"net.ipv6.conf.all.forwarding = 1",
		"net.ipv6.conf.default.accept_ra = 0",
		"-net.ipv6.conf.br100.accept_ra = 0",
		"-net.ipv6.conf.br100.disable_ipv6 = 0",
	} {
		n := strings.Index(string(b[at:]), "\n"+line+"\n")
		if n < 0 {
			t.Fatalf("%q is missing, or too early, in\n%s", line, b)
		}
		at += n + 1
	}
}

func TestConfig_Validate(t *testing.T) {
	for _, test := range []struct {
		c    Config
		want string
	}{
		{Config{}, ""},
		{Config{Uplinks: []string{"eth0", "eth1"}, Bridges: []string{"100", "low"}}, ""},
		{Config{Uplinks: []string{""}}, `uplink "": must not be empty`},
		{Config{Uplinks: []string{"*"}}, `uplink "*": must not contain '*'`},
		{Config{Uplinks: []string{"all"}}, `uplink "all": must not be a group of the sysctl tree`},
		{Config{Bridges: []string{"br1\nkernel.panic = 1"}}, `bridge "br1\nkernel.panic = 1": must have at most 15 bytes`},
		{Config{Bridges: []string{"br1\nx=1"}}, `bridge "br1\nx=1": must not contain '\n'`},
		{Config{Bridges: []string{"../all"}}, `bridge "../all": must not contain '/'`},
		{Config{Bridges: []string{"br1", "br1"}}, "bridge br1: must appear once"},
		{Config{Uplinks: []string{"eth0", "eth0"}}, "uplink eth0: must appear once"},
		{Config{Uplinks: []string{"br1"}, Bridges: []string{"br1"}}, "bridge br1: must not be an uplink too"},
		{Config{Uplinks: []string{"eth0"}, ProxyNDP: []string{"eth0", "eth1"}}, ""},
		{Config{ProxyNDP: []string{"a\nb"}}, `proxy_ndp "a\nb": must not contain '\n'`},
		{Config{ProxyNDP: []string{"eth1", "eth1"}}, "proxy_ndp eth1: must appear once"},
		{Config{Uplinks: []string{"eth0"}, Bridges: []string{"br1"}, ProxyNDP: []string{"eth0", "br1"}}, "proxy_ndp br1: must not be a bridge too"},
		{Config{Neighbours: -1}, "neighbours -1: must be 0 to 1048576"},
		{Config{Neighbours: 1<<20 + 1}, "neighbours 1048577: must be 0 to 1048576"},
		{Config{Neighbours: 1 << 20}, ""},
		{Config{OptmemMax: 1}, "net.core.optmem_max 1: must be 0 or 20480 to 67108864"},
		{Config{OptmemMax: 1 << 30}, "net.core.optmem_max 1073741824: must be 0 or 20480 to 67108864"},
	} {
		configtest.WantBound(t, test.c.Validate(), test.want)
		if _, err := test.c.Settings(); (err == nil) != (test.want == "") {
			t.Errorf("Settings says %v where Validate says %q", err, test.want)
		}
	}
	b, err := Config{Bridges: []string{""}}.Append([]byte("kept"))
	if err == nil || string(b) != "kept" {
		t.Errorf("a refused name gives %q and %v", b, err)
	}
}

// TestConfig_node applies a file in a network namespace and reads back what the kernel made of it.
func TestConfig_node(t *testing.T) {
	ns := configtest.NewNamespace(t)
	addBridge := func(name string) { ns.Run(t, "ip", "link", "add", "name", name, "type", "bridge") }
	c := Config{
		Uplinks: []string{"eth0", "eth0.7"},
		Bridges: []string{"br100", "br.5", "a-b_c+d@e~f"},
	}
	for _, name := range append(c.Uplinks, c.Bridges...) {
		addBridge(name)
		ns.Run(t, "sysctl", "-q", "-w", "net/ipv6/conf/"+name+"/accept_ra=1", "net/ipv6/conf/"+name+"/autoconf=1")
	}
	ns.Run(t, "sysctl", "-q", "-w", "net.ipv6.conf.br100.disable_ipv6=1")

	b, err := c.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	ns.Run(t, "sysctl", "-p", configtest.WriteTemp(t, string(b)))

	expect := func(want map[string]string) {
		t.Helper()
		for key, value := range want {
			if got := ns.Run(t, "sysctl", "-n", key); got != value {
				t.Errorf("%s is %s, want %s", key, got, value)
			}
		}
	}
	want := map[string]string{
		"net/ipv4/ip_forward":              "1",
		"net/ipv6/conf/all/forwarding":     "1",
		"net/ipv6/conf/all/accept_ra":      "0",
		"net/ipv6/conf/default/forwarding": "1",
		"net/ipv6/conf/default/accept_ra":  "0",
		"net/ipv6/conf/br100/disable_ipv6": "0",
		"net/ipv6/conf/eth0/autoconf":      "1",
	}
	for _, name := range c.Uplinks {
		want["net/ipv6/conf/"+name+"/accept_ra"] = "2"
		want["net/ipv6/conf/"+name+"/forwarding"] = "1"
	}
	for _, name := range c.Bridges {
		want["net/ipv6/conf/"+name+"/accept_ra"] = "0"
		want["net/ipv6/conf/"+name+"/autoconf"] = "0"
		want["net/ipv6/conf/"+name+"/forwarding"] = "1"
	}
	expect(want)

	// A bridge that comes later: with -e its line is passed over, and it starts from default.
	c.Bridges = append([]string{"br999"}, c.Bridges...)
	if b, err = c.Append(nil); err != nil {
		t.Fatal(err)
	}
	ns.Run(t, "sysctl", "-w", "net.ipv6.conf.br100.accept_ra=1")
	ns.Run(t, "sysctl", "-e", "-p", configtest.WriteTemp(t, string(b)))
	addBridge("br999")
	expect(map[string]string{
		"net/ipv6/conf/br100/accept_ra":  "0",
		"net/ipv6/conf/br999/accept_ra":  "0",
		"net/ipv6/conf/br999/forwarding": "1",
	})

	// An uplink that is not there is worth an exit status; what follows it is applied all the same.
	c = Config{Uplinks: []string{"eth9"}, Bridges: []string{"br999"}}
	if b, err = c.Append(nil); err != nil {
		t.Fatal(err)
	}
	ns.Run(t, "sysctl", "-w", "net.ipv6.conf.br999.autoconf=1")
	if out, err := ns.Command("sysctl", "-p", configtest.WriteTemp(t, string(b))).CombinedOutput(); err == nil {
		t.Errorf("nobody is told of a missing uplink:\n%s", out)
	}
	expect(map[string]string{"net/ipv6/conf/br999/autoconf": "0"})
}

// TestConfig_neighbours holds the sizes to the proportion of the kernel's own, 128 to 512 to 1024, and far from changing with
// each guest.
func TestConfig_neighbours(t *testing.T) {
	for _, test := range []struct {
		neighbours int
		want       [3]string
	}{
		{512, [3]string{}}, {513, [3]string{"256", "1024", "2048"}}, {1024, [3]string{"256", "1024", "2048"}}, {1025, [3]string{"512", "2048", "4096"}},
		{10_000, [3]string{"4096", "16384", "32768"}}, {1 << 20, [3]string{"262144", "1048576", "2097152"}},
	} {
		settings, err := Config{Neighbours: test.neighbours}.Settings()
		if err != nil {
			t.Fatal(err)
		}
		var got [3]string
		for _, s := range settings {
			for i := range got {
				if s.Key == fmt.Sprintf("net/ipv6/neigh/default/gc_thresh%d", i+1) {
					got[i] = s.Value
				}
			}
		}
		if got != test.want {
			t.Errorf("%d neighbours: %v, want %v", test.neighbours, got, test.want)
		}
	}
}

// TestConfig_redirects has a guest reach one of another subnet of its bridge, and listens for the redirect that the kernel
// sends unless it is told not to.
func TestConfig_redirects(t *testing.T) {
	node := configtest.NewNamespace(t)
	node.Run(t, "ip", "link", "add", "name", "br100", "type", "bridge")
	node.Run(t, "ip", "link", "set", "br100", "up")
	node.Run(t, "ip", "address", "add", "10.0.1.1/24", "dev", "br100")
	node.Run(t, "ip", "address", "add", "10.0.2.1/24", "dev", "br100")
	a, b := node.Guest(t, "br100", "02:16:3e:00:00:01"), node.Guest(t, "br100", "02:16:3e:00:00:02")
	for guest, net := range map[configtest.Namespace]string{a: "10.0.1", b: "10.0.2"} {
		guest.Run(t, "ip", "address", "add", net+".5/24", "dev", "eth0")
		guest.Run(t, "ip", "route", "add", "default", "via", net+".1")
	}
	redirects := func() string {
		a.Run(t, configtest.Tool(t, "ping"), "-c", "3", "-i", "0.2", "-W", "5", "10.0.2.5")
		for line := range strings.Lines(node.Run(t, "cat", "/proc/net/snmp")) {
			if fields := strings.Fields(line); fields[0] == "Icmp:" && fields[1] != "InMsgs" {
				return fields[column(node.Run(t, "cat", "/proc/net/snmp"), "OutRedirects")]
			}
		}
		return ""
	}
	apply := func(c Config) {
		text, err := c.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		node.Run(t, "sysctl", "-e", "-p", configtest.WriteTemp(t, string(text)))
	}
	c := Config{Bridges: []string{"br100"}, NoRedirects: true}
	apply(c)
	if got := redirects(); got != "0" {
		t.Errorf("%s redirects are sent", got)
	}
	node.Run(t, "sysctl", "-q", "-w", "net.ipv4.conf.br100.send_redirects=1")
	if got := redirects(); got == "0" {
		t.Error("the test does not see a redirect that is sent")
	}
}

// column is where a word stands in the line of names that begins with "Icmp:".
func column(snmp, word string) int {
	for line := range strings.Lines(snmp) {
		if fields := strings.Fields(line); fields[0] == "Icmp:" {
			return slices.Index(fields, word)
		}
	}
	return 0
}

func Benchmark4094(b *testing.B) {
	c := Config{Uplinks: []string{"eth0"}}
	for i := range 4094 {
		c.Bridges = append(c.Bridges, fmt.Sprintf("br%d", i+1))
	}
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
