package db

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"net/netip"
	"strconv"
	"strings"
	"time"

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

// DNSNameV6 is what it answered as dnsNameV6: the instance's global address.
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

var instanceColumns = []string{"id", "first", "name", "project_id", "network_id", "mac_address", "fixed_ip", "fixed_ip_v6", "host", "created_at"}

func (i Instance) values(v []any) {
	v[0], v[1], v[2], v[3], v[4], v[5] = i.ID, key(i.first()), i.Name, i.ProjectID, i.NetworkID, i.MAC.String()
	v[6], v[7], v[8], v[9] = addrText(i.FixedIP), addrText(i.FixedIPv6), text(i.Host), formatTime(i.CreatedAt)
}

// Names hold no line break, so one separates them.
const selectInstances = `SELECT i.id, i.name, i.project_id, i.network_id, i.mac_address, i.fixed_ip, i.fixed_ip_v6, i.host, i.created_at,
	(SELECT a.address FROM addresses a JOIN claims c ON c.first = a.claim
		WHERE a.instance_id = i.id AND c.kind = 'floating' AND a.address NOT LIKE '%:%'),
	(SELECT a.address FROM addresses a JOIN claims c ON c.first = a.claim
		WHERE a.instance_id = i.id AND c.kind = 'floating' AND a.address LIKE '%:%'),
	(SELECT string_agg(g.name, '
' ORDER BY g.name) FROM instance_security_groups m JOIN security_groups g ON g.id = m.group_id WHERE m.instance_id = i.id)
	FROM instances i`

func scanInstance(rows *sql.Rows) (i Instance, err error) {
	var mac, created string
	var fixed, fixed6, host, floating, floating6, groups sql.NullString
	if err := rows.Scan(&i.ID, &i.Name, &i.ProjectID, &i.NetworkID, &mac, &fixed, &fixed6, &host, &created,
		&floating, &floating6, &groups); err != nil {
		return i, err
	}
	i.Host = host.String
	if groups.String != "" {
		i.SecurityGroups = strings.Split(groups.String, "\n")
	}
	var p parser
	p.addr(&i.FixedIP, fixed)
	p.addr(&i.FixedIPv6, fixed6)
	p.addr(&i.FloatingIP, floating)
	p.addr(&i.FloatingIPv6, floating6)
	p.time(&i.CreatedAt, sql.NullString{String: created, Valid: true})
	if p.err == nil {
		i.MAC, p.err = netcalc.ParseMAC(mac)
	}
	if p.err != nil {
		return i, fmt.Errorf("instance %s: %w", i.EC2ID(), p.err)
	}
	return i, nil
}

// InstanceFilter chooses instances; a zero field lets all pass.
type InstanceFilter struct {
	ProjectID string
	Network   string // a NETWORK, as FindNetworks takes it
	Host      string
}

// Instances yields instances in the order of their fixed addresses, one row in memory at a time. Errors: ErrNotFound for
// a network that is not there.
func (s *Store) Instances(ctx context.Context, f InstanceFilter) iter.Seq2[Instance, error] {
	var conditions []string
	var args []any
	add := func(column string, value any) {
		args = append(args, value)
		conditions = append(conditions, fmt.Sprintf("%s = $%d", column, len(args)))
	}
	if f.Network != "" {
		found, err := s.FindNetworks(ctx, f.Network)
		if err != nil {
			return func(yield func(Instance, error) bool) { yield(Instance{}, err) }
		}
		add("i.network_id", found[0].ID)
	}
	if f.ProjectID != "" {
		add("i.project_id", f.ProjectID)
	}
	if f.Host != "" {
		add("i.host", f.Host)
	}
	where := ""
	if conditions != nil {
		where = " WHERE " + strings.Join(conditions, " AND ")
	}
	return stream(ctx, s, scanInstance, selectInstances+where+" ORDER BY i.first", args...)
}

// FindInstances returns the instances that refs name, in the order of refs, each once. A ref is a name (PROJECT/NAME
// where it is not unique), an id (i-00000001), a MAC or an address, fixed or floating. Errors: ErrNotFound, and
// ErrConflict for a name that several projects have.
func (s *Store) FindInstances(ctx context.Context, refs ...string) (found []Instance, err error) {
	err = s.view(ctx, func(ctx context.Context, t *tx) error {
		found, err = t.findInstances(ctx, refs)
		return err
	})
	return found, err
}

