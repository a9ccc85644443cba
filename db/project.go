package db

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"nova-manage/db/internal/sqlstore"
)

// Project is a tenant, with what it has.
type Project struct {
	ID             string
	Description    string
	Networks       int64
	Instances      int64
	FloatingIPs    int64
	SecurityGroups int64
	Rules          int64
	CreatedAt      time.Time
}

// useProject is ensureProject for what a project must be there for, where that is asked for.
func (t *tx) useProject(ctx context.Context, id string) error {
	if !t.known {
		return t.ensureProject(ctx, id)
	}
	there, err := sqlstore.Exists(ctx, t.ReadTx, "FROM projects WHERE project_id = $1", id)
	if err == nil && !there {
		err = notFoundf("there is no project %s", quoteRef(id)).Try(WayCreateProject, id)
	}
	return err
}

// ensureProject makes a project at its first use, with the security group that every project has.
func (t *tx) ensureProject(ctx context.Context, id string) error {
	if id == "" {
		return nil
	}
	made, err := t.addProject(ctx, id, "")
	if err != nil || !made {
		return err
	}
	return t.addDefaultGroup(ctx, id)
}

// addProject adds the row alone; false if it is there already.
func (t *tx) addProject(ctx context.Context, id, description string) (bool, error) {
	there, err := sqlstore.Exists(ctx, t.ReadTx, "FROM projects WHERE project_id = $1", id)
	if err != nil || there {
		return false, err
	}
	p := Project{ID: id, Description: description, CreatedAt: t.Now()}
	return true, projectTable.Insert(ctx, t.door, 1, func(int) *Project { return &p })
}

// CreateProject adds a project. Error: ErrConflict if it exists.
func (s *Store) CreateProject(ctx context.Context, id, description string) (p Project, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		p, err = t.createProject(ctx, id, description)
		return err
	})
	return p, err
}

func (t *tx) createProject(ctx context.Context, id, description string) (p Project, err error) {
	made, err := t.addProject(ctx, id, description)
	if err == nil && !made {
		err = conflictf(ErrExists, "project %s exists", quoteRef(id))
	}
	if err != nil {
		return p, err
	}
	if err := t.addDefaultGroup(ctx, id); err != nil {
		return p, err
	}
	return t.project(ctx, id)
}

// EnsureProject is CreateProject for a project that may be there already, with that description; nil is any.
func (s *Store) EnsureProject(ctx context.Context, id string, description *string) (p Project, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if p, err = t.project(ctx, id); !isNotFound(err) {
			if err == nil && description != nil {
				err = asIs("project "+quoteRef(id), wayOut{WayModifyProject, []any{id}}, comparedValue{"description", true, p.Description, *description})
			}
			return err
		}
		about := ""
		set(&about, description)
		p, err = t.createProject(ctx, id, about)
		return err
	})
	return p, err
}

// projectTable counts what a project has where that is asked for; a count that is stored could be wrong.
var projectTable = &sqlstore.Table[Project]{
	Name: "projects", Alias: "p",
	Columns: []sqlstore.Column[Project]{
		sqlstore.Col("project_id", func(p *Project) *string { return &p.ID }, text),
		sqlstore.Col("description", func(p *Project) *string { return &p.Description }, optText),
		sqlstore.Col("created_at", func(p *Project) *time.Time { return &p.CreatedAt }, moment),
		sqlstore.Computed("(SELECT count(*) FROM networks n WHERE n.project_id = p.project_id)",
			func(p *Project) *int64 { return &p.Networks }, number),
		sqlstore.Computed("(SELECT count(*) FROM instances i WHERE i.project_id = p.project_id)",
			func(p *Project) *int64 { return &p.Instances }, number),
		sqlstore.Computed(`(SELECT count(*) FROM instances i JOIN addresses a ON a.instance_id = i.id JOIN claims c ON c.first = a.claim
			WHERE i.project_id = p.project_id AND c.kind = 'floating')`, func(p *Project) *int64 { return &p.FloatingIPs }, number),
		sqlstore.Computed("(SELECT count(*) FROM security_groups g WHERE g.project_id = p.project_id)",
			func(p *Project) *int64 { return &p.SecurityGroups }, number),
		sqlstore.Computed(`(SELECT count(*) FROM security_group_rules r JOIN security_groups g ON g.id = r.group_id
			WHERE g.project_id = p.project_id)`, func(p *Project) *int64 { return &p.Rules }, number),
	},
	Describe: func(p *Project) string { return "project " + p.ID },
}

