package commands

import (
	"context"
	"net/netip"
	"strings"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/netcalc"
)

func secgroupCategory() *command {
	return &command{name: "secgroup", short: "security groups and their rules", actions: []*command{
		secgroupCreate(), secgroupList(), secgroupShow(), secgroupModify(), secgroupAuthorize(), secgroupRevoke(), secgroupDelete(),
	}}
}

var secgroupColumns = []cli.Column[db.SecurityGroup]{
	{Name: "project_id", Value: func(g db.SecurityGroup) any { return g.ProjectID }},
	{Name: "name", Value: func(g db.SecurityGroup) any { return g.Name }},
	{Name: "description", Value: func(g db.SecurityGroup) any { return cli.OrNull(g.Description) }, Drop: 9},
	{Name: "instances", Value: func(g db.SecurityGroup) any { return g.Instances }, Drop: 7},
	{Name: "rules", Value: func(g db.SecurityGroup) any { return len(g.Rules) }, Drop: 8},
	{Name: "created_at", Value: func(g db.SecurityGroup) any { return g.CreatedAt }, Long: true},
}

var ruleColumns = []cli.Column[db.Rule]{
	{Name: "ip_protocol", Value: func(r db.Rule) any { return r.Protocol }},
	{Name: "from_port", Value: func(r db.Rule) any { return r.From }},
	{Name: "to_port", Value: func(r db.Rule) any { return r.To }},
	{Name: "cidr_ip", Value: func(r db.Rule) any { return r.CIDR }},
	{Name: "source_group", Value: func(r db.Rule) any { return cli.OrNull(r.SourceGroup) }},
}

// groupRef is GROUP: NAME with --project_id, or PROJECT/NAME.
type groupRef struct {
	Group, ProjectID string
	projectFrom      cli.Origin

	project, name string // what GROUP means, once it was checked
}

func (g *groupRef) arg() *cli.Arg {
	return cli.Required(named(&g.Group, "GROUP", nil, "NAME with --project_id, or PROJECT/NAME").Completes(aGroup))
}

func (g *groupRef) flag() *cli.Flag {
	return named(&g.ProjectID, "project_id", checkWord, "the project that the group belongs to").As("PROJECT").Completes(aProject).
		From(&g.projectFrom).Also("project")
}

func (g *groupRef) check(*cli.Env) (err error) {
	g.project, g.name, err = g.split()
	return err
}

// checkNew is check for a group that is to be made, and perhaps its project.
func (g *groupRef) checkNew(e *cli.Env) error {
	if err := g.check(e); err != nil {
		return err
	}
	for _, new := range []struct {
		word string
		rule func(string) error
	}{{g.project, newWord}, {g.name, newGroup}} {
		if err := new.rule(new.word); err != nil {
			return cli.UsageErrorf("GROUP %s: %s %w", cli.Quote(g.Group), cli.Quote(new.word), err)
		}
	}
	return nil
}

// split returns the project and the name that GROUP means.
func (g *groupRef) split() (project, name string, err error) {
	project, name, found := strings.Cut(g.Group, "/")
	if !found {
		project, name = g.ProjectID, g.Group
	} else if g.projectFrom.OnCommandLine() && project != g.ProjectID {
		return "", "", cli.UsageErrorf("GROUP %s and --project_id %s name two projects", cli.Quote(g.Group), cli.Quote(g.ProjectID))
	}
	if project == "" {
		return "", "", cli.WithHint(cli.UsageErrorf("GROUP %s needs a project", cli.Quote(g.Group)), "give --project_id, or write GROUP as PROJECT/NAME")
	}
	if name == "" {
		return "", "", cli.UsageErrorf("GROUP %s has no name", cli.Quote(g.Group))
	}
	for _, word := range []string{project, name} {
		if err := checkWord(word); err != nil {
			return "", "", cli.UsageErrorf("GROUP %s: %s %w", cli.Quote(g.Group), cli.Quote(word), err)
		}
	}
	return project, name, nil
}

func secgroupCreate() *command {
	g := &groupRef{}
	var about string
	var aboutFrom cli.Origin
	var again, make bool
	return &command{
		name:  "create",
		short: "add a security group",
		long:  "It has no rules at first. Every project has the group default, which lets its members reach each other.",
		examples: []string{
			"nova-manage secgroup create web --project_id apollo",
			`nova-manage secgroup create apollo/db --description "the database"`,
		},
		args:    []*cli.Arg{g.arg()},
		flags:   []*cli.Flag{g.flag(), purpose(&about).From(&aboutFrom), ifNotExists(&again), createProject(&make)},
		columns: cli.Fields(cli.AllShown(secgroupColumns)),
		ledger:  creates,
		check:   g.checkNew,
		run: func(ctx context.Context, s *session) (err error) {
			var made db.SecurityGroup
			if again {
				made, err = s.naming(make).EnsureSecurityGroup(ctx, g.project, g.name, given(aboutFrom, &about))
			} else {
				made, err = s.naming(make).CreateSecurityGroup(ctx, g.project, g.name, about)
			}
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, cli.AllShown(secgroupColumns), made)
		},
	}
}

func secgroupList() *command {
	var project string
	return &command{
		name:     "list",
		short:    "list security groups by project and name",
		examples: []string{"nova-manage secgroup list", "nova-manage secgroup list --project_id apollo -f json"},
		flags:    []*cli.Flag{named(&project, "project_id", nil, "only those of this project").As("PROJECT").Completes(aProject).Also("project")},
		columns:  cli.Fields(secgroupColumns),
		list:     true,
		ledger:   reads,
		run: func(ctx context.Context, s *session) error {
			groups, err := s.store.WantedGroups(ctx, project, s.listing(db.GroupsIndexed))
			if err != nil {
				return err
			}
			return cli.PrintSlice(s.Env, secgroupColumns, groups)
		},
	}
}

