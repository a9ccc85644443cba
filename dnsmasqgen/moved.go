package dnsmasqgen

import (
	"bytes"
	"strings"
)

// Moved tells whether an address is another MAC's in the hosts file after than it was in the one before. dnsmasq refuses it to the
// new one until the old lease has run out, also when it has read the file again; only a new process has forgotten the lease.
func Moved(before, after []byte) bool {
	was := owners(before)
	for address, mac := range owners(after) {
		if old, ok := was[address]; ok && old != mac {
			return true
		}
	}
	return false
}

// owners are the MACs of a hosts file by the addresses that they are given.
func owners(hosts []byte) map[string]string {
	macs := make(map[string]string, bytes.Count(hosts, []byte("\n")))
	for line := range strings.Lines(string(hosts)) {
		line = strings.TrimSuffix(line, "\n")
		mac, rest, found := strings.Cut(line, ",")
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		macs[rest[strings.LastIndexByte(rest, ',')+1:]] = mac
	}
	return macs
}
