package novadb

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"nova-manage/netcalc"
)

func (j *judgement) judgeGroups() {
	slices.SortStableFunc(j.database.groups, func(a, b groupRow) int { return cmp.Compare(a.id, b.id) })
	names := map[[2]string]int64{}
	var order []*Group
	for _, row := range j.database.groups {
		reason := reasons(j.bad("name", row.name, j.names.Group), j.bad("description", row.description, j.names.Description))
		other, twice := names[[2]string{row.project, row.name}]
		switch {
		case reason != "":
		case row.name == "":
			reason = "it has no name"
		case row.project == "":
			reason = "it has no project"
		case j.groups[row.id] != nil:
			reason = "its id is there twice"
		case twice:
			reason = fmt.Sprintf("project %s has a security group %s, which is %d", row.project, row.name, other)
		default:
			reason = j.project(row.project)
		}
		if reason != "" {
			j.invalid("security_groups", row.id, "%s", reason)
			j.badGroup[row.id] = true
			continue
		}
		names[[2]string{row.project, row.name}] = row.id
		g := &Group{ID: row.id, ProjectID: row.project, Name: row.name, Description: row.description}
		j.groups[row.id] = g
		order = append(order, g)
	}
	j.site.Taken["security_groups"] = int64(len(order))
	j.judgeRules()
	j.judgeMemberships()
	for _, g := range order {
		j.site.Groups = append(j.site.Groups, *g)
	}
	for _, m := range j.machines {
		for _, port := range m.ports {
			j.site.Ports = append(j.site.Ports, *port)
		}
	}
}

// group finds the security group that a row refers to.
func (j *judgement) group(id int64) (*Group, string) {
	switch g := j.groups[id]; {
	case g != nil:
		return g, ""
	case j.badGroup[id]:
		return nil, fmt.Sprintf("its security group %d is left out", id)
	}
	return nil, fmt.Sprintf("its security group %d is not there", id)
}

func (j *judgement) judgeRules() {
	slices.SortStableFunc(j.database.rules, func(a, b ruleRow) int { return cmp.Compare(a.id, b.id) })
	seen := map[string]int64{}
	for _, row := range j.database.rules {
		g, reason := j.group(row.group)
		if reason == "" {
			reason = j.judgeRule(row, g, seen)
		}
		if reason != "" {
			j.invalid("security_group_rules", row.id, "%s", reason)
			continue
		}
		j.site.Taken["security_group_rules"]++
	}
}

func (j *judgement) judgeRule(row ruleRow, g *Group, seen map[string]int64) string {
	r := Rule{ID: row.id, Protocol: strings.ToLower(row.protocol)}
	switch {
	case row.source.kind == null && row.cidr == "":
		return "it lets in nobody: it has neither cidr nor group_id"
	case row.source.kind != null && row.cidr != "":
		return "it has both cidr and group_id"
	case row.source.kind != null:
		id, _ := row.source.number()
		source, reason := j.group(id)
		if reason != "" {
			return reason
		}
		if source.ProjectID != g.ProjectID {
			return fmt.Sprintf("it lets in security group %d of project %s, and is of project %s", id, source.ProjectID, g.ProjectID)
		}
		r.Source = id
	default:
		p, masked, err := rulePrefix(row.cidr)
		if err != nil {
			return fmt.Sprintf("cidr %v", err)
		}
		if r.CIDR = p; masked {
			j.changed("security_group_rules", row.id, "cidr %s is %s, as the filter took it", row.cidr, p)
		}
	}
	if r.Protocol == "" && r.Source != 0 && row.from.kind == null && row.to.kind == null {
		// EC2's way to let in all of a group.
		for _, all := range []Rule{{Protocol: "icmp", From: -1, To: -1}, {Protocol: "tcp", From: 1, To: maxPort}, {Protocol: "udp", From: 1, To: maxPort}} {
			all.ID, all.Source = r.ID, r.Source
			if seen[all.key(g)] == 0 {
				seen[all.key(g)] = row.id
				g.Rules = append(g.Rules, all)
			}
		}
		j.changed("security_group_rules", row.id, "it has no protocol, and is one rule each of icmp, tcp and udp")
		return ""
	}
	if reason := r.ports(row.from, row.to); reason != "" {
		return reason
	}
	if other := seen[r.key(g)]; other != 0 {
		return fmt.Sprintf("it is there twice: it is security_group_rules %d, too", other)
	}
	seen[r.key(g)] = row.id
	g.Rules = append(g.Rules, r)
	return ""
}

