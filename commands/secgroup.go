package commands

import (
	"context"
	"net/netip"
	"strings"

	"nova-manage/db"
	"nova-manage/netcalc"
)

func secgroupCategory() *command {
	return &command{name: "secgroup", short: "security groups and their rules", actions: []*command{
		secgroupCreate(), secgroupList(), secgroupShow(), secgroupAuthorize(), secgroupRevoke(), secgroupDelete(),
	}}
}

var secgroupColumns = []column[db.SecurityGroup]{
	{Name: "project_id", Value: func(g db.SecurityGroup) any { return g.ProjectID }},
	{Name: "name", Value: func(g db.SecurityGroup) any { return g.Name }},
	{Name: "description", Value: func(g db.SecurityGroup) any { return orNull(g.Description) }},
	{Name: "instances", Value: func(g db.SecurityGroup) any { return g.Instances }},
	{Name: "rules", Value: func(g db.SecurityGroup) any { return len(g.Rules) }},
	{Name: "created_at", Value: func(g db.SecurityGroup) any { return g.CreatedAt }, Long: true},
}

var ruleColumns = []column[db.Rule]{
	{Name: "ip_protocol", Value: func(r db.Rule) any { return r.Protocol }},
	{Name: "from_port", Value: func(r db.Rule) any { return r.From }},
	{Name: "to_port", Value: func(r db.Rule) any { return r.To }},
	{Name: "cidr_ip", Value: func(r db.Rule) any { return r.CIDR }},
	{Name: "source_group", Value: func(r db.Rule) any { return orNull(r.SourceGroup) }},
}

// groupRef is GROUP: NAME with --project_id, or PROJECT/NAME.
type groupRef struct {
	Group, ProjectID string
	projectFrom      origin
}

func (g *groupRef) arg() *arg {
	return required(named(&g.Group, "GROUP", nil, "NAME with --project_id, or PROJECT/NAME"))
}

func (g *groupRef) flag() *flag {
	return named(&g.ProjectID, "project_id", checkWord, "the project that the group belongs to").as("PROJECT").
		from(&g.projectFrom).also("project")
}

// split returns the project and the name that GROUP means.
func (g *groupRef) split() (project, name string, err error) {
	project, name, found := strings.Cut(g.Group, "/")
	if !found {
		project, name = g.ProjectID, g.Group
	} else if g.projectFrom.onCommandLine() && project != g.ProjectID {
		return "", "", usageErrorf("GROUP %s and --project_id %s name two projects", quote(g.Group), quote(g.ProjectID))
	}
	if project == "" {
		return "", "", withHint(usageErrorf("GROUP %s needs a project", quote(g.Group)), "give --project_id, or write GROUP as PROJECT/NAME")
	}
	if name == "" {
		return "", "", usageErrorf("GROUP %s has no name", quote(g.Group))
	}
	for _, word := range []string{project, name} {
		if err := checkWord(word); err != nil {
			return "", "", usageErrorf("GROUP %s: %s %w", quote(g.Group), quote(word), err)
		}
	}
	return project, name, nil
}

func secgroupCreate() *command {
	g := &groupRef{}
	var description string
	return &command{
		name:  "create",
		short: "add a security group",
		long:  "It has no rules at first. Every project has the group default, which lets its members reach each other.",
		examples: []string{
			"nova-manage secgroup create web --project_id apollo",
			`nova-manage secgroup create apollo/db --description "the database"`,
		},
		args:    []*arg{g.arg()},
		flags:   []*flag{g.flag(), text(&description, "description", "what it is for").as("TEXT")},
		columns: fieldsOf(allShown(secgroupColumns)),
		run: func(ctx context.Context, e *env) error {
			project, name, err := g.split()
			if err != nil {
				return err
			}
			store, err := e.openStore(ctx, db.Create)
			if err != nil {
				return err
			}
			made, err := store.CreateSecurityGroup(ctx, project, name, description)
			if err != nil {
				return err
			}
			return printOne(e, allShown(secgroupColumns), made)
		},
	}
}

func secgroupList() *command {
	var project string
	return &command{
		name:     "list",
		short:    "list security groups by project and name",
		examples: []string{"nova-manage secgroup list", "nova-manage secgroup list --project_id apollo -f json"},
		flags:    []*flag{named(&project, "project_id", nil, "only those of this project").as("PROJECT").also("project")},
		columns:  fieldsOf(secgroupColumns),
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Read)
			if err != nil {
				return err
			}
			groups, err := store.SecurityGroups(ctx, project)
			if err != nil {
				return err
			}
			return printSlice(e, secgroupColumns, groups)
		},
	}
}

func secgroupShow() *command {
	g := &groupRef{}
	return &command{
		name:     "show",
		short:    "list the rules of a security group",
		examples: []string{"nova-manage secgroup show apollo/web", "nova-manage secgroup show default --project_id apollo -f json"},
		args:     []*arg{g.arg()},
		flags:    []*flag{g.flag()},
		columns:  fieldsOf(ruleColumns),
		run: func(ctx context.Context, e *env) error {
			project, name, err := g.split()
			if err != nil {
				return err
			}
			store, err := e.openStore(ctx, db.Read)
			if err != nil {
				return err
			}
			found, err := store.SecurityGroup(ctx, project, name)
			if err != nil {
				return err
			}
			return printSlice(e, ruleColumns, found.Rules)
		},
	}
}

