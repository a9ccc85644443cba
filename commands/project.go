package commands

import (
	"context"
	"math"
	"slices"

	"nova-manage/db"
)

func projectCategory() *command {
	return &command{name: "project", short: "tenants and what they may have", actions: []*command{
		projectCreate(), projectList(), projectShow(), projectQuota(), projectScrub(), projectDelete(),
	}}
}

var projectColumns = []column[db.Project]{
	{Name: "project_id", Value: func(p db.Project) any { return p.ID }},
	{Name: "description", Value: func(p db.Project) any { return orNull(p.Description) }},
	{Name: "networks", Value: func(p db.Project) any { return p.Networks }},
	{Name: "instances", Value: func(p db.Project) any { return p.Instances }},
	{Name: "floating_ips", Value: func(p db.Project) any { return p.FloatingIPs }},
	{Name: "security_groups", Value: func(p db.Project) any { return p.SecurityGroups }},
	{Name: "security_group_rules", Value: func(p db.Project) any { return p.Rules }},
	{Name: "created_at", Value: func(p db.Project) any { return p.CreatedAt }, Long: true},
}

// projectArg is NAME of a project that must be there.
func projectArg(into *string) []*arg {
	return []*arg{required(named(into, "NAME", nil, "the project"))}
}

func projectCreate() *command {
	var name, description string
	return &command{
		name:     "create",
		short:    "add a project",
		long:     "A project also comes to be when it is first named with --project_id.",
		examples: []string{`nova-manage project create apollo --description "lunar landing"`},
		args:     []*arg{required(named(&name, "NAME", checkWord, "its name"))},
		flags:    []*flag{text(&description, "description", "what it is for").as("TEXT")},
		columns:  fieldsOf(allShown(projectColumns)),
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Create)
			if err != nil {
				return err
			}
			made, err := store.CreateProject(ctx, name, description)
			if err != nil {
				return err
			}
			return printOne(e, allShown(projectColumns), made)
		},
	}
}

func projectList() *command {
	return &command{
		name:     "list",
		short:    "list projects by name, and how much each has",
		examples: []string{"nova-manage project list", "nova-manage project list -f value -c project_id"},
		columns:  fieldsOf(projectColumns),
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Read)
			if err != nil {
				return err
			}
			all, err := store.Projects(ctx)
			if err != nil {
				return err
			}
			return printSlice(e, projectColumns, all)
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
		columns:  fieldsOf(allShown(projectColumns)),
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Read)
			if err != nil {
				return err
			}
			p, err := store.Project(ctx, name)
			if err != nil {
				return err
			}
			return printOne(e, allShown(projectColumns), p)
		},
	}
}

func projectDelete() *command {
	var name string
	var force bool
	return &command{
		name:  "delete",
		short: "delete a project",
		long: "A project that holds anything is refused. With --force its instances are deleted, their addresses released, its " +
			"networks left to the next project, and its security groups deleted.",
		examples: []string{"nova-manage project delete apollo", "nova-manage project delete apollo --force"},
		args:     projectArg(&name),
		flags:    []*flag{boolean(&force, "force", "release all that it holds").onlyTyped()},
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			return store.DeleteProject(ctx, name, force)
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
		run: func(ctx context.Context, e *env) error {
			store, err := e.openStore(ctx, db.Write)
			if err != nil {
				return err
			}
			return store.ScrubProject(ctx, name)
		},
	}
}

var quotaColumns = []column[db.Quota]{
	{Name: "quota", Value: func(q db.Quota) any { return q.Resource }},
	{Name: "limit", Value: func(q db.Quota) any { return q.Limit }},
	{Name: "in_use", Value: func(q db.Quota) any { return q.InUse }},
}

type projectQuotaOptions struct {
	Name, Key string
	Value     int64
	valueFrom origin
}

func projectQuota() *command {
	o := &projectQuotaOptions{}
	return &command{
		name:  "quota",
		short: "show or set how much a project may have",
		long: "-1 is no limit, which is the default. A limit below what the project has keeps that and refuses more; a command " +
			"that would exceed one exits with 4.",
		examples: []string{
			"nova-manage project quota apollo",
			"nova-manage project quota apollo instances 20",
			"nova-manage project quota apollo floating_ips -1",
			"nova-manage project quota apollo networks -f value -c limit",
		},
		args: []*arg{
			required(named(&o.Name, "NAME", nil, "the project")),
			optional(choice(&o.Key, "KEY", db.Resources, "what is limited")),
			optional(number(&o.Value, "VALUE", db.Unlimited, math.MaxInt64, "the new limit").from(&o.valueFrom)),
		},
		columns: fieldsOf(quotaColumns),
		run:     func(ctx context.Context, e *env) error { return runProjectQuota(ctx, e, o) },
	}
}

func runProjectQuota(ctx context.Context, e *env, o *projectQuotaOptions) error {
	mode := db.Read
	if o.valueFrom.isSet() {
		if o.Key == "" {
			return usageErrorf("VALUE %d is given without KEY", o.Value)
		}
		mode = db.Write
	}
	store, err := e.openStore(ctx, mode)
	if err != nil {
		return err
	}
	if mode == db.Write {
		q, err := store.SetQuota(ctx, o.Name, o.Key, o.Value)
		if err != nil {
			return err
		}
		return printOne(e, quotaColumns, q)
	}
	quotas, err := store.Quotas(ctx, o.Name)
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(quotas, func(q db.Quota) bool { return q.Resource == o.Key }); i >= 0 {
		return printOne(e, quotaColumns, quotas[i])
	}
	return printSlice(e, quotaColumns, quotas)
}
