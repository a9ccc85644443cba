package db

import (
	"slices"
	"strings"
)

// group is a project's security group of that name.
func (m *model) group(project, name string) *SecurityGroup {
	p := m.projects[project]
	if p == nil {
		return nil
	}
	at := slices.IndexFunc(p.groups, func(g SecurityGroup) bool { return g.Name == name })
	if at < 0 {
		return nil
	}
	return &p.groups[at]
}

func (m *model) createProject(name, description string) (why verdict) {
	if why.add(m.projects[name] != nil, ErrConflict) {
		return why
	}
	m.project(name).description = description
	return why
}

func (m *model) updateProject(name, description string) (why verdict) {
	if !why.add(m.projects[name] == nil, ErrNotFound) {
		m.projects[name].description = description
	}
	return why
}

func (m *model) deleteProject(name string, force bool) (why verdict) {
	if why.add(m.projects[name] == nil, ErrNotFound) {
		return why
	}
	uses := m.uses(name)
	why.add(!force && (uses["networks"] > 0 || uses["instances"] > 0 || uses["security_groups"] > 1), ErrConflict)
	for _, i := range byAddress(m.instances, Instance.first) {
		if i.ProjectID == name {
			m.deleteInstance(i.ID)
		}
	}
	m.disassociateNetworks(name)
	delete(m.projects, name)
	return why
}

func (m *model) disassociateNetworks(project string) {
	for i := range m.networks {
		if n := &m.networks[i]; n.ProjectID == project {
			n.ProjectID, n.UpdatedAt = "", testTime
		}
	}
}

// scrubProject leaves a project with the default group alone.
func (m *model) scrubProject(name string) (why verdict) {
	if why.add(m.projects[name] == nil, ErrNotFound) || why.add(m.uses(name)["instances"] > 0, ErrConflict) {
		return why
	}
	m.disassociateNetworks(name)
	m.projects[name].groups = nil
	m.addDefault(name)
	return why
}

func (m *model) setQuota(project, resource string, limit int64) (why verdict) {
	why.neverIf(limit < -1 || strings.ToLower(resource) != resource)
	if why.never || why.add(m.projects[project] == nil, ErrNotFound) {
		return why
	}
	if limit == -1 {
		delete(m.projects[project].quotas, resource)
	} else {
		m.projects[project].quotas[resource] = limit
	}
	return why
}

func (m *model) createGroup(project, name, description string) (why verdict) {
	why.add(m.over(project, "security_groups", 1) || m.group(project, name) != nil, ErrConflict)
	m.projects[project].groups = append(m.projects[project].groups,
		SecurityGroup{ID: m.next("group"), ProjectID: project, Name: name, Description: description, CreatedAt: testTime})
	return why
}

func (m *model) deleteGroup(project, name string) (why verdict) {
	if why.add(m.group(project, name) == nil, ErrNotFound) {
		return why
	}
	why.add(name == "default", ErrConflict)
	for _, i := range m.instances {
		why.add(i.ProjectID == project && slices.Contains(i.SecurityGroups, name), ErrConflict)
	}
	p := m.projects[project]
	for _, g := range p.groups {
		why.add(g.Name != name && slices.ContainsFunc(g.Rules, func(r Rule) bool { return r.SourceGroup == name }), ErrConflict)
	}
	p.groups = slices.DeleteFunc(p.groups, func(g SecurityGroup) bool { return g.Name == name })
	return why
}

// updateGroup gives a group another name, by which the rules and the instances that are of it follow, and another description.
func (m *model) updateGroup(project, name string, c SecurityGroupChange) (why verdict) {
	g := m.group(project, name)
	if why.add(g == nil, ErrNotFound) {
		return why
	}
	set(&g.Description, c.Description)
	if c.Name == nil || *c.Name == name {
		return why
	}
	if why.add(name == "default" || m.group(project, *c.Name) != nil, ErrConflict) {
		return why
	}
	g.Name = *c.Name
	for _, other := range m.projects[project].groups {
		for k := range other.Rules {
			if other.Rules[k].SourceGroup == name {
				other.Rules[k].SourceGroup = *c.Name
			}
		}
	}
	for k := range m.instances {
		if i := &m.instances[k]; i.ProjectID == project && slices.Contains(i.SecurityGroups, name) {
			i.SecurityGroups = slices.Clone(i.SecurityGroups)
			i.SecurityGroups[slices.Index(i.SecurityGroups, name)] = *c.Name
			slices.Sort(i.SecurityGroups)
		}
	}
	return why
}

// findRules is the group that rules are to be added to or taken from.
func (m *model) findRules(project, name string, rules []Rule) (g *SecurityGroup, why verdict) {
	for _, r := range rules {
		why.neverIf(r.From > r.To)
	}
	if g = m.group(project, name); why.never || why.add(g == nil, ErrNotFound) {
		return nil, why
	}
	for _, r := range rules {
		why.add(r.SourceGroup != "" && m.group(project, r.SourceGroup) == nil, ErrNotFound)
	}
	return g, why
}

func (m *model) addRules(project, name string, rules []Rule) (why verdict) {
	g, why := m.findRules(project, name, rules)
	if g == nil {
		return why
	}
	why.add(m.over(project, "security_group_rules", len(rules)), ErrConflict)
	for _, r := range rules {
		why.add(slices.Contains(g.Rules, r), ErrConflict)
		m.addRule(g, r)
	}
	return why
}

func (m *model) deleteRules(project, name string, rules []Rule) (why verdict) {
	g, why := m.findRules(project, name, rules)
	if g == nil {
		return why
	}
	for _, r := range rules {
		at := slices.Index(g.Rules, r)
		if why.add(at < 0, ErrNotFound) {
			return why
		}
		g.Rules = slices.Delete(g.Rules, at, at+1)
	}
	return why
}