func secgroupDelete() *command {
	g := &groupRef{}
	return &command{
		name:     "delete",
		short:    "delete a security group and its rules",
		long:     "A group that instances are in, or that rules of other groups name, is refused.",
		examples: []string{"nova-manage secgroup delete apollo/web"},
		args:     []*arg{g.arg()},
		flags:    []*flag{g.flag()},
		run: func(ctx context.Context, e *env) error {
			project, name, err := g.split()
			if err != nil {
				return err
			}
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			return store.DeleteSecurityGroup(ctx, project, name)
		},
	}
}

// ruleOptions are a rule of a group as authorize and revoke take it.
type ruleOptions struct {
	groupRef
	Rule db.Rule
}

func (o *ruleOptions) args() []*arg {
	return []*arg{
		o.arg(),
		required(choice(&o.Rule.Protocol, "PROTOCOL", []string{"tcp", "udp", "icmp"}, "icmp is ICMPv6 where CIDR is IPv6")),
		required(number(&o.Rule.From, "FROM", -1, 65535, "the first port; for icmp the type, -1 for any")),
		required(number(&o.Rule.To, "TO", -1, 65535, "the last port; for icmp the code, -1 for any")),
		optional(typed(&o.Rule.CIDR, "CIDR", netcalcValue(netcalc.ParsePrefix), "who is let in, IPv4 or IPv6").as("CIDR").
			byDefault("0.0.0.0/0 and ::/0")),
	}
}

func (o *ruleOptions) flags() []*flag {
	return []*flag{
		o.flag(),
		named(&o.Rule.SourceGroup, "source_group", nil, "let in the members of this group of the project, in place of CIDR").
			as("GROUP").notInFlagfile(),
	}
}

const ruleLong = "Without CIDR and --source_group the rule stands for everybody: it is one rule for 0.0.0.0/0 and one for ::/0."

// everybody are the sources of a rule that names none.
var everybody = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

// rules are the rules meant, and the group that has them.
func (o *ruleOptions) rules() (project, name string, rules []db.Rule, err error) {
	if project, name, err = o.split(); err != nil {
		return "", "", nil, err
	}
	if of, source, found := strings.Cut(o.Rule.SourceGroup, "/"); found {
		if of != project {
			return "", "", nil, usageErrorf("--source_group %s is not of project %s, which group %s belongs to", quote(o.Rule.SourceGroup), project, name)
		}
		o.Rule.SourceGroup = source
	}
	switch {
	case o.Rule.CIDR.IsValid() && o.Rule.SourceGroup != "":
		return "", "", nil, usageErrorf("CIDR %s and --source_group %s exclude each other", o.Rule.CIDR, quote(o.Rule.SourceGroup))
	case o.Rule.CIDR.IsValid() || o.Rule.SourceGroup != "":
		rules = []db.Rule{o.Rule}
	default:
		for _, all := range everybody {
			r := o.Rule
			r.CIDR = all
			rules = append(rules, r)
		}
	}
	if err := rules[0].Validate(); err != nil {
		return "", "", nil, err
	}
	return project, name, rules, nil
}

func secgroupAuthorize() *command {
	o := &ruleOptions{}
	return &command{
		name:  "authorize",
		short: "add a rule that lets traffic in",
		long:  ruleLong,
		examples: []string{
			"nova-manage secgroup authorize apollo/web tcp 80 80",
			"nova-manage secgroup authorize web tcp 22 22 2001:db8::/32 --project_id apollo",
			"nova-manage secgroup authorize apollo/web icmp -1 -1 10.0.0.0/8",
			"nova-manage secgroup authorize apollo/db tcp 5432 5432 --source_group web",
		},
		args:    o.args(),
		flags:   o.flags(),
		columns: fieldsOf(ruleColumns),
		run: func(ctx context.Context, e *env) error {
			project, name, rules, err := o.rules()
			if err != nil {
				return err
			}
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			if err := store.AddRules(ctx, project, name, rules); err != nil {
				return err
			}
			return printSlice(e, ruleColumns, rules)
		},
	}
}

func secgroupRevoke() *command {
	o := &ruleOptions{}
	return &command{
		name:     "revoke",
		short:    "take a rule away",
		long:     ruleLong,
		examples: []string{"nova-manage secgroup revoke apollo/web tcp 80 80", "nova-manage secgroup revoke apollo/web icmp -1 -1 10.0.0.0/8"},
		args:     o.args(),
		flags:    o.flags(),
		run: func(ctx context.Context, e *env) error {
			project, name, rules, err := o.rules()
			if err != nil {
				return err
			}
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			return store.DeleteRules(ctx, project, name, rules)
		},
	}
}