func (t *tx) findInstances(ctx context.Context, refs []string) ([]Instance, error) {
	return eachOnce(refs, func(ref string) (Instance, error) { return t.findInstance(ctx, ref) }, func(i Instance) int64 { return i.ID })
}

func (t *tx) findInstance(ctx context.Context, ref string) (Instance, error) {
	where, args, err := t.instanceRef(ctx, ref)
	if err != nil {
		return Instance{}, err
	}
	found, err := collect(ctx, t, scanInstance, selectInstances+" WHERE "+where+" ORDER BY i.project_id LIMIT 4", args...)
	switch {
	case err != nil:
		return Instance{}, err
	case len(found) == 0:
		return Instance{}, notFoundf("there is no instance %s", quoteRef(ref))
	case len(found) > 1:
		return Instance{}, conflictf("several projects have an instance %s: %s", quoteRef(ref), aFew(found, Instance.qualifiedName)).
			hint("name it PROJECT/NAME, or by its id")
	}
	return found[0], nil
}

// instanceRef translates an INSTANCE argument into a condition on instances.
func (t *tx) instanceRef(ctx context.Context, ref string) (where string, args []any, err error) {
	if id, ok := instanceID(ref); ok {
		return "i.id = $1", []any{id}, nil
	}
	if mac, err := netcalc.ParseMAC(ref); err == nil {
		return "i.mac_address = $1", []any{mac.String()}, nil
	}
	if a, err := netcalc.ParseAddr(ref); err == nil {
		r, ok, err := t.addressAt(ctx, a)
		if err == nil && (!ok || r.state != stateHeld) {
			err = notFoundf("no instance has %s", a)
		}
		return "i.id = $1", []any{r.instance}, err
	}
	if project, name, ok := strings.Cut(ref, "/"); ok {
		return "i.project_id = $1 AND i.name = $2", []any{project, name}, nil
	}
	return "i.name = $1", []any{ref}, nil
}

// instanceID reads i-00000001.
func instanceID(ref string) (int64, bool) {
	digits, ok := strings.CutPrefix(ref, "i-")
	if !ok || len(digits) < 8 {
		return 0, false
	}
	id, err := strconv.ParseInt(digits, 16, 64)
	return id, err == nil && id > 0
}

// CheckInstanceName refuses a name that would be taken for another way to name an instance.
func CheckInstanceName(name string) error {
	if _, ok := instanceID(name); ok {
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

func (t *tx) instanceByID(ctx context.Context, id int64) (Instance, error) {
	i, ok, err := one(ctx, t, scanInstance, selectInstances+" WHERE i.id = $1", id)
	if err == nil && !ok {
		err = corruptf("there is no instance %d, though an address is held by it", id)
	}
	return i, err
}

// DeleteInstances deletes the instances that refs name, all or none, and releases their addresses. Error: ErrNotFound.
func (s *Store) DeleteInstances(ctx context.Context, refs []string) error {
	return s.mutate(ctx, func(ctx context.Context, t *tx) error {
		instances, err := t.findInstances(ctx, refs)
		if err != nil {
			return err
		}
		return t.deleteInstances(ctx, instances)
	})
}

func (t *tx) deleteInstances(ctx context.Context, instances []Instance) error {
	networks := map[int64]bool{}
	for _, i := range instances {
		held, err := collect(ctx, t, scanAddress, selectAddresses+" WHERE instance_id = $1 ORDER BY first", i.ID)
		if err != nil {
			return err
		}
		for _, r := range held {
			if err := t.release(ctx, r, r.First != i.FixedIPv6); err != nil {
				return err
			}
		}
		for _, statement := range []string{
			"DELETE FROM instance_security_groups WHERE instance_id = $1",
			"DELETE FROM instances WHERE id = $1",
		} {
			if _, err := t.ExecContext(ctx, statement, i.ID); err != nil {
				return err
			}
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
	instances, err := collect(ctx, t, scanInstance, selectInstances+" WHERE i.project_id = $1 ORDER BY i.first", project)
	if err != nil {
		return err
	}
	return t.deleteInstances(ctx, instances)
}