// Projects returns all projects by name.
func (s *Store) Projects(ctx context.Context) (all []Project, err error) {
	for p, err := range s.WantedProjects(ctx, Wanted{}) {
		if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
	return all, nil
}

// WantedProjects yields the projects that are wanted, as ProjectsIndexed takes it, by name or in the order that is.
func (s *Store) WantedProjects(ctx context.Context, w Wanted) iter.Seq2[Project, error] {
	return stream(ctx, s, func(ctx context.Context, t view) iter.Seq2[Project, error] {
		return wantedRows(ctx, t, projectTable, ProjectsIndexed, func() *sqlstore.Where { return new(sqlstore.Where) }, w)
	})
}

// Project returns one project. Error: ErrNotFound.
func (s *Store) Project(ctx context.Context, id string) (p Project, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		p, err = t.project(ctx, id)
		return err
	})
	return p, err
}

func (t view) project(ctx context.Context, id string) (Project, error) {
	p, ok, err := projectTable.One(ctx, t.ReadTx, " WHERE p.project_id = $1", id)
	if err == nil && !ok {
		err = notFoundf("there is no project %s", quoteRef(id))
	}
	return p, err
}

// UpdateProject gives a project another description, or none, and returns it. Error: ErrNotFound.
func (s *Store) UpdateProject(ctx context.Context, id, description string) (p Project, err error) {
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if p, err = t.project(ctx, id); err != nil {
			return err
		}
		before := p
		p.Description = description
		_, err := projectTable.Update(ctx, t.door, &before, &p)
		return err
	})
	return p, err
}

// DeleteProject deletes a project that holds nothing, or with force releases what it holds: its instances are deleted,
// its networks disassociated, its security groups and quotas deleted. The default security group is no hindrance.
// Errors: ErrNotFound, ErrConflict.
func (s *Store) DeleteProject(ctx context.Context, id string, force bool) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		p, err := t.project(ctx, id)
		if err != nil {
			return t.absent(err)
		}
		if held := p.holds(); held != "" && !force {
			return conflictf(ErrInUse, "project %s holds %s", quoteRef(id), held).Try(WayReleaseAll)
		}
		if err := t.deleteProjectInstances(ctx, id); err != nil {
			return err
		}
		if err := t.scrub(ctx, id); err != nil {
			return err
		}
		if _, err := t.door.DeleteWhere(ctx, quotaTable, sqlstore.That("project_id = ?", id)); err != nil {
			return err
		}
		return projectTable.Delete(ctx, t.door, &p)
	})
}

// holds says what keeps a project from being deleted.
func (p Project) holds() string {
	var held []string
	for _, h := range []struct {
		n    int64
		what string
	}{{p.Networks, "network"}, {p.Instances, "instance"}, {p.SecurityGroups - 1, "security group"}} {
		switch {
		case h.n == 1:
			held = append(held, "1 "+h.what)
		case h.n > 1:
			held = append(held, fmt.Sprintf("%d %ss", h.n, h.what))
		}
	}
	return strings.Join(held, ", ")
}

// ScrubProject disassociates a project's networks and deletes its security groups and their rules; the default group is
// as new afterwards. Errors: ErrNotFound, and ErrConflict while it has instances.
func (s *Store) ScrubProject(ctx context.Context, id string) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		p, err := t.project(ctx, id)
		if err != nil {
			return err
		}
		if p.Instances > 0 {
			return conflictf(ErrInUse, "project %s has instances (%d)", quoteRef(id), p.Instances).
				Try(WayDeleteThemOrProject, id)
		}
		if err := t.scrub(ctx, id); err != nil {
			return err
		}
		return t.addDefaultGroup(ctx, id)
	})
}

func (t *tx) scrub(ctx context.Context, id string) error {
	if _, err := t.door.UpdateWhere(ctx, networkTable.Name, sqlstore.That("project_id = ?", id),
		sqlstore.Named{Column: "project_id"}, sqlstore.Named{Column: "updated_at", Value: moment.Stored(t.Now())}); err != nil {
		return err
	}
	const groups = "(SELECT id FROM security_groups WHERE project_id = ?)"
	for _, d := range []struct{ table, condition string }{
		{ruleTable.Name, "group_id IN " + groups}, {ruleTable.Name, "source_group_id IN " + groups}, {groupTable.Name, "project_id = ?"},
	} {
		if _, err := t.door.DeleteWhere(ctx, d.table, sqlstore.That(d.condition, id)); err != nil {
			return err
		}
	}
	return nil
}

