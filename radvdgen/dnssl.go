package radvdgen

import (
	"fmt"
	"strconv"
	"strings"

	"nova-manage/internal/configfile"
)

const (
	maxLabel  = 63  // RFC 1035 section 2.3.4
	maxDomain = 253 // 255 encoded bytes less the first length and the root
	// maxDNSSL is what the 8-bit length of an option can count, 255 units of 8 (RFC 4861 section 4.6). radvd sends 2048
	// with length 0, for which guests discard the whole advertisement, and exits where a list needs more.
	maxDNSSL = 2040
	// raBudget is what radvd 2.19 puts into one advertisement, counted from the ICMPv6 header; it logs the number at
	// debug level 5 ("using 1208/1210 bytes"). What does not fit goes into a second advertisement.
	raBudget = 1210
)

// CheckDomain reports whether s can be an entry of a DNS search list: labels of letters, digits and inner hyphens
// (RFC 1123 section 2.1), at most 63 bytes each and 253 together, perhaps with a final dot; and nothing that radvd's
// scanner takes for a number or a word of its grammar, such as 1234 or low. A name in another script is written in its
// ASCII form (xn--, RFC 5890 section 2.3.2.1). The error is a [*configfile.OptionError].
func CheckDomain(s string) error {
	if bound := domainBound(s); bound != "" {
		return &configfile.OptionError{Option: "DNSSL", Value: strconv.Quote(s), Bound: bound}
	}
	return nil
}

// domainBound says what a search domain has to be that s is not, or "". radvd checks characters only, and those
// incompletely: 2.19 takes a label of any length, an empty one, and hyphens anywhere.
func domainBound(s string) string {
	// The final dot says that the name is complete, which every name in a search list is.
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
			// radvd encodes it as a length of zero, which ends the name: "a..b" would go out as "a" and "b".
			return "must have no empty label"
		case len(label) > maxLabel:
			// Its length would be sent as it is, and the two bits above 63 make a compression pointer of it (RFC 1035
			// section 4.1.4), which must not occur here (RFC 8106 section 5.2).
			return fmt.Sprintf("must have labels of at most %d bytes", maxLabel)
		case label[0] == '-' || label[len(label)-1] == '-':
			return "must have no label that begins or ends with '-'"
		}
		for _, r := range label {
			if !isLDH(r) {
				return fmt.Sprintf("must not contain %q", r)
			}
		}
	}
	// The name as a whole, as with interfaces: "1.2.3" and "low.example" are names to the scanner, "1.2" and "low" not.
	return radvdToken(name)
}

// isLDH tells whether a domain name may contain r: letters, digits, hyphen. '_' is for service names, which nobody
// searches in; radvd refuses the file for it.
func isLDH(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-'
}

func (i *Interface) validateDNSSL() error {
	// Over all blocks, since a guest keeps one list. DNS compares names without regard to case (RFC 4343).
	seen := make(map[string]bool)
	for n := range i.DNSSL {
		d := &i.DNSSL[n]
		if len(d.Domains) == 0 {
			// radvd's grammar wants one, as for RDNSS.
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
// source link-layer address is Ethernet's, with which the option is one unit of 8 (RFC 2464 section 6).
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
	for _, r := range i.RDNSS {  // RFC 8106 section 5.1; each block that radvd is given is an option, with a head of its own
		size += 8*((len(r.Servers)+rdnssBlock-1)/rdnssBlock) + 16*len(r.Servers)
	}
	for n := range i.DNSSL {
		size += i.DNSSL[n].size()
	}
	return size
}

// validateSize keeps an advertisement whole. RFC 4861 section 6.2.3 lets a router spread options over several, and guests
// put them together, but only as they arrive: a guest whose MTU or DNS servers come with the second one is up before it
// has them.
func (i *Interface) validateSize() error {
	if size := i.size(); size > raBudget {
		return i.fail("router advertisement", fmt.Sprintf("of %d bytes", size),
			"must be at most %d: too many prefixes, routes, servers or domains", raBudget)
	}
	return nil
}
