package nftgen

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"nova-manage/internal/configfile"
)

// file is what [Revoked] needs of a file of ours.
type file struct {
	fixed    []netip.Prefix
	to       map[netip.Addr]string // the chain of an address
	chains   map[string][]string   // rules
	sets     map[string]map[netip.Addr]struct{}
	floating map[netip.Addr]netip.Addr
	vpn      map[netip.AddrPort]netip.Addr
}

// allowance is a rule of a group.
type allowance struct {
	match
	source  string                  // as it is written
	cidr    netip.Prefix            // of a rule with a prefix
	members map[netip.Addr]struct{} // of a rule with a source group
}

// match is what a rule says beside the source: ports from low to high, or ICMP's type and code, -1 for any.
type match struct {
	protocol  string // of one family: icmp or icmpv6, ip tcp or ip6 tcp
	low, high int
}

// covers tells whether all that o lets in passes m, from the same source.
func (m match) covers(o match) bool {
	if m.protocol != o.protocol {
		return false
	}
	if strings.HasPrefix(m.protocol, "icmp") {
		return m.low == -1 || m.low == o.low && (m.high == -1 || m.high == o.high)
	}
	return m.low <= o.low && o.high <= m.high
}

// readFile reads what Append has written. It is no parser of nftables: of what is not written in exactly that way it says
// that it is none of ours.
func readFile(text []byte) (*file, bool) {
	if !bytes.HasPrefix(text, []byte(configfile.Header)) {
		return nil, false
	}
	f := &file{to: map[netip.Addr]string{}, chains: map[string][]string{}, sets: map[string]map[netip.Addr]struct{}{},
		floating: map[netip.Addr]netip.Addr{}, vpn: map[netip.AddrPort]netip.Addr{}}
	inet, kind, name := false, "", ""
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		rest := strings.TrimLeft(line, "\t")
		switch depth := len(line) - len(rest); {
		case rest == "" || rest[0] == '#':
		case depth == 0:
			if rest == "table bridge nova {" {
				return f, inet && f.complete()
			}
			inet = inet || rest == "table inet nova {"
		case depth == 1:
			words := strings.Split(rest, " ")
			kind, name = "", ""
			if len(words) == 3 {
				kind, name = words[0], words[1]
				if kind == "chain" {
					f.chains[name] = nil
				}
			}
		case depth == 2 && kind == "chain":
			f.chains[name] = append(f.chains[name], rest)
		case depth == 3 && !f.element(name, strings.TrimSuffix(rest, ",")):
			return nil, false
		}
	}
	return nil, false
}

// element takes an element of the set or map of that name, and tells whether it can be one.
func (f *file) element(set, text string) bool {
	key, value, _ := strings.Cut(text, " : ")
	if length, ok := strings.CutPrefix(set, "fixed4_"); ok || set == "fixed6" {
		if !ok {
			length = "64"
		}
		p, err := netip.ParsePrefix(text + "/" + length)
		f.fixed = append(f.fixed, p)
		return err == nil
	}
	switch set {
	case "to4", "to6":
		a, err := netip.ParseAddr(key)
		chain, ok := strings.CutPrefix(value, "goto ")
		f.to[a] = chain
		return err == nil && ok
	case "float_in4", "float_in6":
		public, err := netip.ParseAddr(key)
		fixed, err2 := netip.ParseAddr(value)
		f.floating[public] = fixed
		return err == nil && err2 == nil
	case "vpn":
		public, err := netip.ParseAddrPort(strings.Replace(key, " . ", ":", 1))
		private, _, _ := strings.Cut(value, " . ")
		a, err2 := netip.ParseAddr(private)
		f.vpn[public] = a
		return err == nil && err2 == nil
	}
	if isSourceSet(set) {
		a, err := netip.ParseAddr(text)
		if f.sets[set] == nil {
			f.sets[set] = map[netip.Addr]struct{}{}
		}
		f.sets[set][a] = struct{}{}
		return err == nil
	}
	return true
}

// isSourceSet tells whether setName has made a name.
func isSourceSet(name string) bool {
	digits, ok := strings.CutPrefix(name, "g")
	digits, _, _ = strings.Cut(digits, "_")
	_, err := strconv.ParseInt(digits, 10, 64)
	return ok && err == nil
}

// complete tells whether all that is referred to is there and can be read.
func (f *file) complete() bool {
	seen := map[string]bool{}
	for _, chain := range f.to {
		if seen[chain] {
			continue
		}
		seen[chain] = true
		if _, ok := f.chains[chain]; !ok {
			return false
		}
		for _, rule := range f.chains[chain] {
			group, ok := strings.CutPrefix(rule, "jump ")
			if !ok {
				continue
			}
			rules, ok := f.chains[group]
			if !ok {
				return false
			}
			for _, rule := range rules {
				if _, ok := f.allowance(rule); !ok {
					return false
				}
			}
		}
	}
	return true
}

// allowed is what the chain of a combination lets in.
func (f *file) allowed(chain string) []allowance {
	var all []allowance
	for _, rule := range f.chains[chain] {
		group, ok := strings.CutPrefix(rule, "jump ")
		if !ok {
			continue
		}
		for _, rule := range f.chains[group] {
			if a, ok := f.allowance(rule); ok {
				all = append(all, a)
			}
		}
	}
	return all
}

// allowance reads a line of ruleLines.
func (f *file) allowance(rule string) (a allowance, ok bool) {
	words := strings.Split(rule, " ")
	if len(words) < 6 || words[1] != "saddr" || words[len(words)-1] != "accept" {
		return a, false
	}
	family, rest := words[0], words[3:len(words)-1]
	a.source = words[2]
	if set, ok := strings.CutPrefix(a.source, "@"); ok {
		a.members = f.sets[set]
	} else if p, err := netip.ParsePrefix(a.source); err == nil {
		a.cidr = p
	} else if m, err := netip.ParseAddr(a.source); err == nil {
		a.members = map[netip.Addr]struct{}{m: {}}
	}
	if a.members == nil && !a.cidr.IsValid() {
		return a, false
	}
	var err error
	switch {
	case len(rest) == 3 && rest[1] == "dport":
		low, high, two := strings.Cut(rest[2], "-")
		if !two {
			high = low
		}
		var err2 error
		a.low, err = strconv.Atoi(low)
		a.high, err2 = strconv.Atoi(high)
		a.protocol = family + " " + rest[0]
		return a, err == nil && err2 == nil
	case len(rest) == 3 && rest[1] == "l4proto":
		a.low, a.high = -1, -1
		a.protocol = map[string]string{"icmp": "icmp", "ipv6-icmp": "icmpv6"}[rest[2]]
		return a, a.protocol != ""
	case len(rest) == 3 && rest[1] == "type", len(rest) == 6 && rest[1] == "type" && rest[4] == "code":
		a.protocol, a.high = rest[0], -1
		a.low, err = strconv.Atoi(rest[2])
		if err == nil && len(rest) == 6 {
			a.high, err = strconv.Atoi(rest[5])
		}
		return a, err == nil
	}
	return a, false
}
