package commands

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"nova-manage/db"
	"nova-manage/internal/cli"
	"nova-manage/novadb"
	"nova-manage/radvdgen"
)

type dbImportNovaOptions struct {
	Source      string
	SkipInvalid bool
	DryRun      bool
}

// importedRow is a line of what `db import_nova` answers.
type importedRow struct {
	what, table, id string
	rows            int64
	reason          string
}

// What becomes of rows of Nova's.
const (
	outcomeImported = "imported" // so many of a table are in the ledger
	outcomeInvalid  = "invalid"  // it cannot be right, and nothing is imported
	outcomeSkipped  = "skipped"  // it cannot be right, and the rest is imported
	outcomeCollides = "collides" // the ledger has it, or what is in its way, and nothing is imported
	outcomeChanged  = "changed"  // it is in the ledger in another form
	outcomeLeftOut  = "left_out" // it is no part of a ledger
)

var dbImportNovaColumns = []cli.Column[importedRow]{
	{Name: "outcome", Value: func(o importedRow) any { return o.what }},
	{Name: "table", Value: func(o importedRow) any { return o.table }},
	{Name: "id", Value: func(o importedRow) any { return cli.OrNull(o.id) }},
	{Name: "rows", Value: func(o importedRow) any { return o.rows }},
	{Name: "reason", Value: func(o importedRow) any { return cli.OrNull(o.reason) }},
}

func dbImportNova() *command {
	o := &dbImportNovaOptions{}
	return &command{
		name:  "import_nova",
		short: "import the database of OpenStack Nova, 2011.1 to Newton",
		long: "SOURCE is a SQLite file, or a dump of MySQL or MariaDB, as `mysqldump nova > nova.sql` writes it. It is read and never written. " +
			"Networks with their reservations, VPN ports, instances with MAC and addresses, floating addresses, security groups, quotas and " +
			"projects come into the ledger in one change, all or nothing; soft-deleted rows do not. Ids stay as they are where the " +
			"ledger has not handed them out itself.\n\n" +
			"The answer is a line for each row with an outcome of its own, and for each table how many of Nova's rows were imported, as how many " +
			"things of the ledger if that is another number, and how many were left out. " +
			"Rows that cannot be right (invalid) and rows that the ledger is in the way of (collides) keep all from being imported, and the exit " +
			"code is 4; with --skip_invalid the first, and what hangs on them, are left out (skipped). changed is a row that is in the ledger " +
			"in another form, and says which.",
		examples: []string{
			"nova-manage db import_nova /var/lib/nova/nova.sqlite --dry_run",
			"nova-manage db import_nova nova.sql -f json",
			"nova-manage db import_nova nova.sql --skip_invalid",
		},
		args: []*cli.Arg{cli.Required(cli.Typed(&o.Source, "SOURCE", filePath, "the SQLite file, or the dump").As("FILE").Completes(cli.Files))},
		flags: []*cli.Flag{
			cli.Boolean(&o.SkipInvalid, "skip_invalid", "import what can be right without the rest").NotInFlagfile(),
		},
		columns: cli.Fields(dbImportNovaColumns),
		rows:    severalRows,
		ledger:  creates,
		alone:   "it is about another database",
		dryRun:  &o.DryRun,
		run:     o.run,
	}
}

// sourceHints are what the ways out of package novadb are in the words of this command line.
var sourceHints = map[novadb.Way]string{
	novadb.WayUnpack:  "unpack it first",
	novadb.WayOne:     "dump one of them only: mysqldump DATABASE",
	novadb.WayWhole:   "dump it again, and see that mysqldump ends without an error",
	novadb.WayDump:    "give Nova's SQLite file, or what `mysqldump nova` writes",
	novadb.WayFile:    "give the SQLite file itself",
	novadb.WayColumns: "dump it without --no-create-info, or with --complete-insert",
	novadb.WayStore:   "store it in a file first",
	novadb.WayClose:   "copy it with `sqlite3 FILE \".backup COPY\"`, and give the copy",
}

