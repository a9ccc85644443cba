package commands

import (
	"context"
	"math"
	"slices"
	"strings"

	"nova-manage/db"
	"nova-manage/internal/cli"
)

func projectCategory() *command {
	return &command{name: "project", short: "tenants and what they may have", actions: []*command{
		projectCreate(), projectList(), projectShow(), projectModify(), projectQuota(), projectScrub(), projectDelete(),
	}}
}

var projectColumns = []cli.Column[db.Project]{
	{Name: "project_id", Value: func(p db.Project) any { return p.ID }},
	{Name: "description", Value: func(p db.Project) any { return cli.OrNull(p.Description) }, Drop: 6},
	{Name: "networks", Value: func(p db.Project) any { return p.Networks }},
	{Name: "instances", Value: func(p db.Project) any { return p.Instances }},
	{Name: "floating_ips", Value: func(p db.Project) any { return p.FloatingIPs }, Drop: 7},
	{Name: "security_groups", Value: func(p db.Project) any { return p.SecurityGroups }, Drop: 8},
	{Name: "security_group_rules", Value: func(p db.Project) any { return p.Rules }, Drop: 9},
	{Name: "created_at", Value: func(p db.Project) any { return p.CreatedAt }, Long: true},
}

// projectArg is NAME of a project that must be there.
func projectArg(into *string) []*cli.Arg {
	return []*cli.Arg{cli.Required(named(into, "NAME", nil, "the project").Completes(aProject))}
}

func projectCreate() *command {
	var name, about string
	var aboutFrom cli.Origin
	var again bool
	return &command{
		name:     "create",
		short:    "add a project",
		long:     "A project also comes to be when `network create` or `network modify` first names it, and elsewhere with --create_project.",
		examples: []string{`nova-manage project create apollo --description "lunar landing"`},
		args:     []*cli.Arg{cli.Required(named(&name, "NAME", newWord, "its name"))},
		flags:    []*cli.Flag{purpose(&about).From(&aboutFrom), ifNotExists(&again)},
		columns:  cli.Fields(cli.AllShown(projectColumns)),
		ledger:   creates,
		run: func(ctx context.Context, s *session) (err error) {
			var made db.Project
			if again {
				made, err = s.store.EnsureProject(ctx, name, given(aboutFrom, &about))
			} else {
				made, err = s.store.CreateProject(ctx, name, about)
			}
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, cli.AllShown(projectColumns), made)
		},
	}
}

// given is value if somebody gave it, else nil.
func given[T any](from cli.Origin, value *T) *T {
	if !from.IsSet() {
		return nil
	}
	return value
}

func projectList() *command {
	return &command{
		name:     "list",
		short:    "list projects by name, and how much each has",
		examples: []string{"nova-manage project list", "nova-manage project list -f value -c project_id"},
		columns:  cli.Fields(projectColumns),
		list:     true,
		ledger:   reads,
		run: func(ctx context.Context, s *session) error {
			return cli.PrintList(s.Env, projectColumns, s.store.WantedProjects(ctx, s.listing(db.ProjectsIndexed)))
		},
	}
}

func projectShow() *command {
	var name string
	return &command{
		name:     "show",
		short:    "show one project, and how much it has",
		examples: []string{"nova-manage project show apollo"},
		args:     projectArg(&name),
		columns:  cli.Fields(cli.AllShown(projectColumns)),
		ledger:   reads,
		run: func(ctx context.Context, s *session) error {
			p, err := s.store.Project(ctx, name)
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, cli.AllShown(projectColumns), p)
		},
	}
}

func projectModify() *command {
	var name, about string
	var aboutFrom cli.Origin
	return &command{
		name:     "modify",
		short:    "change what a project is for",
		long:     "An empty description clears it. What a project may have is `project quota`'s to change.",
		examples: []string{`nova-manage project modify apollo --description "lunar landing"`, `nova-manage project modify apollo --description ""`},
		args:     projectArg(&name),
		flags:    []*cli.Flag{purpose(&about).From(&aboutFrom).OnlyTyped()},
		columns:  cli.Fields(cli.AllShown(projectColumns)),
		ledger:   writes,
		check: func(*cli.Env) error {
			if !aboutFrom.OnCommandLine() {
				return nothingToChange("project modify")
			}
			return nil
		},
		run: func(ctx context.Context, s *session) error {
			changed, err := s.store.UpdateProject(ctx, name, about)
			if err != nil {
				return err
			}
			return cli.PrintOne(s.Env, cli.AllShown(projectColumns), changed)
		},
	}
}

