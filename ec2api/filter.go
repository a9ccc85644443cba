package ec2api

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Filter lets a row pass that has one of the values under that name. In a value * is any text, ? any character, and \ takes them literally.
type Filter struct {
	Name   string
	Values []string
}

// The values of a row by a filter's name.
var (
	instanceFilters = map[string]func(Instance) []string{
		"instance-id":                   func(i Instance) []string { return []string{InstanceID(i.ID)} },
		"owner-id":                      func(i Instance) []string { return []string{i.ProjectID} },
		"private-ip-address":            func(i Instance) []string { return texts(i.FixedIP) },
		"ip-address":                    func(i Instance) []string { return texts(i.FloatingIP) },
		"ipv6-address":                  func(i Instance) []string { return texts(i.addressesV6()...) },
		"dns-name":                      func(i Instance) []string { return texts(i.dnsName()) },
		"private-dns-name":              func(i Instance) []string { return texts(i.FixedIP) },
		"group-name":                    func(i Instance) []string { return groupNames(i.Groups) },
		"group-id":                      func(i Instance) []string { return groupIDs(i.Groups) },
		"instance.group-name":           func(i Instance) []string { return groupNames(i.Groups) },
		"instance.group-id":             func(i Instance) []string { return groupIDs(i.Groups) },
		"network-interface.mac-address": func(i Instance) []string { return []string{i.MAC} },
		"network-interface.ipv6-addresses.ipv6-address":  func(i Instance) []string { return texts(i.addressesV6()...) },
		"network-interface.addresses.private-ip-address": func(i Instance) []string { return texts(i.FixedIP) },
	}
	groupFilters = map[string]func(SecurityGroup) []string{
		"group-id":                 func(g SecurityGroup) []string { return []string{GroupID(g.ID)} },
		"group-name":               func(g SecurityGroup) []string { return []string{g.Name} },
		"description":              func(g SecurityGroup) []string { return []string{g.Description} },
		"owner-id":                 func(g SecurityGroup) []string { return []string{g.ProjectID} },
		"ip-permission.protocol":   ofRules(func(r Rule) []string { return []string{r.Protocol, protocolOf(r, true)} }),
		"ip-permission.from-port":  ofRules(func(r Rule) []string { return []string{strconv.Itoa(r.From)} }),
		"ip-permission.to-port":    ofRules(func(r Rule) []string { return []string{strconv.Itoa(r.To)} }),
		"ip-permission.cidr":       ofRules(func(r Rule) []string { return prefixes(r, false) }),
		"ip-permission.ipv6-cidr":  ofRules(func(r Rule) []string { return prefixes(r, true) }),
		"ip-permission.group-name": ofRules(func(r Rule) []string { return groupNames([]GroupRef{r.Source}) }),
		"ip-permission.group-id":   ofRules(func(r Rule) []string { return groupIDs([]GroupRef{r.Source}) }),
	}
	addressFilters = map[string]func(Address) []string{
		"public-ip":          func(a Address) []string { return texts(a.Public) },
		"private-ip-address": func(a Address) []string { return texts(a.Fixed) },
		"instance-id":        func(a Address) []string { return []string{InstanceID(a.InstanceID)} },
		"domain":             func(Address) []string { return []string{"standard"} },
	}
)

func namesOf[T any](filters map[string]func(T) []string) map[string]bool {
	names := map[string]bool{}
	for name := range filters {
		names[name] = true
	}
	return names
}

func texts(addresses ...netip.Addr) (all []string) {
	for _, a := range addresses {
		if a.IsValid() {
			all = append(all, a.String())
		}
	}
	return all
}

func groupNames(refs []GroupRef) (names []string) {
	for _, ref := range refs {
		if ref.Name != "" {
			names = append(names, ref.Name)
		}
	}
	return names
}

func groupIDs(refs []GroupRef) (ids []string) {
	for _, ref := range refs {
		if ref.ID != 0 {
			ids = append(ids, GroupID(ref.ID))
		}
	}
	return ids
}

func ofRules(values func(Rule) []string) func(SecurityGroup) []string {
	return func(g SecurityGroup) (all []string) {
		for _, r := range g.Rules {
			all = append(all, values(r)...)
		}
		return all
	}
}

