package db

import (
	"context"
	"net/netip"
	"slices"

	"nova-manage/db/internal/sqlstore"
	"nova-manage/netcalc"
)

// NewInstances says which instances CreateInstances makes.
type NewInstances struct {
	// Names are the names, one per instance.
	Names     []string
	ProjectID string
	Host      string
	// Network is a NETWORK as FindNetworks takes it; "" chooses one.
	Network string
	// MAC, FixedIP and FixedIPv6 are for a single instance; zero ones are generated, the next one, and the EUI-64 one.
	MAC       netcalc.MAC
	FixedIP   netip.Addr
	FixedIPv6 netip.Addr
	// SecurityGroups are names in the project; none is the default one.
	SecurityGroups []string
	// IfNotExists takes instances of these names that are there as asked for done.
	IfNotExists bool
}

// Validate finds what can never be right; every error is an ErrInvalid.
func (n NewInstances) Validate() error {
	for _, name := range n.Names {
		if err := CheckInstanceName(name); err != nil {
			return err
		}
	}
	if n.MAC != (netcalc.MAC{}) {
		if err := n.MAC.CheckUnicast(); err != nil {
			return invalid(err)
		}
	}
	return checkSingle(len(n.Names), onlyOne{"mac", n.MAC != (netcalc.MAC{})}, onlyOne{"fixed_ip", n.FixedIP.IsValid()},
		onlyOne{"fixed_ip_v6", n.FixedIPv6.IsValid()})
}

// onlyOne is a value that only one instance can have.
type onlyOne struct {
	name  string
	given bool
}

func checkSingle(instances int, values ...onlyOne) error {
	for _, v := range values {
		if v.given && instances != 1 {
			return invalidf("%s can be that of 1 instance only, and %d are asked for", v.name, instances)
		}
	}
	return nil
}

// CreateInstances makes instances, all of them or none, and returns them in the order of their names.
//
// Each goes to the network asked for, else to that of the address asked for, else to the first of the project's networks with a free address, else to the first
// network that no project has, which becomes the project's if it is a VLAN. Errors: ErrInvalid as Validate says,
// ErrNotFound for a network or group that is not there, ErrConflict for what is taken, full or over quota.
func (s *Store) CreateInstances(ctx context.Context, n NewInstances) (made []Instance, err error) {
	if err := n.Validate(); err != nil {
		return nil, err
	}
	err = s.mutate(ctx, func(ctx context.Context, t *tx) error {
		made, err = t.createInstances(ctx, n)
		return err
	})
	return made, err
}

func (t *tx) createInstances(ctx context.Context, n NewInstances) ([]Instance, error) {
	if n.IfNotExists {
		return t.createMissing(ctx, n)
	}
	if err := t.useProject(ctx, n.ProjectID); err != nil {
		return nil, err
	}
	if err := t.checkQuota(ctx, n.ProjectID, "instances", int64(len(n.Names))); err != nil {
		return nil, err
	}
	if err := t.checkInstanceNames(ctx, n.ProjectID, n.Names); err != nil {
		return nil, err
	}
	groups, err := t.groupsByName(ctx, n.ProjectID, n.SecurityGroups)
	if err != nil {
		return nil, err
	}
	var made []Instance
	for len(made) < len(n.Names) {
		network, err := t.networkFor(ctx, n, len(made))
		if err != nil {
			return nil, err
		}
		batch, err := t.placeInstances(ctx, n, network, n.Names[len(made):])
		if err != nil {
			return nil, err
		}
		made = append(made, batch...)
		if len(made) < len(n.Names) && (n.Network != "" || len(batch) == 0) {
			return nil, conflictf(ErrExhausted, "%s has %d free addresses, and %d are asked for", network.Name(), len(made), len(n.Names)).
				Try(WayAnotherNetwork)
		}
	}
	per := len(groups)
	if err := memberTable.Insert(ctx, t.door, len(made)*per, func(i int) *member {
		return &member{made[i/per].ID, groups[i%per].ID}
	}); err != nil {
		return nil, err
	}
	// As they are stored, in the order of names, which is that of the ids.
	return instanceTable.All(ctx, t.ReadTx, " WHERE i.id BETWEEN $1 AND $2 ORDER BY i.id", made[0].ID, made[len(made)-1].ID)
}