func secgroupShow() *command {
	g := &groupRef{}
	return &command{
		name:     "show",
		short:    "list the rules of a security group",
		examples: []string{"nova-manage secgroup show apollo/web", "nova-manage secgroup show default --project_id apollo -f json"},
		args:     []*cli.Arg{g.arg()},
		flags:    []*cli.Flag{g.flag()},
		columns:  cli.Fields(ruleColumns),
		list:     true,
		ledger:   reads,
		check:    g.check,
		run: func(ctx context.Context, s *session) error {
			found, err := s.store.SecurityGroup(ctx, g.project, g.name)
			if err != nil {
				return err
			}
			return cli.PrintSlice(s.Env, ruleColumns, found.Rules)
		},
	}
}

func secgroupDelete() *command {
	g := &groupRef{}
	var gone bool
	return &command{
		name:     "delete",
		short:    "delete a security group and its rules",
		long:     "A group that instances are in, or that rules of other groups name, is refused.",
		examples: []string{"nova-manage secgroup delete apollo/web"},
		args:     []*cli.Arg{g.arg()},
		flags:    []*cli.Flag{g.flag(), ifExists(&gone)},
		ledger:   writes,
		check:    g.check,
		run: func(ctx context.Context, s *session) error {
			return s.removing(gone).DeleteSecurityGroup(ctx, g.project, g.name)
		},
	}
}

// ruleOptions are a rule of a group as authorize and revoke take it.
type ruleOptions struct {
	groupRef
	Rule db.Rule

	rules []db.Rule // the rules meant, once they were checked
}

func (o *ruleOptions) args() []*cli.Arg {
	return []*cli.Arg{
		o.arg(),
		cli.Required(cli.Choice(&o.Rule.Protocol, "PROTOCOL", []string{"tcp", "udp", "icmp"}, "icmp is ICMPv6 where CIDR is IPv6")),
		cli.Required(cli.Number(&o.Rule.From, "FROM", -1, 65535, "the first port; for icmp the type, -1 for any")),
		cli.Required(cli.Number(&o.Rule.To, "TO", -1, 65535, "the last port; for icmp the code, -1 for any")),
		cli.Optional(cli.Typed(&o.Rule.CIDR, "CIDR", netcalcValue(netcalc.ParsePrefix), "who is let in, IPv4 or IPv6").As("CIDR").
			ByDefault("0.0.0.0/0 and ::/0")),
	}
}

func (o *ruleOptions) flags() []*cli.Flag {
	return []*cli.Flag{
		o.flag(),
		named(&o.Rule.SourceGroup, "source_group", nil, "let in the members of this group of the project, in place of CIDR").
			As("GROUP").NotInFlagfile().Completes(aGroupName),
	}
}

const ruleLong = "Without CIDR and --source_group the rule stands for everybody: it is one rule for 0.0.0.0/0 and one for ::/0."

// everybody are the sources of a rule that names none.
var everybody = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

func (o *ruleOptions) check(e *cli.Env) error {
	if err := o.groupRef.check(e); err != nil {
		return err
	}
	if of, source, found := strings.Cut(o.Rule.SourceGroup, "/"); found {
		if of != o.project {
			return cli.UsageErrorf("--source_group %s is not of project %s, which group %s belongs to",
				cli.Quote(o.Rule.SourceGroup), o.project, o.name)
		}
		if source == "" { // which would be everybody
			return cli.UsageErrorf("--source_group %s has no name", cli.Quote(o.Rule.SourceGroup))
		}
		o.Rule.SourceGroup = source
	}
	switch {
	case o.Rule.CIDR.IsValid() && o.Rule.SourceGroup != "":
		return cli.UsageErrorf("CIDR %s and --source_group %s exclude each other", o.Rule.CIDR, cli.Quote(o.Rule.SourceGroup))
	case o.Rule.CIDR.IsValid() || o.Rule.SourceGroup != "":
		o.rules = []db.Rule{o.Rule}
	default:
		for _, all := range everybody {
			r := o.Rule
			r.CIDR = all
			o.rules = append(o.rules, r)
		}
	}
	return o.rules[0].Validate()
}

func secgroupAuthorize() *command {
	o := &ruleOptions{}
	var again bool
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
		flags:   append(o.flags(), ifNotExists(&again)),
		columns: cli.Fields(ruleColumns),
		rows:    func() int { return len(o.rules) },
		ledger:  writes,
		check:   o.check,
		run: func(ctx context.Context, s *session) error {
			add := s.store.AddRules
			if again {
				add = s.store.EnsureRules
			}
			added, err := add(ctx, o.project, o.name, o.rules)
			if err != nil {
				return err
			}
			return cli.PrintSlice(s.Env, ruleColumns, added)
		},
	}
}

func secgroupRevoke() *command {
	o := &ruleOptions{}
	var gone bool
	return &command{
		name:     "revoke",
		short:    "take a rule away",
		long:     ruleLong,
		examples: []string{"nova-manage secgroup revoke apollo/web tcp 80 80", "nova-manage secgroup revoke apollo/web icmp -1 -1 10.0.0.0/8"},
		args:     o.args(),
		flags:    append(o.flags(), ifExists(&gone)),
		ledger:   writes,
		check:    o.check,
		run: func(ctx context.Context, s *session) error {
			return s.removing(gone).DeleteRules(ctx, o.project, o.name, o.rules)
		},
	}
}
