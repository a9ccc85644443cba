package sysctlgen

import (
	"fmt"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
)

func TestConfig_Append(t *testing.T) {
	for name, c := range map[string]Config{
		"vlan.conf":   {Uplinks: []string{"eth0"}, Bridges: []string{"br100", "br101", "br102"}},
		"dotted.conf": {Uplinks: []string{"eth0.7", "eth1"}, Bridges: []string{"br.5"}},
		"bare.conf":   {},
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
	} {
		configtest.WantBound(t, test.c.Validate(), test.want)
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
