package radvdgen

import (
	"fmt"
	"strconv"
	"strings"
)

const (
	maxLabel  = 63  // RFC 1035 section 2.3.4
	maxDomain = 253 // 255 encoded bytes less the first length and the root
	// maxDNSSL is what the 8-bit length of an option can count, 255 units of 8 (RFC 4861 section 4.6). radvd sends 2048
	// with length 0, for which guests discard the whole advertisement, and exits where a list needs more.
	maxDNSSL = 2040
	// raBudget is what radvd 2.19 puts into one advertisement, counted from the ICMPv6 header; it logs the number at
	// debug level 5 ("using 1208/1210 bytes"). What does not fit goes into a second advertisement, and a guest that
	// configures itself from the first has only a part.
	raBudget = 1210
)

// CheckDomain reports whether s can be an entry of a DNS search list: labels of letters, digits and inner hyphens
// (RFC 1123 section 2.1), at most 63 bytes each and 253 together, perhaps with a final dot; and nothing that radvd's
// scanner takes for a number or a word of its grammar, such as 1234 or low. The error is an [*OptionError].
func CheckDomain(s string) error {
	if bound := domainBound(s); bound != "" {
		return &OptionError{Option: "DNSSL", Value: strconv.Quote(s), Bound: bound}
	}
	return nil
}

func domainBound(s string) string {
	name := strings.TrimSuffix(s, ".")
	if name == "" {
		return "must not be empty"
	}
	if len(name) > maxDomain {
		return fmt.Sprintf("must have at most %d bytes", maxDomain)
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return "must have no empty label"
		case len(label) > maxLabel:
			return fmt.Sprintf("must have labels of at most %d bytes", maxLabel)
		case label[0] == '-' || label[len(label)-1] == '-':
			return "must have no label that begins or ends with '-'"
		}
		for _, r := range label {
			if r != '-' && !isAlnum(r) {
				return fmt.Sprintf("must not contain %q", r)
			}
		}
	}
	return radvdToken(name)
}

func (i *Interface) validateDNSSL() error {
	seen := make(map[string]bool)
	for n := range i.DNSSL {
		d := &i.DNSSL[n]
		if len(d.Domains) == 0 {
			return i.fail("DNSSL", "", "must name a domain")
		}
		for _, s := range d.Domains {
			bound := domainBound(s)
			key := strings.ToLower(strings.TrimSuffix(s, "."))
			if bound == "" && seen[key] {
				bound = "must appear once"
			}
			if bound != "" {
				return i.fail("DNSSL", strconv.Quote(s), "%s", bound)
			}
			seen[key] = true
		}
		if err := i.checkDNSLifetime("DNSSL", "AdvDNSSLLifetime", d.Lifetime); err != nil {
			return err
		}
		if size := d.size(); size > maxDNSSL {
			return i.fail("DNSSL", fmt.Sprintf("of %d bytes", size), "must be at most %d", maxDNSSL)
		}
	}
	return nil
}

// size is the encoded size of the option in bytes: an 8-byte head, then each name as length-prefixed labels with a
// root, padded with zeros to units of 8 (RFC 8106 section 5.2).
func (d *DNSSL) size() int {
	size := 8
	for _, s := range d.Domains {
		size += len(strings.TrimSuffix(s, ".")) + 2
	}
	return (size + 7) / 8 * 8
}

// size is the encoded size in bytes of the advertisement that radvd sends for i, from the ICMPv6 header on. The
// source link-layer address is Ethernet's.
func (i *Interface) size() int {
	size := 16 // RFC 4861 section 4.2
	if i.SourceLLAddress != Off {
		size += 8 // RFC 4861 section 4.6.1
	}
	if i.LinkMTU != 0 {
		size += 8 // RFC 4861 section 4.6.4
	}
	if i.IntervalOpt == On {
		size += 8 // RFC 6275 section 7.3
	}
	size += 32 * len(i.Prefixes) // RFC 4861 section 4.6.2
	size += 24 * len(i.Routes)   // RFC 4191 section 2.3; radvd always sends the whole prefix
	for _, r := range i.RDNSS {  // RFC 8106 section 5.1
		size += 8*((len(r.Servers)+rdnssBlock-1)/rdnssBlock) + 16*len(r.Servers)
	}
	for n := range i.DNSSL {
		size += i.DNSSL[n].size()
	}
	return size
}

func (i *Interface) validateSize() error {
	if size := i.size(); size > raBudget {
		return i.fail("router advertisement", fmt.Sprintf("of %d bytes", size),
			"must be at most %d: too many prefixes, routes, servers or domains", raBudget)
	}
	return nil
}