// importNames are the rules for names that come from Nova: those for what is typed.
func importNames() novadb.Names {
	with := func(check func(string) error) func(string) error {
		return func(s string) error {
			if err := checkName(s); err != nil {
				return err
			}
			return check(s)
		}
	}
	return novadb.Names{
		Project: with(newWord), Host: with(newWord), Pool: with(newWord), Group: with(newGroup), Label: with(newLabel),
		Instance: with(func(s string) error {
			if db.CheckInstanceName(s) != nil {
				return errors.New("reads like an id, a MAC or an address")
			}
			return newWord(s)
		}),
		Description: func(s string) error {
			if s == "-" {
				return checkNew(s)
			}
			return nil
		},
		Interface: func(s string) error {
			_, err := boundOf(radvdgen.CheckRadvdName)(s)
			return err
		},
	}
}

func (o *dbImportNovaOptions) run(ctx context.Context, s *session) error {
	site, err := novadb.Read(ctx, o.Source, importNames(), s.Progress)
	var refused *novadb.SourceError
	switch {
	case errors.As(err, &refused):
		err := cli.UsageErrorf("%w", err)
		if hint := sourceHints[refused.Way]; hint != "" {
			return cli.WithHint(err, hint)
		}
		return err
	case err != nil:
		return err
	}
	if site.Endless {
		s.Warnf("%s does not say where it ends, as dumps with --compact do not: whether it is cut off nobody can know", o.Source)
	}
	answer, invalid := found(site, o.SkipInvalid)
	if invalid > 0 && !o.SkipInvalid {
		if err := cli.PrintSlice(s.Env, dbImportNovaColumns, answer); err != nil {
			return err
		}
		message := rowsOf(invalid) + " cannot be right or hang on such, so nothing was imported"
		return cli.WithHint(&db.Error{Message: message, Kind: db.ErrUnfit}, "--skip_invalid imports the rest without them")
	}
	ledger, hosted, err := o.translate(s, site)
	if err != nil {
		return err
	}
	answer = append(answer, hosted...)
	done, err := s.store.ImportSite(ctx, ledger)
	if err != nil {
		for _, c := range done.Clashes {
			answer = append(answer, importedRow{outcomeCollides, c.Table, c.Row, 1, c.Reason})
		}
		if len(done.Clashes) == 0 {
			return err
		}
		if untold := cli.PrintSlice(s.Env, dbImportNovaColumns, answer); untold != nil {
			return untold
		}
		return fmt.Errorf("%w, so nothing was imported", err)
	}
	answer = append(answer, renumbered("networks", done.Networks)...)
	answer = append(answer, renumbered("instances", done.Instances)...)
	return cli.PrintSlice(s.Env, dbImportNovaColumns, append(answer, totals(site, ledger, done)...))
}

func rowsOf(n int64) string {
	if n == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", n)
}

// found is what there is to say of single rows, and how many of them cannot be right.
func found(site *novadb.Site, skip bool) (answer []importedRow, invalid int64) {
	for _, f := range site.Findings {
		o := importedRow{outcomeChanged, f.Table, f.ID, f.Rows, f.Reason}
		if f.Kind == novadb.Invalid {
			invalid += f.Rows
			o.what = outcomeInvalid
			if skip {
				o.what = outcomeSkipped
			}
		}
		answer = append(answer, o)
	}
	return answer, invalid
}

// renumbered says which things have other ids in the ledger.
func renumbered(table string, ids map[int64]int64) (answer []importedRow) {
	for _, old := range slices.Sorted(maps.Keys(ids)) {
		answer = append(answer, importedRow{outcomeChanged, table, strconv.FormatInt(old, 10), 1, fmt.Sprintf("its id is %d: the ledger has handed out %d", ids[old], old)})
	}
	return answer
}

// totals says of each table how many rows were imported, and as what, and how many were left out.
func totals(site *novadb.Site, ledger db.Import, done db.Imported) (answer []importedRow) {
	rules := 0
	for _, g := range ledger.Groups {
		rules += len(g.Rules)
	}
	for _, t := range []struct{ table, as string }{
		{"networks", ""},
		{"instances", ifOther(site.Taken["instances"], len(ledger.Instances), "instances: one on several networks is one on each")},
		{"virtual_interfaces", ""},
		{"fixed_ips", fmt.Sprintf("%d addresses of instances, of both families, and %d ranges that are reserved", done.Addresses, done.Reservations)},
		{"floating_ips", fmt.Sprintf("%d ranges", len(ledger.Ranges))},
		{"security_groups", ""},
		{"security_group_rules", ifOther(site.Taken["security_group_rules"], rules, "rules")},
		{"security_group_instance_association", ""},
		{"quotas", ifOther(site.Taken["quotas"], len(ledger.Quotas), "quotas")},
		{"projects", ifOther(site.Taken["projects"], len(ledger.Projects), "projects: whatever something belongs to is one")},
	} {
		reason := ""
		if t.as != "" {
			reason = "as " + t.as
		}
		answer = append(answer, importedRow{outcomeImported, t.table, "", site.Taken[t.table], reason})
	}
	for _, l := range site.Left {
		answer = append(answer, importedRow{outcomeLeftOut, l.Table, "", l.Rows, l.Reason})
	}
	return answer
}

