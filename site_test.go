package main

import (
	"os"
	"regexp"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// uplinkFile is how a site's machine is told of its uplink, by whoever installed it.
const uplinkFile = `[Match]
Name=eth0
[Network]
Address=192.0.2.2/24
Address=2001:db8::2/64
Gateway=192.0.2.1
Gateway=2001:db8::1
IPv6AcceptRA=no
`

// site is the script command `site MACHINE OUTSIDE`: a machine whose systemd-networkd has configured an uplink, eth0, with the
// addresses 192.0.2.2 and 2001:db8::2, and the world behind that, with ::1 and .1 of the same networks and routes to guests.
// Commands about a node take eth0 as its uplink, and what follows them is started by SERVICES.
func site(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: site MACHINE OUTSIDE")
	}
	machine(ts, false, args[:1])
	netns(ts, false, args[1:])
	node, outside := ts.Getenv(args[0]), ts.Getenv(args[1])
	ipEach(ts, [][]string{
		{"-n", node, "link", "set", "lo", "up"},
		{"-n", node, "link", "add", "eth0", "type", "veth", "peer", "name", "eth0", "netns", outside},
		{"-n", outside, "link", "set", "eth0", "up"},
		{"-n", outside, "address", "add", "192.0.2.1/24", "dev", "eth0"},
		{"-n", outside, "address", "add", "2001:db8::1/64", "dev", "eth0", "nodad"},
		{"-n", outside, "route", "add", "10.0.0.0/16", "via", "192.0.2.2"},
		{"-n", outside, "route", "add", "fd00::/16", "via", "2001:db8::2"},
	})
	ts.Setenv("NOVA_UPLINK", "eth0")
	ts.Setenv("NOVA_RELOAD_COMMAND", ts.Getenv("SERVICES"))
	file := ts.MkAbs("10-lan.network")
	ts.Check(os.WriteFile(file, []byte(uplinkFile), 0o644))
	on(ts, false, []string{args[0], "0", "cp", file, "/etc/systemd/network/"})
	on(ts, false, []string{args[0], "0", ts.Getenv("SERVICES"), "start", "systemd-networkd.service"})
	until(ts, false, []string{"2001:db8::2/64 scope global *$", "ip", "-n", node, "address", "show", "dev", "eth0"})
}

// drift is the script command `drift MACHINE HOW LINE COMMAND [ARGUMENT...]`: after that command of a shell on the machine, host
// check finds exactly that line: subject, what is and what should be, with " | " between them, as a pattern. HOW is what becomes
// of it: "mended" by host apply; "forced" by host apply --force, and refused without it; "left".
func drift(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: drift MACHINE mended|forced|left LINE COMMAND [ARGUMENT...]")
	}
	node := func(code string, command ...string) string {
		on(ts, false, append([]string{args[0], code}, command...))
		return ts.ReadFile("stdout")
	}
	check := func(code string) string {
		return node(code, "nova-manage", "host", "check", "node1", "-f", "value", "-c", "subject", "-c", "is", "-c", "should_be")
	}
	line, err := regexp.Compile("^" + strings.ReplaceAll(args[2], " | ", "\t") + "\nexit 5\n$")
	ts.Check(err)
	const clean, tries = "exit 0\n", 20
	found := clean
	for range tries {
		node("0", "sh", "-c", strings.Join(args[3:], " "))
		found = node("0", "sh", "-c", "nova-manage host check node1 -f value -c subject -c is -c should_be; echo exit $?")
		// A networkd that the apply before has started again may still be at work, and puts back what was taken away just now. What
		// is taken away and stays away cannot be taken away again: a check that sees nothing of it fails here.
		if found != clean {
			break
		}
	}
	if !line.MatchString(found) {
		ts.Fatalf("after %s host check finds\n%swhich is not %s", args[3:], found, args[2])
	}
	switch args[1] {
	case "left":
		return
	case "forced":
		node("4", "nova-manage", "host", "apply", "node1", "-q")
		node("0", "nova-manage", "host", "apply", "node1", "-q", "--force")
	case "mended":
		node("0", "nova-manage", "host", "apply", "node1", "-q")
	default:
		ts.Fatalf("%s is not mended, forced or left", args[1])
	}
	if found := check("0"); found != "" {
		ts.Fatalf("after host apply there still is\n%s", found)
	}
}
