package ec2api

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// RuleAsked lets in what comes from a prefix or from the members of a group, in the ledger's words.
type RuleAsked struct {
	Protocol string // tcp, udp or icmp; icmp is ICMPv6 where the prefix is IPv6
	From, To int    // ports; for icmp type and code, -1 for any
	CIDR     netip.Prefix
	Source   GroupRef // where CIDR is not valid
}

// everything is what a source group without a protocol stands for, as Nova recorded it.
var everything = []RuleAsked{{Protocol: "icmp", From: -1, To: -1}, {Protocol: "tcp", From: 1, To: 65535}, {Protocol: "udp", From: 1, To: 65535}}

// permission is one of EC2's, of which each source makes a rule.
type permission struct {
	at       string // what stands before the names of its parameters, for messages
	protocol string
	from, to int
	ports    int // how many of both are given
	cidrs    []string
	groups   []GroupRef
}

func readIngress(revoke bool) func(parameters, string) (any, error) {
	return func(p parameters, project string) (any, error) {
		group, err := p.group()
		if err != nil {
			return nil, err
		}
		in := &ChangeIngress{Revoke: revoke, Group: group}
		permissions, err := p.permissions(project, revoke)
		if err != nil {
			return nil, err
		}
		seen := map[RuleAsked]bool{}
		for _, asked := range permissions {
			rules, err := asked.rules()
			if err != nil {
				return nil, err
			}
			for _, rule := range rules {
				if seen[rule] {
					return nil, Errorf(InvalidParameterValue, "the request has the same rule twice, %s from %d to %d", rule.Protocol, rule.From, rule.To)
				}
				seen[rule] = true
				in.Rules = append(in.Rules, rule)
			}
		}
		return in, nil
	}
}

func (p parameters) permissions(project string, revoke bool) (all []permission, err error) {
	for n := 1; p.has(fmt.Sprintf("IpPermissions.%d", n)); n++ {
		one := permission{at: fmt.Sprintf("IpPermissions.%d.", n)}
		if err := one.read(p); err != nil {
			return nil, err
		}
		for _, list := range []struct{ of, name string }{{"IpRanges", "CidrIp"}, {"Ipv6Ranges", "CidrIpv6"}} {
			for m := 1; p.has(fmt.Sprintf("%s%s.%d", one.at, list.of, m)); m++ {
				cidr, err := p.need(fmt.Sprintf("%s%s.%d.%s", one.at, list.of, m, list.name))
				if err != nil {
					return nil, err
				}
				one.cidrs = append(one.cidrs, cidr)
				if revoke { // a rule is found without its description, which the ledger does not keep
					delete(p.left, fmt.Sprintf("%s%s.%d.Description", one.at, list.of, m))
				}
			}
		}
		// UserIdGroupPairs, as today's SDKs call it, is Groups in what they send.
		for m := 1; p.has(fmt.Sprintf("%sGroups.%d", one.at, m)); m++ {
			at := fmt.Sprintf("%sGroups.%d.", one.at, m)
			ref, err := p.source(project, at+"GroupName", at+"GroupId", at+"UserId")
			if err != nil {
				return nil, err
			}
			if ref == (GroupRef{}) {
				return nil, Errorf(MissingParameter, "%sGroupName is missing", at)
			}
			one.groups = append(one.groups, ref)
		}
		all = append(all, one)
	}
	flat := permission{}
	if err := flat.read(p); err != nil {
		return nil, err
	}
	for _, name := range []string{"CidrIp", "CidrIpv6"} {
		cidr, err := p.take(name)
		if err != nil {
			return nil, err
		}
		if cidr != "" {
			flat.cidrs = append(flat.cidrs, cidr)
		}
	}
	ref, err := p.source(project, "SourceSecurityGroupName", "SourceSecurityGroupId", "SourceSecurityGroupOwnerId")
	if err != nil {
		return nil, err
	}
	if ref != (GroupRef{}) {
		flat.groups = append(flat.groups, ref)
	}
	given := flat.protocol != "" || flat.ports > 0 || len(flat.cidrs)+len(flat.groups) > 0
	if given && len(all) > 0 {
		return nil, Errorf(InvalidCombination, "a rule is given both by IpPermissions and without: give one")
	}
	if given {
		all = append(all, flat)
	}
	if len(all) == 0 {
		return nil, Errorf(MissingParameter, "no rule is given: there is neither IpPermissions.1 nor IpProtocol")
	}
	return all, nil
}

func (one *permission) read(p parameters) (err error) {
	if one.protocol, err = p.take(one.at + "IpProtocol"); err != nil {
		return err
	}
	for _, port := range []struct {
		name string
		to   *int
	}{{"FromPort", &one.from}, {"ToPort", &one.to}} {
		n, ok, err := p.number(one.at + port.name)
		if err != nil {
			return err
		}
		if ok {
			*port.to = n
			one.ports++
		}
	}
	return nil
}

