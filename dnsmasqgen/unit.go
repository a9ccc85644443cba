package dnsmasqgen

import (
	"math/bits"
	"strconv"

	"nova-manage/internal/configfile"
)

// Unit is a systemd service that runs dnsmasq with the main file. Debian's dnsmasq-base brings none, and that of its package
// dnsmasq is somebody else's.
type Unit struct {
	ConfigFile string // the main file's path
	Sockets    int    // what Config.Sockets says, or 0
}

// minFiles is the limit for open files where no more are needed. It is enough for 4,094 bridges with both families, so that
// the unit does not change, and dnsmasq is not restarted, with the number of bridges.
const minFiles = 1 << 16

// maxFiles is the kernel's own limit (fs.nr_open), unless somebody has changed it.
const maxFiles = 1 << 20

// Append appends the unit's text to b. A path that would not be read as it is, or more sockets than a process can have, is a
// [*configfile.OptionError], with b as it was.
func (u Unit) Append(b []byte) ([]byte, error) {
	if bound := pathBound(u.ConfigFile); bound != "" {
		return b, fail(nil, "conf-file", strconv.Quote(u.ConfigFile), bound)
	}
	limit := minFiles
	if need := u.Sockets + spareFiles; need > limit {
		limit = 1 << bits.Len(uint(need-1))
	}
	if u.Sockets < 0 || limit > maxFiles {
		return b, fail(nil, "LimitNOFILE", strconv.Itoa(u.Sockets), "must be at most "+strconv.Itoa(maxFiles-spareFiles))
	}
	b = append(b, configfile.Header...)
	b = append(b, "\n[Unit]\nDescription=DHCP and DNS for the guests of nova-manage's networks\nDocumentation=man:dnsmasq(8)\nAfter=network.target\n"...)
	// -k keeps it in the foreground, so that systemd knows the process and needs no pid file. The test does not read the
	// hosts, and the daemon says what is wrong with the rest; but a start that fails in it has a result that says so.
	b = append(b, "\n[Service]\nType=exec\n"...)
	b = option(b, "ExecStartPre", daemon+" --test -C "+u.ConfigFile)
	b = option(b, "ExecStart", daemon+" -k -C "+u.ConfigFile)
	b = append(b, "ExecReload=/bin/kill -HUP $MAINPID\nRestart=on-failure\nRestartSec=1\n"...)
	b = option(b, "LimitNOFILE", strconv.Itoa(limit))
	// It starts as root, writes nothing but its pid file in /run, and keeps three capabilities across its change of user,
	// for which it executes nothing. Whatever is stricter than this has to be tried on a machine with systemd first.
	b = append(b, "NoNewPrivileges=yes\nProtectSystem=full\nProtectHome=yes\n"...)
	return append(b, "\n[Install]\nWantedBy=multi-user.target\n"...), nil
}

// daemon is where Debian and Ubuntu have it.
const daemon = "/usr/sbin/dnsmasq"
