//go:build linux

package commands

import (
	"bufio"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Flags of a route in /proc/net/ipv6_route (linux/ipv6_route.h). The kernel sets both on a default route that it has
// taken from a router advertisement itself, and drops those routes when forwarding is turned on, except where accept_ra
// is 2 (rt6_purge_dflt_routers in net/ipv6/route.c). A route that a daemon has learnt and put there, as systemd-networkd
// does, has neither and stays.
const (
	rtfDefault  = 0x00010000
	rtfAddrconf = 0x00040000
)

// learntDefaults lists the interfaces over which a default route was learnt by router advertisement, each once, in the
// order of the table, which is read in the form of /proc/net/ipv6_route: destination, its length, source, its length, next
// hop, metric, references, uses, flags, all of them hexadecimal, and the interface.
func learntDefaults(table io.Reader) []string {
	var names []string
	lines := bufio.NewScanner(table)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 10 || strings.Trim(fields[0], "0") != "" || fields[1] != "00" {
			continue
		}
		flags, err := strconv.ParseUint(fields[8], 16, 32)
		if err == nil && flags&rtfDefault != 0 && flags&rtfAddrconf != 0 && !slices.Contains(names, fields[9]) {
			names = append(names, fields[9])
		}
	}
	return names
}
