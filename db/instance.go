package db

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// Instance is a port of a virtual machine: a MAC on a network, and the addresses that go with it.
type Instance struct {
	ID             int64
	Name           string
	ProjectID      string
	NetworkID      int64
	MAC            netcalc.MAC
	FixedIP        netip.Addr
	FixedIPv6      netip.Addr // the EUI-64 address, or the one recorded for a guest that does not use EUI-64
	FloatingIP     netip.Addr
	FloatingIPv6   netip.Addr
	Host           string
	SecurityGroups []string
	CreatedAt      time.Time
}

// EC2ID is the instance's id as EC2 wrote it: i- and eight hexadecimal digits.
func (i Instance) EC2ID() string { return fmt.Sprintf("i-%08x", i.ID) }

// DNSName is what EC2's DescribeInstancesV6 answered as dnsName: the public address if there is one, else the fixed one.
func (i Instance) DNSName() netip.Addr {
	if i.FloatingIP.IsValid() {
		return i.FloatingIP
	}
	return i.FixedIP
}

// DNSNameV6 is what stands for dnsNameV6, which was the fixed address in Nova, where none of IPv6 was floating: a floating one is public, and
// comes first here as it does in dnsName.
func (i Instance) DNSNameV6() netip.Addr {
	if i.FloatingIPv6.IsValid() {
		return i.FloatingIPv6
	}
	return i.FixedIPv6
}

// first is where the instance stands in the order of addresses.
func (i Instance) first() netip.Addr {
	if i.FixedIP.IsValid() {
		return i.FixedIP
	}
	return i.FixedIPv6
}

var instanceTable = &sqlstore.Table[Instance]{
	Name: "instances", Alias: "i",
	Columns: []sqlstore.Column[Instance]{
		sqlstore.Col("id", func(i *Instance) *int64 { return &i.ID }, number),
		sqlstore.Derived("first", func(i *Instance) any { return key(i.first()) }),
		sqlstore.Col("name", func(i *Instance) *string { return &i.Name }, text),
		sqlstore.Col("project_id", func(i *Instance) *string { return &i.ProjectID }, text),
		sqlstore.Col("network_id", func(i *Instance) *int64 { return &i.NetworkID }, number),
		sqlstore.Col("mac_address", func(i *Instance) *netcalc.MAC { return &i.MAC }, hardware),
		sqlstore.Col("fixed_ip", func(i *Instance) *netip.Addr { return &i.FixedIP }, optAddr),
		sqlstore.Col("fixed_ip_v6", func(i *Instance) *netip.Addr { return &i.FixedIPv6 }, optAddr),
		sqlstore.Col("host", func(i *Instance) *string { return &i.Host }, optText),
		sqlstore.Col("created_at", func(i *Instance) *time.Time { return &i.CreatedAt }, moment),
		sqlstore.Computed(floatingOf("NOT LIKE"), func(i *Instance) *netip.Addr { return &i.FloatingIP }, optAddr),
		sqlstore.Computed(floatingOf("LIKE"), func(i *Instance) *netip.Addr { return &i.FloatingIPv6 }, optAddr),
		sqlstore.Computed(groupsOf, func(i *Instance) *[]string { return &i.SecurityGroups }, lines),
	},
	Describe: func(i *Instance) string { return "instance " + i.EC2ID() },
}

// floatingOf is the floating address of instance i that is like, or not like, IPv6.
func floatingOf(like string) string {
	return `(SELECT a.address FROM addresses a JOIN claims c ON c.first = a.claim
		WHERE a.instance_id = i.id AND c.kind = 'floating' AND a.address ` + like + ` '%:%')`
}

// groupsOf is the names of the security groups of instance i. Names hold no line break, so one separates them.
const groupsOf = `(SELECT string_agg(g.name, '
' ORDER BY g.name) FROM instance_security_groups m JOIN security_groups g ON g.id = m.group_id WHERE m.instance_id = i.id)`

// lines are texts that hold no line break, nil where there is none.
var lines = codecOf(func(from any) ([]string, error) {
	s, err := optText.Read(from)
	if err != nil || s == "" {
		return nil, err
	}
	return strings.Split(s, "\n"), nil
}, nil)

// InstanceFilter chooses instances; a zero field lets all pass, one that names nothing in the ledger is ErrNotFound.
type InstanceFilter struct {
	ProjectID string
	Network   string // a NETWORK, as FindNetworks takes it
	Host      string
	Wanted    Wanted // as InstancesIndexed takes it
}

// Instances yields instances in the order of their fixed addresses, or in the one that is wanted, one row in memory at a time. An error
// ends the sequence.
func (s *Store) Instances(ctx context.Context, f InstanceFilter) iter.Seq2[Instance, error] {
	return stream(ctx, s, func(ctx context.Context, t view) iter.Seq2[Instance, error] {
		if err := (known{project: f.ProjectID, host: f.Host}).check(ctx, t); err != nil {
			return failed[Instance](err)
		}
		var on Network
		if f.Network != "" {
			var err error
			if on, err = t.findNetwork(ctx, f.Network); err != nil {
				return failed[Instance](err)
			}
		}
		return wantedRows(ctx, t, instanceTable, InstancesIndexed, func() *sqlstore.Where {
			where := new(sqlstore.Where).If("i.project_id", f.ProjectID).If("i.host", f.Host)
			if on.ID != 0 {
				where.And("i.network_id = ?", on.ID)
			}
			return where
		}, f.Wanted)
	})
}

