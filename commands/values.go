package commands

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/internal/redact"
	"nova-manage/netcalc"
	"nova-manage/radvdgen"
)

// The kinds of values that flags and arguments have beyond text and numbers. A parse function's error reads on after the
// flag's name and the value.

// range4 declares a flag for an IPv4 range that is one CIDR block, in any of Nova's spellings, and can be served.
func range4(into *netip.Prefix, name, usage string) *cli.Flag {
	return cli.Typed(into, name, func(s string) (netip.Prefix, error) {
		p, err := netcalcValue(netcalc.ParsePrefix4)(s)
		if err != nil {
			return p, err
		}
		return p, reasonFor(s, netcalc.CheckServable(p))
	}, usage).As("RANGE")
}

// range6 declares a flag for an IPv6 CIDR that can be served and holds a /64 at least.
func range6(into *netip.Prefix, name, usage string) *cli.Flag {
	return cli.Typed(into, name, func(s string) (netip.Prefix, error) {
		p, err := netcalcValue(netcalc.ParsePrefix6)(s)
		if err != nil {
			return p, err
		}
		return p, reasonFor(s, netcalc.CheckFixedRangeV6(p, 1))
	}, usage).As("CIDR")
}

// ownAddress declares a flag for an address of a host of ours. It may be any that a host can have, loopback included:
// that is Nova's my_ip on a machine without a network.
func ownAddress(into *netip.Addr, name, usage string) *cli.Flag {
	return cli.Typed(into, name, func(s string) (netip.Addr, error) {
		a, err := netcalcValue(netcalc.ParseAddr)(s)
		switch {
		case err != nil:
			return a, err
		case a.IsUnspecified(), a.IsMulticast(), a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
			return a, errors.New("is an address that no host has")
		}
		return a, nil
	}, usage).As("ADDRESS")
}

// address declares a flag for an address that a guest's packets may go to: a gateway, a DNS server. parse fixes the family.
// Empty text is the zero address, by which `modify` clears a value.
func address(into *netip.Addr, name string, parse func(string) (netip.Addr, error), usage string) *cli.Flag {
	return cli.Typed(into, name, func(s string) (netip.Addr, error) {
		if s == "" {
			return netip.Addr{}, nil
		}
		a, err := netcalcValue(parse)(s)
		if err != nil {
			return a, err
		}
		return a, reasonFor(s, netcalc.CheckServableAddr(a))
	}, usage).As("ADDRESS")
}

// named declares a flag for the name of something of ours: a project, a host, a network. check is the rule for a name that
// enters the ledger; nil is for one that is looked for there, which may be older than the rule.
func named(into *string, name string, check func(string) error, usage string) *cli.Flag {
	return cli.Typed(into, name, func(s string) (string, error) {
		if err := checkName(s); err != nil || s == "" || check == nil {
			return s, err
		}
		return s, check(s)
	}, usage).As("NAME")
}

// networkInterface declares a flag for the name of a network interface, such as a bridge.
func networkInterface(into *string, name, usage string) *cli.Flag {
	return cli.Typed(into, name, func(s string) (string, error) {
		if s == "" {
			return "", nil
		}
		return s, checkInterface(s)
	}, usage).As("IFACE")
}

// checkInterface is the rule for new names of network interfaces. A bridge is named in radvd.conf sooner or later, so the stricter
// rule holds from the start.
func checkInterface(s string) error {
	_, err := boundOf(radvdgen.CheckRadvdName)(s)
	return err
}

// netcalcValue adapts a parser of package netcalc, whose errors name the value as the framework does already.
func netcalcValue[T any](parse func(string) (T, error)) func(string) (T, error) {
	return func(s string) (T, error) {
		v, err := parse(s)
		return v, reasonFor(s, err)
	}
}

// reasonFor is the reason alone of an error of package netcalc, for a place where the value stands already. Where the error
// names another spelling of it, as 127.0.0.0/8 for 127/8, it is said in full.
func reasonFor(value string, err error) error {
	if refused := (*netcalc.ValueError)(nil); errors.As(err, &refused) && refused.Value == value {
		return errors.New(refused.Reason)
	}
	if err != nil {
		return fmt.Errorf("is refused: %w", err)
	}
	return nil
}

// filePath is the path of something that a command makes. What was meant as the URL or DSN of a database is none: the name of
// the file would be a password.
func filePath(s string) (string, error) {
	switch {
	case s == "":
		return s, errors.New("is empty")
	case redact.LooksLikeDSN(s):
		return s, cli.WithHint(errors.New("looks like the URL or DSN of a database, not like a path"), "a file or folder of such a name is written ./NAME")
	}
	return s, nil
}

