package dnsmasqgen

import (
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/configtest"
	"nova-manage/netcalc"
)

// hostile are names that would close something, begin a line, or mean something else to dnsmasq than a name.
func hostile() []string {
	label := strings.Repeat("a", 63)
	seeds := []string{
		"web", "a", "0", "100", "5m", "1h", "2d", "3w", "60s", "infinite", "ignore", "static", "10.9.0.3", "1.2.3.4", "a:b", "02:16:3e:00:00:99", "*:*:*",
		"set:x", "net:x", "tag:x", "id:*", "id:x", "xn--bcher-kva", "xn--", "a--b", "-a", "a-", "-", "a_b", "_a", "Web", "WEB", "web.", ".web", "a..b", ".",
		"a.b", "a.1", "a.1b", "web.novalocal", "web,ignore", "web,10.0.1.9", "web,set:x", "web\n02:16:3e:00:00:99,evil.novalocal,10.0.1.9", "web\r", "web\x00",
		"web #", "#", "web#", `"web"`, `"`, `we"b`, `\`, `web\n`, "we b", " web", "web ", "web\t", "}", ";", "/", "*", "%s", "$(id)", "`id`", "&", "bücher", "é",
		"web\u00a0", "web\u2028", "\xff", "web\xc3", "١", "ｗeb", label, label + "a", strings.Repeat("a", 300), strings.Repeat("a", 1100), "",
		"localhost", "wpad", "isatap", "novalocal", "local/=x", "/x/", "novalocal/,8.8.8.8", "conf-file=/etc/passwd", "dhcp-script=/bin/sh", "x\ndhcp-script=/bin/sh",
		strings.Join([]string{label, label, label, label[:61]}, "."), strings.Join([]string{label, label, label, label[:62]}, "."),
		strings.Join([]string{label, label, label, label[:51]}, "."), strings.Join([]string{label, label, label, label[:52]}, "."),
		strings.Join([]string{label, label, label, label[:51], "novalocal"}, "."), strings.Join([]string{label, label, label, label[:52], "novalocal"}, "."),
		"/etc/nova/dnsmasq.hosts", "/etc/a b", "/etc/a#b", "/etc/a,b", "/", "//", "/etc/../a", "etc/a", "/etc/é", "/" + strings.Repeat("a", 511), "/" + strings.Repeat("a", 512),
		"/run/nova-dnsmasq.pid", "br100", "br1:0", "lo", "br*", "br1,br2",
	}
	return append(seeds, configtest.NameSeeds()...)
}

// FuzzNames puts one text into each place that takes one, and asks what comes of it: the oracle's answer, and if it is
// accepted a file that has it where it belongs and nothing else.
func FuzzNames(f *testing.F) {
	for _, s := range hostile() {
		f.Add(s)
	}
	isLabel := func(s string) bool {
		return nameText.MatchString(s) && !strings.Contains(s, ".") && s != "localhost" && s != "wpad" && s != "isatap"
	}
	inZone := func(s string) bool { return isName(s) && strings.HasSuffix(s, ".novalocal") }
	longPath := func(s string) bool { return len(s) <= 512 && pathText.MatchString(s) }
	f.Fuzz(func(t *testing.T, s string) {
		for place, test := range map[string]struct {
			put     func(*Config)
			allowed bool
			main    bool // it is in the main file; otherwise in that of the hosts or names
			want    string
		}{
			"label": {func(c *Config) { c.Hosts[0].Label = s }, isLabel(s) && isName(s+".apollo.novalocal") && s != "db", false,
				"02:16:3e:00:00:11," + s + ".apollo.novalocal,10.0.1.5"},
			"record": {func(c *Config) { c.Records[4].Names[1] = s }, inZone(s), false, "10.0.1.37 web.gemini.novalocal " + s},
			"network": {func(c *Config) { c.Networks[0].Domain = s; c.Hosts[1].Label = "db" },
				s == "" || s == "novalocal" || inZone(s) && len("web."+s) <= 253, s != "" && s != "novalocal", "domain=" + s + ",10.0.1.0/27"},
			"bridge": {func(c *Config) { c.Networks[0].Bridge = s }, configtest.AllowedName(s), true, "interface=" + s},
			"hosts":  {func(c *Config) { c.HostsFile = s }, longPath(s) && s != "/etc/nova/dnsmasq.names" && s != "/run/nova-dnsmasq.pid" || s == "", s != "", "dhcp-hostsfile=" + s},
			"pid":    {func(c *Config) { c.PIDFile = s }, longPath(s) && !strings.HasPrefix(s, "/etc/nova/dnsmasq."), true, "pid-file=" + s},
			"names":  {func(c *Config) { c.NamesFile = s }, longPath(s) && s != "/etc/nova/dnsmasq.hosts" && s != "/run/nova-dnsmasq.pid" || s == "", s != "", "addn-hosts=" + s},
			"domain": {func(c *Config) { c.Domain = s; c.Records = nil; clearDomains(c); c.Hosts = c.Hosts[:2] }, isName(s) && len("web."+s) <= 253, true, "local=/" + s + "/"},
		} {
			c := vlans()
			c.Records[0].Names[0], c.Records[1].Names[0] = "i-00000011.novalocal", "i-00000011.novalocal"
			c.Records = c.Records[:5:5]
			if place == "network" || place == "label" || place == "record" {
				c.Records[2].Names = c.Records[2].Names[1:2]
				c.Records[3].Names = c.Records[3].Names[1:2]
			}
			test.put(&c)
			if place == "record" && slices.Contains([]string{"web.gemini.novalocal", "i-00000001.novalocal", "i-00000002.novalocal", "i-00000011.novalocal",
				"web.apollo.novalocal", "db.apollo.novalocal"}, s) {
				continue // taken, which is another rule's matter
			}
			if place == "network" && s == "gemini.novalocal" {
				continue
			}
			main, err := c.Append(nil)
			if (err == nil) != test.allowed {
				t.Fatalf("%s %q: allowed is %t, but the generator says %v", place, s, test.allowed, err)
			}
			if err != nil {
				hosts, err1 := c.AppendHosts(nil)
				names, err2 := c.AppendNames(nil)
				if len(main)+len(hosts)+len(names) > 0 || err1 == nil || err2 == nil {
					t.Fatalf("%s %q is refused, and in a file", place, s)
				}
				continue
			}
			hosts, _ := c.AppendHosts(nil)
			names, _ := c.AppendNames(nil)
			readBack(t, c, main, hosts, names)
			in := append(slices.Clone(hosts), names...)
			if test.main {
				in = main
			}
			if (place != "network" && place != "hosts" && place != "names" || test.main) && !strings.Contains(string(in), "\n"+test.want+"\n") {
				t.Errorf("%s %q: no line %q in\n%s", place, s, test.want, in)
			}
		}
	})
}

func clearDomains(c *Config) {
	for i := range c.Networks {
		c.Networks[i].Domain = ""
	}
}

// readBack reads the three files by the grammar, and compares the numbers of lines with what there is to write.
func readBack(t *testing.T, c Config, main, hosts, names []byte) {
	t.Helper()
	lines, err := readMain(main)
	if err != nil {
		t.Fatalf("%v in\n%s", err, main)
	}
	guests, err := readHosts(hosts)
	if err != nil {
		t.Fatalf("%v in\n%s", err, hosts)
	}
	records, err := readNames(names)
	if err != nil {
		t.Fatalf("%v in\n%s", err, names)
	}
	count := map[string]int{}
	for _, l := range lines {
		count[l.option]++
	}
	want := 0
	for _, h := range c.Hosts {
		if h.IPv4.IsValid() {
			want++
		}
		if h.IPv6.IsValid() {
			want++
		}
	}
	if len(guests) != want || len(records) != len(c.Records) {
		t.Fatalf("%d hosts and %d records in\n%s%s", len(guests), len(records), hosts, names)
	}
	inMain := func(there bool, n int) int {
		if there {
			return n
		}
		return 0
	}
	if count["dhcp-host"] != inMain(c.HostsFile == "", want) || count["host-record"] != inMain(c.NamesFile == "", len(c.Records)) ||
		count["local"] != 1 || count["pid-file"] != 1 {
		t.Fatalf("lines are missing from\n%s", main)
	}
}

// values hands out what the fuzzer was given as addresses and numbers: often one at some option's edge.
type values struct{ data []byte }

func (v *values) next() byte {
	if len(v.data) == 0 {
		return 0
	}
	b := v.data[0]
	v.data = v.data[1:]
	return b
}

func (v *values) addr() netip.Addr {
	texts := []string{"", "10.0.1.0", "10.0.1.1", "10.0.1.5", "10.0.1.31", "10.0.1.32", "10.0.1.33", "0.0.0.0", "127.0.0.53", "255.255.255.255", "224.0.0.1", "8.8.8.8",
		"fd00:1::", "fd00:1::1", "fd00:1::5", "fd00:2::5", "fe80::1", "fe80::1%eth0", "::", "::1", "::ffff:10.0.1.5", "ff02::1", "2001:db8::53", "fd00:1::5%x"}
	b := int(v.next())
	if text := texts[b%len(texts)]; text != "" {
		return addr(text)
	}
	return netip.Addr{}
}

func (v *values) prefix() netip.Prefix {
	texts := []string{"", "10.0.1.0/27", "10.0.1.0/24", "10.0.1.5/27", "10.0.1.0/30", "10.0.1.0/31", "10.0.1.1/32", "0.0.0.0/0", "10.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4",
		"fd00:1::/64", "fd00:1::1/64", "fd00:1::/63", "fd00:1::/65", "fd00:2::/64", "fe80::/64", "::/64", "ff00::/64", "::ffff:10.0.1.0/112", "::ffff:0:0/64"}
	b := int(v.next())
	if text := texts[b%len(texts)]; text != "" {
		return prefix(text)
	}
	return netip.Prefix{}
}

func (v *values) number() int {
	numbers := []int{0, 1, -1, 2, 67, 68, 119, 120, 1279, 1280, 1500, 65535, 65536, 70000, 86400, 86401, 1<<31 - 1, -1 << 31}
	return numbers[int(v.next())%len(numbers)]
}

// FuzzConfig varies what is not text, from a configuration that is good. What Validate lets through must be in the grammar
// and be taken by dnsmasq.
func FuzzConfig(f *testing.F) {
	f.Add([]byte{})
	const places = 16
	for i := range places {
		for b := range 32 {
			f.Add([]byte{byte(i), byte(b)})
			f.Add([]byte{byte(i), byte(b), byte((i + 5) % places), byte(b / 2), byte((i + 1) % places), byte(b + 7)})
		}
	}
	dnsmasq, err := exec.LookPath("dnsmasq")
	if err != nil && os.Getenv("NOVA_MANAGE_REQUIRE_NODE") == "1" {
		f.Fatal(err)
	}
	asked := 0
	f.Fuzz(func(t *testing.T, data []byte) {
		v := &values{data}
		c := vlans()
		if len(data)%2 == 1 {
			c = flat()
		}
		for len(v.data) > 0 {
			n, h, r := &c.Networks[0], &c.Hosts[0], &c.Records[0]
			switch v.next() % places {
			case 0:
				n.CIDR = v.prefix()
			case 1:
				n.Router = v.addr()
			case 2:
				n.First = v.addr()
			case 3:
				n.CIDRv6 = v.prefix()
			case 4:
				n.GatewayV6 = v.addr()
			case 5:
				n.DNS = append(n.DNS, v.addr())
			case 6:
				n.MTU = v.number()
			case 7:
				n.ID = int64(v.number())
			case 8:
				h.Network = int64(v.number())
			case 9:
				h.IPv4 = v.addr()
			case 10:
				h.IPv6 = v.addr()
			case 11:
				r.Addr = v.addr()
			case 12:
				c.LeaseTime = uint32(v.number())
			case 13:
				c.Upstream = append(c.Upstream, v.addr())
			case 14:
				h.MAC = netcalc.MAC{v.next(), v.next()}
			case 15:
				n.DHCPv6, c.DUID[7] = !n.DHCPv6, v.next()
			}
		}
		main, err := c.Append(nil)
		if err != nil {
			return
		}
		hosts, _ := c.AppendHosts(nil)
		names, _ := c.AppendNames(nil)
		readBack(t, c, main, hosts, names)
		// dnsmasq reads one file at a time, and a process for each would take nearly all of the time.
		if asked++; dnsmasq != "" && asked%16 == 0 {
			if err := dnsmasqTest(t, main); err != nil {
				t.Errorf("%v\n%s", err, main)
			}
		}
	})
	if dnsmasq == "" {
		f.Skip("dnsmasq is not in PATH: its parser was not asked")
	}
}
