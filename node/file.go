//go:build linux

// Package node is a network node as it is: files below /etc, the kernel's links, addresses, routes, settings and packet
// filter, and daemons. It compares all that with how it is to be, replaces files, and has the daemons and the kernel follow.
// How it is to be is told to it as files and typed values; of a ledger it knows nothing.
package node

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"slices"
	"strings"

	"nova-manage/internal/configfile"
)

// File is a file as it belongs on a node.
type File struct {
	Path string // absolute, as the node itself calls it
	Mode fs.FileMode
	Text []byte // with its checksum, see Stamp
	Does Action // what has to follow when it has changed
	// Also, if it is set, tells what has to follow besides when the file was had before, nil where there was none.
	Also func(had []byte) Action
}

// Action is what must be done for a change of a file to have an effect. Several of them are a set.
type Action uint

// The actions, in the order in which an apply does them: the filter is there before the links that it guards, and a daemon
// is told after what it needs is there (see Apply).
const (
	LoadUnits     Action = 1 << iota // systemd reads its units again
	LoadModules                      // kernel modules
	LoadFilter                       // nft loads the file as one transaction
	LoadLinks                        // the network manager reads its files again
	RestartLinks                     // systemd-networkd starts again
	SetSysctl                        // the kernel's settings are written
	ReloadRadvd                      // radvd reads its file again, or starts
	RestartDHCP                      // dnsmasq starts again: its main file or its unit has changed
	ReloadDHCP                       // dnsmasq reads its hosts again
	numberActions = iota
)

var actionNames = [numberActions]string{"units", "modules", "nftables", "links", "links-restart", "sysctl", "radvd", "dnsmasq-restart", "dnsmasq-reload"}

// String lists the actions of the set by their names, in their order; a set of none is "-".
func (a Action) String() string {
	var names []string
	for i, name := range actionNames {
		if a&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if names == nil {
		return "-"
	}
	return strings.Join(names, ",")
}

// parseActions reads what String writes, and passes over words that it does not know.
func parseActions(s string) (a Action) {
	for name := range strings.SplitSeq(s, ",") {
		if i := slices.Index(actionNames[:], name); i >= 0 {
			a |= 1 << i
		}
	}
	return a
}

// stampMark begins the line with the checksum, which is the second of a file. By it a file that somebody has edited is told
// from one that is as it was written, with no record of it elsewhere that could be lost or be older than the file.
const stampMark = "# sha256: "

// Stamp puts the checksum of what follows it after the first line of a rendered text, which is configfile.Header.
func Stamp(text []byte) []byte {
	body := bytes.TrimPrefix(text, []byte(configfile.Header))
	sum := sha256.Sum256(body)
	out := make([]byte, 0, len(configfile.Header)+len(stampMark)+2*len(sum)+1+len(body))
	out = append(out, configfile.Header...)
	out = append(out, stampMark...)
	out = hex.AppendEncode(out, sum[:])
	out = append(out, '\n')
	return append(out, body...)
}

// origin is who wrote a file, as far as it can be told from its text.
type origin int

const (
	foreign  origin = iota // somebody else: it lacks our first line
	edited                 // we, but it has been changed since
	unmarked               // we, by a command that puts no checksum into its file
	ours                   // we, and it is as it was written
)

// originOf tells who wrote text.
func originOf(text []byte) origin {
	rest, found := bytes.CutPrefix(text, []byte(configfile.Header))
	if !found {
		return foreign
	}
	if !bytes.HasPrefix(rest, []byte(stampMark)) {
		return unmarked
	}
	_, body, _ := bytes.Cut(rest, []byte("\n"))
	if !bytes.Equal(Stamp(append([]byte(configfile.Header), body...)), text) {
		return edited
	}
	return ours
}

// unstamped is text as the generator made it.
func unstamped(text []byte) []byte {
	rest, _ := bytes.CutPrefix(text, []byte(configfile.Header))
	if bytes.HasPrefix(rest, []byte(stampMark)) {
		_, rest, _ = bytes.Cut(rest, []byte("\n"))
	}
	return append([]byte(configfile.Header), rest...)
}