// source is a group of rules' sources. Its owner may be written as Nova did, USER:PROJECT. It may be named by name and id both, as answers
// have it: clients revoke a group's rules by sending back what they were told of it.
func (p parameters) source(project, name, id, owner string) (ref GroupRef, err error) {
	if ref, err = p.groupRef(name, id); err != nil {
		return ref, err
	}
	user, err := p.take(owner)
	if err != nil || user == "" {
		return ref, err
	}
	if ref == (GroupRef{}) {
		return ref, Errorf(MissingParameter, "%s is given, but no %s", owner, name)
	}
	if user != project && !strings.HasSuffix(user, ":"+project) {
		return ref, Errorf(GroupNotFound, "%s %s is another project, whose groups are not seen here", owner, quoted(user))
	}
	return ref, nil
}

func (one permission) rules() (rules []RuleAsked, err error) {
	if len(one.cidrs)+len(one.groups) == 0 {
		return nil, Errorf(MissingParameter, "a rule has no source: give %sCidrIp or a group", one.place())
	}
	all := one.protocol == "" || one.protocol == "-1"
	if all && len(one.cidrs) > 0 {
		if one.protocol == "" {
			return nil, Errorf(MissingParameter, "%sIpProtocol is missing", one.at)
		}
		return nil, Errorf(InvalidParameterValue, "%sIpProtocol -1 is not to be had with a prefix: give a rule for each of tcp, udp and icmp", one.at)
	}
	if all {
		// AWS has ports beside -1 mean nothing; without a protocol they would have been meant for one.
		if one.protocol == "" && one.ports > 0 {
			return nil, Errorf(MissingParameter, "%sIpProtocol is missing", one.at)
		}
		for _, group := range one.groups {
			for _, rule := range everything {
				rule.Source = group
				rules = append(rules, rule)
			}
		}
		return rules, nil
	}
	rule, six, err := one.service()
	if err != nil {
		return nil, err
	}
	if six && len(one.groups) > 0 {
		// The ledger's rule of a group lets its members in by both families.
		return nil, Errorf(InvalidParameterValue, "%sIpProtocol %s is of IPv6 alone, and a group is of both families: give icmp for both", one.at, one.protocol)
	}
	for _, text := range one.cidrs {
		r := rule
		if r.CIDR, err = prefixOf(text); err != nil {
			return nil, err
		}
		if six && r.CIDR.Addr().Is4() {
			return nil, Errorf(InvalidParameterValue, "%sIpProtocol %s is of IPv6, and %s is IPv4", one.at, one.protocol, r.CIDR)
		}
		rules = append(rules, r)
	}
	for _, group := range one.groups {
		r := rule
		r.Source = group
		rules = append(rules, r)
	}
	return rules, nil
}

func (one permission) place() string {
	if one.at == "" {
		return ""
	}
	return one.at + "IpRanges.1."
}

// service is protocol and ports, and whether the protocol is one of IPv6 alone.
func (one permission) service() (rule RuleAsked, six bool, err error) {
	low, high := 0, 65535
	switch strings.ToLower(one.protocol) {
	case "tcp", "6":
		rule.Protocol = "tcp"
	case "udp", "17":
		rule.Protocol = "udp"
	case "icmp", "1":
		rule.Protocol, low, high = "icmp", -1, 255
	case "icmpv6", "58":
		rule.Protocol, low, high, six = "icmp", -1, 255, true
	default:
		return rule, false, Errorf(InvalidParameterValue, "%sIpProtocol %s is not one of tcp, udp, icmp, icmpv6", one.at, quoted(one.protocol))
	}
	if one.ports < 2 {
		return rule, false, Errorf(MissingParameter, "%sFromPort and ToPort must both be given", one.at)
	}
	for _, n := range []int{one.from, one.to} {
		if n < low || n > high {
			return rule, false, Errorf(InvalidParameterValue, "%sFromPort and ToPort %d to %d: %s has %d to %d", one.at, one.from, one.to, rule.Protocol, low, high)
		}
	}
	if rule.Protocol != "icmp" && one.from > one.to {
		return rule, false, Errorf(InvalidParameterValue, "%sFromPort %d is above ToPort %d", one.at, one.from, one.to)
	}
	if rule.Protocol == "icmp" && one.from == -1 && one.to != -1 {
		return rule, false, Errorf(InvalidParameterValue, "icmp type -1 (any) has no code %s: give -1 for both", strconv.Itoa(one.to))
	}
	rule.From, rule.To = one.from, one.to
	return rule, six, nil
}

// prefixOf is a CIDR of either family: clients send IPv6 in CidrIp, too.
func prefixOf(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || p.Addr().Is4In6() {
		return p, Errorf(InvalidParameterValue, "%s is not a prefix ADDRESS/LENGTH", quoted(text))
	}
	if p != p.Masked() {
		return p, Errorf(InvalidParameterValue, "%s has bits set behind its prefix length: %s has none", quoted(text), p.Masked())
	}
	return p, nil
}