// checkInstanceNames refuses a name that the project has already, or that is asked for twice.
func (t view) checkInstanceNames(ctx context.Context, project string, names []string) error {
	for batch := range slices.Chunk(names, 500) {
		where := sqlstore.That("project_id = ?", project).In("name", batch)
		taken, there, err := sqlstore.Value[string](ctx, t.ReadTx, "name FROM instances"+where.String()+" ORDER BY name LIMIT 1", where.Args()...)
		if err != nil {
			return err
		}
		if there {
			return conflictf(ErrExists, "project %s has an instance %s", quoteRef(project), quoteRef(taken)).Try(WayAnotherName)
		}
	}
	return nil
}

// networkFor chooses the network of the next instance, after as many were made, and associates it where that is the
// rule.
func (t *tx) networkFor(ctx context.Context, n NewInstances, made int) (network Network, err error) {
	switch {
	case n.Network != "":
		network, err = t.findNetwork(ctx, n.Network)
	case n.FixedIP.IsValid():
		network, err = t.networkAround(ctx, n.FixedIP)
	case n.FixedIPv6.IsValid():
		network, err = t.openNetworkAround(ctx, n.FixedIPv6, n.ProjectID)
	default:
		network, err = t.openNetworkOf(ctx, n, made)
	}
	if err != nil {
		return network, err
	}
	if network.ProjectID != "" && network.ProjectID != n.ProjectID {
		return network, conflictf(ErrInUse, "%s is associated with project %s", network.Name(), quoteRef(network.ProjectID)).
			Try(WayNetworkOfProject, quoteRef(n.ProjectID))
	}
	if network.ProjectID == n.ProjectID || network.Manager != VlanManager {
		return network, nil
	}
	// A VLAN is one tenant's; flat networks are everybody's.
	return t.updateNetwork(ctx, network, NetworkChange{ProjectID: &n.ProjectID})
}

// networkAround returns the network that an IPv4 address is in.
func (t view) networkAround(ctx context.Context, a netip.Addr) (Network, error) {
	c, ok, err := t.claimAround(ctx, a)
	if err != nil {
		return Network{}, err
	}
	if !ok || c.kind != claimNetwork {
		return Network{}, notFoundf("%s is in no network", a)
	}
	return t.networkBy(ctx, "first", key(c.First))
}

// openNetworkAround returns the VLAN's network that an IPv6 address is in or, where networks on a flat bridge share the
// prefix, the oldest of them that the project may use and that has a free address.
func (t view) openNetworkAround(ctx context.Context, a netip.Addr, project string) (Network, error) {
	c, ok, err := t.claimAround(ctx, a)
	if err != nil {
		return Network{}, err
	}
	if !ok || c.kind != claimBridge {
		return Network{}, notFoundf("%s is in no network", a)
	}
	n, ok, err := networkTable.One(ctx, t.ReadTx, ` WHERE bridge = (SELECT bridge FROM bridges WHERE first_v6 = $1)
		AND gateway_v6 IS NOT NULL AND (vlan IS NOT NULL OR taken < 2 AND (project_id IS NULL OR project_id = $2)) ORDER BY id LIMIT 1`,
		key(c.First), project)
	if err == nil && !ok {
		err = conflictf(ErrExhausted, "no network with %s has an address left for project %s", c.prefix, quoteRef(project))
	}
	return n, err
}

// openNetworkOf returns the first network of the project, or else of nobody, that has a free address; made is how many
// instances found one before.
func (t view) openNetworkOf(ctx context.Context, n NewInstances, made int) (Network, error) {
	// project_id is the same in all of them, yet PostgreSQL does not see that of IS NULL, and would sort them all.
	const open = " AND taken < 2 ORDER BY project_id, first LIMIT 1"
	network, ok, err := networkTable.One(ctx, t.ReadTx, " WHERE project_id = $1"+open, n.ProjectID)
	if err != nil || ok {
		return network, err
	}
	network, ok, err = networkTable.One(ctx, t.ReadTx, " WHERE project_id IS NULL"+open)
	if err != nil || ok {
		return network, err
	}
	full := conflictf(ErrExhausted, "no network has an address left for project %s", quoteRef(n.ProjectID))
	if made > 0 {
		full = conflictf(ErrExhausted, "only %d of the %d addresses asked for are left for project %s", made, len(n.Names), quoteRef(n.ProjectID))
	}
	return Network{}, full.Try(WayCreateNetwork)
}

