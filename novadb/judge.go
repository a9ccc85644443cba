package novadb

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"unicode"
	"unicode/utf8"

	"nova-manage/netcalc"
)

// judgement is a database on its way to a Site. Rows are judged from those that others refer to down to those that refer to
// them, so that what hangs on a row that cannot be right is known by then.
type judgement struct {
	*database
	names Names
	site  Site

	projects  map[string]*Project
	networks  map[int64]*network  // those that can be right
	badNet    map[int64]string    // those that cannot, and what they are called
	instances map[string]*machine // by id and by UUID
	badInst   map[string]string
	holders   map[int64]*Port // by the id of the fixed_ips row
	machines  []*machine
	groups    map[int64]*Group
	badGroup  map[int64]bool
	vpnHeld   map[int64]bool // fixed_ips rows of VPN instances, which the networks themselves stand for
}

func judge(d *database, names Names) *Site {
	j := &judgement{database: d, names: names, projects: map[string]*Project{}, networks: map[int64]*network{}, badNet: map[int64]string{},
		instances: map[string]*machine{}, badInst: map[string]string{}, holders: map[int64]*Port{}, groups: map[int64]*Group{},
		badGroup: map[int64]bool{}, vpnHeld: map[int64]bool{}, site: Site{Taken: map[string]int64{}}}
	j.site.Findings = d.wrong
	j.site.Endless = d.endless
	j.judgeProjects()
	j.judgeNetworks()
	j.judgeInstances()
	j.judgeFixed()
	j.judgePorts()
	j.judgeFloating()
	j.judgeGroups()
	j.judgeQuotas()
	j.finish()
	return &j.site
}

// invalid says that a row cannot be right.
func (j *judgement) invalid(table string, id int64, format string, args ...any) {
	j.find(Invalid, table, strconv.FormatInt(id, 10), 1, fmt.Sprintf(format, args...))
}

// changed says that a row is taken over in another form.
func (j *judgement) changed(table string, id int64, format string, args ...any) {
	j.find(Changed, table, strconv.FormatInt(id, 10), 1, fmt.Sprintf(format, args...))
}

func (j *judgement) find(kind Kind, table, id string, rows int64, reason string) {
	j.site.Findings = append(j.site.Findings, Finding{kind, table, id, rows, reason})
}

func (j *judgement) leave(table string, rows int64, reason string) {
	if rows > 0 {
		j.site.Left = append(j.site.Left, Left{table, rows, reason})
	}
}

// finish says what was left out on purpose, and puts all in order.
func (j *judgement) finish() {
	for _, table := range slices.Sorted(maps.Keys(j.others)) {
		if table != "migrate_version" && table != "alembic_version" {
			j.leave(table, j.others[table], "no part of what is imported")
		}
	}
	for _, table := range slices.Sorted(maps.Keys(j.deleted)) {
		j.leave(table, j.deleted[table], "soft-deleted")
	}
	for _, id := range slices.Sorted(maps.Keys(j.projects)) {
		j.site.Projects = append(j.site.Projects, *j.projects[id])
	}
	slices.SortStableFunc(j.site.Left, func(a, b Left) int { return cmp.Compare(a.Table, b.Table) })
	slices.SortStableFunc(j.site.Findings, func(a, b Finding) int {
		x, _ := strconv.ParseInt(a.ID, 10, 64)
		y, _ := strconv.ParseInt(b.ID, 10, 64)
		return cmp.Or(cmp.Compare(a.Table, b.Table), cmp.Compare(x, y), cmp.Compare(a.ID, b.ID))
	})
}

// judgeProjects takes the rows of projects, which there are up to 2012.1.
func (j *judgement) judgeProjects() {
	for _, p := range j.database.projects {
		switch _, twice := j.projects[p.id]; {
		case p.id == "":
			j.find(Invalid, "projects", "", 1, "it has no id")
		case twice:
			j.find(Invalid, "projects", p.id, 1, "it is there twice")
		default:
			reason := j.bad("id", p.id, j.names.Project)
			if reason == "" {
				reason = j.bad("description", p.description, j.names.Description)
			}
			if reason != "" {
				j.find(Invalid, "projects", p.id, 1, reason)
				continue
			}
			j.projects[p.id] = &Project{p.id, p.description}
			j.site.Taken["projects"]++
		}
	}
}

// project has a project that something belongs to: later releases have no rows of them. The reason is why it cannot.
func (j *judgement) project(id string) (reason string) {
	if _, there := j.projects[id]; there || id == "" {
		return ""
	}
	if reason := j.bad("project_id", id, j.names.Project); reason != "" {
		return reason
	}
	j.projects[id] = &Project{ID: id}
	return ""
}

// bad says what is wrong with a text, "" where nothing is. Absent is never wrong.
func (j *judgement) bad(column, s string, check func(string) error) string {
	switch {
	case s == "":
		return ""
	case !utf8.ValidString(s):
		return fmt.Sprintf("%s %q is not UTF-8", column, s)
	}
	for _, r := range s {
		if unicode.IsControl(r) && !(column == "description" && (r == '\n' || r == '\t')) {
			return fmt.Sprintf("%s %q holds a control character", column, s)
		}
	}
	if check != nil {
		if err := check(s); err != nil {
			return fmt.Sprintf("%s %q %v", column, s, err)
		}
	}
	return ""
}

// reasons is the first of them that there is.
func reasons(all ...string) string { return cmp.Or(all...) }

// addr reads an address that may be absent.
func addr(column, s string, into *netip.Addr) string {
	if s == "" {
		return ""
	}
	a, err := netcalc.ParseAddr(s)
	if err != nil {
		return fmt.Sprintf("%s %v", column, err)
	}
	*into = a
	return ""
}

// servable is addr for an address that guests send packets to.
func servable(column, s string, into *netip.Addr) string {
	if reason := addr(column, s, into); reason != "" || s == "" {
		return reason
	}
	if err := netcalc.CheckServableAddr(*into); err != nil {
		return fmt.Sprintf("%s %v", column, err)
	}
	return ""
}

// whole reads a number in a range that may be absent.
func whole(column string, v value, lowest, highest int64, into *int) string {
	if v.kind == null || v.kind == text && v.s == "" {
		return ""
	}
	n, ok := v.number()
	if !ok || n < lowest || n > highest {
		return fmt.Sprintf("%s %s is not %d to %d", column, v.text(), lowest, highest)
	}
	*into = int(n)
	return ""
}
