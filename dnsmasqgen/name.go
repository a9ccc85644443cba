package dnsmasqgen

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"nova-manage/internal/configfile"
)

const (
	maxLabel = 63  // RFC 1035 section 2.3.4
	maxName  = 253 // 255 encoded bytes less the first length and the root
)

// CheckLabel reports whether s can be the name of a guest in its domain: one DNS label of lower-case letters, digits and inner
// hyphens (RFC 1123 section 2.1) with a meaning of its own to no resolver. The error is a [*configfile.OptionError]. A guest
// whose name is none is served under another one.
func CheckLabel(s string) error {
	bound := labelBound(s)
	if bound == "" {
		switch s {
		case "localhost":
			bound = "must not be the name of every host for itself (RFC 6761 section 6.3)"
		case "wpad", "isatap":
			// Windows looks for these in its domain and in the ones above, and takes what it finds for its proxy and its
			// tunnel; Microsoft's DNS server blocks both for the same reason. Guests of others would ask it.
			bound = "must not be a name that guests of others look for"
		}
	}
	if bound != "" {
		return &configfile.OptionError{Option: "name", Value: strconv.Quote(s), Bound: bound}
	}
	return nil
}

// CheckDomain reports whether s can be the domain of guests: labels as in CheckLabel, at most 253 bytes together and without
// a final dot, the last of them not a number. The error is a [*configfile.OptionError].
func CheckDomain(s string) error {
	if bound := nameBound(s); bound != "" {
		return &configfile.OptionError{Option: "domain", Value: strconv.Quote(s), Bound: bound}
	}
	return nil
}

// nameBound says what a name of one label or more has to be that s is not, or "".
func nameBound(s string) string {
	if len(s) > maxName {
		return fmt.Sprintf("must have at most %d bytes", maxName)
	}
	last := ""
	for label := range strings.SplitSeq(s, ".") {
		if bound := labelBound(label); bound != "" {
			return bound
		}
		last = label
	}
	// Such a name can be an address (1.2.3.4), which dnsmasq takes it for in a line of a host. No top-level domain is a
	// number, either (RFC 3696 section 2).
	if strings.Trim(last, "0123456789") == "" {
		return "must not end in a number"
	}
	return ""
}

// labelBound is nameBound for one label. dnsmasq itself takes '_', a final '-', an empty label and capitals; it reads '"', '#'
// and ',' as its syntax, and refuses the rest in its log alone, so that the guest of such a line gets nothing.
func labelBound(s string) string {
	switch {
	case s == "":
		return "must have no empty label"
	case len(s) > maxLabel:
		return fmt.Sprintf("must have labels of at most %d bytes", maxLabel)
	case s[0] == '-' || s[len(s)-1] == '-':
		return "must have no label that begins or ends with '-'"
	}
	for _, r := range s {
		if !('a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '-') {
			return fmt.Sprintf("must not contain %q", r)
		}
	}
	return ""
}

// within tells whether a name is below a domain.
func within(name, domain string) bool {
	return strings.HasSuffix(name, "."+domain)
}

// pathBound says what the path of a file has to be that s is not, or "". What is allowed needs no quotes in dnsmasq's files,
// where '#', '"' and '\' mean something, nor in a unit of systemd, where '%', '$' and spaces do.
func pathBound(s string) string {
	switch {
	case s == "":
		return "must not be empty"
	case s[0] != '/':
		return "must be absolute"
	case len(s) > maxPath:
		return fmt.Sprintf("must have at most %d bytes", maxPath)
	}
	for _, r := range s {
		if !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("/._+@-", r)) {
			return fmt.Sprintf("must not contain %q", r)
		}
	}
	return ""
}

// maxPath keeps a line with a path below maxLine.
const maxPath = 512

// boundOf is the bound alone of an error of this room.
func boundOf(err error) string {
	if option := (*configfile.OptionError)(nil); errors.As(err, &option) {
		return option.Bound
	}
	return err.Error()
}