// FindInstances returns the instances that refs name, in the order of refs, each once. A ref is a name (PROJECT/NAME
// where it is not unique), an id (i-00000001), a MAC or an address, fixed or floating. Errors: ErrNotFound, and
// ErrConflict for a name that several projects have.
func (s *Store) FindInstances(ctx context.Context, refs ...string) (found []Instance, err error) {
	err = s.view(ctx, func(ctx context.Context, t view) error {
		found, err = t.findInstances(ctx, refs)
		return err
	})
	return found, err
}

func (t view) findInstances(ctx context.Context, refs []string) ([]Instance, error) {
	return eachOnce(refs, func(ref string) (Instance, error) { return t.findInstance(ctx, ref) }, func(i Instance) int64 { return i.ID })
}

func (t view) findInstance(ctx context.Context, ref string) (Instance, error) {
	where, err := t.instanceRef(ctx, ref)
	if err != nil {
		return Instance{}, err
	}
	found, err := instanceTable.All(ctx, t.ReadTx, where.String()+" ORDER BY i.project_id LIMIT 4", where.Args()...)
	switch {
	case err != nil:
		return Instance{}, err
	case len(found) == 0:
		return Instance{}, notFoundf("there is no instance %s", quoteRef(ref))
	case len(found) > 1:
		return Instance{}, conflictf(ErrAmbiguous, "several projects have an instance %s: %s", quoteRef(ref), aFew(found, Instance.qualifiedName)).
			Try(WayQualifyInstance)
	}
	return found[0], nil
}

// instanceRef translates an INSTANCE argument into a condition on instances.
func (t view) instanceRef(ctx context.Context, ref string) (*sqlstore.Where, error) {
	if id, ok := InstanceID(ref); ok {
		return sqlstore.That("i.id = ?", id), nil
	}
	if mac, err := netcalc.ParseMAC(ref); err == nil {
		return sqlstore.That("i.mac_address = ?", mac.String()), nil
	}
	if a, err := netcalc.ParseAddr(ref); err == nil {
		r, ok, err := t.addressAt(ctx, a)
		if err == nil && (!ok || r.state != stateHeld) {
			err = notFoundf("no instance has %s", a)
		}
		return sqlstore.That("i.id = ?", r.instance), err
	}
	if project, name, ok := strings.Cut(ref, "/"); ok {
		return sqlstore.That("i.project_id = ? AND i.name = ?", project, name), nil
	}
	return sqlstore.That("i.name = ?", ref), nil
}

// InstanceID reads i-00000001.
func InstanceID(ref string) (int64, bool) {
	digits, ok := strings.CutPrefix(ref, "i-")
	if !ok || len(digits) < 8 {
		return 0, false
	}
	id, err := strconv.ParseInt(digits, 16, 64)
	return id, err == nil && id > 0
}

// CheckInstanceName refuses a name that would be taken for another way to name an instance.
func CheckInstanceName(name string) error {
	if _, ok := InstanceID(name); ok {
		return invalidf("name %s reads like an instance's id", name)
	}
	if _, err := netcalc.ParseMAC(name); err == nil {
		return invalidf("name %s reads like a MAC", name)
	}
	if _, err := netcalc.ParseAddr(name); err == nil {
		return invalidf("name %s reads like an address", name)
	}
	return nil
}

func (t view) instanceByID(ctx context.Context, id int64) (Instance, error) {
	i, ok, err := instanceTable.One(ctx, t.ReadTx, " WHERE i.id = $1", id)
	if err == nil && !ok {
		err = corruptf("there is no instance %d, though an address is held by it", id)
	}
	return i, err
}

// DeleteInstances deletes the instances that refs name, all or none, and releases their addresses. Error: ErrNotFound.
func (s *Store) DeleteInstances(ctx context.Context, refs []string) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		found, err := eachOnce(refs, func(ref string) (Instance, error) {
			i, err := t.findInstance(ctx, ref)
			return i, t.absent(err)
		}, func(i Instance) int64 { return i.ID })
		if err != nil {
			return err
		}
		return t.deleteInstances(ctx, slices.DeleteFunc(found, func(i Instance) bool { return i.ID == 0 }))
	})
}

func (t *tx) deleteInstances(ctx context.Context, instances []Instance) error {
	networks := map[int64]bool{}
	for _, i := range instances {
		held, err := addressTable.All(ctx, t.ReadTx, " WHERE instance_id = $1 ORDER BY first", i.ID)
		if err != nil {
			return err
		}
		for _, r := range held {
			if err := t.release(ctx, r, r.First != i.FixedIPv6); err != nil {
				return err
			}
		}
		if _, err := t.door.DeleteWhere(ctx, memberTable.Name, sqlstore.That("instance_id = ?", i.ID)); err != nil {
			return err
		}
		if err := instanceTable.Delete(ctx, t.door, &i); err != nil {
			return err
		}
		networks[i.NetworkID] = i.FixedIP.IsValid() || networks[i.NetworkID]
	}
	for id, ipv4 := range networks {
		if !ipv4 {
			continue
		}
		if err := t.setTaken(ctx, Network{ID: id}, takenSome); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) deleteProjectInstances(ctx context.Context, project string) error {
	instances, err := instanceTable.All(ctx, t.ReadTx, " WHERE i.project_id = $1 ORDER BY i.first", project)
	if err != nil {
		return err
	}
	return t.deleteInstances(ctx, instances)
}
