package db

import (
	"context"
	"fmt"
	"strings"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// This file finds names by how they begin, for somebody who is typing one: each query is a walk along an index from where the
// beginning is, and ends after so many rows, however large the ledger is.

// Name is a name in the ledger, and in a few words what it is the name of; these may be "".
type Name struct{ Name, About string }

// MostNames is how many names of a sort are found; more are of no use before some of it has been typed.
const MostNames = 200

// mostPassed is how many rows of an index are passed over for one that counts.
const mostPassed = 2000

// Names finds names in the ledger that begin with a text, and some that do not: in an index some beginnings look alike.
type Names struct {
	ctx  context.Context
	t    view
	from string // what they begin with
}

// Names runs do on one state of the ledger.
func (s *Store) Names(ctx context.Context, beginning string, do func(*Names) error) error {
	return s.view(ctx, func(ctx context.Context, t view) error { return do(&Names{ctx, t, beginning}) })
}

// after is beyond all texts that begin with n.from: no character comes after it.
func (n *Names) after() string { return n.from + "\U0010ffff" }

// find returns the names of SELECT selected, whose two columns are name and about.
func (n *Names) find(selected string, args ...any) ([]Name, error) {
	return sqlstore.Collect(n.ctx, n.t.ReadTx, func(row sqlstore.Row) (name Name, err error) {
		err = row.Scan(text.Into(&name.Name), optText.Into(&name.About))
		return name, err
	}, selected, args...)
}

// within finds names in each of the ranges of an index, until there are enough. selected has the ends of a range as $1 and $2 and
// is followed by a limit.
func within[R any](n *Names, ranges []R, ends func(R) (any, any), selected string) (all []Name, err error) {
	for _, r := range ranges {
		if len(all) >= MostNames {
			break
		}
		low, high := ends(r)
		some, err := n.find(fmt.Sprintf("%s LIMIT %d", selected, MostNames-len(all)), low, high)
		if err != nil {
			return nil, err
		}
		all = append(all, some...)
	}
	return all, nil
}

func ofNumbers(r [2]int64) (any, any)  { return r[0], r[1] }
func ofSpan(s netcalc.Span) (any, any) { return key(s.First), key(s.Last) }

func (n *Names) numbered(selected string) ([]Name, error) {
	return within(n, netcalc.NumbersBeginning(n.from), ofNumbers, selected)
}

func (n *Names) placed(selected string) ([]Name, error) {
	var spans []netcalc.Span
	for _, s := range netcalc.SpansBeginning(n.from) {
		// Among the keys of IPv6 are those of IPv4.
		spans = append(spans, s.Minus(keysOf4)...)
	}
	return within(n, spans, ofSpan, selected)
}

// different is a table of the different values of an indexed column that begin so, each found from the one before it. A column
// that has the same value a million times is not walked along.
func different(table, column string) string {
	next := "SELECT min(" + column + ") FROM " + table + " WHERE " + column
	return fmt.Sprintf(`(WITH RECURSIVE names (name, n) AS (
		SELECT (%s >= $1 AND %[2]s < $2), 1 UNION ALL SELECT (%[1]s > names.name AND %[2]s < $2), n + 1 FROM names WHERE names.name IS NOT NULL AND n < %[3]d
	) SELECT name FROM names WHERE name IS NOT NULL) AS found`, next, column, MostNames)
}

// Labels are those by which a network can be named, which no other network has.
func (n *Names) Labels() ([]Name, error) {
	return n.find(`name, (SELECT coalesce(w.cidr, w.cidr_v6) FROM networks w WHERE w.label = name LIMIT 1) FROM `+different("networks", "label")+`
		WHERE (SELECT count(*) FROM (SELECT 1 AS one FROM networks w WHERE w.label = name LIMIT 2) AS two) = 1`, n.from, n.after())
}

// aboutNetwork is what is said of network w.
const aboutNetwork = "'network ' || w.id || coalesce(', ' || w.label, '') || coalesce(', ' || w.project_id, '')"

// NetworkCIDRs are the CIDRs of networks in address order, those of IPv4 first; one that several share is not among them.
func (n *Names) NetworkCIDRs() ([]Name, error) {
	v4, err := n.placed("w.cidr, " + aboutNetwork + " FROM networks w WHERE w.first BETWEEN $1 AND $2 AND w.cidr IS NOT NULL ORDER BY w.first")
	if err != nil {
		return nil, err
	}
	v6, err := n.placed(`b.cidr_v6, ` + aboutNetwork + ` FROM bridges b JOIN networks w
		ON w.id = (SELECT min(one.id) FROM (SELECT o.id FROM networks o WHERE o.bridge = b.bridge AND o.gateway_v6 IS NOT NULL LIMIT 2) AS one HAVING count(*) = 1)
		WHERE b.first_v6 BETWEEN $1 AND $2 ORDER BY b.first_v6`)
	return append(v4, v6...), err
}

// NetworkIDs are the numbers of networks.
func (n *Names) NetworkIDs() ([]Name, error) {
	return n.numbered(`CAST(w.id AS TEXT), coalesce(w.cidr, w.cidr_v6) || coalesce(', ' || w.label, '') || coalesce(', ' || w.project_id, '')
		FROM networks w WHERE w.id BETWEEN $1 AND $2 ORDER BY w.id`)
}

// Projects are the names of projects.
func (n *Names) Projects() ([]Name, error) {
	return n.find(fmt.Sprintf("project_id, description FROM projects WHERE project_id >= $1 AND project_id < $2 ORDER BY project_id LIMIT %d", MostNames),
		n.from, n.after())
}

// Hosts are the names of network nodes.
func (n *Names) Hosts() ([]Name, error) {
	return n.find("name, NULL FROM "+different("networks", "host")+" UNION SELECT name, NULL FROM "+different("floating_ranges", "host")+" ORDER BY 1",
		n.from, n.after())
}

// Machines are the names of what instances run on, as far as the latest instances tell.
func (n *Names) Machines() ([]Name, error) {
	return n.find(fmt.Sprintf(`DISTINCT host, NULL FROM (SELECT host FROM instances ORDER BY id DESC LIMIT %d) AS latest
		WHERE host >= $1 AND host < $2 ORDER BY host LIMIT %d`, mostPassed, MostNames), n.from, n.after())
}

// Pools are the names of floating pools.
func (n *Names) Pools() ([]Name, error) {
	return n.find("name, NULL FROM "+different("floating_ranges", "pool"), n.from, n.after())
}

// Bridges are the names of bridges.
func (n *Names) Bridges() ([]Name, error) {
	return n.find(fmt.Sprintf("bridge, cidr_v6 FROM bridges WHERE bridge >= $1 AND bridge < $2 ORDER BY bridge LIMIT %d", MostNames), n.from, n.after())
}

// FloatingRanges are the ranges of public addresses.
func (n *Names) FloatingRanges() ([]Name, error) {
	return n.placed("cidr, 'pool ' || pool || ', host ' || host FROM floating_ranges WHERE first BETWEEN $1 AND $2 ORDER BY first")
}

// FloatingAddresses are the public addresses that instances have.
func (n *Names) FloatingAddresses() ([]Name, error) {
	// CROSS JOIN is a join of which SQLite keeps the order: fixed addresses, of which there may be millions, are not walked along.
	return n.placed(`a.address, i.project_id || '/' || i.name FROM floating_ranges r CROSS JOIN addresses a JOIN instances i ON i.id = a.instance_id
		WHERE r.first <= $2 AND r.last >= $1 AND a.claim = r.first AND a.state = 'held' AND a.first BETWEEN $1 AND $2 ORDER BY a.first`)
}

// Instances are the names of instances, PROJECT/NAME where several projects have one; their numbers, MACs and fixed addresses
// where that is what is being typed.
func (n *Names) Instances() (all []Name, err error) {
	const (
		about  = "'instance ' || i.id || ' of ' || i.project_id || coalesce(', ' || i.fixed_ip, ', ' || i.fixed_ip_v6, '')"
		shared = "EXISTS (SELECT 1 FROM instances o WHERE o.name = i.name AND o.project_id <> i.project_id)"
	)
	add := func(some []Name, failed error) {
		all = append(all, some...)
		if err == nil {
			err = failed
		}
	}
	project, name, qualified := strings.Cut(n.from, "/")
	if qualified {
		return n.find(fmt.Sprintf(`i.project_id || '/' || i.name, `+about+` FROM instances i
			WHERE i.project_id = $1 AND i.name >= $2 AND i.name < $3 ORDER BY i.name LIMIT %d`, MostNames), project, name, name+"\U0010ffff")
	}
	add(n.find(fmt.Sprintf(`i.name, `+about+` FROM (
			SELECT * FROM instances WHERE name >= $1 AND name < $2 ORDER BY name LIMIT %d
		) AS i WHERE NOT `+shared+` ORDER BY i.name LIMIT %d`, mostPassed, MostNames), n.from, n.after()))
	add(n.find(fmt.Sprintf(`i.project_id || '/' || i.name, `+about+` FROM (
			SELECT * FROM instances WHERE project_id >= $1 AND project_id < $2 ORDER BY project_id, name LIMIT %d
		) AS i WHERE `+shared+` ORDER BY i.project_id, i.name LIMIT %d`, mostPassed, MostNames), n.from, n.after()))
	if n.from == "" {
		return all, err
	}
	add(n.numbered(`CAST(i.id AS TEXT), i.project_id || '/' || i.name FROM instances i WHERE i.id BETWEEN $1 AND $2 ORDER BY i.id`))
	add(n.find(fmt.Sprintf(`i.mac_address, i.project_id || '/' || i.name FROM instances i WHERE i.mac_address >= $1 AND i.mac_address < $2
		ORDER BY i.mac_address LIMIT %d`, MostNames), n.from, n.after()))
	add(n.placed(fmt.Sprintf(`a.address, i.project_id || '/' || i.name FROM (
			SELECT * FROM addresses WHERE first BETWEEN $1 AND $2 ORDER BY first LIMIT %d
		) AS a JOIN instances i ON i.id = a.instance_id WHERE a.state = 'held' ORDER BY a.first`, mostPassed)))
	return all, err
}

// ProjectOf is the project of the instance that ref names. Errors: see FindInstances.
func (n *Names) ProjectOf(ref string) (string, error) {
	i, err := n.t.findInstance(n.ctx, ref)
	return i.ProjectID, err
}

// Groups are the security groups of a project, by their names; where project is "", those of all projects, as PROJECT/NAME.
func (n *Names) Groups(project string) ([]Name, error) {
	if project != "" {
		return n.find(fmt.Sprintf("name, description FROM security_groups WHERE project_id = $1 AND name >= $2 AND name < $3 ORDER BY name LIMIT %d", MostNames),
			project, n.from, n.after())
	}
	qualified := "project_id || '/' || name, description FROM security_groups WHERE "
	if project, name, ok := strings.Cut(n.from, "/"); ok {
		return n.find(fmt.Sprintf(qualified+"project_id = $1 AND name >= $2 AND name < $3 ORDER BY name LIMIT %d", MostNames), project, name, name+"\U0010ffff")
	}
	return n.find(fmt.Sprintf(qualified+"project_id >= $1 AND project_id < $2 ORDER BY project_id, name LIMIT %d", MostNames), n.from, n.after())
}

// Changes are the numbers of changes, the latest first, and the command of each.
func (n *Names) Changes() ([]Name, error) {
	return n.numbered("CAST(c.number AS TEXT), c.at || ' ' || c.command FROM changes c WHERE c.number BETWEEN $1 AND $2 ORDER BY c.number DESC")
}