func projectDelete() *command {
	var name string
	var force, gone bool
	return &command{
		name:  "delete",
		short: "delete a project",
		long: "A project that holds anything is refused. With --force its instances are deleted, their addresses released, its " +
			"networks left to the next project, and its security groups deleted. Keys of EC2 clients are not in the ledger, and stay good for the " +
			"next project of that name: `nova-manage api key delete` takes them away.",
		examples: []string{"nova-manage project delete apollo", "nova-manage project delete apollo --force"},
		args:     projectArg(&name),
		flags:    []*cli.Flag{cli.Boolean(&force, "force", "release all that it holds").OnlyTyped(), ifExists(&gone)},
		ledger:   writes,
		run: func(ctx context.Context, s *session) error {
			return s.removing(gone).DeleteProject(ctx, name, force)
		},
	}
}

func projectScrub() *command {
	var name string
	return &command{
		name:     "scrub",
		short:    "take a project's networks and security groups from it",
		long:     "The default security group stays, as it was at first. A project that has instances is refused.",
		examples: []string{"nova-manage project scrub apollo"},
		args:     projectArg(&name),
		ledger:   writes,
		run: func(ctx context.Context, s *session) error {
			return s.store.ScrubProject(ctx, name)
		},
	}
}

var quotaColumns = []cli.Column[db.Quota]{
	{Name: "quota", Value: func(q db.Quota) any { return q.Resource }},
	{Name: "limit", Value: func(q db.Quota) any { return q.Limit }},
	{Name: "in_use", Value: func(q db.Quota) any { return q.InUse }},
}

type projectQuotaOptions struct {
	Name, Key string
	Value     int64
	valueFrom cli.Origin
}

func projectQuota() *command {
	o := &projectQuotaOptions{}
	project := named(&o.Name, "project", nil, "the project").As("NAME").Completes(aProject).Also("project_id").OnlyTyped()
	key := cli.Choice(&o.Key, "key", db.Resources, "what is limited").OnlyTyped()
	value := cli.Typed(&o.Value, "value", parseLimit, "the new limit, or unlimited").As("N").From(&o.valueFrom).OnlyTyped()
	return &command{
		name:  "quota",
		short: "show or set how much a project may have",
		long: "-1 or unlimited is no limit, which is the default. A limit below what the project has keeps that and refuses more; a command " +
			"that would exceed one exits with 4.",
		examples: []string{
			"nova-manage project quota apollo",
			"nova-manage project quota apollo instances 20",
			"nova-manage project quota apollo floating_ips unlimited",
			"nova-manage project quota --project apollo --key networks --value 3",
			"nova-manage project quota apollo networks -f value -c limit",
		},
		args: []*cli.Arg{
			cli.Required(project).Called("NAME"), cli.Optional(key).Called("KEY"), cli.Optional(value).Called("VALUE"),
		},
		flags:   []*cli.Flag{project, key, value},
		columns: cli.Fields(quotaColumns),
		list:    true,
		ledger:  writes,
		readsIf: func() bool { return !o.sets() },
		check:   o.check,
		run:     o.run,
	}
}

// parseLimit reads a number, or Nova's word for none.
func parseLimit(s string) (int64, error) {
	if strings.EqualFold(s, "unlimited") {
		return db.Unlimited, nil
	}
	return cli.ParseNumber(s, db.Unlimited, math.MaxInt64)
}

// sets tells whether a limit is to be set, and not only to be shown.
func (o *projectQuotaOptions) sets() bool { return o.valueFrom.IsSet() }

func (o *projectQuotaOptions) check(e *cli.Env) error {
	if o.sets() && o.Key == "" {
		return cli.UsageErrorf("VALUE %d is given without KEY", o.Value)
	}
	if o.Key != "" {
		return checkOne(e, "project quota NAME KEY")
	}
	return nil
}

func (o *projectQuotaOptions) run(ctx context.Context, s *session) error {
	if o.sets() {
		q, err := s.store.SetQuota(ctx, o.Name, o.Key, o.Value)
		if err != nil {
			return err
		}
		return cli.PrintOne(s.Env, quotaColumns, q)
	}
	quotas, err := s.store.Quotas(ctx, o.Name)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(quotas, func(q db.Quota) bool { return q.Resource == o.Key }); i >= 0 {
		return cli.PrintOne(s.Env, quotaColumns, quotas[i])
	}
	return cli.PrintSlice(s.Env, quotaColumns, quotas)
}
