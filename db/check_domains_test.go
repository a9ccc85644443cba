package db

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"nova-manage/internal/pgtest"
	"nova-manage/internal/race"
)

// rowOf is a row of each table in which a test puts a value, and what has to be gone before that for nothing to refer to it.
var rowOf = map[string]struct{ where, before string }{
	"sequences":            {"name = 'network'", ""},
	"projects":             {"project_id = 'nobody'", "INSERT INTO projects (project_id, created_at) VALUES ('nobody', '2011-02-03T04:05:06Z')"},
	"free_ranges":          {"first = (SELECT first FROM free_ranges ORDER BY first DESC LIMIT 1)", ""},
	"bridges":              {"bridge = 'nobody'", "INSERT INTO bridges (bridge) VALUES ('nobody')"},
	"networks":             {"id = 4", ""},
	"instances":            {"id = 4", "DELETE FROM instance_security_groups WHERE instance_id = 4; DELETE FROM addresses WHERE instance_id = 4"},
	"floating_ranges":      {"cidr = '192.0.2.0/29'", ""},
	"addresses":            {"state = 'released'", ""},
	"security_groups":      {"name = 'nobody'", "INSERT INTO security_groups (id, project_id, name, created_at) VALUES (9, 'apollo', 'nobody', '2011-02-03T04:05:06Z')"},
	"security_group_rules": {"id = 1", ""},
}

// outsiders are the nearest values that are not in the domain, as SQL. PostgreSQL's INTEGER has no larger ones than its own.
func (d domain) outsiders() (all []string) {
	sql := func(n int64) string {
		if d.text {
			return "'" + strings.Repeat("ж", int(n)) + "'" // a character of two bytes
		}
		return fmt.Sprint(n)
	}
	all = append(all, sql(d.lowest-1))
	if d.highest < math.MaxInt32 {
		all = append(all, sql(d.highest+1))
	}
	return all
}

// past runs statements on a ledger whose schema enforces nothing any more.
func past(t *testing.T, s *Store, statements string) {
	t.Helper()
	url := urlOf(s)
	if strings.HasPrefix(url, "postgresql:") {
		pgtest.Exec(t, url, "SET session_replication_role = replica; "+statements)
		return
	}
	for _, trigger := range []string{"networks_update", "networks_insert"} {
		statements = "DROP TRIGGER IF EXISTS " + trigger + "; " + statements
	}
	for _, d := range domains {
		statements = "DROP TRIGGER IF EXISTS " + d.table + "_domain_update; DROP TRIGGER IF EXISTS " + d.table + "_domain_insert; " + statements
	}
	breakBy(t, s, statements)
}

// The schema refuses what is outside of a domain, whoever writes; what got in all the same is found by Check.
func TestStore_domains(t *testing.T) {
	race.SkipAlone(t)
	for name, url := range engines {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, url(t), Create)
			checkedLedger(t, s)
			for _, row := range rowOf {
				for statement := range strings.SplitSeq(row.before, "; ") {
					breakBy(t, s, statement)
				}
			}
			update := func(table string, set []string) string {
				return fmt.Sprintf("UPDATE %s SET %s WHERE %s", table, strings.Join(set, ", "), rowOf[table].where)
			}
			all := map[string][]string{}
			for _, d := range domains {
				for _, value := range d.outsiders() {
					statement := update(d.table, []string{d.column + " = " + value})
					err := behind(t, s, statement)
					// That a network stays where it is may be said first.
					if err == nil || d.column != "vlan" && !strings.Contains(err.Error(), d.words()) {
						t.Errorf("%s: error %v, want %q", statement, err, d.words())
					}
				}
				all[d.table] = append(all[d.table], d.column+" = "+d.outsiders()[0])
			}
			for table, set := range all {
				past(t, s, update(table, set))
			}
			found := findings(t, s)
			for _, d := range domains {
				if !slices.ContainsFunc(found, func(f Finding) bool { return f.Check == d.table && strings.HasSuffix(f.Problem, ", and "+d.words()) }) {
					t.Errorf("%s.%s: not among %q", d.table, d.column, found)
				}
			}
		})
	}
}