// key is what a rule is known by.
func (r Rule) key(g *Group) string {
	return fmt.Sprint(g.ID, r.Protocol, r.From, r.To, r.CIDR, r.Source)
}

// rulePrefix reads the cidr of a rule, which Nova kept as it was typed and the filter masked.
func rulePrefix(s string) (p netip.Prefix, masked bool, err error) {
	if a, err := netcalc.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), false, nil
	}
	p, err = netcalc.ParsePrefix(s)
	if host := (*netcalc.HostBitsError)(nil); errors.As(err, &host) {
		return host.Meant, true, nil
	}
	return p, false, err
}

// ports reads the ports of a rule, or the type and code of an icmp one.
func (r *Rule) ports(from, to value) string {
	lowest, highest := int64(0), int64(maxPort)
	switch r.Protocol {
	case "icmp":
		lowest, highest = -1, 255
		r.From, r.To = -1, -1
	case "tcp", "udp":
		if from.kind == null || to.kind == null {
			return r.Protocol + " without ports"
		}
	default:
		return fmt.Sprintf("protocol %q is not tcp, udp or icmp", r.Protocol)
	}
	reason := reasons(whole("from_port", from, lowest, highest, &r.From), whole("to_port", to, lowest, highest, &r.To))
	switch {
	case reason != "":
		return reason
	case r.Protocol != "icmp" && r.From > r.To:
		return fmt.Sprintf("ports %d to %d: the lower one comes first", r.From, r.To)
	case r.Protocol == "icmp" && r.From == -1 && r.To != -1:
		return fmt.Sprintf("icmp type -1 (any) has no code %d", r.To)
	}
	return ""
}

// judgeMemberships puts instances into their security groups.
func (j *judgement) judgeMemberships() {
	const table = "security_group_instance_association"
	gone, vpn := int64(0), int64(0)
	for _, row := range j.memberships {
		m := j.instances[row.instance]
		g, reason := j.group(row.group)
		switch {
		case m == nil && j.badInst[row.instance] == "VPN instance":
			vpn++
			continue
		case m == nil && j.badInst[row.instance] != "":
			reason = fmt.Sprintf("its %s is left out", j.badInst[row.instance])
		case m == nil && j.gone[goneKey{"instances", row.instance}]:
			gone++
			continue
		case m == nil:
			reason = fmt.Sprintf("its instance %q is not there", row.instance)
		case reason != "":
		case g.ProjectID != m.project:
			reason = fmt.Sprintf("instance %d is of project %s, and security group %d of project %s", m.id, m.project, g.ID, g.ProjectID)
		}
		if reason != "" {
			j.invalid(table, row.id, "%s", reason)
			continue
		}
		j.site.Taken[table]++
		for _, port := range m.ports {
			if !slices.Contains(port.Groups, g.ID) { // EC2's calls made some of these twice, which says the same
				port.Groups = append(port.Groups, g.ID)
			}
		}
	}
	j.leave(table, gone, "of a soft-deleted instance")
	j.leave(table, vpn, "of the VPN instance of a network")
}

// quotaResources are those that something can be limited of that is imported.
var quotaResources = []string{"networks", "instances", "floating_ips", "security_groups", "security_group_rules"}

func (j *judgement) judgeQuotas() {
	seen := map[[2]string]int64{}
	taken := map[int64]bool{} // a row up to 2011.2 has several
	other, unlimited := int64(0), int64(0)
	for _, row := range j.database.quotas {
		if !slices.Contains(quotaResources, row.resource) {
			other++
			continue
		}
		limit, ok := row.limit.number()
		key := [2]string{row.project, row.resource}
		reason := ""
		switch {
		case row.limit.kind == null:
			unlimited++ // Nova's default, which is none here
			continue
		case row.project == "":
			reason = "it has no project"
		case !ok || limit < -1:
			reason = fmt.Sprintf("hard_limit %s is not 0 or more, or -1 for no limit", row.limit.text())
		case seen[key] != 0:
			reason = fmt.Sprintf("project %s has a quota of %s, which is quotas %d", row.project, row.resource, seen[key])
		default:
			reason = j.project(row.project)
		}
		if reason != "" {
			j.invalid("quotas", row.id, "%s", reason)
			continue
		}
		seen[key] = row.id
		if limit < 0 {
			unlimited++
			continue
		}
		j.site.Quotas = append(j.site.Quotas, Quota{row.id, row.project, row.resource, limit})
		if !taken[row.id] {
			taken[row.id] = true
			j.site.Taken["quotas"]++
		}
	}
	j.leave("quotas", unlimited, "without a limit")
	j.leave("quotas", other, "of what is no part of what is imported")
}