// orEmpty lets pass what is empty, which stands for the default.
func orEmpty(parse func(string) (string, error)) func(string) (string, error) {
	return func(s string) (string, error) {
		if s == "" {
			return s, nil
		}
		return parse(s)
	}
}

// longestName is what a name may have in bytes; Nova's columns had 255 characters.
const longestName = 255

// checkName refuses what would be unreadable in a table or ambiguous in a script.
func checkName(s string) error {
	switch {
	case len(s) > longestName:
		return fmt.Errorf("is longer than %d bytes", longestName)
	case strings.TrimSpace(s) != s:
		return errors.New("begins or ends with a space")
	}
	return nil
}

// checkNew is the rule for all names that enter the ledger: they can be told from what is absent, and be an argument.
func checkNew(s string) error {
	switch {
	case s == "-":
		return errors.New("is what stands for none in lists, so it could not be told from that")
	case strings.HasPrefix(s, "-"):
		return errors.New("begins with a dash, so it could not be told from a flag or a number")
	case s != "" && strings.Trim(s, joiners) == "":
		return errors.New("cannot be seen, so it could not be told from none")
	}
	for _, r := range s {
		// Some of these turn the rest of a terminal's line around; the others make two names look alike.
		if unicode.Is(unicode.Cf, r) && !strings.ContainsRune(joiners, r) {
			return fmt.Errorf("holds %U, which cannot be seen", r)
		}
	}
	return nil
}

// joiners are the characters that cannot be seen and that some scripts are not written right without (Unicode 23.2).
const joiners = "\u200c\u200d"

// newWord is the rule for new names that commands combine with others, as in PROJECT/NAME.
func newWord(s string) error {
	if err := checkNew(s); err != nil {
		return err
	}
	return checkWord(s)
}

// newGroup is the rule for the names of new security groups, which lists join with commas.
func newGroup(s string) error {
	if strings.Contains(s, ",") {
		return errors.New("holds a comma, so it could not be told from two groups in lists")
	}
	return newWord(s)
}

// ifNotExists declares the flag by which a command may be run again.
func ifNotExists(into *bool) *cli.Flag {
	return cli.Boolean(into, "if_not_exists", "accept what is there as asked, and write nothing then")
}

// ifExists declares the flag by which a command that takes something away may be run again.
func ifExists(into *bool) *cli.Flag {
	return cli.Boolean(into, "if_exists", "accept that it is gone already, and write nothing then").OnlyTyped()
}

// removing is the ledger as a command sees it that takes things away, which need not be there if so was asked.
func (s *session) removing(ifExists bool) *db.Store {
	if ifExists {
		return s.store.IfExists()
	}
	return s.store
}

// createProject declares the flag by which a project comes to be where it is first named.
func createProject(into *bool) *cli.Flag {
	return cli.Boolean(into, "create_project", "make the project if it is not there")
}

// naming is the ledger as a command sees it that names a project, which must be there unless it is to be made.
func (s *session) naming(createProject bool) *db.Store {
	if createProject {
		return s.store
	}
	return s.store.KnownProjects()
}

// purpose declares a flag for what something is for.
func purpose(into *string) *cli.Flag {
	return cli.Typed(into, "description", func(s string) (string, error) {
		return s, checkPurpose(s)
	}, "what it is for").As("TEXT").TakesEmpty()
}

// checkPurpose is the rule for texts. Any but one is told from none.
func checkPurpose(s string) error {
	if s == "-" {
		return checkNew(s)
	}
	return nil
}

// checkWord refuses what could not be found where names are combined.
func checkWord(s string) error {
	for _, r := range s {
		if unicode.IsSpace(r) || r == '/' {
			return fmt.Errorf("holds %q, which separates names", string(r))
		}
	}
	return nil
}

// newLabel keeps labels apart from the other ways to name a network.
func newLabel(s string) error {
	if err := checkNew(s); err != nil {
		return err
	}
	if strings.Trim(s, "0123456789") == "" {
		return errors.New("is a number, so it could not be told from an id")
	}
	if strings.Contains(s, "/") {
		return errors.New("holds a slash, so it could not be told from a CIDR")
	}
	if _, err := netcalc.ParseSpan(s); err == nil {
		return errors.New("is an address, so it could not be told from a CIDR")
	}
	return nil
}

// unique drops repetitions and keeps the order.
func unique(list []string) []string {
	var out []string
	for _, s := range list {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
