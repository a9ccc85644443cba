package networkdgen

import (
	"fmt"
	"strconv"
	"strings"

	"nova-manage/internal/configfile"
	"nova-manage/internal/links"
)

// maxFile is NAME_MAX (linux/limits.h) less the ".d" of the folder of drop-ins.
const maxFile = 255 - len(".d")

// Validate reports the first value that is wrong whatever makes the links (see [links.Config.Validate]), then an uplink
// whose file cannot have our drop-in, and a parent that is no uplink. The error is a [*configfile.OptionError].
func Validate(c links.Config) error {
	if err := validateUplinks(c); err != nil {
		return err
	}
	uplinks := make(map[string]bool, len(c.Uplinks))
	for _, u := range c.Uplinks {
		uplinks[u.Name] = true
	}
	for i := range c.Bridges {
		// Only the parent's own file can say that it has a VLAN or a bridge.
		if b := &c.Bridges[i]; b.Parent != "" && !uplinks[b.Parent] {
			return &configfile.OptionError{Place: []string{"bridge " + b.Name}, Option: "parent", Value: b.Parent,
				Bound: "must be an uplink, with the .network file that configures it"}
		}
	}
	return nil
}

// validateUplinks is Validate without a look at the parents.
func validateUplinks(c links.Config) error {
	if err := c.Validate(); err != nil {
		return err
	}
	owners := make(map[string]string, len(c.Uplinks))
	for _, u := range c.Uplinks {
		bound := fileBound(u.File)
		if other := owners[u.File]; bound == "" && other != "" {
			// A file that matches two links gives both of them what its drop-in says: both would carry each VLAN.
			bound = fmt.Sprintf("must not be the file of uplink %s too", other)
		}
		if bound != "" {
			return &configfile.OptionError{Place: []string{"uplink " + u.Name}, Option: "file", Value: strconv.Quote(u.File), Bound: bound}
		}
		owners[u.File] = u.Name
	}
	return nil
}

// fileBound says what the base name of an operator's .network file has to be that name is not, or "". It becomes the name
// of a folder, and stands in lists of files: what may be in it is listed, not what may not.
func fileBound(name string) string {
	switch {
	case name == "":
		// ifupdown's and NetworkManager's links have none, and networkd does not configure them.
		return "must be the .network file that configures it"
	case len(name) > maxFile:
		return fmt.Sprintf("must have at most %d bytes", maxFile)
	case !strings.HasSuffix(name, network) || name[0] == '.':
		// conf_files_list passes over names with a dot in front.
		return "must be *" + network
	case strings.HasPrefix(name, prefix):
		return "must not be a file of ours"
	}
	for _, r := range name {
		if !isFileRune(r) {
			return fmt.Sprintf("must not contain %q", r)
		}
	}
	return ""
}

func isFileRune(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_.+@~:,=", r)
}
