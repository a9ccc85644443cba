package radvdgen

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
)

func TestSysctl_Append(t *testing.T) {
	for name, s := range map[string]Sysctl{
		"vlan.sysctl":   {Uplinks: []string{"eth0"}, Bridges: []string{"br100", "br101", "br102"}},
		"dotted.sysctl": {Uplinks: []string{"eth0.7", "eth1"}, Bridges: []string{"br.5"}},
		"bare.sysctl":   {},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := s.Append(nil)
			if err != nil {
				t.Fatal(err)
			}
			golden(t, name, got)
		})
	}
}

// TestSysctl_order states the order that the golden files must keep.
func TestSysctl_order(t *testing.T) {
	b, err := Sysctl{Uplinks: []string{"eth0"}, Bridges: []string{"br100"}}.Append(nil)
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

func TestSysctl_Validate(t *testing.T) {
	for _, test := range []struct {
		s    Sysctl
		want string
	}{
		{Sysctl{}, ""},
		{Sysctl{Uplinks: []string{"eth0", "eth1"}, Bridges: []string{"100", "low"}}, ""},
		{Sysctl{Uplinks: []string{""}}, `uplink "": must not be empty`},
		{Sysctl{Uplinks: []string{"*"}}, `uplink "*": must not contain '*'`},
		{Sysctl{Uplinks: []string{"all"}}, `uplink "all": must not be a group of the sysctl tree`},
		{Sysctl{Bridges: []string{"br1\nkernel.panic = 1"}}, `bridge "br1\nkernel.panic = 1": must have at most 15 bytes`},
		{Sysctl{Bridges: []string{"br1\nx=1"}}, `bridge "br1\nx=1": must not contain '\n'`},
		{Sysctl{Bridges: []string{"../all"}}, `bridge "../all": must not contain '/'`},
		{Sysctl{Bridges: []string{"br1", "br1"}}, "bridge br1: must appear once"},
		{Sysctl{Uplinks: []string{"eth0", "eth0"}}, "uplink eth0: must appear once"},
		{Sysctl{Uplinks: []string{"br1"}, Bridges: []string{"br1"}}, "bridge br1: must not be an uplink too"},
	} {
		wantBound(t, test.s.Validate(), test.want)
	}
	b, err := Sysctl{Bridges: []string{""}}.Append([]byte("kept"))
	if err == nil || string(b) != "kept" {
		t.Errorf("a refused name gives %q and %v", b, err)
	}
}

// netns is the name of a network namespace.
type netns string

// namespace creates a network namespace that is gone after the test.
func namespace(t *testing.T) netns {
	t.Helper()
	if os.Geteuid() != 0 {
		without(t, "a network namespace needs root")
	}
	tool(t, "ip")
	tool(t, "sysctl")
	ns := netns(fmt.Sprintf("radvdgen-%d", os.Getpid()))
	if out, err := exec.Command("ip", "netns", "add", string(ns)).CombinedOutput(); err != nil {
		without(t, fmt.Sprintf("cannot create a network namespace: %v: %s", err, out))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("ip", "netns", "delete", string(ns)).CombinedOutput(); err != nil {
			t.Errorf("deleting namespace %s: %v: %s", ns, err, out)
		}
	})
	return ns
}

func (ns netns) command(args ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", string(ns)}, args...)...)
}

func (ns netns) run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := ns.command(args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v: %s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// TestSysctl_node applies a file in a network namespace and reads back what the kernel made of it.
func TestSysctl_node(t *testing.T) {
	ns := namespace(t)
	addBridge := func(name string) { ns.run(t, "ip", "link", "add", "name", name, "type", "bridge") }
	s := Sysctl{
		Uplinks: []string{"eth0", "eth0.7"},
		Bridges: []string{"br100", "br.5", "a-b_c+d@e~f"},
	}
	for _, name := range append(s.Uplinks, s.Bridges...) {
		addBridge(name)
		ns.run(t, "sysctl", "-q", "-w", "net/ipv6/conf/"+name+"/accept_ra=1", "net/ipv6/conf/"+name+"/autoconf=1")
	}
	ns.run(t, "sysctl", "-q", "-w", "net.ipv6.conf.br100.disable_ipv6=1")

	b, err := s.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	ns.run(t, "sysctl", "-p", writeTemp(t, string(b)))

	expect := func(want map[string]string) {
		t.Helper()
		for key, value := range want {
			if got := ns.run(t, "sysctl", "-n", key); got != value {
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
	for _, name := range s.Uplinks {
		want["net/ipv6/conf/"+name+"/accept_ra"] = "2"
		want["net/ipv6/conf/"+name+"/forwarding"] = "1"
	}
	for _, name := range s.Bridges {
		want["net/ipv6/conf/"+name+"/accept_ra"] = "0"
		want["net/ipv6/conf/"+name+"/autoconf"] = "0"
		want["net/ipv6/conf/"+name+"/forwarding"] = "1"
	}
	expect(want)

	// A bridge that comes later: with -e its line is passed over, and it starts from default.
	s.Bridges = append([]string{"br999"}, s.Bridges...)
	if b, err = s.Append(nil); err != nil {
		t.Fatal(err)
	}
	ns.run(t, "sysctl", "-w", "net.ipv6.conf.br100.accept_ra=1")
	ns.run(t, "sysctl", "-e", "-p", writeTemp(t, string(b)))
	addBridge("br999")
	expect(map[string]string{
		"net/ipv6/conf/br100/accept_ra":  "0",
		"net/ipv6/conf/br999/accept_ra":  "0",
		"net/ipv6/conf/br999/forwarding": "1",
	})

	// An uplink that is not there is worth an exit status; what follows it is applied all the same.
	s = Sysctl{Uplinks: []string{"eth9"}, Bridges: []string{"br999"}}
	if b, err = s.Append(nil); err != nil {
		t.Fatal(err)
	}
	ns.run(t, "sysctl", "-w", "net.ipv6.conf.br999.autoconf=1")
	if out, err := ns.command("sysctl", "-p", writeTemp(t, string(b))).CombinedOutput(); err == nil {
		t.Errorf("nobody is told of a missing uplink:\n%s", out)
	}
	expect(map[string]string{"net/ipv6/conf/br999/autoconf": "0"})
}

func BenchmarkSysctl4094(b *testing.B) {
	s := Sysctl{Uplinks: []string{"eth0"}}
	for i := range 4094 {
		s.Bridges = append(s.Bridges, fmt.Sprintf("br%d", i+1))
	}
	b.ReportAllocs()
	var buf []byte
	for b.Loop() {
		var err error
		if buf, err = s.Append(buf[:0]); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(int64(len(buf)))
}