// ifOther counts what rows became, unless each became one.
func ifOther(rows int64, things int, what string) string {
	if int64(things) == rows {
		return ""
	}
	return fmt.Sprintf("%d %s", things, what)
}

// translate makes of a site what the ledger is asked for. hosted says which floating ranges have a host that Nova does not name.
func (o *dbImportNovaOptions) translate(s *session, site *novadb.Site) (ledger db.Import, hosted []importedRow, err error) {
	hosts := map[string]int{}
	for _, p := range site.Projects {
		ledger.Projects = append(ledger.Projects, db.Project{ID: p.ID, Description: p.Description})
	}
	for _, n := range site.Networks {
		hosts[n.Host]++
		ledger.Networks = append(ledger.Networks, db.ImportNetwork{Reserved: n.Reserved, Network: db.Network{
			ID: n.ID, Label: n.Label, Manager: db.Manager(n.Manager), CIDR: n.CIDR, Gateway: n.Gateway, Bridge: n.Bridge,
			BridgeInterface: n.BridgeInterface, VLAN: n.VLAN, VPNPublicAddress: n.VPNPublicAddress, VPNPublicPort: n.VPNPublicPort,
			VPNClients: n.VPNClients, CIDRv6: n.CIDRv6, GatewayV6: n.GatewayV6, DNS1: n.DNS1, DNS2: n.DNS2, MTU: n.MTU,
			ProjectID: n.ProjectID, Host: n.Host,
		}})
	}
	for _, p := range site.Ports {
		ledger.Instances = append(ledger.Instances, db.ImportInstance{Row: p.Instance, Groups: p.Groups, Instance: db.Instance{
			ID: p.ID, Name: p.Name, ProjectID: p.ProjectID, NetworkID: p.NetworkID, MAC: p.MAC, FixedIP: p.FixedIP,
			FixedIPv6: p.FixedIPv6, FloatingIP: p.Floating, Host: p.Host,
		}})
	}
	for _, g := range site.Groups {
		group := db.ImportGroup{SecurityGroup: db.SecurityGroup{ID: g.ID, ProjectID: g.ProjectID, Name: g.Name, Description: g.Description}}
		for _, r := range g.Rules {
			group.Rules = append(group.Rules, db.ImportRule{SourceID: r.Source, Rule: db.Rule{Protocol: r.Protocol, From: r.From, To: r.To, CIDR: r.CIDR}})
		}
		ledger.Groups = append(ledger.Groups, group)
	}
	for _, q := range site.Quotas {
		ledger.Quotas = append(ledger.Quotas, db.ImportQuota{ProjectID: q.ProjectID, Resource: q.Resource, Limit: q.Limit, Row: q.ID})
	}
	delete(hosts, "")
	for _, r := range site.Ranges {
		if r.Host == "" {
			// Since 2011.3 a row has a host only while an instance has the address. The nodes of the networks are where
			// floating addresses were routed to.
			r.Host = mostFrequent(hosts)
			if err := thisHost(s.Env, &r.Host); err != nil {
				return ledger, nil, err
			}
			hosted = append(hosted, importedRow{outcomeChanged, "floating_ips", strconv.FormatInt(r.First, 10), r.Rows,
				fmt.Sprintf("range %s has no host, and is routed to %s", r.CIDR, r.Host)})
		}
		ledger.Ranges = append(ledger.Ranges, db.ImportRange{Row: r.First,
			FloatingRange: db.FloatingRange{CIDR: r.CIDR, Pool: r.Pool, Host: r.Host, Interface: r.Interface}})
	}
	return ledger, hosted, nil
}

// mostFrequent is the name with the highest count, of several the first.
func mostFrequent(counts map[string]int) (most string) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		if most == "" || counts[name] > counts[most] {
			most = name
		}
	}
	return most
}