// Resources are what a quota can limit.
var Resources = []string{"networks", "instances", "floating_ips", "security_groups", "security_group_rules"}

// Unlimited is the quota of a resource that has none.
const Unlimited = -1

// Quota is how much of a resource a project may have, and how much it has.
type Quota struct {
	Resource string
	Limit    int64 // Unlimited if there is no limit
	InUse    int64
}

// Quotas returns a project's quotas in the order of Resources. Error: ErrNotFound.
func (s *Store) Quotas(ctx context.Context, id string) (quotas []Quota, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		quotas, err = t.quotas(ctx, id)
		return err
	})
	return quotas, err
}

func (t view) quotas(ctx context.Context, id string) ([]Quota, error) {
	p, err := t.project(ctx, id)
	if err != nil {
		return nil, err
	}
	quotas := make([]Quota, len(Resources))
	for i, r := range Resources {
		quotas[i] = Quota{Resource: r, InUse: p.inUse()[i]}
		if quotas[i].Limit, err = t.limit(ctx, id, r); err != nil {
			return nil, err
		}
	}
	return quotas, nil
}

// inUse is how much it has of each of Resources.
func (p Project) inUse() []int64 {
	return []int64{p.Networks, p.Instances, p.FloatingIPs, p.SecurityGroups, p.Rules}
}

func (t view) limit(ctx context.Context, project, resource string) (int64, error) {
	limit, limited, err := sqlstore.Value[int64](ctx, t.ReadTx, "hard_limit FROM quotas WHERE project_id = $1 AND resource = $2", project, resource)
	if err != nil || !limited {
		return Unlimited, err
	}
	return limit, nil
}

// SetQuota limits a resource of a project; Unlimited lifts the limit. A limit below what is in use keeps what there is
// and refuses more. Errors: ErrNotFound, ErrInvalid.
func (s *Store) SetQuota(ctx context.Context, id, resource string, limit int64) (q Quota, err error) {
	if !slices.Contains(Resources, resource) {
		return q, invalidf("quota %s is not one of %s", quoteRef(resource), strings.Join(Resources, ", "))
	}
	if limit < Unlimited {
		return q, invalidf("quota %s %d: at least 0, or -1 for no limit", resource, limit)
	}
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		if _, err := t.project(ctx, id); err != nil {
			return err
		}
		if err := t.setQuota(ctx, id, resource, limit); err != nil {
			return err
		}
		quotas, err := t.quotas(ctx, id)
		if err == nil {
			q = quotas[slices.Index(Resources, resource)]
		}
		return err
	})
	return q, err
}

const quotaTable = "quotas"

func (t *tx) setQuota(ctx context.Context, project, resource string, limit int64) error {
	is, err := t.limit(ctx, project, resource)
	if err != nil || is == limit {
		return err // as in updateNetwork, what is there is no change
	}
	where := sqlstore.That("project_id = ? AND resource = ?", project, resource)
	if limit == Unlimited {
		_, err := t.door.DeleteWhere(ctx, quotaTable, where)
		return err
	}
	there, err := t.door.UpdateWhere(ctx, quotaTable, where, sqlstore.Named{Column: "hard_limit", Value: limit})
	if err != nil || there > 0 {
		return err
	}
	return t.door.Insert(ctx, sqlstore.NewRows{Table: quotaTable, Columns: []string{"project_id", "resource", "hard_limit"}, N: 1,
		Fill: func(_ int, v []any) { v[0], v[1], v[2] = project, resource, limit }})
}

// checkQuota refuses what would give a project more of a resource than its quota allows. It counts only where there is
// a limit.
func (t view) checkQuota(ctx context.Context, project, resource string, more int64) error {
	limit, err := t.limit(ctx, project, resource)
	if err != nil || limit == Unlimited || more == 0 {
		return err
	}
	quotas, err := t.quotas(ctx, project)
	if err != nil {
		return err
	}
	q := quotas[slices.Index(Resources, resource)]
	if q.InUse+more > limit {
		return conflictf(ErrQuota, "project %s has %d of %d %s, and %d more would exceed its quota", quoteRef(project), q.InUse, limit, resource, more).
			Try(WayChangeQuota, project, resource)
	}
	return nil
}