// prefixes are found by ip-permission.cidr whatever their family, since clients of old have them all in cidrIp.
func prefixes(r Rule, six bool) []string {
	if !r.CIDR.IsValid() || six && r.CIDR.Addr().Is4() {
		return nil
	}
	return []string{r.CIDR.String()}
}

// maxFilterValues is EC2's bound on the values of all filters of a request: each row is compared with each of them.
const maxFilterValues = 200

func (p parameters) filters(known map[string]bool) (filters []Filter, err error) {
	values := 0
	for n := 1; p.has(fmt.Sprintf("Filter.%d", n)); n++ {
		at := fmt.Sprintf("Filter.%d.", n)
		f := Filter{}
		if f.Name, err = p.need(at + "Name"); err != nil {
			return nil, err
		}
		if !known[f.Name] {
			return nil, Errorf(InvalidParameterValue, "there is no filter %s here", quoted(f.Name))
		}
		if f.Values, err = p.list(at + "Value"); err != nil {
			return nil, err
		}
		if len(f.Values) == 0 {
			return nil, Errorf(MissingParameter, "%sValue.1 is missing", at)
		}
		if values += len(f.Values); values > maxFilterValues {
			return nil, Errorf(FilterLimitExceeded, "the filters have more than %d values", maxFilterValues)
		}
		for i, value := range f.Values {
			f.Values[i] = spelt(f.Name, value)
		}
		filters = append(filters, f)
	}
	return filters, nil
}

// spelt is a filter's value as rows have it: an address or a prefix is compared as text, and one of IPv6 has many spellings.
func spelt(filter, value string) string {
	if !strings.HasSuffix(filter, "address") && !strings.HasSuffix(filter, "cidr") && !strings.HasSuffix(filter, "dns-name") && filter != "public-ip" {
		return value
	}
	if a, err := netip.ParseAddr(value); err == nil {
		return a.String()
	}
	if p, err := netip.ParsePrefix(value); err == nil {
		return p.String()
	}
	return strings.ToLower(value) // a MAC, or a pattern
}

// Instance tells whether a Describe call is about that instance.
func (c Call) Instance(i Instance) bool {
	in, ok := c.Input.(*DescribeInstances)
	return ok && (len(in.IDs) == 0 || slices.Contains(in.IDs, i.ID)) && passes(i, c.Filters, instanceFilters)
}

// SecurityGroup tells whether it is about that group.
func (c Call) SecurityGroup(g SecurityGroup) bool {
	in, ok := c.Input.(*DescribeSecurityGroups)
	return ok && (len(in.Names)+len(in.IDs) == 0 || slices.Contains(in.IDs, g.ID) || slices.Contains(in.Names, g.Name)) &&
		passes(g, c.Filters, groupFilters)
}

// Address tells whether it is about that address.
func (c Call) Address(a Address) bool {
	in, ok := c.Input.(*DescribeAddresses)
	return ok && (len(in.Addresses) == 0 || slices.Contains(in.Addresses, a.Public)) && passes(a, c.Filters, addressFilters)
}

func passes[T any](row T, filters []Filter, values map[string]func(T) []string) bool {
	for _, f := range filters {
		of, ok := values[f.Name]
		if !ok || !slices.ContainsFunc(of(row), func(have string) bool {
			return slices.ContainsFunc(f.Values, func(want string) bool { return matches(want, have) })
		}) {
			return false
		}
	}
	return true
}

// matches compares a text with a pattern. It goes back to the last * alone, so that hostile patterns take no exponential time.
func matches(pattern, text string) bool {
	p, t := []rune(pattern), []rune(text)
	i, star, from := 0, -1, 0
	for j := 0; j < len(t); {
		switch {
		case i < len(p) && p[i] == '*':
			star, from = i, j
			i++
			continue
		case i+1 < len(p) && p[i] == '\\' && strings.ContainsRune(`*?\`, p[i+1]):
			if p[i+1] == t[j] {
				i, j = i+2, j+1
				continue
			}
		case i < len(p) && (p[i] == '?' || p[i] == t[j]):
			i, j = i+1, j+1
			continue
		}
		if star < 0 {
			return false
		}
		from++
		i, j = star+1, from
	}
	return strings.Trim(string(p[i:]), "*") == ""
}