// placeInstances gives as many instances as possible, in the order of names, their MACs and addresses on a network, and
// records both.
func (t *tx) placeInstances(ctx context.Context, n NewInstances, network Network, names []string) ([]Instance, error) {
	addrs, reused, err := t.takeFixed(ctx, n, network, len(names))
	if err != nil {
		return nil, err
	}
	if network.CIDR.IsValid() {
		names = names[:len(addrs)]
	}
	id, err := t.nextNumbers(ctx, "instance", len(names))
	if err != nil {
		return nil, err
	}
	macs, err := t.macSource(ctx, network, n.MAC)
	if err != nil {
		return nil, err
	}
	made := make([]Instance, len(names))
	for i, name := range names {
		made[i] = Instance{ID: id + int64(i), Name: name, ProjectID: n.ProjectID, NetworkID: network.ID, Host: n.Host, CreatedAt: t.Now()}
		if network.CIDR.IsValid() {
			made[i].FixedIP = addrs[i]
		}
		if made[i].MAC, made[i].FixedIPv6, err = macs.next(ctx); err != nil {
			return nil, err
		}
		if n.FixedIPv6.IsValid() {
			if err := macs.checkRecorded(ctx, n.FixedIPv6, made[i].MAC); err != nil {
				return nil, err
			}
			made[i].FixedIPv6 = n.FixedIPv6
		}
	}
	if err := instanceTable.Insert(ctx, t.door, len(made), func(i int) *Instance { return &made[i] }); err != nil {
		return nil, err
	}
	return made, t.holdFixed(ctx, network, made, reused)
}

// takeFixed takes IPv4 addresses for count instances, or fewer if there are no more; the last `reused` of them have rows
// already. A network without IPv4 has none.
func (t *tx) takeFixed(ctx context.Context, n NewInstances, network Network, count int) (addrs []netip.Addr, reused int, err error) {
	if !network.CIDR.IsValid() {
		if n.FixedIP.IsValid() {
			return nil, 0, conflictf(ErrUnfit, "%s has no IPv4, so fixed_ip %s is not in it", network.Name(), n.FixedIP)
		}
		return nil, 0, nil
	}
	p, err := t.openNetwork(ctx, network)
	if err != nil {
		return nil, 0, err
	}
	if a := n.FixedIP; a.IsValid() {
		if !network.CIDR.Contains(a) {
			return nil, 0, conflictf(ErrUnfit, "fixed_ip %s is not in %s", a, network.Name())
		}
		if role := network.Role(a); role != "" {
			return nil, 0, conflictf(ErrReserved, "fixed_ip %s is not for guests: %s keeps it (%s)", a, network.Name(), role)
		}
		again, err := t.takeThis(ctx, p, a)
		if again {
			reused = 1
		}
		return []netip.Addr{a}, reused, err
	}
	return t.takeNext(ctx, p, count)
}

// holdFixed records the fixed addresses of new instances; the last `reused` IPv4 ones have rows already.
func (t *tx) holdFixed(ctx context.Context, network Network, made []Instance, reused int) error {
	for _, i := range made[len(made)-reused:] {
		if err := t.hold(ctx, i.FixedIP, network.CIDR.Addr(), i.ID, true); err != nil {
			return err
		}
	}
	var rows []addressRow
	add := func(a netip.Addr, p netip.Prefix, id int64) {
		if a.IsValid() {
			rows = append(rows, addressRow{Span: netcalc.Span{First: a, Last: a}, claim: p.Addr(), state: stateHeld, instance: id})
		}
	}
	for _, i := range made[:len(made)-reused] {
		add(i.FixedIP, network.CIDR, i.ID)
	}
	for _, i := range made {
		add(i.FixedIPv6, network.CIDRv6, i.ID)
	}
	if err := addressTable.Insert(ctx, t.door, len(rows), func(i int) *addressRow { return &rows[i] }); err != nil {
		return err
	}
	return t.noteTaken(ctx, network)
}
